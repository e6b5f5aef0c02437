//! Work of one inference: multiply-accumulate operations, and bytes of activations.
//!
//! Counted are convolutions, matrix products and recurrent layers; a bias, an activation, a normalization or an embedding counts
//! nothing, as usual in the field. Where one of those has a shape that is not known, or stands where it is not known how often it
//! runs (in a loop, a branch, a function, an operator from elsewhere), there is no honest number and none is given.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::facts::initializer_names;
use crate::model::onnx::liveness;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shape;
use crate::model::onnx::shape::Call;
use crate::model::onnx::shape::Known;
use crate::model::onnx::shape::Window;

/// Operators of ONNX that multiply and accumulate, and whose cost is not known here.
const UNCOUNTED: &[&str] = &["Attention", "DFT", "DeformConv", "Einsum", "STFT"];

/// Operators of ONNX that run what stands in their subgraphs.
const CONTROL: &[&str] = &["If", "Loop", "Scan", "SequenceMap"];

/// Operators of `ai.onnx.ml` that multiply and accumulate.
const LINEAR: &[&str] = &["LinearClassifier", "LinearRegressor", "SVMClassifier", "SVMRegressor"];

/// Work of one inference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Multiply-accumulate operations; `None` where they cannot be told.
    pub macs: Option<u64>,
    /// Bytes of all tensors that the main graph's nodes write, constants left out; `None` where some shape is unknown.
    pub activation_bytes: Option<u64>,
    /// The most bytes of activations that live at once, one node after the other: see [`crate::model::onnx::liveness`]; `None`
    /// where some shape is unknown.
    pub activation_peak: Option<u64>,
}

/// Counts the work; `inputs` gives the shapes of inputs whose dimensions the model leaves open, by name.
pub fn work(model: &ModelProto, external: &[ExternalFile], inputs: &BTreeMap<String, Vec<u64>>) -> Work {
    let mut macs = Some(0_u64);
    let mut activation_bytes = Some(0_u64);
    let mut bytes: BTreeMap<String, u64> = BTreeMap::new();
    shape::propagate(model, external, inputs, &mut |call, outputs| {
        macs = sum(macs, || multiplications(call, outputs));
        if call.node.op_type() != "Constant" {
            let wanted = outputs.iter().enumerate().filter(|(index, _)| call.wants(*index));
            for (_, output) in wanted {
                activation_bytes = sum(activation_bytes, || output.as_ref()?.bytes());
            }
            let written = call.node.output.iter().zip(outputs);
            bytes.extend(written.filter_map(|(name, output)| Some((name.clone(), output.as_ref()?.bytes()?))));
        }
    });
    Work {
        macs,
        activation_bytes,
        activation_peak: peak(model, external, inputs, &bytes),
    }
}

/// The peak of live activations; `written` gives the bytes of what nodes write.
fn peak(
    model: &ModelProto,
    external: &[ExternalFile],
    inputs: &BTreeMap<String, Vec<u64>>,
    written: &BTreeMap<String, u64>,
) -> Option<u64> {
    let graph = model.graph.as_ref()?;
    let given = shape::given(graph, external, inputs);
    let filled: BTreeSet<&str> = initializer_names(graph).collect();
    let fed: Vec<&str> = graph
        .input
        .iter()
        .map(|input| input.name())
        .filter(|name| !filled.contains(name))
        .collect();
    let mut bytes: HashMap<&str, u64> = fed
        .iter()
        .filter_map(|name| Some((*name, given.get(name)?.bytes()?)))
        .collect();
    bytes.extend(written.iter().map(|(name, size)| (name.as_str(), *size)));
    liveness::peak(graph, &fed, &bytes)
}

/// Multiply-accumulate operations of each node of the main graph, in its order; `None` where they cannot be told.
pub fn by_node(model: &ModelProto, external: &[ExternalFile], inputs: &BTreeMap<String, Vec<u64>>) -> Vec<Option<u64>> {
    let mut macs = Vec::new();
    shape::propagate(model, external, inputs, &mut |call, outputs| {
        macs.push(multiplications(call, outputs));
    });
    macs
}

/// True for an operator that multiplies and accumulates nothing, whatever its inputs.
pub fn is_free(node: &NodeProto) -> bool {
    matches!(kind(node), Kind::Free)
}

fn sum(total: Option<u64>, more: impl FnOnce() -> Option<u64>) -> Option<u64> {
    total?.checked_add(more()?)
}

/// Multiply-accumulates of one call.
fn multiplications(call: &Call<'_>, outputs: &[Option<Known>]) -> Option<u64> {
    let output = outputs.first().and_then(Option::as_ref);
    match kind(call.node) {
        Kind::Free => Some(0),
        Kind::Unknown => None,
        Kind::Control => no_multiplication_within(call.node).then_some(0),
        Kind::Counted => match call.node.op_type() {
            // Every output element takes one product for each weight of its filter.
            "Conv" | "ConvInteger" | "QLinearConv" => {
                let Window { weight, .. } = shape::window(call)?;
                let filter: u64 = weight.dims.get(1..)?.iter().product();
                output?.elements().checked_mul(filter)
            }
            // Every input element goes through the filters of its group.
            "ConvTranspose" => {
                let Window { data, weight, .. } = shape::window(call)?;
                let filter: u64 = weight.dims.get(1..)?.iter().product();
                data.elements().checked_mul(filter)
            }
            "Gemm" => {
                let left = call.input(0)?;
                let inner = left.dims.get(if call.int("transA", 0) != 0 { 0 } else { 1 })?;
                output?.elements().checked_mul(*inner)
            }
            "MatMul" | "MatMulInteger" | "QLinearMatMul" => {
                let inner = call.input(0)?.dims.last()?;
                output?.elements().checked_mul(*inner)
            }
            // Every step of every sequence multiplies the input and the last state with all gates' weights, which are the whole of W
            // and R.
            "LSTM" | "GRU" | "RNN" => {
                let steps = call
                    .input(0)?
                    .dims
                    .iter()
                    .take(2)
                    .try_fold(1_u64, |product, dim| product.checked_mul(*dim))?;
                let weights = call.input(1)?.elements().checked_add(call.input(2)?.elements())?;
                steps.checked_mul(weights)
            }
            _ => None,
        },
    }
}

enum Kind {
    Free,
    Counted,
    Control,
    Unknown,
}

fn kind(node: &NodeProto) -> Kind {
    let operator = node.op_type();
    match (node.domain(), operator) {
        ("" | "ai.onnx", "Conv" | "ConvInteger" | "QLinearConv" | "ConvTranspose" | "Gemm" | "MatMul")
        | ("" | "ai.onnx", "MatMulInteger" | "QLinearMatMul" | "LSTM" | "GRU" | "RNN") => Kind::Counted,
        ("" | "ai.onnx", _) if CONTROL.contains(&operator) => Kind::Control,
        ("" | "ai.onnx", _) if UNCOUNTED.contains(&operator) => Kind::Unknown,
        ("" | "ai.onnx", _) => Kind::Free,
        ("ai.onnx.ml", _) if !LINEAR.contains(&operator) => Kind::Free,
        _ => Kind::Unknown,
    }
}

/// True where nothing in the node's subgraphs multiplies and accumulates, however often they run.
fn no_multiplication_within(node: &NodeProto) -> bool {
    let mut waiting: Vec<&NodeProto> = vec![node];
    while let Some(node) = waiting.pop() {
        match kind(node) {
            Kind::Free => {}
            Kind::Counted | Kind::Unknown => return false,
            Kind::Control => {
                let attributes = node.attribute.iter();
                let graphs = attributes.flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
                waiting.extend(graphs.flat_map(|graph| &graph.node));
            }
        }
    }
    true
}
