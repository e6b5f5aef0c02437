//! How the latencies of the newest measurement are spread: a bar for each bin of raw samples, and where p50, p95 and p99 lie.

use super::BuildReport;
use super::Distribution;
use super::letter;
use super::minute;
use super::plural;
use super::reference;
use crate::report::axis::Axis;
use crate::report::document::Block;
use crate::report::document::Chart;
use crate::report::document::Section;
use crate::report::document::Table;
use crate::report::svg::Drawing;
use crate::report::svg::Svg;
use crate::report::svg::ticks;
use crate::units::Millis;

const LEFT: f64 = 62.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 55.0;
const BOTTOM: f64 = 46.0;

/// What is counted, above the axis of counts.
const COUNTED: &str = "inferences";

/// The width of a character of a label, about.
const CHARACTER: f64 = 7.2;

/// Between two labels of a row.
const GAP: f64 = 8.0;

/// Rows of labels above the bars, one a percentile at most.
const ROWS: usize = 3;

pub(super) fn section(report: &BuildReport) -> Section {
    let mut section = Section::new("distribution", "How latencies are spread", "");
    let newest = report
        .distribution
        .as_ref()
        .and_then(|distribution| Some((distribution, report.measurements.get(distribution.measurement)?)));
    let Some((distribution, measured)) = newest else {
        section.blocks.push(Block::NoRecords(format!(
            "no raw samples are kept of this build. `mlbuild benchmark {}` keeps them.",
            reference(report)
        )));
        return section;
    };
    let inferences: usize = distribution.histogram.counts.iter().sum();
    section.note = format!(
        "Every one of the {} of the newest measurement with raw samples: {} on machine {}, {}. The shortest took {}, the longest {}. Percentiles \
         here are of all of them together; the medians above are over processes.{}",
        plural(inferences, "inference"),
        minute(&measured.created_at),
        letter(measured.machine),
        measured.how,
        Millis(distribution.min_ms),
        Millis(distribution.max_ms),
        if distribution.histogram.last_is_open {
            " The last bar holds all that took longer than its beginning."
        } else {
            ""
        }
    );
    let mut table = Table::new(
        "Inferences by latency",
        &["from", "to#", "inferences#", "percentiles here"],
    );
    let counts = &distribution.histogram.counts;
    for (edges, count) in distribution.histogram.edges_ms.windows(2).zip(counts) {
        let [from, to] = edges else { continue };
        let is_last = *to >= distribution.max_ms;
        let here: Vec<&str> = distribution
            .percentiles_ms
            .iter()
            .filter(|(_, value)| value >= from && (value < to || is_last))
            .map(|(name, _)| name.as_str())
            .collect();
        table.row([
            Millis(*from).to_string(),
            Millis(*to).to_string(),
            count.to_string(),
            here.join(", "),
        ]);
    }
    match (
        draw(distribution, (1120.0, 300.0), ""),
        draw(distribution, (760.0, 250.0), "-paper"),
    ) {
        (Some(desk), Some(paper)) => section.blocks.push(Block::Chart(Box::new(Chart {
            desk,
            hand: draw(distribution, (440.0, 300.0), "-small"),
            paper,
            table,
        }))),
        _ => section.blocks.push(Block::Table(table)),
    }
    section
}

fn draw(distribution: &Distribution, (width, height): (f64, f64), suffix: &str) -> Option<Drawing> {
    let histogram = &distribution.histogram;
    let bins = histogram.counts.len();
    let most = histogram.counts.iter().copied().max().filter(|most| *most > 0)?;
    // An open last bin may reach very far: it is as wide as its neighbour and says what it is.
    let drawn = if histogram.last_is_open {
        bins.saturating_sub(1)
    } else {
        bins
    };
    let first = *histogram.edges_ms.first()?;
    let end = *histogram.edges_ms.get(drawn)?;
    let floor = height - BOTTOM;
    let open_width = if histogram.last_is_open {
        (width - LEFT - RIGHT) / (bins as f64)
    } else {
        0.0
    };
    let right = width - RIGHT - open_width;
    let place = |value: f64| {
        let share = if end > first {
            (value - first) / (end - first)
        } else {
            0.5
        };
        LEFT + share.clamp(0.0, 1.0) * (right - LEFT)
    };
    let up = |count: f64| floor - count / most as f64 * (floor - TOP);

    let mut svg = Svg::default();
    for tick in ticks(most as f64, 4).into_iter().filter(|tick| tick.fract() == 0.0) {
        svg.line("grid", (LEFT, up(tick)), (width - RIGHT, up(tick)));
        svg.text("axis end", (LEFT - 8.0, up(tick) + 4.0), &format!("{tick:.0}"));
    }
    svg.text("axis", (0.0, 14.0), COUNTED);
    for (bin, count) in histogram.counts.iter().enumerate() {
        let (Some(from), Some(to)) = (histogram.edges_ms.get(bin), histogram.edges_ms.get(bin + 1)) else {
            continue;
        };
        let is_open = histogram.last_is_open && bin + 1 == bins;
        let (x, bar_width) = if is_open {
            (right, open_width)
        } else if bins == 1 {
            (LEFT + 0.4 * (right - LEFT), 0.2 * (right - LEFT))
        } else {
            (place(*from), place(*to) - place(*from))
        };
        let about = format!("{} to {}: {}", Millis(*from), Millis(*to), plural(*count, "inference"));
        let class = if is_open { "bars open" } else { "bars" };
        let top = up(*count as f64);
        svg.rect(class, (x, top), (bar_width, floor - top), &about);
        if is_open {
            svg.text("axis end", (width - RIGHT, top - 6.0), &format!("≥ {}", Millis(*from)));
        }
    }
    svg.line("grid", (LEFT, floor), (width - RIGHT, floor));
    if let Some(axis) = Axis::of([first, end].into_iter(), LEFT, right) {
        let count = if width > 600.0 { 10 } else { 4 };
        for tick in axis
            .ticks(count)
            .into_iter()
            .filter(|tick| (first..=end).contains(tick))
        {
            svg.line("grid", (place(tick), floor), (place(tick), floor + 5.0));
            svg.text("axis middle", (place(tick), floor + 19.0), &Millis(tick).to_string());
        }
    }
    svg.text("axis end", (width - RIGHT, floor + 38.0), "latency of one inference");
    // The axis has its name in the first row.
    let mut taken: Vec<(usize, f64, f64)> = vec![(0, 0.0, COUNTED.chars().count() as f64 * CHARACTER)];
    for (name, value) in &distribution.percentiles_ms {
        let x = if *value > end {
            right + open_width / 2.0
        } else {
            place(*value)
        };
        let label = format!("{name} {}", Millis(*value));
        let length = label.chars().count() as f64 * CHARACTER;
        let from = (x - length / 2.0).clamp(LEFT, width - RIGHT - length);
        let row = free_row(&taken, from, from + length);
        taken.push((row, from, from + length));
        let y = 14.0 + row as f64 * 15.0;
        svg.line("quantile", (x, y + 4.0), (x, floor));
        svg.text("marked", (from, y), &label);
    }
    Some(svg.drawing(
        (width, height),
        &format!("distribution-chart{suffix}"),
        "Latencies of the newest measurement",
        &format!(
            "{} from {} to {}; {}. The table below has the count of every bar.",
            plural(histogram.counts.iter().sum(), "inference"),
            Millis(distribution.min_ms),
            Millis(distribution.max_ms),
            distribution
                .percentiles_ms
                .iter()
                .map(|(name, value)| format!("{name} is {}", Millis(*value)))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    ))
}

/// The first row in which a label covers none that is `taken` (its row, from, to): further rows are for what would cover its neighbour.
fn free_row(taken: &[(usize, f64, f64)], from: f64, to: f64) -> usize {
    let is_free = |row: usize| {
        let mut others = taken.iter().filter(|(other, ..)| *other == row);
        others.all(|(_, start, stop)| from >= stop + GAP || to + GAP <= *start)
    };
    (0..ROWS).find(|row| is_free(*row)).unwrap_or(ROWS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_off_the_axis_name_and_off_each_other() {
        let mut taken = vec![(0, 0.0, 72.0)];
        let mut place = |from: f64| {
            let row = free_row(&taken, from, from + 80.0);
            taken.push((row, from, from + 80.0));
            row
        };
        // Right of the name, beside it, and both at once.
        assert_eq!([place(90.0), place(62.0), place(70.0)], [0, 1, 2]);
        assert_eq!(place(178.0), 0);
    }
}
