//! The first sentence: what came of it, which comparison is to blame, and how sure that is.

use crate::report::Detail;
use crate::report::Report;
use crate::report::clean;
use crate::report::figures;
use crate::verdict::Comparison;
use crate::verdict::ComparisonKey;
use crate::verdict::Metric;
use crate::verdict::MetricComparison;
use crate::verdict::Verdict;

/// The sentence and what stands before it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Headline {
    /// One character; never without a word beside it.
    pub icon: &'static str,
    /// The verdict's word.
    pub word: String,
    /// One sentence without a full stop; names stand in backticks.
    pub sentence: String,
}

/// Every icon that [`icon`] gives.
pub const ICONS: [&str; 6] = ["❌", "✅", "🟢", "⚠️", "⚪", "⛔"];

/// The icon that stands before a verdict's word.
pub fn icon(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regression => "❌",
        Verdict::Pass => "✅",
        Verdict::Improvement => "🟢",
        Verdict::Inconclusive | Verdict::Removed => "⚠️",
        Verdict::Skipped | Verdict::NoBaseline => "⚪",
        Verdict::Error => "⛔",
    }
}

/// The verdict's word for people.
pub fn word(verdict: Verdict) -> String {
    verdict.word().replace('-', " ")
}

/// The headline of a report.
pub fn of(report: &Report) -> Headline {
    let sentence = match worst(report) {
        None => nothing_compared(report),
        Some(detail) => match report.result {
            Verdict::Regression => regression(report, detail),
            Verdict::Error => error(report, detail),
            Verdict::Inconclusive => inconclusive(report, detail),
            Verdict::Removed => removed(report, detail),
            Verdict::NoBaseline => no_baseline(report, detail),
            Verdict::Pass => pass(report),
            Verdict::Improvement => improvement(report, detail),
            Verdict::Skipped => skipped(report, detail),
        },
    };
    Headline {
        icon: icon(report.result),
        word: word(report.result),
        sentence,
    }
}

/// The comparison that decides: of the worst verdict, the one furthest beyond its limit.
pub fn worst(report: &Report) -> Option<&Detail> {
    report.comparisons.iter().rev().max_by(|a, b| {
        let rank = |detail: &Detail| {
            (
                detail.comparison.verdict,
                blame(&detail.comparison).map(figures::severity),
            )
        };
        let ((a_verdict, a_severity), (b_verdict, b_severity)) = (rank(a), rank(b));
        let severity = a_severity.unwrap_or(0.0).total_cmp(&b_severity.unwrap_or(0.0));
        a_verdict.cmp(&b_verdict).then(severity)
    })
}

/// The gated metric that gave a comparison its verdict.
pub fn blame(comparison: &Comparison) -> Option<&MetricComparison> {
    comparison
        .metrics
        .iter()
        .rev()
        .filter(|metric| metric.gated && metric.verdict == comparison.verdict)
        .max_by(|a, b| figures::severity(a).total_cmp(&figures::severity(b)))
}

/// The comparison's name: the model, and the variant and target where they tell it from others.
pub fn name(report: &Report, key: &ComparisonKey) -> String {
    let quoted = |raw: &str| format!("`{}`", clean::line(raw, clean::NAME_LENGTH).replace('`', "'"));
    let mut name = quoted(&key.model);
    let others = || report.comparisons.iter().map(|detail| &detail.comparison.key);
    if key.variant != "fp32" {
        name = format!("{name} {}", quoted(&key.variant));
    }
    if let Some(length) = key.sequence {
        name = format!("{name} at {length} tokens");
    }
    if others().any(|other| other.model == key.model && other.target != key.target) {
        name = format!("{name} on {}", quoted(&key.target));
    }
    name
}

fn count(report: &Report, verdict: Verdict) -> usize {
    let of_verdict = |detail: &&Detail| detail.comparison.verdict == verdict;
    report.comparisons.iter().filter(of_verdict).count()
}

/// `1 comparison`, `3 comparisons`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// What is said of the others of the same verdict.
fn and_others(report: &Report, verdict: Verdict, noun: &str) -> String {
    match count(report, verdict) {
        0 | 1 => String::new(),
        several => format!(
            " (the worst of {several} {noun} in {} comparisons)",
            report.comparisons.len()
        ),
    }
}

fn regression(report: &Report, detail: &Detail) -> String {
    let name = name(report, &detail.comparison.key);
    let said = match blame(&detail.comparison) {
        Some(metric) => format!(
            "{name} {}{}",
            what_got_worse(metric),
            what_else(&detail.comparison, metric)
        ),
        None => format!("{name} got worse{}", because(&detail.comparison)),
    };
    said + &and_others(report, Verdict::Regression, "regressions")
}

/// `got slower: p50 +8.3 % (±0.7), the limit is +5 %`.
fn what_got_worse(metric: &MetricComparison) -> String {
    let word = metric.metric.word();
    let bounds = figures::bounds_in_words(metric);
    let values = figures::values(metric).unwrap_or_default();
    let change = figures::change_in_words(metric);
    if figures::only_over_budget(metric) {
        let candidate = metric.candidate.map(|value| figures::value(metric.metric, value));
        return format!("is over its budget: {word} {}, {bounds}", candidate.unwrap_or_default());
    }
    match metric.metric {
        Metric::LatencyP50
        | Metric::LatencyP95
        | Metric::LatencyP99
        | Metric::LatencyMean
        | Metric::LatencyStd
        | Metric::Throughput => format!("got slower: {word} {change}, {bounds}"),
        Metric::Load | Metric::FirstInference | Metric::TimeToStable => {
            format!("starts more slowly: {word} {values}, {change}, {bounds}")
        }
        Metric::Size => format!("got bigger: {values}, {change}, {bounds}"),
        Metric::CompressedSize => format!("got bigger compressed: {values}, {change}, {bounds}"),
        Metric::PeakMemory => format!("needs more memory: {values}, {change}, {bounds}"),
        Metric::ModelMemory => format!("needs more memory before its first inference: {values}, {change}, {bounds}"),
        Metric::Macs | Metric::Parameters | Metric::Operators | Metric::ActivationPeak => {
            format!("grew: {word} {values}, {change}, {bounds}")
        }
        Metric::Cosine => format!("gives other outputs: cosine {values}, {bounds}"),
        Metric::Top1Agreement => format!("gives other answers: the same top-1 on {values} of the samples, {bounds}"),
        Metric::Top1Accuracy => format!("got less accurate: top-1 {values}, {bounds}"),
    }
}

/// The other metrics of the same comparison that are beyond their limits.
fn what_else(comparison: &Comparison, blamed: &MetricComparison) -> String {
    let others: Vec<&str> = comparison
        .metrics
        .iter()
        .filter(|metric| metric.gated && metric.verdict == Verdict::Regression && metric.metric != blamed.metric)
        .map(|metric| metric.metric.word())
        .collect();
    match others.as_slice() {
        [] => String::new(),
        [only] => format!("; {only} is beyond its limit too"),
        [first @ .., last] => format!("; {} and {last} are beyond theirs too", first.join(", ")),
    }
}

/// A reason as short as a headline needs it.
pub(crate) fn brief(reason: &str) -> String {
    clean::sentence(reason, 200)
}

/// Why the process fails although nothing is worse: the config says so.
pub(crate) fn policy(report: &Report) -> Option<String> {
    let setting = match report.result {
        Verdict::Inconclusive => "on_inconclusive",
        Verdict::NoBaseline => "on_missing_baseline",
        _ => return None,
    };
    (report.exit_code != 0).then(|| format!("`gate.{setting}` counts this as a failure"))
}

fn because(comparison: &Comparison) -> String {
    match &comparison.reason {
        Some(reason) => format!(": {}", brief(reason)),
        None => String::new(),
    }
}

fn error(report: &Report, detail: &Detail) -> String {
    if detail.comparison.verdict != Verdict::Error {
        return "The run failed after measuring; see the notices below".to_owned();
    }
    let name = name(report, &detail.comparison.key);
    let others = match count(report, Verdict::Error) {
        0 | 1 => String::new(),
        several => format!(" ({several} of {} comparisons failed)", report.comparisons.len()),
    };
    format!("{name} could not be compared{}{others}", because(&detail.comparison))
}

fn inconclusive(report: &Report, detail: &Detail) -> String {
    let name = name(report, &detail.comparison.key);
    let others = and_others(report, Verdict::Inconclusive, "undecided ones");
    let Some(metric) = blame(&detail.comparison) else {
        return format!("Can't tell about {name}{}{others}", because(&detail.comparison));
    };
    let word = metric.metric.word();
    let said = match (&metric.change, metric.limit) {
        (Some(change), Some(limit)) => {
            let why = if change.half_width() * 2.0 >= limit.abs() || !change.half_width().is_finite() {
                format!("this machine is too noisy{}", why_noisy(report, detail))
            } else {
                "that is too close to call".to_owned()
            };
            let change = figures::change_in_words(metric);
            format!(
                "Can't tell: {name} {word} {change} against a limit of {}; {why}",
                figures::relative(metric.metric, limit)
            )
        }
        _ => {
            let values = figures::values(metric).unwrap_or_default();
            let budget = metric
                .budget
                .map(|budget| format!(", too close to the budget of {}", figures::value(metric.metric, budget)))
                .unwrap_or_default();
            format!("Can't tell: {name} {word} {values}{budget}")
        }
    };
    said + &others
}

/// `: other processes took 48 % of the time`, where it is known what disturbed; or else ` (load 3.1 on 2 cores)`.
fn why_noisy(report: &Report, detail: &Detail) -> String {
    if let Some(worst) = detail.disturbances.first() {
        return format!(": {worst}");
    }
    match report.environment.load_average {
        Some(load) if report.environment.cores_logical > 0 => {
            format!(
                " (load {load:.1} on {})",
                counted(report.environment.cores_logical, "core")
            )
        }
        _ => String::new(),
    }
}

fn removed(report: &Report, detail: &Detail) -> String {
    let name = name(report, &detail.comparison.key);
    let others = match count(report, Verdict::Removed) {
        0 | 1 => String::new(),
        several => format!(", as are {} others", several - 1),
    };
    format!("{name} is in the baseline and no longer in the config{others}")
}

fn no_baseline(report: &Report, detail: &Detail) -> String {
    let name = name(report, &detail.comparison.key);
    let new = count(report, Verdict::NoBaseline);
    let rest = report.comparisons.len() - new;
    let subject = match new {
        0 | 1 => format!("{name} is new here; it was measured, and there is nothing to compare it with"),
        several => format!(
            "{name} and {} are new here; measured, with nothing to compare with",
            counted(several - 1, "other comparison")
        ),
    };
    match rest {
        0 => format!("No baseline yet: {subject}"),
        _ => format!(
            "No baseline yet: {subject}. No regression in {}",
            counted(rest, "other comparison")
        ),
    }
}

/// `, size 0 %` and the like, after the latency.
fn main_changes(comparison: &Comparison) -> String {
    let shown: Vec<String> = [Metric::LatencyP50, Metric::LatencyP95, Metric::Size]
        .into_iter()
        .filter_map(|wanted| comparison.metric(wanted))
        .filter(|metric| metric.gated && metric.change.is_some())
        .map(|metric| format!("{} {}", metric.metric.word(), figures::change_in_words(metric)))
        .collect();
    shown.join(", ")
}

fn skipped_too(report: &Report) -> String {
    match count(report, Verdict::Skipped) {
        0 => String::new(),
        several => format!(" ({several} skipped as unchanged)"),
    }
}

fn pass(report: &Report) -> String {
    let measured: Vec<&Detail> = report
        .comparisons
        .iter()
        .filter(|detail| detail.comparison.verdict != Verdict::Skipped)
        .collect();
    if let Some((detail, metric)) = best(report) {
        let name = name(report, &detail.comparison.key);
        let gain = what_got_better(metric);
        return format!("No regression, and {name} {gain}{}", skipped_too(report));
    }
    match measured.as_slice() {
        [] => "No regression".to_owned(),
        [only] => {
            let changes = main_changes(&only.comparison);
            let name = name(report, &only.comparison.key);
            format!("No regression: {name} {changes}{}", skipped_too(report))
                .trim_end()
                .to_owned()
        }
        several => {
            let largest = several
                .iter()
                .filter_map(|detail| {
                    Some((
                        detail,
                        detail
                            .comparison
                            .metrics
                            .iter()
                            .filter(|metric| metric.gated)
                            .find(|metric| metric.change.is_some())?,
                    ))
                })
                .max_by(|(_, a), (_, b)| percent(a).total_cmp(&percent(b)));
            let shown = match largest {
                Some((detail, metric)) => format!(
                    "; the largest change is {} {} {}",
                    name(report, &detail.comparison.key),
                    metric.metric.word(),
                    figures::change_in_words(metric)
                ),
                None => String::new(),
            };
            format!(
                "No regression in {} comparisons{}{shown}",
                several.len(),
                skipped_too(report)
            )
        }
    }
}

fn percent(metric: &MetricComparison) -> f64 {
    metric
        .change
        .map_or(0.0, |change| metric.metric.direction().cost(change.percent))
}

/// The metric that improved most, and its comparison; a comparison may pass as a whole and be better in one metric.
fn best(report: &Report) -> Option<(&Detail, &MetricComparison)> {
    report
        .comparisons
        .iter()
        .filter(|detail| detail.comparison.verdict <= Verdict::Pass)
        .flat_map(|detail| detail.comparison.metrics.iter().map(move |metric| (detail, metric)))
        .filter(|(_, metric)| metric.gated && metric.verdict == Verdict::Improvement)
        .min_by(|(_, a), (_, b)| percent(a).total_cmp(&percent(b)))
}

/// `got faster: p50 −12.1 % (±0.8)`.
fn what_got_better(metric: &MetricComparison) -> String {
    let word = metric.metric.word();
    let change = figures::change_in_words(metric);
    match metric.metric {
        Metric::LatencyP50
        | Metric::LatencyP95
        | Metric::LatencyP99
        | Metric::LatencyMean
        | Metric::LatencyStd
        | Metric::Throughput => format!("got faster: {word} {change}"),
        Metric::Load | Metric::FirstInference | Metric::TimeToStable => {
            format!("starts faster: {word} {change}")
        }
        Metric::Size | Metric::CompressedSize => format!("got smaller: {word} {change}"),
        Metric::PeakMemory => format!("needs less memory: {change}"),
        Metric::ModelMemory => format!("needs less memory before its first inference: {change}"),
        Metric::Macs | Metric::Parameters | Metric::Operators | Metric::ActivationPeak => {
            format!("got leaner: {word} {change}")
        }
        Metric::Top1Accuracy => format!(
            "got more accurate: top-1 {}",
            figures::values(metric).unwrap_or_default()
        ),
        Metric::Cosine | Metric::Top1Agreement => {
            format!("improved: {word} {}", figures::values(metric).unwrap_or_default())
        }
    }
}

fn improvement(report: &Report, detail: &Detail) -> String {
    let (detail, gain) = match best(report) {
        Some((detail, metric)) => (detail, what_got_better(metric)),
        None => (detail, "improved".to_owned()),
    };
    let name = name(report, &detail.comparison.key);
    let others = match count(report, Verdict::Improvement) {
        0 | 1 => String::new(),
        several => format!("; {} improved too", counted(several - 1, "other comparison")),
    };
    format!("{name} {gain}{others}{}", skipped_too(report))
}

fn skipped(report: &Report, detail: &Detail) -> String {
    match report.comparisons.as_slice() {
        [only] => format!(
            "Nothing to measure: {} was skipped{}",
            name(report, &only.comparison.key),
            because(&only.comparison)
        ),
        several => format!(
            "Nothing to measure: all {} comparisons were skipped{}",
            several.len(),
            because(&detail.comparison)
        ),
    }
}

fn nothing_compared(report: &Report) -> String {
    match (report.result, report.notices.first()) {
        (Verdict::Error, Some(notice)) => format!("The gate could not run: {}", brief(notice)),
        (Verdict::Error, None) => "The gate could not run".to_owned(),
        _ => "Nothing to compare".to_owned(),
    }
}
