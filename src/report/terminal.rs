//! The comment for a terminal: the table, then what the comment folds away, in few aligned lines, and the verdict last.

use std::io;
use std::io::Write;

use owo_colors::Style;

use crate::report::Detail;
use crate::report::LatencyRow;
use crate::report::LatencyTable;
use crate::report::Report;
use crate::report::figures;
use crate::report::folds;
use crate::report::folds::Figure;
use crate::report::folds::Figures;
use crate::report::headline;
use crate::report::table;
use crate::report::table::Paint;
use crate::units::Bytes;
use crate::units::Millis;
use crate::verdict::Metric;

/// A latency's name and where it stands in the table of a comparison.
type Column = (&'static str, fn(&LatencyTable) -> LatencyRow);

/// The latencies that the table above them does not have.
const LATENCIES: [Column; 5] = [
    ("p95", |latency| latency.p95),
    ("p99", |latency| latency.p99),
    ("mean", |latency| latency.mean),
    ("load", |latency| latency.load),
    ("first", |latency| latency.first),
];

/// Between the two columns of a list of figures.
const GAP: usize = 4;

/// Of so many comparisons every figure is shown.
const FEW: usize = 2;

/// What stands where a figure is not known.
const UNKNOWN: &str = "–";

/// Writes everything that a person at the desk wants to read; `color` adds ANSI colours.
pub fn write(report: &Report, out: &mut dyn Write, color: bool) -> io::Result<()> {
    let paint = Paint { color };
    table::write_groups(report, out, paint)?;
    write_figures(report, out, paint)?;
    write_surroundings(report, out, paint)?;
    table::write_verdict(report, out, paint)
}

/// Every figure that the table above doesn't have: of few comparisons all, with their intervals; of many the latencies.
fn write_figures(report: &Report, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let all = folds::figures(report, |_| true);
    if all.len() > FEW {
        return write_latencies(report, out, paint);
    }
    for figures in &all {
        write_list(report, figures, all.len(), out, paint)?;
    }
    Ok(())
}

/// The figures of one comparison, two a line where they fit.
fn write_list(
    report: &Report,
    figures: &Figures,
    comparisons: usize,
    out: &mut dyn Write,
    paint: Paint,
) -> io::Result<()> {
    let gated = |metric| {
        let mut comparisons = report.comparisons.iter();
        comparisons.any(|detail| detail.comparison.metric(metric).is_some_and(|metric| metric.gated))
    };
    let in_table = |metric| matches!(metric, Metric::LatencyP50 | Metric::Size | Metric::PeakMemory) || gated(metric);
    let rows: Vec<&Figure> = figures
        .rows
        .iter()
        .filter(|row| {
            row.metric
                .is_none_or(|metric| metric < Metric::Cosine && !in_table(metric))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let alone = rows.iter().all(|row| row.baseline == UNKNOWN);
    let title = if alone {
        "measured alone"
    } else {
        "baseline → candidate"
    };
    let title = if comparisons > 1 {
        format!("{}: {title}", table::terminal(&figures.name.replace('`', "")))
    } else {
        title.to_owned()
    };
    writeln!(out, "  {}", paint.style(&title, Style::new().dimmed()))?;
    let names = rows.iter().map(|row| table::length(&row.name)).max().unwrap_or(0);
    let cells: Vec<String> = rows
        .iter()
        .map(|row| {
            let values = if alone {
                row.candidate.clone()
            } else {
                figures::pair(&row.baseline, &row.candidate)
            };
            let change = if row.change == UNKNOWN { "" } else { &row.change };
            let padding = " ".repeat(names - table::length(&row.name));
            format!("{}{padding}  {values} {change}", row.name)
                .trim_end()
                .to_owned()
        })
        .collect();
    let width = cells.iter().map(|cell| table::length(cell)).max().unwrap_or(0);
    let columns = if 2 * width + GAP + 4 <= table::WIDTH { 2 } else { 1 };
    let lines = cells.len().div_ceil(columns);
    for line in 0..lines {
        let left = &cells[line];
        match cells.get(line + lines) {
            Some(right) => {
                let padding = " ".repeat(width - table::length(left) + GAP);
                writeln!(out, "    {left}{padding}{right}")?;
            }
            None => writeln!(out, "    {left}")?,
        }
    }
    if !figures.warmup.is_empty() {
        writeln!(out, "    first inferences: {}", figures.warmup.join(", "))?;
    }
    writeln!(out)
}

/// One row a measured comparison, baseline → candidate.
fn write_latencies(report: &Report, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let mut rows: Vec<Vec<String>> = vec![
        std::iter::once("baseline → candidate")
            .chain(LATENCIES.iter().map(|(name, _)| *name))
            .map(str::to_owned)
            .collect(),
    ];
    for detail in &report.comparisons {
        let Some(latency) = &detail.latency else { continue };
        let mut row = vec![name(report, detail)];
        row.extend(LATENCIES.iter().map(|(_, of)| shown(of(latency))));
        rows.push(row);
    }
    if rows.len() == 1 {
        return Ok(());
    }
    if rows[1..].iter().all(|row| !row.iter().any(|cell| cell.contains('→'))) {
        rows[0][0] = "measured alone".to_owned();
    }
    let widths: Vec<usize> = (0..=LATENCIES.len())
        .map(|column| rows.iter().map(|row| table::length(&row[column])).max().unwrap_or(0))
        .collect();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(table::length(cell)))))
            .collect();
        let line = cells.join("  ");
        let style = if index == 0 {
            Style::new().dimmed()
        } else {
            Style::new()
        };
        writeln!(out, "  {}", paint.style(line.trim_end(), style))?;
    }
    writeln!(out)
}

/// The variant; with its model and target where there are several.
fn name(report: &Report, detail: &Detail) -> String {
    let key = &detail.comparison.key;
    let others = || report.comparisons.iter().map(|other| &other.comparison.key);
    let mut parts = Vec::new();
    if others().any(|other| other.model != key.model) {
        parts.push(table::terminal(&key.model));
    }
    if others().any(|other| other.target != key.target) {
        parts.push(table::terminal(&key.target));
    }
    parts.push(table::terminal(&key.variant_label()));
    parts.join(" · ")
}

fn shown(row: LatencyRow) -> String {
    let value = |value: f64| Millis(value).to_string();
    match (row.baseline, row.candidate) {
        (Some(baseline), Some(candidate)) => figures::pair(&value(baseline), &value(candidate)),
        (None, Some(only)) | (Some(only), None) => value(only),
        (None, None) => UNKNOWN.to_owned(),
    }
}

/// What variants gain, what disturbed, how and where it was measured.
fn write_surroundings(report: &Report, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let dimmed = |text: &str| paint.style(text, Style::new().dimmed());
    let mut lines: Vec<(&str, String)> = Vec::new();
    for row in &report.variants {
        let sizes = figures::pair(
            &Bytes(row.fp32_size_bytes).to_string(),
            &Bytes(row.size_bytes).to_string(),
        );
        let speed = match (row.fp32_p50_ms, row.p50_ms) {
            (Some(reference), Some(own)) if own > 0.0 => format!(", {:.2}× the speed", reference / own),
            _ => String::new(),
        };
        let (model, variant) = (
            table::terminal(&row.key.model),
            table::terminal(&row.key.variant_label()),
        );
        lines.push(("variant", format!("{model} {variant} against fp32: {sizes}{speed}")));
    }
    let mut notes: Vec<(String, Vec<String>)> = Vec::new();
    for detail in &report.comparisons {
        let name = name(report, detail);
        for warning in detail.disturbances.iter().chain(&detail.warnings) {
            // A transform's own notes begin with its name, which the line has already.
            let prefix = format!("{}: ", detail.comparison.key.variant);
            let warning = table::terminal(warning.strip_prefix(&prefix).unwrap_or(warning));
            match notes.iter_mut().find(|(text, _)| *text == warning) {
                Some((_, names)) => names.push(name.clone()),
                None => notes.push((warning, vec![name.clone()])),
            }
        }
    }
    for (text, names) in notes {
        lines.push(("note", format!("{}: {text}", names.join(", "))));
    }
    if let Some(measured) = measured(report) {
        lines.push(("measured", measured));
        lines.push(("on", machine(report)));
        lines.extend(
            report
                .environment
                .history
                .as_deref()
                .map(|text| ("history", table::terminal(text))),
        );
    }
    lines.retain(|(_, text)| !text.is_empty());
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in &lines {
        writeln!(out, "  {}  {text}", dimmed(&format!("{name:width$}")))?;
    }
    if lines.is_empty() { Ok(()) } else { writeln!(out) }
}

/// `onnxruntime 1.31.1, 1 thread on core 1, 26 restarts in 6.3 s, tells ±2.3 % apart`; `None` where nothing was measured.
fn measured(report: &Report) -> Option<String> {
    let restarts: usize = report.comparisons.iter().map(|detail| detail.restarts).sum();
    if restarts == 0 {
        return None;
    }
    let environment = &report.environment;
    let seconds: f64 = report.comparisons.iter().map(|detail| detail.seconds).sum();
    let version = environment.runtime_version.as_deref().unwrap_or("of unknown version");
    let mut parts = vec![format!("{} {}", environment.runtime, table::terminal(version))];
    let cores = match environment.cores.as_deref() {
        None | Some([]) => String::new(),
        Some([core]) => format!(" on core {core}"),
        Some(cores) => {
            let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
            format!(" on cores {}", cores.join(", "))
        }
    };
    parts.push(format!("{}{cores}", headline::counted(environment.threads, "thread")));
    parts.push(format!("{} in {seconds:.1} s", headline::counted(restarts, "restart")));
    parts.extend(
        environment
            .noise_floor_percent
            .map(|floor| format!("tells ±{floor:.1} % apart")),
    );
    parts.extend(
        environment
            .detectable_percent
            .map(|percent| format!("sees {percent:.1} % beyond a limit")),
    );
    Some(parts.join(", "))
}

/// `AMD EPYC, 2 cores, Ubuntu 24.04 x86_64, load 0.4`.
fn machine(report: &Report) -> String {
    let environment = &report.environment;
    let mut parts = vec![table::terminal(&environment.cpu_model)];
    if environment.cores_logical > 0 {
        parts.push(headline::counted(environment.cores_logical, "core"));
    }
    parts.push(table::terminal(&format!("{} {}", environment.os, environment.arch)));
    parts.extend(environment.load_average.map(|load| format!("load {load:.1}")));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}
