//! Both sides of one comparison, derived: the candidate's variant, and the baseline's by the same tool from its own source.
//!
//! What deriving has to learn by running a model is taken from the baseline's record where that was learned of the same model with the
//! same data, and learned anew otherwise. A variant that the baseline's model can be made into and the candidate's cannot is a
//! regression, not a failure of the gate.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::model::Model;
use crate::pipeline::baseline::Source;
use crate::pipeline::baseline::manifest::Entry;
use crate::pipeline::calibration::CalibrationData;
use crate::pipeline::derivation;
use crate::pipeline::derivation::DerivationError;
use crate::pipeline::derivation::Deriving;
use crate::pipeline::feed::Feed;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::feed::check_same_inputs;
use crate::pipeline::placement;
use crate::pipeline::plan::BaselineOrigin;
use crate::pipeline::plan::Job;
use crate::pipeline::plan::Work;
use crate::pipeline::search::SearchError;
use crate::pipeline::subject::Prepared;
use crate::pipeline::subject::SubjectError;
use crate::pipeline::trouble::Trouble;
use crate::variant::Evidence;
use crate::variant::Recipe;
use crate::verdict::ComparisonKey;
use crate::verdict::Verdict;
use crate::verdict::undecided;

/// The baseline's source model, loaded once for all variants.
pub(super) enum Base {
    /// It is there.
    Loaded(Box<Model>, Source),
    /// The base never had it.
    Never(String),
    /// It should be there and is not.
    Missing {
        /// Why.
        reason: String,
        /// What to do.
        hints: Vec<String>,
    },
}

/// What deriving both sides takes.
pub(super) struct Sides<'a> {
    /// The candidate's model.
    pub(super) model: &'a Model,
    /// The baseline's.
    pub(super) base: &'a Base,
    /// What recipes that learn are shown; made up where there is none.
    pub(super) calibration: Option<&'a CalibrationData>,
    /// What earlier baselines learned.
    pub(super) known: &'a [Entry],
    /// What runs models.
    pub(super) deriving: &'a Deriving<'a>,
    /// Seeds everything.
    pub(super) seed: u64,
    /// Where shapes of inputs are given.
    pub(super) shapes: ShapeSource,
    /// True where some budget is to be judged even of unchanged models.
    pub(super) judge_unchanged: bool,
    /// What the config alone says of how the model is measured.
    pub(super) configured: &'a Digest,
}

impl Sides<'_> {
    /// Derives what the job compares, and says what is to be done with it. `tell` hears how far deriving is.
    pub(super) fn work(
        &self,
        job: &mut Job,
        recipe: &Recipe,
        feed: &Feed,
        tell: &mut dyn FnMut(derivation::Progress),
    ) -> Result<Work, Trouble> {
        let recipe =
            &placement::recipe_for(recipe, self.model.format, job.target).map_err(|error| Trouble::of(&error))?;
        if recipe.learns() {
            job.calibration = self.calibration.map(|data| data.digest.clone());
        }
        let candidate = match self.derive(self.model, recipe, (job, feed), tell) {
            Ok(candidate) => candidate,
            Err(error) => return self.failed((job, feed), recipe, &error, tell),
        };
        job.notes.clone_from(&candidate.account.notes);
        job.candidate = Some(candidate);
        match self.base {
            Base::Never(reason) => Ok(Work::Alone {
                feed: feed.clone(),
                otherwise: Verdict::NoBaseline,
                reason: reason.clone(),
                source: None,
            }),
            Base::Missing { reason, hints } => Err(Trouble {
                reason: reason.clone(),
                hints: hints.clone(),
            }),
            Base::Loaded(base, source) => self.beside(job, recipe, feed, (base, source), tell),
        }
    }

    fn beside(
        &self,
        job: &Job,
        recipe: &Recipe,
        feed: &Feed,
        (base, source): (&Model, &Source),
        tell: &mut dyn FnMut(derivation::Progress),
    ) -> Result<Work, Trouble> {
        let origin = BaselineOrigin {
            label: source.label.clone(),
            commit: source.commit.clone(),
        };
        if self.is_unchanged(job, base, source, feed) {
            let reason = "same model and settings as the baseline".to_owned();
            return Ok(if self.judge_unchanged {
                Work::Alone {
                    feed: feed.clone(),
                    otherwise: Verdict::Skipped,
                    reason,
                    source: Some(origin),
                }
            } else {
                Work::Settled(undecided(&job.key, Verdict::Skipped, reason, Vec::new()))
            });
        }
        check_same_inputs(self.model, base, self.shapes)?;
        let baseline = self.derive(base, recipe, (job, feed), tell).map_err(|error| {
            let trouble = Trouble::of(&error);
            Trouble {
                reason: format!("the baseline's side: {}", trouble.reason),
                hints: trouble.hints,
            }
        })?;
        Ok(Work::Pair {
            baseline: Box::new(baseline),
            source: origin,
            feed: feed.clone(),
        })
    }

    /// What it means that the candidate's variant cannot be made: a regression where the baseline's can.
    fn failed(
        &self,
        (job, feed): (&Job, &Feed),
        recipe: &Recipe,
        error: &DerivationError,
        tell: &mut dyn FnMut(derivation::Progress),
    ) -> Result<Work, Trouble> {
        let trouble = Trouble::of(error);
        let Base::Loaded(base, _) = self.base else {
            return Err(trouble);
        };
        if !is_of_the_model(error)
            || base.digest == self.model.digest
            || self.derive(base, recipe, (job, feed), tell).is_err()
        {
            return Err(trouble);
        }
        let reason = format!(
            "the baseline's model can be made into `{recipe}`, and this one cannot: {}",
            trouble.reason
        );
        Ok(Work::Settled(undecided(
            &job.key,
            Verdict::Regression,
            reason,
            trouble.hints,
        )))
    }

    /// The variant of one side.
    fn derive(
        &self,
        model: &Model,
        recipe: &Recipe,
        (job, feed): (&Job, &Feed),
        tell: &mut dyn FnMut(derivation::Progress),
    ) -> Result<Prepared, DerivationError> {
        let inputs = feed.inputs.iter();
        let shapes: BTreeMap<String, Vec<u64>> = inputs
            .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
            .collect();
        let fits = |evidence: &Evidence| {
            let mut known = evidence.shapes.iter();
            known.all(|(input, shape)| shapes.get(input).is_none_or(|fed| fed == shape))
        };
        if let Some(evidence) = self.evidence(model, job).filter(|evidence| evidence.iter().all(fits))
            && let Ok(prepared) = derivation::again(model, recipe, self.seed, evidence, self.deriving.objects)
        {
            return Ok(prepared);
        }
        let fed = derivation::Fed {
            calibration: self.calibration,
            shapes: &shapes,
        };
        derivation::derive(model, recipe, self.seed, fed, self.deriving, tell)
    }

    /// What was learned of this very model before: with the same data, or where the baseline's model is another one, with whatever data
    /// its baseline was made with.
    fn evidence(&self, model: &Model, job: &Job) -> Option<&[Evidence]> {
        let is_candidate = model.digest == self.model.digest;
        let recorded = match self.base {
            Base::Loaded(_, source) => source.entries.as_slice(),
            Base::Never(_) | Base::Missing { .. } => &[],
        };
        let entry = recorded.iter().chain(self.known).find(|entry| {
            entry.key.is_sibling(&job.key)
                && entry.source == model.digest
                && (!is_candidate || entry.calibration == job.calibration)
        })?;
        (!entry.evidence.is_empty()).then_some(entry.evidence.as_slice())
    }

    /// Source, calibration, dataset and settings equal the baseline's; the recipe is the key's.
    fn is_unchanged(&self, job: &Job, base: &Model, source: &Source, feed: &Feed) -> bool {
        // Of a bare file the base's config is known, not the lengths; equal models have equal ones.
        let whole = ComparisonKey {
            sequence: None,
            ..job.key.clone()
        };
        // What data lay beside a bare file, the config does not tell.
        let without_data = feed.dataset.is_none() && job.calibration.is_none();
        let like_the_file =
            base.digest == self.model.digest && without_data && source.settings.get(&whole) == Some(self.configured);
        let recorded = source.entries.iter().find(|entry| entry.key == job.key);
        like_the_file
            || recorded.is_some_and(|entry| {
                entry.source == self.model.digest
                    && entry.settings == job.settings
                    && entry.dataset == feed.dataset
                    && entry.calibration == job.calibration
            })
    }
}

/// True where a pass refused the model, or makes nothing accurate enough of it, and nothing around it failed.
fn is_of_the_model(error: &DerivationError) -> bool {
    match error {
        DerivationError::Subject(error) => matches!(error, SubjectError::Variant { .. }),
        DerivationError::Search { source, .. } => {
            matches!(**source, SearchError::OutOfReach { out_of_time: false, .. })
        }
        _ => false,
    }
}
