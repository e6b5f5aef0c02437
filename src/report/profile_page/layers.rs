//! Signal to noise of every layer of a second build, in the order of the model: where it falls, precision is lost.

use crate::measure::sensitivity::LayerError;
use crate::measure::sensitivity::Sensitivity;
use crate::report::svg::Svg;
use crate::report::svg::WIDTH;
use crate::report::svg::ticks;

const LEFT: f64 = 76.0;
const TOP: f64 = 16.0;
const HEIGHT: f64 = 150.0;

/// The drawing; `None` where fewer than three layers have a figure.
pub(super) fn draw(sensitivity: &Sensitivity) -> Option<String> {
    let mut layers: Vec<&LayerError> = sensitivity.layers.iter().collect();
    layers.sort_by_key(|layer| layer.place);
    let figures: Vec<(usize, &LayerError, f64)> = layers
        .iter()
        .enumerate()
        .filter_map(|(index, layer)| Some((index, *layer, layer.sqnr_db?)))
        .collect();
    if figures.len() < 3 {
        return None;
    }
    let most = figures.iter().map(|(_, _, decibels)| *decibels).fold(10.0, f64::max);
    let least = figures
        .iter()
        .map(|(_, _, decibels)| *decibels)
        .fold(0.0, f64::min)
        .max(-40.0);
    let step = (WIDTH - LEFT - 12.0) / (layers.len() - 1) as f64;
    let x = |index: usize| LEFT + index as f64 * step;
    let y = |decibels: f64| TOP + HEIGHT * (1.0 - (decibels.max(least) - least) / (most - least));
    let mut svg = Svg::default();
    for tick in ticks(most, 4) {
        svg.line("grid", (LEFT, y(tick)), (WIDTH, y(tick)));
        svg.text("axis end", (LEFT - 8.0, y(tick) + 4.0), &format!("{tick:.0} dB"));
    }
    let points: Vec<(f64, f64)> = figures
        .iter()
        .map(|(index, _, decibels)| (x(*index), y(*decibels)))
        .collect();
    svg.path("live-line", &points, false);
    let worst = sensitivity.layers.iter().find(|layer| layer.sqnr_db.is_some());
    for ((_, layer, _), point) in figures.iter().zip(&points) {
        let about = format!("{} ({}): {}", layer.tensor, layer.op_type, layer.decibels());
        let is_worst = worst.is_some_and(|worst| worst.place == layer.place);
        let (class, radius) = if is_worst { ("peak-dot", 5.0) } else { ("spark", 3.0) };
        svg.circle(class, *point, radius, &about);
    }
    let floor = TOP + HEIGHT;
    svg.text("axis", (LEFT, floor + 18.0), "first layer");
    svg.text("axis end", (WIDTH - 12.0, floor + 18.0), "last layer");
    Some(svg.finish(
        floor + 28.0,
        "layers",
        "Signal to noise by layer",
        &format!("{} layers in the order of the model, in decibels.", figures.len()),
    ))
}
