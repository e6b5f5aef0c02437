//! What to feed a model: shapes for its dynamic dimensions, and tensors that any machine makes alike.
//!
//! A shape that neither the model nor the config knows is an error, never a guess, except for the batch dimension, which is 1.

mod bounds;
mod longest;
mod make;
mod recipe;
mod role;
mod shapes;
mod sizes;
mod synthetic;

pub use make::Made;
pub use make::Request;
pub use make::make;
pub use recipe::Recipe;
pub use role::Role;
pub use shapes::is_batch;

use crate::hint::Hint;
use crate::model::onnx::shown::shown;
use crate::model::tensor::ElementType;

/// An input with every dimension known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSpec {
    /// Its name in the graph.
    pub name: String,
    /// The type of its elements.
    pub element: ElementType,
    /// Its dimensions; empty for a scalar.
    pub shape: Vec<u64>,
}

/// Inputs that cannot be resolved or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Dimensions that are known only at run time and stand nowhere in the config.
    #[error("{} {} {description}: {missing} known only at run time, and no shape is given", if *others == 0 { "input" } else { "the first of several inputs" }, shown(name))]
    MissingShape {
        /// The first input that lacks a shape.
        name: String,
        /// What the model says of it: `is float [batch, samples]`.
        description: String,
        /// The dimensions, as the subject of a sentence: `` `samples` is ``, `` dimensions 1 and 2 are ``.
        missing: String,
        /// How many more inputs lack one.
        others: usize,
        /// The line to add to the model in the config.
        line: String,
        /// The flags that say the same where there is no config.
        flags: Box<str>,
    },
    /// A shape for an input that the model does not have.
    #[error("a shape is given for input {}, which the model does not have", shown(name))]
    UnknownInput {
        /// The name that was given.
        name: String,
        /// The closest name of an input, where one is close.
        nearest: Option<String>,
        /// All inputs of the model.
        known: Vec<String>,
    },
    /// A shape with the wrong number of dimensions.
    #[error("input {} is given {given} dimensions, the model has {description}", shown(name))]
    WrongRank {
        /// The input.
        name: String,
        /// The number of dimensions that were given.
        given: usize,
        /// What the model says of it: `float [batch, 3, 224, 224]`.
        description: String,
    },
    /// A shape that the model cannot take.
    #[error(
        "input {} is given the shape {given:?}, but dimension {axis} of {description} is fixed",
        shown(name)
    )]
    ContradictsFixed {
        /// The input.
        name: String,
        /// The shape that was given.
        given: Vec<u64>,
        /// The dimension, counted from 0.
        axis: usize,
        /// What the model says of it.
        description: String,
    },
    /// One named dimension, two sizes.
    #[error(
        "{} is {first} in input {} and {second} in input {}, but must be equal",
        shown(symbol),
        shown(first_input),
        shown(second_input)
    )]
    SymbolConflict {
        /// The name of the dimension.
        symbol: String,
        /// Its size where it was first given.
        first: u64,
        /// The input where it was first given.
        first_input: String,
        /// The other size.
        second: u64,
        /// The other input.
        second_input: String,
    },
    /// A batch that the inputs don't have.
    #[error("batches of {wished} are asked for, and input {} takes {found} at once", shown(name))]
    OtherBatch {
        /// The size that was asked for.
        wished: u64,
        /// The first input of another size.
        name: String,
        /// Its first dimension.
        found: u64,
    },
    /// A length for a model without sequences of free length.
    #[error("sequences of {wished} tokens are asked for, and the model {why}")]
    OtherSequence {
        /// The length that was asked for.
        wished: u64,
        /// What the model does instead: `takes 128 tokens, no more and no fewer`.
        why: String,
    },
    /// More elements than can be fed.
    #[error("input {} of shape {shape:?} would need more than {limit} bytes", shown(name))]
    TooLarge {
        /// The input.
        name: String,
        /// Its shape.
        shape: Vec<u64>,
        /// The most that is made.
        limit: u64,
    },
    /// An element type that cannot be made up.
    #[error("input {} takes {element:?} elements, which cannot be made up", shown(name))]
    Unsupported {
        /// The input.
        name: String,
        /// The type of its elements.
        element: ElementType,
    },
}

impl InputError {
    /// What to do where shapes come from `--input-shape` and not from a config.
    pub fn hints_for_flags(&self) -> Vec<String> {
        match self {
            Self::MissingShape { flags, .. } => vec![format!("add `{flags}`, with the sizes that you serve")],
            Self::WrongRank { .. } | Self::ContradictsFixed { .. } | Self::SymbolConflict { .. } => {
                vec!["correct `--input-shape`".to_owned()]
            }
            Self::TooLarge { .. } => vec!["give smaller sizes with `--input-shape`".to_owned()],
            Self::OtherBatch { .. } | Self::OtherSequence { .. } => self.hints(),
            Self::UnknownInput { .. } | Self::Unsupported { .. } => self.hints(),
        }
    }
}

impl Hint for InputError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::MissingShape { line, .. } => {
                vec![format!(
                    "add this line to the model in .mlbuild.yml, with the sizes that you serve: `{line}`"
                )]
            }
            Self::UnknownInput { nearest, known, .. } => {
                let mut hints = Vec::new();
                hints.extend(nearest.as_ref().map(|name| format!("did you mean {}?", shown(name))));
                hints.push(format!("the inputs of the model are {}", list(known)));
                hints
            }
            Self::WrongRank { .. } | Self::ContradictsFixed { .. } | Self::SymbolConflict { .. } => {
                vec!["correct the model's `inputs` in .mlbuild.yml".to_owned()]
            }
            Self::OtherBatch { .. } => {
                vec!["leave the size of batches out, or export the model with a free batch dimension".to_owned()]
            }
            Self::OtherSequence { .. } => {
                vec!["leave the length out, or export the model with a free sequence dimension".to_owned()]
            }
            Self::TooLarge { .. } => vec!["give smaller sizes in the model's `inputs` in .mlbuild.yml".to_owned()],
            Self::Unsupported { .. } => {
                vec!["models with text, sequence or optional inputs cannot be measured yet".to_owned()]
            }
        }
    }
}

/// Names for a message.
fn list(names: &[String]) -> String {
    names.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ")
}
