//! What an input is first used for: convolved, looked up, multiplied by weights.

use crate::model::onnx::flow::Flow;
use crate::model::onnx::flow::attribute;
use crate::model::onnx::proto::NodeProto;

/// A use of an input that tells what the input is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model) enum Landmark {
    /// A convolution over so many dimensions in space.
    Convolution {
        /// 1 for signals, 2 for images, 3 for volumes and videos.
        space: usize,
        /// Channels of the input; 0 where that is not known.
        channels: u64,
        /// The longest side of the kernel.
        kernel: u64,
        /// The longest stride.
        stride: u64,
    },
    /// A look-up in a constant table.
    Embedding {
        /// The table's name.
        table: String,
        /// Its rows.
        rows: u64,
        /// Numbers in a row.
        width: u64,
    },
    /// A product with constant weights.
    Dense {
        /// Features of the input; 0 where that is not known.
        features: u64,
    },
    /// A recurrent layer.
    Recurrence,
    /// A Fourier transform.
    Spectrum,
    /// An operator for tables of features: trees, linear models, encoders.
    Classical,
}

/// What the users of `input` say of it, each with the operator's name, in the order of the file's discovery.
pub(in crate::model) fn landmarks<'a>(flow: &Flow<'a>, input: &'a str) -> Vec<(&'a str, Landmark)> {
    flow.users(input)
        .into_iter()
        .filter_map(|(node, place)| Some((node.op_type(), landmark(flow, node, place)?)))
        .collect()
}

/// What `node` says of the value in its input number `place`.
pub(super) fn landmark(flow: &Flow<'_>, node: &NodeProto, place: usize) -> Option<Landmark> {
    if node.domain() == "ai.onnx.ml" {
        return Some(Landmark::Classical);
    }
    match (node.op_type(), place) {
        ("Conv" | "ConvTranspose" | "ConvInteger" | "FusedConv" | "NhwcConv" | "DeformConv", 0) => {
            Some(convolution(flow, node, 1))
        }
        ("QLinearConv", 0) => Some(convolution(flow, node, 3)),
        ("Gather" | "GatherBlockQuantized", 1) => embedding(flow, node.input.first()?),
        ("EmbedLayerNormalization", 0) => embedding(flow, node.input.get(2)?),
        ("EmbedLayerNormalization", 1) => embedding(flow, node.input.get(4)?),
        ("Gemm" | "MatMul" | "MatMulInteger" | "FusedMatMul" | "FusedGemm" | "GemmInteger", 0) => {
            dense(flow, node, node.input.get(1)?)
        }
        ("QLinearMatMul" | "QGemm", 0) => dense(flow, node, node.input.get(3)?),
        ("MatMulNBits", 0) => Some(Landmark::Dense {
            features: attribute(node, "K")
                .and_then(|size| u64::try_from(size.i()).ok())
                .unwrap_or(0),
        }),
        ("Gemm" | "MatMul" | "FusedMatMul", 1) => {
            flow.constant(node.input.first()?)?;
            Some(Landmark::Dense { features: 0 })
        }
        ("LSTM" | "GRU" | "RNN" | "DynamicQuantizeLSTM", 0) => Some(Landmark::Recurrence),
        ("STFT" | "DFT" | "Rfft", 0) => Some(Landmark::Spectrum),
        _ => None,
    }
}

fn convolution(flow: &Flow<'_>, node: &NodeProto, weight: usize) -> Landmark {
    let dims = node
        .input
        .get(weight)
        .and_then(|name| flow.constant_dims(name))
        .unwrap_or_default();
    let sizes = |name: &str| -> Vec<u64> {
        let listed = attribute(node, name)
            .map(|listed| listed.ints.as_slice())
            .unwrap_or_default();
        listed.iter().map(|size| u64::try_from(*size).unwrap_or(0)).collect()
    };
    let kernel = match sizes("kernel_shape") {
        listed if !listed.is_empty() => listed,
        _ => dims.get(2..).unwrap_or_default().to_vec(),
    };
    let group = attribute(node, "group").map_or(1, |group| u64::try_from(group.i()).unwrap_or(1));
    let channels = match (node.op_type(), dims.as_slice()) {
        ("ConvTranspose", [channels, ..]) => *channels,
        ("NhwcConv", [_, .., channels]) => channels.saturating_mul(group),
        (_, [_, channels, ..]) => channels.saturating_mul(group),
        _ => 0,
    };
    Landmark::Convolution {
        space: kernel.len(),
        channels,
        kernel: kernel.iter().copied().max().unwrap_or(0),
        stride: sizes("strides").into_iter().max().unwrap_or(1),
    }
}

fn embedding(flow: &Flow<'_>, table: &str) -> Option<Landmark> {
    let tensor = flow.constant(table)?;
    match flow.constant_dims(table)?.as_slice() {
        // A table of one column holds numbers, not meanings.
        [rows, width] if *width > 1 && *rows > 0 => Some(Landmark::Embedding {
            table: tensor.name().to_owned(),
            rows: *rows,
            width: *width,
        }),
        _ => None,
    }
}

fn dense(flow: &Flow<'_>, node: &NodeProto, weights: &str) -> Option<Landmark> {
    let dims = flow.constant_dims(weights)?;
    let turned = attribute(node, "transB").is_some_and(|turned| turned.i() != 0);
    let features = match dims.as_slice() {
        [features] => *features,
        [.., _, features] if turned => *features,
        [.., features, _] => *features,
        [] => 0,
    };
    Some(Landmark::Dense { features })
}
