//! The gate itself: every job measured and judged, one after the other, within the time that the run has.
//!
//! A failure of one comparison is its verdict and never the end of the run. Only an interrupt ends it early, and then nothing is
//! judged that was not measured.

use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use crate::config::Config;
use crate::config::Engine;
use crate::config::Gate;
use crate::config::Target;
use crate::hint::Hint;
use crate::measure;
use crate::measure::outputs::Anomaly;
use crate::measure::outputs::Inspector;
use crate::measure::plan::Plan;
use crate::measure::samples::SideMeasurement;
use crate::measure::side::Side;
use crate::model::Format;
use crate::model::compatible;
use crate::pipeline::event::Event;
use crate::pipeline::event::Observer;
use crate::pipeline::facts::Finder;
use crate::pipeline::feed::Feed;
use crate::pipeline::found;
use crate::pipeline::found::Evidence;
use crate::pipeline::found::Found;
use crate::pipeline::found::FoundSide;
use crate::pipeline::interrupt::Interrupt;
use crate::pipeline::plan::Job;
use crate::pipeline::plan::Work;
use crate::pipeline::recall::Cache;
use crate::pipeline::recall::Sessions;
use crate::pipeline::subject::Prepared;
use crate::runtime::LiteRtSettings;
use crate::runtime::SessionSettings;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerOptions;
use crate::runtime::library::Library;
use crate::units::Span;
use crate::verdict;
use crate::verdict::Comparison;
use crate::verdict::Verdict;

/// What executes models.
#[derive(Debug, Clone)]
pub struct Machinery {
    /// How a worker is started.
    pub worker: WorkerCommand,
    /// The library of the engine that runs most of what is run: ONNX Runtime where it is used at all.
    pub library: Library,
    /// LiteRT's, where TensorFlow Lite models are run.
    pub litert: Option<Library>,
}

impl Machinery {
    /// The library of `engine`. Where none was made ready, the other one's, which its worker refuses by name.
    pub fn library_of(&self, engine: Engine) -> &Library {
        match engine {
            Engine::OnnxRuntime => &self.library,
            Engine::LiteRt => self.litert.as_ref().unwrap_or(&self.library),
        }
    }
}

impl Machinery {
    /// `settings`, where their engine runs models in `format`; otherwise the same for the engine that does, on this machine's processor. A
    /// `signature` is run instead of that of `settings`.
    pub fn settings_for(&self, format: Format, signature: Option<&str>, settings: &SessionSettings) -> SessionSettings {
        let mut settings = settings.clone();
        if let Some(signature) = signature {
            settings.litert.signature = Some(signature.to_owned());
        }
        match compatible::engine_of(format) {
            Some(engine) if engine != settings.target.engine() => SessionSettings {
                library: self.library_of(engine).path.clone(),
                target: Target::usual(engine),
                ..settings
            },
            _ => settings,
        }
    }
}

/// A job and what came of it.
#[derive(Debug)]
pub struct Done {
    /// The job.
    pub job: Job,
    /// What was found out about it.
    pub found: Found,
    /// What it means.
    pub comparison: Comparison,
}

/// Somebody asked the run to end.
#[derive(Debug, thiserror::Error)]
#[error("interrupted before everything was measured")]
pub struct Interrupted;

impl Hint for Interrupted {
    fn hints(&self) -> Vec<String> {
        vec!["nothing was judged and no file was left half-written; run it again for a verdict".to_owned()]
    }
}

/// How a run measures and judges.
pub struct Setting<'a> {
    /// How to measure.
    pub config: &'a Config,
    /// The limits: the base's, in a pull request.
    pub gate: &'a Gate,
    /// What executes models.
    pub machinery: &'a Machinery,
    /// Asked between steps.
    pub interrupt: &'a Interrupt,
    /// Stored benchmarks to judge by instead of measuring, where there are enough.
    pub cache: Option<&'a Cache<'a>>,
    /// How many comparisons are measured elsewhere in the same run, at most: the error of calling a regression is shared with them.
    pub elsewhere: usize,
    /// The config's folder, which reasons name files from.
    pub folder: &'a Path,
}

/// Measures and judges every job.
pub fn run(jobs: Vec<Job>, setting: &Setting<'_>, observer: &mut Observer<'_>) -> Result<Vec<Done>, Interrupted> {
    let measured = jobs.iter().filter(|job| !matches!(job.work, Work::Settled(_))).count();
    let mut time = Time::new(setting, measured);
    if measured > 0 {
        observer(Event::Planned {
            comparisons: measured,
            each: Span(time.share()),
            total: setting.config.measure.total_budget,
        });
    }
    let mut empty_session_bytes = None;
    let mut facts = Finder::default();
    let mut done = Vec::with_capacity(jobs.len());
    for job in jobs {
        if setting.interrupt.is_raised() {
            return Err(Interrupted);
        }
        let mut plan = Plan::new(setting.gate, &setting.config.measure, measured + setting.elsewhere);
        plan.empty_session_bytes = empty_session_bytes;
        plan.time_budget = time.share();
        plan.stop = setting.interrupt.stop();
        let counts = !matches!(job.work, Work::Settled(_));
        let finished = one(job, setting, &plan, &mut facts, observer);
        if setting.interrupt.is_raised() {
            // A worker that the same signal ended is no verdict on its model.
            return Err(Interrupted);
        }
        time.used(counts);
        empty_session_bytes = empty_session_bytes
            .or(finished.found.pair().and_then(|pair| pair.empty_session_bytes))
            .or(finished.found.alone().and_then(|alone| alone.empty_session_bytes));
        observer(Event::Judged(&finished.comparison));
        done.push(finished);
    }
    settle(&mut done, setting);
    Ok(done)
}

/// What the comparisons mean together.
fn settle(done: &mut [Done], setting: &Setting<'_>) {
    let mut comparisons: Vec<Comparison> = done.iter().map(|entry| entry.comparison.clone()).collect();
    let found: Vec<&Found> = done.iter().map(|entry| &entry.found).collect();
    found::settle(
        &found,
        &mut comparisons,
        setting.gate,
        setting.config.measure.strict_output,
    );
    for (entry, comparison) in done.iter_mut().zip(comparisons) {
        entry.comparison = comparison;
    }
}

/// Shares the run's time out: to each comparison at most its own budget, and no more than its part of what is left.
struct Time {
    started: Instant,
    total: Duration,
    each: Duration,
    left: usize,
}

impl Time {
    fn new(setting: &Setting<'_>, comparisons: usize) -> Self {
        let measure = &setting.config.measure;
        Self {
            started: Instant::now(),
            total: measure.total_budget.0,
            each: measure.time_budget.0,
            left: comparisons,
        }
    }

    fn share(&self) -> Duration {
        let remaining = self.total.saturating_sub(self.started.elapsed());
        let part = remaining / u32::try_from(self.left.max(1)).unwrap_or(u32::MAX);
        self.each.min(part)
    }

    fn used(&mut self, counts: bool) {
        if counts {
            self.left = self.left.saturating_sub(1);
        }
    }
}

fn one(job: Job, setting: &Setting<'_>, plan: &Plan, facts: &mut Finder, observer: &mut Observer<'_>) -> Done {
    let mut found = Found::of(&job);
    let mut step = Step {
        setting,
        plan,
        observer,
        anomalies: Vec::new(),
        notes: Vec::new(),
    };
    let mut know = |side: &mut Option<FoundSide>, prepared: &Prepared, feed: &Feed| {
        if let Some(side) = side {
            side.facts = Some(facts.find(prepared, &feed.inputs, setting.gate));
        }
    };
    let measured = match (&job.work, &job.candidate) {
        (Work::Settled(comparison), _) => Ok(Evidence::settled(comparison)),
        (Work::Pair { baseline, feed, .. }, Some(candidate)) => {
            let measured = pair(&job, candidate, baseline, feed, &mut step);
            if measured.is_ok() {
                know(&mut found.baseline, baseline, feed);
                know(&mut found.candidate, candidate, feed);
            }
            measured
        }
        (
            Work::Alone {
                feed,
                otherwise,
                reason,
                ..
            },
            Some(candidate),
        ) => alone(&job, candidate, feed, &mut step).map(|(measurement, top1)| {
            know(&mut found.candidate, candidate, feed);
            Evidence::Alone {
                measurement: Box::new(measurement),
                top1,
                otherwise: *otherwise,
                reason: reason.clone(),
            }
        }),
        (Work::Pair { .. } | Work::Alone { .. }, None) => Ok(Evidence::Settled {
            verdict: Verdict::Error,
            reason: "the candidate was not made ready".to_owned(),
            hints: Vec::new(),
        }),
    };
    let evidence = measured.unwrap_or_else(|error| Evidence::settled(&verdict::judge_failure(&job.key, &error)));
    found.evidence = evidence.within(setting.folder);
    found.anomalies = step.anomalies;
    found.notes.extend(step.notes);
    Done {
        comparison: found.judge(setting.gate),
        found,
        job,
    }
}

/// A side of the job's target.
pub fn side(prepared: &Prepared, job: &Job, feed: &Feed, setting: &Setting<'_>) -> Side {
    Side {
        artifact: prepared.artifact.clone(),
        settings: settings_of(job, setting),
        inputs: feed.inputs.clone(),
    }
}

fn settings_of(job: &Job, setting: &Setting<'_>) -> SessionSettings {
    let mut settings = session_settings(setting.config, setting.machinery, job.target);
    let model = job.model_index.and_then(|index| setting.config.models.get(index));
    settings.litert.signature = model.and_then(|model| model.signature.clone());
    settings
}

/// How sessions on `target` are set up.
pub fn session_settings(config: &Config, machinery: &Machinery, target: Target) -> SessionSettings {
    SessionSettings {
        library: machinery.library_of(target.engine()).path.clone(),
        target,
        threads: config.measure.threads,
        graph_optimization: config.runtime.graph_optimization,
        execution_mode: config.runtime.execution_mode,
        arena: true,
        litert: LiteRtSettings::of(&config.runtime),
    }
}

fn worker_options(plan: &Plan) -> WorkerOptions {
    WorkerOptions {
        cores: None,
        timeout: plan.worker_timeout,
        memory_limit: plan.memory_limit,
        folders: Vec::new(),
        stop: plan.stop.clone(),
    }
}

/// What measuring one job needs, and what it notices on the way.
struct Step<'a, 'b> {
    setting: &'a Setting<'a>,
    plan: &'a Plan,
    observer: &'a mut Observer<'b>,
    anomalies: Vec<Anomaly>,
    notes: Vec<String>,
}

fn pair(
    job: &Job,
    candidate: &Prepared,
    baseline: &Prepared,
    feed: &Feed,
    step: &mut Step<'_, '_>,
) -> Result<Evidence, measure::error::MeasureError> {
    let baseline = side(baseline, job, feed, step.setting);
    let candidate = side(candidate, job, feed, step.setting);
    let worker = &step.setting.machinery.worker;
    // Outputs first: a model that answers nonsense needs no stopwatch.
    let mut inspector = Inspector::new(&feed.facts);
    let accuracy = measure::accuracy::agreement(
        &baseline,
        &candidate,
        &feed.samples,
        &mut inspector,
        worker,
        &worker_options(step.plan),
    )?;
    step.anomalies = inspector.finish();
    let accuracy = Box::new(accuracy);
    if let Some(sessions) = stored(&baseline, &candidate, step) {
        return Ok(Evidence::Stored {
            sessions: Box::new(sessions),
            accuracy,
        });
    }
    let measurement = measure::compare::compare_pair(&baseline, &candidate, worker, step.plan, &mut |event| {
        (step.observer)(Event::Measuring {
            key: &job.key,
            progress: &event,
        });
    })?;
    Ok(Evidence::Pair {
        measurement: Box::new(measurement),
        accuracy,
    })
}

/// Stored benchmarks that decide; where they are asked for and don't, the reader is told why both sides are measured anew.
fn stored(baseline: &Side, candidate: &Side, step: &mut Step<'_, '_>) -> Option<Sessions> {
    let cache = step.setting.cache?;
    let found = cache.sessions(baseline, candidate).and_then(|sessions| {
        match verdict::undecided_by(&sessions.baseline, &sessions.candidate, step.setting.gate) {
            Some(quantity) => Err(format!("the stored benchmarks do not decide {}", quantity.name())),
            None => Ok(sessions),
        }
    });
    match found {
        Ok(sessions) => {
            step.notes.push(format!(
                "judged by {} stored benchmarks of A and {} of B, made at different times on this machine",
                sessions.baseline.len(),
                sessions.candidate.len()
            ));
            Some(sessions)
        }
        Err(reason) => {
            step.notes.push(format!("measured anew: {reason}"));
            None
        }
    }
}

fn alone(
    job: &Job,
    candidate: &Prepared,
    feed: &Feed,
    step: &mut Step<'_, '_>,
) -> Result<(SideMeasurement, Option<f64>), measure::error::MeasureError> {
    let candidate = side(candidate, job, feed, step.setting);
    let worker = &step.setting.machinery.worker;
    let mut inspector = Inspector::new(&feed.facts);
    let top1 = measure::accuracy::labelled_accuracy(
        &candidate,
        &feed.samples,
        &mut inspector,
        worker,
        &worker_options(step.plan),
    )?;
    step.anomalies = inspector.finish();
    let measurement = measure::alone::measure_alone(&candidate, worker, step.plan, &mut |event| {
        (step.observer)(Event::Measuring {
            key: &job.key,
            progress: &event,
        });
    })?;
    Ok((measurement, top1))
}
