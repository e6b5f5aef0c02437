//! Which layers a second build of a model computes least exactly: intermediate tensors of both, on the same inputs.
//!
//! Both models are copied in memory and given the tensors to compare as outputs; nobody's file is touched. Which tensors those are, what
//! they are called in the second build and how their numbers are read is the format's to say: [`onnx`], [`tflite`]. Errors are those
//! that arrive at a tensor, from all layers before it; where the signal-to-noise ratio falls from one layer to the next, that layer is to
//! blame.

mod dequantized;
mod error;
mod groups;
mod onnx;
mod run;
mod sized_by_data;
mod spot;
mod tflite;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

pub use self::error::SensitivityError;
use self::spot::Pairs;
use self::tflite::Reading;
use crate::measure::side::Side;
use crate::model::Decoded;
use crate::model::Model;
use crate::model::Samples;
use crate::model::tflite::modifiable;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerOptions;

/// How far the layers of a second build are from those of the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// The tensors that were compared, worst first.
    pub layers: Vec<LayerError>,
    /// Inputs that both builds ran on.
    pub samples: usize,
    /// Tensors of the first build that the second has no counterpart of.
    pub unmatched: usize,
    /// Tensors that were left out: too many, or too large.
    pub left_out: usize,
}

/// One tensor of both builds, over all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerError {
    /// Its name in the first build.
    pub tensor: String,
    /// The node that makes it; for one without a name, its operator and its place, such as `Relu #12`.
    pub node: String,
    /// The node's operator.
    pub op_type: String,
    /// What it was compared with in the second build.
    pub matched: String,
    /// Its place among all compared tensors, in the order of the first build's nodes, from 0.
    pub place: usize,
    /// Numbers that were compared.
    pub elements: u64,
    /// Signal-to-quantization-noise ratio in decibels, 10·log₁₀(Σx² / Σ(x−y)²); `None` where both are equal to the last bit.
    pub sqnr_db: Option<f64>,
    /// Cosine similarity, −1 to 1.
    pub cosine: f64,
    /// The largest absolute difference.
    pub max_abs_error: f64,
    /// Numbers that are finite in the first build and NaN or infinite in the second. They count in no other figure.
    pub not_finite: u64,
}

impl LayerError {
    /// For people: `23.4 dB`, `exact`, `NaN or infinity`.
    pub fn decibels(&self) -> String {
        match self.sqnr_db {
            _ if self.not_finite > 0 => "NaN or infinity".to_owned(),
            Some(decibels) => format!("{decibels:.1} dB"),
            None => "exact".to_owned(),
        }
    }
}

/// A build that can be run: its files and how to run them, and its graph.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    /// How it is run.
    pub side: &'a Side,
    /// What it is.
    pub model: &'a Model,
}

/// Compares intermediate tensors of `first` with those of `second`, which was derived from it, over all `samples`.
pub fn measure(
    first: Build<'_>,
    second: Build<'_>,
    samples: &Samples,
    command: &WorkerCommand,
    options: &WorkerOptions,
) -> Result<Sensitivity, SensitivityError> {
    if samples.is_empty() {
        return Err(SensitivityError::NoSamples);
    }
    let Pairs {
        pairs,
        unmatched,
        mut left_out,
    } = pairs(first, second)?;
    if pairs.is_empty() {
        return Err(SensitivityError::NothingInCommon { tensors: unmatched });
    }
    let (groups, without_place) = groups::groups(&pairs);
    left_out += without_place;
    let mut layers = Vec::new();
    for group in groups {
        let found = run::run(first, second, &group, samples, command, options)?;
        for (pair, sums) in group.into_iter().zip(found) {
            let Some(sums) = sums else {
                left_out += 1;
                continue;
            };
            layers.push(LayerError {
                tensor: pair.before.tensor.clone(),
                node: pair.before.node.clone(),
                op_type: pair.before.op_type.clone(),
                matched: pair.matched.clone(),
                place: layers.len(),
                elements: sums.elements,
                sqnr_db: sums.decibels(),
                cosine: sums.cosine(),
                max_abs_error: sums.largest,
                not_finite: sums.not_finite,
            });
        }
    }
    layers.sort_by(|one, other| rank(one).total_cmp(&rank(other)));
    Ok(Sensitivity {
        layers,
        samples: samples.len(),
        unmatched,
        left_out,
    })
}

/// Says whether layers of two models can be compared by their formats, before anything is run.
///
/// Not across formats: a converter makes several operators of one node, and calls what they make after the node. So an ONNX tensor's name
/// can be that of an intermediate value, or of one in another layout, and nothing in the file tells.
pub fn check(first: &Model, second: &Model) -> Result<(), SensitivityError> {
    if first.format != second.format {
        return Err(SensitivityError::Formats {
            first: first.format,
            second: second.format,
        });
    }
    Ok(())
}

/// The tensors of both builds that can be compared.
fn pairs(first: Build<'_>, second: Build<'_>) -> Result<Pairs, SensitivityError> {
    for model in [first.model, second.model] {
        if let Decoded::TfLite(_) = model.decoded {
            // A copy without what the file holds beyond the schema would be another model.
            modifiable(&model.path, &model.bytes)?;
        }
    }
    match (&first.model.decoded, &second.model.decoded) {
        (Decoded::Onnx(before), Decoded::Onnx(after)) => {
            let shapes: BTreeMap<String, Vec<u64>> = first
                .side
                .inputs
                .iter()
                .map(|input| (input.name.clone(), input.shape.clone()))
                .collect();
            let tensors = onnx::tensors(before, &first.model.external, &shapes);
            Ok(onnx::pairs(&tensors, before, after))
        }
        (Decoded::TfLite(before), Decoded::TfLite(after)) => {
            let (before, after) = (Reading::of(before), Reading::of(after));
            Ok(tflite::pairs(before.tensors(), &before, &after))
        }
        _ => Err(SensitivityError::Formats {
            first: first.model.format,
            second: second.model.format,
        }),
    }
}

/// True where tensors of these sizes hold their elements in the same order, as far as sizes can tell: they differ in dimensions of one
/// element only.
fn same_layout(one: &[u64], other: &[u64]) -> bool {
    let wide = |sizes: &[u64]| sizes.iter().copied().filter(|size| *size != 1).collect::<Vec<u64>>();
    wide(one) == wide(other)
}

/// Worst first: what is not finite, then by signal-to-noise ratio, what is exact last.
fn rank(layer: &LayerError) -> f64 {
    if layer.not_finite > 0 {
        return f64::NEG_INFINITY;
    }
    layer.sqnr_db.unwrap_or(f64::INFINITY)
}
