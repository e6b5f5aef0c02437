//! What a kernel computes and moves: multiply-accumulates, bytes, and which of them limits it.

use std::collections::BTreeMap;
use std::collections::HashSet;

use crate::measure::profile::events::Extent;
use crate::measure::profile::events::total_bytes;
use crate::measure::profile::origins::BLOCKED;
use crate::measure::profile::placed::Place;
use crate::measure::profile::totals::Sample;
use crate::measure::profile::types::Bound;
use crate::measure::profile::types::Roofline;
use crate::model::Model;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::work;
use crate::model::tensor::Tensor;

/// Operators that read no more of their inputs than they write.
const PICKING: &[&str] = &["Gather", "GatherElements", "GatherND", "Slice"];

/// Operators that look at shapes, never at data.
const SHAPES: &[&str] = &["Shape", "Size"];

/// Operators whose arithmetic is not multiplying and accumulating, but not negligible either.
const TRANSCENDENTAL: &[&str] = &[
    "BiasGelu",
    "Elu",
    "Erf",
    "Exp",
    "FastGelu",
    "Gelu",
    "LayerNormalization",
    "Log",
    "LogSoftmax",
    "Pow",
    "QuickGelu",
    "Sigmoid",
    "SkipLayerNormalization",
    "Softmax",
    "Softplus",
    "Tanh",
    "TopK",
];

/// Operators that mostly name a tensor anew, without touching its data.
const VIEWS: &[&str] = &["Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"];

/// A kernel that takes less, in seconds, may take it for being called.
const DISPATCH: f64 = 10e-6;

/// So much of a short kernel's time its work must explain.
const NOTICEABLE: f64 = 0.1;

/// Multiply-accumulates of the model's nodes.
pub(super) struct Macs {
    main: Vec<Option<u64>>,
}

impl Macs {
    pub(super) fn of(model: &Model, inputs: &[Tensor]) -> Self {
        let shapes: BTreeMap<String, Vec<u64>> = inputs
            .iter()
            .map(|input| (input.name.clone(), input.shape.clone()))
            .collect();
        Self {
            main: model
                .onnx()
                .map(|proto| work::by_node(proto, &model.external, &shapes))
                .unwrap_or_default(),
        }
    }

    /// Multiply-accumulates of a kernel a run: of the model's nodes in it, else of the shapes that it saw.
    pub(super) fn of_kernel(&self, place: &Place<'_, '_>, in_main: bool, samples: &[Sample]) -> Option<u64> {
        let node = place.node()?;
        if matches!(node.op_type(), "If" | "Loop" | "Scan" | "SequenceMap") || node.op_type().starts_with("Reorder") {
            return Some(0);
        }
        let claimed = place.trace.claims.get(place.index)?;
        // A node that several kernels compute counts in the first.
        let mine = claimed.iter().filter(|own| {
            let fate = place.trace.fates.get(**own);
            fate.is_some_and(|(_, maker)| *maker == Some(place.index))
        });
        let known = mine
            .filter(|_| in_main)
            .map(|own| self.main.get(*own).copied().flatten())
            .sum::<Option<u64>>();
        match known {
            Some(macs) if in_main && !claimed.is_empty() => Some(macs),
            _ => samples.iter().map(|sample| by_shapes(place, node, sample)).sum(),
        }
    }
}

fn by_shapes(place: &Place<'_, '_>, node: &NodeProto, sample: &Sample) -> Option<u64> {
    let written = || sample.outputs.first()?.elements();
    match node.op_type() {
        "MatMul" | "FusedMatMul" | "Gemm" | "FusedGemm" | "MatMulInteger" => {
            let left = sample.inputs.first()?;
            let turned = node
                .attribute
                .iter()
                .any(|attribute| attribute.name() == "transA" && attribute.i() != 0);
            let inner = left
                .dims
                .get(left.dims.len().checked_sub(if turned { 2 } else { 1 })?)?;
            written()?.checked_mul(*inner)
        }
        "Conv" | "FusedConv" => {
            let weight = place.constant(node.input.get(1)?)?;
            let filter = weight
                .dims
                .get(1..)?
                .iter()
                .try_fold(1_u64, |product, dim| product.checked_mul(u64::try_from(*dim).ok()?))?;
            written()?.checked_mul(filter)
        }
        _ => work::is_free(node).then_some(0),
    }
}

/// Bytes that a kernel reads and writes in a run, weights included.
pub(super) fn bytes(place: &Place<'_, '_>, samples: &[Sample]) -> Option<u64> {
    let node = place.node()?;
    let weights: Vec<Extent> = unique(node)
        .filter_map(|input| extent(place.constant(input)?))
        .collect();
    samples.iter().map(|sample| bytes_of_call(node, &weights, sample)).sum()
}

fn bytes_of_call(node: &NodeProto, weights: &[Extent], sample: &Sample) -> Option<u64> {
    let written = total_bytes(&sample.outputs)?;
    if SHAPES.contains(&node.op_type()) {
        return Some(written);
    }
    if PICKING.contains(&node.op_type()) {
        return written.checked_mul(2);
    }
    // Of the weights some are packed before the first run, and missing from what the kernel says that it read.
    let mut fed = sample.inputs.clone();
    for weight in weights {
        if let Some(position) = fed.iter().position(|input| input == weight) {
            fed.swap_remove(position);
        }
    }
    let read = total_bytes(&fed)?.checked_add(total_bytes(weights)?)?;
    written.checked_add(read)
}

/// Bytes of the constants that a node reads.
pub(super) fn weight_bytes(place: &Place<'_, '_>, counted: &mut HashSet<String>) -> u64 {
    let Some(node) = place.node() else { return 0 };
    let mut total = 0_u64;
    for input in unique(node) {
        if let Some(tensor) = place.constant(input)
            && counted.insert(input.to_owned())
        {
            total = total.saturating_add(extent(tensor).and_then(|extent| extent.bytes()).unwrap_or_default());
        }
    }
    total
}

fn unique(node: &NodeProto) -> impl Iterator<Item = &str> {
    let mut seen = HashSet::new();
    let inputs = node.input.iter().map(String::as_str);
    inputs.filter(move |input| !input.is_empty() && seen.insert(*input))
}

fn extent(tensor: &TensorProto) -> Option<Extent> {
    Some(Extent {
        data_type: Some(tensor.data_type()),
        dims: tensor
            .dims
            .iter()
            .map(|dim| u64::try_from(*dim).ok())
            .collect::<Option<_>>()?,
    })
}

/// What limits a kernel of `macs` multiply-accumulates and `bytes` bytes that takes `seconds`; `None` where its arithmetic is of
/// another kind than what the roofline was measured with, and where it is so short that neither is what it takes time for.
pub(super) fn bound(
    node: &NodeProto,
    macs: Option<u64>,
    bytes: Option<u64>,
    seconds: f64,
    roofline: &Roofline,
) -> Option<Bound> {
    let (macs, bytes) = (macs?, bytes.filter(|bytes| *bytes > 0)?);
    let known_domain = matches!(node.domain(), "" | "ai.onnx" | "com.microsoft" | BLOCKED);
    let operator = node.op_type();
    if !known_domain
        || [TRANSCENDENTAL, SHAPES, VIEWS]
            .iter()
            .any(|list| list.contains(&operator))
    {
        return None;
    }
    let needed = (2e-9 * macs as f64 / roofline.gflops).max(1e-9 * bytes as f64 / roofline.gigabytes);
    if seconds < DISPATCH && needed < NOTICEABLE * seconds {
        return None;
    }
    let intensity = 2.0 * macs as f64 / bytes as f64;
    if intensity < roofline.ridge() {
        return Some(Bound::Memory);
    }
    // Arithmetic on small integers is faster than on floats, by a factor that was not measured.
    let integers = ["Integer", "QLinear", "NBits", "QGemm"];
    let floats = !integers.iter().any(|word| node.op_type().contains(word));
    floats.then_some(Bound::Compute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::tensor_proto::DataType;

    fn node(op_type: &str) -> NodeProto {
        NodeProto {
            op_type: Some(op_type.to_owned()),
            ..NodeProto::default()
        }
    }

    fn floats(dims: &[u64]) -> Extent {
        Extent {
            data_type: Some(DataType::Float as i32),
            dims: dims.to_vec(),
        }
    }

    #[test]
    fn packed_weights_count_once() {
        let weight = floats(&[4, 8]);
        let told = Sample {
            inputs: vec![floats(&[2, 4]), weight.clone()],
            outputs: vec![floats(&[2, 8])],
        };
        let packed = Sample {
            inputs: vec![floats(&[2, 4])],
            outputs: vec![floats(&[2, 8])],
        };
        for sample in [told, packed] {
            let bytes = bytes_of_call(&node("MatMul"), std::slice::from_ref(&weight), &sample);
            assert_eq!(bytes, Some(4 * (8 + 32 + 16)));
        }
    }

    #[test]
    fn a_table_is_not_read_whole() {
        let sample = Sample {
            inputs: vec![floats(&[30_000, 256]), floats(&[1, 4])],
            outputs: vec![floats(&[1, 4, 256])],
        };
        assert_eq!(bytes_of_call(&node("Gather"), &[], &sample), Some(2 * 4 * 1024));
    }

    #[test]
    fn the_ridge_divides() {
        let roofline = Roofline {
            gflops: 50.0,
            gigabytes: 10.0,
            threads: 1,
            method: String::new(),
        };
        let of = |op, macs| bound(&node(op), Some(macs), Some(1000), 1e-7, &roofline);
        assert_eq!(of("Conv", 2400), Some(Bound::Memory));
        assert_eq!(of("Conv", 2600), Some(Bound::Compute));
        assert_eq!(of("Add", 0), Some(Bound::Memory));
        assert_eq!(of("Softmax", 0), None);
        assert_eq!(of("QLinearConv", 2600), None);
        assert_eq!(bound(&node("Conv"), None, Some(1), 1.0, &roofline), None);
        assert_eq!(bound(&node("Add"), Some(0), Some(0), 1.0, &roofline), None);
        assert_eq!(bound(&node("Reshape"), Some(0), Some(1000), 1e-7, &roofline), None);
        assert_eq!(bound(&node("Conv"), Some(2600), Some(1000), 5e-6, &roofline), None);
    }
}
