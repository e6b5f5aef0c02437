//! Which operators have a 16-bit form, and what of them stays in 32 bits all the same.

use crate::model::onnx::proto::NodeProto;
pub(super) use crate::variant::edit::attribute;
pub(super) use crate::variant::kinds::Kind;
use crate::variant::kinds::is_contributed;
pub(super) use crate::variant::kinds::is_standard;
pub(super) use crate::variant::kinds::outputs;

/// Operators that are left in 32 bits: those without a 16-bit form in some opset, those that engines lack it for, those whose output
/// type does not follow their inputs, and those where 16 bits are too coarse (quantization).
const FLOAT_ONLY: &[&str] = &[
    "BitCast",
    "Bernoulli",
    "BlackmanWindow",
    "Celu",
    "ConcatFromSequence",
    "ConvInteger",
    "CumProd",
    "CumSum",
    "DFT",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "EyeLike",
    "HammingWindow",
    "HannWindow",
    "MatMulInteger",
    "Max",
    "MelWeightMatrix",
    "Min",
    "Multinomial",
    "NonMaxSuppression",
    "Optional",
    "OptionalGetElement",
    "OptionalHasElement",
    "QLinearConv",
    "QLinearMatMul",
    "QuantizeLinear",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Range",
    "RoiAlign",
    "STFT",
    "SequenceAt",
    "SequenceConstruct",
    "SequenceEmpty",
    "SequenceErase",
    "SequenceInsert",
    "SequenceLength",
    "SequenceMap",
    "SplitToSequence",
    "TfIdfVectorizer",
    "TopK",
    "Upsample",
];

/// True where every float input and output of this operator may become 16 bits wide, but for the pinned ones.
pub(super) fn has_half_form(node: &NodeProto) -> bool {
    if is_standard(node.domain()) {
        !FLOAT_ONLY.contains(&node.op_type())
    } else {
        is_contributed(node)
    }
}

/// True for operators that make floats of any width without reading any, so that their consumers may choose.
pub(super) fn is_free(node: &NodeProto) -> bool {
    is_standard(node.domain()) && matches!(node.op_type(), "Cast" | "Constant" | "ConstantOfShape")
}

/// Inputs that stay 32 bits wide although the rest of the operator is converted: a resize's region and scales, a group
/// normalization's scale and shift in `com.microsoft`.
pub(super) fn is_pinned_input(node: &NodeProto, index: usize) -> bool {
    match node.op_type() {
        "Resize" | "GroupNorm" | "SkipGroupNorm" => matches!(index, 1 | 2),
        _ => false,
    }
}

/// Outputs that stay 32 bits wide although the rest of the operator is converted: a layer normalization's statistics.
pub(super) fn is_pinned_output(node: &NodeProto, index: usize) -> bool {
    node.op_type() == "LayerNormalization" && index > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_kept_in_float_has_a_rule_or_is_of_unknown_type() {
        for op in FLOAT_ONLY {
            let node = NodeProto {
                op_type: Some((*op).to_owned()),
                output: vec!["y".to_owned()],
                ..NodeProto::default()
            };
            let known = outputs(&node, &[Kind::Float; 3], 17).is_some();
            let sequences = ["ConcatFromSequence", "OptionalGetElement", "SequenceAt"].contains(op);
            assert_ne!(known, sequences, "{op}");
        }
    }
}
