//! Which layers a second build of a model computes least exactly: intermediate tensors of both, on the same inputs.
//!
//! Both models are copied in memory and given the tensors to compare as outputs; nobody's file is touched. What a tensor of the
//! first build is called in the second is [`crate::measure::counterpart`]'s to say. Errors are those that arrive at a tensor,
//! from all layers before it; where the signal-to-noise ratio falls from one layer to the next, that layer is to blame.

use std::collections::BTreeMap;
use std::collections::HashMap;

use serde::Deserialize;
use serde::Serialize;
use tempfile::TempDir;

use crate::files::FileError;
use crate::hint::Hint;
use crate::measure::augmented::with_outputs;
use crate::measure::counterpart::Counterparts;
use crate::measure::layer_error::Sums;
use crate::measure::side::Side;
use crate::measure::side::WorkerSubject;
use crate::model::Model;
use crate::model::ModelError;
use crate::model::Samples;
use crate::model::dataset::DatasetError;
use crate::model::onnx::made::MadeTensor;
use crate::model::onnx::made::made;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerError;
use crate::runtime::WorkerOptions;

/// More tensors than this are not compared.
const MOST_TENSORS: usize = 400;

/// Tensors of this many bytes together come out of one session.
const GROUP_BYTES: u64 = 256 << 20;

/// More sessions than this are not started.
const MOST_GROUPS: usize = 8;

/// What a tensor of unknown size counts as.
const UNKNOWN_BYTES: u64 = 4 << 20;

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

/// Why layers could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum SensitivityError {
    /// A worker failed.
    #[error("the {build} build cannot be run with its intermediate tensors as outputs")]
    Worker {
        /// `first` or `second`.
        build: &'static str,
        /// What happened to it.
        #[source]
        source: WorkerError,
    },
    /// A sample cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// There is no place for copies of the models.
    #[error("cannot make a temporary folder")]
    Folder(#[source] std::io::Error),
    /// A copy of a model cannot be written.
    #[error(transparent)]
    Copy(#[from] FileError),
    /// A build whose layers cannot be looked at.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No tensor of one build has a counterpart in the other.
    #[error("the two builds have no floating-point tensor in common: none of {tensors} names was found in both")]
    NothingInCommon {
        /// Tensors of the first build.
        tensors: usize,
    },
    /// Nothing to run on.
    #[error("there is no sample to run both builds on")]
    NoSamples,
}

impl Hint for SensitivityError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Worker { source, .. } => source.hints(),
            Self::Dataset(error) => error.hints(),
            Self::Folder(_) | Self::Copy(_) => {
                vec!["set `TMPDIR` to a folder with enough room for a copy of both models".to_owned()]
            }
            Self::Model(error) => error.hints(),
            Self::NothingInCommon { .. } => {
                vec!["the second build must be derived from the first one and keep the names of its tensors".to_owned()]
            }
            Self::NoSamples => vec!["add samples to the dataset, or leave it out".to_owned()],
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

impl<'a> Build<'a> {
    fn proto(&self) -> Result<&'a ModelProto, ModelError> {
        self.model.as_onnx("comparing layers")
    }
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
    let shapes: BTreeMap<String, Vec<u64>> = first
        .side
        .inputs
        .iter()
        .map(|input| (input.name.clone(), input.shape.clone()))
        .collect();
    let (before, after) = (first.proto()?, second.proto()?);
    let candidates: Vec<MadeTensor> = made(before, &first.model.external, &shapes)
        .into_iter()
        .filter(|tensor| !WITHOUT_WORK.contains(&tensor.op_type.as_str()))
        .filter(|tensor| tensor.element.is_none_or(|element| element.is_float()))
        .collect();
    let counterparts = Counterparts::of(after);
    let clipped = clipped(before);
    let by_name = |name: &str| candidates.iter().find(|tensor| tensor.name == name);
    let found: Vec<(&MadeTensor, Match)> = candidates
        .iter()
        .filter_map(|tensor| {
            let (name, node) = counterparts.find(&tensor.name)?;
            // A quantizer drops a `Relu` that its range of values clips as well, and what it keeps is the clipped tensor.
            let after = clipped.get(tensor.name.as_str()).copied();
            let after = after.filter(|after| counterparts.find(after).is_none());
            let tensor = after.and_then(by_name).unwrap_or(tensor);
            Some((tensor, Match { name, node }))
        })
        .collect();
    if found.is_empty() {
        return Err(SensitivityError::NothingInCommon {
            tensors: candidates.len(),
        });
    }
    let unmatched = candidates.len() - found.len();
    let (groups, mut left_out) = groups(&found);
    let mut layers = Vec::new();
    for group in groups {
        let sums = run(first, second, &group, samples, command, options)?;
        for ((tensor, matched), sums) in group.into_iter().zip(sums) {
            match sums {
                Some(sums) => layers.push(LayerError {
                    tensor: tensor.name.clone(),
                    node: tensor.node.clone(),
                    op_type: tensor.op_type.clone(),
                    matched: matched.name.clone(),
                    place: layers.len(),
                    elements: sums.elements,
                    sqnr_db: sums.decibels(),
                    cosine: sums.cosine(),
                    max_abs_error: sums.largest,
                    not_finite: sums.not_finite,
                }),
                // Of another type or shape than its name promises.
                None => left_out += 1,
            }
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

/// Worst first: what is not finite, then by signal-to-noise ratio, what is exact last.
fn rank(layer: &LayerError) -> f64 {
    if layer.not_finite > 0 {
        return f64::NEG_INFINITY;
    }
    layer.sqnr_db.unwrap_or(f64::INFINITY)
}

/// What a tensor of the first build is compared with.
#[derive(Debug)]
struct Match {
    name: String,
    /// A node that has to be added for it.
    node: Option<NodeProto>,
}

type Compared<'a> = (&'a MadeTensor, &'a Match);

/// Shares the tensors out to sessions, in the graph's order; and how many found no place.
fn groups<'a>(found: &'a [(&'a MadeTensor, Match)]) -> (Vec<Vec<Compared<'a>>>, usize) {
    let size = |tensor: &MadeTensor| tensor.bytes.unwrap_or(UNKNOWN_BYTES);
    let mut order: Vec<usize> = (0..found.len())
        .filter(|index| size(found[*index].0) <= GROUP_BYTES)
        .collect();
    order.sort_by_key(|index| !HEAVY.contains(&found[*index].0.op_type.as_str()));
    order.truncate(MOST_TENSORS);
    order.sort_unstable();
    let mut groups: Vec<Vec<Compared<'_>>> = Vec::new();
    let mut room = 0;
    for index in order {
        let (tensor, matched) = &found[index];
        let size = size(tensor);
        if size > room {
            if groups.len() == MOST_GROUPS {
                break;
            }
            groups.push(Vec::new());
            room = GROUP_BYTES;
        }
        room -= size;
        if let Some(group) = groups.last_mut() {
            group.push((tensor, matched));
        }
    }
    let placed: usize = groups.iter().map(Vec::len).sum();
    (groups, found.len() - placed)
}

/// Runs both builds with the tensors of one group as their outputs.
fn run(
    first: Build<'_>,
    second: Build<'_>,
    group: &[Compared<'_>],
    samples: &Samples,
    command: &WorkerCommand,
    options: &WorkerOptions,
) -> Result<Vec<Option<Sums>>, SensitivityError> {
    let folder = TempDir::with_prefix("mlbuild-layers-").map_err(SensitivityError::Folder)?;
    let before = group.iter().map(|(tensor, _)| tensor.name.as_str());
    let path = folder.path().join("first.onnx");
    let one = with_outputs(first.side, first.proto()?, before, Vec::new(), &path)?;
    let after = group.iter().map(|(_, matched)| matched.name.as_str());
    let added = group.iter().filter_map(|(_, matched)| matched.node.clone()).collect();
    let path = folder.path().join("second.onnx");
    let other = with_outputs(second.side, second.proto()?, after, added, &path)?;
    let mut one = WorkerSubject::new(&one, command, options.clone());
    let mut other = WorkerSubject::new(&other, command, options.clone());
    let failed = |build| move |source| SensitivityError::Worker { build, source };
    let mut sums: Vec<Option<Sums>> = group.iter().map(|_| Some(Sums::default())).collect();
    for index in 0..samples.len() {
        let sample = samples.sample(index)?;
        let before = one.infer(&sample).map_err(failed("first"))?;
        let after = other.infer(&sample).map_err(failed("second"))?;
        for ((tensor, matched), slot) in group.iter().zip(&mut sums) {
            let before = before.iter().find(|output| output.name == tensor.name);
            let after = after.iter().find(|output| output.name == matched.name);
            let fits = match (before, after, slot.as_mut()) {
                (Some(before), Some(after), Some(sums)) => sums.add(before, after),
                _ => false,
            };
            if !fits {
                *slot = None;
            }
        }
    }
    Ok(sums)
}
