//! One side without anything to compare with: absolute figures and budgets.

use std::time::Instant;

use crate::machine::activity::Reading;
use crate::measure::compare::Surroundings;
use crate::measure::error::MeasureError;
use crate::measure::event::Event;
use crate::measure::plan::Plan;
use crate::measure::rounds::Setting;
use crate::measure::rounds::measure_one;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::Which;
use crate::measure::side::Side;
use crate::measure::side::WorkerSubject;
use crate::runtime::WorkerCommand;

/// Measures `side` alone, as a candidate: fresh processes, restart after restart, until every budget is decided (after the first
/// look where there is none), the plan is through or time is up.
pub fn measure_alone(
    side: &Side,
    command: &WorkerCommand,
    plan: &Plan,
    observer: &mut dyn FnMut(Event),
) -> Result<SideMeasurement, MeasureError> {
    let begun = Instant::now();
    let failed = |source| MeasureError::Worker {
        side: Which::Candidate,
        source,
    };
    let around = Surroundings::find(side, command, plan).map_err(failed)?;
    let mut subject = WorkerSubject::new(side, command, around.options.clone());
    let reading = Reading::now(around.cores.as_deref());
    let mut setting = Setting {
        plan,
        elapsed: &mut || begun.elapsed().as_secs_f64(),
        observer,
        pausing: false,
        empty_session_bytes: around.empty_session_bytes,
    };
    let measured = measure_one(&mut subject, &mut setting).map_err(failed)?;
    Ok(SideMeasurement {
        restarts: measured.restarts,
        looks: measured.looks,
        stopped: measured.stopped,
        seconds: measured.seconds,
        activity: reading.until(&Reading::now(around.cores.as_deref())),
        cores: around.cores,
        runtime_version: subject.runtime_version().to_owned(),
        empty_session_bytes: around.empty_session_bytes,
        load_average: around.load_average,
        warnings: around.warnings,
    })
}
