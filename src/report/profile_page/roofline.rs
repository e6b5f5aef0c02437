//! The roofline: how fast each kernel computes against how much it computes for every byte that it moves.
//!
//! After Williams, Waterman and Patterson, *Roofline: An Insightful Visual Performance Model for Multicore Architectures*, 2009.

use super::palette::Palette;
use crate::measure::profile::Kernel;
use crate::measure::profile::Profile;
use crate::report::svg::Svg;
use crate::report::svg::WIDTH;
use crate::report::svg::decades;

const LEFT: f64 = 76.0;
const TOP: f64 = 24.0;
const HEIGHT: f64 = 330.0;
const AXIS: f64 = 46.0;

/// Rates below this part of the roof are drawn at the floor, or one stray kernel would flatten all others.
const FLOOR: f64 = 1e-4;

/// A kernel in the plane.
struct Point<'a> {
    kernel: &'a Kernel,
    /// Floating-point operations a byte.
    intensity: f64,
    /// Thousand millions of floating-point operations a second.
    rate: f64,
}

/// The drawing, and how many kernels it shows; `None` without a roof or a kernel whose work is known.
pub(super) fn draw(profile: &Profile, palette: &Palette) -> Option<(String, usize)> {
    let roof = profile.roofline.as_ref()?;
    let known = [roof.gflops, roof.gigabytes]
        .iter()
        .all(|rate| rate.is_finite() && *rate > 0.0);
    let mut points: Vec<Point<'_>> = profile.kernels.iter().filter_map(point).collect();
    if points.is_empty() || !known {
        return None;
    }
    points.sort_by(|one, other| other.kernel.seconds.total_cmp(&one.kernel.seconds));
    let ridge = roof.ridge();
    let bounds = |of: fn(&Point<'_>) -> f64, also: f64| {
        points
            .iter()
            .map(of)
            .fold((also, also), |(least, most), value| (least.min(value), most.max(value)))
    };
    let (least_x, most_x) = bounds(|point| point.intensity, ridge);
    let (least_y, most_y) = bounds(|point| point.rate, roof.gflops);
    let across = decades(least_x / 1.5, most_x * 1.5);
    let up = decades((least_y / 1.5).max(roof.gflops * FLOOR), most_y * 1.5);
    let (first_x, last_x) = (*across.first()?, *across.last()?);
    let (first_y, last_y) = (*up.first()?, *up.last()?);
    let x = |value: f64| LEFT + (value / first_x).log10() / (last_x / first_x).log10() * (WIDTH - LEFT - 12.0);
    let y = |value: f64| TOP + HEIGHT * (1.0 - (value.max(first_y) / first_y).log10() / (last_y / first_y).log10());
    let floor = TOP + HEIGHT;

    let mut svg = Svg::default();
    for tick in &across {
        svg.line("grid", (x(*tick), TOP), (x(*tick), floor));
        svg.text("axis middle", (x(*tick), floor + 17.0), &plain(*tick));
    }
    for tick in &up {
        svg.line("grid", (LEFT, y(*tick)), (x(last_x), y(*tick)));
        svg.text("axis end", (LEFT - 8.0, y(*tick) + 4.0), &plain(*tick));
    }
    // Where memory's slope leaves the picture at the bottom, the roof begins at its edge.
    let start = first_x.max(first_y / roof.gigabytes);
    let slope = (x(start), y(start * roof.gigabytes));
    let corner = (x(ridge), y(roof.gflops));
    svg.path("roof", &[slope, corner, (x(last_x), y(roof.gflops))], false);
    svg.line("ridge", corner, (corner.0, floor));
    svg.text(
        "strong end",
        (x(last_x) - 4.0, corner.1 - 8.0),
        &format!("{} GFLOP/s", round(roof.gflops)),
    );
    let middle = ((slope.0 + corner.0) / 2.0, (slope.1 + corner.1) / 2.0);
    svg.text(
        "strong end",
        (middle.0 - 8.0, middle.1 - 10.0),
        &format!("{} GB/s", round(roof.gigabytes)),
    );
    svg.text("axis end", (corner.0 - 8.0, floor - 8.0), "limited by memory");
    svg.text("axis", (corner.0 + 8.0, floor - 8.0), "limited by arithmetic");
    for point in &points {
        let radius = 4.0 + 16.0 * point.kernel.share.clamp(0.0, 1.0).sqrt();
        let about = format!(
            "{}: {} GFLOP/s at {} FLOP a byte, {:.1} % of the run",
            super::about_name(point.kernel),
            round(point.rate),
            round(point.intensity),
            point.kernel.share * 100.0
        );
        let class = format!("dot {}", palette.class(point.kernel));
        svg.circle(&class, (x(point.intensity), y(point.rate)), radius, &about);
    }
    svg.text(
        "axis end",
        (WIDTH - 12.0, floor + 38.0),
        "floating-point operations a byte",
    );
    svg.text("axis", (0.0, 12.0), "GFLOP/s");
    let drawing = svg.finish(
        floor + AXIS,
        "roofline",
        "Roofline",
        &format!(
            "{} kernels by arithmetic intensity and rate beneath this machine's roof of {} GFLOP/s and {} GB/s.",
            points.len(),
            round(roof.gflops),
            round(roof.gigabytes)
        ),
    );
    Some((drawing, points.len()))
}

fn point(kernel: &Kernel) -> Option<Point<'_>> {
    let (operations, bytes) = (2.0 * kernel.macs? as f64, kernel.bytes? as f64);
    let found = Point {
        kernel,
        intensity: operations / bytes,
        rate: operations / kernel.seconds / 1e9,
    };
    let shows = |value: f64| value.is_finite() && value > 0.0;
    (shows(found.intensity) && shows(found.rate)).then_some(found)
}

/// A power of ten.
fn plain(value: f64) -> String {
    if value >= 1.0 {
        format!("{value:.0}")
    } else {
        format!("{value}")
    }
}

/// Two or three significant digits.
pub(super) fn round(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else if value >= 0.1 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}
