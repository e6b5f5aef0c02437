//! What lists of builds share: a row, how a name is shown, and tables whose columns line up by what is seen.

use serde::Serialize;

use crate::report::clean;
use crate::units::Bytes;

/// The longest name in a list, in characters.
const NAME: usize = 40;

/// So many rows are shown where nobody asks for all.
pub const ROWS_SHOWN: usize = 20;

/// A build in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildRow {
    /// Its whole id.
    pub id: String,
    /// The name that it has for people.
    pub name: String,
    /// `onnx`, `tflite`, `coreml`.
    pub format: String,
    /// How it was derived.
    pub recipe: String,
    /// What it was made for.
    pub target: Option<String>,
    /// Its bytes.
    pub size_bytes: u64,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
}

impl BuildRow {
    /// The beginning of the id.
    pub fn short(&self) -> &str {
        short(&self.id)
    }

    /// Name, recipe and the beginning of the id: `mobilenet fp16 (3f36810e0000)`.
    pub fn label(&self) -> String {
        format!("{} {} ({})", name(&self.name), self.recipe, self.short())
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.short().to_owned(),
            name(&self.name),
            self.format.clone(),
            self.recipe.clone(),
            Bytes(self.size_bytes).to_string(),
            self.created_at.clone(),
        ]
    }
}

/// The beginning of an id.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// A name fit for one line.
pub fn name(name: &str) -> String {
    clean::line(name, NAME)
}

/// `1 build`, `2 builds`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Builds one a line, each with what `more` says of it; at most `most`.
pub fn builds(rows: &[BuildRow], more: impl Fn(usize) -> String, most: usize) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .take(most)
        .enumerate()
        .map(|(index, row)| {
            let mut cells = row.cells();
            cells.push(more(index));
            cells
        })
        .collect();
    let mut text = table(&cells, &[4]);
    if rows.len() > most {
        text.push_str(&format!("  and {} more\n", rows.len() - most));
    }
    text
}

/// Cells in columns, two spaces between; those columns that `right` names end together.
pub fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((column, cell), room) in row.iter().enumerate().zip(&widths) {
            let blank = " ".repeat(room.saturating_sub(width(cell)));
            line.push_str("  ");
            if right.contains(&column) {
                line.push_str(&blank);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&blank);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How many columns of a terminal a text takes: wide characters take two.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// By the East Asian width of Unicode's annex 11, and emoji; what combines takes none.
fn columns(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xa960..=0xa97f
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1faff
        | 0x2_0000..=0x3_fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_what_is_seen() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let text = table(&[row(["模型", "1 B", "x"]), row(["a", "1.2 MB", "y"])], &[1]);
        assert_eq!(text, "  模型     1 B  x\n  a     1.2 MB  y\n");
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let row = BuildRow {
            id: "ab".repeat(32),
            name: "a\u{1b}[31m\nb".to_owned(),
            format: "onnx".to_owned(),
            recipe: "fp32".to_owned(),
            target: None,
            size_bytes: 1_200_000,
            created_at: "2026-01-02T03:04:05Z".to_owned(),
        };
        let text = builds(&[row.clone(), row.clone(), row], |_| "pinned".to_owned(), 1);
        assert_eq!(
            text,
            "  abababababab  a[31m b  onnx  fp32  1.2 MB  2026-01-02T03:04:05Z  pinned\n  and 2 more\n"
        );
    }
}
