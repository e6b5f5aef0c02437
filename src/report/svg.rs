//! Drawings: shapes with classes that the page's style sheet colours, written as inline SVG. Every text is escaped, and the same data
//! gives the same bytes. A drawing stays a list of shapes until it is written, so that it can become a vector drawing on paper too.

use std::fmt::Write as _;

use crate::report::clean;

/// The width of every drawing, in its own units; it grows and shrinks with the page.
pub(super) const WIDTH: f64 = 1120.0;

/// About the width of one character of a label.
const CHARACTER: f64 = 6.3;

/// One element of a drawing. Coordinates are in the drawing's own units, from its upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// A box; `about` is what a pointer that rests on it reads.
    Rect {
        class: String,
        at: (f64, f64),
        size: (f64, f64),
        about: String,
    },
    /// A circle.
    Circle {
        class: String,
        center: (f64, f64),
        radius: f64,
        about: String,
    },
    /// A line from point to point; `closed` fills it.
    Path {
        class: String,
        points: Vec<(f64, f64)>,
        closed: bool,
    },
    /// A filled shape through its corners.
    Polygon {
        class: String,
        corners: Vec<(f64, f64)>,
        about: String,
    },
    /// A text at a point; the class says where it is anchored.
    Text {
        class: String,
        at: (f64, f64),
        text: String,
    },
}

/// A drawing in the making.
#[derive(Debug, Default)]
pub(super) struct Svg {
    shapes: Vec<Shape>,
}

/// A whole drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// What the element's parts are named after; one of a kind on its page.
    pub(super) id: String,
    /// Its name.
    pub(super) title: String,
    /// What a person who can't see it should know.
    pub(super) description: String,
    /// Width and height in its own units.
    pub(super) size: (f64, f64),
    /// What is drawn, the lowest first.
    pub(super) shapes: Vec<Shape>,
}

impl Svg {
    /// A box; `about` is what a pointer that rests on it reads.
    pub(super) fn rect(&mut self, class: &str, at: (f64, f64), (width, height): (f64, f64), about: &str) {
        self.shapes.push(Shape::Rect {
            class: class.to_owned(),
            at,
            size: (width.max(0.0), height.max(0.0)),
            about: about.to_owned(),
        });
    }

    /// A circle.
    pub(super) fn circle(&mut self, class: &str, center: (f64, f64), radius: f64, about: &str) {
        self.shapes.push(Shape::Circle {
            class: class.to_owned(),
            center,
            radius,
            about: about.to_owned(),
        });
    }

    /// A line from point to point; `closed` fills it.
    pub(super) fn path(&mut self, class: &str, points: &[(f64, f64)], closed: bool) {
        self.shapes.push(Shape::Path {
            class: class.to_owned(),
            points: points.to_vec(),
            closed,
        });
    }

    /// A filled shape through its corners; `about` is what a pointer that rests on it reads.
    pub(super) fn shape(&mut self, class: &str, corners: &[(f64, f64)], about: &str) {
        self.shapes.push(Shape::Polygon {
            class: class.to_owned(),
            corners: corners.to_vec(),
            about: about.to_owned(),
        });
    }

    /// A straight line.
    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.path(class, &[from, to], false);
    }

    /// A text at a point; the class says where it is anchored.
    pub(super) fn text(&mut self, class: &str, at: (f64, f64), text: &str) {
        self.shapes.push(Shape::Text {
            class: class.to_owned(),
            at,
            text: text.to_owned(),
        });
    }

    /// A text within a box, cut to its width; nothing where it would be a stump.
    pub(super) fn label(&mut self, class: &str, at: (f64, f64), width: f64, text: &str) {
        let room = ((width - 8.0) / CHARACTER).floor();
        if room < 3.0 {
            return;
        }
        self.text(class, at, &clean::line(text, room as usize));
    }

    /// The element of the page. `title` is its name, `description` what a person who can't see it should know.
    pub(super) fn finish(self, height: f64, id: &str, title: &str, description: &str) -> String {
        self.drawing((WIDTH, height), id, title, description).to_svg()
    }

    /// All of it, in a size of its own.
    pub(super) fn drawing(self, size: (f64, f64), id: &str, title: &str, description: &str) -> Drawing {
        Drawing {
            id: id.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            size,
            shapes: self.shapes,
        }
    }
}

impl Drawing {
    /// The element of the page.
    pub(super) fn to_svg(&self) -> String {
        let mut body = String::new();
        for shape in &self.shapes {
            shape.write(&mut body);
        }
        format!(
            concat!(
                r#"<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="{id}-t {id}-d">"#,
                r#"<title id="{id}-t">{title}</title><desc id="{id}-d">{description}</desc>{body}</svg>"#
            ),
            width = number(self.size.0),
            height = number(self.size.1),
            id = self.id,
            title = escape(&self.title),
            description = escape(&self.description),
            body = body
        )
    }
}

impl Shape {
    fn write(&self, body: &mut String) {
        match self {
            Self::Rect { class, at, size, about } => {
                let _ = write!(
                    body,
                    r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}""#,
                    number(at.0),
                    number(at.1),
                    number(size.0),
                    number(size.1)
                );
                close(body, "rect", about);
            }
            Self::Circle {
                class,
                center,
                radius,
                about,
            } => {
                let _ = write!(
                    body,
                    r#"<circle class="{class}" cx="{}" cy="{}" r="{}""#,
                    number(center.0),
                    number(center.1),
                    number(*radius)
                );
                close(body, "circle", about);
            }
            Self::Path { class, points, closed } => {
                let _ = write!(body, r#"<path class="{class}" d=""#);
                for (index, (x, y)) in points.iter().enumerate() {
                    let _ = write!(
                        body,
                        "{}{} {}",
                        if index == 0 { "M" } else { "L" },
                        number(*x),
                        number(*y)
                    );
                }
                body.push_str(if *closed { "Z\"/>" } else { "\"/>" });
            }
            Self::Polygon { class, corners, about } => {
                let mut points = String::new();
                for (x, y) in corners {
                    let _ = write!(points, "{},{} ", number(*x), number(*y));
                }
                let _ = write!(body, r#"<polygon class="{class}" points="{}""#, points.trim_end());
                close(body, "polygon", about);
            }
            Self::Text { class, at, text } => {
                let _ = write!(
                    body,
                    r#"<text class="{class}" x="{}" y="{}">{}</text>"#,
                    number(at.0),
                    number(at.1),
                    escape(text)
                );
            }
        }
    }
}

fn close(body: &mut String, element: &str, about: &str) {
    if about.is_empty() {
        body.push_str("/>");
    } else {
        let _ = write!(body, "><title>{}</title></{element}>", escape(about));
    }
}

/// Text as it may stand in an element or a quoted attribute.
pub(super) fn escape(raw: &str) -> String {
    let mut escaped = String::with_capacity(raw.len());
    for character in clean::line(raw, clean::PROSE_LENGTH).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// At most two digits after the point, none where they are zero; 0 for what is no number.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Round steps (1, 2 or 5 times a power of ten) from 0 that reach `most` in at most `count` steps (3 or more), the last one at or below it.
pub(super) fn ticks(most: f64, count: usize) -> Vec<f64> {
    if !(most.is_finite() && most > 0.0) {
        return vec![0.0];
    }
    let rough = most / count.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| most / step <= count.max(1) as f64 + 1e-9)
        .unwrap_or(10.0 * power);
    (0..=count)
        .map(|index| index as f64 * step)
        .filter(|tick| *tick <= most * (1.0 + 1e-9))
        .collect()
}

/// Powers of ten from at or below `least` to at or above `most`; both must be above 0.
pub(super) fn decades(least: f64, most: f64) -> Vec<f64> {
    let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
    (first..=last.max(first + 1)).map(|power| 10_f64.powi(power)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.0, 5), [0.0]);
        assert_eq!(ticks(f64::NAN, 5), [0.0]);
        assert_eq!(ticks(7.3, 4), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(decades(0.3, 40.0), [0.1, 1.0, 10.0, 100.0]);
    }

    #[test]
    fn nothing_hostile_gets_out() {
        let mut svg = Svg::default();
        svg.rect("a", (0.0, f64::NAN), (-1.0, 2.0), "</title><script>\"'&\u{202E}");
        svg.label("b", (1.0, 2.0), 100.0, "<b onload=x>");
        let text = svg.finish(10.0, "i", "<t>", "\"d\"");
        assert!(
            !text.contains("<script") && !text.contains("<b ") && !text.contains('\u{202E}'),
            "{text}"
        );
        assert!(text.contains(r#"y="0" width="0" height="2""#), "{text}");
    }

    proptest! {
        #[test]
        fn ticks_never_pass_the_end(most in 1e-9_f64..1e12, count in 3_usize..10) {
            let ticks = ticks(most, count);
            prop_assert!(ticks.len() <= count + 1);
            prop_assert!(ticks.iter().all(|tick| *tick <= most * 1.000_001));
            prop_assert!(ticks.len() > 1);
        }
    }
}
