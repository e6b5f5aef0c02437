//! What a measurement on a phone means: one metric, the latency of an inference, with the same interval and the same words as on the desk.

use crate::config::Gate;
use crate::measure::estimate::Evidence;
use crate::measure::on_device::DeviceMeasurement;
use crate::measure::plan::Aim;
use crate::measure::plan::MIN_RESTARTS;
use crate::measure::quantity::Quantity;
use crate::measure::samples::Which;
use crate::verdict::metric;
use crate::verdict::types::Metric;
use crate::verdict::types::MetricComparison;
use crate::verdict::types::Verdict;

/// Judges the candidate's latency against its baseline's. `broke_off` says why the measurement did not come to its end: then nothing
/// passes, whatever was measured before.
pub fn judge(measurement: &DeviceMeasurement, aim: &Aim, broke_off: Option<&str>) -> MetricComparison {
    let undecided = |verdict, reason: String| MetricComparison {
        limit: aim.fails_beyond(),
        budget: aim.budget,
        gated: true,
        verdict,
        reason: Some(reason),
        ..metric::blank(Metric::from(aim.quantity))
    };
    if let Some(reason) = broke_off {
        return undecided(Verdict::Error, reason.to_owned());
    }
    let counted = measurement.counted();
    if counted < MIN_RESTARTS {
        let all = measurement.restarts.len();
        return undecided(
            Verdict::Inconclusive,
            format!("only {counted} of {all} restarts count, and {MIN_RESTARTS} are needed: the phone was too warm"),
        );
    }
    let pair = measurement.as_pair();
    if measurement.looks.taken.is_empty() {
        // Left alone before the first planned look.
        return undecided(
            Verdict::Inconclusive,
            "the phone became too warm before anything was decided".to_owned(),
        );
    }
    metric::noisy(&pair, aim, pair.looks.tails(), &Gate::default())
}

/// A figure that is shown and not judged: `quantity` of both sides.
pub fn informing(measurement: &DeviceMeasurement, quantity: Quantity) -> Option<MetricComparison> {
    let pair = measurement.as_pair();
    if pair.looks.taken.is_empty() {
        return None;
    }
    metric::informing(&pair, quantity, pair.looks.tails())
}

/// The figure of one side: of a pair, or of the candidate measured alone.
pub fn figure(measurement: &DeviceMeasurement, which: Option<Which>, quantity: Quantity) -> Option<Evidence> {
    match which {
        Some(which) => measurement.as_pair().absolute(which, quantity),
        None => measurement.as_side().absolute(quantity),
    }
}
