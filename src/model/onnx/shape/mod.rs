//! Shapes of a graph's tensors, carried forward from its inputs.
//!
//! Only shapes that are known to the last dimension count: a tensor is known or it is not. Small integer tensors carry their
//! values too, since exporters compute shapes with `Shape`, `Gather` and `Concat`. Where an operator is not known here, the shape
//! that the file itself states (`value_info`) is taken, if it is complete. All arithmetic is checked: dimensions come out of
//! hostile files.

mod call;
mod elementwise;
mod known;
mod layout;
mod matrix;
mod reduce;
mod select;
mod values;
mod windows;

use std::collections::BTreeMap;
use std::collections::HashMap;

pub(crate) use call::Call;
pub(crate) use known::Known;
pub(crate) use windows::Window;
pub(crate) use windows::window;

use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::facts::spec;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::onnx::proto::type_proto;
use crate::model::tensor::Dim;

/// The tensors that are known, by name.
pub(crate) type Shapes<'a> = HashMap<&'a str, Known>;

/// Calls `visit` on every node of the main graph in order, with its known inputs, and its outputs as far as they can be told.
///
/// `inputs` gives the shapes of inputs whose dimensions the model leaves open.
pub(crate) fn propagate(
    model: &ModelProto,
    external: &[ExternalFile],
    inputs: &BTreeMap<String, Vec<u64>>,
    visit: &mut dyn FnMut(&Call<'_>, &[Option<Known>]),
) {
    let Some(graph) = &model.graph else { return };
    let opset = model
        .opset_import
        .iter()
        .find(|opset| matches!(opset.domain(), "" | "ai.onnx"))
        .map_or(1, |opset| opset.version());
    let stated = stated(graph);
    let mut shapes = given(graph, external, inputs);
    for node in &graph.node {
        let call = Call::new(node, opset, &shapes);
        let inferred = infer(&call, external).unwrap_or_default();
        let outputs: Vec<Option<Known>> = node
            .output
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let known = inferred.get(index).cloned().flatten();
                known.or_else(|| stated.get(name.as_str()).cloned())
            })
            .collect();
        visit(&call, &outputs);
        for (name, known) in node.output.iter().zip(outputs) {
            if let Some(known) = known.filter(|_| !name.is_empty()) {
                shapes.insert(name, known);
            }
        }
    }
}

/// Shapes of the initializers and of the graph's inputs.
fn given<'a>(graph: &'a GraphProto, external: &[ExternalFile], inputs: &BTreeMap<String, Vec<u64>>) -> Shapes<'a> {
    let mut shapes = Shapes::new();
    for input in &graph.input {
        let known = match inputs.get(input.name()) {
            Some(dims) => data_type(input).and_then(|data_type| Known::new(data_type, dims.clone())),
            None => fixed(input),
        };
        if let Some(known) = known {
            shapes.insert(input.name(), known);
        }
    }
    for tensor in &graph.initializer {
        if let Some(known) = Known::of_tensor(tensor, external) {
            shapes.insert(tensor.name(), known);
        }
    }
    for sparse in &graph.sparse_initializer {
        let known = sparse.values.as_ref().and_then(|values| {
            let dims = sparse.dims.iter().map(|dim| u64::try_from(*dim).ok());
            Some((
                values.name(),
                Known::new(values.data_type(), dims.collect::<Option<_>>()?)?,
            ))
        });
        shapes.extend(known);
    }
    shapes
}

/// Shapes that the file states, where they are complete.
fn stated(graph: &GraphProto) -> Shapes<'_> {
    let values = graph.value_info.iter().chain(&graph.output);
    values.filter_map(|value| Some((value.name(), fixed(value)?))).collect()
}

fn fixed(value: &ValueInfoProto) -> Option<Known> {
    let dims = spec(value).dims?.into_iter().map(|dim| match dim {
        Dim::Fixed(size) => Some(size),
        Dim::Symbol(_) | Dim::Unknown => None,
    });
    Known::new(data_type(value)?, dims.collect::<Option<_>>()?)
}

fn data_type(value: &ValueInfoProto) -> Option<i32> {
    match value.r#type.as_ref()?.value.as_ref()? {
        type_proto::Value::TensorType(tensor) => Some(tensor.elem_type()),
        _ => None,
    }
}

/// True for an operator of ONNX itself.
pub(crate) fn is_standard(node: &NodeProto) -> bool {
    matches!(node.domain(), "" | "ai.onnx")
}

/// The outputs of one call; `None` where they cannot be told.
fn infer(call: &Call<'_>, external: &[ExternalFile]) -> Option<Vec<Option<Known>>> {
    if !is_standard(call.node) {
        return None;
    }
    match call.node.op_type() {
        "Constant" => values::constant(call, external),
        "ConstantOfShape" => values::constant_of_shape(call, external),
        "Identity" => one(call.input(0)?.clone()),
        "Shape" => values::shape(call),
        "Size" => values::size(call),
        "Range" => values::range(call),
        "Cast" => values::cast(call),
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Min" | "Max" | "Sum" | "Mean" | "Pow" | "PRelu" | "BitShift"
        | "And" | "Or" | "Xor" | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" => elementwise::broadcast(call),
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => elementwise::comparison(call),
        "Where" => elementwise::choose(call),
        "IsNaN" | "IsInf" => elementwise::to_bool(call),
        "Dropout" => elementwise::dropout(call),
        "LayerNormalization" => elementwise::layer_normalization(call),
        "Conv" | "ConvInteger" | "QLinearConv" => windows::conv(call),
        "ConvTranspose" => windows::conv_transpose(call),
        "MaxPool" | "AveragePool" | "LpPool" => windows::pool(call),
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => windows::global_pool(call),
        "Gemm" => matrix::gemm(call),
        "MatMul" | "MatMulInteger" | "QLinearMatMul" => matrix::matmul(call),
        "LSTM" | "GRU" | "RNN" => matrix::recurrent(call),
        "QuantizeLinear" => elementwise::quantize(call),
        "DequantizeLinear" => elementwise::dequantize(call),
        "DynamicQuantizeLinear" => elementwise::dynamic_quantize(call),
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceSumSquare" => reduce::reduce(call),
        "ArgMax" | "ArgMin" => reduce::arg(call),
        "TopK" => reduce::top_k(call),
        "Reshape" => layout::reshape(call),
        "Flatten" => layout::flatten(call),
        "Transpose" => layout::transpose(call),
        "Squeeze" => layout::squeeze(call),
        "Unsqueeze" => layout::unsqueeze(call),
        "Expand" => layout::expand(call),
        "Tile" => layout::tile(call),
        "Pad" => layout::pad(call),
        "DepthToSpace" => layout::depth_to_space(call),
        "SpaceToDepth" => layout::space_to_depth(call),
        "Resize" | "Upsample" => layout::resize(call),
        "Concat" => select::concat(call),
        "Split" => select::split(call),
        "Slice" => select::slice(call),
        "Gather" => select::gather(call),
        "GatherElements" => select::gather_elements(call),
        "GatherND" => select::gather_nd(call),
        operator if SAME.contains(&operator) => one(call.input(0)?.without_values()),
        _ => None,
    }
}

/// Operators whose one output has the type and shape of their first input.
const SAME: &[&str] = &[
    "Abs",
    "Acos",
    "Asin",
    "Atan",
    "BatchNormalization",
    "BitwiseNot",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Cosh",
    "CumSum",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "InstanceNormalization",
    "LRN",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "MeanVarianceNormalization",
    "Mish",
    "Neg",
    "Not",
    "RMSNormalization",
    "Reciprocal",
    "Relu",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Trilu",
];

/// One known output.
fn one(known: Known) -> Option<Vec<Option<Known>>> {
    Some(vec![Some(known)])
}
