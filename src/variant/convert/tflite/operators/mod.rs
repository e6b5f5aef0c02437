//! ONNX's operators and what they become, one family a file.
//!
//! [`CONVERTERS`] is the one list of them: the table in the documentation is made from it.

mod activation;
mod arithmetic;
mod compare;
mod concat;
pub(super) mod control;
mod conv;
mod conv_transpose;
mod gather;
mod matmul;
mod normalization;
mod one_hot;
mod pad;
mod pool;
mod quantized;
mod recurrent;
mod reduce;
mod resize;
mod shape;
mod slice;
mod softmax;
mod sort;
mod unary;
mod windows;

use super::call::Call;
use super::call::Slot;
use super::error::ConvertError;
use super::error::Refusal;
use super::graph::TensorId;
use super::lower::Builder;
use super::lower::unsupported;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shape::is_standard;

/// What a converter makes of a node: what its outputs stand for.
pub(super) type Outcome = Result<Vec<Slot>, Refusal>;

/// How one operator of ONNX is converted.
pub(super) struct Converter {
    /// The operator, of ONNX's own domain.
    pub(super) op_type: &'static str,
    /// What it becomes.
    pub(super) becomes: &'static str,
    /// What of it is supported; empty where all is.
    pub(super) limits: &'static str,
    pub(super) convert: fn(&mut Builder<'_>, &Call<'_>) -> Outcome,
}

impl Converter {
    const fn new(
        op_type: &'static str,
        becomes: &'static str,
        limits: &'static str,
        convert: fn(&mut Builder<'_>, &Call<'_>) -> Outcome,
    ) -> Self {
        Self {
            op_type,
            becomes,
            limits,
            convert,
        }
    }

    /// What of the operator is supported, for messages.
    pub(super) fn support(&self) -> String {
        match self.limits {
            "" => format!("{} is supported apart from that", self.op_type),
            limits => format!("{} is supported with {limits}", self.op_type),
        }
    }
}

/// All converters, by family.
const CONVERTERS: &[&[Converter]] = &[
    activation::CONVERTERS,
    arithmetic::CONVERTERS,
    compare::CONVERTERS,
    concat::CONVERTERS,
    control::CONVERTERS,
    conv::CONVERTERS,
    conv_transpose::CONVERTERS,
    gather::CONVERTERS,
    matmul::CONVERTERS,
    normalization::CONVERTERS,
    one_hot::CONVERTERS,
    pad::CONVERTERS,
    pool::CONVERTERS,
    quantized::CONVERTERS,
    recurrent::CONVERTERS,
    reduce::CONVERTERS,
    resize::CONVERTERS,
    shape::CONVERTERS,
    slice::CONVERTERS,
    softmax::CONVERTERS,
    sort::CONVERTERS,
    unary::CONVERTERS,
];

/// What to do instead, for operators that people try and that have no equal.
const ADVICE: &[(&str, &str)] = &[
    (
        "Einsum",
        "MatMul, Mul and ReduceSum are supported: export without Einsum",
    ),
    ("GridSample", "Resize and Gather are supported"),
    (
        "NonMaxSuppression",
        "end the model before it, at boxes and scores, and select boxes in the program",
    ),
    (
        "NonZero",
        "shapes must not depend on the data: Where, TopK and ArgMax are supported",
    ),
    ("QuantizeLinear", "convert the model in floats and quantize the result"),
    ("RoiAlign", "end the model before it: Resize and Gather are supported"),
    ("Scan", "Loop with a constant count, LSTM, GRU and RNN are supported"),
    ("ScatterND", "Concat, Where and Pad are supported"),
    ("Unique", "shapes must not depend on the data: TopK is supported"),
];

/// The converters in alphabetical order.
pub(super) fn all() -> Vec<&'static Converter> {
    let mut all: Vec<&Converter> = CONVERTERS.iter().copied().flatten().collect();
    all.sort_by_key(|converter| converter.op_type);
    all
}

/// The converter of a node's operator.
pub(super) fn find(node: &NodeProto) -> Option<&'static Converter> {
    let mut all = CONVERTERS.iter().copied().flatten();
    all.find(|converter| is_standard(node) && converter.op_type == node.op_type())
}

/// The error for a node whose operator has no converter.
pub(super) fn unknown(node: &NodeProto) -> ConvertError {
    let op_type = node.op_type();
    let advice = ADVICE
        .iter()
        .find(|(operator, _)| is_standard(node) && *operator == op_type);
    let nearest = match (advice, resembling(op_type)) {
        (Some((_, advice)), _) => (*advice).to_owned(),
        (None, Some(name)) => format!("the nearest that is supported is {name}"),
        (None, None) => "docs/tflite-operators.md lists what is supported".to_owned(),
    };
    let reason = match node.domain() {
        "" | "ai.onnx" => "its operator has no equal in TensorFlow Lite that is known here".to_owned(),
        domain => format!(
            "its operator is of the domain {}, not of ONNX's own",
            crate::model::onnx::shown::shown(domain)
        ),
    };
    unsupported(node, Refusal::new(reason, nearest))
}

/// The supported operator whose name resembles `op_type` most; `None` where none does.
fn resembling(op_type: &str) -> Option<&'static str> {
    let word = op_type.to_lowercase();
    if word.len() > 64 {
        return None;
    }
    all()
        .into_iter()
        .map(|converter| {
            (
                strsim::osa_distance(&word, &converter.op_type.to_lowercase()),
                converter.op_type,
            )
        })
        .filter(|(distance, name)| distance * 3 <= word.len().max(name.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// One output.
fn one(id: TensorId) -> Outcome {
    Ok(vec![Slot::Tensor(id)])
}
