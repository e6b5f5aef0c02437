//! What tells two models apart, for people.

use crate::model::difference::Difference;
use crate::model::difference::Field;
use crate::report::listing::grid::Side;
use crate::report::listing::grid::grid;
use crate::report::listing::table::NOTHING;
use crate::report::table::terminal;
use crate::units::Bytes;

/// How many of a kind are shown where not all are asked for.
pub const SHOWN: usize = 10;

/// One side, for the heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides<'a> {
    /// The first model.
    pub a: &'a str,
    /// The second.
    pub b: &'a str,
}

/// All sections that have something; at most `shown` lines of nodes and tensors each.
pub fn text(sides: &Sides<'_>, builds: &[Field], difference: &Difference, shown: usize) -> String {
    let mut text = format!("A  {}\nB  {}\n", terminal(sides.a), terminal(sides.b));
    if builds.is_empty() && difference.is_empty() {
        text.push_str(&format!(
            "\nnothing differs: {} nodes and {} weights are the same\n",
            difference.nodes.same, difference.weights.identical
        ));
        return text;
    }
    section(&mut text, "Build", &rows(builds), builds.len(), usize::MAX);
    section(
        &mut text,
        "Metadata",
        &rows(&difference.metadata),
        difference.metadata.len(),
        usize::MAX,
    );
    section(
        &mut text,
        "Inputs",
        &rows(&difference.inputs),
        difference.inputs.len(),
        shown,
    );
    section(
        &mut text,
        "Outputs",
        &rows(&difference.outputs),
        difference.outputs.len(),
        shown,
    );
    let operators: Vec<Vec<String>> = difference
        .operators
        .iter()
        .map(|count| {
            let sign = if count.b > count.a { '+' } else { '−' };
            let change = format!("{sign}{}", count.b.abs_diff(count.a));
            vec![
                String::new(),
                terminal(&count.operator),
                count.a.to_string(),
                count.b.to_string(),
                change,
            ]
        })
        .collect();
    if !operators.is_empty() {
        text.push_str("\nOperators\n");
        text.push_str(&grid(
            &[
                ("", Side::Left),
                ("operator", Side::Left),
                ("A", Side::Right),
                ("B", Side::Right),
                ("change", Side::Right),
            ],
            &operators,
        ));
    }
    nodes(&mut text, difference, shown);
    section(
        &mut text,
        "Tensors",
        &rows(&difference.tensors),
        difference.tensors.len(),
        shown,
    );
    weights(&mut text, difference, shown);
    text
}

/// `+` in B alone, `-` in A alone, `~` in both.
fn rows(fields: &[Field]) -> Vec<String> {
    fields
        .iter()
        .map(|field| {
            let name = terminal(&field.name);
            match (&field.a, &field.b) {
                (None, Some(b)) => format!("+ {name}: {}", terminal(b)),
                (Some(a), None) => format!("- {name}: {}", terminal(a)),
                (a, b) => {
                    let shown = |side: &Option<String>| side.as_deref().map_or_else(|| NOTHING.to_owned(), terminal);
                    format!("~ {name}: {} → {}", shown(a), shown(b))
                }
            }
        })
        .collect()
}

fn section(text: &mut String, title: &str, rows: &[String], count: usize, shown: usize) {
    if rows.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}\n"));
    for row in rows.iter().take(shown) {
        text.push_str(&format!("  {row}\n"));
    }
    more(text, count, shown);
}

fn more(text: &mut String, count: usize, shown: usize) {
    if count > shown {
        text.push_str(&format!("  … and {} more (`--deep` shows all)\n", count - shown));
    }
}

fn nodes(text: &mut String, difference: &Difference, shown: usize) {
    let nodes = &difference.nodes;
    let mut rows: Vec<String> = Vec::new();
    rows.extend(
        nodes
            .removed
            .iter()
            .map(|node| format!("- {} ({})", terminal(&node.node), terminal(&node.operator))),
    );
    rows.extend(
        nodes
            .added
            .iter()
            .map(|node| format!("+ {} ({})", terminal(&node.node), terminal(&node.operator))),
    );
    rows.extend(nodes.changed.iter().map(|node| {
        let changes: Vec<String> = node.changes.iter().map(|change| terminal(change)).collect();
        format!(
            "~ {} ({}): {}",
            terminal(&node.node),
            terminal(&node.operator),
            changes.join(", ")
        )
    }));
    let title = format!(
        "Nodes: {} added, {} removed, {} changed, {} the same",
        nodes.added.len(),
        nodes.removed.len(),
        nodes.changed.len(),
        nodes.same
    );
    section(text, &title, &rows, rows.len(), shown);
}

fn weights(text: &mut String, difference: &Difference, shown: usize) {
    let weights = &difference.weights;
    if weights.changed.is_empty() {
        return;
    }
    text.push_str(&format!(
        "\nWeights: {} changed, {} identical\n",
        weights.changed.len(),
        weights.identical
    ));
    let figure = |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.2e}"));
    let share =
        |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), |value| format!("{:.1} %", value * 100.0));
    let rows: Vec<Vec<String>> = weights
        .changed
        .iter()
        .take(shown)
        .map(|weight| {
            vec![
                String::new(),
                terminal(&weight.tensor),
                Bytes(weight.size_bytes).to_string(),
                figure(weight.max_abs_difference),
                figure(weight.relative_difference),
                share(weight.sparsity_a),
                share(weight.sparsity_b),
            ]
        })
        .collect();
    text.push_str(&grid(
        &[
            ("", Side::Left),
            ("tensor", Side::Left),
            ("size", Side::Right),
            ("largest", Side::Right),
            ("relative", Side::Right),
            ("zeros in A", Side::Right),
            ("in B", Side::Right),
        ],
        &rows,
    ));
    more(text, weights.changed.len(), shown);
}
