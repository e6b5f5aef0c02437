//! Builds as trees: each beneath what it was derived from, or beneath the nearest ancestor that is shown.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::report::listing::Row;
use crate::report::listing::method;
use crate::report::listing::short;
use crate::report::listing::table;
use crate::units::Bytes;

/// Parents by id, of builds that are not shown too.
pub type Parents = BTreeMap<String, Option<String>>;

/// Trees with an empty line between them, in the order in which their tops stand in `rows`; children in the order of `rows`.
pub fn tree(rows: &[Row], parents: &Parents) -> String {
    let shown: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let mut children: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    let mut tops = Vec::new();
    for row in rows {
        match ancestor(row, &shown, parents) {
            Some(parent) => children.entry(parent).or_default().push(row),
            None => tops.push(row),
        }
    }
    let blocks = tops.iter().map(|top| {
        let mut text = format!("{}\n", line(top, None));
        branches(top, &children, "", &mut text);
        text
    });
    blocks.collect::<Vec<_>>().join("\n")
}

/// The nearest ancestor that is shown. Damaged parents in a circle end the search.
fn ancestor<'a>(row: &'a Row, shown: &BTreeMap<&'a str, &Row>, parents: &'a Parents) -> Option<&'a str> {
    let mut seen = BTreeSet::from([row.id.as_str()]);
    let mut next = row.parent.as_deref();
    while let Some(id) = next.filter(|id| seen.insert(id)) {
        if let Some((known, _)) = shown.get_key_value(id) {
            return Some(*known);
        }
        next = parents.get(id).and_then(Option::as_deref);
    }
    None
}

fn branches(top: &Row, children: &BTreeMap<&str, Vec<&Row>>, indent: &str, text: &mut String) {
    // A list of what is still to be drawn, instead of recursion: lineages may be long.
    struct Left<'a> {
        row: &'a Row,
        parent: &'a Row,
        indent: String,
        is_last: bool,
    }
    let beneath = |row: &'_ Row| children.get(row.id.as_str()).cloned().unwrap_or_default();
    let mut left: Vec<Left<'_>> = Vec::new();
    let first = beneath(top);
    let count = first.len();
    for (index, row) in first.into_iter().enumerate().rev() {
        left.push(Left {
            row,
            parent: top,
            indent: indent.to_owned(),
            is_last: index + 1 == count,
        });
    }
    while let Some(next) = left.pop() {
        let (branch, more) = if next.is_last {
            ("└── ", "    ")
        } else {
            ("├── ", "│   ")
        };
        text.push_str(&format!(
            "{}{branch}{}\n",
            next.indent,
            line(next.row, Some(next.parent))
        ));
        let own = beneath(next.row);
        let count = own.len();
        for (index, row) in own.into_iter().enumerate().rev() {
            left.push(Left {
                row,
                parent: next.row,
                indent: format!("{}{more}", next.indent),
                is_last: index + 1 == count,
            });
        }
    }
}

/// One build; a child is told by its method, and by its name where it has another.
fn line(row: &Row, parent: Option<&Row>) -> String {
    let mut parts = vec![short(&row.id)];
    if parent.is_none_or(|parent| parent.name != row.name) {
        parts.push(table::name(&row.name));
    }
    parts.push(table::name(&row.format));
    parts.push(table::name(&match parent {
        Some(parent) => method::beyond(&row.recipe, &parent.recipe),
        None => row.method.clone(),
    }));
    parts.push(Bytes(row.size_bytes).to_string());
    if row.p50_ms.is_some() {
        parts.push(table::millis(row.p50_ms));
    }
    let marks = table::marks(row);
    if !marks.is_empty() {
        parts.push(marks);
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::row;
    use super::*;

    fn rows() -> Vec<Row> {
        vec![
            row('1', "mobilenet", "fp32", None, '1'),
            row('2', "mobilenet", "fp16", Some('1'), '1'),
            row('3', "mobilenet", "prune-0.50", Some('1'), '1'),
            row('4', "mobilenet", "prune-0.50+int8", Some('3'), '1'),
            row('5', "small", "int8-static", Some('1'), '1'),
        ]
    }

    #[test]
    fn chains_are_nested() {
        insta::assert_snapshot!(tree(&rows(), &Parents::new()), @r"
        111111111111  mobilenet  onnx  fp32  13.4 MB
        ├── 222222222222  onnx  fp16  13.4 MB
        ├── 333333333333  onnx  prune(0.50)  13.4 MB
        │   └── 444444444444  onnx  int8  13.4 MB
        └── 555555555555  small  onnx  int8(static)  13.4 MB
        ");
    }

    #[test]
    fn children_of_what_is_not_shown_stay() {
        let all = rows();
        let parents: Parents = all.iter().map(|row| (row.id.clone(), row.parent.clone())).collect();
        let some: Vec<Row> = all.iter().filter(|row| row.recipe != "prune-0.50").cloned().collect();
        insta::assert_snapshot!(tree(&some, &parents), @r"
        111111111111  mobilenet  onnx  fp32  13.4 MB
        ├── 222222222222  onnx  fp16  13.4 MB
        ├── 444444444444  onnx  prune(0.50) → int8  13.4 MB
        └── 555555555555  small  onnx  int8(static)  13.4 MB
        ");
        let orphan: Vec<Row> = all.into_iter().skip(3).collect();
        assert!(tree(&orphan, &parents).starts_with("444444444444  mobilenet  onnx  prune(0.50) → int8"));
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let mut circle = rows();
        circle[0].parent = Some(circle[4].id.clone());
        let _ = tree(
            &circle[1..2],
            &circle.iter().map(|row| (row.id.clone(), row.parent.clone())).collect(),
        );
        let _ = tree(&circle, &Parents::new());
    }
}
