//! `mlbuild benchmark`: one model of the desk in every setting that was asked for, in turns, without anything to compare with.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::RuntimeConfig;
use crate::config::Target;
use crate::config::Task;
use crate::hint::Hint;
use crate::machine::Fingerprint;
use crate::measure;
use crate::measure::MeasureError;
use crate::measure::SideMeasurement;
use crate::measure::bench::BenchError;
use crate::measure::bench::Course;
use crate::measure::bench::Step;
use crate::measure::disturbance;
use crate::measure::outputs;
use crate::measure::outputs::Anomaly;
use crate::measure::plan::Plan;
use crate::measure::side::Side;
use crate::model::Model;
use crate::model::inputs;
use crate::model::inputs::InputError;
use crate::model::inputs::Made;
use crate::model::inputs::ResolvedSpec;
use crate::pipeline::gate::Interrupted;
use crate::pipeline::gate::Machinery;
use crate::pipeline::interrupt::Interrupt;
use crate::pipeline::open;
use crate::pipeline::open::OpenError;
use crate::pipeline::open::Opened;
use crate::pipeline::placement;
use crate::pipeline::placement::Incompatible;
use crate::pipeline::workspace::Workspace;
use crate::report::benchmark::Asked;
use crate::report::benchmark::Benchmark;
use crate::report::benchmark::Row;
use crate::report::benchmark::SCHEMA;
use crate::report::benchmark::TaskView;
use crate::report::benchmark::compare_rows;
use crate::runtime::LiteRtSettings;
use crate::runtime::SessionSettings;
use crate::runtime::WorkerError;
use crate::runtime::WorkerOptions;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// A path, a tag, or the beginning of a build's id.
    pub reference: &'a str,
    /// Shapes of inputs, by name.
    pub shapes: BTreeMap<String, Vec<u64>>,
    /// What kind of data it takes.
    pub task: Task,
    /// Lengths of sequences; the model's own ladder where empty.
    pub sequences: Vec<u64>,
    /// Sizes of batches; the model's own, or 1, where empty.
    pub batches: Vec<u64>,
    /// Threads inside an operator; at least one entry.
    pub threads: Vec<usize>,
    /// The entry point, of a model with several; the first one where `None`.
    pub signature: Option<String>,
    /// Where to run.
    pub target: Option<Target>,
    /// The engine's settings.
    pub runtime: RuntimeConfig,
    /// How much of it.
    pub course: Course,
    /// The plan that worker limits and seed are taken from.
    pub plan: Plan,
    /// When, ISO 8601.
    pub now: String,
}

/// What there is around it.
pub struct Surroundings<'a> {
    /// Where builds and objects are.
    pub workspace: &'a Workspace,
    /// Where paths start.
    pub working_folder: &'a Path,
    /// What executes models.
    pub machinery: &'a Machinery,
    /// This machine.
    pub machine: &'a Fingerprint,
    /// Asked between steps.
    pub interrupt: &'a Interrupt,
}

/// One setting with its samples.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What was run, and how.
    pub side: Side,
    /// The length of sequences, where there is a choice.
    pub sequence: Option<u64>,
    /// The samples.
    pub measurement: SideMeasurement,
}

/// A finished benchmark.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it says.
    pub benchmark: Benchmark,
    /// The model that was opened.
    pub opened: Opened,
    /// Every setting's samples, in the order of the results.
    pub measured: Vec<Measured>,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchmarkError {
    /// The model cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The device runs models of another format.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// It cannot be fed in one of the settings.
    #[error("`{label}`: {source}")]
    Input {
        /// The model.
        label: String,
        /// Why.
        source: Box<InputError>,
    },
    /// Its worker failed.
    #[error("`{label}` could not be run{setting}")]
    Worker {
        /// The model.
        label: String,
        /// In which setting of a sweep, ` with …`.
        setting: String,
        /// What happened.
        source: WorkerError,
    },
    /// Its outputs could not be looked at.
    #[error("the outputs of `{label}` could not be looked at: {}", source.explanation())]
    Outputs {
        /// The model.
        label: String,
        /// Why.
        source: Box<MeasureError>,
    },
    /// Somebody asked it to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Hint for BenchmarkError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Open(error) => error.hints(),
            Self::Incompatible(error) => error.hints(),
            Self::Input { source, .. } => source.hints_for_flags(),
            Self::Worker { source, .. } => source.hints(),
            Self::Outputs { source, .. } => source.hints(),
            Self::Interrupted(error) => error.hints(),
        }
    }
}

/// One setting before it is measured.
struct Setting {
    sequence: Option<u64>,
    batch: Option<u64>,
    threads: usize,
    made: Made,
    side: Side,
}

/// Measures the model in every combination of length, batch and threads.
pub fn run(
    request: &Request<'_>,
    around: &Surroundings<'_>,
    observer: &mut dyn FnMut(Step),
) -> Result<Outcome, BenchmarkError> {
    let opened = open::open(
        &open::Request {
            reference: request.reference,
            signature: request.signature.as_deref(),
            shapes: request.shapes.clone(),
            task: request.task,
            seed: request.plan.seed,
            sequence: request.sequences.first().copied(),
            batch: request.batches.first().copied(),
        },
        around.workspace,
        around.working_folder,
    )?;
    let target = placement::target_for(opened.model.format, request.target)?;
    let settings = settings(&opened, request, target, around)?;
    let command = &around.machinery.worker;
    let mut plan = request.plan.clone();
    plan.stop = around.interrupt.stop();
    let failed = |setting: &Setting, source| BenchmarkError::Worker {
        label: opened.label.clone(),
        setting: if settings.len() > 1 {
            describe(setting)
        } else {
            String::new()
        },
        source,
    };
    let anomalies = anomalies(&opened, &settings, around, &plan)?;
    let sides: Vec<Side> = settings.iter().map(|setting| setting.side.clone()).collect();
    let outcome = measure::bench::bench(&sides, command, &plan, &request.course, observer);
    if around.interrupt.is_raised() {
        return Err(Interrupted.into());
    }
    let measurements = outcome.map_err(|BenchError { setting, source }| match settings.get(setting) {
        Some(setting) => failed(setting, source),
        None => BenchmarkError::Worker {
            label: opened.label.clone(),
            setting: String::new(),
            source,
        },
    })?;
    let mut results: Vec<Row> = settings
        .iter()
        .zip(&measurements)
        .map(|(setting, measurement)| {
            let shapes = setting.made.specs.iter();
            Row::of(
                measurement,
                (setting.sequence, setting.batch, setting.threads),
                shapes.map(|spec| (spec.name.clone(), spec.shape.clone())).collect(),
            )
        })
        .collect();
    compare_rows(&mut results);
    let first = measurements.first();
    let benchmark = Benchmark {
        schema: SCHEMA,
        model: opened.label.clone(),
        build_id: opened.build.clone(),
        digest: opened.model.digest.to_string(),
        size_bytes: opened.model.size().0,
        target: target.name().to_owned(),
        runtime_version: first.map(|found| found.runtime_version.clone()).unwrap_or_default(),
        tool_version: crate::VERSION.to_owned(),
        task: TaskView::from(&opened.task),
        machine: around.machine.clone(),
        load_average: first.and_then(|found| found.load_average),
        measured_at: request.now.clone(),
        asked: Asked {
            runs: request.course.runs,
            warmup: request.course.warmup,
            processes: request.course.restarts,
            time_budget_seconds: request.course.time_budget.as_secs_f64(),
        },
        warnings: warnings(&opened, (request, target), &results, &measurements),
        results,
        anomalies,
        stored: false,
    };
    let measured = settings
        .into_iter()
        .zip(measurements)
        .map(|(setting, measurement)| Measured {
            side: setting.side,
            sequence: setting.sequence,
            measurement,
        })
        .collect();
    Ok(Outcome {
        benchmark,
        opened,
        measured,
    })
}

/// Every combination, in the order of the results.
fn settings(
    opened: &Opened,
    request: &Request<'_>,
    target: Target,
    around: &Surroundings<'_>,
) -> Result<Vec<Setting>, BenchmarkError> {
    let or_default = |asked: &[u64], default: &[u64]| -> Vec<Option<u64>> {
        match (asked, default) {
            ([], []) => vec![None],
            ([], default) => default.iter().copied().map(Some).collect(),
            (asked, _) => asked.iter().copied().map(Some).collect(),
        }
    };
    let mut settings = Vec::new();
    for sequence in or_default(&request.sequences, &opened.made.ladder) {
        for batch in or_default(&request.batches, &[]) {
            let asked = inputs::Request {
                task: request.task,
                shapes: &request.shapes,
                seed: request.plan.seed,
                sequence,
                batch,
            };
            let made = inputs::make(&opened.model, &asked).map_err(|source| BenchmarkError::Input {
                label: opened.label.clone(),
                source: Box::new(source),
            })?;
            let batch = batch.or_else(|| batch_of(&opened.model, &made.specs));
            for threads in &request.threads {
                settings.push(Setting {
                    sequence: made.sequence,
                    batch,
                    threads: *threads,
                    side: side(opened, &made, *threads, request, (around.machinery, target)),
                    made: made.clone(),
                });
            }
        }
    }
    Ok(settings)
}

fn side(
    opened: &Opened,
    made: &Made,
    threads: usize,
    request: &Request<'_>,
    (machinery, target): (&Machinery, Target),
) -> Side {
    let RuntimeConfig {
        graph_optimization,
        execution_mode,
        ..
    } = request.runtime;
    Side {
        artifact: opened.artifact.clone(),
        settings: SessionSettings {
            library: machinery.library_of(target.engine()).path.clone(),
            target,
            threads,
            graph_optimization,
            execution_mode,
            arena: true,
            litert: LiteRtSettings {
                signature: request.signature.clone(),
                ..LiteRtSettings::of(&request.runtime)
            },
        },
        inputs: made.inputs.clone(),
    }
}

/// The size of the first free batch dimension.
fn batch_of(model: &Model, made: &[ResolvedSpec]) -> Option<u64> {
    model.facts.inputs.iter().zip(made).find_map(|(spec, made)| {
        let axis = spec
            .dims
            .iter()
            .flatten()
            .enumerate()
            .position(|(axis, dim)| inputs::is_batch(dim, axis))?;
        made.shape.get(axis).copied()
    })
}

/// ` with a batch of 8 and 2 threads`.
fn describe(setting: &Setting) -> String {
    let mut parts = Vec::new();
    parts.extend(setting.sequence.map(|length| format!("sequences of {length}")));
    parts.extend(setting.batch.map(|batch| format!("a batch of {batch}")));
    parts.push(format!(
        "{} thread{}",
        setting.threads,
        if setting.threads == 1 { "" } else { "s" }
    ));
    format!(" with {}", parts.join(", "))
}

/// Looks at the outputs of every set of inputs once; the number of threads changes nothing about them.
fn anomalies(
    opened: &Opened,
    settings: &[Setting],
    around: &Surroundings<'_>,
    plan: &Plan,
) -> Result<Vec<Anomaly>, BenchmarkError> {
    let options = WorkerOptions {
        cores: None,
        timeout: plan.worker_timeout,
        memory_limit: plan.memory_limit,
        folders: Vec::new(),
        stop: plan.stop.clone(),
    };
    let mut found: Vec<Anomaly> = Vec::new();
    let mut seen = Vec::new();
    for setting in settings {
        if seen.contains(&(setting.sequence, setting.batch)) {
            continue;
        }
        seen.push((setting.sequence, setting.batch));
        let outcome = outputs::check(&setting.side, &opened.model.facts, &around.machinery.worker, &options);
        if around.interrupt.is_raised() {
            return Err(Interrupted.into());
        }
        let anomalies = outcome.map_err(|source| match source {
            MeasureError::Worker { source, .. } => BenchmarkError::Worker {
                label: opened.label.clone(),
                setting: if settings.len() > 1 {
                    describe(setting)
                } else {
                    String::new()
                },
                source,
            },
            source => BenchmarkError::Outputs {
                label: opened.label.clone(),
                source: Box::new(source),
            },
        })?;
        for anomaly in anomalies {
            if !found.contains(&anomaly) {
                found.push(anomaly);
            }
        }
    }
    Ok(found)
}

fn warnings(
    opened: &Opened,
    (request, target): (&Request<'_>, Target),
    results: &[Row],
    measurements: &[SideMeasurement],
) -> Vec<String> {
    let mut warnings = opened.notices.clone();
    warnings.extend(target.proxy_here());
    let of_settings = measurements.iter().flat_map(|measurement| {
        let disturbances = disturbance::find_alone(measurement);
        let found = disturbances.iter().map(ToString::to_string).collect::<Vec<String>>();
        found.into_iter().chain(measurement.warnings.iter().cloned())
    });
    for warning in of_settings {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    let least = results.iter().map(|row| row.inferences).min().unwrap_or(0);
    if least < request.course.runs as usize {
        warnings.push(format!(
            "only {least} of {} inferences fit into {}; give more with `--time-budget`",
            request.course.runs,
            crate::units::Span(request.course.time_budget)
        ));
    }
    warnings
}
