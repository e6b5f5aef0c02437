//! One metric at a time: its figures, its change, its limits, what it means.

use crate::config::Gate;
use crate::measure::accuracy::Accuracy;
use crate::measure::estimate::latencies;
use crate::measure::estimate::latencies_alone;
use crate::measure::plan::Aim;
use crate::measure::plan::Quantity;
use crate::measure::plan::aims;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::Which;
use crate::stats::interval::Interval;
use crate::stats::summary::Summary;
use crate::units::Bytes;
use crate::units::Millis;
use crate::verdict::limits;
use crate::verdict::limits::SIZE_FLOOR_BYTES;
use crate::verdict::types::Change;
use crate::verdict::types::Metric;
use crate::verdict::types::MetricComparison;
use crate::verdict::types::Verdict;

/// A gated metric that is measured with noise.
pub(super) fn noisy(measurement: &PairMeasurement, aim: &Aim) -> MetricComparison {
    let metric = of(aim.quantity);
    let looks = &measurement.looks;
    let Some(evidence) = measurement.change(aim.quantity) else {
        return missing(aim.quantity);
    };
    let (Some(shown), Some(bound)) = (
        evidence.interval(looks.tail()),
        evidence.interval(looks.tail_of(looks.share())),
    ) else {
        return failed(metric, "too few restarts for an interval");
    };

    let mut reasons = Vec::new();
    let relative = aim.max_regression.map_or(Verdict::Pass, |limit| {
        let accepted = measurement.accepted(aim.quantity, limit);
        let verdict = limits::change_against(shown, bound.lower, accepted);
        reasons.extend(relative_reason(verdict, shown, limit, accepted, aim.quantity, looks));
        verdict
    });
    let budget = aim.budget.and_then(|budget| {
        let figure = measurement.absolute(Which::Candidate, aim.quantity)?;
        let verdict = budget_verdict(
            (
                figure.interval(looks.tail())?,
                figure.interval(looks.tail_of(looks.share()))?,
            ),
            budget,
        );
        reasons.extend(budget_reason(verdict, aim.quantity, budget));
        Some(verdict)
    });
    MetricComparison {
        baseline: figure(measurement, Which::Baseline, aim.quantity),
        candidate: figure(measurement, Which::Candidate, aim.quantity),
        change: Some(change_of(shown)),
        limit: aim.max_regression,
        budget: aim.budget,
        gated: true,
        verdict: limits::worse(relative, budget),
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        ..blank(metric)
    }
}

/// A latency that the config sets no limit on.
pub(super) fn informing(measurement: &PairMeasurement, quantity: Quantity) -> MetricComparison {
    MetricComparison {
        baseline: figure(measurement, Which::Baseline, quantity),
        candidate: figure(measurement, Which::Candidate, quantity),
        change: measurement
            .change(quantity)
            .and_then(|evidence| evidence.interval(measurement.looks.tail()))
            .map(change_of),
        ..blank(of(quantity))
    }
}

/// Size on disk, which has no noise.
pub(super) fn size(baseline: Option<u64>, candidate: u64, gate: &Gate) -> MetricComparison {
    let limit = gate.size.max_regression.0;
    let mut reasons = Vec::new();
    let change = baseline.map(|baseline| {
        let difference = candidate as f64 - baseline as f64;
        100.0 * difference / (baseline as f64).max(1.0)
    });
    let relative = match (baseline, change) {
        (Some(baseline), Some(percent)) => {
            let accepted = limit.max(100.0 * SIZE_FLOOR_BYTES / (baseline as f64).max(1.0));
            if percent > limit && percent <= accepted {
                reasons.push("a difference of less than 64 KB is no regression".to_owned());
            }
            limits::change_against(limits::exact(percent), percent, accepted)
        }
        _ => Verdict::NoBaseline,
    };
    let budget = gate.size.budget.map(|budget| {
        let verdict = limits::against(limits::exact(candidate as f64), candidate as f64, budget.0 as f64);
        if verdict == Verdict::Regression {
            reasons.push(format!("over the budget of {budget}"));
        }
        verdict
    });
    MetricComparison {
        baseline: baseline.map(|bytes| bytes as f64),
        candidate: Some(candidate as f64),
        change: change.map(Change::exact),
        limit: baseline.map(|_| limit),
        budget: gate.size.budget.map(|budget| budget.0 as f64),
        gated: baseline.is_some() || budget.is_some(),
        verdict: without_baseline(relative, budget),
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        ..blank(Metric::Size)
    }
}

/// Cosine, top-1 agreement and labelled accuracy.
pub(super) fn outputs(accuracy: Option<&Accuracy>, gate: &Gate) -> Vec<MetricComparison> {
    let Some(accuracy) = accuracy else {
        return vec![failed(Metric::Cosine, "the outputs were not compared")];
    };
    let labels = accuracy.baseline_top1.zip(accuracy.candidate_top1);
    let agreement_gates = gate.accuracy.explicit || labels.is_none();
    let at_least = |metric, value: f64, least: f64| {
        let verdict = match (agreement_gates, value >= least) {
            (false, _) => Verdict::Skipped,
            (true, true) => Verdict::Pass,
            (true, false) => Verdict::Regression,
        };
        MetricComparison {
            candidate: Some(value),
            limit: agreement_gates.then_some(least),
            gated: agreement_gates,
            verdict,
            reason: if agreement_gates {
                (verdict == Verdict::Regression).then(|| format!("{} is below {least}", below(value, least)))
            } else {
                Some("informs only: labelled accuracy judges".to_owned())
            },
            ..blank(metric)
        }
    };
    let mut metrics = vec![at_least(Metric::Cosine, accuracy.cosine, gate.accuracy.cosine)];
    metrics.extend(
        accuracy
            .top1_agreement
            .map(|value| at_least(Metric::Top1Agreement, value, gate.accuracy.top1)),
    );
    metrics.extend(labels.map(|(baseline, candidate)| labelled(baseline, candidate, accuracy.labelled, gate)));
    metrics
}

/// Labelled accuracy: the drop in percentage points.
fn labelled(baseline: f64, candidate: f64, samples: usize, gate: &Gate) -> MetricComparison {
    let limit = gate.accuracy.max_drop.0;
    // Shares of a few hundred samples: rounding must not turn a drop of exactly the limit into one beyond it.
    let drop = (100.0 * (baseline - candidate) * 1e9).round() / 1e9;
    let verdict = if drop > limit {
        Verdict::Regression
    } else if drop < 0.0 && -drop >= limit {
        Verdict::Improvement
    } else {
        Verdict::Pass
    };
    MetricComparison {
        baseline: Some(baseline),
        candidate: Some(candidate),
        change: (baseline > 0.0).then(|| Change::exact(100.0 * (candidate / baseline - 1.0))),
        limit: Some(limit),
        gated: true,
        verdict,
        reason: (verdict == Verdict::Regression)
            .then(|| format!("{drop:.2} points fewer right answers on {samples} samples")),
        ..blank(Metric::Top1Accuracy)
    }
}

/// The absolute figures of a side without anything to compare with.
pub(super) fn alone(
    measurement: &SideMeasurement,
    size_bytes: u64,
    gate: &Gate,
    word: Verdict,
) -> Vec<MetricComparison> {
    let mut metrics: Vec<MetricComparison> = aims(gate)
        .iter()
        .map(|aim| {
            let looks = &measurement.looks;
            let Some(evidence) = measurement.absolute(aim.quantity) else {
                return missing(aim.quantity);
            };
            let (Some(shown), Some(bound)) = (
                evidence.interval(looks.tail()),
                evidence.interval(looks.tail_of(looks.share())),
            ) else {
                return failed(of(aim.quantity), "too few restarts for an interval");
            };
            let budget = aim.budget.map(|budget| budget_verdict((shown, bound), budget));
            MetricComparison {
                candidate: match aim.quantity {
                    Quantity::PeakMemory => Some(shown.center),
                    quantity => summarized(&latencies_alone(&measurement.restarts), quantity),
                },
                budget: aim.budget,
                gated: aim.budget.is_some(),
                verdict: without_baseline(word, budget),
                reason: aim
                    .budget
                    .zip(budget)
                    .and_then(|(limit, verdict)| budget_reason(verdict, aim.quantity, limit)),
                ..blank(of(aim.quantity))
            }
        })
        .collect();
    metrics.push(size(None, size_bytes, gate));
    metrics
}

/// A relative answer that there is none of, and a budget that may be violated all the same.
fn without_baseline(relative: Verdict, budget: Option<Verdict>) -> Verdict {
    match relative {
        Verdict::NoBaseline | Verdict::Skipped => match budget {
            Some(Verdict::Pass) | None => relative,
            Some(budget) => budget,
        },
        relative => limits::worse(relative, budget),
    }
}

fn budget_verdict((shown, bound): (Interval, Interval), budget: f64) -> Verdict {
    limits::against(shown, bound.lower, budget)
}

fn relative_reason(
    verdict: Verdict,
    shown: Interval,
    limit: f64,
    accepted: f64,
    quantity: Quantity,
    looks: &Looks,
) -> Option<String> {
    match verdict {
        Verdict::Pass if shown.upper > limit && accepted > limit => {
            let floor = match quantity {
                Quantity::PeakMemory => "1 MB",
                _ => "1 µs",
            };
            Some(format!("a difference of less than {floor} is no regression"))
        }
        Verdict::Inconclusive if shown.lower > accepted => Some(format!(
            "beyond the limit by itself, but not once the {} limits of this run share the error",
            looks.family
        )),
        Verdict::Inconclusive => Some("the interval holds the limit".to_owned()),
        _ => None,
    }
}

fn budget_reason(verdict: Verdict, quantity: Quantity, budget: f64) -> Option<String> {
    match verdict {
        Verdict::Regression => Some(over_budget(quantity, budget)),
        Verdict::Inconclusive => Some(format!(
            "the interval holds the budget of {}",
            budget_text(quantity, budget)
        )),
        _ => None,
    }
}

/// Why a violated budget is a regression.
pub(super) fn over_budget(quantity: Quantity, budget: f64) -> String {
    format!("over the budget of {}", budget_text(quantity, budget))
}

fn budget_text(quantity: Quantity, budget: f64) -> String {
    match quantity {
        Quantity::PeakMemory => Bytes(budget as u64).to_string(),
        Quantity::LatencyP50 | Quantity::LatencyP95 => Millis(budget).to_string(),
    }
}

/// What a gated quantity without figures means: memory is not told everywhere, a latency always should be.
fn missing(quantity: Quantity) -> MetricComparison {
    match quantity {
        Quantity::PeakMemory => MetricComparison {
            gated: true,
            reason: Some("not measured: this system does not tell a process' peak memory".to_owned()),
            ..blank(Metric::PeakMemory)
        },
        quantity => failed(of(quantity), "was not measured"),
    }
}

pub(super) fn failed(metric: Metric, reason: &str) -> MetricComparison {
    MetricComparison {
        gated: true,
        verdict: Verdict::Error,
        reason: Some(reason.to_owned()),
        ..blank(metric)
    }
}

/// A metric that only informs and says nothing yet.
pub(super) fn blank(metric: Metric) -> MetricComparison {
    MetricComparison {
        metric,
        baseline: None,
        candidate: None,
        change: None,
        limit: None,
        budget: None,
        gated: false,
        verdict: Verdict::Skipped,
        reason: None,
    }
}

/// The metric of a noisy quantity.
pub(super) fn of(quantity: Quantity) -> Metric {
    match quantity {
        Quantity::LatencyP50 => Metric::LatencyP50,
        Quantity::LatencyP95 => Metric::LatencyP95,
        Quantity::PeakMemory => Metric::PeakMemory,
    }
}

/// The absolute figure to show: of all samples, untrimmed.
fn figure(measurement: &PairMeasurement, which: Which, quantity: Quantity) -> Option<f64> {
    match quantity {
        Quantity::PeakMemory => Some(
            measurement
                .absolute(which, quantity)?
                .interval(measurement.looks.tail())?
                .center,
        ),
        quantity => summarized(&latencies(&measurement.restarts, which), quantity),
    }
}

fn summarized(latencies: &[f64], quantity: Quantity) -> Option<f64> {
    let summary = Summary::of(latencies)?;
    match quantity {
        Quantity::LatencyP50 => Some(summary.p50),
        Quantity::LatencyP95 => Some(summary.p95),
        Quantity::PeakMemory => None,
    }
}

fn change_of(interval: Interval) -> Change {
    Change {
        percent: interval.center,
        lower: interval.lower,
        upper: interval.upper,
    }
}

/// A value with as many digits as it takes to see that it is below `least`.
fn below(value: f64, least: f64) -> String {
    (4..=9)
        .map(|digits| format!("{value:.digits$}"))
        .find(|text| text.parse::<f64>().is_ok_and(|shown| shown < least))
        .unwrap_or_else(|| value.to_string())
}
