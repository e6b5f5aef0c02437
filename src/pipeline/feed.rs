//! What a model is fed: one set of inputs to time, samples to compare outputs on.

use std::path::Path;

use crate::config::MeasureConfig;
use crate::config::ModelConfig;
use crate::digest::Digest;
use crate::files;
use crate::model::Facts;
use crate::model::Model;
use crate::model::Samples;
use crate::model::dataset::Dataset;
use crate::model::dataset::DatasetError;
use crate::model::inputs;
use crate::model::inputs::InputError;
use crate::model::tensor::Tensor;
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
    // Other names of free dimensions are no other inputs.
    let shape = |model: &Model| {
        let inputs = model.facts.inputs.iter();
        inputs
            .map(|spec| {
                let dims = spec.dims.as_ref().map(|dims| {
                    dims.iter()
                        .map(|dim| match dim {
                            crate::model::tensor::Dim::Fixed(size) => Some(*size),
                            crate::model::tensor::Dim::Symbol(_) | crate::model::tensor::Dim::Unknown => None,
                        })
                        .collect::<Vec<_>>()
                });
                (spec.name.clone(), spec.element, dims)
            })
            .collect::<Vec<_>>()
    };
    if shape(candidate) == shape(baseline) {
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

/// The inputs and samples of `model`: its dataset where the config names one, synthesized otherwise. `folder` is the
/// config's.
pub(super) fn feed(
    config: &ModelConfig,
    model: &Model,
    folder: &Path,
    measure: &MeasureConfig,
    shapes: ShapeSource,
) -> Result<Feed, Trouble> {
    let seed = measure.seed;
    let overrides = subject::shape_overrides(&config.inputs);
    let of_input = |error: InputError| match shapes {
        ShapeSource::Config => Trouble::of(&error),
        ShapeSource::Flags => Trouble {
            hints: error.hints_for_flags(),
            ..Trouble::of(&error)
        },
    };
    let resolved = inputs::resolve_shapes(&model.facts.inputs, &overrides).map_err(of_input)?;
    let bounds = inputs::index_bounds(&model.proto);
    let synthesize = |seed: u64| inputs::synthesize(&resolved, &bounds, seed).map_err(of_input);
    if let Some(settings) = &config.dataset {
        let mut settings = settings.clone();
        settings.path = files::beneath(folder, &settings.path);
        let of_dataset = |error: DatasetError| Trouble::of(&error);
        let dataset = Dataset::open(&settings, &model.facts.inputs, &overrides).map_err(of_dataset)?;
        return Ok(Feed {
            inputs: dataset.sample(0).map_err(of_dataset)?,
            dataset: Some(dataset.digest().clone()),
            samples: dataset.into(),
            facts: model.facts.clone(),
        });
    }
    let first = measure.samples_seed.unwrap_or(seed);
    let samples = (0..measure.samples)
        .map(|sample| synthesize(first.wrapping_add(sample)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Feed {
        inputs: synthesize(seed)?,
        samples: samples.into(),
        facts: model.facts.clone(),
        dataset: None,
    })
}
