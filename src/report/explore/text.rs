//! A sweep for a terminal: a table of variants, one of runtime options, the front. Signs and colours only repeat what the words say.

use std::io;
use std::io::Write;
use std::time::Duration;

use owo_colors::Style;

use crate::report::clean;
use crate::report::explore::types::Explored;
use crate::report::explore::types::OptionRow;
use crate::report::explore::types::Row;
use crate::report::explore::types::Speed;
use crate::report::explore::types::Verdict;
use crate::report::explore::words;
use crate::report::explore::words::UNKNOWN;
use crate::report::table::Paint;
use crate::report::table::WIDTH;
use crate::report::table::length;
use crate::report::table::terminal;
use crate::units::Millis;
use crate::units::Span;

/// Columns of the variants; the verdict follows them.
const COLUMNS: [&str; 7] = ["", "size", "p50", "vs fp32", "", "memory", "cosine"];

/// Which of them are flush right.
const RIGHT: [bool; 7] = [false, true, true, true, false, true, true];

/// Writes everything that a person at the desk wants to read; `color` adds ANSI colours, `plot` is where the page lies.
pub fn write(explored: &Explored, plot: Option<&str>, out: &mut dyn Write, color: bool) -> io::Result<()> {
    let paint = Paint { color };
    write_head(explored, out, paint)?;
    write_variants(explored, out, paint)?;
    write_left_out(explored, out, paint)?;
    write_options(explored, out, paint)?;
    write_foot(explored, plot, out, paint)
}

fn write_head(explored: &Explored, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let name = terminal(&clean::line(&explored.model.name, clean::NAME_LENGTH));
    let asked = &explored.asked;
    let facts = [
        format!("{} {}", explored.target, explored.runtime_version),
        plural(asked.threads, "thread"),
        format!(
            "outputs compared on {} {}",
            asked.accuracy_samples,
            if asked.real_samples {
                "samples"
            } else {
                "made-up inputs"
            }
        ),
    ];
    writeln!(
        out,
        "{} · {}",
        paint.style(&name, Style::new().bold()),
        facts.join(" · ")
    )?;
    let method = "measured in pairs with fp32, turn by turn; ± is the 95 % interval over restarts";
    writeln!(out, "{}\n", paint.style(method, Style::new().dimmed()))
}

fn write_variants(explored: &Explored, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let rows: Vec<[String; COLUMNS.len()]> = explored.variants.iter().map(cells).collect();
    let baseline = explored.baseline().map_or("fp32", |row| row.recipe.as_str());
    let mut names = COLUMNS.map(str::to_owned);
    names[3] = format!("vs {}", terminal(baseline));
    let widths = widths(&names, &rows);
    let heading = line(&names, &widths, &RIGHT);
    writeln!(
        out,
        "{}",
        paint.style(&format!("{heading}    verdict"), Style::new().dimmed())
    )?;
    for (row, cells) in explored.variants.iter().zip(&rows) {
        let line = line(cells, &widths, &RIGHT);
        write_row(&line, row, out, paint)?;
    }
    Ok(())
}

/// A row with its verdict, and with the reason on a line of its own where it would not fit.
fn write_row(line: &str, row: &Row, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    let style = style(row.verdict);
    let sign = paint.style(row.verdict.sign(), style);
    let whole = terminal(&words::verdict(row));
    if length(line) + 4 + length(&whole) <= WIDTH {
        let (word, rest) = whole.split_at(row.verdict.word().len().min(whole.len()));
        return writeln!(out, "{line}  {sign} {}{rest}", paint.style(word, style));
    }
    writeln!(out, "{line}  {sign} {}", paint.style(row.verdict.word(), style))?;
    let reason = row.reason.as_deref().unwrap_or_default();
    let reused = if row.reused { " (measured before)" } else { "" };
    writeln!(out, "    {}{reused}", terminal(reason))
}

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let latency = row.latency.as_ref();
    let compared = latency.filter(|_| row.verdict != Verdict::Baseline);
    let unknown = || UNKNOWN.to_owned();
    [
        terminal(&row.recipe),
        words::size(row),
        latency.map_or_else(unknown, |latency| Millis(latency.p50_ms).to_string()),
        compared.map_or_else(unknown, |latency| words::speedup(&latency.ratio)),
        compared.map_or_else(String::new, |latency| words::plus_minus(&latency.ratio)),
        words::memory(row.memory.as_ref()),
        words::cosine(row.accuracy.as_ref()),
    ]
}

fn write_left_out(explored: &Explored, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    for left in &explored.left_out {
        let text = format!("  {}: not tried: {}", terminal(&left.recipe), terminal(&left.reason));
        writeln!(out, "{}", paint.style(&text, Style::new().dimmed()))?;
    }
    Ok(())
}

fn write_options(explored: &Explored, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    if explored.options.is_empty() {
        return Ok(());
    }
    const NAMES: [&str; 6] = ["runtime options", "p50", "vs default", "", "memory", ""];
    const RIGHT: [bool; 6] = [false, true, true, false, true, false];
    let rows: Vec<[String; NAMES.len()]> = explored.options.iter().map(option_cells).collect();
    let names = NAMES.map(str::to_owned);
    let widths = widths(&names, &rows);
    writeln!(
        out,
        "\n{}",
        paint.style(line(&names, &widths, &RIGHT).trim_end(), Style::new().dimmed())
    )?;
    for (option, cells) in explored.options.iter().zip(&rows) {
        let shown = line(cells, &widths, &RIGHT);
        let shown = shown.trim_end();
        let shown = match &option.reason {
            Some(reason) => format!("{shown}  {}", terminal(reason)),
            None => shown.to_owned(),
        };
        let style = match option.speed {
            Some(Speed::Faster) => Style::new().green(),
            Some(Speed::Slower) | Some(Speed::Same) | None => Style::new(),
        };
        writeln!(out, "{}", paint.style(&shown, style))?;
    }
    Ok(())
}

fn option_cells(row: &OptionRow) -> [String; 6] {
    let unknown = || UNKNOWN.to_owned();
    let latency = row.latency.as_ref();
    [
        terminal(&words::option(row)),
        latency.map_or_else(unknown, |latency| Millis(latency.p50_ms).to_string()),
        latency.map_or_else(unknown, |latency| words::speedup(&latency.ratio)),
        latency.map_or_else(String::new, |latency| words::plus_minus(&latency.ratio)),
        words::memory(row.memory.as_ref()),
        words::memory_change(row.memory.as_ref()).unwrap_or_default(),
    ]
}

fn write_foot(explored: &Explored, plot: Option<&str>, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
    writeln!(out)?;
    if let Some(row) = explored.with(Verdict::Recommended) {
        let gain = row.latency.as_ref().map(|latency| words::speedup(&latency.ratio));
        let size = words::size_change(row).map(|change| format!("size {change}"));
        let cosine = row
            .accuracy
            .as_ref()
            .map(|accuracy| format!("cosine {:.4}", accuracy.cosine));
        let gains: Vec<String> = [gain, size, cosine].into_iter().flatten().collect();
        let name = format!("★ recommended: {}", terminal(&row.recipe));
        writeln!(
            out,
            "{}, {}",
            paint.style(&name, Style::new().green().bold()),
            gains.join(", ")
        )?;
        if let Some(command) = words::keep(explored) {
            writeln!(
                out,
                "{}",
                paint.style(&format!("  as a file: {}", terminal(&command)), Style::new().dimmed())
            )?;
        }
    } else if !explored.interrupted {
        writeln!(out, "nothing is worth having instead of fp32 here")?;
    }
    if explored.interrupted {
        let text = "interrupted: what was measured until then is kept, and a second run goes on from there";
        writeln!(out, "{}", paint.style(text, Style::new().yellow()))?;
    }
    let front: Vec<String> = explored.front.iter().map(|name| terminal(name)).collect();
    let mut parts = vec![format!("Pareto front: {}", front.join(", "))];
    parts.push(Span(Duration::try_from_secs_f64(explored.seconds).unwrap_or_default()).to_string());
    parts.extend(plot.map(|plot| format!("plot: {}", terminal(plot))));
    writeln!(out, "{}", parts.join(" · "))
}

fn widths<const N: usize>(names: &[String; N], rows: &[[String; N]]) -> [usize; N] {
    let mut widths = [0; N];
    for (column, width) in widths.iter_mut().enumerate() {
        let cells = rows.iter().chain(std::iter::once(names));
        *width = cells
            .filter_map(|row| row.get(column))
            .map(|cell| length(cell))
            .max()
            .unwrap_or(0);
    }
    widths
}

/// Cells in columns, two spaces apart; one between a figure and its interval, whose column has no name.
fn line<const N: usize>(cells: &[String; N], widths: &[usize; N], right: &[bool; N]) -> String {
    let mut line = String::from(" ");
    for (index, ((cell, width), right)) in cells.iter().zip(widths).zip(right).enumerate() {
        if *width == 0 {
            continue;
        }
        let padding = " ".repeat(width.saturating_sub(length(cell)));
        let follows = !right && index > 0;
        line.push_str(if follows || index == 0 { " " } else { "  " });
        if *right {
            line.push_str(&padding);
            line.push_str(cell);
        } else {
            line.push_str(cell);
            line.push_str(&padding);
        }
    }
    line
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Recommended => Style::new().green().bold(),
        Verdict::Aggressive => Style::new().cyan(),
        Verdict::Baseline => Style::new(),
        Verdict::Skip => Style::new().dimmed(),
        Verdict::Failed => Style::new().red(),
    }
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
