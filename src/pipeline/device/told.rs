//! From a measurement on a phone to what is told of it.

use std::fs;

use crate::VERSION;
use crate::device::facts::Identity;
use crate::digest::Digest;
use crate::hint::Hint as _;
use crate::measure::on_device::DeviceMeasurement;
use crate::measure::on_device::heat;
use crate::measure::on_device::heat::Heat;
use crate::measure::quantity::Quantity;
use crate::measure::samples::Which;
use crate::pipeline::device::DeviceBenchmarkError;
use crate::pipeline::device::Request;
use crate::pipeline::device::Subject;
use crate::report::device::CourseView;
use crate::report::device::DeviceReport;
use crate::report::device::Figure;
use crate::report::device::Measured;
use crate::report::device::Settings;
use crate::stats::sequential::TAIL;
use crate::verdict::Verdict;
use crate::verdict::on_device;

/// The form of the JSON.
const SCHEMA: u32 = 1;

/// The report; `broke_off` is why the measurement of a pair did not come to its end.
pub(super) fn report(
    request: &Request<'_>,
    serial: &str,
    identity: Identity,
    measurement: DeviceMeasurement,
    broke_off: Option<&(Option<Which>, DeviceBenchmarkError)>,
) -> Result<DeviceReport, DeviceBenchmarkError> {
    let is_pair = request.baseline.is_some();
    let failure = broke_off.map(|(side, error)| {
        let whose = side.map_or("the measurement broke off".to_owned(), |side| {
            format!("the measurement broke off in a run of the {}", side.word())
        });
        format!("{whose}: {error}")
    });
    let judged = request
        .course
        .aims
        .first()
        .filter(|_| is_pair)
        .map(|aim| on_device::judge(&measurement, aim, failure.as_deref()));
    let figure = |quantity| {
        if is_pair {
            pair_figure(&measurement, quantity)
        } else {
            lone_figure(&measurement, quantity)
        }
    };
    let mut hints = broke_off.map(|(_, error)| error.hints()).unwrap_or_default();
    if judged
        .as_ref()
        .is_some_and(|judged| judged.verdict == Verdict::Inconclusive)
    {
        hints.push(
            "let the phone cool down, out of its case and off the charger, and give it more `--time-budget`".to_owned(),
        );
    }
    let (warmup, runs) = measurement.inferences;
    Ok(DeviceReport {
        schema: SCHEMA,
        measured_at: request.now.to_owned(),
        mlbuild_version: VERSION.to_owned(),
        serial: serial.to_owned(),
        identity,
        binary: measured(&request.binary)?,
        model: measured(&request.model)?,
        baseline: request.baseline.as_ref().map(measured).transpose()?,
        settings: Settings {
            threads: request.arguments.threads,
            cores: request.arguments.cores.map(|mask| format!("{mask:x}")),
            arguments: request.arguments.further.clone(),
            warmup,
            runs,
            seed: request.course.seed,
        },
        statistic: measurement.statistic(),
        verdict: judged.as_ref().map(|judged| judged.verdict),
        reason: judged.as_ref().and_then(|judged| judged.reason.clone()),
        hints,
        max_regression_percent: judged.as_ref().and_then(|judged| judged.limit),
        latency: figure(Quantity::LatencyP50),
        load: figure(Quantity::Load),
        first_inference: figure(Quantity::FirstInference),
        course: CourseView {
            counted: measurement.counted(),
            too_warm: measurement.restarts.len() - measurement.counted(),
            looks: measurement.looks.clone(),
            stopped: failure.is_none().then_some(measurement.stopped),
            seconds: measurement.seconds,
        },
        warnings: warnings(&measurement),
        restarts: measurement.restarts,
    })
}

fn pair_figure(measurement: &DeviceMeasurement, quantity: Quantity) -> Option<Figure> {
    let told = on_device::informing(measurement, quantity)?;
    Some(Figure {
        baseline_ms: told.baseline,
        model_ms: told.candidate,
        change: told.change,
        interval_ms: None,
    })
}

fn lone_figure(measurement: &DeviceMeasurement, quantity: Quantity) -> Option<Figure> {
    let side = measurement.as_side();
    let interval = side.absolute(quantity).and_then(|evidence| evidence.interval(TAIL));
    Some(Figure {
        baseline_ms: None,
        model_ms: Some(side.shown(quantity)?),
        change: None,
        interval_ms: interval.map(|interval| [interval.lower, interval.upper]),
    })
}

/// What a reader should know besides: heat that counts, a low battery, what the phone doesn't tell.
fn warnings(measurement: &DeviceMeasurement) -> Vec<String> {
    let mut warnings = measurement.warnings.clone();
    let warm: Vec<&String> = measurement
        .restarts
        .iter()
        .filter_map(|restart| match &restart.heat {
            Heat::Warm(reason) => Some(reason),
            _ => None,
        })
        .collect();
    if let Some(first) = warm.first() {
        let count = warm.len();
        let plural = if count == 1 { "" } else { "s" };
        warnings.push(format!("in {count} restart{plural} that count it was warm: {first}"));
    }
    if let Some(restart) = measurement.restarts.first() {
        warnings.extend(heat::remarks_on_battery(&restart.before));
        let thermal = &restart.before.thermal;
        if thermal.status.is_none() && thermal.sensors.is_empty() && restart.before.battery.celsius.is_none() {
            warnings.push("this phone tells no temperature: whether it was too warm is not known".to_owned());
        }
    }
    warnings
}

fn measured(subject: &Subject<'_>) -> Result<Measured, DeviceBenchmarkError> {
    let unreadable = |source| DeviceBenchmarkError::Unreadable {
        name: subject.name.to_owned(),
        source,
    };
    Ok(Measured {
        name: subject.name.to_owned(),
        sha256: Digest::of_file(subject.path).map_err(unreadable)?.to_string(),
        bytes: fs::metadata(subject.path).map_err(unreadable)?.len(),
    })
}
