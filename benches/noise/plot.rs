//! The picture of `docs/benchmarks.md`: every comparison a dot, beside what the sequential way found in the same minutes.

use std::fmt::Write as _;

use crate::trial::Trial;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 240.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 56.0;
const ROW: f64 = 46.0;

/// Per cent at the left and right edge; what lies beyond is drawn at the edge.
const EDGE: f64 = 20.0;

/// Rows: label, study, limit, sequential.
const ROWS: [(&str, &str, f64, bool); 4] = [
    ("same model, one after the other", "same", 5.0, true),
    ("same model, in turns", "same", 5.0, false),
    ("5 % more work, in turns", "five", 2.5, false),
    ("10 % more work, in turns", "ten", 5.0, false),
];

/// The comparisons made on a busy machine.
pub(crate) fn svg(trials: &[Trial]) -> String {
    let height = TOP + ROW * ROWS.len() as f64 + 40.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title>Change of p50 found by each comparison on a busy machine</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n<text x=\"16\" y=\"26\" font-size=\"15\" fill=\"#1f2328\">Change of p50 that each comparison found, every core kept busy</text>\n"
    );
    let bottom = TOP + ROW * ROWS.len() as f64;
    for tick in [-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0, 20.0] {
        let x = place(tick);
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"#d8dee4\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#59636e\">{tick:+} %</text>",
            bottom + 20.0
        );
    }
    for (index, (label, study, limit, sequential)) in ROWS.iter().enumerate() {
        let middle = TOP + ROW * (index as f64 + 0.5);
        let chosen: Vec<&Trial> = trials
            .iter()
            .filter(|trial| trial.condition == "busy" && trial.study == *study)
            .collect();
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#1f2328\">{label}</text>",
            LEFT - 12.0,
            middle + 4.0
        );
        let x = place(*limit);
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#9a6700\" stroke-width=\"2\" stroke-dasharray=\"4 3\"><title>the limit of {limit} %</title></line>",
            middle - ROW * 0.45,
            middle + ROW * 0.45
        );
        for (count, trial) in chosen.iter().enumerate() {
            let Some(change) = (if *sequential {
                trial.sequential
            } else {
                Some(trial.change[0])
            }) else {
                continue;
            };
            // Dots are spread over the row's height in the order of measuring, so that they don't hide each other.
            let y = middle + ROW * 0.7 * ((count % 29) as f64 / 28.0 - 0.5);
            let called = if *sequential {
                change > *limit
            } else {
                trial.latency == "regression"
            };
            let color = match (called, trial.latency.as_str()) {
                (true, _) => "#cf222e",
                (false, "inconclusive") if !sequential => "#9a6700",
                _ => "#1a7f37",
            };
            let _ = writeln!(
                text,
                "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"2.6\" fill=\"{color}\" fill-opacity=\"0.75\"/>",
                place(change.clamp(-EDGE, EDGE))
            );
        }
    }
    let _ = writeln!(
        text,
        "<text x=\"16\" y=\"{:.1}\" fill=\"#59636e\" font-size=\"12\">dashed: the limit · red: called a regression · green: passed · brown: inconclusive · at the edges: 20 % or more</text>\n</svg>",
        TOP - 12.0
    );
    text
}

fn place(percent: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * (percent + EDGE) / (2.0 * EDGE)
}
