//! The gate itself: every job measured and judged, one after the other, within the time that the run has.
//!
//! A failure of one comparison is its verdict and never the end of the run. Only an interrupt ends it early, and then nothing is
//! judged that was not measured.

use std::time::Duration;
use std::time::Instant;

use crate::config::Config;
use crate::config::Engine;
use crate::config::Gate;
use crate::config::Target;
use crate::hint::Hint;
use crate::measure;
use crate::measure::accuracy::Accuracy;
use crate::measure::op_diff::OpDifference;
use crate::measure::outputs;
use crate::measure::outputs::Anomaly;
use crate::measure::outputs::Inspector;
use crate::measure::plan::Plan;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::SideMeasurement;
use crate::measure::side::Side;
use crate::model::Format;
use crate::model::compatible;
use crate::pipeline::event::Event;
use crate::pipeline::event::Observer;
use crate::pipeline::facts::Finder;
use crate::pipeline::feed::Feed;
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
    /// What it means.
    pub comparison: Comparison,
    /// Both sides' raw samples, where there were two.
    pub pair: Option<PairMeasurement>,
    /// The candidate's raw samples, where it was measured alone.
    pub alone: Option<SideMeasurement>,
    /// The candidate's share of right answers, where the dataset has labels.
    pub top1_accuracy: Option<f64>,
    /// What is odd about the candidate's outputs.
    pub anomalies: Vec<Anomaly>,
    /// The operators that explain a changed latency.
    pub operators: Option<OpDifference>,
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
        let mut plan = Plan::new(setting.gate, &setting.config.measure, measured);
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
            .or(finished.pair.as_ref().and_then(|pair| pair.empty_session_bytes))
            .or(finished.alone.as_ref().and_then(|alone| alone.empty_session_bytes));
        observer(Event::Judged(&finished.comparison));
        done.push(finished);
    }
    judge_family(&mut done, setting.gate);
    if setting.config.measure.strict_output {
        done.iter_mut().for_each(fail_anomalies);
    }
    Ok(done)
}

/// In strict mode an odd output is a violation, whatever the figures say.
fn fail_anomalies(done: &mut Done) {
    let Some(reason) = outputs::failure(&done.anomalies) else {
        return;
    };
    let comparison = &mut done.comparison;
    if comparison.verdict >= Verdict::Regression {
        comparison.reason = Some(match comparison.reason.take() {
            Some(known) => format!("{known}; {reason}"),
            None => reason,
        });
    } else {
        comparison.verdict = Verdict::Regression;
        comparison.reason = Some(reason);
    }
    comparison
        .hints
        .push("without `--strict-output` (`measure.strict_output`) this is a warning only".to_owned());
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

fn judge_family(done: &mut [Done], gate: &Gate) {
    let mut comparisons: Vec<Comparison> = done.iter().map(|entry| entry.comparison.clone()).collect();
    let measurements: Vec<Option<&PairMeasurement>> = done.iter().map(|entry| entry.pair.as_ref()).collect();
    verdict::judge_family(&mut comparisons, &measurements, gate);
    for (entry, comparison) in done.iter_mut().zip(comparisons) {
        entry.comparison = comparison;
    }
}

fn one(job: Job, setting: &Setting<'_>, plan: &Plan, facts: &mut Finder, observer: &mut Observer<'_>) -> Done {
    let mut done = Done {
        comparison: verdict::undecided(&job.key, Verdict::Error, "never measured".to_owned(), Vec::new()),
        job,
        pair: None,
        alone: None,
        top1_accuracy: None,
        operators: None,
        anomalies: Vec::new(),
    };
    let mut step = Step {
        setting,
        plan,
        observer,
        anomalies: Vec::new(),
        notes: Vec::new(),
    };
    done.comparison = match (&done.job.work, &done.job.candidate) {
        (Work::Settled(comparison), _) => comparison.clone(),
        (Work::Pair { baseline, feed, .. }, Some(candidate)) => {
            match pair(&done.job, candidate, baseline, feed, &mut step) {
                Ok((evidence, accuracy)) => {
                    let before = facts.find(baseline, &feed.inputs, setting.gate);
                    let after = facts.find(candidate, &feed.inputs, setting.gate);
                    let both = (&before, &after);
                    done.top1_accuracy = accuracy.candidate_top1;
                    match evidence {
                        Evidence::Measured(measurement) => {
                            let judged =
                                verdict::judge(&done.job.key, &measurement, both, Some(&accuracy), setting.gate);
                            done.pair = Some(*measurement);
                            judged
                        }
                        Evidence::Stored(Sessions { baseline, candidate }) => verdict::judge_sessions(
                            &done.job.key,
                            &baseline,
                            &candidate,
                            both,
                            Some(&accuracy),
                            setting.gate,
                        ),
                    }
                }
                Err(error) => verdict::judge_failure(&done.job.key, &error),
            }
        }
        (
            Work::Alone {
                feed,
                otherwise,
                reason,
                ..
            },
            Some(candidate),
        ) => match alone(&done.job, candidate, feed, &mut step) {
            Ok((measurement, top1)) => {
                let facts = &facts.find(candidate, &feed.inputs, setting.gate);
                let mut comparison = match otherwise {
                    Verdict::Skipped => {
                        verdict::judge_unchanged(&done.job.key, Some(&measurement), facts, setting.gate)
                    }
                    _ => verdict::judge_alone(&done.job.key, &measurement, facts, top1, setting.gate),
                };
                if comparison.verdict == *otherwise {
                    comparison.reason = Some(reason.clone());
                }
                done.top1_accuracy = top1;
                done.alone = Some(measurement);
                comparison
            }
            Err(error) => verdict::judge_failure(&done.job.key, &error),
        },
        (Work::Pair { .. } | Work::Alone { .. }, None) => verdict::undecided(
            &done.job.key,
            Verdict::Error,
            "the candidate was not made ready".to_owned(),
            Vec::new(),
        ),
    };
    done.anomalies = step.anomalies;
    done.job.notes.extend(step.notes);
    done
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

/// What two sides are judged by.
enum Evidence {
    /// Both were measured now, side by side.
    Measured(Box<PairMeasurement>),
    /// Benchmarks that this machine made of each before.
    Stored(Sessions),
}

fn pair(
    job: &Job,
    candidate: &Prepared,
    baseline: &Prepared,
    feed: &Feed,
    step: &mut Step<'_, '_>,
) -> Result<(Evidence, Accuracy), measure::error::MeasureError> {
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
    if let Some(sessions) = stored(&baseline, &candidate, step) {
        return Ok((Evidence::Stored(sessions), accuracy));
    }
    let measurement = measure::compare::compare_pair(&baseline, &candidate, worker, step.plan, &mut |event| {
        (step.observer)(Event::Measuring {
            key: &job.key,
            progress: &event,
        });
    })?;
    Ok((Evidence::Measured(Box::new(measurement)), accuracy))
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
