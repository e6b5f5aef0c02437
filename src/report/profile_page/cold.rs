//! The cold start: what the time from nothing to steady runs is made of, and how inferences become steady.

use crate::measure::profile::ColdStart;
use crate::report::svg::Svg;
use crate::report::svg::WIDTH;
use crate::units::Millis;

const BAR: f64 = 38.0;
const KEY_ROW: f64 = 22.0;

/// The parts of a cold start, in order: name, class, seconds.
pub(super) fn parts(cold: &ColdStart) -> Vec<(&'static str, &'static str, f64)> {
    let mut parts = vec![
        ("starting the process", "c0", cold.process_seconds),
        ("library and files", "c1", cold.library_seconds),
    ];
    let parse = cold.parse_seconds.unwrap_or(0.0);
    let initialize = cold.initialize_seconds.unwrap_or(0.0);
    let told = parse + initialize;
    if told > 0.0 && told <= cold.session_seconds {
        parts.push(("session: parsing the model", "c3", parse));
        parts.push(("session: optimizing and packing", "c4", initialize));
        parts.push(("session: the rest", "cx", cold.session_seconds - told));
    } else {
        parts.push(("making the session", "c3", cold.session_seconds));
    }
    parts.push(("first inference", "c7", cold.first_seconds));
    parts.retain(|(_, _, seconds)| seconds.is_finite() && *seconds > 0.0);
    parts
}

/// The parts as one bar with a legend; `None` where nothing took time.
pub(super) fn bar(cold: &ColdStart) -> Option<String> {
    let parts = parts(cold);
    let total: f64 = parts.iter().map(|(_, _, seconds)| seconds).sum();
    if total <= 0.0 {
        return None;
    }
    let mut svg = Svg::default();
    let mut x = 0.0;
    for (index, (name, class, seconds)) in parts.iter().enumerate() {
        let width = seconds / total * WIDTH;
        let figure = Millis(seconds * 1e3).to_string();
        svg.rect(
            &format!("k {class}"),
            (x, 0.0),
            ((width - 1.0).max(0.5), BAR),
            &format!("{name}, {figure}"),
        );
        svg.label(&format!("on on-{class}"), (x + 6.0, BAR / 2.0 + 4.0), width, &figure);
        x += width;
        let (column, row) = ((index % 3) as f64 * WIDTH / 3.0, (index / 3) as f64 * KEY_ROW);
        let y = BAR + 16.0 + row;
        svg.rect(&format!("k {class}"), (column, y), (12.0, 12.0), "");
        svg.text("key", (column + 19.0, y + 10.5), &format!("{name} {figure}"));
    }
    let rows = parts.len().div_ceil(3) as f64;
    Some(svg.finish(
        BAR + 16.0 + rows * KEY_ROW,
        "cold",
        "Cold start",
        &format!("From starting a process to its first answer: {}.", Millis(total * 1e3)),
    ))
}

/// The inferences after the first one as a line towards the steady one; `None` where there are too few.
pub(super) fn sparkline(cold: &ColdStart) -> Option<String> {
    const HEIGHT: f64 = 120.0;
    const LEFT: f64 = 76.0;
    let runs: Vec<f64> = std::iter::once(cold.first_seconds)
        .chain(cold.warmup.iter().copied())
        .collect();
    let most = runs.iter().copied().fold(0.0, f64::max);
    if runs.len() < 3 || !(most.is_finite() && most > 0.0) {
        return None;
    }
    let step = (WIDTH - LEFT - 12.0) / (runs.len() - 1) as f64;
    let y = |seconds: f64| 14.0 + (HEIGHT - 14.0) * (1.0 - seconds / most);
    let points: Vec<(f64, f64)> = runs
        .iter()
        .enumerate()
        .map(|(index, seconds)| (LEFT + index as f64 * step, y(*seconds)))
        .collect();
    let mut svg = Svg::default();
    svg.line("grid", (LEFT, HEIGHT), (WIDTH, HEIGHT));
    svg.line(
        "steady",
        (LEFT, y(cold.steady_seconds)),
        (WIDTH - 12.0, y(cold.steady_seconds)),
    );
    svg.path("live-line", &points, false);
    for (index, (point, seconds)) in points.iter().zip(&runs).enumerate() {
        let about = format!("inference {}: {}", index + 1, Millis(seconds * 1e3));
        svg.circle("spark", *point, if runs.len() > 80 { 1.5 } else { 3.0 }, &about);
    }
    svg.text("axis end", (LEFT - 8.0, 18.0), &Millis(most * 1e3).to_string());
    svg.text("axis end", (LEFT - 8.0, HEIGHT + 4.0), "0");
    let steady = format!("steady {}", Millis(cold.steady_seconds * 1e3));
    svg.text("strong end", (WIDTH - 12.0, y(cold.steady_seconds) - 8.0), &steady);
    if let Some(stable) = cold.runs_to_stable
        && let Some((x, y)) = points.get(stable as usize)
    {
        svg.circle("peak-dot", (*x, *y), 5.0, "steady from here on");
    }
    svg.text("axis", (LEFT, HEIGHT + 18.0), "first inference");
    svg.text(
        "axis end",
        (WIDTH - 12.0, HEIGHT + 18.0),
        &format!("inference {}", runs.len()),
    );
    Some(svg.finish(
        HEIGHT + 26.0,
        "warmup",
        "Warm-up",
        &format!(
            "{} inferences of a fresh process, the first one {}.",
            runs.len(),
            Millis(runs[0] * 1e3)
        ),
    ))
}
