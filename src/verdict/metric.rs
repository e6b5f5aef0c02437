//! One metric at a time: its figures, its change, its limits, what it means.

use crate::config::Bound;
use crate::config::Gate;
use crate::config::Source;
use crate::measure::accuracy::Accuracy;
use crate::measure::estimate::Evidence;
use crate::measure::estimate::Tails;
use crate::measure::plan::Aim;
use crate::measure::plan::aims;
use crate::measure::quantity::Direction;
use crate::measure::quantity::Quantity;
use crate::measure::quantity::Unit;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::Which;
use crate::stats::interval::Interval;
use crate::units::Bytes;
use crate::units::Millis;
use crate::units::PerSecond;
use crate::verdict::exact;
use crate::verdict::exact::ExactFacts;
use crate::verdict::limits;
use crate::verdict::types::Change;
use crate::verdict::types::Metric;
use crate::verdict::types::MetricComparison;
use crate::verdict::types::Verdict;

/// A gated metric that is measured with noise.
pub(super) fn noisy(measurement: &PairMeasurement, aim: &Aim, tails: Tails, gate: &Gate) -> MetricComparison {
    let metric = Metric::from(aim.quantity);
    let direction = aim.quantity.direction();
    let looks = &measurement.looks;
    let Some(evidence) = measurement.change(aim.quantity) else {
        return missing(aim, gate.memory_explicit);
    };
    let (Some(shown), Some(bound)) = (evidence.interval(tails.shown), evidence.interval(tails.bound)) else {
        return failed(metric, "too few restarts for an interval");
    };

    let mut reasons = Vec::new();
    let relative = aim.max_regression.map_or(Verdict::Pass, |limit| {
        let accepted = measurement.accepted(aim.quantity, limit);
        let fails = measurement.accepted(aim.quantity, aim.fails_beyond().unwrap_or(limit));
        let (shown, bound) = (direction.costs(shown), direction.costs(bound));
        if bound.lower > fails && bound.lower <= accepted {
            reasons.push("strict: what is worse beyond noise fails".to_owned());
            return Verdict::Regression;
        }
        let verdict = limits::change_against(shown, bound.lower, accepted);
        reasons.extend(relative_reason(verdict, shown, limit, accepted, aim.quantity, looks));
        verdict
    });
    let mut verdict = relative;
    if let Some(budget) = aim.budget {
        let judged = measurement
            .absolute(Which::Candidate, aim.quantity)
            .and_then(|figure| budget_verdict(&figure, tails, aim.quantity, budget));
        let Some(judged) = judged else {
            return missing(aim, gate.memory_explicit);
        };
        reasons.extend(budget_reason(judged, aim.quantity, budget, gate));
        verdict = limits::worse(relative, Some(judged));
    }
    MetricComparison {
        baseline: measurement.shown(Which::Baseline, aim.quantity),
        candidate: measurement.shown(Which::Candidate, aim.quantity),
        change: Some(change_of(shown)),
        limit: aim.fails_beyond(),
        budget: aim.budget,
        budget_source: aim.budget.and_then(|_| source(gate, metric)),
        gated: true,
        verdict,
        reason: joined(&reasons),
        ..blank(metric)
    }
}

/// A noisy quantity that the config sets no limit on; `None` where it was not measured.
pub(super) fn informing(measurement: &PairMeasurement, quantity: Quantity, tails: Tails) -> Option<MetricComparison> {
    Some(MetricComparison {
        baseline: measurement.shown(Which::Baseline, quantity),
        candidate: Some(measurement.shown(Which::Candidate, quantity)?),
        change: measurement
            .change(quantity)
            .and_then(|evidence| evidence.interval(tails.shown))
            .map(change_of),
        ..blank(quantity.into())
    })
}

/// Cosine, top-1 agreement and labelled accuracy.
pub(super) fn outputs(accuracy: Option<&Accuracy>, gate: &Gate) -> Vec<MetricComparison> {
    let Some(accuracy) = accuracy else {
        return vec![failed(Metric::Cosine, "the outputs were not compared")];
    };
    let labels = accuracy.baseline_top1.zip(accuracy.candidate_top1);
    let agreement_gates = gate.accuracy.judged && (gate.accuracy.explicit || labels.is_none());
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
                Some(
                    if gate.accuracy.judged {
                        "informs only: labelled accuracy judges"
                    } else {
                        "informs only: `--check-accuracy` judges it"
                    }
                    .to_owned(),
                )
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
    facts: &ExactFacts,
    gate: &Gate,
    word: Verdict,
) -> Vec<MetricComparison> {
    let aims = aims(gate);
    let tails = measurement.looks.tails();
    let mut metrics: Vec<MetricComparison> = Quantity::ALL
        .into_iter()
        .filter_map(|quantity| match aims.iter().find(|aim| aim.quantity == quantity) {
            Some(aim) => Some(aimed_alone(measurement, aim, (gate, tails), word)),
            None => Some(MetricComparison {
                candidate: Some(measurement.shown(quantity)?),
                verdict: word,
                ..blank(quantity.into())
            }),
        })
        .collect();
    metrics.extend(exact::metrics(None, facts, gate, word));
    metrics
}

/// A noisy metric that the config sets a limit on, without a baseline: its budget counts.
fn aimed_alone(
    measurement: &SideMeasurement,
    aim: &Aim,
    (gate, tails): (&Gate, Tails),
    word: Verdict,
) -> MetricComparison {
    let metric = Metric::from(aim.quantity);
    let Some(evidence) = measurement.absolute(aim.quantity) else {
        return missing(aim, false);
    };
    if evidence.interval(tails.shown).is_none() {
        return failed(metric, "too few restarts for an interval");
    }
    let budget = aim
        .budget
        .and_then(|budget| budget_verdict(&evidence, tails, aim.quantity, budget));
    MetricComparison {
        candidate: measurement.shown(aim.quantity),
        budget: aim.budget,
        budget_source: aim.budget.and_then(|_| source(gate, metric)),
        gated: aim.budget.is_some(),
        verdict: limits::without_baseline(word, budget),
        reason: aim
            .budget
            .zip(budget)
            .and_then(|(limit, verdict)| budget_reason(verdict, aim.quantity, limit, gate)),
        ..blank(metric)
    }
}

fn budget_verdict(figure: &Evidence, tails: Tails, quantity: Quantity, budget: f64) -> Option<Verdict> {
    let direction = quantity.direction();
    let shown = direction.costs(figure.interval(tails.shown)?);
    let bound = direction.costs(figure.interval(tails.bound)?);
    Some(limits::against(shown, bound.lower, direction.cost(budget)))
}

/// `shown` and `accepted` are costs: more is worse.
fn relative_reason(
    verdict: Verdict,
    shown: Interval,
    limit: f64,
    accepted: f64,
    quantity: Quantity,
    looks: &Looks,
) -> Option<String> {
    match verdict {
        Verdict::Pass if shown.upper > limit && accepted > limit => Some(format!(
            "a difference of less than {} is no regression",
            floor_text(quantity)
        )),
        Verdict::Inconclusive if shown.lower > accepted => Some(format!(
            "beyond the limit by itself, but not once the {} limits of this run share the error",
            looks.family
        )),
        Verdict::Inconclusive => Some("the interval holds the limit".to_owned()),
        _ => None,
    }
}

/// `0.1 µs`, `1 ms`, `1 MB`; for throughput of the mean latency behind it.
fn floor_text(quantity: Quantity) -> String {
    let floor = quantity.floor();
    match quantity.unit() {
        Unit::Bytes => format!("{} MB", floor / 1e6),
        Unit::Milliseconds if floor >= 1.0 => format!("{floor} ms"),
        Unit::Milliseconds => format!("{} µs", (floor * 1e6).round() / 1e3),
        Unit::PerSecond => format!("{} µs an inference", (floor * 1e6).round() / 1e3),
    }
}

fn budget_reason(verdict: Verdict, quantity: Quantity, budget: f64, gate: &Gate) -> Option<String> {
    match verdict {
        Verdict::Regression => Some(beyond_budget(quantity, budget, gate)),
        Verdict::Inconclusive => Some(format!(
            "the interval holds the budget of {}",
            sourced(budget_text(quantity, budget), gate, quantity.into())
        )),
        _ => None,
    }
}

/// Why a violated budget is a regression.
pub(super) fn beyond_budget(quantity: Quantity, budget: f64, gate: &Gate) -> String {
    let side = match quantity.direction() {
        Direction::LowerIsBetter => "over",
        Direction::HigherIsBetter => "under",
    };
    let budget = sourced(budget_text(quantity, budget), gate, quantity.into());
    format!("{side} the budget of {budget}")
}

/// A budget with where it was given: `10.0 ms (.mlbuild/budget.toml:4)`.
pub(super) fn sourced(budget: String, gate: &Gate, metric: Metric) -> String {
    match source(gate, metric) {
        Some(source) => format!("{budget} ({source})"),
        None => budget,
    }
}

/// Where the budget of a metric was given, as far as that is known.
pub(super) fn source(gate: &Gate, metric: Metric) -> Option<String> {
    let bound = match metric {
        Metric::LatencyP50 => Bound::MaxLatency,
        Metric::LatencyP95 => Bound::MaxP95,
        Metric::PeakMemory => Bound::MaxMemory,
        Metric::Size => Bound::MaxSize,
        _ => return None,
    };
    match gate.constraints().get(bound)? {
        (_, Source::Config(None)) => None,
        (_, source) => Some(source.to_string()),
    }
}

fn budget_text(quantity: Quantity, budget: f64) -> String {
    match quantity.unit() {
        Unit::Bytes => Bytes(budget as u64).to_string(),
        Unit::Milliseconds => Millis(budget).to_string(),
        Unit::PerSecond => PerSecond(budget).to_string(),
    }
}

/// What a gated quantity without figures means. Memory is not told everywhere: where nobody asked for it but the defaults it is
/// skipped, else it is an error, as is every other quantity.
fn missing(aim: &Aim, memory_explicit: bool) -> MetricComparison {
    let metric = Metric::from(aim.quantity);
    let asked = memory_explicit || aim.budget.is_some();
    match aim.quantity {
        Quantity::PeakMemory if !asked => MetricComparison {
            gated: true,
            reason: Some("not measured: this system does not tell a process' peak memory".to_owned()),
            ..blank(metric)
        },
        Quantity::PeakMemory | Quantity::ModelMemory => failed(
            metric,
            "was not measured: this system does not tell a process' memory, and the config gates it",
        ),
        _ => failed(metric, "was not measured"),
    }
}

/// What to do about a gated metric that could not be measured.
pub(super) fn hint(metric: Metric) -> Option<&'static str> {
    match metric {
        Metric::PeakMemory | Metric::ModelMemory => {
            Some("measure on Linux, which tells a process' memory, or take the limit out of `gate.memory`")
        }
        Metric::Macs | Metric::ActivationPeak => Some(
            "give every dynamic input a shape under `inputs:` of the model, or take the limit out of `gate.static`",
        ),
        _ => None,
    }
}

/// Several reasons as one.
pub(super) fn joined(reasons: &[String]) -> Option<String> {
    (!reasons.is_empty()).then(|| reasons.join("; "))
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
        budget_source: None,
        gated: false,
        verdict: Verdict::Skipped,
        reason: None,
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
