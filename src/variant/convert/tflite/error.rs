//! What stands against a conversion.

use crate::hint::Hint;
use crate::model::onnx::shown::shown;
use crate::variant::VariantError;

/// A model that cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// Preparing the model failed.
    #[error(transparent)]
    Prepare(#[from] VariantError),
    /// An input whose shape is not known to the last dimension.
    #[error(
        "input {} has the open shape {described}; TensorFlow Lite needs concrete shapes",
        shown(name)
    )]
    OpenShape {
        /// The input.
        name: String,
        /// Its type and dimensions.
        described: String,
        /// A shape that would do: `1,3,224,224`.
        example: String,
    },
    /// A shape was given for an input that the model lacks, or one that does not go with the model's own.
    #[error("input {} cannot have the shape {shape:?}: {reason}", shown(name))]
    WrongShape {
        /// The input.
        name: String,
        /// The shape that was given.
        shape: Vec<u64>,
        /// What stands against it.
        reason: String,
    },
    /// An input or output of a type that cannot be.
    #[error("{} is of type {element}, which the conversion does not do", shown(name))]
    Element {
        /// The input or output.
        name: String,
        /// Its type.
        element: String,
    },
    /// A node that has no equal in the format.
    #[error("{node} cannot be converted: {reason}{}", attributed(attributes))]
    Unsupported {
        /// The node with its operator, as messages show it.
        node: String,
        /// Its attributes, as messages show them; empty where it has none.
        attributes: String,
        /// Why, as a sentence fragment.
        reason: String,
        /// What is supported instead, as a sentence fragment.
        nearest: String,
    },
    /// A graph that reads what it does not make.
    #[error("{reader} reads {}, which nothing before it makes", shown(name))]
    Unknown {
        /// The node or output, as messages show it.
        reader: String,
        /// The tensor.
        name: String,
    },
    /// The result cannot be written.
    #[error("the TensorFlow Lite model cannot be written: {0}")]
    Write(String),
}

fn attributed(attributes: &str) -> String {
    if attributes.is_empty() {
        String::new()
    } else {
        format!(" (attributes: {attributes})")
    }
}

impl Hint for ConvertError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Prepare(error) => error.hints(),
            Self::OpenShape { name, example, .. } => vec![format!(
                "give its shape: --input-shape {}={example}",
                shown(name).trim_matches('`')
            )],
            Self::WrongShape { .. } => vec!["`mlbuild inspect` shows the model's inputs and their shapes".to_owned()],
            Self::Element { .. } => {
                vec!["export the model with float32, int64, int32 or bool inputs and outputs".to_owned()]
            }
            Self::Unsupported { nearest, .. } => vec![nearest.clone()],
            Self::Unknown { .. } => vec!["`onnx.checker.check_model` refuses this model too".to_owned()],
            Self::Write(_) => Vec::new(),
        }
    }
}

/// Why an operator's converter gives up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// A sentence fragment: `its weights are no constants`.
    pub(super) reason: String,
    /// What is supported instead, as a sentence fragment; empty where the operator is as a whole, apart from this.
    pub(super) nearest: String,
}

impl Refusal {
    pub(super) fn new(reason: impl Into<String>, nearest: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            nearest: nearest.into(),
        }
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::new(reason, "")
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self::new(reason, "")
    }
}
