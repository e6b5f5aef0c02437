//! The order of things on paper: title, verdict, figures, sections.

use super::canvas::Canvas;
use super::canvas::LEADING;
use super::canvas::MARGIN;
use super::canvas::ROOM;
use super::canvas::Style;
use super::canvas::WIDTH;
use super::drawing;
use super::shown;
use super::table;
use crate::report::document::types::Block;
use crate::report::document::types::Card;
use crate::report::document::types::Document;
use crate::report::document::types::Section;
use crate::report::document::types::Tone;
use crate::report::document::types::Verdict;

/// Cards beside each other, at least and at most.
const CARDS: (usize, usize) = (3, 5);

/// A section's heading stays with so much of what follows.
const WITH_HEADING: f64 = 96.0;

pub(super) fn document(document: &Document, canvas: &mut Canvas<'_>) {
    let (ink, soft, warn) = (canvas.palette.ink, canvas.palette.soft, canvas.palette.get("warn"));
    let text = |size, bold, color| Style { size, bold, color };
    canvas.bookmark(&shown(&document.title), false);
    canvas.paragraph(MARGIN, text(19.0, true, ink), &shown(&document.title));
    canvas.space(3.0);
    for line in &document.about {
        canvas.paragraph(MARGIN, text(9.5, false, soft), &shown(line));
    }
    for notice in &document.notices {
        canvas.space(4.0);
        canvas.paragraph(MARGIN, text(9.0, false, warn), &format!("! {}", shown(notice)));
    }
    if let Some(found) = &document.verdict {
        verdict(found, canvas);
    }
    cards(&document.cards, canvas);
    for part in &document.sections {
        section(part, canvas);
    }
}

fn verdict(verdict: &Verdict, canvas: &mut Canvas<'_>) {
    canvas.space(10.0);
    canvas.need(60.0);
    let color = match verdict.tone {
        Tone::Good => canvas.palette.get("best"),
        Tone::Bad => canvas.palette.get("bad"),
        Tone::Neutral => canvas.palette.ink,
    };
    let left = MARGIN + 12.0;
    let top = canvas.y;
    let head = Style {
        size: 12.0,
        bold: true,
        color,
    };
    canvas.paragraph(left, head, &format!("{} {}", verdict.sign, shown(&verdict.word)));
    let body = Style {
        size: 10.0,
        bold: false,
        color: canvas.palette.ink,
    };
    canvas.paragraph(left, body, &shown(&verdict.text));
    let small = Style {
        size: 8.5,
        bold: false,
        color: canvas.palette.soft,
    };
    for line in &verdict.evidence {
        canvas.space(2.0);
        canvas.paragraph(left, small, &shown(line));
    }
    if canvas.y > top {
        canvas.fill((MARGIN, top), (3.0, canvas.y - top), color);
    }
}

fn cards(cards: &[Card], canvas: &mut Canvas<'_>) {
    let gap = 8.0;
    let count = cards.len().clamp(CARDS.0, CARDS.1);
    let width = (ROOM - gap * (count - 1) as f64) / count as f64;
    let soft = |size| Style {
        size,
        bold: false,
        color: canvas.palette.soft,
    };
    let (name, note) = (soft(7.5), soft(7.0));
    let value = Style {
        size: 13.0,
        bold: true,
        color: canvas.palette.ink,
    };
    for row in cards.chunks(count) {
        let notes: Vec<Vec<String>> = row
            .iter()
            .map(|card| canvas.wrap(note, &shown(&card.note), width - 16.0))
            .collect();
        let lines = notes.iter().map(Vec::len).max().unwrap_or(0).min(3);
        let height = 40.0 + lines as f64 * note.size * LEADING;
        canvas.space(10.0);
        canvas.need(height);
        let top = canvas.y;
        for (index, (card, notes)) in row.iter().zip(&notes).enumerate() {
            let x = MARGIN + index as f64 * (width + gap);
            canvas.fill((x, top), (width, height), canvas.palette.scope);
            canvas.text_at((x + 8.0, top + 13.0), name, &shown(&card.name));
            canvas.text_at((x + 8.0, top + 30.0), value, &shown(&card.value));
            for (line, text) in notes.iter().take(3).enumerate() {
                canvas.text_at((x + 8.0, top + 42.0 + line as f64 * note.size * LEADING), note, text);
            }
        }
        canvas.y = top + height;
    }
}

fn section(section: &Section, canvas: &mut Canvas<'_>) {
    canvas.space(18.0);
    let first = section.blocks.first().map_or(0.0, |block| match block {
        Block::Chart(chart) => drawing::height(&chart.paper),
        _ => 0.0,
    });
    canvas.need(WITH_HEADING.max(first + 60.0));
    canvas.bookmark(&shown(&section.title), true);
    let heading = Style {
        size: 13.0,
        bold: true,
        color: canvas.palette.ink,
    };
    canvas.paragraph(MARGIN, heading, &shown(&section.title));
    canvas.rule(MARGIN, WIDTH - MARGIN, canvas.y + 1.0, canvas.palette.faint);
    canvas.y += 6.0;
    let note = Style {
        size: 8.5,
        bold: false,
        color: canvas.palette.soft,
    };
    if !section.note.is_empty() {
        canvas.paragraph(MARGIN, note, &shown(&section.note));
        canvas.y += 3.0;
    }
    for part in &section.blocks {
        block(part, canvas);
    }
}

fn block(block: &Block, canvas: &mut Canvas<'_>) {
    let plain = Style {
        size: 9.0,
        bold: false,
        color: canvas.palette.ink,
    };
    match block {
        Block::Text(text) => {
            canvas.space(3.0);
            canvas.paragraph(MARGIN, plain, &shown(text));
        }
        Block::Heading(text) => {
            canvas.space(6.0);
            canvas.need(40.0);
            canvas.paragraph(
                MARGIN,
                Style {
                    size: 10.0,
                    bold: true,
                    ..plain
                },
                &shown(text),
            );
        }
        Block::NoRecords(text) => canvas.paragraph(MARGIN, plain, &format!("no records: {}", shown(text))),
        Block::Command(text) => {
            canvas.space(3.0);
            canvas.paragraph(MARGIN + 8.0, plain, &shown(text));
        }
        Block::Facts(facts) => facts_list(facts, plain, canvas),
        Block::List(items) => {
            for item in items {
                canvas.space(2.0);
                canvas.need(plain.size * LEADING);
                canvas.text_at((MARGIN + 2.0, canvas.y + plain.size), plain, "•");
                canvas.paragraph(MARGIN + 12.0, plain, &shown(item));
            }
        }
        Block::Chart(chart) => {
            canvas.space(4.0);
            drawing::place(&chart.paper, canvas);
            table::place(&chart.table, canvas);
        }
        Block::Table(found) => table::place(found, canvas),
    }
}

fn facts_list(facts: &[(String, String)], plain: Style, canvas: &mut Canvas<'_>) {
    let soft = Style {
        color: canvas.palette.soft,
        ..plain
    };
    let widest = facts
        .iter()
        .map(|(name, _)| canvas.width(soft, &shown(name)))
        .fold(0.0, f64::max)
        .min(ROOM * 0.3);
    canvas.space(3.0);
    for (name, text) in facts {
        canvas.need(plain.size * LEADING);
        let name = canvas
            .wrap(soft, &shown(name), widest)
            .into_iter()
            .next()
            .unwrap_or_default();
        canvas.text_at((MARGIN, canvas.y + plain.size), soft, &name);
        canvas.paragraph(MARGIN + widest + 14.0, plain, &shown(text));
    }
}
