//! Absolute limits of one model, for people and for programs: what is accepted, what it is, by how much it is over, who said so.

use serde::Serialize;

use crate::config::Bound;
use crate::config::budget::in_unit;
use crate::report::clean;
use crate::verdict::constraints::Judged;
use crate::verdict::constraints::Standing;

/// One limit as JSON has it; figures are in the unit that the constraint's name ends with (MB of 10⁶ bytes).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// `max_latency_ms`, `max_p95_ms`, `max_memory_mb` or `max_size_mb`.
    pub constraint: &'static str,
    /// What is accepted.
    pub limit: f64,
    /// What it is; `null` where it was not measured.
    pub actual: Option<f64>,
    /// The lower end of its interval.
    pub lower: Option<f64>,
    /// The upper end of its interval.
    pub upper: Option<f64>,
    /// `passed`, `violated`, `undecided`, `unmeasured` or `pending`.
    pub result: &'static str,
    /// By how much it is over; `null` where it is not.
    pub over: Option<f64>,
    /// The same in per cent of the limit.
    pub over_percent: Option<f64>,
    /// `flag`, `budget` or `config`.
    pub source: &'static str,
    /// Where exactly: a flag, or a file and a line.
    pub place: String,
    /// Why, where the figures don't say it.
    pub reason: Option<String>,
}

impl From<&Judged> for Row {
    fn from(judged: &Judged) -> Self {
        let number = |value: f64| in_unit(judged.bound, value);
        let over = excess(judged);
        Self {
            constraint: judged.bound.key(),
            limit: number(judged.limit),
            actual: judged.figure.map(|figure| number(figure.center)),
            lower: judged.figure.map(|figure| number(figure.lower)),
            upper: judged.figure.map(|figure| number(figure.upper)),
            result: judged.standing.word(),
            over: over.map(number),
            over_percent: over.map(|over| 100.0 * over / judged.limit),
            source: judged.source.word(),
            place: judged.source.to_string(),
            reason: judged.reason.clone(),
        }
    }
}

/// What a limit is on, for people.
pub fn what(bound: Bound) -> &'static str {
    match bound {
        Bound::MaxLatency => "p50 latency",
        Bound::MaxP95 => "p95 latency",
        Bound::MaxMemory => "peak memory",
        Bound::MaxSize => "size on disk",
    }
}

/// The limits as a table with a line for the column names.
pub fn table(judged: &[Judged]) -> String {
    let rows = judged.iter().map(|judged| {
        vec![
            what(judged.bound).to_owned(),
            judged.bound.text(judged.limit),
            judged
                .figure
                .map_or_else(|| "–".to_owned(), |figure| judged.bound.text(figure.center)),
            violation(judged),
            clean::sentence(&judged.source.to_string(), 80),
        ]
    });
    columns(&["constraint", "limit", "actual", "violation", "source"], rows)
}

/// By how much a limit is exceeded: `+1.66 ms (166 % over)`; what else there is to say where it is not.
fn violation(judged: &Judged) -> String {
    match judged.standing {
        Standing::Passed => "none".to_owned(),
        Standing::Pending => "pending".to_owned(),
        Standing::Unmeasured => format!("not measured: {}", judged.reason.as_deref().unwrap_or("no figure")),
        Standing::Undecided => {
            let range = judged.figure.map(|figure| {
                let text = |value| judged.bound.text(value);
                format!("{} to {}", text(figure.lower), text(figure.upper))
            });
            format!("can't tell: {}", range.unwrap_or_default())
        }
        Standing::Violated => match excess(judged) {
            Some(over) => {
                let percent = 100.0 * over / judged.limit;
                let digits = usize::from(percent < 10.0);
                format!("+{} ({percent:.digits$} % over)", judged.bound.text(over))
            }
            None => "over".to_owned(),
        },
    }
}

fn excess(judged: &Judged) -> Option<f64> {
    let actual = judged.figure?.center;
    (judged.standing == Standing::Violated && actual > judged.limit).then_some(actual - judged.limit)
}

/// Left-aligned columns, two spaces apart.
pub fn columns(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut lines: Vec<Vec<String>> = vec![header.iter().map(|name| (*name).to_owned()).collect()];
    lines.extend(rows);
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let lines = lines.iter().map(|line| {
        let cells = line.iter().zip(&widths);
        let text: Vec<String> = cells
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.chars().count()))))
            .collect();
        text.join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;
    use crate::stats::interval::Interval;

    fn judged(bound: Bound, limit: f64, figure: Option<(f64, f64, f64)>, standing: Standing) -> Judged {
        Judged {
            bound,
            limit,
            source: Source::Budget(".mlbuild/budget.toml:4".to_owned()),
            figure: figure.map(|(lower, center, upper)| Interval { lower, center, upper }),
            standing,
            reason: None,
        }
    }

    #[test]
    fn says_by_how_much() {
        let rows = [
            judged(Bound::MaxLatency, 1.0, Some((2.6, 2.66, 2.7)), Standing::Violated),
            judged(Bound::MaxP95, 15.0, Some((14.0, 14.9, 15.1)), Standing::Undecided),
            judged(Bound::MaxMemory, 50e6, None, Standing::Pending),
            judged(Bound::MaxSize, 9e6, Some((9.1e6, 9.1e6, 9.1e6)), Standing::Violated),
        ];
        let table = table(&rows);
        let lines: Vec<Vec<&str>> = table
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|cell| !cell.is_empty())
                    .collect()
            })
            .collect();
        assert_eq!(lines[0], ["constraint", "limit", "actual", "violation", "source"]);
        assert_eq!(
            lines[1],
            [
                "p50 latency",
                "1.00 ms",
                "2.66 ms",
                "+1.66 ms (166 % over)",
                ".mlbuild/budget.toml:4"
            ]
        );
        assert_eq!(lines[2][3], "can't tell: 14.0 ms to 15.1 ms");
        assert_eq!(lines[3][2..4], ["–", "pending"]);
        assert_eq!(lines[4][3], "+100.0 KB (1.1 % over)");
        let row = Row::from(&rows[3]);
        assert_eq!((row.limit, row.actual, row.constraint), (9.0, Some(9.1), "max_size_mb"));
        assert!((row.over_percent.unwrap() - 1.111).abs() < 1e-3);
        assert_eq!(Row::from(&rows[1]).over, None);
    }
}
