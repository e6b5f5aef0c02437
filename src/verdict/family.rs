//! Several comparisons in one run: how often a run of faultless models may cry regression.
//!
//! The run fails when *any* comparison is a regression, so the chance of a false one grows with their number; Holm's step-down keeps
//! it at [`TAIL`] over all noisy limits of the run together. The run passes only when *every* comparison passes, which needs no
//! correction.
//!
//! Each measurement stops by itself, with Bonferroni's share of the error, and [`judge`](crate::verdict::judge) judges it so. Holm's
//! procedure begins with exactly these rejections and then widens the share of the rest, so that this step can only turn
//! `inconclusive` into `regression`: it never takes one back, and never touches a pass.

use crate::config::Gate;
use crate::measure::estimate::Evidence;
use crate::measure::plan::aims;
use crate::measure::quantity::Quantity;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Which;
use crate::stats::holm::step_down;
use crate::stats::sequential::TAIL;
use crate::verdict::judge::settle;
use crate::verdict::metric;
use crate::verdict::types::Comparison;
use crate::verdict::types::Metric;
use crate::verdict::types::Verdict;

/// One noisy limit of one comparison.
struct Claim<'a> {
    comparison: usize,
    quantity: Quantity,
    evidence: Evidence,
    /// Turned so that more is worse, as [`Direction::cost`](crate::measure::quantity::Direction::cost) does.
    limit: f64,
    looks: &'a Looks,
    reason: Option<String>,
}

impl Claim<'_> {
    /// True where the figure is beyond its limit at this share of the error.
    fn beyond(&self, alpha: f64) -> bool {
        let direction = self.quantity.direction();
        self.evidence
            .interval(self.looks.tail_of(alpha))
            .is_some_and(|interval| direction.costs(interval).lower > self.limit)
    }
}

/// Applies Holm's procedure over all noisy limits of a run. `measurements[i]` belongs to `comparisons[i]`; `None` where there was none.
pub fn judge_family(comparisons: &mut [Comparison], measurements: &[Option<&PairMeasurement>], gate: &Gate) {
    let claims: Vec<Claim<'_>> = measurements
        .iter()
        .enumerate()
        .take(comparisons.len())
        .filter_map(|(index, measurement)| Some((index, (*measurement)?)))
        .flat_map(|(index, measurement)| claims_of(index, measurement, gate))
        .collect();
    let rejected = step_down(claims.len(), TAIL, |index, alpha| {
        claims.get(index).is_some_and(|claim| claim.beyond(alpha))
    });
    for (claim, _) in claims.iter().zip(rejected).filter(|(_, rejected)| *rejected) {
        let (Some(comparison), Some(Some(measurement))) = (
            comparisons.get_mut(claim.comparison),
            measurements.get(claim.comparison),
        ) else {
            continue;
        };
        let entry = comparison
            .metrics
            .iter_mut()
            .find(|entry| entry.metric == Metric::from(claim.quantity) && entry.verdict == Verdict::Inconclusive);
        if let Some(entry) = entry {
            entry.verdict = Verdict::Regression;
            entry.reason.clone_from(&claim.reason);
            settle(comparison, measurement);
        }
    }
}

fn claims_of<'a>(comparison: usize, measurement: &'a PairMeasurement, gate: &Gate) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    for aim in aims(gate) {
        let relative = aim.fails_beyond().and_then(|limit| {
            let accepted = measurement.accepted(aim.quantity, limit);
            Some((measurement.change(aim.quantity)?, accepted, None))
        });
        let budget = aim.budget.and_then(|budget| {
            let figure = measurement.absolute(Which::Candidate, aim.quantity)?;
            let limit = aim.quantity.direction().cost(budget);
            Some((figure, limit, Some(metric::beyond_budget(aim.quantity, budget, gate))))
        });
        claims.extend(
            relative
                .into_iter()
                .chain(budget)
                .map(|(evidence, limit, reason)| Claim {
                    comparison,
                    quantity: aim.quantity,
                    evidence,
                    limit,
                    looks: &measurement.looks,
                    reason,
                }),
        );
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::exact::ExactFacts;
    use crate::verdict::judge;
    use crate::verdict::testing::agreeing;
    use crate::verdict::testing::key;
    use crate::verdict::testing::pair;

    const FAMILY: usize = 8;

    /// Four comparisons of two noisy limits each; `ratios` are the candidates' latencies.
    fn run(ratios: [f64; 4]) -> (Vec<Comparison>, Vec<Comparison>) {
        let measurements: Vec<PairMeasurement> = ratios
            .iter()
            .map(|ratio| {
                let mut measurement = pair(4.0, *ratio, 2.0, (40_000_000, 60_000_000));
                measurement.looks.family = FAMILY;
                measurement
            })
            .collect();
        let alone: Vec<Comparison> = measurements
            .iter()
            .map(|measurement| {
                let facts = ExactFacts::of_size(1);
                judge(
                    &key(),
                    measurement,
                    (&facts, &facts),
                    Some(&agreeing()),
                    &Gate::default(),
                )
            })
            .collect();
        let mut together = alone.clone();
        let measurements: Vec<Option<&PairMeasurement>> = measurements.iter().map(Some).collect();
        judge_family(&mut together, &measurements, &Gate::default());
        (alone, together)
    }

    fn latencies(comparisons: &[Comparison]) -> Vec<Verdict> {
        comparisons
            .iter()
            .map(|comparison| comparison.metrics[0].verdict)
            .collect()
    }

    #[test]
    fn what_holds_out_after_the_clear_cases_is_a_regression() {
        // All four peaks are beyond their limit without any doubt, as are two latencies; that leaves larger shares for the rest.
        let (alone, together) = run([1.3, 1.3, 1.0635, 1.0]);
        assert_eq!(
            latencies(&alone),
            [
                Verdict::Regression,
                Verdict::Regression,
                Verdict::Inconclusive,
                Verdict::Pass
            ]
        );
        assert_eq!(
            alone[2].metrics[0].reason.as_deref(),
            Some("beyond the limit by itself, but not once the 8 limits of this run share the error")
        );
        assert_eq!(
            latencies(&together),
            [
                Verdict::Regression,
                Verdict::Regression,
                Verdict::Regression,
                Verdict::Pass
            ]
        );
        assert_eq!(together[2].metrics[0].reason, None);
    }

    #[test]
    fn nothing_is_ever_taken_back() {
        for ratio in [0.8, 0.99, 1.04, 1.05, 1.06, 1.07, 1.08, 1.1] {
            let (alone, together) = run([ratio, 1.0, 1.0, 1.0]);
            for (before, after) in alone.iter().zip(&together) {
                for (before, after) in before.metrics.iter().zip(&after.metrics) {
                    let widened = before.verdict == Verdict::Inconclusive && after.verdict == Verdict::Regression;
                    assert!(before.verdict == after.verdict || widened, "{ratio}");
                }
            }
        }
    }
}
