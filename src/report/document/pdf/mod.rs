//! A document as a PDF: A4, numbered pages, headings as bookmarks, text that can be selected, charts as vectors. The same document gives the
//! same bytes: nothing in the file depends on a clock.

mod canvas;
mod drawing;
mod layout;
mod palette;
mod table;
mod text;

use krilla::Document as Pdf;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::destination::XyzDestination;
use krilla::geom::PathBuilder;
use krilla::geom::Point;
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::outline::Outline;
use krilla::outline::OutlineNode;
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::paint::Stroke;
use krilla::paint::StrokeDash;
use krilla::surface::Surface;

use crate::report::clean;
use crate::report::document::types::Document;

use canvas::Canvas;
use canvas::HEIGHT;
use canvas::MARGIN;
use canvas::Mark;
use canvas::Pen;
use canvas::WIDTH;
use palette::Palette;
use palette::Rgb;
use text::Fonts;

/// Why there is no PDF: a defect of this program, not of its input.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// An embedded font cannot be read.
    #[error("the embedded font `{0}` cannot be read")]
    Font(&'static str),
    /// The style sheet lacks a colour.
    #[error("the style sheet has no colour `{0}`")]
    Colour(&'static str),
    /// The file could not be written.
    #[error("the PDF cannot be written: {0}")]
    Write(String),
}

impl crate::hint::Hint for PdfError {
    fn hints(&self) -> Vec<String> {
        vec!["this is a defect of mlbuild: please report it with the command that you ran".to_owned()]
    }
}

/// The whole file.
pub fn render(document: &Document) -> Result<Vec<u8>, PdfError> {
    let fonts = Fonts::load()?;
    let palette = Palette::of_paper()?;
    let mut canvas = Canvas::new(&fonts, &palette);
    layout::document(document, &mut canvas);
    let footer = format!(
        "mlbuild {} · {} · {}",
        crate::VERSION,
        shown(&document.title),
        document.generated_at
    );
    canvas.number_pages(&footer);
    write(document, canvas, &fonts)
}

/// One line without what is not seen.
fn shown(text: &str) -> String {
    clean::sentence(text, clean::PROSE_LENGTH)
}

fn write(document: &Document, canvas: Canvas<'_>, fonts: &Fonts) -> Result<Vec<u8>, PdfError> {
    let mut pdf = Pdf::new_with(SerializeSettings {
        enable_tagging: false,
        ..SerializeSettings::default()
    });
    let (pages, bookmarks) = canvas.finish();
    for marks in &pages {
        let settings = PageSettings::from_wh(WIDTH as f32, HEIGHT as f32)
            .ok_or_else(|| PdfError::Write("A4 is no size of a page".to_owned()))?;
        let mut page = pdf.start_page_with(settings);
        let mut surface = page.surface();
        for mark in marks {
            draw(mark, &mut surface, fonts);
        }
        surface.finish();
        page.finish();
    }
    let mut outline = Outline::new();
    let mut open: Option<OutlineNode> = None;
    for bookmark in bookmarks {
        let place = XyzDestination::new(bookmark.page, Point::from_xy(MARGIN as f32, bookmark.y as f32));
        let node = OutlineNode::new(bookmark.title, place);
        match (&mut open, bookmark.is_sub) {
            (Some(parent), true) => parent.push_child(node),
            _ => {
                if let Some(done) = open.replace(node) {
                    outline.push_child(done);
                }
            }
        }
    }
    if let Some(last) = open {
        outline.push_child(last);
    }
    pdf.set_outline(outline);
    let tool = format!("mlbuild {}", crate::VERSION);
    pdf.set_metadata(
        Metadata::new()
            .title(shown(&document.title))
            .description(document.about.first().map(|line| shown(line)).unwrap_or_default())
            .authors(vec![tool.clone()])
            .creator(tool)
            .language("en".to_owned()),
    );
    pdf.finish().map_err(|error| PdfError::Write(error.to_string()))
}

fn draw(mark: &Mark, surface: &mut Surface<'_>, fonts: &Fonts) {
    match mark {
        Mark::Text {
            at,
            size,
            bold,
            color,
            text,
        } => {
            let face = fonts.face(*bold);
            let (text, glyphs) = face.glyphs(text);
            if glyphs.is_empty() {
                return;
            }
            surface.set_stroke(None);
            surface.set_fill(Some(fill(*color)));
            surface.draw_glyphs(
                Point::from_xy(at.0 as f32, at.1 as f32),
                &glyphs,
                face.font(),
                &text,
                *size as f32,
                false,
            );
        }
        Mark::Shape { points, closed, pen } => {
            let mut builder = PathBuilder::new();
            for (index, (x, y)) in points.iter().enumerate() {
                if index == 0 {
                    builder.move_to(*x as f32, *y as f32);
                } else {
                    builder.line_to(*x as f32, *y as f32);
                }
            }
            if *closed {
                builder.close();
            }
            paint(builder, pen, surface);
        }
        Mark::Circle { center, radius, pen } => {
            // Four curves come within a thousandth of a circle.
            const BEND: f64 = 0.552_285;
            let (x, y, r, k) = (center.0, center.1, *radius, radius * BEND);
            let mut builder = PathBuilder::new();
            builder.move_to((x + r) as f32, y as f32);
            for ((ax, ay), (bx, by), (cx, cy)) in [
                ((x + r, y + k), (x + k, y + r), (x, y + r)),
                ((x - k, y + r), (x - r, y + k), (x - r, y)),
                ((x - r, y - k), (x - k, y - r), (x, y - r)),
                ((x + k, y - r), (x + r, y - k), (x + r, y)),
            ] {
                builder.cubic_to(ax as f32, ay as f32, bx as f32, by as f32, cx as f32, cy as f32);
            }
            builder.close();
            paint(builder, pen, surface);
        }
    }
}

fn paint(builder: PathBuilder, pen: &Pen, surface: &mut Surface<'_>) {
    // What has no extent is no path.
    let Some(path) = builder.finish() else { return };
    surface.set_fill(pen.fill.map(fill));
    surface.set_stroke(pen.stroke.map(|(color, width)| Stroke {
        paint: rgb::Color::new(color.0, color.1, color.2).into(),
        width: width as f32,
        dash: (!pen.dash.is_empty()).then(|| StrokeDash {
            array: pen.dash.iter().map(|part| *part as f32).collect(),
            offset: 0.0,
        }),
        ..Stroke::default()
    }));
    if pen.fill.is_some() || pen.stroke.is_some() {
        surface.draw_path(&path);
    }
}

fn fill(color: Rgb) -> Fill {
    Fill {
        paint: rgb::Color::new(color.0, color.1, color.2).into(),
        opacity: NormalizedF32::ONE,
        rule: Default::default(),
    }
}
