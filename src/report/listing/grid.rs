//! Columns of text, as wide as they look on a terminal.

use unicode_width::UnicodeWidthStr as _;

/// Which way a column's cells lean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// Rows beneath the columns' names; two spaces stand between columns, none at the end of a line. Cells must be clean lines.
pub fn grid(columns: &[(&str, Side)], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = columns.iter().map(|(name, _)| name.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    let names: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    for row in std::iter::once(&names).chain(rows) {
        let mut line = String::new();
        for (index, (((_, side), width), cell)) in columns.iter().zip(&widths).zip(row).enumerate() {
            let room = " ".repeat(width.saturating_sub(cell.width()));
            if index > 0 {
                line.push_str("  ");
            }
            match side {
                Side::Left => {
                    line.push_str(cell);
                    line.push_str(&room);
                }
                Side::Right => {
                    line.push_str(&room);
                    line.push_str(cell);
                }
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Names and values, one a line, the values beneath each other.
pub fn pairs(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    rows.iter()
        .map(|(name, value)| {
            let room = " ".repeat(width.saturating_sub(name.width()));
            format!("{}\n", format!("  {name}{room}  {value}").trim_end())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_look() {
        let rows = vec![
            vec!["模型".to_owned(), "1".to_owned(), String::new()],
            vec!["net".to_owned(), "12.5".to_owned(), "x".to_owned()],
        ];
        let columns = [("name", Side::Left), ("p50", Side::Right), ("tags", Side::Left)];
        insta::assert_snapshot!(grid(&columns, &rows), @r"
        name   p50  tags
        模型     1
        net   12.5  x
        ");
    }
}
