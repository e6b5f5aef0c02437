//! `result.json`: what a job that may not write to GitHub hands to one that may. Data alone, no Markdown: whoever reads it renders it.
//!
//! Who wrote the file is not trusted, so it is read strictly: a known version, known fields, capped in bytes, nesting, counts, text and
//! numbers, no character that is not seen, and nothing that contradicts itself. What it says of commits, run and pull request is a claim to
//! compare with what GitHub says. Lines to copy into a shell, addresses and links are not in it: the reader makes its own.

mod check;
mod error;
mod wire;
mod write;

use crate::github::CommitSha;
use crate::github::PrNumber;
use crate::github::RepoName;
use crate::report::Report;
use crate::verdict::Outcome;

pub use error::HandoverError;
pub use write::to_text;

/// What kind of file it is.
pub const SCHEMA: &str = "mlbuild-handover";

/// The version that is written and read.
pub const VERSION: u32 = 1;

/// A longer file is neither written nor read.
pub const MAX_BYTES: usize = 1 << 20;

/// More hints of a failure than this are neither written nor read.
const MAX_HINTS: usize = 20;

/// One gate's result on its way to another job.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover {
    /// The repository whose pull request was gated.
    pub repository: RepoName,
    /// The workflow run that measured.
    pub run_id: u64,
    /// Its attempt, from 1.
    pub attempt: u64,
    /// The pull request, where it is one.
    pub pull: Option<PrNumber>,
    /// Tells this gate from others.
    pub key: String,
    /// The commit that was judged.
    pub head: CommitSha,
    /// The commit that it was compared with.
    pub base: Option<CommitSha>,
    /// What came of it.
    pub content: Content,
}

/// What came of a gate.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// It was judged.
    Judged(Box<Judged>),
    /// It could not be judged.
    Failed(Failure),
}

/// A verdict and all that it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The report. In one that was read, the context has commits, key, config path and baseline alone.
    pub report: Report,
    /// What it means for the check, policies applied.
    pub outcome: Outcome,
}

/// Why there is no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, one sentence fragment.
    pub reason: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// True where somebody stopped the run.
    pub cancelled: bool,
}

/// Reads a file that somebody else wrote.
pub fn from_bytes(bytes: &[u8]) -> Result<Handover, HandoverError> {
    if bytes.len() > MAX_BYTES {
        return Err(HandoverError::TooLong(bytes.len() as u64));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| HandoverError::NotText)?;
    let header: wire::Header = serde_json::from_str(text).map_err(HandoverError::NotAHandover)?;
    if header.schema != SCHEMA {
        return Err(HandoverError::OtherSchema(crate::report::clean::line(
            &header.schema,
            crate::report::clean::NAME_LENGTH,
        )));
    }
    if header.version != VERSION {
        return Err(HandoverError::OtherVersion(header.version));
    }
    let value: serde_json::Value = serde_json::from_str(text).map_err(HandoverError::NotAHandover)?;
    check::shape(&value)?;
    // From the text, not from the value: a field that stands twice is refused here.
    let file: wire::File = serde_json::from_str(text).map_err(HandoverError::Malformed)?;
    let handover = file.into_handover()?;
    check::sense(&handover)?;
    Ok(handover)
}
