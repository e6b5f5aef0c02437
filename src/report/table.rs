//! The terminal's table: what the comment says, in columns, with colours that only repeat what the words say.

use std::io;
use std::io::Write;

use owo_colors::OwoColorize as _;
use owo_colors::Style;

use crate::report::Detail;
use crate::report::Report;
use crate::report::clean;
use crate::report::figures;
use crate::report::headline;
use crate::report::operators;
use crate::verdict::Metric;
use crate::verdict::MetricComparison;
use crate::verdict::Verdict;

/// The columns of a comparison, in order; those without a figure are left out.
const COLUMNS: [&str; 22] = [
    "variant",
    "verdict",
    "p50",
    "p95",
    "p99",
    "mean",
    "std",
    "throughput",
    "load",
    "first inference",
    "time to stable",
    "size",
    "compressed size",
    "peak memory",
    "model memory",
    "MACs",
    "parameters",
    "operators",
    "activation peak",
    "cosine",
    "same top-1",
    "top-1",
];

/// The column of the verdict's word.
const VERDICT: usize = 1;

/// Terminals are at least this wide, most often; what would go beyond begins a line of its own.
pub(super) const WIDTH: usize = 100;

/// What stands where nothing was measured.
const NOTHING: &str = "–";

/// Writes the table, the headline and what to do; `color` adds ANSI colours.
pub fn write(report: &Report, out: &mut dyn Write, color: bool) -> io::Result<()> {
    let paint = Paint { color };
    write_groups(report, out, paint)?;
    write_verdict(report, out, paint)
}

/// One block a model and target.
pub(super) fn write_groups(report: &Report, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let same_group = |a: &Detail, b: &Detail| {
        a.comparison.key.model == b.comparison.key.model && a.comparison.key.target == b.comparison.key.target
    };
    for group in report.comparisons.chunk_by(same_group) {
        write_group(report, group, out, paint)?;
        write_operators(group, out, paint)?;
        writeln!(out)?;
    }
    Ok(())
}

/// The headline, where the config is to blame, what to know and what to do.
pub(super) fn write_verdict(report: &Report, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let headline = headline::of(report);
    let word = paint.style(&headline.word, verdict_style(report.result).bold());
    writeln!(out, "{word}: {}{}", terminal(&headline.sentence), place(report))?;
    write_remarks(report, out, paint)
}

/// Where the config is to blame: ` (.mlbuild.yml:14)`.
fn place(report: &Report) -> String {
    let line = headline::worst(report).filter(|detail| detail.comparison.verdict >= Verdict::Inconclusive);
    match line.and_then(|detail| detail.config_line) {
        Some(line) => format!(" ({}:{line})", terminal(&report.context.config_path)),
        None => String::new(),
    }
}

fn write_remarks(report: &Report, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let note = paint.style("note", Style::new().cyan());
    let hint = paint.style("hint", Style::new().cyan());
    for change in &report.config_changes {
        writeln!(
            out,
            "{note}: not used here, as it changes what the gate accepts: {}",
            terminal(change)
        )?;
    }
    for drift in &report.drift {
        writeln!(out, "{note}: not of this change: {}", terminal(drift))?;
    }
    for notice in &report.notices {
        writeln!(out, "{note}: {}", terminal(notice))?;
    }
    if let Some(policy) = headline::policy(report) {
        writeln!(out, "{note}: {policy}")?;
    }
    let mut seen: Vec<&str> = Vec::new();
    for text in report.comparisons.iter().flat_map(|detail| &detail.comparison.hints) {
        if !seen.contains(&text.as_str()) {
            writeln!(out, "{hint}: {}", terminal(text))?;
            seen.push(text);
        }
    }
    Ok(())
}

fn write_group(report: &Report, group: &[Detail], out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let key = &group[0].comparison.key;
    let mut title = vec![terminal(&key.model), terminal(&key.target)];
    title.extend(baseline(report));
    writeln!(out, "{}", title.join(" · "))?;
    let rows: Vec<[String; COLUMNS.len()]> = group.iter().map(cells).collect();
    let shown: Vec<usize> = (0..COLUMNS.len())
        .filter(|column| *column <= VERDICT || rows.iter().any(|row| row[*column] != NOTHING))
        .collect();
    let has_figures = shown.len() > VERDICT + 1;
    let width = |column: usize| {
        let name = if has_figures { COLUMNS[column].len() } else { 0 };
        rows.iter().map(|row| length(&row[column])).max().unwrap_or(0).max(name)
    };
    let padding = |cell: &str, column: usize| " ".repeat(width(column).saturating_sub(length(cell)) + 2);
    if has_figures {
        let names: String = shown
            .iter()
            .map(|column| format!("{}{}", COLUMNS[*column], padding(COLUMNS[*column], *column)))
            .collect();
        writeln!(out, "  {}", paint.style(names.trim_end(), Style::new().dimmed()))?;
    }
    for (detail, row) in group.iter().zip(&rows) {
        let mut line = String::from("  ");
        let mut columns = 2;
        let why = why(detail);
        let measured = row[VERDICT + 1..].iter().any(|cell| cell != NOTHING);
        for column in shown.iter().filter(|column| measured || **column <= VERDICT) {
            let cell = &row[*column];
            let styled = match *column {
                VERDICT => paint.style(cell, verdict_style(detail.comparison.verdict)),
                _ => cell.clone(),
            };
            line.push_str(&styled);
            line.push_str(&padding(cell, *column));
            columns += width(*column) + 2;
        }
        if columns + length(&why) <= WIDTH || why.is_empty() {
            writeln!(out, "{}", (line + &why).trim_end())?;
        } else {
            writeln!(out, "{}\n    {why}", line.trim_end())?;
        }
    }
    Ok(())
}

/// Which operators explain what got slower or faster, one line a variant.
fn write_operators(group: &[Detail], out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    for detail in group {
        let Some(explained) = operators::of(detail) else {
            continue;
        };
        let direction = paint.style(explained.direction, Style::new().dimmed());
        let variant = if group.len() > 1 {
            format!("{}, ", terminal(&detail.comparison.key.variant))
        } else {
            String::new()
        };
        writeln!(out, "  {variant}{direction}: {}", terminal(&explained.line()))?;
    }
    Ok(())
}

/// `baseline 9f8e7d6 (dir: baseline/)`.
fn baseline(report: &Report) -> Option<String> {
    let commit = report
        .context
        .base_commit
        .as_deref()
        .map(|commit| terminal(commit).chars().take(7).collect::<String>());
    let label = Some(terminal(&report.context.baseline_label)).filter(|label| !label.is_empty());
    match (commit, label) {
        (Some(commit), Some(label)) => Some(format!("baseline {commit} ({label})")),
        (Some(only), None) | (None, Some(only)) => Some(format!("baseline {only}")),
        (None, None) => None,
    }
}

fn cells(detail: &Detail) -> [String; COLUMNS.len()] {
    let of = |metric| detail.comparison.metric(metric);
    // What only informs is left to other places, or no row would fit into a terminal: agreement where labels tell more, and
    // most of what is measured.
    let gated = |metric| of(metric).filter(|metric| metric.gated);
    let agreement = |metric| {
        if of(Metric::Top1Accuracy).is_some() {
            gated(metric)
        } else {
            of(metric)
        }
    };
    [
        terminal(&detail.comparison.key.variant_label()),
        headline::word(detail.comparison.verdict),
        pair(of(Metric::LatencyP50)),
        candidate(gated(Metric::LatencyP95)),
        candidate(gated(Metric::LatencyP99)),
        candidate(gated(Metric::LatencyMean)),
        candidate(gated(Metric::LatencyStd)),
        candidate(gated(Metric::Throughput)),
        candidate(gated(Metric::Load)),
        candidate(gated(Metric::FirstInference)),
        candidate(gated(Metric::TimeToStable)),
        candidate(of(Metric::Size)),
        candidate(gated(Metric::CompressedSize)),
        candidate(of(Metric::PeakMemory)),
        candidate(gated(Metric::ModelMemory)),
        candidate(gated(Metric::Macs)),
        candidate(gated(Metric::Parameters)),
        candidate(gated(Metric::Operators)),
        candidate(gated(Metric::ActivationPeak)),
        values(agreement(Metric::Cosine)),
        values(agreement(Metric::Top1Agreement)),
        values(of(Metric::Top1Accuracy)),
    ]
}

fn values(metric: Option<&MetricComparison>) -> String {
    metric.and_then(figures::values).unwrap_or_else(|| NOTHING.to_owned())
}

/// `3.87 → 4.19 ms +8.3 % ±0.7`.
fn pair(metric: Option<&MetricComparison>) -> String {
    with_change(metric, values(metric))
}

/// `4.19 ms +8.3 % ±0.7`, for columns that would be too wide with both values.
fn candidate(metric: Option<&MetricComparison>) -> String {
    let shown = metric.and_then(|metric| Some(figures::value(metric.metric, metric.candidate?)));
    with_change(metric, shown.unwrap_or_else(|| NOTHING.to_owned()))
}

fn with_change(metric: Option<&MetricComparison>, shown: String) -> String {
    let change = metric.and_then(figures::change);
    let interval = metric
        .and_then(|metric| metric.change.as_ref())
        .and_then(figures::interval);
    let parts: Vec<String> = [Some(shown), change, interval].into_iter().flatten().collect();
    parts.join(" ")
}

/// What stands at the row's end: which limits are exceeded, or the reason.
fn why(detail: &Detail) -> String {
    let comparison = &detail.comparison;
    let exceeded: Vec<String> = comparison
        .metrics
        .iter()
        .filter(|metric| metric.gated && metric.verdict == Verdict::Regression)
        .map(|metric| format!("{}: {}", metric.metric.word(), figures::bounds_in_words(metric)))
        .collect();
    match &comparison.reason {
        Some(reason) if exceeded.is_empty() => terminal(reason),
        _ => exceeded.join("; "),
    }
}

/// The width in columns; wide characters are counted as one, which at worst shifts their own row.
pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

/// A line for the terminal that steers neither it nor a runner that reads workflow commands out of the log.
pub(super) fn terminal(raw: &str) -> String {
    let cleaned = clean::line(raw, clean::PROSE_LENGTH).replace("##[", "## [");
    match cleaned.strip_prefix("::") {
        Some(rest) => format!(": :{rest}"),
        None => cleaned,
    }
}

fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Regression | Verdict::Error => Style::new().red(),
        Verdict::Inconclusive | Verdict::Removed => Style::new().yellow(),
        Verdict::Pass | Verdict::Improvement => Style::new().green(),
        Verdict::Skipped | Verdict::NoBaseline => Style::new().dimmed(),
    }
}

/// Colours, or none.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    pub(super) color: bool,
}

impl Paint {
    pub(super) fn style(self, text: &str, style: Style) -> String {
        if self.color {
            text.style(style).to_string()
        } else {
            text.to_owned()
        }
    }
}
