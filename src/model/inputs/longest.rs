//! How many tokens a model can tell the places of.

use std::collections::BTreeSet;

use crate::model::onnx::flow::Flow;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::types::element_type;
use crate::model::tensor::ElementType;

/// Fewer rows are token types, not positions.
const FEWEST_POSITIONS: u64 = 8;

/// The longest sequence that tables of positions allow, where the model has any: the fewest rows of a table as wide as that of the
/// tokens and indexed by places, of a list of places that is cut to length, or of a table of rotations.
///
/// `tokens` are the names of inputs with ids; `others` those whose tables are no positions, such as token types.
pub(super) fn longest(flow: &Flow<'_>, tokens: &BTreeSet<&str>, others: &BTreeSet<&str>) -> Option<u64> {
    let widths: BTreeSet<u64> = lookups(flow)
        .filter(|(_, _, source)| tokens.contains(source))
        .filter_map(|(_, table, _)| dims(table).get(1).copied())
        .collect();
    let indexed = lookups(flow)
        .filter(|(_, _, source)| !tokens.contains(source) && !others.contains(source))
        .filter_map(|(_, table, _)| match dims(table).as_slice() {
            [rows, width] if widths.contains(width) => Some(*rows),
            _ => None,
        });
    let cut = flow
        .nodes()
        .iter()
        .filter(|node| node.op_type() == "Slice")
        .filter_map(|node| {
            let table = flow.constant(node.input.first()?)?;
            let dims = dims(table);
            match (is_float(table), dims.as_slice()) {
                (false, [1, places]) => Some(*places),
                (true, [1, places, width] | [places, width]) if widths.contains(width) => Some(*places),
                _ => None,
            }
        });
    let turned = flow
        .nodes()
        .iter()
        .filter_map(|node| dims(flow.constant(rotations(node)?)?).first().copied());
    indexed
        .chain(cut)
        .chain(turned)
        .filter(|rows| *rows >= FEWEST_POSITIONS)
        .min()
}

/// Every look-up in a constant matrix of floats: the node, the matrix, and where its indices come from.
fn lookups<'a>(flow: &Flow<'a>) -> impl Iterator<Item = (&'a NodeProto, &'a TensorProto, &'a str)> {
    flow.nodes().iter().filter_map(|node| {
        let [table, indices, ..] = node.input.as_slice() else {
            return None;
        };
        let table = flow.constant(table)?;
        (node.op_type() == "Gather" && table.dims.len() == 2 && is_float(table))
            .then(|| (*node, table, flow.source(indices)))
    })
}

/// The table of cosines that a fused operator turns by.
fn rotations(node: &NodeProto) -> Option<&str> {
    let place = match node.op_type() {
        "RotaryEmbedding" => 2,
        "GroupQueryAttention" => 7,
        _ => return None,
    };
    node.input.get(place).map(String::as_str)
}

fn dims(tensor: &TensorProto) -> Vec<u64> {
    tensor
        .dims
        .iter()
        .map(|size| u64::try_from(*size).unwrap_or(0))
        .collect()
}

fn is_float(tensor: &TensorProto) -> bool {
    // Quantized tables of floats count as such; places are always counted in wide integers.
    !matches!(
        element_type(tensor.data_type()),
        ElementType::Int64 | ElementType::Int32
    )
}
