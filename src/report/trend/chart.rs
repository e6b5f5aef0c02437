//! A trend for the terminal: a mark a baseline with its interval, an axis in units, commits beneath, and changes in words.

use std::io;
use std::io::Write;

use super::types::Metric;
use super::types::Series;
use super::types::Trend;
use super::types::letter;
use crate::report::clean;
use crate::report::line_chart::sign;

/// Rows of a chart.
const ROWS: usize = 11;

/// Columns between two baselines, at most.
const WIDEST: usize = 9;

/// Writes every history, for a terminal of `width` columns.
pub fn write(trend: &Trend, width: usize, out: &mut impl Write) -> io::Result<()> {
    let name = |text: &str| clean::line(text, clean::NAME_LENGTH);
    for (index, series) in trend.series.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let count = series.points.len();
        writeln!(
            out,
            "{}: {}, {count} baseline{}",
            name(&series.title()),
            trend.metric.name(),
            if count == 1 { "" } else { "s" }
        )?;
        writeln!(out)?;
        for line in draw(series, trend.metric, width) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
        for change in &series.changes {
            let label = series.points.get(change.point).map_or("", |point| point.label());
            writeln!(out, "  {}", change.sentence(trend.metric, &name(label)))?;
        }
        if series.changes.is_empty() {
            writeln!(out, "  {}", steady(series, trend.metric))?;
        }
        for machine in series.machines() {
            let described = trend.machines.get(machine).map_or("", String::as_str);
            writeln!(
                out,
                "  {} machine {}: {}",
                sign(machine),
                letter(machine),
                clean::line(described, clean::PROSE_LENGTH)
            )?;
        }
        if trend.metric.is_of_a_machine() && series.machines().len() > 1 {
            writeln!(out, "  figures of different machines are not comparable")?;
        }
    }
    writeln!(out)?;
    for source in &trend.sources {
        writeln!(out, "  read: {}", clean::line(source, clean::PROSE_LENGTH))?;
    }
    Ok(())
}

/// Why no change is called.
pub(super) fn steady(series: &Series, metric: Metric) -> String {
    let most = series
        .machines()
        .into_iter()
        .map(|machine| series.points.iter().filter(|point| point.machine == machine).count())
        .max()
        .unwrap_or(0);
    let least = crate::stats::change_point::LEAST_VALUES;
    if metric.is_of_a_machine() && most < least {
        format!("too few baselines of one machine to tell a change from noise: {most}, it takes {least}")
    } else {
        "no change beyond noise".to_owned()
    }
}

fn draw(series: &Series, metric: Metric, width: usize) -> Vec<String> {
    let usable: Vec<f64> = series
        .points
        .iter()
        .flat_map(|point| {
            let (lower, upper) = point.interval().unwrap_or((point.value, point.value));
            [point.value, lower.max(0.7 * point.value), upper.min(1.4 * point.value)]
        })
        .filter(|value| value.is_finite() && *value > 0.0)
        .collect();
    let (Some(least), Some(most)) = (
        usable.iter().copied().reduce(f64::min),
        usable.iter().copied().reduce(f64::max),
    ) else {
        return Vec::new();
    };
    // A flat series lies in the middle.
    let margin = ((most - least) * 0.08).max(most * 0.01);
    let (bottom, top) = (least - margin, most + margin);
    let value_of = |row: usize| top - (row as f64 + 0.5) / ROWS as f64 * (top - bottom);
    let row_of = |value: f64| {
        let share = (top - value) / (top - bottom) * ROWS as f64;
        (share.max(0.0) as usize).min(ROWS - 1)
    };
    let labels: Vec<String> = (0..ROWS)
        .map(|row| {
            if row % 2 == 1 {
                metric.shown(value_of(row))
            } else {
                String::new()
            }
        })
        .collect();
    let label_width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let room = width.saturating_sub(label_width + 6).max(8);
    let count = series.points.len().min(room);
    let step = (room / count.max(1)).clamp(1, WIDEST);
    let skipped = series.points.len() - count;
    let points = series.points.get(skipped..).unwrap_or_default();

    let columns = count * step;
    let mut rows: Vec<Vec<char>> = vec![vec![' '; columns]; ROWS];
    for (index, point) in points.iter().enumerate() {
        let column = index * step + step / 2;
        if !(point.value.is_finite() && point.value > 0.0) {
            continue;
        }
        let mut put = |row: usize, character: char| {
            if let Some(cell) = rows.get_mut(row).and_then(|row| row.get_mut(column)) {
                *cell = character;
            }
        };
        if let Some((lower, upper)) = point.interval() {
            for row in row_of(upper)..=row_of(lower) {
                put(row, '│');
            }
        }
        put(row_of(point.value), sign(point.machine));
    }
    let mut lines: Vec<String> = rows
        .iter()
        .zip(&labels)
        .map(|(row, label)| {
            let drawn: String = row.iter().collect();
            let axis = if label.is_empty() { '│' } else { '┤' };
            format!("  {label:>label_width$} {axis}{}", drawn.trim_end())
        })
        .collect();
    let pad = " ".repeat(label_width + 3);
    lines.push(format!("{pad}└{}", "─".repeat(columns)));
    lines.extend(
        beneath(points, step, columns)
            .into_iter()
            .map(|line| format!("{pad} {line}")),
    );
    let marks = changes(series, skipped, step, columns);
    if !marks.is_empty() {
        lines.push(format!("{pad} {marks}"));
    }
    if skipped > 0 {
        lines.push(format!("{pad} {skipped} older baselines are left out"));
    }
    lines
}

/// Commits, as many as there is room for; the newest always.
fn beneath(points: &[super::types::Point], step: usize, columns: usize) -> Option<String> {
    let labels: Vec<String> = points.iter().map(|point| clean::line(point.label(), 10)).collect();
    let widest = labels.iter().map(|label| label.chars().count()).max()?;
    let every = (widest + 1).div_ceil(step).max(1);
    let mut line: Vec<char> = vec![' '; columns + widest];
    for (index, label) in labels.iter().enumerate() {
        if !(labels.len() - 1 - index).is_multiple_of(every) {
            continue;
        }
        let length = label.chars().count();
        let start = (index * step + step / 2).saturating_sub(length / 2);
        // One that would touch the one before is left out.
        if start > 0 && line.get(start - 1).is_some_and(|before| *before != ' ') {
            continue;
        }
        for (cell, character) in line.iter_mut().skip(start).zip(label.chars()) {
            *cell = character;
        }
    }
    Some(line.into_iter().collect::<String>().trim_end().to_owned())
}

/// An arrow at each change, with how much it is.
fn changes(series: &Series, skipped: usize, step: usize, columns: usize) -> String {
    let mut line: Vec<char> = vec![' '; columns + 12];
    for change in &series.changes {
        let Some(index) = change.point.checked_sub(skipped) else {
            continue;
        };
        let text = format!("↑{}", change.shown_percent());
        for (cell, character) in line.iter_mut().skip(index * step + step / 2).zip(text.chars()) {
            *cell = character;
        }
    }
    line.into_iter().collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::types::Change;
    use super::super::types::Point;
    use super::super::types::SCHEMA;
    use super::*;

    fn trend(values: &[(f64, usize)]) -> Trend {
        Trend {
            schema: SCHEMA,
            generated_at: "2026-01-02T03:04:05Z".to_owned(),
            metric: Metric::P50,
            sources: vec!["releases".to_owned()],
            machines: vec!["one".to_owned(), "other\u{1b}[31m".to_owned()],
            series: vec![Series {
                model: "digits\n<b>".to_owned(),
                target: "onnxruntime_cpu".to_owned(),
                variant: "fp32".to_owned(),
                sequence: None,
                points: values
                    .iter()
                    .enumerate()
                    .map(|(index, (value, machine))| Point {
                        created_at: format!("2026-01-{:02}T00:00:00Z", index + 1),
                        commit: Some(format!("{index:07x}{}", "0".repeat(33))),
                        machine: *machine,
                        value: *value,
                        lower: Some(value * 0.98),
                        upper: Some(value * 1.02),
                        runtime_version: None,
                    })
                    .collect(),
                left_out: 0,
                changes: vec![Change {
                    point: 4,
                    commit: None,
                    machine: Some(0),
                    before: 4.0,
                    after: 4.4,
                    percent: 10.0,
                    points_before: 4,
                    points_after: 2,
                }],
            }],
            warnings: Vec::new(),
        }
    }

    fn text(trend: &Trend, width: usize) -> String {
        let mut out = Vec::new();
        write(trend, width, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_chart_has_axis_commits_and_changes() {
        let trend = trend(&[(4.0, 0), (4.02, 0), (3.0, 1), (4.01, 0), (4.4, 0), (4.41, 0)]);
        let text = text(&trend, 80);
        for part in [
            "digits <b> · onnxruntime_cpu · fp32: p50, 6 baselines",
            " ms ┤",
            "0000005",
            "↑+10.0 %",
            "  from 0000004 on: +10.0 % (4.00 ms → 4.40 ms; 4 baselines before, 2 since, on machine A)",
            "  ▲ machine B: other[31m",
            "  read: releases",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // One on the drawing and one in the legend.
        assert_eq!(text.matches('▲').count(), 2, "{text}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let many: Vec<(f64, usize)> = (0..200).map(|index| (4.0 + f64::from(index % 7), 0)).collect();
        for width in [20, 40, 80, 200] {
            let lines = draw(&trend(&many).series[0], Metric::P50, width);
            for line in lines.iter().filter(|line| !line.contains("left out")) {
                assert!(line.chars().count() <= width.max(26) + 12, "{width}: {line}");
            }
        }
        let absurd = trend(&[(f64::NAN, 0), (0.0, 0)]);
        assert!(!text(&absurd, 80).contains('\u{1b}'));
    }
}
