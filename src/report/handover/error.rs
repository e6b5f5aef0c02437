//! Why a handed-over result is neither written nor read.

use crate::github::ids::IdError;
use crate::hint::Hint;
use crate::report::ReportError;

use super::MAX_BYTES;
use super::SCHEMA;
use super::VERSION;

/// A result that is not handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// More bytes than anybody needs.
    #[error("the result file has {0} bytes, expected at most {MAX_BYTES}")]
    TooLong(u64),
    /// No text.
    #[error("the result file is not UTF-8 text")]
    NotText,
    /// Not JSON, or not an object with `schema` and `version`.
    #[error("not a result file: expected JSON with `schema` and `version`")]
    NotAHandover(#[source] serde_json::Error),
    /// JSON of another kind.
    #[error("not a result file: its schema is `{0}`, expected `{SCHEMA}`")]
    OtherSchema(String),
    /// Written by another version of this tool.
    #[error("the result file has version {0}, and this mlbuild reads version {VERSION}")]
    OtherVersion(u32),
    /// A field is missing, unknown, twice there or of the wrong kind.
    #[error("cannot read the result file")]
    Malformed(#[source] serde_json::Error),
    /// Larger, deeper or longer than what this tool writes.
    #[error("the result file has {found} in `{place}`, expected {expected}")]
    Beyond {
        /// Where in the file, dots between names.
        place: String,
        /// What is there.
        found: String,
        /// What may be there.
        expected: String,
    },
    /// A name that names nothing.
    #[error("the result file names something unusable")]
    Name(#[from] IdError),
    /// Two parts that do not agree.
    #[error("the result file contradicts itself: {0}")]
    Contradiction(String),
    /// The report in it does not agree with itself.
    #[error("the result file contradicts itself")]
    Report(#[from] ReportError),
}

impl Hint for HandoverError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::OtherVersion(_) => vec![
                "let both workflows, the one that measures and the one that reports, use the same version of the action"
                    .to_owned(),
            ],
            Self::TooLong(_) => vec!["gate fewer models in one job, or split them by the input `key`".to_owned()],
            _ => vec![
                "the file must be the one that mlbuild's action wrote in this very run, unchanged: re-run the job that measures"
                    .to_owned(),
            ],
        }
    }
}
