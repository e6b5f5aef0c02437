//! The operators that are quantized, and how: what of them engines compute in integers.
//!
//! Of the default operators of `onnxruntime.quantization` 1.31.1 (`registry.py`, QDQ), without those that ONNX Runtime's processor
//! backend has no integer kernel for and would only convert back and forth: the normalizations, `CumSum`, `EmbedLayerNormalization`.

use crate::model::onnx::proto::NodeProto;
use crate::variant::edit::MICROSOFT;
use crate::variant::edit::attribute;
use crate::variant::kinds::is_standard;

/// How an operator is quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Weights in signed integers, one scale for each output channel; a bias in 32 bits.
    Convolution,
    /// As a convolution; the bias may be scaled.
    Gemm,
    /// Weights as above where they are constants, else activations on both sides.
    MatMul,
    /// Every input and output has a range of its own, constants too.
    Elementwise,
    /// Cuts values off, as the range of an unsigned integer does by itself.
    Clamp,
    /// Outputs hold values of the first input, or means of them: its scale is theirs.
    Carry,
    /// Carries rows of a table.
    Gather,
    /// Carries, where what it adds is in every range.
    Pad,
    /// Carries values of its second and third input.
    Where,
}

/// The rule for a node of ONNX's own operators; `None` for what stays in floats.
pub(super) fn rule(node: &NodeProto) -> Option<Rule> {
    if !is_standard(node.domain()) {
        return None;
    }
    Some(match node.op_type() {
        "Conv" | "ConvTranspose" => Rule::Convolution,
        "Gemm" => Rule::Gemm,
        "MatMul" => Rule::MatMul,
        "Add" | "ArgMax" | "Concat" | "GlobalAveragePool" | "LeakyRelu" | "Mul" | "Sigmoid" | "Softmax" => {
            Rule::Elementwise
        }
        "Clip" | "Relu" => Rule::Clamp,
        "AveragePool" | "Dropout" | "Flatten" | "Identity" | "MaxPool" | "Reshape" | "Resize" | "Slice" | "Split"
        | "Squeeze" | "TopK" | "Transpose" | "Unsqueeze" => Rule::Carry,
        "Gather" | "GatherElements" => Rule::Gather,
        "Pad" => Rule::Pad,
        "Where" => Rule::Where,
        _ => return None,
    })
}

/// Why a node that does most of a model's work stays in floats where its operator has no rule; `None` for other operators.
pub(super) fn why_float(node: &NodeProto) -> Option<&'static str> {
    let op = node.op_type();
    let recurrent = is_standard(node.domain()) && matches!(op, "GRU" | "LSTM" | "RNN");
    let contributed = is_standard(node.domain()) || node.domain() == MICROSOFT;
    if recurrent {
        Some("engines have no integer form of it with calibrated ranges; `int8` quantizes LSTM by the data it meets")
    } else if contributed
        && matches!(
            op,
            "Attention" | "DeformConv" | "Einsum" | "FusedConv" | "FusedGemm" | "FusedMatMul" | "MultiHeadAttention"
        )
    {
        Some("engines have no integer form of it with calibrated ranges")
    } else {
        None
    }
}

/// True where a `Pad` adds only values that its input has or 0, which every range has. `constant` reads a constant's only element.
pub(super) fn pads_within_range(node: &NodeProto, constant: impl Fn(&str) -> Option<f32>) -> bool {
    match attribute(node, "mode").map(|mode| mode.s()) {
        Some(b"reflect" | b"edge" | b"wrap") => true,
        None | Some(b"constant") => match node.input.get(2).map(String::as_str) {
            None | Some("") => attribute(node, "value").is_none_or(|value| value.f() == 0.0),
            Some(value) => constant(value) == Some(0.0),
        },
        Some(_) => false,
    }
}

/// True where the limits of a `Relu` or `Clip` are those of an unsigned integer's range, which has 0 in it. `constant` reads a
/// constant's only element.
pub(super) fn clamps_around_zero(node: &NodeProto, constant: impl Fn(&str) -> Option<f32>) -> bool {
    let limit = |index: usize, name: &str| match node.input.get(index).map(String::as_str) {
        None | Some("") => Ok(attribute(node, name).map(|limit| limit.f())),
        Some(limit) => constant(limit).map(Some).ok_or(()),
    };
    if node.op_type() == "Relu" {
        return true;
    }
    match (limit(1, "min"), limit(2, "max")) {
        (Ok(min), Ok(max)) => min.is_none_or(|min| min <= 0.0) && max.is_none_or(|max| max >= 0.0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::AttributeProto;
    use crate::variant::edit::float_attribute;
    use crate::variant::edit::node;

    #[test]
    fn other_domains_have_no_rule() {
        let mut conv = node("Conv", &["x", "w"], &["y"]);
        assert_eq!(rule(&conv), Some(Rule::Convolution));
        conv.domain = Some("local".to_owned());
        assert_eq!(rule(&conv), None);
        assert_eq!(rule(&node("LayerNormalization", &["x"], &["y"])), None);
        assert!(why_float(&node("GRU", &["x"], &["y"])).is_some());
        assert!(why_float(&node("Erf", &["x"], &["y"])).is_none());
    }

    #[test]
    fn a_clip_is_a_range_where_zero_is_within() {
        let limits = |name: &str| match name {
            "minus" => Some(-1.0),
            "zero" => Some(0.0),
            "six" => Some(6.0),
            _ => None,
        };
        let clip = |inputs: &[&str]| clamps_around_zero(&node("Clip", inputs, &["y"]), limits);
        assert!(clip(&["x"]) && clip(&["x", "zero", "six"]) && clip(&["x", "minus"]) && clip(&["x", "", "six"]));
        assert!(!clip(&["x", "six"]) && !clip(&["x", "zero", "minus"]) && !clip(&["x", "unknown"]));
        let mut old = node("Clip", &["x"], &["y"]);
        old.attribute = vec![float_attribute("min", 1.0)];
        assert!(!clamps_around_zero(&old, limits));
    }

    #[test]
    fn a_pad_keeps_the_range_where_it_adds_what_is_in_it() {
        let zero = |name: &str| (name == "zero").then_some(0.0);
        let pad = |inputs: &[&str], mode: Option<&'static [u8]>| {
            let mut pad = node("Pad", inputs, &["y"]);
            pad.attribute.extend(mode.map(|mode| AttributeProto {
                name: Some("mode".to_owned()),
                s: Some(bytes::Bytes::from_static(mode)),
                ..AttributeProto::default()
            }));
            pads_within_range(&pad, zero)
        };
        assert!(pad(&["x", "p"], None) && pad(&["x", "p", "zero"], None) && pad(&["x", "p", "one"], Some(b"edge")));
        assert!(!pad(&["x", "p", "one"], None) && !pad(&["x", "p"], Some(b"brandnew")));
    }
}
