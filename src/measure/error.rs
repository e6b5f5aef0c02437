//! Why a comparison could not be measured, and on which side.

use crate::hint::Hint;
use crate::measure::profile::EventsError;
use crate::measure::samples::Which;
use crate::model::dataset::DatasetError;
use crate::runtime::WorkerError;

/// What went wrong, always with the side where there is one.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// Its worker failed.
    #[error("the {} could not be measured", side.word())]
    Worker {
        /// Whose worker.
        side: Which,
        /// What happened to it.
        #[source]
        source: WorkerError,
    },
    /// A sample of the dataset cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The candidate yields NaN or infinity where the baseline doesn't.
    #[error(
        "the candidate's output `{output}` holds NaN or infinity at sample {sample}, where the baseline's does not"
    )]
    NotFinite {
        /// The output's name.
        output: String,
        /// Which sample, counted from 0.
        sample: usize,
    },
    /// Neither side yields a single number.
    #[error("output `{output}` holds nothing but NaN or infinity at sample {sample}, on both sides")]
    NeverFinite {
        /// The output's name.
        output: String,
        /// Which sample, counted from 0.
        sample: usize,
    },
    /// A side that was run alone yields NaN or infinity.
    #[error("the candidate's output `{output}` holds NaN or infinity at sample {sample}")]
    Alone {
        /// The output's name.
        output: String,
        /// Which sample, counted from 0.
        sample: usize,
    },
    /// The candidate lacks an output that the baseline has.
    #[error("the candidate has no output `{output}`, only {}", quoted(found))]
    OutputMissing {
        /// The output's name.
        output: String,
        /// What the candidate has.
        found: Vec<String>,
    },
    /// An output changed its shape.
    #[error("output `{output}` has the shape {baseline:?} in the baseline and {candidate:?} in the candidate")]
    ShapesDiffer {
        /// The output's name.
        output: String,
        /// The baseline's shape.
        baseline: Vec<u64>,
        /// The candidate's shape.
        candidate: Vec<u64>,
    },
    /// The engine's profile is not what it should be.
    #[error("the engine's profile cannot be used: {detail}")]
    Profile {
        /// What is wrong with it.
        detail: String,
    },
    /// There is no sample, or no output that holds numbers.
    #[error("there are no numeric outputs to compare")]
    NothingToCompare,
}

impl From<EventsError> for MeasureError {
    fn from(error: EventsError) -> Self {
        Self::Profile {
            detail: error.to_string(),
        }
    }
}

impl MeasureError {
    /// The side that failed, where it was one.
    pub fn side(&self) -> Option<Which> {
        match self {
            Self::Worker { side, .. } => Some(*side),
            Self::NotFinite { .. } | Self::Alone { .. } | Self::OutputMissing { .. } | Self::ShapesDiffer { .. } => {
                Some(Which::Candidate)
            }
            Self::Dataset(_) | Self::NeverFinite { .. } | Self::Profile { .. } | Self::NothingToCompare => None,
        }
    }

    /// The whole story in one sentence fragment, causes included.
    pub fn explanation(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl Hint for MeasureError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Worker { side, source } => {
                let mut hints = source.hints();
                if *side == Which::Baseline {
                    hints.push("it is the baseline that fails, not the change; a fresh baseline may help".to_owned());
                }
                hints
            }
            Self::Dataset(error) => error.hints(),
            Self::NotFinite { .. } | Self::NeverFinite { .. } | Self::Alone { .. } => {
                vec!["look for a division by zero, an overflow in 16-bit floats, or a logarithm of zero".to_owned()]
            }
            Self::OutputMissing { .. } | Self::ShapesDiffer { .. } => {
                vec!["if the new signature is meant, merge it with a fresh baseline".to_owned()]
            }
            Self::Profile { .. } => {
                vec!["profile fewer runs (`--runs`), or pin another `runtime.version`".to_owned()]
            }
            Self::NothingToCompare => vec!["give the model at least one output that holds numbers".to_owned()],
        }
    }
}

fn quoted(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
