//! Builds as tables: of `log`, and of `search` with more figures.

use jiff::Timestamp;

use crate::report::clean;
use crate::report::listing::Row;
use crate::report::listing::grid::Side;
use crate::report::listing::grid::grid;
use crate::report::listing::short;
use crate::report::table::terminal;
use crate::units::Bytes;
use crate::units::Millis;
use crate::when;

/// What stands where nothing is known.
pub(crate) const NOTHING: &str = "–";

/// The longest name in a column.
const NAME: usize = 40;

/// What `log` shows.
pub fn log(rows: &[Row], now: Timestamp) -> String {
    let columns = [
        ("id", Side::Left),
        ("name", Side::Left),
        ("format", Side::Left),
        ("method", Side::Left),
        ("size", Side::Right),
        ("p50", Side::Right),
        ("age", Side::Left),
        ("tags", Side::Left),
    ];
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                short(&row.id),
                name(&row.name),
                name(&row.format),
                name(&row.method),
                Bytes(row.size_bytes).to_string(),
                millis(row.p50_ms),
                when::ago(&row.created_at, now),
                marks(row),
            ]
        })
        .collect();
    grid(&columns, &rows)
}

/// What `search` shows.
pub fn search(rows: &[Row]) -> String {
    let columns = [
        ("id", Side::Left),
        ("name", Side::Left),
        ("format", Side::Left),
        ("target", Side::Left),
        ("task", Side::Left),
        ("method", Side::Left),
        ("p50", Side::Right),
        ("p95", Side::Right),
        ("peak memory", Side::Right),
        ("size", Side::Right),
        ("tags", Side::Left),
    ];
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                short(&row.id),
                name(&row.name),
                name(&row.format),
                row.target.as_deref().map_or_else(nothing, name),
                row.task.as_deref().map_or_else(nothing, name),
                name(&row.method),
                millis(row.p50_ms),
                millis(row.p95_ms),
                row.peak_memory_bytes
                    .map_or_else(nothing, |bytes| Bytes(bytes).to_string()),
                Bytes(row.size_bytes).to_string(),
                marks(row),
            ]
        })
        .collect();
    grid(&columns, &rows)
}

/// Tags, and that it was imported.
pub(super) fn marks(row: &Row) -> String {
    let mut marks: Vec<String> = row.tags.iter().map(|tag| name(tag)).collect();
    if row.imported {
        marks.push("[imported]".to_owned());
    }
    marks.join(" ")
}

/// A name that fits into a column.
pub(crate) fn name(raw: &str) -> String {
    clean::cut(&terminal(raw), NAME)
}

pub(super) fn millis(value: Option<f64>) -> String {
    value.map_or_else(nothing, |value| Millis(value).to_string())
}

fn nothing() -> String {
    NOTHING.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::row;
    use super::*;

    #[test]
    fn hostile_names_stay_in_their_cells() {
        let mut hostile = row(
            '2',
            "a\nb\u{1b}[31m\u{202e}<b>\"x\" 🦀",
            "prune-0.50+int8",
            Some('1'),
            '1',
        );
        hostile.p50_ms = Some(2.49);
        hostile.tags = vec!["main-net".to_owned()];
        hostile.imported = true;
        let now = "2026-11-03T12:00:00Z".parse().unwrap();
        insta::assert_snapshot!(log(&[hostile.clone(), row('1', "net", "fp32", None, '1')], now), @r#"
        id            name              format  method                 size      p50  age      tags
        222222222222  a b[31m<b>"x" 🦀  onnx    prune(0.50) → int8  13.4 MB  2.49 ms  1 d ago  main-net [imported]
        111111111111  net               onnx    fp32                13.4 MB        –  2 d ago
        "#);
        hostile.peak_memory_bytes = Some(41_000_000);
        assert!(search(&[hostile]).contains("41.0 MB"));
    }
}
