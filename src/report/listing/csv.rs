//! Tables for other programs: RFC 4180, UTF-8, and no cell that a spreadsheet would run as a formula.

use crate::report::listing::Row;

/// The columns of a list.
const COLUMNS: [&str; 20] = [
    "build_id",
    "name",
    "model",
    "file",
    "format",
    "target",
    "task",
    "recipe",
    "method",
    "size_bytes",
    "p50_ms",
    "p95_ms",
    "peak_memory_bytes",
    "measured_at",
    "created_at",
    "tags",
    "imported",
    "pinned",
    "parent",
    "root",
];

/// A table with its columns' names. Writing into memory does not fail; were it to, the table would be empty.
pub fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let written = writer
        .write_record(columns)
        .and_then(|()| rows.into_iter().try_for_each(|row| writer.write_record(row)));
    match written.ok().and_then(|()| writer.into_inner().ok()) {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => String::new(),
    }
}

/// Text of people and models, which is no formula. An apostrophe stands before what spreadsheets would take for one (OWASP, "CSV
/// Injection"). What steers a terminal is left out.
pub fn text(raw: &str) -> String {
    let is_kept = |character: &char| !character.is_control() || matches!(character, '\t' | '\r' | '\n');
    let kept: String = raw.chars().filter(is_kept).collect();
    if kept.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{kept}")
    } else {
        kept
    }
}

/// [`text`], or nothing.
pub fn optional(raw: Option<&str>) -> String {
    raw.map(text).unwrap_or_default()
}

/// A figure as it is, or nothing.
pub fn figure<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A list of builds.
pub fn listing(rows: &[Row]) -> String {
    table(
        &COLUMNS,
        rows.iter().map(|row| {
            vec![
                row.id.clone(),
                text(&row.name),
                text(&row.model),
                optional(row.file.as_deref()),
                text(&row.format),
                optional(row.target.as_deref()),
                optional(row.task.as_deref()),
                text(&row.recipe),
                text(&row.method),
                row.size_bytes.to_string(),
                figure(row.p50_ms),
                figure(row.p95_ms),
                figure(row.peak_memory_bytes),
                optional(row.measured_at.as_deref()),
                text(&row.created_at),
                text(&row.tags.join(" ")),
                row.imported.to_string(),
                row.pinned.to_string(),
                optional(row.parent.as_deref()),
                row.root.clone(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::row;
    use super::*;

    #[test]
    fn names_are_quoted_and_no_formulas() {
        let shown = listing(&[
            row('1', "=cmd|'/c calc'!A1", "fp32", None, '1'),
            row('2', "a \"b\",\nc", "fp16", Some('1'), '1'),
        ]);
        assert!(shown.contains(",'=cmd|'/c calc'!A1,"), "{shown}");
        assert!(shown.contains(",\"a \"\"b\"\",\nc\","), "{shown}");
        assert!(shown.starts_with("build_id,name,"));
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(cells in prop::collection::vec("\\PC{0,12}|[=,\"\r\n]{0,6}", 3)) {
            let written = table(&["a", "b", "c"], [cells.clone()]);
            let mut reader = ::csv::Reader::from_reader(written.as_bytes());
            let read: Vec<String> = reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
            prop_assert_eq!(read, cells);
        }
    }
}
