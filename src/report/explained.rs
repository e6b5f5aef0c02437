//! A report in words: for each comparison which limit counted, what interval was found, why that makes its verdict, and which operators
//! are behind it.

use crate::report::Detail;
use crate::report::Report;
use crate::report::clean;
use crate::report::figures;
use crate::report::headline;
use crate::report::markdown;
use crate::report::operators;
use crate::verdict::MetricComparison;
use crate::verdict::Verdict;

/// More comparisons are counted, not told.
const MOST: usize = 12;

/// Markdown that explains the comparisons of `model`, or of all models, the worst first; `None` where there is none of that name.
pub fn render(report: &Report, model: Option<&str>) -> Option<String> {
    let mut details: Vec<&Detail> = report
        .comparisons
        .iter()
        .filter(|detail| model.is_none_or(|name| detail.comparison.key.model == name))
        .collect();
    if details.is_empty() && model.is_some() {
        return None;
    }
    details.sort_by_key(|detail| std::cmp::Reverse(detail.comparison.verdict));
    let headline = headline::of(report);
    let mut text = format!("**{} {}**\n\n", headline.icon, markdown::prose(&headline.sentence));
    // Where something is worse or open, what is fine needs no words.
    let tells = |detail: &&&Detail| detail.comparison.verdict > Verdict::Pass;
    let left_out = if details.iter().any(|detail| tells(&detail)) {
        let before = details.len();
        details.retain(|detail| tells(&detail));
        before - details.len()
    } else {
        0
    };
    for detail in details.iter().take(MOST) {
        text.push_str(&comparison(report, detail));
    }
    if details.len() > MOST {
        text.push_str(&format!("- and {} more\n", details.len() - MOST));
    }
    if left_out > 0 {
        let fine = if left_out == 1 { "is" } else { "are" };
        text.push_str(&format!(
            "\n{} {fine} fine: within every limit, or unchanged.\n",
            headline::counted(left_out, "other comparison")
        ));
    }
    Some(text)
}

fn comparison(report: &Report, detail: &Detail) -> String {
    let comparison = &detail.comparison;
    let mut text = format!(
        "- {} {}: **{}**",
        headline::icon(comparison.verdict),
        markdown::prose(&headline::name(report, &comparison.key)),
        headline::word(comparison.verdict)
    );
    if let Some(reason) = &comparison.reason {
        text.push_str(&format!(": {}", markdown::prose(reason)));
    }
    text.push('\n');
    for metric in comparison.metrics.iter().filter(|metric| metric.gated) {
        text.push_str(&format!("  - {}\n", in_words(metric)));
    }
    if let Some(explained) = operators::of(detail) {
        text.push_str(&format!(
            "  - what got {}: {}\n",
            explained.direction,
            markdown::text(&explained.line())
        ));
    }
    if comparison.verdict == Verdict::Inconclusive {
        for cause in detail.disturbances.iter().chain(&detail.warnings).take(3) {
            text.push_str(&format!("  - {}\n", markdown::prose(cause)));
        }
    }
    for hint in comparison.hints.iter().take(3) {
        text.push_str(&format!("  - {}\n", markdown::prose(hint)));
    }
    text
}

/// One metric in a sentence.
fn in_words(metric: &MetricComparison) -> String {
    let mut text = format!("**{}**", metric.metric.word());
    if let Some(values) = figures::values(metric) {
        text.push_str(&format!(" {}", markdown::text(&values)));
    }
    if let Some(change) = figures::change(metric) {
        text.push_str(&format!(", {}", markdown::text(&change)));
    }
    if let Some(change) = metric.change.filter(|change| change.half_width() > 0.0) {
        text.push_str(&format!(
            " (95 % interval {} to {})",
            percent(change.lower),
            percent(change.upper)
        ));
    }
    let limit = figures::limit(metric).map(|limit| format!("the limit is {limit}"));
    let budget = figures::budget(metric).map(|budget| match &metric.budget_source {
        Some(source) => format!("the budget is {budget} ({})", clean::line(source, clean::NAME_LENGTH)),
        None => format!("the budget is {budget}"),
    });
    let bounds: Vec<String> = limit.into_iter().chain(budget).collect();
    if !bounds.is_empty() {
        text.push_str(&format!("; {}", markdown::text(&bounds.join(", "))));
    }
    text.push_str(match metric.verdict {
        Verdict::Regression if figures::only_over_budget(metric) => ": beyond the budget, whatever the baseline",
        Verdict::Regression if metric.change.is_some_and(|change| change.half_width() > 0.0) => {
            ": beyond it even at the better end of the interval"
        }
        Verdict::Regression => ": beyond it",
        Verdict::Improvement => ": better, beyond noise",
        Verdict::Pass => ": within it even at the worse end of the interval",
        Verdict::Inconclusive => ": the interval holds the limit, so that noise could have decided",
        Verdict::Error => ": not measured, which is never a pass",
        Verdict::NoBaseline | Verdict::Removed | Verdict::Skipped => "",
    });
    if let Some(reason) = &metric.reason {
        text.push_str(&format!(" — {}", markdown::prose(reason)));
    }
    text
}

fn percent(value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{:.1} %", value.abs())
}
