//! Which tensors of a graph hold 32-bit floats: type rules of ONNX's operators, as far as this question needs them.
//!
//! Rules are from the operators' type constraints, opset 7 to 26. An operator that stands in no table has outputs of unknown type, and
//! then nothing that touches them is converted.

use super::edit::MICROSOFT;
use super::edit::attribute;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TypeProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::proto::type_proto::Value;

/// What is known of a tensor's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A dense tensor of 32-bit floats.
    Float,
    /// Certainly anything else.
    Other,
    /// Either.
    Unknown,
}

impl Kind {
    /// Of an element type's code.
    pub(super) fn of_code(code: i32) -> Self {
        match code {
            code if code == DataType::Float as i32 => Self::Float,
            code if code == DataType::Undefined as i32 => Self::Unknown,
            _ => Self::Other,
        }
    }

    /// Of a declared type.
    pub(super) fn of_type(declared: Option<&TypeProto>) -> Self {
        match declared.and_then(|declared| declared.value.as_ref()) {
            Some(Value::TensorType(tensor)) => Self::of_code(tensor.elem_type()),
            Some(_) => Self::Other,
            None => Self::Unknown,
        }
    }
}

/// Operators whose outputs all have the type of the first input.
const SAME: &[&str] = &[
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "AffineGrid",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Attention",
    "AveragePool",
    "BatchNormalization",
    "BitShift",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
    "Ceil",
    "Celu",
    "CenterCropPad",
    "Clip",
    "Col2Im",
    "Compress",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "CumProd",
    "CumSum",
    "DFT",
    "DeformConv",
    "DepthToSpace",
    "Det",
    "Div",
    "Einsum",
    "Elu",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "GRU",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "GridSample",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "InstanceNormalization",
    "LRN",
    "LSTM",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "LpPool",
    "MatMul",
    "Max",
    "MaxRoiPool",
    "MaxUnpool",
    "Mean",
    "MeanVarianceNormalization",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "NegativeLogLikelihoodLoss",
    "PRelu",
    "Pad",
    "Pow",
    "RMSNormalization",
    "RNN",
    "Range",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "Reshape",
    "Resize",
    "ReverseSequence",
    "RoiAlign",
    "RotaryEmbedding",
    "Round",
    "STFT",
    "Scatter",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Slice",
    "Softmax",
    "SoftmaxCrossEntropyLoss",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Swish",
    "Tan",
    "Tanh",
    "TensorScatter",
    "ThresholdedRelu",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Upsample",
];

/// Operators whose first output has the type of the first input, and whose others never hold floats.
const FIRST_SAME: &[&str] = &["MaxPool", "TopK", "Unique"];

/// Operators whose outputs are never 32-bit floats.
const NEVER_FLOAT: &[&str] = &[
    "And",
    "ArgMax",
    "ArgMin",
    "BitCast",
    "ConvInteger",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "ImageDecoder",
    "IsInf",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "MatMulInteger",
    "Multinomial",
    "NonMaxSuppression",
    "NonZero",
    "Not",
    "Optional",
    "OptionalHasElement",
    "Or",
    "QLinearConv",
    "QLinearMatMul",
    "QuantizeLinear",
    "RegexFullMatch",
    "SequenceConstruct",
    "SequenceEmpty",
    "SequenceErase",
    "SequenceInsert",
    "SequenceLength",
    "SequenceMap",
    "Shape",
    "Size",
    "SplitToSequence",
    "StringConcat",
    "StringNormalizer",
    "StringSplit",
    "Xor",
];

/// Operators of `com.microsoft` whose floats all have one type, in 16 bits too.
const CONTRIBUTED: &[&str] = &[
    "BiasGelu",
    "BiasSplitGelu",
    "FastGelu",
    "FusedConv",
    "FusedGemm",
    "FusedMatMul",
    "Gelu",
    "GroupNorm",
    "NhwcConv",
    "QuickGelu",
    "SkipGroupNorm",
];

/// True for the domain of ONNX's own operators.
pub(super) fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// True for the operators of `com.microsoft` whose floats all have one type.
pub(super) fn is_contributed(node: &NodeProto) -> bool {
    node.domain() == MICROSOFT && CONTRIBUTED.contains(&node.op_type())
}

/// The kinds of a node's outputs from those of its inputs; `None` for an operator in no table. Nodes with subgraphs and calls of
/// functions are not looked up here.
pub(super) fn outputs(node: &NodeProto, inputs: &[Kind], opset: i64) -> Option<Vec<Kind>> {
    let input = |index: usize| inputs.get(index).copied().unwrap_or(Kind::Other);
    let all = |kind: Kind| Some(vec![kind; node.output.len()]);
    let first_then = |first: Kind, rest: Kind| {
        let mut kinds = vec![rest; node.output.len()];
        kinds.iter_mut().take(1).for_each(|kind| *kind = first);
        Some(kinds)
    };
    let op = node.op_type();
    if !is_standard(node.domain()) {
        return is_contributed(node).then(|| vec![input(0); node.output.len()]);
    }
    match op {
        _ if SAME.contains(&op) => all(input(0)),
        _ if FIRST_SAME.contains(&op) => first_then(input(0), Kind::Other),
        _ if NEVER_FLOAT.contains(&op) => all(Kind::Other),
        // Before opset 10 the mask had the type of the data.
        "Dropout" => first_then(input(0), if opset >= 10 { Kind::Other } else { input(0) }),
        "LayerNormalization" => match code(node, "stash_type", DataType::Float) {
            Kind::Float => first_then(input(0), Kind::Float),
            _ => None,
        },
        "Where" | "CastLike" => all(input(1)),
        "OneHot" => all(input(2)),
        "DequantizeLinear" => all(match code(node, "output_dtype", DataType::Undefined) {
            Kind::Unknown if !refers(node, "output_dtype") => input(1),
            declared => declared,
        }),
        "DynamicQuantizeLinear" => Some(
            (0..node.output.len())
                .map(|index| match index {
                    1 => Kind::Float,
                    _ => Kind::Other,
                })
                .collect(),
        ),
        "Cast" => all(code(node, "to", DataType::Undefined)),
        "Constant" => all(constant(node)),
        "ConstantOfShape" => all(match attribute(node, "value") {
            None => Kind::Float,
            Some(value) => value
                .t
                .as_ref()
                .map_or(Kind::Unknown, |tensor| Kind::of_code(tensor.data_type())),
        }),
        "RandomNormal" | "RandomUniform" => all(code(node, "dtype", DataType::Float)),
        "RandomNormalLike" | "RandomUniformLike" | "EyeLike" | "Bernoulli" => {
            all(if attribute(node, "dtype").is_some() {
                code(node, "dtype", DataType::Undefined)
            } else {
                input(0)
            })
        }
        "BlackmanWindow" | "HammingWindow" | "HannWindow" | "MelWeightMatrix" => {
            all(code(node, "output_datatype", DataType::Float))
        }
        "TfIdfVectorizer" => all(Kind::Float),
        _ => None,
    }
}

/// The kind that an attribute with an element type's code names.
fn code(node: &NodeProto, name: &str, absent: DataType) -> Kind {
    match attribute(node, name) {
        None => Kind::of_code(absent as i32),
        Some(value) => value
            .i
            .and_then(|code| i32::try_from(code).ok())
            .map_or(Kind::Unknown, Kind::of_code),
    }
}

/// The kind of a `Constant` node's value, in whichever attribute it stands.
fn constant(node: &NodeProto) -> Kind {
    let Some(value) = node
        .attribute
        .iter()
        .find(|attribute| attribute.name().contains("value"))
    else {
        return Kind::Unknown;
    };
    if !value.ref_attr_name().is_empty() {
        return Kind::Unknown;
    }
    match value.name() {
        "value" => value
            .t
            .as_ref()
            .map_or(Kind::Unknown, |tensor| Kind::of_code(tensor.data_type())),
        "sparse_value" => value
            .sparse_tensor
            .as_ref()
            .and_then(|sparse| sparse.values.as_ref())
            .map_or(Kind::Unknown, |tensor| Kind::of_code(tensor.data_type())),
        "value_float" | "value_floats" => Kind::Float,
        "value_int" | "value_ints" | "value_string" | "value_strings" => Kind::Other,
        _ => Kind::Unknown,
    }
}

fn refers(node: &NodeProto, name: &str) -> bool {
    attribute(node, name).is_some_and(|attribute| !attribute.ref_attr_name().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: &str, outputs: usize) -> NodeProto {
        NodeProto {
            op_type: Some(op.to_owned()),
            output: (0..outputs).map(|index| index.to_string()).collect(),
            ..NodeProto::default()
        }
    }

    #[test]
    fn no_operator_stands_in_two_tables_and_tables_are_sorted() {
        for table in [SAME, FIRST_SAME, NEVER_FLOAT, CONTRIBUTED] {
            assert!(table.is_sorted(), "{table:?}");
        }
        let tables = [SAME, FIRST_SAME, NEVER_FLOAT].concat();
        let distinct: std::collections::BTreeSet<_> = tables.iter().collect();
        assert_eq!(distinct.len(), tables.len());
    }

    #[test]
    fn follows_the_type_rules() {
        use Kind::Float;
        use Kind::Other;
        use Kind::Unknown;
        assert_eq!(outputs(&node("TopK", 2), &[Float, Other], 11), Some(vec![Float, Other]));
        assert_eq!(outputs(&node("Where", 1), &[Other, Float, Float], 9), Some(vec![Float]));
        assert_eq!(outputs(&node("Dropout", 2), &[Float], 7), Some(vec![Float, Float]));
        assert_eq!(outputs(&node("Dropout", 2), &[Float], 12), Some(vec![Float, Other]));
        assert_eq!(
            outputs(&node("LayerNormalization", 3), &[Other], 17),
            Some(vec![Other, Float, Float])
        );
        assert_eq!(outputs(&node("ConstantOfShape", 1), &[Other], 9), Some(vec![Float]));
        assert_eq!(outputs(&node("Cast", 1), &[Other], 9), Some(vec![Unknown]));
        assert_eq!(outputs(&node("Brandnew", 1), &[Float], 99), None);
        assert_eq!(
            outputs(&node("DynamicQuantizeLinear", 3), &[Float], 11),
            Some(vec![Other, Float, Other])
        );
    }
}
