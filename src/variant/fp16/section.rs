//! What graphs and functions have in common: inputs, constants, nodes, outputs.

use std::collections::HashMap;

use super::kinds;
use super::kinds::Kind;
use crate::model::onnx::proto::FunctionProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::OperatorSetIdProto;
use crate::model::onnx::proto::ValueInfoProto;
pub(super) use crate::variant::edit::bodies;
pub(super) use crate::variant::edit::bodies_mut;

/// A graph or function body, read only.
pub(super) struct Section<'a> {
    /// Names and declared kinds of its inputs.
    pub(super) inputs: Vec<(&'a str, Kind)>,
    /// Its initializers, sparse ones too.
    pub(super) initializers: Vec<Initializer<'a>>,
    /// Its nodes, in the order of the file.
    pub(super) nodes: &'a [NodeProto],
    /// Its outputs' names.
    pub(super) outputs: Vec<&'a str>,
    /// The kinds that it declares for tensors.
    pub(super) declared: HashMap<&'a str, Kind>,
    /// The version of ONNX's operators that a function uses; `None` for a graph and for a function that uses none.
    pub(super) opset: Option<i64>,
}

/// A constant of a graph.
pub(super) struct Initializer<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Whether it holds floats.
    pub(super) kind: Kind,
    /// How many elements it has.
    pub(super) elements: u64,
}

impl<'a> Section<'a> {
    /// Reads a graph.
    pub(super) fn of_graph(graph: &'a GraphProto) -> Self {
        let dense = graph.initializer.iter().map(|tensor| (tensor, &tensor.dims));
        let sparse = graph
            .sparse_initializer
            .iter()
            .filter_map(|sparse| sparse.values.as_ref().map(|values| (values, &sparse.dims)));
        let declared = graph.value_info.iter().chain(&graph.output);
        Self {
            inputs: graph
                .input
                .iter()
                .map(|input| (input.name(), Kind::of_type(input.r#type.as_ref())))
                .collect(),
            initializers: dense
                .chain(sparse)
                .map(|(tensor, dims)| Initializer {
                    name: tensor.name(),
                    kind: Kind::of_code(tensor.data_type()),
                    elements: element_count(dims),
                })
                .collect(),
            nodes: &graph.node,
            outputs: graph.output.iter().map(ValueInfoProto::name).collect(),
            declared: declared
                .map(|info| (info.name(), Kind::of_type(info.r#type.as_ref())))
                .collect(),
            opset: None,
        }
    }

    /// Reads a function.
    pub(super) fn of_function(function: &'a FunctionProto) -> Self {
        Self {
            inputs: function
                .input
                .iter()
                .map(|name| (name.as_str(), Kind::Unknown))
                .collect(),
            initializers: Vec::new(),
            nodes: &function.node,
            outputs: function.output.iter().map(String::as_str).collect(),
            // A function's declarations hold for one way of calling it at most.
            declared: HashMap::new(),
            opset: standard_opset(&function.opset_import),
        }
    }
}

/// How many elements dimensions make, as many as can be counted.
pub(super) fn element_count(dims: &[i64]) -> u64 {
    dims.iter()
        .fold(1, |product: u64, dim| product.saturating_mul(dim.unsigned_abs()))
}

/// The version of ONNX's own operators among imports.
pub(super) fn standard_opset(imports: &[OperatorSetIdProto]) -> Option<i64> {
    imports
        .iter()
        .find(|import| kinds::is_standard(import.domain()))
        .map(OperatorSetIdProto::version)
}
