//! Tables on paper: columns as wide as they need, or as there is room; texts wrap in their cells; the head stands on every page.

use super::canvas::Canvas;
use super::canvas::LEADING;
use super::canvas::MARGIN;
use super::canvas::ROOM;
use super::canvas::Style;
use super::canvas::WIDTH;
use super::shown;
use crate::report::document::types::Cell;
use crate::report::document::types::Column;
use crate::report::document::types::Table;

/// Between columns.
const GAP: f64 = 10.0;

/// Above and below each row.
const PAD: f64 = 2.5;

/// The least width of a column that must give way.
const LEAST: f64 = 42.0;

struct Look {
    head: Style,
    plain: Style,
    own: Style,
    small: Style,
}

pub(super) fn place(table: &Table, canvas: &mut Canvas<'_>) {
    let (ink, soft) = (canvas.palette.ink, canvas.palette.soft);
    let style = |size, bold, color| Style { size, bold, color };
    let look = Look {
        head: style(7.5, true, soft),
        plain: style(8.0, false, ink),
        own: style(8.0, true, ink),
        small: style(7.0, false, soft),
    };
    let widths = widths(table, &look, canvas);
    canvas.space(6.0);
    canvas.need(48.0);
    canvas.paragraph(MARGIN, style(8.5, false, soft), &shown(&table.caption));
    head(&table.columns, &widths, &look, canvas);
    for row in &table.rows {
        let cells: Vec<Lines> = row
            .cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| lines(cell, row.is_own, *width, &look, canvas))
            .collect();
        let height = cells.iter().map(Lines::height).fold(0.0, f64::max) + 2.0 * PAD;
        if canvas.need(height) {
            head(&table.columns, &widths, &look, canvas);
        }
        let mut x = MARGIN;
        for ((cell, column), width) in cells.iter().zip(&table.columns).zip(&widths) {
            cell.draw((x, canvas.y + PAD), *width, column.is_number, canvas);
            x += width + GAP;
        }
        canvas.y += height;
        canvas.rule(MARGIN, WIDTH - MARGIN, canvas.y, canvas.palette.faint);
    }
}

fn head(columns: &[Column], widths: &[f64], look: &Look, canvas: &mut Canvas<'_>) {
    let mut x = MARGIN;
    let top = canvas.y + PAD;
    let mut height: f64 = 0.0;
    for (column, width) in columns.iter().zip(widths) {
        let cell = Lines {
            lines: canvas
                .wrap(look.head, &shown(&column.name), *width)
                .into_iter()
                .map(|line| (look.head, line))
                .collect(),
        };
        height = height.max(cell.height());
        cell.draw((x, top), *width, column.is_number, canvas);
        x += width + GAP;
    }
    canvas.y = top + height + PAD;
    canvas.rule(MARGIN, WIDTH - MARGIN, canvas.y, canvas.palette.soft);
}

/// The lines of a cell.
struct Lines {
    lines: Vec<(Style, String)>,
}

impl Lines {
    fn height(&self) -> f64 {
        self.lines.iter().map(|(style, _)| style.size * LEADING).sum()
    }

    fn draw(&self, (x, y): (f64, f64), width: f64, is_number: bool, canvas: &mut Canvas<'_>) {
        let mut y = y;
        for (style, line) in &self.lines {
            let left = if is_number {
                x + width - canvas.width(*style, line)
            } else {
                x
            };
            canvas.text_at((left, y + style.size), *style, line);
            y += style.size * LEADING;
        }
    }
}

fn text(cell: &Cell) -> String {
    format!("{}{}", cell.branch, shown(&cell.text))
}

fn lines(cell: &Cell, is_own: bool, width: f64, look: &Look, canvas: &Canvas<'_>) -> Lines {
    let style = if is_own { look.own } else { look.plain };
    let mut lines: Vec<(Style, String)> = Vec::new();
    if cell.branch.is_empty() {
        lines.extend(
            canvas
                .wrap(style, &text(cell), width)
                .into_iter()
                .map(|line| (style, line)),
        );
    } else {
        // Spaces of a branch must not be broken at.
        lines.push((style, text(cell)));
    }
    if !cell.small.is_empty() {
        lines.extend(
            canvas
                .wrap(look.small, &shown(&cell.small), width)
                .into_iter()
                .map(|line| (look.small, line)),
        );
    }
    Lines { lines }
}

/// As wide as the widest cell, where all fit; otherwise the widest columns give way until they do.
fn widths(table: &Table, look: &Look, canvas: &Canvas<'_>) -> Vec<f64> {
    let mut widths: Vec<f64> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = table
                .rows
                .iter()
                .filter_map(|row| Some((row.cells.get(index)?, row.is_own)));
            let widest = cells
                .map(|(cell, is_own)| {
                    let style = if is_own { look.own } else { look.plain };
                    canvas
                        .width(style, &text(cell))
                        .max(canvas.width(look.small, &shown(&cell.small)))
                })
                .fold(0.0, f64::max);
            widest.max(canvas.width(look.head, &shown(&column.name))) + 0.5
        })
        .collect();
    let room = ROOM - GAP * widths.len().saturating_sub(1) as f64;
    // Each time the widest is cut to the next one's width or to what is needed: it ends, as each step makes one more equal.
    for _ in 0..200 {
        let excess = widths.iter().sum::<f64>() - room;
        let widest = widths.iter().copied().fold(0.0, f64::max);
        if excess <= 0.01 || widest <= LEAST {
            break;
        }
        let next = widths
            .iter()
            .copied()
            .filter(|width| *width < widest - 0.01)
            .fold(LEAST, f64::max);
        let count = widths.iter().filter(|width| **width >= widest - 0.01).count() as f64;
        let target = (widest - excess / count).max(next);
        for width in widths.iter_mut().filter(|width| **width >= widest - 0.01) {
            *width = target;
        }
    }
    widths
}
