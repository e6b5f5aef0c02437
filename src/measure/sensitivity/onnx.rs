//! The tensors of two ONNX builds that can be compared, found by the names that quantizers give them, and copies that yield them.
//!
//! What a tensor of the first build is called in the second is [`crate::measure::counterpart`]'s to say.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;

use super::error::SensitivityError;
use super::spot::Made;
use super::spot::Pair;
use super::spot::Pairs;
use super::spot::Spot;
use super::spot::Way;
use crate::measure::augmented;
use crate::measure::counterpart::Counterparts;
use crate::measure::side::Side;
use crate::model::ExternalFile;
use crate::model::onnx::made::made;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;

/// Operators that only move, copy or convert: their outputs say what their inputs said. And those whose outputs are no tensors.
const WITHOUT_WORK: &[&str] = &[
    "Cast",
    "Constant",
    "ConstantOfShape",
    "DequantizeLinear",
    "Dropout",
    "Expand",
    "Flatten",
    "Identity",
    "Optional",
    "QuantizeLinear",
    "Reshape",
    "SequenceConstruct",
    "SequenceEmpty",
    "SequenceErase",
    "SequenceInsert",
    "SequenceMap",
    "Shape",
    "Slice",
    "Split",
    "SplitToSequence",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
    "ZipMap",
];

/// Operators that are compared first where there are too many.
const HEAVY: &[&str] = &[
    "Attention",
    "Conv",
    "ConvTranspose",
    "GRU",
    "Gemm",
    "LSTM",
    "MatMul",
    "RNN",
];

/// The floating-point tensors that `model`'s nodes make by work, in their order; `inputs` gives shapes of what is fed, by name.
pub(super) fn tensors(model: &ModelProto, external: &[ExternalFile], inputs: &BTreeMap<String, Vec<u64>>) -> Vec<Made> {
    made(model, external, inputs)
        .into_iter()
        .filter(|tensor| !WITHOUT_WORK.contains(&tensor.op_type.as_str()))
        .filter(|tensor| tensor.element.is_none_or(|element| element.is_float()))
        .map(|tensor| Made {
            spot: Spot {
                output: tensor.name.clone(),
                way: Way::Onnx(None),
            },
            is_heavy: HEAVY.contains(&tensor.op_type.as_str()),
            tensor: tensor.name,
            node: tensor.node,
            op_type: tensor.op_type,
            bytes: tensor.bytes,
        })
        .collect()
}

/// The `candidates` of the build `first` with their counterparts in `second`.
pub(super) fn pairs(candidates: &[Made], first: &ModelProto, second: &ModelProto) -> Pairs {
    let counterparts = Counterparts::of(second);
    let clipped = clipped(first);
    let by_name = |name: &str| candidates.iter().find(|tensor| tensor.tensor == name);
    let pairs: Vec<Pair> = candidates
        .iter()
        .filter_map(|tensor| {
            let (name, node) = counterparts.find(&tensor.tensor)?;
            // A quantizer drops a `Relu` that its range of values clips as well, and what it keeps is the clipped tensor.
            let after = clipped.get(tensor.tensor.as_str()).copied();
            let after = after.filter(|after| counterparts.find(after).is_none());
            Some(Pair {
                before: after.and_then(by_name).unwrap_or(tensor).clone(),
                matched: name.clone(),
                after: Spot {
                    output: name,
                    way: Way::Onnx(node.map(Box::new)),
                },
            })
        })
        .collect();
    Pairs {
        unmatched: candidates.len() - pairs.len(),
        left_out: 0,
        pairs,
    }
}

/// A copy of `model` in the file `path` whose outputs are the tensors at `spots`; run as `side` is.
pub(super) fn with_outputs<'a>(
    side: &Side,
    model: &ModelProto,
    spots: impl Iterator<Item = &'a Spot>,
    path: &Path,
) -> Result<Side, SensitivityError> {
    let (mut names, mut added) = (Vec::new(), Vec::new());
    for spot in spots {
        names.push(spot.output.as_str());
        if let Way::Onnx(Some(node)) = &spot.way {
            added.push((**node).clone());
        }
    }
    Ok(augmented::with_outputs(side, model, names.into_iter(), added, path)?)
}

/// Tensors that only one `Relu` or `Clip` reads, and what that makes of them.
fn clipped(model: &ModelProto) -> HashMap<&str, &str> {
    let Some(graph) = &model.graph else {
        return HashMap::new();
    };
    let mut readers: HashMap<&str, Vec<&NodeProto>> = HashMap::new();
    for node in &graph.node {
        for input in &node.input {
            readers.entry(input).or_default().push(node);
        }
    }
    for output in &graph.output {
        readers.remove(output.name());
    }
    readers
        .into_iter()
        .filter_map(|(tensor, readers)| match readers[..] {
            [only] if matches!(only.op_type(), "Relu" | "Clip") => Some((tensor, only.output.first()?.as_str())),
            _ => None,
        })
        .collect()
}
