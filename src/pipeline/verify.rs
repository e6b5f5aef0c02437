//! A variant counts only where it is sound: it keeps ONNX's rules, loads on its target, runs, yields finite numbers where its source
//! does, and how far its outputs are from the source's is known. Anything else is an error that names the place and says what to do.
//!
//! A variant computed in 16 bits is looked at inside as well: values that leave their range between two layers are found and reported
//! with the node even where the outputs look fine.

use serde::Deserialize;
use serde::Serialize;

use crate::config::Target;
use crate::hint::Hint;
use crate::measure::MeasureError;
use crate::measure::Which;
use crate::measure::accuracy;
use crate::measure::accuracy::Accuracy;
use crate::measure::outputs::Anomaly;
use crate::measure::outputs::Inspector;
use crate::measure::sensitivity;
use crate::measure::sensitivity::SensitivityError;
use crate::measure::side::Side;
use crate::model::Model;
use crate::model::ModelError;
use crate::model::Samples;
use crate::model::dataset::DatasetError;
use crate::model::onnx::check;
use crate::model::tensor::TensorSpec;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Fed;
use crate::pipeline::subject::Prepared;
use crate::runtime::LiteRtSettings;
use crate::runtime::WorkerError;
use crate::units::Bytes;
use crate::variant::Recipe;
use crate::variant::TRANSFORMS;

/// Passes whose numbers have a narrower range than the source's.
const NARROW: &[&str] = &["fp16", "bf16"];

/// So many samples are looked at between the layers.
const LAYER_SAMPLES: usize = 2;

/// A larger source is not looked at between the layers unless something is wrong with its outputs: both models would be written again,
/// which takes longer than deriving them.
const LAYER_BYTES: Bytes = Bytes(256_000_000);

/// What a variant is checked against: its source and what that is fed.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The model that the variant was derived from.
    pub model: &'a Model,
    /// How the engine runs it.
    pub side: &'a Side,
    /// What both are run on, all of it. Eight samples or more say something; one says that it runs.
    pub samples: &'a Samples,
    /// True where the samples are real ones.
    pub is_real: bool,
}

impl<'a> Source<'a> {
    /// The source as the desk opened it; `side` is [`crate::pipeline::agree::side`] of it.
    pub fn of(fed: &'a Fed, side: &'a Side) -> Self {
        Self {
            model: &fed.opened.model,
            side,
            samples: &fed.samples,
            is_real: fed.is_real,
        }
    }
}

/// A sound variant: what is known of its outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// How far its outputs are from the source's.
    pub accuracy: Accuracy,
    /// True where the samples were real ones.
    pub is_real: bool,
    /// What is odd about its outputs.
    pub anomalies: Vec<Anomaly>,
    /// Where values between its layers leave the range of their type, the first node first; its outputs are finite all the same.
    pub overflows: Vec<Overflow>,
    /// Outputs that have another type than the source's, as sentence fragments.
    pub retyped: Vec<String>,
    /// The rule of ONNX that it breaks as its source does.
    pub broken_rule: Option<String>,
    /// Why nothing is known of the values between its layers, where something should be.
    pub unseen: Option<String>,
    /// How LiteRT ran both; not written where nothing is set.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub litert: LiteRtSettings,
}

fn is_usual(settings: &LiteRtSettings) -> bool {
    *settings == LiteRtSettings::default()
}

/// A node of the source whose values are finite there and NaN or infinite in the variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overflow {
    /// The node's name, or its operator and place.
    pub node: String,
    /// Its operator.
    pub op_type: String,
    /// What it makes.
    pub tensor: String,
    /// How many numbers, over the samples that were looked at.
    pub numbers: u64,
}

impl Verified {
    /// Everything that a person should know although the variant counts.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.anomalies.iter().map(ToString::to_string).collect();
        if let Some((first, others)) = self.overflows.split_first() {
            let others = match others.len() {
                0 => String::new(),
                count => format!(" (and {count} more nodes after it)"),
            };
            warnings.push(format!(
                "`{}` ({}) yields {} numbers beyond the range of its type{others}; the outputs are finite on these samples, and may not \
                 be on others",
                first.node, first.op_type, first.numbers
            ));
        }
        warnings.extend(self.retyped.iter().cloned());
        warnings.extend(self.broken_rule.clone());
        warnings.extend(self.unseen.clone());
        warnings
    }
}

/// Why a variant does not count.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Its file cannot be read back.
    #[error("the {recipe} variant cannot be read")]
    Unreadable {
        /// How it was derived.
        recipe: String,
        /// Why.
        source: Box<ModelError>,
    },
    /// It breaks a rule of ONNX.
    #[error("the {recipe} variant breaks a rule of ONNX: {problem}")]
    Structure {
        /// How it was derived.
        recipe: String,
        /// The first problem, with the node.
        problem: String,
    },
    /// The engine has no kernel for one of its operators.
    #[error("{target} cannot run the {recipe} variant: it has no kernel for {what}")]
    NotImplemented {
        /// How it was derived.
        recipe: String,
        /// Where it was to run.
        target: Target,
        /// The operator, and the node where it is known.
        what: String,
        /// The engine's words.
        source: Box<WorkerError>,
    },
    /// It does not load, or it fails while it runs.
    #[error("the {recipe} variant does not run")]
    Run {
        /// How it was derived.
        recipe: String,
        /// What the engine said.
        source: Box<WorkerError>,
    },
    /// It yields NaN or infinity where the source does not.
    #[error("the {recipe} variant's output `{output}` holds NaN or infinity, and the source's does not{}", first(node.as_deref()))]
    NotFinite {
        /// How it was derived.
        recipe: String,
        /// The output.
        output: String,
        /// The first node whose values are not finite, with its operator, where it could be found.
        node: Option<String>,
        /// True where its numbers have a narrower range than the source's.
        is_narrow: bool,
    },
    /// Its outputs have other names or shapes.
    #[error("the {recipe} variant has other outputs than its source: {problem}")]
    Outputs {
        /// How it was derived.
        recipe: String,
        /// How they differ.
        problem: String,
    },
    /// The source itself cannot be run, or says nothing that could be compared.
    #[error("the model itself cannot be checked")]
    Source(#[source] Box<MeasureError>),
    /// A sample cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

fn first(node: Option<&str>) -> String {
    node.map_or_else(String::new, |node| format!(", from {node} on"))
}

impl VerifyError {
    /// True where the variant is to blame: the source and the samples are sound.
    pub fn is_of_variant(&self) -> bool {
        !matches!(self, Self::Source(_) | Self::Dataset(_)) && !self.is_interrupted()
    }

    /// True where somebody asked for the end.
    pub fn is_interrupted(&self) -> bool {
        let interrupted = |error: &WorkerError| matches!(error, WorkerError::Interrupted { .. });
        match self {
            Self::Run { source, .. } => interrupted(source),
            Self::Source(error) => matches!(&**error, MeasureError::Worker { source, .. } if interrupted(source)),
            _ => false,
        }
    }
}

impl Hint for VerifyError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } | Self::Structure { .. } => {
                vec!["the model itself is untouched; this is a defect of the pass: please report it".to_owned()]
            }
            Self::NotImplemented { .. } => vec![
                "leave this variant out, or pin a newer `runtime.version` (`mlbuild runtime list`); `mlbuild explore` finds what runs here"
                    .to_owned(),
            ],
            Self::Run { source, .. } => source.hints(),
            Self::NotFinite { is_narrow: true, .. } => {
                let mut hints = vec!["the largest number in 16 bits is 65504; values in this model are larger".to_owned()];
                hints.push(match others(&["bf16", "int8"]) {
                    Some(others) => format!("keep this model in 32 bits, or try {others}"),
                    None => "keep this model in 32 bits".to_owned(),
                });
                hints
            }
            Self::NotFinite { .. } => vec!["try another method, or calibration data that is like what you serve".to_owned()],
            Self::Outputs { .. } => vec!["this is a defect of the pass: please report it".to_owned()],
            Self::Source(error) => error.hints(),
            Self::Dataset(error) => error.hints(),
        }
    }
}

/// Those of `names` that exist, as a choice.
fn others(names: &[&str]) -> Option<String> {
    let known: Vec<String> = names
        .iter()
        .filter(|name| TRANSFORMS.iter().any(|transform| transform.name == **name))
        .map(|name| format!("`{name}`"))
        .collect();
    (!known.is_empty()).then(|| known.join(" or "))
}

/// Checks the variant `prepared` of `source` in the engine.
pub fn verify(source: Source<'_>, prepared: &Prepared, engine: &Engine<'_>) -> Result<Verified, VerifyError> {
    let recipe = || prepared.recipe.name();
    let artifact = &prepared.artifact;
    let model = Model::load_with_external(&artifact.model, &artifact.external)
        .and_then(|model| model.entered_as(source.model))
        .map_err(|source| VerifyError::Unreadable {
            recipe: recipe(),
            source: Box::new(source),
        })?;
    let broken_rule = match (structure(&model), structure(source.model)) {
        (Err(problem), Ok(())) => {
            return Err(VerifyError::Structure {
                recipe: recipe(),
                problem,
            });
        }
        // Not the variant's doing, and the engine decides whether it matters.
        (Err(problem), Err(_)) => Some(format!(
            "the model breaks a rule of ONNX, as its source does: {problem}"
        )),
        (Ok(()), _) => None,
    };
    let side = Side {
        artifact: artifact.clone(),
        settings: engine.settings_for(&model),
        inputs: source.side.inputs.clone(),
    };
    let inside = Inside {
        source,
        variant: sensitivity::Build {
            side: &side,
            model: &model,
        },
        engine,
    };
    let is_narrow = is_narrow(&prepared.recipe);
    let mut inspector = Inspector::new(&model.facts);
    let accuracy = accuracy::agreement(
        source.side,
        &side,
        source.samples,
        &mut inspector,
        engine.worker(),
        &engine.options(),
    )
    .map_err(|error| explain(error, &recipe(), engine.target(), &inside, is_narrow))?;
    let (overflows, unseen) = if is_narrow && source.model.size() > LAYER_BYTES {
        let unseen = format!(
            "the model is larger than {LAYER_BYTES}: only its outputs were looked at, not whether values overflow between the layers; \
             `mlbuild sensitivity` does that"
        );
        (Vec::new(), Some(unseen))
    } else if is_narrow {
        match inside.overflows(0..source.samples.len().min(LAYER_SAMPLES)) {
            Ok(overflows) => (overflows, None),
            Err(error) => (
                Vec::new(),
                Some(format!(
                    "whether values overflow between the layers could not be seen: {error}"
                )),
            ),
        }
    } else {
        (Vec::new(), None)
    };
    Ok(Verified {
        accuracy,
        is_real: source.is_real,
        anomalies: inspector.finish(),
        overflows,
        broken_rule,
        retyped: retyped(&source.model.facts.outputs, &model.facts.outputs),
        unseen,
        litert: side.settings.litert.clone(),
    })
}

/// The first rule of ONNX that the model breaks.
fn structure(model: &Model) -> Result<(), String> {
    // What can be broken of other formats was checked when they were read.
    model
        .onnx()
        .map_or(Ok(()), |proto| check::check(proto).map_err(|error| error.to_string()))
}

fn is_narrow(recipe: &Recipe) -> bool {
    recipe.steps.iter().any(|step| NARROW.contains(&step.transform.name))
}

/// Outputs with another type of elements than before.
fn retyped(before: &[TensorSpec], after: &[TensorSpec]) -> Vec<String> {
    before
        .iter()
        .filter_map(|old| {
            let new = after.iter().find(|new| new.name == old.name)?;
            (new.element != old.element).then(|| {
                format!(
                    "output `{}` holds {:?} elements, and {:?} ones in the source",
                    old.name, new.element, old.element
                )
            })
        })
        .collect()
}

/// Source and variant, for a look between their layers.
struct Inside<'a> {
    source: Source<'a>,
    variant: sensitivity::Build<'a>,
    engine: &'a Engine<'a>,
}

impl Inside<'_> {
    /// Nodes whose values are finite in the source only, in the order of the graph.
    fn overflows(&self, samples: std::ops::Range<usize>) -> Result<Vec<Overflow>, SensitivityError> {
        let mut chosen = Vec::with_capacity(samples.len());
        for index in samples {
            chosen.push(self.source.samples.sample(index)?);
        }
        let first = sensitivity::Build {
            side: self.source.side,
            model: self.source.model,
        };
        let found = sensitivity::measure(
            first,
            self.variant,
            &Samples::from(chosen),
            self.engine.worker(),
            &self.engine.options(),
        )?;
        let mut layers: Vec<_> = found.layers.into_iter().filter(|layer| layer.not_finite > 0).collect();
        layers.sort_by_key(|layer| layer.place);
        Ok(layers
            .into_iter()
            .map(|layer| Overflow {
                node: layer.node,
                op_type: layer.op_type,
                tensor: layer.tensor,
                numbers: layer.not_finite,
            })
            .collect())
    }
}

/// What a failed run means.
fn explain(error: MeasureError, recipe: &str, target: Target, inside: &Inside<'_>, is_narrow: bool) -> VerifyError {
    let recipe = recipe.to_owned();
    match error {
        MeasureError::Worker {
            side: Which::Candidate,
            source,
        } => {
            let source = Box::new(source);
            match &*source {
                WorkerError::Unsupported { message, .. } => VerifyError::NotImplemented {
                    what: missing_kernel(message).unwrap_or_else(|| "one of its operators".to_owned()),
                    recipe,
                    target,
                    source,
                },
                _ => VerifyError::Run { recipe, source },
            }
        }
        MeasureError::NotFinite { output, sample } => {
            // Where it began is worth a look; the verdict stands without it.
            let node = inside.overflows(sample..sample.saturating_add(1)).ok();
            let node = node.and_then(|overflows| overflows.into_iter().next());
            VerifyError::NotFinite {
                recipe,
                output,
                node: node.map(|overflow| format!("`{}` ({})", overflow.node, overflow.op_type)),
                is_narrow,
            }
        }
        error @ (MeasureError::OutputMissing { .. } | MeasureError::ShapesDiffer { .. }) => VerifyError::Outputs {
            recipe,
            problem: error.to_string(),
        },
        MeasureError::Dataset(error) => VerifyError::Dataset(error),
        error => VerifyError::Source(Box::new(error)),
    }
}

/// The operator and node of the engine's `Could not find an implementation for ConvInteger(10) node with name 'conv_quant'`.
fn missing_kernel(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("Could not find an implementation for ")?;
    let (operator, rest) = rest.split_once(" node")?;
    let name = rest
        .split_once("with name '")
        .and_then(|(_, rest)| rest.split_once('\''))
        .map(|(name, _)| name)
        .filter(|name| !name.is_empty());
    Some(match name {
        Some(name) => format!("{operator} of node `{name}`"),
        None => operator.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_operator_is_named() {
        assert_eq!(
            missing_kernel(
                "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for ConvInteger(10) node with name 'c_quant'"
            ),
            Some("ConvInteger(10) of node `c_quant`".to_owned())
        );
        assert_eq!(
            missing_kernel("Could not find an implementation for Gelu(20) node with name ''").as_deref(),
            Some("Gelu(20)")
        );
        assert_eq!(missing_kernel("something else"), None);
    }
}
