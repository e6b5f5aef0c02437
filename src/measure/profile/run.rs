//! Takes a deep profile: cold starts, the machine's roofline, the profiled session, and what they mean together.

use std::time::Duration;

use crate::config::Engine;
use crate::config::ExecutionMode;
use crate::machine::affinity;
use crate::measure::error::MeasureError;
use crate::measure::profile::assemble;
use crate::measure::profile::assemble::Measured;
use crate::measure::profile::cold;
use crate::measure::profile::events;
use crate::measure::profile::roofline;
use crate::measure::profile::types::Profile;
use crate::measure::samples::Which;
use crate::measure::side::Side;
use crate::model::Model;
use crate::runtime::Stop;
use crate::runtime::Worker;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerOptions;

/// A profiled run may take this many times as long as a plain one before the worker is given up.
const PATIENCE: f64 = 30.0;

/// How to profile.
#[derive(Debug, Clone)]
pub struct Options {
    /// Runs that are profiled, at least 1.
    pub runs: u32,
    /// Runs before them that are not counted.
    pub warmup: u32,
    /// Fresh processes to start for the cold start, at least 1.
    pub cold_starts: u32,
    /// Inferences that follow a cold start, to see when they become steady; at least 1.
    pub cold_runs: u32,
    /// Whether to measure what the machine can do.
    pub roofline: bool,
    /// After this long without an answer a worker is stopped; a slow model is given more.
    pub worker_timeout: Duration,
    /// Bytes of private memory that a worker may hold.
    pub memory_limit: Option<u64>,
    /// Ends everything once it is raised.
    pub stop: Stop,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            runs: 50,
            warmup: 10,
            cold_starts: 1,
            cold_runs: 20,
            roofline: true,
            worker_timeout: Duration::from_secs(60),
            memory_limit: None,
            stop: Stop::default(),
        }
    }
}

/// What a profile is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many of so many cold starts are done.
    ColdStart {
        /// Done.
        done: u32,
        /// All.
        of: u32,
    },
    /// The machine's roofline is measured.
    Roofline,
    /// The profiled session runs.
    Profiling,
    /// What it left is read.
    Reading,
}

/// Profiles `side`, whose files are those of `model`, one kernel after the other whatever its execution mode.
pub fn profile(
    side: &Side,
    model: &Model,
    command: &WorkerCommand,
    options: &Options,
    observer: &mut dyn FnMut(Step),
) -> Result<Profile, MeasureError> {
    let failed = |source| MeasureError::Worker {
        side: Which::Candidate,
        source,
    };
    let mut side = side.clone();
    side.settings.execution_mode = ExecutionMode::Sequential;
    let mut worker_options = WorkerOptions {
        cores: affinity::choose_cores(side.settings.threads),
        timeout: options.worker_timeout,
        memory_limit: options.memory_limit,
        folders: Vec::new(),
        stop: options.stop.clone(),
    };
    let starts = options.cold_starts.max(1);
    observer(Step::ColdStart { done: 0, of: starts });
    let cold = cold::measure(
        &side,
        command,
        &worker_options,
        starts,
        options.cold_runs,
        &mut |done| {
            observer(Step::ColdStart { done, of: starts });
        },
    )
    .map_err(failed)?;
    // It is taken with models in the other engine's format.
    let is_measurable = side.settings.target.engine() == Engine::OnnxRuntime;
    let roofline = if options.roofline && is_measurable {
        observer(Step::Roofline);
        roofline::measure(command, &side.settings, &worker_options).map_err(failed)?
    } else {
        None
    };

    observer(Step::Profiling);
    let runs = options.runs.max(1);
    let expected =
        f64::from(runs + options.warmup + 1) * (1.0 + PATIENCE) * cold.first_seconds.max(cold.steady_seconds);
    worker_options.timeout += Duration::try_from_secs_f64(expected).unwrap_or(Duration::ZERO);
    let mut worker = Worker::spawn(command, &worker_options).map_err(failed)?;
    let raw = worker
        .profile(&side.artifact, &side.settings, &side.inputs, options.warmup, runs)
        .map_err(failed)?;
    drop(worker);

    observer(Step::Reading);
    let mut events = events::read(&raw.events, runs as usize)?;
    let warm = events.runs.len() - runs as usize;
    events.runs.drain(..warm);
    assemble::assemble(Measured {
        side: &side,
        model,
        raw: &raw,
        events: &events,
        cold,
        roofline,
        warmup: options.warmup,
    })
}
