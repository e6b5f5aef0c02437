//! A document as one HTML page: charts in inline SVG with their figures under a fold, sections that can be linked to, no script.

use serde::Serialize;

use crate::report::clean;
use crate::report::document::types::Block;
use crate::report::document::types::Document;
use crate::report::document::types::Table;
use crate::report::document::types::Tone;
use crate::report::page;
use crate::report::page::PageError;
use crate::report::svg;

/// The page, whole.
pub fn render(document: &Document) -> Result<String, PageError> {
    page::render("document.html", &Page::of(document))
}

/// Everything that the template names.
#[derive(Debug, Serialize)]
struct Page {
    title: String,
    kind: &'static str,
    about: Vec<String>,
    notices: Vec<String>,
    verdict: Option<VerdictView>,
    cards: Vec<CardView>,
    sections: Vec<SectionView>,
    /// Documents name their machines themselves.
    machine: Option<String>,
    generated_at: String,
    version: &'static str,
}

#[derive(Debug, Serialize)]
struct VerdictView {
    class: &'static str,
    sign: &'static str,
    word: String,
    text: String,
    evidence: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CardView {
    name: String,
    value: String,
    note: String,
}

#[derive(Debug, Serialize)]
struct SectionView {
    id: String,
    title: String,
    note: String,
    blocks: Vec<BlockView>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum BlockView {
    Text {
        text: String,
    },
    Heading {
        text: String,
    },
    None {
        text: String,
    },
    Command {
        text: String,
    },
    Facts {
        facts: Vec<(String, String)>,
    },
    List {
        items: Vec<String>,
    },
    Chart {
        desk: String,
        hand: Option<String>,
        table: TableView,
    },
    Table {
        table: TableView,
    },
}

#[derive(Debug, Serialize)]
struct TableView {
    caption: String,
    columns: Vec<ColumnView>,
    rows: Vec<RowView>,
}

#[derive(Debug, Serialize)]
struct ColumnView {
    name: String,
    is_number: bool,
}

#[derive(Debug, Serialize)]
struct RowView {
    cells: Vec<CellView>,
    is_own: bool,
}

#[derive(Debug, Serialize)]
struct CellView {
    branch: String,
    text: String,
    small: String,
    class: &'static str,
}

/// A cell of so many characters is never broken.
const SHORT: usize = 26;

fn shown(text: &str) -> String {
    clean::sentence(text, clean::PROSE_LENGTH)
}

/// Prose as markup: cleaned and escaped, what stands between backticks as code.
fn prose(text: &str) -> String {
    let escaped = svg::escape(&shown(text));
    let mut markup = String::with_capacity(escaped.len());
    let mut parts = escaped.split('`').peekable();
    let mut is_code = false;
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        if is_code && is_last {
            // One without its other is only a character.
            markup.push('`');
            markup.push_str(part);
        } else if is_code {
            markup.push_str(&format!("<code>{part}</code>"));
        } else {
            markup.push_str(part);
        }
        is_code = !is_code;
    }
    markup
}

fn all(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| prose(text)).collect()
}

impl Page {
    fn of(document: &Document) -> Self {
        Self {
            title: clean::line(&document.title, clean::NAME_LENGTH),
            kind: document.kind,
            about: all(&document.about),
            notices: all(&document.notices),
            verdict: document.verdict.as_ref().map(|verdict| VerdictView {
                class: match verdict.tone {
                    Tone::Good => "good",
                    Tone::Bad => "bad",
                    Tone::Neutral => "neutral",
                },
                sign: verdict.sign,
                word: shown(&verdict.word),
                text: prose(&verdict.text),
                evidence: all(&verdict.evidence),
            }),
            cards: document
                .cards
                .iter()
                .map(|card| CardView {
                    name: shown(&card.name),
                    value: shown(&card.value),
                    note: shown(&card.note),
                })
                .collect(),
            sections: document
                .sections
                .iter()
                .map(|section| SectionView {
                    id: section.id.clone(),
                    title: shown(&section.title),
                    note: prose(&section.note),
                    blocks: section.blocks.iter().map(block).collect(),
                })
                .collect(),
            machine: None,
            generated_at: shown(&document.generated_at),
            version: crate::VERSION,
        }
    }
}

fn block(block: &Block) -> BlockView {
    match block {
        Block::Text(text) => BlockView::Text { text: prose(text) },
        Block::Heading(text) => BlockView::Heading { text: shown(text) },
        Block::NoRecords(text) => BlockView::None { text: prose(text) },
        Block::Command(text) => BlockView::Command { text: shown(text) },
        Block::Facts(facts) => BlockView::Facts {
            facts: facts.iter().map(|(name, text)| (shown(name), shown(text))).collect(),
        },
        Block::List(items) => BlockView::List { items: all(items) },
        Block::Chart(chart) => BlockView::Chart {
            desk: chart.desk.to_svg(),
            hand: chart.hand.as_ref().map(crate::report::svg::Drawing::to_svg),
            table: table(&chart.table),
        },
        Block::Table(shown) => BlockView::Table { table: table(shown) },
    }
}

fn table(table: &Table) -> TableView {
    TableView {
        caption: shown(&table.caption),
        columns: table
            .columns
            .iter()
            .map(|column| ColumnView {
                name: shown(&column.name),
                is_number: column.is_number,
            })
            .collect(),
        rows: table
            .rows
            .iter()
            .map(|row| RowView {
                cells: row
                    .cells
                    .iter()
                    .zip(&table.columns)
                    .map(|(cell, column)| CellView {
                        // Spaces at its ends are part of the branch.
                        branch: cell
                            .branch
                            .chars()
                            .filter(|character| !character.is_control())
                            .collect(),
                        text: shown(&cell.text),
                        small: shown(&cell.small),
                        class: if column.is_number {
                            "n"
                        } else if cell.text.chars().count() <= SHORT {
                            "short"
                        } else {
                            "text"
                        },
                    })
                    .collect(),
                is_own: row.is_own,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_are_code_and_nothing_else_is_markup() {
        assert_eq!(prose("run `a <b>` & see"), "run <code>a &lt;b&gt;</code> &amp; see");
        assert_eq!(prose("one ` alone"), "one ` alone");
        assert_eq!(prose("`a` and `"), "<code>a</code> and `");
        assert_eq!(prose(""), "");
        assert_eq!(prose("</p><script>`x`"), "&lt;/p&gt;&lt;script&gt;<code>x</code>");
    }
}
