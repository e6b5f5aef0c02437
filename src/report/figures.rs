//! How figures are written: values with their unit, pairs, changes with their interval, limits and budgets.

use crate::measure::quantity::Direction;
use crate::units::Bytes;
use crate::units::Count;
use crate::units::Millis;
use crate::units::PerSecond;
use crate::units::Percent;
use crate::units::signed_percent;
use crate::verdict::Change;
use crate::verdict::Metric;
use crate::verdict::MetricComparison;
use crate::verdict::Verdict;

/// One value in the metric's unit: `3.87 ms`, `13.4 MB`, `0.9993`, `97.8 %`.
pub fn value(metric: Metric, value: f64) -> String {
    // Casting saturates, so a negative or absurd figure is shown as the nearest possible one.
    match metric {
        Metric::LatencyP50
        | Metric::LatencyP95
        | Metric::LatencyP99
        | Metric::LatencyMean
        | Metric::LatencyStd
        | Metric::Load
        | Metric::FirstInference
        | Metric::TimeToStable => Millis(value).to_string(),
        Metric::Throughput => PerSecond(value).to_string(),
        Metric::Size | Metric::CompressedSize | Metric::PeakMemory | Metric::ModelMemory | Metric::ActivationPeak => {
            Bytes(value.round() as u64).to_string()
        }
        Metric::Macs | Metric::Parameters | Metric::Operators => Count(value.round() as u64).to_string(),
        Metric::Cosine => format!("{value:.4}"),
        Metric::Top1Agreement | Metric::Top1Accuracy => format!("{:.1} %", value * 100.0),
    }
}

/// Both values, the unit once: `3.87 → 4.19 ms`; one where they look alike or only one is known.
pub fn values(metric: &MetricComparison) -> Option<String> {
    match (metric.baseline, metric.candidate) {
        (Some(baseline), Some(candidate)) => {
            Some(pair(&value(metric.metric, baseline), &value(metric.metric, candidate)))
        }
        (None, Some(candidate)) => Some(candidate_apart_from_limit(metric, candidate)),
        (Some(baseline), None) => Some(format!("{} → ?", value(metric.metric, baseline))),
        (None, None) => None,
    }
}

/// A share close to its limit gets as many digits as it takes to tell them apart.
fn candidate_apart_from_limit(metric: &MetricComparison, candidate: f64) -> String {
    match metric.limit {
        Some(limit) if metric.metric == Metric::Cosine && candidate != limit => (4..=7)
            .map(|digits| (format!("{candidate:.digits$}"), format!("{limit:.digits$}")))
            .find(|(shown, limit)| shown != limit)
            .map_or_else(|| value(metric.metric, candidate), |(shown, _)| shown),
        _ => value(metric.metric, candidate),
    }
}

/// Two texts that end in their unit, which is written once where it is the same.
pub fn pair(baseline: &str, candidate: &str) -> String {
    if baseline == candidate {
        return candidate.to_owned();
    }
    match (baseline.rsplit_once(' '), candidate.rsplit_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number} → {candidate}"),
        _ => format!("{baseline} → {candidate}"),
    }
}

/// The change: `+8.3 %`, or points where the metric itself is a share.
pub fn change(metric: &MetricComparison) -> Option<String> {
    if metric.metric == Metric::Top1Accuracy {
        return None;
    }
    metric
        .change
        .map(|change| percent_apart_from_limit(&change, metric.limit))
}

/// One digit after the point; more where the figure would look like the limit that it exceeds.
fn percent_apart_from_limit(change: &Change, limit: Option<f64>) -> String {
    if !change.percent.is_finite() {
        return "?".to_owned();
    }
    let shown = signed_percent(change.percent);
    match limit {
        Some(limit) if change.percent.abs() > limit && [limit, -limit].map(signed_percent).contains(&shown) => {
            let size = change.percent.abs();
            let digits = (2..=4)
                .find(|digits| format!("{size:.digits$}") != format!("{limit:.digits$}"))
                .unwrap_or(4);
            let sign = if change.percent < 0.0 { '−' } else { '+' };
            format!("{sign}{size:.digits$} %")
        }
        _ => shown,
    }
}

/// Half the interval: `±0.7`; nothing for exact figures.
pub fn interval(change: &Change) -> Option<String> {
    let half = change.half_width();
    if half == 0.0 {
        None
    } else if !half.is_finite() {
        Some("±?".to_owned())
    } else if half < 0.05 {
        Some("±<0.1".to_owned())
    } else if half < 10.0 {
        Some(format!("±{half:.1}"))
    } else {
        Some(format!("±{half:.0}"))
    }
}

/// The change inside a sentence: `+8.3 % (±0.7)`.
pub fn change_in_words(metric: &MetricComparison) -> String {
    let Some(shown) = change(metric) else {
        return String::new();
    };
    match metric.change.as_ref().and_then(interval) {
        Some(interval) => format!("{shown} ({interval})"),
        None => shown,
    }
}

/// What is accepted: `+5 %`, `at least 0.99`; `None` where the metric only informs.
pub fn limit(metric: &MetricComparison) -> Option<String> {
    let limit = metric.limit?;
    Some(match metric.metric {
        Metric::Cosine => format!("at least {limit}"),
        Metric::Top1Agreement => format!("at least {}", Percent(limit * 100.0)),
        Metric::Top1Accuracy => format!("−{}", points(limit)),
        other => relative(other, limit),
    })
}

/// An accepted relative change: `+5 %`; `−5 %` where higher is better.
pub fn relative(metric: Metric, limit: f64) -> String {
    match metric.direction() {
        Direction::LowerIsBetter => format!("+{}", Percent(limit)),
        Direction::HigherIsBetter => format!("−{}", Percent(limit)),
    }
}

/// The budget, where there is one: `at most 10 ms`, `at least 200 /s`.
pub fn budget(metric: &MetricComparison) -> Option<String> {
    metric.budget.map(|budget| match metric.metric.direction() {
        Direction::LowerIsBetter => format!("at most {}", value(metric.metric, budget)),
        Direction::HigherIsBetter => format!("at least {}", value(metric.metric, budget)),
    })
}

/// `1 point`, `2.5 points`.
pub fn points(points: f64) -> String {
    if points == 1.0 {
        "1 point".to_owned()
    } else {
        format!("{points} points")
    }
}

/// True where the candidate is beyond its absolute budget and was judged so.
pub fn over_budget(metric: &MetricComparison) -> bool {
    let cost = |value| metric.metric.direction().cost(value);
    let beyond =
        matches!((metric.candidate, metric.budget), (Some(candidate), Some(budget)) if cost(candidate) > cost(budget));
    beyond && metric.verdict == Verdict::Regression
}

/// True where the budget alone made it a regression.
pub fn only_over_budget(metric: &MetricComparison) -> bool {
    let within = match (&metric.change, metric.limit) {
        (Some(change), Some(limit)) => match metric.metric.direction() {
            Direction::LowerIsBetter => change.lower <= limit,
            Direction::HigherIsBetter => -change.upper <= limit,
        },
        _ => true,
    };
    over_budget(metric) && within
}

/// How far beyond its limit or budget a metric is: 1 at the limit, more beyond. Only for ordering.
pub fn severity(metric: &MetricComparison) -> f64 {
    // Limits of nothing would make everything infinitely bad.
    const SMALLEST: f64 = 0.1;
    let relative = match (metric.metric, metric.limit) {
        (Metric::Cosine | Metric::Top1Agreement, Some(limit)) => metric
            .candidate
            .map(|candidate| (1.0 - candidate) / (1.0 - limit).max(1e-4)),
        (Metric::Top1Accuracy, Some(limit)) => match (metric.baseline, metric.candidate) {
            (Some(baseline), Some(candidate)) => Some((baseline - candidate) * 100.0 / limit.max(SMALLEST)),
            _ => None,
        },
        (_, Some(limit)) => metric
            .change
            .map(|change| metric.metric.direction().cost(change.percent) / limit.max(SMALLEST)),
        (_, None) => None,
    };
    let absolute = match (metric.candidate, metric.budget) {
        (Some(candidate), Some(budget)) if budget > 0.0 => Some(match metric.metric.direction() {
            Direction::LowerIsBetter => candidate / budget,
            Direction::HigherIsBetter => budget / candidate.max(f64::MIN_POSITIVE),
        }),
        _ => None,
    };
    let severity = relative.unwrap_or(0.0).max(absolute.unwrap_or(0.0));
    if severity.is_nan() { 0.0 } else { severity }
}

/// The limit and budget that a regression exceeds, as a clause: `the limit is +5 %, the budget is 10 ms`.
pub fn bounds_in_words(metric: &MetricComparison) -> String {
    let limit = metric
        .limit
        .filter(|_| !only_over_budget(metric))
        .map(|limit| match metric.metric {
            Metric::Cosine => format!("the least accepted is {limit}"),
            Metric::Top1Agreement => format!("the least accepted is {}", Percent(limit * 100.0)),
            Metric::Top1Accuracy => format!("the accepted drop is {}", points(limit)),
            other => format!("the limit is {}", relative(other, limit)),
        });
    let budget = metric.budget.filter(|_| over_budget(metric)).map(|budget| {
        let budget = format!("the budget is {}", value(metric.metric, budget));
        match &metric.budget_source {
            Some(source) => format!("{budget} ({source})"),
            None => budget,
        }
    });
    let bounds: Vec<String> = limit.into_iter().chain(budget).collect();
    bounds.join(", ")
}

/// What a regression violates, for annotations and the stored report: `p50 3.87 → 4.19 ms, +8.3 % (±0.7): the limit is +5 %`.
/// Without the bounds where they are not exceeded.
pub fn violation(metric: &MetricComparison) -> String {
    let mut said = metric.metric.word().to_owned();
    if let Some(values) = values(metric) {
        said = format!("{said} {values}");
    }
    let change = change_in_words(metric);
    if !change.is_empty() {
        said = format!("{said}, {change}");
    }
    let bounds = bounds_in_words(metric);
    if bounds.is_empty() {
        said
    } else {
        format!("{said}: {bounds}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(percent: f64, half: f64, limit: f64, budget: Option<f64>) -> MetricComparison {
        MetricComparison {
            metric: Metric::LatencyP50,
            baseline: Some(3.87),
            candidate: Some(3.87 * (1.0 + percent / 100.0)),
            change: Some(Change {
                percent,
                lower: percent - half,
                upper: percent + half,
            }),
            limit: Some(limit),
            budget,
            budget_source: None,
            gated: true,
            verdict: Verdict::Regression,
            reason: None,
        }
    }

    #[test]
    fn values_share_their_unit() {
        assert_eq!(values(&latency(8.3, 0.7, 5.0, None)).unwrap(), "3.87 → 4.19 ms");
        assert_eq!(pair("980 µs", "1.02 ms"), "980 µs → 1.02 ms");
        assert_eq!(pair("13.4 MB", "13.4 MB"), "13.4 MB");
    }

    #[test]
    fn a_figure_never_looks_like_the_limit_that_it_exceeds() {
        assert_eq!(change(&latency(5.04, 0.0, 5.0, None)).unwrap(), "+5.04 %");
        let cosine = MetricComparison {
            metric: Metric::Cosine,
            baseline: None,
            candidate: Some(0.98997),
            change: None,
            limit: Some(0.99),
            ..latency(0.0, 0.0, 0.0, None)
        };
        assert_eq!(values(&cosine).unwrap(), "0.98997");
    }

    #[test]
    fn intervals_say_how_sure() {
        let half = |half: f64| interval(&latency(1.0, half, 5.0, None).change.unwrap());
        assert_eq!(half(0.7).unwrap(), "±0.7");
        assert_eq!(half(0.01).unwrap(), "±<0.1");
        assert_eq!(half(41.3).unwrap(), "±41");
        assert_eq!(half(f64::INFINITY).unwrap(), "±?");
        assert_eq!(half(0.0), None);
    }

    #[test]
    fn tells_a_budget_from_a_limit() {
        assert!(only_over_budget(&latency(1.0, 0.5, 5.0, Some(3.0))));
        assert!(!only_over_budget(&latency(8.3, 0.7, 5.0, Some(3.0))));
        assert!(over_budget(&latency(8.3, 0.7, 5.0, Some(3.0))));
        assert!(!over_budget(&latency(8.3, 0.7, 5.0, Some(10.0))));
        assert_eq!(
            violation(&latency(8.3, 0.7, 5.0, Some(3.0))),
            "p50 3.87 → 4.19 ms, +8.3 % (±0.7): the limit is +5 %, the budget is 3.00 ms"
        );
    }
}
