//! The memory flow: living activations kernel by kernel, with the step that holds most.

use crate::measure::profile::Profile;
use crate::report::profile_page::scope::Place;
use crate::report::svg::Svg;
use crate::report::svg::WIDTH;
use crate::report::svg::ticks;
use crate::units::Bytes;

const LEFT: f64 = 76.0;
const TOP: f64 = 26.0;
const HEIGHT: f64 = 190.0;
const AXIS: f64 = 28.0;

/// The drawing; `None` where no size is known.
pub(super) fn draw(profile: &Profile, places: &[Place]) -> Option<String> {
    let steps = &profile.memory.steps;
    let most = steps
        .iter()
        .map(|step| step.live_bytes)
        .max()
        .filter(|most| *most > 0)?;
    let step_width = (WIDTH - LEFT) / steps.len() as f64;
    let x = |index: usize| LEFT + index as f64 * step_width;
    let y = |bytes: u64| TOP + HEIGHT * (1.0 - bytes as f64 / most as f64);
    let floor = TOP + HEIGHT;
    let mut svg = Svg::default();
    for tick in ticks(most as f64, 4) {
        let height = y(tick as u64);
        svg.line("grid", (LEFT, height), (WIDTH, height));
        svg.text("axis end", (LEFT - 8.0, height + 4.0), &Bytes(tick as u64).to_string());
    }
    let mut outline = Vec::with_capacity(2 * steps.len() + 2);
    let mut written = vec![(LEFT, floor)];
    for (index, step) in steps.iter().enumerate() {
        outline.extend([(x(index), y(step.live_bytes)), (x(index + 1), y(step.live_bytes))]);
        let top = y(step.output_bytes.min(step.live_bytes));
        written.extend([(x(index), top), (x(index + 1), top)]);
    }
    written.push((WIDTH, floor));
    let mut area = vec![(LEFT, floor)];
    area.extend(&outline);
    area.push((WIDTH, floor));
    svg.path("live-area", &area, true);
    svg.path("written-area", &written, true);
    svg.path("live-line", &outline, false);
    for (index, step) in steps.iter().enumerate() {
        let name = profile
            .kernels
            .get(step.kernel)
            .map(super::about_name)
            .unwrap_or_default();
        let about = format!(
            "{name}: {} alive, {} of it written here",
            Bytes(step.live_bytes),
            Bytes(step.output_bytes)
        );
        svg.rect("hover", (x(index), TOP), (step_width, HEIGHT), &about);
    }
    if let Some((index, step)) = profile.memory.peak.and_then(|peak| Some((peak, steps.get(peak)?))) {
        let middle = x(index) + step_width / 2.0;
        let height = y(step.live_bytes);
        svg.line("peak-line", (middle, height), (middle, floor));
        svg.circle("peak-dot", (middle, height), 4.5, "");
        let name = places
            .get(step.kernel)
            .map(|place| place.leaf.as_str())
            .unwrap_or_default();
        let label = crate::report::clean::line(&format!("peak {} in {name}", Bytes(step.live_bytes)), 80);
        let (class, at) = if middle > WIDTH * 0.6 {
            ("strong end", middle - 9.0)
        } else {
            ("strong", middle + 9.0)
        };
        svg.text(class, (at, (height - 8.0).max(14.0)), &label);
    }
    svg.text("axis", (LEFT, floor + 18.0), "first kernel");
    svg.text("axis end", (WIDTH, floor + 18.0), "last kernel");
    Some(svg.finish(
        floor + AXIS,
        "memory",
        "Memory flow over the run",
        &format!(
            "Bytes of living activations at each of {} kernels of the main graph, at most {}.",
            steps.len(),
            Bytes(most)
        ),
    ))
}
