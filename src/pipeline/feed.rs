//! What a model is fed: one set of inputs to time, samples to compare outputs on.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::DatasetConfig;
use crate::config::MeasureConfig;
use crate::config::ModelConfig;
use crate::config::Task;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files;
use crate::model::Facts;
use crate::model::Model;
use crate::model::Samples;
use crate::model::dataset::Dataset;
use crate::model::dataset::DatasetError;
use crate::model::inputs;
use crate::model::inputs::InputError;
use crate::model::tensor::Dim;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;
use crate::pipeline::subject;
use crate::pipeline::trouble::Trouble;

/// Inputs of one model.
#[derive(Debug, Clone)]
pub struct Feed {
    /// For measuring time.
    pub inputs: Vec<Tensor>,
    /// For comparing outputs, with their labels where there are any.
    pub samples: Samples,
    /// What the candidate declares, for looking at its outputs.
    pub facts: Facts,
    /// The dataset's digest.
    pub dataset: Option<Digest>,
    /// The length of token sequences, where the model is measured with several.
    pub sequence: Option<u64>,
    /// What the reader should know of how the inputs were made.
    pub notes: Vec<String>,
    /// Of the task and all values.
    identity: Digest,
}

/// Where a person gives the shapes of inputs, which advice has to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShapeSource {
    /// Under `inputs:` of the model.
    Config,
    /// By `--input-shape`.
    Flags,
}

/// Outputs can only be compared on the same inputs.
pub(super) fn check_same_inputs(candidate: &Model, baseline: &Model, source: ShapeSource) -> Result<(), Trouble> {
    if candidate.facts.inputs == baseline.facts.inputs {
        return Ok(());
    }
    let describe = |model: &Model| {
        let inputs: Vec<String> = model
            .facts
            .inputs
            .iter()
            .map(|spec| format!("`{}`: {}", spec.name, spec.describe()))
            .collect();
        inputs.join(", ")
    };
    let alike = |one: &TensorSpec, other: &TensorSpec| {
        let same = |(one, other): (&Dim, &Dim)| match (one, other) {
            (Dim::Fixed(one), Dim::Fixed(other)) => one == other,
            // A gate's baseline is fed what it was fed; at the desk an open dimension takes the other model's size.
            (Dim::Fixed(_), _) | (_, Dim::Fixed(_)) => source == ShapeSource::Flags,
            // Other names of free dimensions are no other inputs.
            _ => true,
        };
        let dims = match (&one.dims, &other.dims) {
            (Some(one), Some(other)) => one.len() == other.len() && one.iter().zip(other).all(same),
            (None, None) => true,
            _ => false,
        };
        one.name == other.name && one.element == other.element && dims
    };
    let (new, old) = (&candidate.facts.inputs, &baseline.facts.inputs);
    if new.len() == old.len() && new.iter().zip(old).all(|(one, other)| alike(one, other)) {
        return Ok(());
    }
    let hint = match source {
        ShapeSource::Config => "give the model a new name in the config, so that it starts without a baseline",
        ShapeSource::Flags => "only models with the same inputs can be measured side by side",
    };
    Err(Trouble {
        reason: format!(
            "the inputs changed from {} to {}: the two models cannot be fed alike",
            describe(baseline),
            describe(candidate)
        ),
        hints: vec![hint.to_owned()],
    })
}

/// `given`, and the sizes that `other` fixes of inputs that `model` leaves open, so that both can be fed alike.
pub fn shared_shapes(model: &Model, other: &Model, given: &BTreeMap<String, Vec<u64>>) -> BTreeMap<String, Vec<u64>> {
    let fixed = |spec: &TensorSpec| -> Option<Vec<u64>> {
        let size = |dim: &Dim| match dim {
            Dim::Fixed(size) => Some(*size),
            Dim::Symbol(_) | Dim::Unknown => None,
        };
        spec.dims.as_ref()?.iter().map(size).collect()
    };
    let mut shapes = given.clone();
    for spec in model.facts.inputs.iter().filter(|spec| fixed(spec).is_none()) {
        let counterpart = other.facts.inputs.iter().find(|other| other.name == spec.name);
        if let Some(sizes) = counterpart.and_then(fixed) {
            shapes.entry(spec.name.clone()).or_insert(sizes);
        }
    }
    shapes
}

/// What a feed is made for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The model's settings.
    pub config: &'a ModelConfig,
    /// The config's folder.
    pub folder: &'a Path,
    /// The seed of everything that is made up, and how many samples of it.
    pub measure: &'a MeasureConfig,
    /// Where shapes are given, for advice.
    pub shapes: ShapeSource,
}

/// One feed for each length of sequences that `model` is measured with; one without a length for models that leave no choice.
pub(super) fn feeds(wanted: &Wanted<'_>, model: &Model) -> Result<Vec<Feed>, Trouble> {
    let overrides = subject::shape_overrides(&wanted.config.inputs);
    if let Some(settings) = &wanted.config.dataset {
        return of_dataset(wanted, settings, model, &overrides).map(|feed| vec![feed]);
    }
    let make = |sequence: Option<u64>| {
        let request = inputs::Request {
            task: wanted.config.task,
            shapes: &overrides,
            seed: wanted.measure.seed,
            sequence,
            batch: None,
        };
        inputs::make(model, &request).map_err(|error| of_input(&error, wanted.shapes))
    };
    let usual = make(None)?;
    let lengths = lengths(wanted.config, &usual)?;
    if lengths.is_empty() {
        return Ok(vec![of_made(wanted, model, &usual, None)]);
    }
    lengths
        .into_iter()
        .map(|length| Ok(of_made(wanted, model, &make(Some(length))?, Some(length))))
        .collect()
}

fn of_input(error: &InputError, shapes: ShapeSource) -> Trouble {
    match shapes {
        ShapeSource::Config => Trouble::of(error),
        ShapeSource::Flags => Trouble {
            hints: error.hints_for_flags(),
            ..Trouble::of(error)
        },
    }
}

/// The lengths of the config, where the model can have them; else the model's own.
fn lengths(config: &ModelConfig, usual: &inputs::Made) -> Result<Vec<u64>, Trouble> {
    let Some(wished) = &config.sequence_lengths else {
        return Ok(usual.ladder.clone());
    };
    if usual.ladder.is_empty() {
        return Err(Trouble {
            reason: format!(
                "`sequence_lengths` is set, and the model leaves no length open: its task is {}, and its inputs are {}",
                usual.task.task.name(),
                shapes_of(usual)
            ),
            hints: vec![
                "leave `sequence_lengths` out, or set `task: nlp` where the model takes tokens and its `inputs` are not given"
                    .to_owned(),
            ],
        });
    }
    match (wished.last(), usual.longest) {
        (Some(length), Some(longest)) if *length > longest => Err(Trouble {
            reason: format!("`sequence_lengths` names {length} tokens, and the model holds {longest} at most"),
            hints: vec![format!("leave out lengths above {longest}")],
        }),
        _ => Ok(wished.clone()),
    }
}

/// `` `x` [1, 3, 8, 8] ``.
fn shapes_of(made: &inputs::Made) -> String {
    let shapes: Vec<String> = made
        .specs
        .iter()
        .map(|spec| format!("`{}` {:?}", spec.name, spec.shape))
        .collect();
    shapes.join(", ")
}

/// What was made up, with samples of the same kind to compare outputs on.
fn of_made(wanted: &Wanted<'_>, model: &Model, made: &inputs::Made, sequence: Option<u64>) -> Feed {
    let first = wanted.measure.samples_seed.unwrap_or(wanted.measure.seed);
    let count = wanted.measure.samples as usize;
    Feed {
        identity: identity(made.task.task, &made.inputs),
        inputs: made.inputs.clone(),
        samples: Samples::drawn(made.recipe.for_outputs(), first, count),
        facts: model.facts.clone(),
        dataset: None,
        sequence,
        notes: made.warnings.clone(),
    }
}

fn of_dataset(
    wanted: &Wanted<'_>,
    settings: &DatasetConfig,
    model: &Model,
    overrides: &BTreeMap<String, Vec<u64>>,
) -> Result<Feed, Trouble> {
    if wanted.config.sequence_lengths.is_some() {
        return Err(Trouble {
            reason: "`sequence_lengths` and `dataset` are both set, and samples have the lengths that they have"
                .to_owned(),
            hints: vec!["leave one of them out".to_owned()],
        });
    }
    let mut settings = settings.clone();
    settings.path = files::beneath(wanted.folder, &settings.path);
    let of_dataset = |error: DatasetError| Trouble::of(&error);
    let dataset = Dataset::open(&settings, &model.facts.inputs, overrides).map_err(of_dataset)?;
    let inputs = dataset.sample(0).map_err(of_dataset)?;
    Ok(Feed {
        // What is fed follows from the data, whatever the task.
        identity: identity(Task::Unknown, &inputs),
        inputs,
        dataset: Some(dataset.digest().clone()),
        samples: dataset.into(),
        facts: model.facts.clone(),
        sequence: None,
        notes: Vec::new(),
    })
}

/// Of a task and everything that is fed.
fn identity(task: Task, inputs: &[Tensor]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.part(task.name().as_bytes());
    for tensor in inputs {
        hasher.part(tensor.name.as_bytes());
        hasher.part(format!("{:?} {:?}", tensor.element, tensor.shape).as_bytes());
        hasher.part(&tensor.data);
    }
    hasher.finish()
}

impl Feed {
    /// What a candidate is measured with: the settings of the config, and what they come to for this model. Two measurements with
    /// equal digests are of equal inputs.
    pub(super) fn settings(&self, configured: &Digest) -> Digest {
        let mut hasher = Hasher::new();
        hasher.part(configured.as_str().as_bytes());
        hasher.part(self.identity.as_str().as_bytes());
        hasher.finish()
    }
}
