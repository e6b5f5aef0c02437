//! Judges a comparison once more that somebody else has judged, out of its figures and by limits that he could not choose. It can only
//! come out worse.
//!
//! Samples are not at hand, so an interval is taken as it is shown; where several limits share the error, the first judge may have used a
//! wider one. A regression is therefore called only where the whole shown interval is beyond the limit, and what holds the limit is left
//! open only where the first judge used a more generous one.

use crate::config::Gate;
use crate::measure::plan::aims;
use crate::measure::quantity::Direction;
use crate::measure::quantity::Quantity;
use crate::stats::interval::Interval;
use crate::verdict::exact;
use crate::verdict::limits;
use crate::verdict::types::Change;
use crate::verdict::types::Comparison;
use crate::verdict::types::Metric;
use crate::verdict::types::MetricComparison;
use crate::verdict::types::Verdict;

/// How far an exact change may lie beside its own figures, in percentage points.
const ROUNDING: f64 = 0.01;

/// A limit that counts.
struct Limit {
    metric: Metric,
    /// The accepted change for the worse, per cent; for cosine and agreement the least value, for accuracy the drop in points.
    relative: Option<f64>,
    budget: Option<f64>,
}

/// Judges the metrics of `comparison` by `gate` too, and makes its verdict the worst of both. True where it got worse.
pub fn again(comparison: &mut Comparison, gate: &Gate) -> bool {
    let before = comparison.verdict;
    if before == Verdict::Removed {
        return false;
    }
    let mut reasons = Vec::new();
    for limit in limits_of(gate) {
        let Some(metric) = comparison.metrics.iter_mut().find(|entry| entry.metric == limit.metric) else {
            continue;
        };
        if let Some((verdict, why)) = worse(metric, &limit) {
            metric.verdict = verdict;
            metric.gated = true;
            metric.limit = limit.relative.or(metric.limit);
            metric.budget = limit.budget.or(metric.budget);
            metric.reason = Some(why.clone());
            comparison.verdict = comparison.verdict.max(verdict);
            reasons.push(format!("{}: {why}", limit.metric.word()));
        }
    }
    if matches!(comparison.verdict, Verdict::Pass | Verdict::Improvement) && unmeasured(comparison, gate) {
        comparison.verdict = Verdict::Error;
        reasons.push("it is said to pass, and what must be measured for that was not".to_owned());
    }
    if comparison.verdict > before {
        comparison.reason = reasons.into_iter().next();
    }
    comparison.verdict > before
}

/// A pass without a change of size and of the latency that decides is none.
fn unmeasured(comparison: &Comparison, gate: &Gate) -> bool {
    [Metric::from(gate.latency.metric), Metric::Size]
        .into_iter()
        .any(|metric| {
            comparison
                .metric(metric)
                .is_none_or(|entry| entry.change.is_none() || entry.candidate.is_none())
        })
}

fn limits_of(gate: &Gate) -> Vec<Limit> {
    let noisy = aims(gate).into_iter().map(|aim| Limit {
        metric: aim.quantity.into(),
        relative: aim.fails_beyond(),
        budget: aim.budget,
    });
    let exact = exact::limits(gate).into_iter().map(|(metric, relative, budget)| Limit {
        metric,
        relative,
        budget,
    });
    let outputs = [
        (Metric::Cosine, gate.accuracy.cosine),
        (Metric::Top1Agreement, gate.accuracy.top1),
        (Metric::Top1Accuracy, gate.accuracy.max_drop.0),
    ]
    .into_iter()
    .filter(|_| gate.accuracy.judged)
    .map(|(metric, limit)| Limit {
        metric,
        relative: Some(limit),
        budget: None,
    });
    noisy.chain(exact).chain(outputs).collect()
}

/// The verdict by `limit` and why, where it is worse than the one that the metric has.
fn worse(metric: &MetricComparison, limit: &Limit) -> Option<(Verdict, String)> {
    let found = match limit.metric {
        Metric::Cosine | Metric::Top1Agreement => outputs(metric, limit.relative?),
        Metric::Top1Accuracy => dropped(metric, limit.relative?),
        _ => broken(metric, limit).or_else(|| grown(metric, limit)),
    };
    found.filter(|(verdict, _)| *verdict > metric.verdict)
}

/// Cosine and agreement, where they count: labels may have taken their place.
fn outputs(metric: &MetricComparison, least: f64) -> Option<(Verdict, String)> {
    let value = metric.candidate.filter(|_| metric.gated)?;
    (value < least).then(|| (Verdict::Regression, format!("below the accepted {least}")))
}

fn dropped(metric: &MetricComparison, accepted: f64) -> Option<(Verdict, String)> {
    let drop = 100.0 * (metric.baseline? - metric.candidate?);
    (drop > accepted + 1e-9).then(|| (Verdict::Regression, format!("a drop of more than {accepted} points")))
}

/// A budget that the candidate's own figure violates, where it was not judged by one as small.
fn broken(metric: &MetricComparison, limit: &Limit) -> Option<(Verdict, String)> {
    let (budget, value) = (limit.budget?, metric.candidate?);
    let (over, looser) = match metric.metric.direction() {
        Direction::LowerIsBetter => (value > budget, metric.budget.is_none_or(|used| used > budget)),
        Direction::HigherIsBetter => (value < budget, metric.budget.is_none_or(|used| used < budget)),
    };
    (over && (looser || metric.metric.quantity().is_none()))
        .then(|| (Verdict::Regression, "beyond the budget that counts".to_owned()))
}

fn grown(metric: &MetricComparison, limit: &Limit) -> Option<(Verdict, String)> {
    let (relative, change) = (limit.relative?, metric.change?);
    if contradicts_itself(metric, change) {
        return Some((Verdict::Error, "its change is not that of its figures".to_owned()));
    }
    let quantity = metric.metric.quantity();
    let level = metric.baseline.unwrap_or(f64::INFINITY);
    let accepted = relative.max(match quantity {
        Some(quantity) => quantity.floor_percent(level),
        None => 100.0 * exact::floor(metric.metric) / level.max(1.0),
    });
    let shown = Interval {
        center: change.percent,
        lower: change.lower,
        upper: change.upper,
    };
    let shown = metric.metric.direction().costs(shown);
    let looser = !metric.gated || metric.limit.is_none_or(|used| used > relative);
    match limits::against(shown, shown.lower, accepted) {
        Verdict::Regression if looser || is_clear(quantity, shown, accepted) => {
            Some((Verdict::Regression, format!("beyond the accepted {relative} %")))
        }
        Verdict::Inconclusive if looser => Some((
            Verdict::Inconclusive,
            format!("cannot be told from the accepted {relative} %"),
        )),
        _ => None,
    }
}

/// Beyond the limit by so much that no sharing of errors explains another verdict.
fn is_clear(quantity: Option<Quantity>, shown: Interval, accepted: f64) -> bool {
    quantity.is_none() || shown.lower - (shown.upper - shown.lower) > accepted
}

/// An exact change is the one between its figures; a noisy one comes from pairs, so that only the direction of what is large is known.
fn contradicts_itself(metric: &MetricComparison, change: Change) -> bool {
    let (Some(baseline), Some(candidate), None) = (metric.baseline, metric.candidate, metric.metric.quantity()) else {
        return false;
    };
    let percent = 100.0 * (candidate - baseline) / baseline.max(1.0);
    let tolerance = ROUNDING + percent.abs() * 1e-6;
    [change.percent, change.lower, change.upper]
        .into_iter()
        .any(|said| (said - percent).abs() > tolerance || said.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;
    use crate::verdict::types::ComparisonKey;

    fn gate(text: &str) -> Gate {
        let text = format!("version: 1\nmodels: [{{ name: a, path: a.onnx }}]\ngate: {{ {text} }}\n");
        load::parse(&text, std::path::Path::new("x.yml")).unwrap().config.gate
    }

    fn metric(metric: Metric, baseline: f64, candidate: f64, half: f64, limit: f64) -> MetricComparison {
        let percent = 100.0 * (candidate - baseline) / baseline;
        MetricComparison {
            metric,
            baseline: Some(baseline),
            candidate: Some(candidate),
            change: Some(Change {
                percent,
                lower: percent - half,
                upper: percent + half,
            }),
            limit: Some(limit),
            budget: None,
            budget_source: None,
            gated: true,
            verdict: Verdict::Pass,
            reason: None,
        }
    }

    /// What is claimed to pass: latency and size, by limits of the claimant's choice.
    fn claimed(latency: (f64, f64, f64), size: (f64, f64)) -> Comparison {
        Comparison {
            key: ComparisonKey {
                model: "a".to_owned(),
                target: "onnxruntime_cpu".to_owned(),
                variant: "fp32".to_owned(),
                sequence: None,
            },
            metrics: vec![
                metric(Metric::LatencyP50, latency.0, latency.1, latency.2, 99999.0),
                metric(Metric::Size, size.0, size.1, 0.0, 99999.0),
            ],
            verdict: Verdict::Pass,
            reason: None,
            hints: Vec::new(),
        }
    }

    fn rejudged(mut comparison: Comparison, text: &str) -> Verdict {
        let before = comparison.verdict;
        let worse = again(&mut comparison, &gate(text));
        assert_eq!(worse, comparison.verdict > before);
        assert!(!worse || comparison.reason.is_some());
        comparison.verdict
    }

    #[test]
    fn limits_of_ones_own_choice_do_not_count() {
        for (latency, size, expected) in [
            ((10.0, 10.1, 0.5), (1e7, 1e7), Verdict::Pass),
            ((10.0, 12.0, 2.0), (1e7, 1e7), Verdict::Regression),
            ((10.0, 10.5, 2.0), (1e7, 1e7), Verdict::Inconclusive),
            ((10.0, 10.0, 0.5), (1e7, 1.2e7), Verdict::Regression),
            // Below the floors of a tenth of a microsecond and 64 KB.
            ((0.001, 0.00107, 1.0), (1e5, 1.5e5), Verdict::Pass),
        ] {
            assert_eq!(rejudged(claimed(latency, size), ""), expected, "{latency:?} {size:?}");
        }
    }

    #[test]
    fn a_budget_of_the_gate_counts() {
        let fine = claimed((10.0, 10.0, 0.5), (1e7, 1e7));
        assert_eq!(rejudged(fine.clone(), "size: { budget: 9 MB }"), Verdict::Regression);
        assert_eq!(rejudged(fine.clone(), "latency: { budget: 9 ms }"), Verdict::Regression);
        assert_eq!(
            rejudged(fine, "size: { budget: 20 MB }, latency: { budget: 20 ms }"),
            Verdict::Pass
        );
    }

    #[test]
    fn figures_that_do_not_go_together_are_an_error() {
        let mut forged = claimed((10.0, 10.0, 0.5), (1e7, 2e7));
        forged.metrics[1].change = Some(Change::exact(0.0));
        assert_eq!(rejudged(forged, ""), Verdict::Error);
    }

    #[test]
    fn what_was_not_measured_does_not_pass() {
        let mut empty = claimed((10.0, 10.0, 0.5), (1e7, 1e7));
        empty.metrics.clear();
        assert_eq!(rejudged(empty, ""), Verdict::Error);
        let mut bare = claimed((10.0, 10.0, 0.5), (1e7, 1e7));
        bare.metrics[0].change = None;
        assert_eq!(rejudged(bare, ""), Verdict::Error);
    }

    #[test]
    fn a_metric_that_is_said_to_inform_is_judged_where_it_gates() {
        let mut shy = claimed((10.0, 15.0, 0.5), (1e7, 1e7));
        shy.metrics[0].gated = false;
        shy.metrics[0].limit = None;
        assert_eq!(rejudged(shy, ""), Verdict::Regression);
    }

    #[test]
    fn outputs_are_judged_where_they_count() {
        let with = |value: f64, gated: bool| {
            let mut comparison = claimed((10.0, 10.0, 0.5), (1e7, 1e7));
            comparison.metrics.push(MetricComparison {
                baseline: None,
                candidate: Some(value),
                change: None,
                gated,
                ..metric(Metric::Cosine, 1.0, 1.0, 0.0, 0.1)
            });
            rejudged(comparison, "")
        };
        assert_eq!(with(0.5, true), Verdict::Regression);
        assert_eq!(with(0.999, true), Verdict::Pass);
        assert_eq!(with(0.5, false), Verdict::Pass);
    }

    #[test]
    fn nothing_gets_better() {
        for verdict in [
            Verdict::Regression,
            Verdict::Error,
            Verdict::Removed,
            Verdict::Inconclusive,
        ] {
            let mut comparison = claimed((10.0, 10.0, 0.5), (1e7, 1e7));
            comparison.verdict = verdict;
            assert_eq!(rejudged(comparison, ""), verdict);
        }
    }
}
