//! A drawing on paper: its shapes as vectors, its classes in the colours that the style sheet gives them on a light page.

use super::canvas::Canvas;
use super::canvas::MARGIN;
use super::canvas::Mark;
use super::canvas::Pen;
use super::canvas::ROOM;
use super::canvas::Style;
use super::palette::Palette;
use super::palette::Rgb;
use crate::report::clean;
use crate::report::svg::Drawing;
use crate::report::svg::Shape;

/// The size of labels in a drawing's own units, and of those of points.
const LABEL: (f64, f64) = (12.5, 14.0);

/// How high it is on paper.
pub(super) fn height(drawing: &Drawing) -> f64 {
    drawing.size.1 * scale(drawing)
}

fn scale(drawing: &Drawing) -> f64 {
    ROOM / drawing.size.0.max(1.0)
}

/// Draws it across the page; a page is turned where it does not fit.
pub(super) fn place(drawing: &Drawing, canvas: &mut Canvas<'_>) {
    canvas.need(height(drawing));
    let scale = scale(drawing);
    let top = canvas.y;
    let at = |(x, y): (f64, f64)| (MARGIN + x * scale, top + y * scale);
    let palette = canvas.palette;
    for shape in &drawing.shapes {
        match shape {
            Shape::Rect {
                class,
                at: corner,
                size,
                ..
            } => {
                let corners = [
                    *corner,
                    (corner.0 + size.0, corner.1),
                    (corner.0 + size.0, corner.1 + size.1),
                    (corner.0, corner.1 + size.1),
                ];
                canvas.mark(Mark::Shape {
                    points: corners.map(at).to_vec(),
                    closed: true,
                    pen: pen(class, palette, scale, true),
                });
            }
            Shape::Circle {
                class, center, radius, ..
            } => canvas.mark(Mark::Circle {
                center: at(*center),
                radius: radius * scale,
                pen: pen(class, palette, scale, true),
            }),
            Shape::Path { class, points, closed } => canvas.mark(Mark::Shape {
                points: points.iter().map(|point| at(*point)).collect(),
                closed: *closed,
                pen: pen(class, palette, scale, false),
            }),
            Shape::Polygon { class, corners, .. } => canvas.mark(Mark::Shape {
                points: corners.iter().map(|point| at(*point)).collect(),
                closed: true,
                pen: pen(class, palette, scale, true),
            }),
            Shape::Text { class, at: place, text } => {
                let style = text_style(class, palette, scale);
                let text = clean::line(text, clean::NAME_LENGTH);
                let width = canvas.width(style, &text);
                let (x, y) = at(*place);
                let left = if has(class, "end") {
                    x - width
                } else if has(class, "middle") {
                    x - width / 2.0
                } else {
                    x
                };
                canvas.text_at(
                    (left.clamp(MARGIN, (MARGIN + ROOM - width).max(MARGIN)), y),
                    style,
                    &text,
                );
            }
        }
    }
    canvas.y = top + height(drawing);
}

fn has(class: &str, word: &str) -> bool {
    class.split(' ').any(|part| part == word)
}

fn series(class: &str, palette: &Palette) -> Rgb {
    let look = ["s0", "s1", "s2", "s3"].into_iter().find(|look| has(class, look));
    palette.get(look.unwrap_or("s0"))
}

/// What the style sheet says of a class.
fn pen(class: &str, palette: &Palette, scale: f64, is_area: bool) -> Pen {
    let filled = |fill: Rgb, edge: Rgb, width: f64| Pen {
        fill: Some(fill),
        stroke: Some((edge, width * scale)),
        dash: Vec::new(),
    };
    let line = |color: Rgb, width: f64, dash: &[f64]| Pen {
        fill: None,
        stroke: Some((color, width * scale)),
        dash: dash.iter().map(|part| part * scale).collect(),
    };
    let first = class.split(' ').next().unwrap_or_default();
    match first {
        "mark" if has(class, "best") => filled(palette.get("best"), palette.card, 1.0),
        "mark" if has(class, "small") => filled(palette.get("small"), palette.card, 1.0),
        "mark" if has(class, "base") => filled(palette.card, palette.ink, 2.5),
        "mark" if has(class, "inaccurate") => filled(palette.card, palette.get("bad"), 2.0),
        "mark" => filled(palette.get("other"), palette.card, 1.0),
        "spot" => filled(series(class, palette), palette.card, 1.5),
        "series" => line(series(class, palette), 2.0, &[]),
        "bound" => line(series(class, palette), 1.5, &[]),
        "bars" if has(class, "open") => filled(palette.get("cx"), palette.card, 1.0),
        "bars" => filled(palette.get("accent"), palette.card, 1.0),
        "halo" => line(palette.soft, 1.0, &[2.0, 2.0]),
        "range" => line(palette.soft, 1.25, &[]),
        "leader" => line(palette.soft, 0.75, &[]),
        "front" => line(palette.soft, 1.5, &[7.0, 4.0]),
        "quantile" => line(palette.ink, 1.25, &[4.0, 3.0]),
        "shift" => line(palette.get("bad"), 1.5, &[2.0, 3.0]),
        _ if is_area => filled(palette.faint, palette.faint, 1.0),
        _ => line(palette.faint, 1.0, &[]),
    }
}

fn text_style(class: &str, palette: &Palette, scale: f64) -> Style {
    let is_name = has(class, "name");
    Style {
        size: if is_name { LABEL.1 } else { LABEL.0 } * scale,
        bold: has(class, "best") || has(class, "marked") || has(class, "shifted"),
        color: if has(class, "best") {
            palette.get("best")
        } else if has(class, "shifted") {
            palette.get("bad")
        } else if has(class, "axis") || has(class, "soft") {
            palette.soft
        } else {
            palette.ink
        },
    }
}
