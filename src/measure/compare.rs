//! Baseline and candidate side by side on this machine.

use std::time::Instant;

use crate::machine::activity::Reading;
use crate::machine::affinity;
use crate::machine::load_average;
use crate::measure::error::MeasureError;
use crate::measure::event::Event;
use crate::measure::plan::Plan;
use crate::measure::rounds::Setting;
use crate::measure::rounds::measure_pair;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Which;
use crate::measure::side::Side;
use crate::measure::side::WorkerSubject;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerError;
use crate::runtime::WorkerOptions;
use crate::runtime::empty_session_peak;

/// What both kinds of measurement find before they begin.
pub(crate) struct Surroundings {
    pub(crate) cores: Option<Vec<usize>>,
    pub(crate) load_average: Option<f64>,
    pub(crate) empty_session_bytes: Option<u64>,
    pub(crate) warnings: Vec<String>,
    pub(crate) options: WorkerOptions,
}

impl Surroundings {
    /// Chooses cores for `side`'s threads, reads the load, and measures an empty session where the plan doesn't know it.
    pub(crate) fn find(side: &Side, command: &WorkerCommand, plan: &Plan) -> Result<Self, WorkerError> {
        let threads = side.settings.threads;
        let load_average = load_average();
        let cores = affinity::choose_cores(threads);
        let mut warnings = Vec::new();
        match &cores {
            None => {
                warnings.push("this system has no processor affinity: both sides ran wherever it put them".to_owned())
            }
            Some(cores) if cores.len() < threads => warnings.push(format!(
                "{threads} threads share {} of this machine's cores",
                cores.len()
            )),
            Some(_) => {}
        }
        let allowed = affinity::allowed_count();
        if let Some(load) = load_average.filter(|load| *load > allowed as f64) {
            warnings.push(format!("the machine was busy: load {load:.1} on {allowed} cores"));
        }
        let empty_session_bytes = match plan.empty_session_bytes {
            Some(bytes) => Some(bytes),
            None => empty_session_peak(command, &side.settings)?,
        };
        let options = WorkerOptions {
            cores: cores.clone(),
            timeout: plan.worker_timeout,
            memory_limit: plan.memory_limit,
            folders: Vec::new(),
            stop: plan.stop.clone(),
        };
        Ok(Self {
            cores,
            load_average,
            empty_session_bytes,
            warnings,
            options,
        })
    }
}

/// Measures `candidate` beside `baseline`: fresh processes on the same cores, blocks in turns and random order, restart after
/// restart, until every limit of the plan is decided, the plan is through or time is up.
pub fn compare_pair(
    baseline: &Side,
    candidate: &Side,
    command: &WorkerCommand,
    plan: &Plan,
    observer: &mut dyn FnMut(Event),
) -> Result<PairMeasurement, MeasureError> {
    let begun = Instant::now();
    let failed = |(side, source)| MeasureError::Worker { side, source };
    // Both run on the same cores, as many as the side with more threads needs.
    let widest = if candidate.settings.threads > baseline.settings.threads {
        candidate
    } else {
        baseline
    };
    let around = Surroundings::find(widest, command, plan).map_err(|error| failed((Which::Baseline, error)))?;
    let mut one = WorkerSubject::new(baseline, command, around.options.clone());
    let mut other = WorkerSubject::new(candidate, command, around.options.clone());
    let reading = Reading::now(around.cores.as_deref());
    let mut setting = Setting {
        plan,
        elapsed: &mut || begun.elapsed().as_secs_f64(),
        observer,
        pausing: baseline.has_pool() || candidate.has_pool(),
        empty_session_bytes: around.empty_session_bytes,
    };
    let measured = measure_pair(&mut one, &mut other, &mut setting).map_err(failed)?;
    let mut warnings = around.warnings;
    if one.runtime_version() != other.runtime_version() {
        warnings.push(format!(
            "the sides ran on different engines: {} and {}",
            one.runtime_version(),
            other.runtime_version()
        ));
    }
    Ok(PairMeasurement {
        restarts: measured.restarts,
        looks: measured.looks,
        stopped: measured.stopped,
        seconds: measured.seconds,
        activity: reading.until(&Reading::now(around.cores.as_deref())),
        cores: around.cores,
        runtime_version: other.runtime_version().to_owned(),
        empty_session_bytes: around.empty_session_bytes,
        load_average: around.load_average,
        warnings,
    })
}
