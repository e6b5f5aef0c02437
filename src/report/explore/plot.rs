//! The scatter plot of a sweep: latency across, size up, so that what is small and fast lies at the lower left. Intervals are bars, the
//! front is a line, every point has its name beside it.

use crate::report::explore::types::Explored;
use crate::report::explore::types::Figure;
use crate::report::explore::types::Row;
use crate::report::explore::types::Verdict;
use crate::report::explore::words;
use crate::report::svg::Svg;
use crate::units::Bytes;
use crate::units::Millis;

/// Beyond this ratio of the largest to the least an axis goes by powers.
const WIDE: f64 = 8.0;

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
    /// What the element's parts are named after.
    pub(super) id: &'static str,
}

/// For a page on a desk.
pub(super) const DESK: Frame = Frame {
    size: (1120.0, 500.0),
    text: 14.0,
    id: "plot",
};

/// For a page on a telephone.
pub(super) const HAND: Frame = Frame {
    size: (440.0, 460.0),
    text: 14.0,
    id: "plot-small",
};

const LEFT: f64 = 66.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 52.0;

/// A variant in the plane.
struct Point<'a> {
    row: &'a Row,
    /// Milliseconds: the baseline's latency times the measured ratio, with its interval.
    latency: Figure,
    size: f64,
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

/// From values to places along an axis.
#[derive(Debug, Clone, Copy)]
struct Axis {
    least: f64,
    most: f64,
    by_powers: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis for finite values above zero from `from` to `to` on the drawing.
    fn of(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Option<Self> {
        let least = values.clone().reduce(f64::min)?;
        let most = values.reduce(f64::max)?;
        let by_powers = most / least > WIDE;
        let (least, most) = if by_powers {
            (least / 1.35, most * 1.35)
        } else {
            let margin = (most - least).max(most * 0.1);
            ((least - 0.15 * margin).max(0.0), most + 0.15 * margin)
        };
        Some(Self {
            least,
            most,
            by_powers,
            from,
            to,
        })
    }

    fn place(&self, value: f64) -> f64 {
        let part = if self.by_powers {
            (value.max(self.least) / self.least).ln() / (self.most / self.least).ln()
        } else {
            (value - self.least) / (self.most - self.least)
        };
        self.from + part.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round values within the axis: at most about `count`.
    fn ticks(&self, count: usize) -> Vec<f64> {
        if self.by_powers {
            let first = self.least.log10().floor() as i32;
            let last = self.most.log10().ceil() as i32;
            return (first..=last)
                .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
                .filter(|tick| (self.least..=self.most).contains(tick))
                .collect();
        }
        let rough = (self.most - self.least) / count.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|digit| digit * power)
            .find(|step| *step >= rough)
            .unwrap_or(10.0 * power);
        let first = (self.least / step).ceil() as i64;
        (first..first + 2 * count as i64 + 2)
            .map(|index| index as f64 * step)
            .filter(|tick| *tick <= self.most * (1.0 + 1e-9))
            .collect()
    }
}

/// The drawing; `None` where nothing was measured.
pub(super) fn draw(explored: &Explored, frame: Frame) -> Option<String> {
    let baseline_ms = explored.baseline()?.latency.as_ref()?.p50_ms;
    let points: Vec<Point<'_>> = explored
        .variants
        .iter()
        .filter_map(|row| Point::of(row, baseline_ms))
        .collect();
    let (width, height) = frame.size;
    let floor = height - BOTTOM;
    let latencies = points.iter().flat_map(|point| {
        // An interval that is far wider than all values is cut at the drawing's edge.
        [
            point.latency.value,
            point.latency.lower.max(0.8 * point.latency.value),
            point.latency.upper.min(1.2 * point.latency.value),
        ]
    });
    let across = Axis::of(latencies, LEFT, width - RIGHT)?;
    let up = Axis::of(points.iter().map(|point| point.size), floor, TOP)?;

    let mut svg = Svg::default();
    draw_axes(&mut svg, &across, &up, frame);
    draw_front(&mut svg, &points, &across, &up);
    let mut taken: Vec<Area> = Vec::new();
    for point in &points {
        let (x, y) = point.place(&across, &up);
        let (from, to) = (across.place(point.latency.lower), across.place(point.latency.upper));
        svg.line("range", (from, y), (to, y));
        for end in [from, to] {
            svg.line("range", (end, y - 4.0), (end, y + 4.0));
        }
        taken.push(Area(x - 8.0, y - 8.0, x + 8.0, y + 8.0));
        taken.push(Area(from - 1.0, y - 4.0, to + 1.0, y + 4.0));
    }
    // Those that matter most find their place first.
    let mut order: Vec<&Point<'_>> = points.iter().collect();
    order.sort_by_key(|point| match point.row.verdict {
        Verdict::Recommended => 0,
        Verdict::Baseline => 1,
        Verdict::Aggressive => 2,
        Verdict::Skip | Verdict::Failed => 3,
    });
    let mut labels = Vec::with_capacity(order.len());
    for point in &order {
        let at = point.place(&across, &up);
        let label = point.label(explored);
        let character = match point.row.verdict {
            Verdict::Recommended => BOLD_CHARACTER,
            _ => CHARACTER,
        };
        let length = label.chars().count() as f64 * character * frame.text;
        let (anchor, area) = settle(at, length, frame, &taken);
        taken.push(area);
        // Leaders go beneath all labels.
        let beside = (at.0.clamp(area.0, area.2), at.1.clamp(area.1, area.3));
        if (beside.0 - at.0).hypot(beside.1 - at.1) > 16.0 {
            svg.line("leader", at, beside);
        }
        labels.push((point.text_class(), anchor, label));
    }
    for (class, anchor, label) in labels {
        svg.text(class, anchor, &label);
    }
    for point in &order {
        point.draw(&mut svg, point.place(&across, &up), explored);
    }
    let best = explored.with(Verdict::Recommended).map_or_else(
        || "Nothing is recommended.".to_owned(),
        |row| format!("Recommended: {}.", row.recipe),
    );
    Some(svg.finish_as(
        frame.size,
        frame.id,
        "Latency and size of every variant",
        &format!(
            "{} variants by median latency, across, and size on disk, up; small and fast is at the lower left. {best} On the Pareto front: {}. \
             The table below has every figure.",
            points.len(),
            explored.front.join(", ")
        ),
    ))
}

impl<'a> Point<'a> {
    fn of(row: &'a Row, baseline_ms: f64) -> Option<Self> {
        let ratio = row.latency.as_ref()?.ratio;
        let size = row.size_bytes? as f64;
        let latency = Figure {
            value: baseline_ms * ratio.value,
            lower: baseline_ms * ratio.lower,
            upper: baseline_ms * ratio.upper,
        };
        let shows = |value: f64| value.is_finite() && value > 0.0;
        (shows(latency.value) && shows(size)).then_some(Self { row, latency, size })
    }

    fn place(&self, across: &Axis, up: &Axis) -> (f64, f64) {
        (across.place(self.latency.value), up.place(self.size))
    }

    fn is_inaccurate(&self, explored: &Explored) -> bool {
        let cosine = self.row.accuracy.as_ref().map(|accuracy| accuracy.cosine);
        cosine.is_some_and(|cosine| cosine.is_nan() || cosine < explored.asked.cosine_threshold)
    }

    fn label(&self, explored: &Explored) -> String {
        let name = &self.row.recipe;
        match self.row.verdict {
            Verdict::Recommended | Verdict::Aggressive => format!("{name}, {}", self.row.verdict.word()),
            _ if self.is_inaccurate(explored) => {
                format!("{name}, cosine {}", words::cosine(self.row.accuracy.as_ref()))
            }
            _ => name.clone(),
        }
    }

    fn text_class(&self) -> &'static str {
        match self.row.verdict {
            Verdict::Recommended => "name best",
            Verdict::Baseline | Verdict::Aggressive => "name",
            Verdict::Skip | Verdict::Failed => "name soft",
        }
    }

    fn draw(&self, svg: &mut Svg, (x, y): (f64, f64), explored: &Explored) {
        let about = self.about();
        if self.row.on_front {
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
        match self.row.verdict {
            Verdict::Recommended => svg.shape("mark best", &polygon(5, 9.0, 4.0), &about),
            Verdict::Aggressive => svg.shape(
                "mark small",
                &[(x, y - 7.5), (x + 7.5, y), (x, y + 7.5), (x - 7.5, y)],
                &about,
            ),
            Verdict::Baseline => svg.circle("mark base", (x, y), 6.0, &about),
            _ if self.is_inaccurate(explored) => svg.shape(
                "mark inaccurate",
                &[(x, y - 6.5), (x + 6.5, y + 5.0), (x - 6.5, y + 5.0)],
                &about,
            ),
            Verdict::Skip | Verdict::Failed => svg.circle("mark other", (x, y), 5.0, &about),
        }
    }

    /// What a pointer that rests on it reads.
    fn about(&self) -> String {
        let mut about = format!(
            "{}: {} ({} to {}), {}",
            self.row.recipe,
            Millis(self.latency.value),
            Millis(self.latency.lower),
            Millis(self.latency.upper),
            Bytes(self.size as u64)
        );
        if let Some(accuracy) = &self.row.accuracy {
            about += &format!(", cosine {:.4}", accuracy.cosine);
        }
        about += &format!("; {}", words::verdict(self.row));
        about
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
fn draw_front(svg: &mut Svg, points: &[Point<'_>], across: &Axis, up: &Axis) {
    let mut front: Vec<&Point<'_>> = points.iter().filter(|point| point.row.on_front).collect();
    front.sort_by(|one, other| {
        one.latency
            .value
            .total_cmp(&other.latency.value)
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

/// As many digits as a tick needs.
fn round(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn axes_have_round_ticks_within() {
        let axis = Axis::of([2.1, 4.8].into_iter(), 0.0, 100.0).unwrap();
        assert_eq!(axis.ticks(6), [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(axis.ticks(10), [2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]);
        let axis = Axis::of([1.0, 90.0].into_iter(), 0.0, 100.0).unwrap();
        assert_eq!(axis.ticks(6), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert!(Axis::of(std::iter::empty(), 0.0, 1.0).is_none());
    }

    proptest! {
        #[test]
        fn places_are_on_the_drawing(values in prop::collection::vec(1e-6_f64..1e9, 1..8), other in 1e-9_f64..1e12) {
            let axis = Axis::of(values.iter().copied(), 10.0, 90.0).unwrap();
            for value in values.iter().chain([&other]) {
                prop_assert!((10.0..=90.0).contains(&axis.place(*value)));
            }
            prop_assert!(axis.ticks(6).len() <= 40);
        }

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
