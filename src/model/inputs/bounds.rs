//! How large the ids of an input may be, read off the tables that they index.

use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;

/// Nodes that are walked back from an index to the input behind it; a longer way is not looked at.
const MAX_STEPS: usize = 64;

/// Operators that hand on their first input's values, rearranged or in another type.
const REARRANGING: &[&str] = &[
    "Cast",
    "Concat",
    "Expand",
    "Flatten",
    "Identity",
    "Reshape",
    "Slice",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
];

/// For every graph input whose values index the rows of a constant table (`Gather` along axis 0): the number of rows, the smallest
/// where there are several tables.
pub(super) fn index_bounds(model: &ModelProto) -> BTreeMap<String, u64> {
    let mut bounds = BTreeMap::new();
    if let Some(graph) = &model.graph {
        visit(graph, None, &mut bounds);
    }
    bounds
}

/// The names of one graph, in front of those of the graphs around it.
struct Scope<'a> {
    outer: Option<&'a Scope<'a>>,
    producers: HashMap<&'a str, &'a NodeProto>,
    dims: HashMap<&'a str, &'a [i64]>,
    inputs: HashMap<&'a str, ()>,
}

/// What stands behind a name.
enum Origin<'a> {
    Node(&'a NodeProto),
    Constant(&'a [i64]),
    Input { outermost: bool },
    Nothing,
}

impl<'a> Scope<'a> {
    fn of(graph: &'a GraphProto, outer: Option<&'a Scope<'a>>) -> Self {
        let mut dims: HashMap<&str, &[i64]> = HashMap::new();
        for tensor in &graph.initializer {
            dims.insert(tensor.name.as_deref().unwrap_or_default(), &tensor.dims);
        }
        let mut producers = HashMap::new();
        for node in &graph.node {
            for output in &node.output {
                producers.insert(output.as_str(), node);
            }
            if node.op_type.as_deref() == Some("Constant")
                && let Some(tensor) = attribute(node, "value").and_then(|value| value.t.as_ref())
                && let Some(output) = node.output.first()
            {
                dims.insert(output, &tensor.dims);
            }
        }
        let inputs = graph
            .input
            .iter()
            .map(|input| (input.name.as_deref().unwrap_or_default(), ()))
            .collect();
        Self {
            outer,
            producers,
            dims,
            inputs,
        }
    }

    fn origin(&self, name: &str) -> Origin<'a> {
        if let Some(dims) = self.dims.get(name) {
            Origin::Constant(dims)
        } else if let Some(node) = self.producers.get(name) {
            Origin::Node(node)
        } else if self.inputs.contains_key(name) {
            Origin::Input {
                outermost: self.outer.is_none(),
            }
        } else {
            self.outer.map_or(Origin::Nothing, |outer| outer.origin(name))
        }
    }

    /// The rows of the constant table behind `name`, through casts and dequantization.
    fn rows(&self, name: &str) -> Option<(u64, usize)> {
        let mut name = name;
        for _ in 0..MAX_STEPS {
            match self.origin(name) {
                Origin::Constant(dims) => {
                    let rows = u64::try_from(*dims.first()?).ok()?;
                    return Some((rows, dims.len()));
                }
                Origin::Node(node) if matches!(op(node), "Cast" | "DequantizeLinear" | "Identity") => {
                    name = node.input.first()?;
                }
                _ => return None,
            }
        }
        None
    }

    /// The graph input whose values `name` holds.
    fn source(&self, name: &'a str) -> Option<&'a str> {
        let mut name = name;
        for _ in 0..MAX_STEPS {
            match self.origin(name) {
                Origin::Input { outermost } => return outermost.then_some(name),
                Origin::Node(node) if REARRANGING.contains(&op(node)) => name = node.input.first()?,
                _ => return None,
            }
        }
        None
    }
}

fn visit<'a>(graph: &'a GraphProto, outer: Option<&'a Scope<'a>>, bounds: &mut BTreeMap<String, u64>) {
    let scope = Scope::of(graph, outer);
    for node in &graph.node {
        if let Some((input, rows)) = bound(node, &scope) {
            bounds
                .entry(input.to_owned())
                .and_modify(|known| *known = rows.min(*known))
                .or_insert(rows);
        }
        for attribute in &node.attribute {
            for body in attribute.g.iter().chain(&attribute.graphs) {
                visit_body(body, &scope, bounds);
            }
        }
    }
}

/// Shortens the lifetime of the outer scope to this call.
fn visit_body(body: &GraphProto, outer: &Scope<'_>, bounds: &mut BTreeMap<String, u64>) {
    visit(body, Some(outer), bounds);
}

/// The input that indexes a table in this node, and the table's rows.
fn bound<'a>(node: &'a NodeProto, scope: &Scope<'a>) -> Option<(&'a str, u64)> {
    if op(node) != "Gather" {
        return None;
    }
    let [table, indices, ..] = node.input.as_slice() else {
        return None;
    };
    let (rows, rank) = scope.rows(table)?;
    let axis = attribute(node, "axis").and_then(|axis| axis.i).unwrap_or(0);
    let first = axis == 0 || axis.checked_neg() == i64::try_from(rank).ok();
    (first && rows > 0).then_some(())?;
    Some((scope.source(indices)?, rows))
}

fn op(node: &NodeProto) -> &str {
    node.op_type.as_deref().unwrap_or_default()
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute
        .iter()
        .find(|attribute| attribute.name.as_deref() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::TensorProto;
    use crate::model::onnx::proto::ValueInfoProto;

    fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: Some(op.to_owned()),
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            ..NodeProto::default()
        }
    }

    fn graph(inputs: &[&str], tables: &[(&str, &[i64])], nodes: Vec<NodeProto>) -> GraphProto {
        GraphProto {
            input: inputs
                .iter()
                .map(|name| ValueInfoProto {
                    name: Some((*name).to_owned()),
                    ..ValueInfoProto::default()
                })
                .collect(),
            initializer: tables
                .iter()
                .map(|(name, dims)| TensorProto {
                    name: Some((*name).to_owned()),
                    dims: dims.to_vec(),
                    ..TensorProto::default()
                })
                .collect(),
            node: nodes,
            ..GraphProto::default()
        }
    }

    fn bounds(graph: GraphProto) -> Vec<(String, u64)> {
        let model = ModelProto {
            graph: Some(graph),
            ..ModelProto::default()
        };
        index_bounds(&model).into_iter().collect()
    }

    #[test]
    fn finds_tables_directly_and_behind_casts() {
        let nodes = vec![
            node("Gather", &["words", "ids"], "a"),
            node("Cast", &["types"], "types64"),
            node("Unsqueeze", &["types64", "axes"], "more"),
            node("Gather", &["segments", "more"], "b"),
            node("Gather", &["small", "ids"], "c"),
            node("Gather", &["a", "free"], "d"),
        ];
        let tables: &[(&str, &[i64])] = &[("words", &[30_522, 16]), ("segments", &[2, 16]), ("small", &[100, 4])];
        assert_eq!(
            bounds(graph(&["ids", "types", "free"], tables, nodes)),
            [("ids".to_owned(), 100), ("types".to_owned(), 2)]
        );
    }

    #[test]
    fn another_axis_is_no_row() {
        let axis = |axis| {
            let mut gather = node("Gather", &["table", "ids"], "a");
            gather.attribute.push(AttributeProto {
                name: Some("axis".to_owned()),
                i: Some(axis),
                ..AttributeProto::default()
            });
            bounds(graph(&["ids"], &[("table", &[10, 4])], vec![gather])).len()
        };
        assert_eq!([axis(0), axis(1), axis(-2), axis(-1), axis(i64::MIN)], [1, 0, 1, 0, 0]);
    }

    #[test]
    fn looks_into_bodies_and_survives_cycles() {
        let body = graph(
            &["inner"],
            &[],
            vec![
                node("Gather", &["table", "ids"], "x"),
                node("Gather", &["table", "inner"], "y"),
            ],
        );
        let mut branch = node("If", &["condition"], "z");
        branch.attribute.push(AttributeProto {
            g: Some(body),
            ..AttributeProto::default()
        });
        let cycle = vec![
            node("Cast", &["q"], "p"),
            node("Cast", &["p"], "q"),
            node("Gather", &["table", "p"], "r"),
            branch,
        ];
        assert_eq!(
            bounds(graph(&["ids", "condition"], &[("table", &[10, 4])], cycle)),
            [("ids".to_owned(), 10)]
        );
    }
}
