//! Pages in the making: what is drawn on each, and where the next thing goes. All lengths are points, from the upper left corner.

use super::palette::Palette;
use super::palette::Rgb;
use super::text::Fonts;

/// A4.
pub(super) const WIDTH: f64 = 595.28;
/// A4.
pub(super) const HEIGHT: f64 = 841.89;
/// On all four sides.
pub(super) const MARGIN: f64 = 48.0;
/// Between the margins.
pub(super) const ROOM: f64 = WIDTH - 2.0 * MARGIN;

/// Where content ends; the page's number stands below.
const FLOOR: f64 = HEIGHT - MARGIN - 14.0;

/// Lines are so many times as high as their letters.
pub(super) const LEADING: f64 = 1.38;

/// How a shape is drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Pen {
    pub(super) fill: Option<Rgb>,
    pub(super) stroke: Option<(Rgb, f64)>,
    pub(super) dash: Vec<f64>,
}

/// One thing on a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    Text {
        at: (f64, f64),
        size: f64,
        bold: bool,
        color: Rgb,
        text: String,
    },
    Shape {
        points: Vec<(f64, f64)>,
        closed: bool,
        pen: Pen,
    },
    Circle {
        center: (f64, f64),
        radius: f64,
        pen: Pen,
    },
}

/// An entry of the outline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bookmark {
    pub(super) title: String,
    pub(super) page: usize,
    pub(super) y: f64,
    pub(super) is_sub: bool,
}

/// Text of one look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) color: Rgb,
}

/// All pages so far.
pub(super) struct Canvas<'a> {
    pub(super) fonts: &'a Fonts,
    pub(super) palette: &'a Palette,
    pages: Vec<Vec<Mark>>,
    bookmarks: Vec<Bookmark>,
    /// Where the next thing begins.
    pub(super) y: f64,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(fonts: &'a Fonts, palette: &'a Palette) -> Self {
        Self {
            fonts,
            palette,
            pages: vec![Vec::new()],
            bookmarks: Vec::new(),
            y: MARGIN,
        }
    }

    /// Draws on the page that is open.
    pub(super) fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// True where so much does not fit any more.
    pub(super) fn lacks(&self, height: f64) -> bool {
        self.y + height > FLOOR
    }

    /// Begins a new page.
    pub(super) fn turn(&mut self) {
        self.pages.push(Vec::new());
        self.y = MARGIN;
    }

    /// Begins a new page unless so much fits on this one; true where it did.
    pub(super) fn need(&mut self, height: f64) -> bool {
        let turns = self.lacks(height) && self.y > MARGIN;
        if turns {
            self.turn();
        }
        turns
    }

    /// Moves down; nothing at the top of a page.
    pub(super) fn space(&mut self, height: f64) {
        if self.y > MARGIN {
            self.y += height;
        }
    }

    /// A heading of the outline at this place.
    pub(super) fn bookmark(&mut self, title: &str, is_sub: bool) {
        self.bookmarks.push(Bookmark {
            title: title.to_owned(),
            page: self.pages.len() - 1,
            y: (self.y - 4.0).max(0.0),
            is_sub,
        });
    }

    /// A line of text whose letters stand on `y`.
    pub(super) fn text_at(&mut self, at: (f64, f64), style: Style, text: &str) {
        if !text.is_empty() {
            self.mark(Mark::Text {
                at,
                size: style.size,
                bold: style.bold,
                color: style.color,
                text: text.to_owned(),
            });
        }
    }

    /// How wide a text is.
    pub(super) fn width(&self, style: Style, text: &str) -> f64 {
        self.fonts.face(style.bold).width(text, style.size)
    }

    /// A text in lines.
    pub(super) fn wrap(&self, style: Style, text: &str, width: f64) -> Vec<String> {
        self.fonts.face(style.bold).wrap(text, style.size, width)
    }

    /// A paragraph between `left` and the right margin, over as many pages as it takes.
    pub(super) fn paragraph(&mut self, left: f64, style: Style, text: &str) {
        let height = style.size * LEADING;
        for line in self.wrap(style, text, WIDTH - MARGIN - left) {
            self.need(height);
            self.text_at((left, self.y + style.size), style, &line);
            self.y += height;
        }
    }

    /// A filled box.
    pub(super) fn fill(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), color: Rgb) {
        self.mark(Mark::Shape {
            points: vec![(x, y), (x + width, y), (x + width, y + height), (x, y + height)],
            closed: true,
            pen: Pen {
                fill: Some(color),
                ..Pen::default()
            },
        });
    }

    /// A thin line across.
    pub(super) fn rule(&mut self, from: f64, to: f64, y: f64, color: Rgb) {
        self.mark(Mark::Shape {
            points: vec![(from, y), (to, y)],
            closed: false,
            pen: Pen {
                stroke: Some((color, 0.6)),
                ..Pen::default()
            },
        });
    }

    /// Writes `footer` and the page's number beneath every page.
    pub(super) fn number_pages(&mut self, footer: &str) {
        let style = Style {
            size: 7.5,
            bold: false,
            color: self.palette.soft,
        };
        let count = self.pages.len();
        let y = HEIGHT - MARGIN + 6.0;
        let lines = self.wrap(style, footer, ROOM - 60.0);
        for index in 0..count {
            let number = format!("{} of {count}", index + 1);
            let width = self.width(style, &number);
            let mut marks = vec![
                (MARGIN, lines.first().cloned().unwrap_or_default()),
                (WIDTH - MARGIN - width, number),
            ];
            if let Some(page) = self.pages.get_mut(index) {
                page.extend(marks.drain(..).map(|(x, text)| Mark::Text {
                    at: (x, y),
                    size: style.size,
                    bold: style.bold,
                    color: style.color,
                    text,
                }));
            }
        }
    }

    /// Everything that was drawn.
    pub(super) fn finish(self) -> (Vec<Vec<Mark>>, Vec<Bookmark>) {
        (self.pages, self.bookmarks)
    }
}
