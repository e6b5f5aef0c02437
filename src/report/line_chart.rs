//! Figures one after the other: a dot with its interval each, dots of one series joined. What must not be compared is another series.

use crate::report::axis::Axis;
use crate::report::document::Block;
use crate::report::document::Chart;
use crate::report::document::Table;
use crate::report::svg::Drawing;
use crate::report::svg::Svg;

/// Colours of series, in the page's style sheet as `s0` to `s3`.
const COLOURS: usize = 4;

/// The measures of a drawing.
#[derive(Debug, Clone, Copy)]
struct Frame {
    size: (f64, f64),
    /// What the element's parts are named after, behind the chart's own name.
    suffix: &'static str,
    /// Columns that have their label beneath, at most.
    labels: usize,
}

/// For a page on a desk.
const DESK: Frame = Frame {
    size: (1120.0, 320.0),
    suffix: "",
    labels: 12,
};

/// For a page on a telephone.
const HAND: Frame = Frame {
    size: (440.0, 320.0),
    suffix: "-small",
    labels: 3,
};

/// For a sheet of paper.
const PAPER: Frame = Frame {
    size: (760.0, 270.0),
    suffix: "-paper",
    labels: 8,
};

const LEFT: f64 = 78.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 50.0;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spot {
    /// In which column, from 0.
    pub(super) column: usize,
    /// The figure, above zero.
    pub(super) value: f64,
    /// The ends of its interval, where that is known.
    pub(super) interval: Option<(f64, f64)>,
    /// What a pointer that rests on it reads.
    pub(super) about: String,
}

/// Figures that may be compared, in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// Where its colour and mark come from; the same for the same machine everywhere on a page.
    pub(super) look: usize,
    /// Its figures, by rising column.
    pub(super) spots: Vec<Spot>,
}

/// A column where the figures changed for good.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shift {
    /// The first column with the new figures.
    pub(super) column: usize,
    /// What to write there: `+8.3 %`.
    pub(super) label: String,
}

/// The whole chart.
#[derive(Debug, Clone)]
pub(super) struct LineChart<'a> {
    /// What the element's parts are named after.
    pub(super) id: &'a str,
    /// The drawing's name.
    pub(super) title: &'a str,
    /// What a person who can't see it should know.
    pub(super) description: String,
    /// What stands at the top of the axis: `median latency`.
    pub(super) quantity: &'a str,
    /// What stands beneath each column.
    pub(super) columns: Vec<String>,
    /// What stands beneath all of them: `oldest to newest`.
    pub(super) across: &'a str,
    /// The figures.
    pub(super) series: Vec<Series>,
    /// Where they changed.
    pub(super) shifts: Vec<Shift>,
    /// How a figure is written, with its unit.
    pub(super) unit: fn(f64) -> String,
}

impl LineChart<'_> {
    /// The chart in all its sizes with its figures; the figures alone where there is nothing to draw.
    pub(super) fn block(&self, table: Table) -> Block {
        match (draw(self, DESK), draw(self, PAPER)) {
            (Some(desk), Some(paper)) => Block::Chart(Box::new(Chart {
                desk,
                hand: draw(self, HAND),
                paper,
                table,
            })),
            _ => Block::Table(table),
        }
    }
}

/// The drawing; `None` where there is no figure above zero.
fn draw(chart: &LineChart<'_>, frame: Frame) -> Option<Drawing> {
    let (width, height) = frame.size;
    let floor = height - BOTTOM;
    let shown = |value: f64| value.is_finite() && value > 0.0;
    let values = chart.series.iter().flat_map(|series| &series.spots).flat_map(|spot| {
        let (lower, upper) = spot.interval.unwrap_or((spot.value, spot.value));
        // An interval that is far wider than all values is cut at the drawing's edge.
        [spot.value, lower.max(0.7 * spot.value), upper.min(1.4 * spot.value)]
    });
    let up = Axis::of(values.filter(|value| shown(*value)), floor, TOP)?;
    let across = |column: usize| {
        let count = chart.columns.len().max(1) as f64;
        LEFT + 14.0 + (column as f64 + 0.5) / count * (width - LEFT - RIGHT - 28.0)
    };

    let mut svg = Svg::default();
    for tick in up.ticks(5) {
        let y = up.place(tick);
        svg.line("grid", (LEFT, y), (width - RIGHT, y));
        svg.text("axis end", (LEFT - 8.0, y + 4.0), &(chart.unit)(tick));
    }
    svg.text("axis", (0.0, 14.0), chart.quantity);
    let every = chart.columns.len().div_ceil(frame.labels).max(1);
    for (column, label) in chart.columns.iter().enumerate() {
        // The newest always has its label.
        if (chart.columns.len() - 1 - column).is_multiple_of(every) {
            svg.line("grid", (across(column), floor), (across(column), floor + 5.0));
            svg.text("axis middle", (across(column), floor + 19.0), label);
        }
    }
    svg.text("axis end", (width - RIGHT, floor + 40.0), chart.across);

    for shift in &chart.shifts {
        let x = if shift.column > 0 {
            (across(shift.column - 1) + across(shift.column)) / 2.0
        } else {
            across(0)
        };
        svg.line("shift", (x, TOP - 8.0), (x, floor));
        let (anchor, at) = if x > width * 0.7 {
            ("shifted end", x - 6.0)
        } else {
            ("shifted", x + 6.0)
        };
        svg.text(anchor, (at, TOP - 2.0), &shift.label);
    }
    for series in &chart.series {
        let class = format!("s{}", series.look % COLOURS);
        let places: Vec<(f64, f64)> = series
            .spots
            .iter()
            .filter(|spot| shown(spot.value))
            .map(|spot| (across(spot.column), up.place(spot.value)))
            .collect();
        if places.len() > 1 {
            svg.path(&format!("series {class}"), &places, false);
        }
    }
    for series in &chart.series {
        let class = format!("s{}", series.look % COLOURS);
        for spot in series.spots.iter().filter(|spot| shown(spot.value)) {
            let (x, y) = (across(spot.column), up.place(spot.value));
            if let Some((lower, upper)) = spot.interval {
                let (from, to) = (up.place(lower.max(up.least)), up.place(upper.min(up.most)));
                svg.line(&format!("bound {class}"), (x, from), (x, to));
                for end in [from, to] {
                    svg.line(&format!("bound {class}"), (x - 4.0, end), (x + 4.0, end));
                }
            }
            mark(&mut svg, series.look, (x, y), &format!("spot {class}"), &spot.about);
        }
    }
    Some(svg.drawing(
        frame.size,
        &format!("{}{}", chart.id, frame.suffix),
        chart.title,
        &chart.description,
    ))
}

/// A mark that tells series apart without colours.
fn mark(svg: &mut Svg, look: usize, (x, y): (f64, f64), class: &str, about: &str) {
    match look % COLOURS {
        0 => svg.circle(class, (x, y), 5.0, about),
        1 => svg.shape(class, &[(x, y - 6.5), (x + 6.0, y + 4.5), (x - 6.0, y + 4.5)], about),
        2 => svg.shape(class, &[(x, y - 6.5), (x + 6.5, y), (x, y + 6.5), (x - 6.5, y)], about),
        _ => svg.rect(class, (x - 4.5, y - 4.5), (9.0, 9.0), about),
    }
}

/// The mark of a series as a character.
pub(super) fn sign(look: usize) -> char {
    ['●', '▲', '◆', '■'][look % COLOURS]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(series: Vec<Series>) -> LineChart<'static> {
        LineChart {
            id: "history",
            title: "History",
            description: "d".to_owned(),
            quantity: "median latency",
            columns: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
            across: "oldest to newest",
            series,
            shifts: Vec::new(),
            unit: |value| format!("{value} ms"),
        }
    }

    fn spot(column: usize, value: f64) -> Spot {
        Spot {
            column,
            value,
            interval: Some((value * 0.9, value * 1.1)),
            about: String::new(),
        }
    }

    #[test]
    fn series_are_not_joined() {
        let two = chart(vec![
            Series {
                look: 0,
                spots: vec![spot(0, 1.0), spot(2, 1.1)],
            },
            Series {
                look: 1,
                spots: vec![spot(1, 3.0)],
            },
        ]);
        let svg = draw(&two, DESK).unwrap().to_svg();
        assert_eq!(svg.matches("class=\"series ").count(), 1, "{svg}");
        assert_eq!(svg.matches("class=\"spot ").count(), 3, "{svg}");
    }

    #[test]
    fn nothing_to_show_is_no_drawing() {
        assert!(draw(&chart(Vec::new()), DESK).is_none());
        let absurd = Series {
            look: 0,
            spots: vec![spot(0, f64::NAN), spot(1, -1.0)],
        };
        assert!(draw(&chart(vec![absurd]), HAND).is_none());
    }
}
