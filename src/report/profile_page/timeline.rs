//! The timeline: one run from start to end, kernels where they ran, with the modules that they belong to above them.

use super::palette::Palette;
use super::scope::Place;
use crate::measure::profile::Profile;
use crate::measure::profile::Span;
use crate::report::svg::Svg;
use crate::report::svg::WIDTH;
use crate::report::svg::ticks;
use crate::units::Millis;

const SCOPE_ROW: f64 = 20.0;
const KERNEL_ROW: f64 = 40.0;
const AXIS: f64 = 24.0;

/// Levels of modules above the kernels.
const MOST_SCOPES: usize = 3;

/// Levels of loops and branches.
const DEEPEST: u32 = 6;

/// The drawing; `None` where no run was recorded.
pub(super) fn draw(profile: &Profile, places: &[Place], palette: &Palette, modules: bool) -> Option<String> {
    let spans = &profile.timeline;
    let end = spans.iter().map(|span| span.start + span.seconds).fold(0.0, f64::max);
    if !(end.is_finite() && end > 0.0) {
        return None;
    }
    let scale = WIDTH / end;
    let mut svg = Svg::default();
    let levels = if modules {
        scope_rows(&mut svg, spans, places, scale)
    } else {
        0
    };
    let top = levels as f64 * SCOPE_ROW;
    let deepest = spans.iter().map(|span| span.depth).max().unwrap_or(0).min(DEEPEST);
    let bottom = top + f64::from(deepest + 1) * KERNEL_ROW;
    let axis = ticks(end * 1e3, 8);
    for tick in &axis {
        let x = tick / 1e3 * scale;
        svg.line("grid", (x, 0.0), (x, bottom));
    }
    for span in spans.iter().filter(|span| span.depth <= DEEPEST) {
        let (Some(kernel), Some(place)) = (profile.kernels.get(span.kernel), places.get(span.kernel)) else {
            continue;
        };
        let (x, y, width) = (
            span.start * scale,
            top + f64::from(span.depth) * KERNEL_ROW,
            span.seconds * scale,
        );
        let gap = if width > 3.0 { 0.75 } else { 0.0 };
        let class = palette.class(kernel);
        let about = format!(
            "{}, {} at {}",
            super::about_name(kernel),
            Millis(span.seconds * 1e3),
            Millis(span.start * 1e3)
        );
        svg.rect(
            &format!("k {class}"),
            (x, y),
            ((width - gap).max(0.25), KERNEL_ROW - 2.0),
            &about,
        );
        svg.label(&format!("on on-{class}"), (x + 4.0, y + 16.0), width, &place.leaf);
        svg.label(
            &format!("on small on-{class}"),
            (x + 4.0, y + 30.0),
            width,
            &Millis(span.seconds * 1e3).to_string(),
        );
    }
    for (index, tick) in axis.iter().enumerate() {
        let anchor = if index == 0 { "axis" } else { "axis middle" };
        let x = tick / 1e3 * scale;
        if x < WIDTH - 20.0 {
            svg.text(anchor, (x, bottom + 16.0), &Millis(*tick).to_string());
        }
    }
    Some(svg.finish(
        bottom + AXIS,
        "timeline",
        "Timeline of one run",
        "Kernels in the order in which they ran, in milliseconds from the run's start; the table of kernels has every figure.",
    ))
}

/// Modules of neighbouring kernels as bars above them; returns how many rows there are.
fn scope_rows(svg: &mut Svg, spans: &[Span], places: &[Place], scale: f64) -> usize {
    let main: Vec<(&Span, &[String])> = spans
        .iter()
        .filter(|span| span.depth == 0)
        .filter_map(|span| Some((span, places.get(span.kernel)?.scope.as_slice())))
        .collect();
    // A module that all kernels are in says nothing.
    let common = main.iter().map(|(_, scope)| scope.len()).min().unwrap_or(0);
    let skipped = (0..common)
        .take_while(|level| main.iter().all(|(_, scope)| scope[*level] == main[0].1[*level]))
        .count();
    let mut rows = 0;
    for level in skipped..skipped + MOST_SCOPES {
        let same = |one: &(&Span, &[String]), other: &(&Span, &[String])| one.1.get(..=level) == other.1.get(..=level);
        let mut drawn = false;
        for group in main.chunk_by(same) {
            let (Some((first, scope)), Some((last, _))) = (group.first(), group.last()) else {
                continue;
            };
            let Some(label) = scope.get(level) else { continue };
            drawn = true;
            let (x, end) = (first.start * scale, (last.start + last.seconds) * scale);
            let y = rows as f64 * SCOPE_ROW;
            let about = format!(
                "{}, {}",
                scope[..=level].join("/"),
                Millis((last.start + last.seconds - first.start) * 1e3)
            );
            svg.rect("scope", (x, y), (end - x - 0.75, SCOPE_ROW - 2.0), &about);
            svg.label("on-scope small", (x + 4.0, y + 13.0), end - x, label);
        }
        if !drawn {
            break;
        }
        rows += 1;
    }
    rows
}
