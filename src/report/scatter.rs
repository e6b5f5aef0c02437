//! Latency across, size up, so that what is small and fast lies at the lower left. Intervals are bars, the front is a line, every point
//! has its name beside it.

use crate::report::axis::Axis;
use crate::report::axis::round;
use crate::report::svg::Drawing;
use crate::report::svg::Svg;
use crate::units::Bytes;

/// About the width of a character of a label, in parts of its height.
const CHARACTER: f64 = 0.56;

/// The same of a label in bold.
const BOLD_CHARACTER: f64 = 0.68;

/// Steps away from its point that a label may go.
const STEPS: [f64; 6] = [0.0, 10.0, 24.0, 42.0, 64.0, 90.0];

/// The measures of a drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Of the whole drawing.
    pub(super) size: (f64, f64),
    /// Of labels.
    pub(super) text: f64,
    /// What the element's parts are named after, behind the plot's own name.
    pub(super) suffix: &'static str,
}

/// For a page on a desk.
pub(super) const DESK: Frame = Frame {
    size: (1120.0, 500.0),
    text: 14.0,
    suffix: "",
};

/// For a page on a telephone.
pub(super) const HAND: Frame = Frame {
    size: (440.0, 460.0),
    text: 14.0,
    suffix: "-small",
};

/// For a sheet of paper.
pub(super) const PAPER: Frame = Frame {
    size: (760.0, 420.0),
    text: 14.0,
    suffix: "-paper",
};

const LEFT: f64 = 66.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 52.0;

/// How a point looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// A star: the one that matters most.
    Best,
    /// A ring: what the others are compared with.
    Base,
    /// A diamond.
    Small,
    /// A triangle.
    Inaccurate,
    /// A dot.
    Other,
}

/// One of what is compared.
#[derive(Debug, Clone)]
pub(super) struct Point {
    /// What stands beside it.
    pub(super) label: String,
    /// Milliseconds: the figure, and the lower and upper end of its interval.
    pub(super) latency: (f64, f64, f64),
    /// Bytes.
    pub(super) size: f64,
    /// How it looks.
    pub(super) mark: Mark,
    /// True for one that is shown back.
    pub(super) is_soft: bool,
    /// True on the Pareto front.
    pub(super) on_front: bool,
    /// What a pointer that rests on it reads.
    pub(super) about: String,
}

/// All of them.
#[derive(Debug, Clone)]
pub(super) struct Scatter<'a> {
    /// What the element's parts are named after.
    pub(super) id: &'a str,
    /// The drawing's name.
    pub(super) title: &'a str,
    /// What a person who can't see it should know.
    pub(super) description: String,
    /// The points, in the order of the table.
    pub(super) points: Vec<Point>,
}

/// A rectangle: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Area(f64, f64, f64, f64);

impl Area {
    /// How much of both is the same.
    fn overlap(self, other: Self) -> f64 {
        let width = self.2.min(other.2) - self.0.max(other.0);
        let height = self.3.min(other.3) - self.1.max(other.1);
        width.max(0.0) * height.max(0.0)
    }
}

/// The drawing; `None` where there is no point.
pub(super) fn draw(scatter: &Scatter<'_>, frame: Frame) -> Option<Drawing> {
    let points: Vec<&Point> = scatter.points.iter().filter(|point| point.shows()).collect();
    let (width, height) = frame.size;
    let floor = height - BOTTOM;
    let latencies = points.iter().flat_map(|point| {
        let (value, lower, upper) = point.latency;
        // An interval that is far wider than all values is cut at the drawing's edge.
        [value, lower.max(0.8 * value), upper.min(1.2 * value)]
    });
    let across = Axis::of(latencies, LEFT, width - RIGHT)?;
    let up = Axis::of(points.iter().map(|point| point.size), floor, TOP)?;

    let mut svg = Svg::default();
    draw_axes(&mut svg, &across, &up, frame);
    draw_front(&mut svg, &points, &across, &up);
    let mut taken: Vec<Area> = Vec::new();
    for point in &points {
        let (x, y) = point.place(&across, &up);
        let (from, to) = (across.place(point.latency.1), across.place(point.latency.2));
        svg.line("range", (from, y), (to, y));
        for end in [from, to] {
            svg.line("range", (end, y - 4.0), (end, y + 4.0));
        }
        taken.push(Area(x - 8.0, y - 8.0, x + 8.0, y + 8.0));
        taken.push(Area(from - 1.0, y - 4.0, to + 1.0, y + 4.0));
    }
    // Those that matter most find their place first.
    let mut order = points.clone();
    order.sort_by_key(|point| match point.mark {
        Mark::Best => 0,
        Mark::Base => 1,
        Mark::Small => 2,
        Mark::Inaccurate | Mark::Other => 3,
    });
    let mut labels = Vec::with_capacity(order.len());
    for point in &order {
        let at = point.place(&across, &up);
        let character = match point.mark {
            Mark::Best => BOLD_CHARACTER,
            _ => CHARACTER,
        };
        let length = point.label.chars().count() as f64 * character * frame.text;
        let (anchor, area) = settle(at, length, frame, &taken);
        taken.push(area);
        // Leaders go beneath all labels.
        let beside = (at.0.clamp(area.0, area.2), at.1.clamp(area.1, area.3));
        if (beside.0 - at.0).hypot(beside.1 - at.1) > 16.0 {
            svg.line("leader", at, beside);
        }
        labels.push((point.text_class(), anchor, &point.label));
    }
    for (class, anchor, label) in labels {
        svg.text(class, anchor, label);
    }
    for point in &order {
        point.draw(&mut svg, point.place(&across, &up));
    }
    Some(svg.drawing(
        frame.size,
        &format!("{}{}", scatter.id, frame.suffix),
        scatter.title,
        &scatter.description,
    ))
}

impl Point {
    /// True where it has a place in the plane.
    pub(super) fn shows(&self) -> bool {
        let shows = |value: f64| value.is_finite() && value > 0.0;
        shows(self.latency.0) && shows(self.size)
    }

    fn place(&self, across: &Axis, up: &Axis) -> (f64, f64) {
        (across.place(self.latency.0), up.place(self.size))
    }

    fn text_class(&self) -> &'static str {
        match self.mark {
            Mark::Best => "name best",
            _ if self.is_soft => "name soft",
            _ => "name",
        }
    }

    fn draw(&self, svg: &mut Svg, (x, y): (f64, f64)) {
        let about = &self.about;
        if self.on_front {
            svg.circle("halo", (x, y), 11.0, "");
        }
        let polygon = |corners: usize, radius: f64, inner: f64| -> Vec<(f64, f64)> {
            (0..2 * corners)
                .map(|index| {
                    let angle = std::f64::consts::PI * (index as f64 / corners as f64 - 0.5);
                    let radius = if index % 2 == 0 { radius } else { inner };
                    (x + radius * angle.cos(), y + radius * angle.sin())
                })
                .collect()
        };
        match self.mark {
            Mark::Best => svg.shape("mark best", &polygon(5, 9.0, 4.0), about),
            Mark::Small => svg.shape(
                "mark small",
                &[(x, y - 7.5), (x + 7.5, y), (x, y + 7.5), (x - 7.5, y)],
                about,
            ),
            Mark::Base => svg.circle("mark base", (x, y), 6.0, about),
            Mark::Inaccurate => svg.shape(
                "mark inaccurate",
                &[(x, y - 6.5), (x + 6.5, y + 5.0), (x - 6.5, y + 5.0)],
                about,
            ),
            Mark::Other => svg.circle("mark other", (x, y), 5.0, about),
        }
    }
}

fn draw_axes(svg: &mut Svg, across: &Axis, up: &Axis, frame: Frame) {
    let (width, height) = frame.size;
    let floor = height - BOTTOM;
    let count = if width > 600.0 { 10 } else { 4 };
    for tick in across.ticks(count) {
        let x = across.place(tick);
        svg.line("grid", (x, TOP), (x, floor));
        svg.text("axis middle", (x, floor + 18.0), &round(tick));
    }
    for tick in up.ticks(8) {
        let y = up.place(tick);
        svg.line("grid", (LEFT, y), (width - RIGHT, y));
        svg.text("axis end", (LEFT - 8.0, y + 4.0), &Bytes(tick as u64).to_string());
    }
    svg.text(
        "axis end",
        (width - RIGHT, floor + 40.0),
        "median latency in ms, faster to the left ←",
    );
    svg.text("axis", (0.0, 14.0), "size on disk, smaller below ↓");
}

/// The line through those of the front that no other of it beats in both latency and size.
fn draw_front(svg: &mut Svg, points: &[&Point], across: &Axis, up: &Axis) {
    let mut front: Vec<&&Point> = points.iter().filter(|point| point.on_front).collect();
    front.sort_by(|one, other| {
        one.latency
            .0
            .total_cmp(&other.latency.0)
            .then(one.size.total_cmp(&other.size))
    });
    let mut corners = Vec::new();
    let mut least = f64::INFINITY;
    for point in front {
        if point.size < least {
            least = point.size;
            corners.push(point.place(across, up));
        }
    }
    if corners.len() > 1 {
        svg.path("front", &corners, false);
    }
}

/// Where a label goes: its anchor and the room that it takes. The nearest place that is free, or else the one that covers least.
fn settle(at: (f64, f64), length: f64, frame: Frame, taken: &[Area]) -> ((f64, f64), Area) {
    let (width, height) = frame.size;
    let rise = frame.text;
    let mut best: Option<(f64, (f64, f64), Area)> = None;
    for step in STEPS {
        let (near, side) = (13.0 + step, 0.72 * (13.0 + step));
        let places = [
            (at.0 + near, at.1 + rise * 0.35),
            (at.0 - near - length, at.1 + rise * 0.35),
            (at.0 - length / 2.0, at.1 - near),
            (at.0 - length / 2.0, at.1 + near + rise * 0.7),
            (at.0 + side, at.1 - side),
            (at.0 + side, at.1 + side + rise * 0.7),
            (at.0 - side - length, at.1 - side),
            (at.0 - side - length, at.1 + side + rise * 0.7),
        ];
        for (x, y) in places {
            let x = x.clamp(LEFT + 2.0, (width - RIGHT - length).max(LEFT + 2.0));
            let y = y.clamp(TOP + rise, height - BOTTOM - 4.0);
            let area = Area(x - 2.0, y - rise * 0.85, x + length + 2.0, y + rise * 0.3);
            let covered: f64 = taken.iter().map(|other| area.overlap(*other)).sum();
            if covered <= 0.0 {
                return ((x, y), area);
            }
            if best.is_none_or(|(least, ..)| covered < least) {
                best = Some((covered, (x, y), area));
            }
        }
    }
    best.map_or((at, Area(at.0, at.1, at.0, at.1)), |(_, anchor, area)| (anchor, area))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn labels_do_not_collide_where_there_is_room(
            points in prop::collection::vec((80.0_f64..1000.0, 40.0_f64..420.0), 1..9)
        ) {
            let mut taken: Vec<Area> = Vec::new();
            for (x, y) in points {
                let (_, area) = settle((x, y), 90.0, DESK, &taken);
                prop_assert!(area.0 >= LEFT - 1.0 && area.2 <= DESK.size.0);
                prop_assert!(taken.iter().all(|other| area.overlap(*other) == 0.0));
                taken.push(area);
            }
        }
    }
}
