//! How a model mixes what stands at different places of a sequence, if it does.

use crate::model::onnx::flow::Flow;
use crate::model::task::landmark::Landmark;

/// Operators that are attention, whole.
const ATTENTION: &[&str] = &[
    "Attention",
    "DecoderMaskedMultiHeadAttention",
    "DecoderMaskedSelfAttention",
    "GroupQueryAttention",
    "LongformerAttention",
    "MultiHeadAttention",
    "PackedAttention",
    "PackedMultiHeadAttention",
    "PagedAttention",
    "QAttention",
    "SparseAttention",
];

/// Operators that are recurrent layers, whole.
const RECURRENT: &[&str] = &["LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"];

/// What mixes places.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mixing<'a> {
    /// Attention: a fused operator's name, or `Softmax` where its result is multiplied by something computed.
    pub attention: Option<&'a str>,
    /// A recurrent layer's operator.
    pub recurrence: Option<&'a str>,
    /// True where some convolution runs along one dimension.
    pub signal_convolution: bool,
    /// True where there is any convolution.
    pub convolution: bool,
    /// The strides of all convolutions along one dimension, multiplied.
    pub stride: u64,
}

impl<'a> Mixing<'a> {
    /// Looks at every node.
    pub(super) fn of(flow: &Flow<'a>) -> Self {
        let mut mixing = Self {
            stride: 1,
            ..Self::default()
        };
        for node in flow.nodes() {
            let op = node.op_type();
            if ATTENTION.contains(&op) || is_attention(flow, node) {
                mixing.attention = mixing.attention.or(Some(if op == "MatMul" { "Softmax" } else { op }));
            } else if RECURRENT.contains(&op) {
                mixing.recurrence = mixing.recurrence.or(Some(op));
            } else if let Some(Landmark::Convolution { space, stride, .. }) = super::landmark::landmark(flow, node, 0) {
                mixing.convolution = true;
                if space == 1 {
                    mixing.signal_convolution = true;
                    mixing.stride = mixing.stride.saturating_mul(stride.max(1));
                }
            }
        }
        mixing
    }

    /// The operator that mixes places of a sequence.
    pub(super) fn of_sequence(&self) -> Option<&'a str> {
        let convolution = self.signal_convolution.then_some("Conv");
        self.attention.or(self.recurrence).or(convolution)
    }
}

/// A product of two computed values of which one is a softmax: what attention is made of.
fn is_attention(flow: &Flow<'_>, node: &crate::model::onnx::proto::NodeProto) -> bool {
    let [weights, values, ..] = node.input.as_slice() else {
        return false;
    };
    matches!(node.op_type(), "MatMul" | "FusedMatMul")
        && flow.constant(values).is_none()
        && flow.maker(weights).is_some_and(|maker| maker.op_type() == "Softmax")
}
