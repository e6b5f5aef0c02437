//! Two models judged by benchmarks that one machine made of each at different times.
//!
//! Here the benchmark is the unit of evidence, not the restart: from one hour to the next a machine's speed moves more than from
//! restart to restart, and an interval over restarts knows nothing of that. The change is the difference of the mean logarithms of both
//! models' benchmarks, its interval Student's t for two samples with a pooled variance (Student, "The probable error of a mean",
//! Biometrika 6 (1908)): how far benchmarks of one model lie apart is the machine's doing, and the same for both. It needs
//! [`LEAST`] benchmarks of each.

use crate::config::Gate;
use crate::measure::accuracy::Accuracy;
use crate::measure::plan::Aim;
use crate::measure::plan::aims;
use crate::measure::quantity::Quantity;
use crate::measure::samples::SideMeasurement;
use crate::stats::interval::Estimate;
use crate::stats::interval::Interval;
use crate::stats::sequential::TAIL;
use crate::stats::summary::mean;
use crate::verdict::exact;
use crate::verdict::exact::ExactFacts;
use crate::verdict::judge::in_order;
use crate::verdict::judge::settle_under;
use crate::verdict::limits;
use crate::verdict::metric;
use crate::verdict::types::Change;
use crate::verdict::types::Comparison;
use crate::verdict::types::ComparisonKey;
use crate::verdict::types::MetricComparison;
use crate::verdict::types::Verdict;

/// Benchmarks of each model without which there is no telling how far two of them lie apart.
pub const LEAST: usize = 2;

/// The least memory that a change is related to: one page.
const LEAST_LEVEL: f64 = 4096.0;

/// Judges a candidate against its baseline by their stored benchmarks. What they don't decide is inconclusive.
pub fn judge_sessions(
    key: &ComparisonKey,
    baseline: &[SideMeasurement],
    candidate: &[SideMeasurement],
    facts: (&ExactFacts, &ExactFacts),
    accuracy: Option<&Accuracy>,
    gate: &Gate,
) -> Comparison {
    let aims = aims(gate);
    let family = crate::measure::plan::limits(gate).max(1);
    let mut metrics: Vec<MetricComparison> = Quantity::ALL
        .into_iter()
        .filter_map(|quantity| {
            let contrast = Contrast::of(baseline, candidate, quantity);
            match aims.iter().find(|aim| aim.quantity == quantity) {
                Some(aim) => Some(gated(contrast.as_ref(), aim, family)),
                None => Some(informing(&contrast?, quantity)),
            }
        })
        .collect();
    metrics.extend(exact::metrics(Some(facts.0), facts.1, gate, Verdict::Skipped));
    metrics.extend(metric::outputs(accuracy, gate));
    in_order(&mut metrics);
    let mut comparison = Comparison {
        key: key.clone(),
        verdict: Verdict::Skipped,
        metrics,
        reason: None,
        hints: Vec::new(),
    };
    settle_under(&mut comparison, None);
    comparison
}

/// The first gated quantity that the benchmarks don't decide.
pub fn undecided_by(baseline: &[SideMeasurement], candidate: &[SideMeasurement], gate: &Gate) -> Option<Quantity> {
    let family = crate::measure::plan::limits(gate).max(1);
    aims(gate)
        .iter()
        .find(|aim| {
            let contrast = Contrast::of(baseline, candidate, aim.quantity);
            gated(contrast.as_ref(), aim, family).verdict == Verdict::Inconclusive
        })
        .map(|aim| aim.quantity)
}

/// How two sets of benchmarks differ in one quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Contrast {
    baseline: f64,
    candidate: f64,
    /// Of the logarithm of candidate over baseline.
    difference: Estimate,
}

impl Contrast {
    /// `None` where a benchmark lacks the quantity or there are too few.
    fn of(baseline: &[SideMeasurement], candidate: &[SideMeasurement], quantity: Quantity) -> Option<Self> {
        let figures = |sessions: &[SideMeasurement]| -> Option<Vec<f64>> {
            sessions
                .iter()
                .map(|session| Some(session.absolute(quantity)?.interval(TAIL)?.center))
                .collect()
        };
        Self::between(&figures(baseline)?, &figures(candidate)?, quantity)
    }

    fn between(baseline: &[f64], candidate: &[f64], quantity: Quantity) -> Option<Self> {
        if baseline.len() < LEAST || candidate.len() < LEAST {
            return None;
        }
        let least = if quantity.is_memory() {
            LEAST_LEVEL
        } else {
            f64::MIN_POSITIVE
        };
        let logs = |figures: &[f64]| -> Vec<f64> { figures.iter().map(|figure| figure.max(least).ln()).collect() };
        let (before, after) = (logs(baseline), logs(candidate));
        let (middle, other) = (mean(&before)?, mean(&after)?);
        let squares: f64 = before.iter().map(|value| (value - middle).powi(2)).sum::<f64>()
            + after.iter().map(|value| (value - other).powi(2)).sum::<f64>();
        let degrees = before.len() + after.len() - 2;
        let variance = squares / degrees as f64;
        Some(Self {
            baseline: mean(baseline)?,
            candidate: mean(candidate)?,
            difference: Estimate {
                center: other - middle,
                standard_error: (variance * (1.0 / before.len() as f64 + 1.0 / after.len() as f64)).sqrt(),
                degrees,
            },
        })
    }

    /// The change in per cent, with `tail` outside on each side.
    fn change(&self, tail: f64) -> Interval {
        let interval = self.difference.interval(tail);
        let percent = |log: f64| 100.0 * log.exp_m1();
        Interval {
            center: percent(interval.center),
            lower: percent(interval.lower),
            upper: percent(interval.upper),
        }
    }

    fn accepted(&self, quantity: Quantity, limit: f64) -> f64 {
        if self.baseline > 0.0 {
            limit.max(quantity.floor_percent(self.baseline))
        } else {
            limit
        }
    }
}

fn gated(contrast: Option<&Contrast>, aim: &Aim, family: usize) -> MetricComparison {
    let undecided = |reason: &str| MetricComparison {
        gated: true,
        verdict: Verdict::Inconclusive,
        reason: Some(reason.to_owned()),
        ..metric::blank(aim.quantity.into())
    };
    let Some(contrast) = contrast else {
        return undecided("the stored benchmarks do not hold it");
    };
    let (Some(limit), Some(fails), None) = (aim.max_regression, aim.fails_beyond(), aim.budget) else {
        return undecided("stored benchmarks are not held against a budget");
    };
    let direction = aim.quantity.direction();
    let shown = contrast.change(TAIL);
    let costs = direction.costs(shown);
    let bound = direction.costs(contrast.change(TAIL / family as f64)).lower;
    let verdict = if bound > contrast.accepted(aim.quantity, fails) {
        Verdict::Regression
    } else {
        limits::change_against(costs, bound, contrast.accepted(aim.quantity, limit))
    };
    MetricComparison {
        limit: Some(fails),
        gated: true,
        verdict,
        reason: (verdict == Verdict::Inconclusive).then(|| "the interval holds the limit".to_owned()),
        ..informing(contrast, aim.quantity)
    }
}

fn informing(contrast: &Contrast, quantity: Quantity) -> MetricComparison {
    let shown = contrast.change(TAIL);
    MetricComparison {
        baseline: Some(contrast.baseline),
        candidate: Some(contrast.candidate),
        change: Some(Change {
            percent: shown.center,
            lower: shown.lower,
            upper: shown.upper,
        }),
        ..metric::blank(quantity.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(baseline: &[f64], candidate: &[f64], strict: bool) -> Verdict {
        let aim = Aim {
            quantity: Quantity::LatencyP50,
            max_regression: Some(5.0),
            budget: None,
            strict,
        };
        let contrast = Contrast::between(baseline, candidate, aim.quantity);
        gated(contrast.as_ref(), &aim, 2).verdict
    }

    #[test]
    fn agrees_with_students_t_by_hand() {
        // Logs 0 and 0.02 against 0.1 and 0.12: difference 0.1, pooled variance 0.0002, so a standard error of 0.01414; t with two
        // degrees at 0.025 is 4.3027.
        let of = |logs: [f64; 2]| logs.map(f64::exp).to_vec();
        let contrast = Contrast::between(&of([0.0, 0.02]), &of([0.1, 0.12]), Quantity::LatencyP50).unwrap();
        let change = contrast.change(0.025);
        let half = 4.302_652_7 * (0.0002_f64).sqrt();
        assert!((change.center - 100.0 * 0.1_f64.exp_m1()).abs() < 1e-9);
        assert!(
            (change.lower - 100.0 * (0.1 - half).exp_m1()).abs() < 1e-3,
            "{change:?}"
        );
        assert!(
            (change.upper - 100.0 * (0.1 + half).exp_m1()).abs() < 1e-3,
            "{change:?}"
        );
    }

    #[test]
    fn one_benchmark_a_side_decides_nothing() {
        assert_eq!(verdict(&[1.0], &[2.0], false), Verdict::Inconclusive);
        assert_eq!(verdict(&[1.0, 1.0, 1.0], &[2.0], false), Verdict::Inconclusive);
    }

    #[test]
    fn benchmarks_that_lie_apart_decide_nothing() {
        assert_eq!(verdict(&[1.0, 1.2], &[1.3, 1.1], false), Verdict::Inconclusive);
        assert_eq!(verdict(&[1.0, 1.001], &[1.3, 1.301], false), Verdict::Regression);
        assert_eq!(
            verdict(&[1.0, 1.001, 0.999], &[1.0, 1.001, 1.002], false),
            Verdict::Pass
        );
        assert_eq!(verdict(&[1.3, 1.301], &[1.0, 1.001], false), Verdict::Improvement);
    }

    #[test]
    fn strict_accepts_no_slowdown_beyond_noise() {
        let (before, after) = ([1.0, 1.0001, 0.9999], [1.03, 1.0301, 1.0299]);
        assert_eq!(verdict(&before, &after, false), Verdict::Pass);
        assert_eq!(verdict(&before, &after, true), Verdict::Regression);
    }

    proptest! {
        #[test]
        fn swapping_the_sides_turns_the_change_around(
            one in prop::collection::vec(0.5_f64..2.0, 2..6),
            other in prop::collection::vec(0.5_f64..2.0, 2..6),
        ) {
            let forth = Contrast::between(&one, &other, Quantity::LatencyP50).unwrap().difference.interval(TAIL);
            let back = Contrast::between(&other, &one, Quantity::LatencyP50).unwrap().difference.interval(TAIL);
            prop_assert!((forth.lower + back.upper).abs() < 1e-9);
            prop_assert!((forth.center + back.center).abs() < 1e-9);
            prop_assert!(forth.lower <= forth.center && forth.center <= forth.upper);
        }
    }
}
