//! `mlbuild explore`: every recipe that suits a model derived, checked and measured in pairs with the model itself, within one budget of
//! time; then other settings of the engine for the model and for the best variant.
//!
//! A variant that fails is a row with a reason. An interrupt ends the sweep where it is: what was measured is kept and shown.

mod assemble;
mod cache;
pub mod kept;
mod options;
mod recipes;
mod register;
mod sweep;
mod time;
mod trial;

pub(in crate::pipeline) use cache::named_blobs;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::DatasetConfig;
use crate::config::MeasureConfig;
use crate::config::RuntimeConfig;
use crate::config::Target;
use crate::config::Task;
use crate::files::FileError;
use crate::hint::Hint;
use crate::measure::MeasureError;
use crate::measure::event::Event as Measured;
use crate::measure::outputs;
use crate::model::dataset::DatasetError;
use crate::pipeline::agree::AgreeError;
use crate::pipeline::benchmark::Surroundings;
use crate::pipeline::derivation::Progress;
use crate::pipeline::gate::Interrupted;
use crate::pipeline::method;
use crate::pipeline::method::TargetError;
use crate::pipeline::open::OpenError;
use crate::pipeline::placement::Incompatible;
use crate::report::explore::Asked;
use crate::report::explore::Explored;
use crate::report::explore::LeftOut;
use crate::report::explore::Model;
use crate::report::explore::SCHEMA;
use crate::report::explore::Verdict;
use crate::units::Span;
use crate::variant::Recipe;

use cache::Cache;
use options::OptionTrial;
use sweep::Sweep;
use time::Time;
use trial::Trial;

/// What a variant's measurement weighs when time is shared.
const VARIANT: f64 = 2.0;

/// Deriving and checking takes at most this part of what is left of the time.
const DERIVING: f64 = 0.4;

/// What that of a setting weighs.
const OPTION: f64 = 1.0;

/// What to try.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// A path, a tag, or the beginning of a build's id.
    pub reference: &'a str,
    /// The entry point, of a model with several; the first one where `None`.
    pub signature: Option<String>,
    /// Shapes of inputs, by name.
    pub shapes: BTreeMap<String, Vec<u64>>,
    /// What kind of data it takes.
    pub task: Task,
    /// The recipes; those that suit the model where none are given.
    pub recipes: Vec<Recipe>,
    /// Only `fp16`, and no other settings of the engine.
    pub fast: bool,
    /// A variant below the threshold counts as failed.
    pub check_accuracy: bool,
    /// The least cosine similarity of outputs.
    pub min_cosine: f64,
    /// What static quantization is calibrated with, as the process can open it; made up where there is none.
    pub calibration: Option<DatasetConfig>,
    /// What outputs are compared on; the calibration data, or made-up inputs where there is none.
    pub dataset: Option<DatasetConfig>,
    /// For everything.
    pub budget: Span,
    /// Where to run.
    pub target: Option<Target>,
    /// The engine's settings.
    pub runtime: RuntimeConfig,
    /// Threads, seed and the rest.
    pub measure: MeasureConfig,
    /// Nothing of earlier sweeps counts.
    pub fresh: bool,
    /// When, ISO 8601.
    pub now: String,
}

/// What a sweep tells while it goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// What there is to do.
    Planned {
        /// Recipes to derive.
        variants: usize,
        /// Seconds that everything may take.
        budget: Span,
    },
    /// A step begins.
    Began {
        /// Its number, from 1.
        step: usize,
        /// Steps altogether, as far as it is known by now.
        steps: usize,
        /// The variant, and the setting where it is one.
        name: &'a str,
        /// What is done with it.
        doing: Doing,
        /// What is left of the budget.
        left: Span,
    },
    /// Deriving goes on.
    Deriving(&'a Progress),
    /// A measurement goes on.
    Measuring(&'a Measured),
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Derives and checks a variant.
    Deriving,
    /// Measures.
    Measuring,
}

/// Why there is no sweep.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// The model cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The model cannot be fed.
    #[error(transparent)]
    Feed(#[from] AgreeError),
    /// The target runs models of another format.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// A sample cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The target cannot run one of the recipes.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The model itself does not run, so that nothing can be compared with it.
    #[error("`{label}` could not be run: {}", source.explanation())]
    Baseline {
        /// The model.
        label: String,
        /// Why.
        source: Box<MeasureError>,
    },
    /// Somebody asked it to end before anything was measured.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Hint for ExploreError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Open(error) => error.hints(),
            Self::Feed(error) => error.hints(),
            Self::Dataset(error) => error.hints(),
            Self::Target(error) => error.hints(),
            Self::Incompatible(error) => error.hints(),
            Self::Baseline { source, .. } => source.hints(),
            Self::Interrupted(error) => error.hints(),
        }
    }
}

/// Sweeps the recipes and settings that the request asks for.
pub fn run(
    request: &Request<'_>,
    around: &Surroundings<'_>,
    observer: &mut dyn FnMut(Event<'_>),
) -> Result<Explored, ExploreError> {
    let mut time = Time::of(request.budget.0);
    let sweep = sweep::open(request, around)?;
    let target = sweep.target();
    for recipe in &request.recipes {
        method::check(recipe, target)?;
    }
    let mut warnings = sweep.source.opened.notices.clone();
    warnings.extend(target.proxy_here());
    let opened = &sweep.source.opened;
    let checked = outputs::check(
        &sweep.side(),
        &opened.model.facts,
        &around.machinery.worker,
        &sweep.engine.options(),
    );
    if around.interrupt.is_raised() {
        return Err(Interrupted.into());
    }
    let anomalies = checked.map_err(|source| ExploreError::Baseline {
        label: opened.label.clone(),
        source: Box::new(source),
    })?;
    warnings.extend(anomalies.iter().map(ToString::to_string));
    let cache = sweep::open_cache(&sweep)?;

    let (recipes, mut left_out) = if request.recipes.is_empty() {
        let chosen = recipes::choose(&opened.model, target, request.fast);
        (chosen.recipes, chosen.left_out)
    } else {
        (request.recipes.clone(), Vec::new())
    };
    observer(Event::Planned {
        variants: recipes.len(),
        budget: request.budget,
    });
    let options_each = if request.fast {
        0
    } else {
        options::count(&sweep.engine.settings)
    };
    let mut steps = Steps {
        done: 0,
        all: 2 * recipes.len() + 2 * options_each,
    };
    let mut kept = Kept {
        cache: &cache,
        trouble: None,
    };

    let mut trials = derive(&sweep, &recipes, &mut kept, &time, &mut steps, observer);
    let chosen = !request.recipes.is_empty();
    leave_out_pointless(&mut trials, &mut left_out, chosen);
    measure(
        &sweep,
        &mut trials,
        options_each,
        &mut kept,
        &mut time,
        &mut steps,
        observer,
    );
    let options = try_options(
        &sweep,
        &trials,
        options_each,
        &mut kept,
        &mut time,
        &mut steps,
        observer,
    );

    for warning in trials
        .iter()
        .filter_map(|trial| trial.pair.as_ref())
        .flat_map(|pair| &pair.warnings)
    {
        // One load of many is enough.
        let begins_alike = |other: &String| other.split(':').next() == warning.split(':').next();
        if !warnings.iter().any(begins_alike) {
            warnings.push(warning.clone());
        }
    }
    if let Some(trouble) = kept.trouble {
        warnings.push(format!("nothing of this is kept for the next run: {trouble}"));
    }
    if let Err(error) = register::register(&sweep, &trials) {
        warnings.push(format!("the variants are not in the registry: {error}"));
    }
    Ok(finish(&sweep, &trials, left_out, &options, &time, warnings))
}

/// The number of the step, for whoever watches.
struct Steps {
    done: usize,
    all: usize,
}

impl Steps {
    fn begin(&mut self, name: &str, doing: Doing, time: &Time, observer: &mut dyn FnMut(Event<'_>)) {
        self.done += 1;
        self.all = self.all.max(self.done);
        observer(Event::Began {
            step: self.done,
            steps: self.all,
            name,
            doing,
            left: Span(time.left()),
        });
    }
}

/// The cache, and the first reason for which something could not be kept.
struct Kept<'a> {
    cache: &'a Cache<'a>,
    trouble: Option<FileError>,
}

impl Kept<'_> {
    fn note(&mut self, result: Result<(), FileError>) {
        if let (Err(error), None) = (result, &self.trouble) {
            self.trouble = Some(error);
        }
    }
}

/// Derives and checks every recipe, as far as an earlier sweep has not.
fn derive(
    sweep: &Sweep<'_>,
    recipes: &[Recipe],
    kept: &mut Kept<'_>,
    time: &Time,
    steps: &mut Steps,
    observer: &mut dyn FnMut(Event<'_>),
) -> Vec<Trial> {
    let mut trials = Vec::with_capacity(recipes.len());
    for recipe in recipes {
        let mut trial = Trial::of(recipe);
        steps.begin(&recipe.name(), Doing::Deriving, time, observer);
        kept.cache.fill(&mut trial);
        if trial.made.is_none() && !sweep.around.interrupt.is_raised() {
            let share = time.left().mul_f64(DERIVING);
            trial.make(sweep, share, &mut |progress| observer(Event::Deriving(&progress)));
            if !sweep.around.interrupt.is_raised() {
                kept.note(kept.cache.keep(&trial));
            }
        }
        if trial.made.is_none() && sweep.around.interrupt.is_raised() {
            trial.failure = Some(trial::interrupted());
            trial.is_pointless = false;
        }
        trials.push(trial);
    }
    trials
}

/// Of the default sweep, recipes that find nothing to do are not rows but left out.
fn leave_out_pointless(trials: &mut Vec<Trial>, left_out: &mut Vec<LeftOut>, chosen: bool) {
    if chosen {
        return;
    }
    for trial in trials.iter().filter(|trial| trial.is_pointless) {
        left_out.push(LeftOut {
            recipe: trial.recipe.name(),
            reason: trial
                .failure
                .as_ref()
                .map(|trouble| trouble.reason.clone())
                .unwrap_or_default(),
        });
    }
    trials.retain(|trial| !trial.is_pointless);
}

/// Measures every variant that works, each for its share of the time.
fn measure(
    sweep: &Sweep<'_>,
    trials: &mut [Trial],
    options_each: usize,
    kept: &mut Kept<'_>,
    time: &mut Time,
    steps: &mut Steps,
    observer: &mut dyn FnMut(Event<'_>),
) {
    let open = |trial: &Trial| trial.made.is_some() && trial.pair.is_none();
    time.plan(trials.iter().filter(|trial| open(trial)).count() as f64 * VARIANT);
    time.plan(2.0 * options_each as f64 * OPTION);
    for trial in trials.iter_mut() {
        steps.begin(&trial.recipe.name(), Doing::Measuring, time, observer);
        if !open(trial) {
            continue;
        }
        let share = time.take(VARIANT);
        if sweep.around.interrupt.is_raised() {
            trial.failure = Some(trial::interrupted());
            continue;
        }
        if share.is_zero() {
            trial.fail(out_of_time());
            continue;
        }
        trial.measure(sweep, share, &mut |event| observer(Event::Measuring(&event)));
        kept.note(kept.cache.keep(trial));
    }
}

fn out_of_time() -> String {
    "not measured: the time was up; give more with `--budget`, and what was measured counts again".to_owned()
}

/// Tries other settings of the engine on the model itself and on the best variant.
fn try_options(
    sweep: &Sweep<'_>,
    trials: &[Trial],
    options_each: usize,
    kept: &mut Kept<'_>,
    time: &mut Time,
    steps: &mut Steps,
    observer: &mut dyn FnMut(Event<'_>),
) -> Vec<OptionTrial> {
    if options_each == 0 || sweep.around.interrupt.is_raised() {
        return Vec::new();
    }
    let usual = &sweep.engine.settings;
    let baseline = &sweep.source.opened.artifact;
    let mut found = options::options(&sweep.baseline_name, baseline, usual);
    match best(sweep, trials) {
        Some((recipe, artifact)) => found.extend(options::options(&recipe, &artifact, usual)),
        None => {
            time.take(options_each as f64 * OPTION);
        }
    }
    for option in &mut found {
        let name = format!("{}, {}", option.recipe, option.setting);
        steps.begin(&name, Doing::Measuring, time, observer);
        kept.cache.fill_option(option);
        let share = time.take(OPTION);
        if option.pair.is_some() {
            continue;
        }
        if sweep.around.interrupt.is_raised() {
            option.failure = Some(trial::interrupted());
        } else if share.is_zero() {
            option.failure = Some(crate::pipeline::trouble::Trouble {
                reason: out_of_time(),
                hints: Vec::new(),
            });
        } else {
            option.measure(sweep, share, &mut |event| observer(Event::Measuring(&event)));
            kept.note(kept.cache.keep_option(option));
        }
    }
    found
}

/// The variant that would be recommended.
fn best(sweep: &Sweep<'_>, trials: &[Trial]) -> Option<(String, crate::runtime::Artifact)> {
    let judged = assemble::judge(sweep, trials);
    let recommended = crate::verdict::tradeoff::Word::Recommended;
    let place = judged
        .variants
        .iter()
        .position(|judgement| judgement.word == recommended)?;
    let trial = trials.get(place)?;
    let artifact = trial.made.as_ref()?.artifact(sweep.around.workspace.objects()).ok()?;
    Some((trial.recipe.name(), artifact))
}

fn finish(
    sweep: &Sweep<'_>,
    trials: &[Trial],
    left_out: Vec<LeftOut>,
    options: &[OptionTrial],
    time: &Time,
    warnings: Vec<String>,
) -> Explored {
    let request = sweep.request;
    let opened = &sweep.source.opened;
    let judged = assemble::judge(sweep, trials);
    let mut variants = vec![assemble::baseline(sweep, trials, judged.baseline_on_front)];
    variants.extend(
        trials
            .iter()
            .zip(&judged.variants)
            .map(|(trial, judgement)| assemble::row(sweep, trial, judgement)),
    );
    let measured = trials.iter().find_map(|trial| trial.pair.as_ref());
    let runtime_version = measured.map(|pair| pair.runtime_version.clone()).or_else(|| {
        sweep
            .around
            .machinery
            .library_of(sweep.target().engine())
            .version
            .clone()
    });
    debug_assert!(variants.iter().filter(|row| row.verdict == Verdict::Baseline).count() == 1);
    Explored {
        schema: SCHEMA,
        model: Model {
            name: opened.label.clone(),
            reference: request.reference.to_owned(),
            digest: opened.model.digest.to_string(),
            inputs: assemble::shapes(sweep),
        },
        target: sweep.target().name().to_owned(),
        runtime_version: runtime_version.unwrap_or_default(),
        tool_version: crate::VERSION.to_owned(),
        machine: sweep.around.machine.clone(),
        measured_at: request.now.clone(),
        asked: Asked {
            budget_seconds: request.budget.0.as_secs_f64(),
            recipes: request.recipes.iter().map(Recipe::name).collect(),
            fast: request.fast,
            check_accuracy: request.check_accuracy,
            cosine_threshold: request.min_cosine,
            threads: request.measure.threads,
            options: options::described(&sweep.engine.settings),
            seed: request.measure.seed,
            accuracy_samples: sweep.source.samples.len(),
            real_samples: sweep.source.is_real,
            calibration: request
                .calibration
                .as_ref()
                .map(|calibration| calibration.path.display().to_string()),
        },
        front: assemble::front(&variants),
        variants,
        left_out,
        options: options.iter().map(assemble::option_row).collect(),
        seconds: time.seconds(),
        interrupted: sweep.around.interrupt.is_raised(),
        warnings,
    }
}

/// What a sweep takes where nothing else is said; with `--fast` a sixth of it.
pub const BUDGET: Duration = Duration::from_secs(150);

/// The budget of a fast sweep.
pub const FAST_BUDGET: Duration = Duration::from_secs(20);
