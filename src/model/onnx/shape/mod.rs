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
pub(crate) fn given<'a>(
    graph: &'a GraphProto,
    external: &[ExternalFile],
    inputs: &BTreeMap<String, Vec<u64>>,
) -> Shapes<'a> {
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::onnx::proto::AttributeProto;
    use crate::model::onnx::proto::TensorProto;
    use crate::model::onnx::proto::tensor_proto::DataType;

    /// One input of a case.
    enum Input {
        Left,
        Data(&'static [u64]),
        Ints(&'static [i64]),
        Table(&'static [i64], &'static [i64]),
        Floats(&'static [f32]),
    }
    use Input::Data;
    use Input::Floats;
    use Input::Ints;
    use Input::Left;
    use Input::Table;

    /// Operator, attributes (texts as `name=value`), inputs, shapes of the outputs.
    type Case = (
        &'static str,
        &'static [(&'static str, &'static [i64])],
        &'static [Input],
        &'static [&'static [u64]],
    );

    /// The shapes are those that ONNX Runtime 1.31 gives.
    const CASES: &[Case] = &[
        (
            "Slice",
            &[],
            &[Data(&[10]), Ints(&[-1]), Ints(&[i64::MIN]), Ints(&[0]), Ints(&[-3])],
            &[&[4]],
        ),
        (
            "Slice",
            &[],
            &[Data(&[10]), Ints(&[8]), Ints(&[1]), Ints(&[0]), Ints(&[-2])],
            &[&[4]],
        ),
        (
            "Slice",
            &[],
            &[Data(&[10, 4]), Ints(&[2, 1]), Ints(&[i64::MAX, -1])],
            &[&[8, 2]],
        ),
        ("Slice", &[], &[Data(&[10]), Ints(&[20]), Ints(&[30])], &[&[0]]),
        (
            "Slice",
            &[],
            &[Data(&[10]), Ints(&[20]), Ints(&[0]), Ints(&[0]), Ints(&[-4])],
            &[&[3]],
        ),
        (
            "Slice",
            &[],
            &[Data(&[0]), Ints(&[-1]), Ints(&[i64::MIN]), Ints(&[0]), Ints(&[-1])],
            &[&[0]],
        ),
        (
            "MaxPool",
            &[("kernel_shape", &[3, 3]), ("strides", &[2, 2]), ("ceil_mode", &[1])],
            &[Data(&[1, 2, 11, 11])],
            &[&[1, 2, 5, 5]],
        ),
        (
            "MaxPool",
            &[("kernel_shape", &[3, 3]), ("strides", &[2, 2]), ("ceil_mode", &[1])],
            &[Data(&[1, 2, 12, 12])],
            &[&[1, 2, 6, 6]],
        ),
        (
            "MaxPool",
            &[("kernel_shape", &[3, 3]), ("strides", &[2, 2]), ("ceil_mode", &[0])],
            &[Data(&[1, 2, 12, 12])],
            &[&[1, 2, 5, 5]],
        ),
        (
            "MaxPool",
            &[
                ("kernel_shape", &[2, 2]),
                ("strides", &[3, 3]),
                ("pads", &[1, 1, 1, 1]),
                ("ceil_mode", &[1]),
            ],
            &[Data(&[1, 2, 10, 10])],
            &[&[1, 2, 4, 4]],
        ),
        (
            "MaxPool",
            &[("kernel_shape", &[3, 3]), ("strides", &[2, 2]), ("dilations", &[2, 2])],
            &[Data(&[1, 2, 9, 9])],
            &[&[1, 2, 3, 3]],
        ),
        (
            "AveragePool",
            &[
                ("kernel_shape", &[3, 3]),
                ("strides", &[2, 2]),
                ("auto_pad=SAME_UPPER", &[]),
            ],
            &[Data(&[1, 2, 9, 10])],
            &[&[1, 2, 5, 5]],
        ),
        (
            "AveragePool",
            &[("kernel_shape", &[3, 3]), ("strides", &[2, 2]), ("auto_pad=VALID", &[])],
            &[Data(&[1, 2, 9, 10])],
            &[&[1, 2, 4, 4]],
        ),
        (
            "Conv",
            &[
                ("group", &[2]),
                ("strides", &[2, 1]),
                ("pads", &[1, 0, 1, 2]),
                ("dilations", &[1, 2]),
            ],
            &[Data(&[2, 4, 9, 10]), Data(&[6, 2, 3, 3])],
            &[&[2, 6, 5, 8]],
        ),
        (
            "ConvTranspose",
            &[
                ("group", &[1]),
                ("strides", &[2, 2]),
                ("pads", &[1, 1, 1, 1]),
                ("output_padding", &[1, 1]),
            ],
            &[Data(&[1, 4, 5, 6]), Data(&[4, 3, 3, 3])],
            &[&[1, 3, 10, 12]],
        ),
        (
            "ConvTranspose",
            &[("group", &[2]), ("strides", &[2, 3])],
            &[Data(&[1, 4, 5, 6]), Data(&[4, 3, 3, 3])],
            &[&[1, 6, 11, 18]],
        ),
        (
            "ConvTranspose",
            &[("strides", &[2, 2]), ("auto_pad=SAME_UPPER", &[])],
            &[Data(&[1, 4, 5, 6]), Data(&[4, 3, 3, 3])],
            &[&[1, 3, 10, 12]],
        ),
        (
            "ConvTranspose",
            &[("strides", &[2, 2]), ("output_shape", &[10, 12])],
            &[Data(&[1, 4, 5, 6]), Data(&[4, 3, 3, 3])],
            &[&[1, 3, 10, 12]],
        ),
        ("MatMul", &[], &[Data(&[4]), Data(&[4, 5])], &[&[5]]),
        (
            "MatMul",
            &[],
            &[Data(&[2, 1, 3, 4]), Data(&[5, 4, 6])],
            &[&[2, 5, 3, 6]],
        ),
        ("MatMul", &[], &[Data(&[3, 4]), Data(&[4])], &[&[3]]),
        (
            "Gemm",
            &[("transA", &[1]), ("transB", &[1])],
            &[Data(&[4, 3]), Data(&[5, 4])],
            &[&[3, 5]],
        ),
        ("Reshape", &[], &[Data(&[2, 3, 4]), Ints(&[0, -1])], &[&[2, 12]]),
        ("Reshape", &[], &[Data(&[2, 3, 4]), Ints(&[-1])], &[&[24]]),
        (
            "Reshape",
            &[("allowzero", &[1])],
            &[Data(&[0, 3]), Ints(&[3, 0])],
            &[&[3, 0]],
        ),
        ("Flatten", &[("axis", &[-1])], &[Data(&[2, 3, 4])], &[&[6, 4]]),
        ("Flatten", &[("axis", &[3])], &[Data(&[2, 3, 4])], &[&[24, 1]]),
        ("Flatten", &[("axis", &[0])], &[Data(&[2, 3, 4])], &[&[1, 24]]),
        ("Transpose", &[], &[Data(&[2, 3, 4])], &[&[4, 3, 2]]),
        ("Transpose", &[("perm", &[1, 0, 2])], &[Data(&[2, 3, 4])], &[&[3, 2, 4]]),
        ("Squeeze", &[], &[Data(&[1, 3, 1])], &[&[3]]),
        ("Squeeze", &[], &[Data(&[1, 3, 1]), Ints(&[-1])], &[&[1, 3]]),
        ("Unsqueeze", &[], &[Data(&[3, 4]), Ints(&[0, -1])], &[&[1, 3, 4, 1]]),
        ("Expand", &[], &[Data(&[3, 1]), Ints(&[2, 1, 6])], &[&[2, 3, 6]]),
        ("Tile", &[], &[Data(&[2, 3]), Ints(&[2, 3])], &[&[4, 9]]),
        ("Pad", &[], &[Data(&[2, 3]), Ints(&[1, 0, 2, -1])], &[&[5, 2]]),
        (
            "DepthToSpace",
            &[("blocksize", &[2])],
            &[Data(&[1, 8, 2, 3])],
            &[&[1, 2, 4, 6]],
        ),
        (
            "SpaceToDepth",
            &[("blocksize", &[2])],
            &[Data(&[1, 2, 4, 6])],
            &[&[1, 8, 2, 3]],
        ),
        (
            "Resize",
            &[],
            &[Data(&[1, 2, 5, 5]), Left, Floats(&[1.0, 1.0, 1.5, 2.0])],
            &[&[1, 2, 7, 10]],
        ),
        (
            "Resize",
            &[],
            &[Data(&[1, 2, 5, 5]), Left, Left, Ints(&[1, 2, 7, 3])],
            &[&[1, 2, 7, 3]],
        ),
        (
            "Concat",
            &[("axis", &[-1])],
            &[Data(&[2, 3]), Data(&[2, 4])],
            &[&[2, 7]],
        ),
        (
            "Split",
            &[("axis", &[0]), ("num_outputs", &[3])],
            &[Data(&[7, 2])],
            &[&[3, 2], &[3, 2], &[1, 2]],
        ),
        (
            "Split",
            &[("axis", &[0])],
            &[Data(&[7, 2]), Ints(&[1, 6])],
            &[&[1, 2], &[6, 2]],
        ),
        (
            "Gather",
            &[("axis", &[1])],
            &[Data(&[5, 6, 7]), Table(&[2, 2], &[0, 1, 2, 3])],
            &[&[5, 2, 2, 7]],
        ),
        (
            "GatherND",
            &[],
            &[Data(&[2, 3, 4]), Table(&[2, 2], &[0, 1, 1, 2])],
            &[&[2, 4]],
        ),
        (
            "ReduceMean",
            &[("axes", &[1]), ("keepdims", &[0])],
            &[Data(&[2, 3, 4])],
            &[&[2, 4]],
        ),
        ("ReduceMean", &[], &[Data(&[2, 3, 4])], &[&[1, 1, 1]]),
        ("ReduceSum", &[], &[Data(&[2, 3, 4]), Ints(&[-1])], &[&[2, 3, 1]]),
        (
            "ArgMax",
            &[("axis", &[-1]), ("keepdims", &[0])],
            &[Data(&[2, 3])],
            &[&[2]],
        ),
        ("TopK", &[], &[Data(&[2, 9]), Ints(&[4])], &[&[2, 4], &[2, 4]]),
        (
            "LSTM",
            &[("hidden_size", &[5])],
            &[Data(&[7, 2, 3]), Data(&[1, 20, 3]), Data(&[1, 20, 5])],
            &[&[7, 1, 2, 5], &[1, 2, 5], &[1, 2, 5]],
        ),
        ("Add", &[], &[Data(&[3, 1]), Data(&[1, 4])], &[&[3, 4]]),
        ("ConstantOfShape", &[], &[Ints(&[2, 3])], &[&[2, 3]]),
        (
            "Range",
            &[],
            &[Table(&[], &[3]), Table(&[], &[20]), Table(&[], &[4])],
            &[&[5]],
        ),
        (
            "Range",
            &[],
            &[Table(&[], &[3]), Table(&[], &[-20]), Table(&[], &[-4])],
            &[&[6]],
        ),
    ];

    fn attribute(name: &str, values: &[i64]) -> AttributeProto {
        let (name, text) = name.split_once('=').unwrap_or((name, ""));
        AttributeProto {
            name: Some(name.to_owned()),
            i: values.first().copied(),
            ints: values.to_vec(),
            s: (!text.is_empty()).then(|| Bytes::copy_from_slice(text.as_bytes())),
            ..AttributeProto::default()
        }
    }

    fn known(input: &Input) -> Option<Known> {
        let constant = |tensor| Known::of_tensor(&tensor, &[]);
        match input {
            Left => None,
            Data(dims) => Known::new(DataType::Float as i32, dims.to_vec()),
            Ints(values) => Known::list(values.to_vec()),
            Table(dims, values) => constant(TensorProto {
                dims: dims.to_vec(),
                data_type: Some(DataType::Int64 as i32),
                int64_data: values.to_vec(),
                ..TensorProto::default()
            }),
            Floats(values) => constant(TensorProto {
                dims: vec![values.len() as i64],
                data_type: Some(DataType::Float as i32),
                float_data: values.to_vec(),
                ..TensorProto::default()
            }),
        }
    }

    #[test]
    fn shapes_are_those_of_the_engine() {
        for (operator, attributes, inputs, expected) in CASES {
            let names: Vec<String> = (0..inputs.len()).map(|index| format!("i{index}")).collect();
            let shapes: Shapes<'_> = names
                .iter()
                .zip(*inputs)
                .filter_map(|(name, input)| Some((name.as_str(), known(input)?)))
                .collect();
            let given = |(name, input): (&String, &Input)| {
                if matches!(input, Left) {
                    String::new()
                } else {
                    name.clone()
                }
            };
            let node = NodeProto {
                op_type: Some((*operator).to_owned()),
                input: names.iter().zip(*inputs).map(given).collect(),
                output: (0..expected.len()).map(|index| format!("o{index}")).collect(),
                attribute: attributes
                    .iter()
                    .map(|(name, values)| attribute(name, values))
                    .collect(),
                ..NodeProto::default()
            };
            let outputs = infer(&Call::new(&node, 17, &shapes), &[]).unwrap_or_default();
            let dims: Vec<Option<Vec<u64>>> = outputs.into_iter().map(|output| Some(output?.dims)).collect();
            let expected: Vec<Option<Vec<u64>>> = expected.iter().map(|dims| Some(dims.to_vec())).collect();
            assert_eq!(
                dims.get(..expected.len()),
                Some(expected.as_slice()),
                "{operator} {attributes:?}"
            );
        }
    }

    #[test]
    fn lists_of_values_are_computed() {
        let shapes: Shapes<'_> = [("x", Known::list(vec![2, 3, 4])), ("i", Known::list(vec![-1, 0]))]
            .into_iter()
            .filter_map(|(name, known)| Some((name, known?)))
            .collect();
        let ints = |operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>| {
            let node = NodeProto {
                op_type: Some(operator.to_owned()),
                input: inputs.iter().map(|name| (*name).to_owned()).collect(),
                output: vec!["y".to_owned()],
                attribute: attributes,
                ..NodeProto::default()
            };
            infer(&Call::new(&node, 17, &shapes), &[])?.first()?.clone()?.ints
        };
        assert_eq!(ints("Gather", &["x", "i"], vec![]), Some(vec![4, 2]));
        assert_eq!(
            ints("Concat", &["x", "i"], vec![attribute("axis", &[0])]),
            Some(vec![2, 3, 4, -1, 0])
        );
        assert_eq!(ints("Mul", &["x", "x"], vec![]), Some(vec![4, 9, 16]));
        assert_eq!(ints("Shape", &["x"], vec![]), Some(vec![3]));
        let bounds = vec![
            attribute("starts", &[2]),
            attribute("ends", &[i64::MIN]),
            attribute("axes", &[0]),
        ];
        assert_eq!(ints("Slice", &["x"], bounds), Some(vec![]));
        // Dividing by the zero in `i` gives no values, and a shape all the same.
        assert_eq!(ints("Div", &["i", "i"], vec![]), None);
    }
}
