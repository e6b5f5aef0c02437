//! From config and baseline to a list of jobs: what will be measured, and what is settled without measuring, with the reason.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Config;
use crate::config::ModelConfig;
use crate::config::Target;
use crate::config::defaults::CALIBRATION_SAMPLES;
use crate::digest::Digest;
use crate::files;
use crate::hint::Hint as _;
use crate::model::Model;
use crate::model::ModelError;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::ModelBaseline;
use crate::pipeline::baseline::manifest::Entry;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::build_command;
use crate::pipeline::calibration::CalibrationData;
use crate::pipeline::derivation::Deriving;
use crate::pipeline::derivation::SEARCH_BUDGET;
use crate::pipeline::event::Event;
use crate::pipeline::event::Observer;
use crate::pipeline::feed::Feed;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::feed::Wanted;
use crate::pipeline::feed::feeds;
use crate::pipeline::gate;
use crate::pipeline::gate::Machinery;
use crate::pipeline::interrupt::Interrupt;
use crate::pipeline::part::Part;
use crate::pipeline::sides::Base;
use crate::pipeline::sides::Sides;
use crate::pipeline::subject;
use crate::pipeline::subject::Prepared;
use crate::pipeline::trouble::Trouble;
use crate::pipeline::trouble::chain;
use crate::store::Objects;
use crate::variant::Recipe;
use crate::verdict::Comparison;
use crate::verdict::ComparisonKey;
use crate::verdict::Verdict;
use crate::verdict::undecided;

/// One comparison of the run.
#[derive(Debug)]
pub struct Job {
    /// Which one.
    pub key: ComparisonKey,
    /// The model's place in the config; `None` for one that is no longer there.
    pub model_index: Option<usize>,
    /// The target to run on.
    pub target: Target,
    /// What it was or will be measured with.
    pub settings: Digest,
    /// The candidate, where it could be made ready.
    pub candidate: Option<Prepared>,
    /// The files of the candidate's source model, in the object store.
    pub source_files: Vec<StoredFile>,
    /// The dataset's digest, where there is one.
    pub dataset: Option<Digest>,
    /// The calibration data's digest, where the recipe uses any.
    pub calibration: Option<Digest>,
    /// What is to be done.
    pub work: Work,
    /// What the reader should know of its making.
    pub notes: Vec<String>,
}

/// What a job has to do.
#[derive(Debug)]
pub enum Work {
    /// Measure both sides and judge.
    Pair {
        /// The baseline's variant.
        baseline: Box<Prepared>,
        /// Where it came from.
        source: BaselineOrigin,
        /// How to feed both.
        feed: Feed,
    },
    /// Measure the candidate alone: there is nothing to compare with, or only budgets are left to judge.
    Alone {
        /// How to feed it.
        feed: Feed,
        /// What the comparison is apart from budgets: [`Verdict::NoBaseline`] or [`Verdict::Skipped`].
        otherwise: Verdict,
        /// Why.
        reason: String,
        /// Where the equal baseline came from, for an unchanged one.
        source: Option<BaselineOrigin>,
    },
    /// Nothing to measure.
    Settled(Comparison),
}

/// Where a baseline's variant came from, for the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineOrigin {
    /// For people.
    pub label: String,
    /// The commit, where known.
    pub commit: Option<String>,
}

/// What [`jobs`] needs to know.
pub struct Context<'a> {
    /// What to measure.
    pub config: &'a Config,
    /// The config's folder, which its paths are relative to.
    pub folder: &'a Path,
    /// What to compare with.
    pub baselines: &'a Baselines,
    /// True where some budget is to be judged even of unchanged models.
    pub judge_unchanged: bool,
    /// Where variants are kept.
    pub objects: &'a Objects,
    /// What executes models, where deriving a variant has to learn from runs.
    pub machinery: &'a Machinery,
    /// What earlier baselines learned from runs, besides those of `baselines`.
    pub known: &'a [Entry],
    /// Candidates that lie in the object store already, by model name: they are neither built nor read from their path.
    pub stored: &'a BTreeMap<String, Vec<StoredFile>>,
    /// The environment that `build:` commands start from.
    pub environment: &'a BTreeMap<String, String>,
    /// Asked between steps.
    pub interrupt: &'a Interrupt,
    /// Where shapes of inputs are given.
    pub shapes: ShapeSource,
    /// What this run takes care of, where others take care of the rest.
    pub part: Option<&'a Part>,
}

impl Context<'_> {
    fn takes(&self, model: &str, target: &str, variant: &str) -> bool {
        self.part.is_none_or(|part| part.holds(model, target, variant))
    }
}

/// Every comparison that config and baseline name, in the config's order, removed ones last, sorted.
pub fn jobs(context: &Context<'_>, observer: &mut Observer<'_>) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (index, model) in context.config.models.iter().enumerate() {
        let mut own = model.clone();
        own.targets.retain(|target| {
            own.variants
                .iter()
                .any(|variant| context.takes(&own.name, target.name(), variant))
        });
        own.variants.retain(|variant| {
            own.targets
                .iter()
                .any(|target| context.takes(&own.name, target.name(), variant))
        });
        if !own.targets.is_empty() {
            observer(Event::Preparing { model: &own.name });
            jobs.extend(model_jobs(context, index, &own, observer));
        }
    }
    let mut gone: Vec<&ComparisonKey> = context.baselines.keys();
    gone.retain(|key| context.takes(&key.model, &key.target, &key.variant) && !jobs.iter().any(|job| covers(job, key)));
    gone.sort();
    let removed: Vec<Job> = gone.into_iter().map(|key| removed(key, context)).collect();
    jobs.extend(removed);
    jobs
}

/// True where `job` guards what the baseline has under `key`, or says why it cannot: a key without a length stands for all, as in a
/// config, and so does a candidate that could not even be read.
fn covers(job: &Job, key: &ComparisonKey) -> bool {
    let failed = job.key.sequence.is_none() && job.candidate.is_none();
    job.key.is_sibling(key) && (job.key.sequence == key.sequence || key.sequence.is_none() || failed)
}

fn removed(key: &ComparisonKey, context: &Context<'_>) -> Job {
    let still_named = context.config.models.iter().any(|model| model.name == key.model);
    let reason = match key.sequence {
        Some(length) if still_named => format!(
            "the baseline ({}) has it, and the model is no longer measured with {length} tokens",
            context.baselines.label
        ),
        _ => format!(
            "the baseline ({}) has it and the config no longer names it",
            context.baselines.label
        ),
    };
    let hints = vec!["restore it in the config, or accept that nothing guards it any more".to_owned()];
    let comparison = undecided(key, Verdict::Removed, reason, hints);
    Job {
        key: key.clone(),
        model_index: None,
        target: Target::OnnxRuntimeCpu,
        settings: Digest::of(b""),
        candidate: None,
        source_files: Vec::new(),
        dataset: None,
        calibration: None,
        work: Work::Settled(comparison),
        notes: Vec::new(),
    }
}

fn model_jobs(context: &Context<'_>, index: usize, config: &ModelConfig, observer: &mut Observer<'_>) -> Vec<Job> {
    let candidate = load_candidate(context, config, observer)
        .and_then(|model| entered(model, config).map_err(|error| Trouble::of(&error)));
    let ready = candidate.and_then(|model| {
        let source_files = subject::store_source(&model, context.objects).map_err(|error| Trouble::of(&error))?;
        let wanted = Wanted {
            config,
            folder: context.folder,
            measure: &context.config.measure,
            shapes: context.shapes,
        };
        let feeds = feeds(&wanted, &model)?;
        Ok((model, source_files, feeds))
    });
    let (model, source_files, feeds) = match ready {
        Ok(ready) => ready,
        Err(trouble) => return failed(context, index, config, &trouble),
    };
    let base = load_baseline(context, config);
    let calibration = calibration(context, config, &model);
    let mut jobs = Vec::new();
    for target in &config.targets {
        let configured = settings(context, config, *target);
        let deriving = deriving(context, config, *target);
        let mut sides = Sides {
            model: &model,
            base: &base,
            calibration: None,
            known: context.known,
            deriving: &deriving,
            seed: context.config.measure.seed,
            shapes: context.shapes,
            judge_unchanged: context.judge_unchanged,
            configured: &configured,
        };
        for variant in taken(context, config, *target) {
            for feed in &feeds {
                let mut job = Job {
                    settings: feed.settings(&configured),
                    source_files: source_files.clone(),
                    dataset: feed.dataset.clone(),
                    ..Job::unmeasured(
                        key(config, *target, variant, feed.sequence),
                        index,
                        *target,
                        configured.clone(),
                    )
                };
                let work = recipe(variant, &calibration).and_then(|(recipe, data)| {
                    sides.calibration = data;
                    sides.work(&mut job, &recipe, feed, &mut |progress| {
                        observer(Event::Deriving {
                            model: &config.name,
                            variant,
                            progress: &progress,
                        });
                    })
                });
                job.work = work.unwrap_or_else(|trouble| Work::Settled(trouble.comparison(&job.key)));
                jobs.push(job);
            }
        }
    }
    jobs
}

/// The variants that this run takes care of on a target.
fn taken<'c>(context: &'c Context<'_>, config: &'c ModelConfig, target: Target) -> impl Iterator<Item = &'c String> {
    let variants = config.variants.iter();
    variants.filter(move |variant| context.takes(&config.name, target.name(), variant))
}

/// One comparison a target and variant, all failed for the same reason.
fn failed(context: &Context<'_>, index: usize, config: &ModelConfig, trouble: &Trouble) -> Vec<Job> {
    let mut jobs = Vec::new();
    for target in &config.targets {
        for variant in taken(context, config, *target) {
            let key = key(config, *target, variant, None);
            let settings = settings(context, config, *target);
            let comparison = trouble.clone().comparison(&key);
            let mut job = Job::unmeasured(key, index, *target, settings);
            job.work = Work::Settled(comparison);
            jobs.push(job);
        }
    }
    jobs
}

/// The variant's recipe, and what it is calibrated on where it has to learn anything.
fn recipe<'c>(
    variant: &str,
    calibration: &'c Option<Result<CalibrationData, Trouble>>,
) -> Result<(Recipe, Option<&'c CalibrationData>), Trouble> {
    let recipe = Recipe::parse(variant).map_err(|error| Trouble::of(&error))?;
    match calibration.as_ref().filter(|_| recipe.learns()) {
        None => Ok((recipe, None)),
        Some(Ok(data)) => Ok((recipe, Some(data))),
        Some(Err(trouble)) => Err(trouble.clone()),
    }
}

/// The samples that recipes learn from, where one of the model's variants does: the config's, or made-up ones.
fn calibration(context: &Context<'_>, config: &ModelConfig, model: &Model) -> Option<Result<CalibrationData, Trouble>> {
    let learns = |variant: &String| Recipe::parse(variant).is_ok_and(|recipe| recipe.learns());
    if !config.variants.iter().any(learns) {
        return None;
    }
    let shapes = subject::shape_overrides(&config.inputs);
    Some(match &config.calibration {
        Some(settings) => {
            CalibrationData::open(settings, context.folder, model, &shapes).map_err(|error| Trouble::of(&error))
        }
        None => {
            let seed = context.config.measure.seed;
            CalibrationData::made_up(model, config.task, &shapes, seed, CALIBRATION_SAMPLES)
                .map_err(|error| Trouble::of(&error))
        }
    })
}

/// How models are run while variants are derived.
fn deriving<'a>(context: &'a Context<'_>, model: &ModelConfig, target: Target) -> Deriving<'a> {
    let config = context.config;
    let mut settings = gate::session_settings(config, context.machinery, target);
    settings.litert.signature.clone_from(&model.signature);
    Deriving {
        machinery: context.machinery,
        settings,
        timeout: config.measure.worker_timeout.0,
        search_budget: SEARCH_BUDGET,
        stop: context.interrupt.stop(),
        objects: context.objects,
    }
}

fn key(config: &ModelConfig, target: Target, variant: &str, sequence: Option<u64>) -> ComparisonKey {
    ComparisonKey {
        model: config.name.clone(),
        target: target.name().to_owned(),
        variant: variant.to_owned(),
        sequence,
    }
}

/// What the config alone says of how a model is measured.
fn settings(context: &Context<'_>, config: &ModelConfig, target: Target) -> Digest {
    config.settings_digest(target, &context.config.measure, &context.config.runtime)
}

impl Job {
    fn unmeasured(key: ComparisonKey, model_index: usize, target: Target, settings: Digest) -> Self {
        let comparison = undecided(&key, Verdict::Error, "never looked at".to_owned(), Vec::new());
        Self {
            key,
            model_index: Some(model_index),
            target,
            settings,
            candidate: None,
            source_files: Vec::new(),
            dataset: None,
            calibration: None,
            work: Work::Settled(comparison),
            notes: Vec::new(),
        }
    }
}

fn load_candidate(context: &Context<'_>, config: &ModelConfig, observer: &mut Observer<'_>) -> Result<Model, Trouble> {
    if let Some(files) = context.stored.get(&config.name) {
        return subject::load_stored(files, context.objects).map_err(|error| Trouble::of(&error));
    }
    if let Some(build) = &config.build {
        let request = build_command::Request {
            build,
            folder: context.folder,
            environment: context.environment,
            stop: context.interrupt.flag(),
        };
        build_command::run(&request, &mut |line| {
            observer(Event::BuildOutput {
                model: &config.name,
                line: &line.text,
            });
        })
        .map_err(|error| Trouble::of(&error))?;
    }
    Model::load(&files::beneath(context.folder, &config.path)).map_err(|error| Trouble::of(&error))
}

/// The model, run by the entry point that the config names.
fn entered(model: Model, config: &ModelConfig) -> Result<Model, ModelError> {
    match &config.signature {
        Some(signature) => model.with_signature(signature),
        None => Ok(model),
    }
}

fn load_baseline(context: &Context<'_>, config: &ModelConfig) -> Base {
    match context.baselines.model(&config.name) {
        ModelBaseline::Never { reason } => Base::Never(reason.clone()),
        ModelBaseline::Missing { reason, hints } => Base::Missing {
            reason: reason.clone(),
            hints: hints.clone(),
        },
        ModelBaseline::Source(source) => {
            match subject::load_stored(&source.files, context.objects).and_then(|model| Ok(entered(model, config)?)) {
                Ok(model) => Base::Loaded(Box::new(model), source.clone()),
                Err(error) => Base::Missing {
                    reason: format!("the baseline's model cannot be read: {}", chain(&error)),
                    hints: error.hints(),
                },
            }
        }
    }
}
