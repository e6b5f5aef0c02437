//! Why layers could not be compared, and what to do about it.

use crate::files::FileError;
use crate::hint::Hint;
use crate::model::Format;
use crate::model::ModelError;
use crate::model::dataset::DatasetError;
use crate::model::tflite::WriteError;
use crate::runtime::WorkerError;

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
    /// A copy of a model does not fit its format.
    #[error("a copy of the model that yields its intermediate tensors cannot be made")]
    TooLarge(#[source] WriteError),
    /// A build whose layers cannot be looked at.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Builds of different formats.
    #[error("layers of {first} and {second} models cannot be compared with each other")]
    Formats {
        /// The first build's.
        first: Format,
        /// The second build's.
        second: Format,
    },
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
            Self::TooLarge(error) => error.hints(),
            Self::Model(error) => error.hints(),
            Self::NothingInCommon { .. } => {
                vec!["the second build must be derived from the first one and keep the names of its tensors".to_owned()]
            }
            Self::Formats { .. } => {
                vec![
                    "a converter's names do not say which values its operators hold: convert the first model too, with `mlbuild build \
                     --target generic_linux --output`, and compare the two TensorFlow Lite models"
                        .to_owned(),
                    "`mlbuild accuracy` compares outputs across formats".to_owned(),
                ]
            }
            Self::NoSamples => vec!["add samples to the dataset, or leave it out".to_owned()],
        }
    }
}
