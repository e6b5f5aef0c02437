//! How much time would decide a comparison that stayed undecided.
//!
//! The spread between restarts is known by then, and so is how far the change lies from the limit. A look after `n` restarts decides, with
//! a probability of 80 %, where that distance is at least `(t(tail) + t(0.2)) × s / √n`: the same reckoning as in
//! [`crate::measure::noise_floor`], solved for `n` over the planned looks.

use crate::measure::plan::LOOKS;
use crate::measure::quantity::Quantity;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::stats::interval::Estimate;

/// One less the probability to decide in the time that is named.
const MISS: f64 = 0.2;

impl PairMeasurement {
    /// About how many seconds in all would decide on which side of a change by `limit` per cent the truth is; `None` where no
    /// number of restarts that is ever made would, or nothing is known of the quantity.
    pub fn seconds_to_decide(&self, quantity: Quantity, limit: f64) -> Option<f64> {
        let evidence = self.change(quantity)?;
        let estimate = evidence.estimate()?;
        let accepted = self.accepted(quantity, limit);
        let change = quantity.direction().cost(evidence.read(estimate.center));
        let distance = (change - accepted).abs();
        let done = self.restarts.len();
        let spread = estimate.standard_error * ((estimate.degrees + 1) as f64).sqrt();
        let restarts = LOOKS.into_iter().filter(|look| *look > done).find(|planned| {
            let error = Estimate {
                center: 0.0,
                standard_error: spread / (*planned as f64).sqrt(),
                degrees: planned - 1,
            };
            let looks = Looks {
                taken: LOOKS.into_iter().filter(|look| look <= planned).collect(),
                planned: *planned,
                last_is_final: true,
                family: self.looks.family,
            };
            let beyond = |tail: f64| error.interval(tail).upper;
            evidence.read(beyond(looks.tail_of(looks.share())) + beyond(MISS)) <= distance
        })?;
        Some(self.seconds * restarts as f64 / done as f64)
    }
}
