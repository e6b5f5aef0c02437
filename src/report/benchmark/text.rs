//! A benchmark for a terminal: the figures of one setting with a histogram, or a table of several.

use std::io;
use std::io::Write;

use owo_colors::Style;

use crate::measure::quantity::Quantity;
use crate::measure::quantity::Unit;
use crate::report::benchmark::histogram::sparkline;
use crate::report::benchmark::types::Benchmark;
use crate::report::benchmark::types::Figure;
use crate::report::benchmark::types::Row;
use crate::report::clean;
use crate::report::table::Paint;
use crate::report::table::length;
use crate::units::Bytes;
use crate::units::Millis;

/// What stands where a figure is not known.
const UNKNOWN: &str = "–";

/// Percentiles that the histogram marks.
const MARKS: [Quantity; 3] = [Quantity::LatencyP50, Quantity::LatencyP95, Quantity::LatencyP99];

/// Writes everything that a person at the desk wants to read; `color` adds ANSI colours.
pub fn write(benchmark: &Benchmark, out: &mut dyn Write, color: bool) -> io::Result<()> {
    let paint = Paint { color };
    write_head(benchmark, out, paint)?;
    match benchmark.results.as_slice() {
        [row] => write_row(benchmark, row, out, paint),
        rows => write_table(benchmark, rows, out, paint),
    }
}

/// What was measured, and how.
fn write_head(benchmark: &Benchmark, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let name = clean::line(&benchmark.model, clean::NAME_LENGTH);
    let mut facts = vec![
        format!("{} {}", benchmark.target, benchmark.runtime_version),
        benchmark.task.name.to_owned(),
        Bytes(benchmark.size_bytes).to_string(),
    ];
    if let [row] = benchmark.results.as_slice() {
        facts.extend(row.sequence.map(|length| format!("seq_len {length}")));
        facts.extend(row.batch.map(|batch| format!("batch {batch}")));
        facts.push(plural(row.threads, "thread"));
    }
    writeln!(
        out,
        "{} · {}",
        paint.style(&name, Style::new().bold()),
        facts.join(" · ")
    )?;
    let least = |count: fn(&Row) -> usize| benchmark.results.iter().map(count).min().unwrap_or(0);
    let each = if benchmark.results.len() > 1 { " a setting" } else { "" };
    let method = format!(
        "{} in {}{each}, after {} each; ± is the 95 % interval over processes",
        plural(least(|row| row.inferences), "timed inference"),
        plural(least(|row| row.processes), "fresh process"),
        plural(benchmark.asked.warmup as usize, "warm-up"),
    );
    writeln!(out, "{}", paint.style(&method, Style::new().dimmed()))?;
    writeln!(out)
}

fn write_row(benchmark: &Benchmark, row: &Row, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let mut lines: Vec<Vec<String>> = Quantity::ALL
        .into_iter()
        .map(|quantity| {
            let (value, spread) = match row.figures.get(quantity) {
                Some(figure) => (value(quantity, figure), spread(figure)),
                None => (UNKNOWN.to_owned(), "this system does not tell".to_owned()),
            };
            vec![
                format!("  {}", quantity.name()),
                value,
                spread,
                remark(quantity).to_owned(),
            ]
        })
        .collect();
    lines.push(vec![
        "  size".to_owned(),
        Bytes(benchmark.size_bytes).to_string(),
        String::new(),
        "on disk".to_owned(),
    ]);
    for line in columns(&lines, &[false, true, false, false]) {
        writeln!(out, "{line}")?;
    }
    if let (Some(first), Some(last)) = (row.warmup_ms.first(), row.warmup_ms.last())
        && row.warmup_ms.len() > 1
    {
        let drawn = sparkline(&row.warmup_ms);
        let count = row.warmup_ms.len();
        writeln!(out)?;
        writeln!(
            out,
            "  warm-up {}  {} → {} over the first {count} inferences",
            paint.style(&drawn, Style::new().cyan()),
            Millis(*first),
            Millis(*last)
        )?;
    }
    let Some(histogram) = &row.histogram else { return Ok(()) };
    let marks: Vec<(&str, f64)> = MARKS
        .into_iter()
        .filter_map(|quantity| Some((quantity.name(), row.figures.get(quantity)?.value)))
        .collect();
    writeln!(out)?;
    for line in histogram.lines(&marks) {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

/// One line a setting; columns that never vary are left out.
fn write_table(benchmark: &Benchmark, rows: &[Row], out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let any = |of: fn(&Row) -> bool| rows.iter().any(of);
    let has_sequence = any(|row| row.sequence.is_some());
    let has_batch = any(|row| row.batch.is_some_and(|batch| batch > 1));
    let has_threads = any(|row| row.threads > 1);
    let has_efficiency = any(|row| row.thread_efficiency.is_some());
    let has_gain = any(|row| row.batch_gain.is_some());
    let mut head = Vec::new();
    let mut right = Vec::new();
    let mut column = |name: &str, shown: bool, to_right: bool| {
        if shown {
            head.push(name.to_owned());
            right.push(to_right);
        }
    };
    column("length", has_sequence, false);
    column("batch", has_batch, true);
    column("threads", has_threads, true);
    column("p50", true, false);
    column("p95", true, false);
    column("p99", true, false);
    column(if has_batch { "samples" } else { "throughput" }, true, false);
    column("thread efficiency", has_efficiency, true);
    column("batch gain", has_gain, true);
    column("peak memory", true, true);
    column("spread", true, false);
    let mut lines = vec![head];
    for row in rows {
        let latency = |quantity: Quantity| match row.figures.get(quantity) {
            Some(figure) => {
                let label = if has_sequence {
                    format!("{}=", quantity.name())
                } else {
                    String::new()
                };
                format!("{label}{} {}", value(quantity, figure), spread(figure))
            }
            None => UNKNOWN.to_owned(),
        };
        let mut line = Vec::new();
        if has_sequence {
            line.push(
                row.sequence
                    .map_or_else(|| UNKNOWN.to_owned(), |length| format!("seq_len={length}")),
            );
        }
        if has_batch {
            line.push(row.batch.map_or_else(|| UNKNOWN.to_owned(), |batch| batch.to_string()));
        }
        if has_threads {
            line.push(row.threads.to_string());
        }
        line.extend([Quantity::LatencyP50, Quantity::LatencyP95, Quantity::LatencyP99].map(latency));
        let rate = row.samples_per_second.filter(|_| has_batch);
        let rate = rate.or(row.figures.get(Quantity::Throughput));
        line.push(rate.map_or_else(|| UNKNOWN.to_owned(), |figure| value(Quantity::Throughput, figure)));
        if has_efficiency {
            let share = |share: f64| format!("{:.0} %", 100.0 * share);
            line.push(row.thread_efficiency.map_or_else(|| UNKNOWN.to_owned(), share));
        }
        if has_gain {
            line.push(
                row.batch_gain
                    .map_or_else(|| UNKNOWN.to_owned(), |gain| format!("{gain:.2}×")),
            );
        }
        let peak = row.figures.get(Quantity::PeakMemory);
        line.push(peak.map_or_else(|| UNKNOWN.to_owned(), |figure| value(Quantity::PeakMemory, figure)));
        line.push(
            row.histogram
                .as_ref()
                .map(|histogram| histogram.outline())
                .unwrap_or_default(),
        );
        lines.push(line);
    }
    for (index, line) in columns(&lines, &right).into_iter().enumerate() {
        let style = if index == 0 {
            Style::new().dimmed()
        } else {
            Style::new()
        };
        writeln!(out, "  {}", paint.style(&line, style))?;
    }
    writeln!(out)?;
    writeln!(out, "  size {} on disk", Bytes(benchmark.size_bytes))
}

/// Aligns cells; `right` says which columns end at the same place.
fn columns(lines: &[Vec<String>], right: &[bool]) -> Vec<String> {
    let widths: Vec<usize> = (0..right.len())
        .map(|column| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| length(cell)).max().unwrap_or(0)
        })
        .collect();
    lines
        .iter()
        .map(|line| {
            let cells: Vec<String> = line
                .iter()
                .zip(widths.iter().zip(right))
                .map(|(cell, (width, right))| {
                    let space = " ".repeat(width.saturating_sub(length(cell)));
                    if *right {
                        format!("{space}{cell}")
                    } else {
                        format!("{cell}{space}")
                    }
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

fn value(quantity: Quantity, figure: Figure) -> String {
    match quantity.unit() {
        Unit::Milliseconds => Millis(figure.value).to_string(),
        Unit::PerSecond => format!("{} /s", rate(figure.value)),
        Unit::Bytes => Bytes(figure.value.max(0.0).round() as u64).to_string(),
    }
}

fn spread(figure: Figure) -> String {
    figure
        .half_width_percent()
        .map(|percent| format!("±{percent:.1} %"))
        .unwrap_or_default()
}

/// Three digits at least, thousands apart.
fn rate(value: f64) -> String {
    if value < 100.0 {
        return if value < 10.0 {
            format!("{value:.2}")
        } else {
            format!("{value:.1}")
        };
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What the name alone does not say.
fn remark(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Throughput => "one inference after the other",
        Quantity::Load => "from the model's bytes to a session",
        Quantity::TimeToStable => "from the start of loading until latency has settled",
        Quantity::PeakMemory => "beyond an empty session",
        Quantity::ModelMemory => "before the first inference, beyond an empty session",
        _ => "",
    }
}

fn plural(count: usize, word: &str) -> String {
    let ending = match (count, word.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {word}{ending}", rate_or_small(count))
}

fn rate_or_small(count: usize) -> String {
    if count < 100 {
        count.to_string()
    } else {
        rate(count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_thousands() {
        for (value, text) in [
            (0.5, "0.50"),
            (12.34, "12.3"),
            (99.99, "100.0"),
            (812.4, "812"),
            (2427.0, "2,427"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(rate(value), text);
        }
    }

    #[test]
    fn plurals_are_english() {
        assert_eq!(plural(1, "fresh process"), "1 fresh process");
        assert_eq!(plural(10, "fresh process"), "10 fresh processes");
        assert_eq!(plural(0, "warm-up"), "0 warm-ups");
        assert_eq!(plural(2400, "timed inference"), "2,400 timed inferences");
    }

    #[test]
    fn columns_are_aligned() {
        let lines = [
            vec!["a".to_owned(), "1".to_owned()],
            vec!["bcd".to_owned(), "100 µs".to_owned()],
        ];
        assert_eq!(columns(&lines, &[false, true]), ["a         1", "bcd  100 µs"]);
    }
}
