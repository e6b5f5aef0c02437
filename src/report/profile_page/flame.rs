//! The flame view: all time of a run from top to bottom, run → module → kernel, widths in proportion to time.

use super::palette::Palette;
use super::scope::Place;
use crate::measure::profile::Profile;
use crate::report::svg::Svg;
use crate::report::svg::WIDTH;
use crate::units::Millis;

/// The height of one level.
const ROW: f64 = 24.0;

/// No deeper than a screen is high.
const DEEPEST: usize = 12;

/// What is thinner than this is not drawn; the table has it.
const THINNEST: f64 = 0.2;

/// A module, or a kernel.
#[derive(Debug, Default)]
struct Frame {
    label: String,
    /// Seconds of the kernels in it.
    seconds: f64,
    /// The colour of a kernel; modules have none.
    class: Option<String>,
    about: String,
    children: Vec<Frame>,
}

impl Frame {
    fn child(&mut self, label: &str) -> &mut Frame {
        let index = match self
            .children
            .iter()
            .position(|child| child.class.is_none() && child.label == label)
        {
            Some(index) => index,
            None => {
                self.children.push(Frame {
                    label: label.to_owned(),
                    ..Frame::default()
                });
                self.children.len() - 1
            }
        };
        &mut self.children[index]
    }

    /// Modules that hold one other module and nothing else become one with it.
    fn collapse(&mut self) {
        while self.children.len() == 1 && self.children[0].class.is_none() && !self.label.is_empty() {
            let only = self.children.remove(0);
            self.label = format!("{}/{}", self.label, only.label);
            self.children = only.children;
        }
        for child in &mut self.children {
            child.collapse();
        }
    }

    fn depth(&self) -> usize {
        1 + self.children.iter().map(Frame::depth).max().unwrap_or(0)
    }
}

/// The drawing; `None` where nothing took time.
pub(super) fn draw(profile: &Profile, places: &[Place], palette: &Palette) -> Option<String> {
    let total = profile.run_seconds;
    if !(total.is_finite() && total > 0.0) {
        return None;
    }
    let root = tree(profile, places, palette);
    let rows = root.depth().min(DEEPEST);
    let mut svg = Svg::default();
    let whole = format!("one run, {}", Millis(total * 1e3));
    svg.rect("scope root", (0.0, 0.0), (WIDTH, ROW - 2.0), &whole);
    svg.label("on-scope", (6.0, ROW - 8.0), WIDTH, &whole);
    let mut x = 0.0;
    for frame in &root.children {
        x += level(&mut svg, frame, x, 1, total);
    }
    if profile.overhead_seconds > 0.0 {
        let width = profile.overhead_seconds / total * WIDTH;
        let about = format!("between kernels, {}", Millis(profile.overhead_seconds * 1e3));
        svg.rect("overhead", (x, ROW), (width - 1.0, ROW - 2.0), &about);
        svg.label("on-scope", (x + 5.0, 2.0 * ROW - 8.0), width, "between kernels");
    }
    Some(svg.finish(
        rows as f64 * ROW,
        "flame",
        "Flame view of one run",
        "Widths in proportion to time, the run on top, kernels at the bottom; the table of kernels has every figure.",
    ))
}

fn tree(profile: &Profile, places: &[Place], palette: &Palette) -> Frame {
    let mut root = Frame::default();
    for (kernel, place) in profile.kernels.iter().zip(places) {
        let mut path: Vec<&String> = Vec::new();
        // What runs in a loop stands beneath the loop's own module.
        let mut parent = kernel.parent;
        let mut outer: Vec<&Place> = Vec::new();
        while let Some(place) = parent.and_then(|index| places.get(index)) {
            if outer.len() > DEEPEST {
                break;
            }
            outer.push(place);
            parent = parent
                .and_then(|index| profile.kernels.get(index))
                .and_then(|kernel| kernel.parent);
        }
        for place in outer.into_iter().rev() {
            path.extend(&place.scope);
            path.push(&place.leaf);
        }
        path.extend(&place.scope);
        let mut frame = &mut root;
        frame.seconds += kernel.seconds;
        for segment in path {
            frame = frame.child(segment);
            frame.seconds += kernel.seconds;
        }
        frame.children.push(Frame {
            label: place.leaf.clone(),
            seconds: kernel.seconds,
            class: Some(palette.class(kernel)),
            about: super::about(kernel),
            children: Vec::new(),
        });
    }
    root.collapse();
    root
}

/// Draws a frame and all beneath it; returns its width.
fn level(svg: &mut Svg, frame: &Frame, x: f64, depth: usize, total: f64) -> f64 {
    let width = frame.seconds / total * WIDTH;
    if width < THINNEST || depth >= DEEPEST {
        return width;
    }
    let y = depth as f64 * ROW;
    let gap = if width > 3.0 { 1.0 } else { 0.0 };
    let (class, text, about) = match &frame.class {
        Some(class) => (format!("k {class}"), format!("on on-{class}"), frame.about.clone()),
        None => {
            let share = frame.seconds / total * 100.0;
            let about = format!("{}, {} ({share:.1} %)", frame.label, Millis(frame.seconds * 1e3));
            ("scope".to_owned(), "on-scope".to_owned(), about)
        }
    };
    svg.rect(&class, (x, y), (width - gap, ROW - 2.0), &about);
    svg.label(&text, (x + 5.0, y + ROW - 8.0), width, &frame.label);
    let mut inner = x;
    for child in &frame.children {
        inner += level(svg, child, inner, depth + 1, total);
    }
    width
}
