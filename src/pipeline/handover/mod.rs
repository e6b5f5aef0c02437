//! A result's way from a job that may not write to GitHub to one that may: as the artifact of a workflow run.
//!
//! The run belongs to whoever opened the pull request, and so does everything in the artifact. What is believed is only what GitHub itself
//! says; the rest is read strictly, compared with it, and judged again by the limits of the base.

mod archive;
mod fetch;
mod file;
mod rejudge;

use std::path::Path;
use std::path::PathBuf;

use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::pipeline::baseline::tag;
use crate::report::handover;
use crate::report::handover::Handover;
use crate::report::handover::HandoverError;

pub use archive::ArchiveError;
pub use fetch::Fetched;
pub use fetch::Origin;
pub use fetch::RefusedResult;
pub use fetch::fetch;
pub use file::file;
pub use rejudge::Base;
pub use rejudge::rejudge;

/// The one file in the artifact.
pub const FILE_NAME: &str = "result.json";

/// What every result's artifact is called, before its gate's key.
pub const ARTIFACT_PREFIX: &str = "mlbuild-result-";

/// The artifact's name for a gate.
pub fn artifact_name(key: &str) -> String {
    format!("{ARTIFACT_PREFIX}{}", tag::slug(key))
}

/// Why a result could not be put down.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It does not fit the format.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for WriteError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Handover(error) => error.hints(),
            Self::File(error) => error.hints(),
        }
    }
}

/// Writes a result below `folder`, in a folder that is called like its artifact, and returns the file's path.
pub fn write(folder: &Path, handover: &Handover) -> Result<PathBuf, WriteError> {
    let path = folder.join(artifact_name(&handover.key)).join(FILE_NAME);
    files::write_atomic(&path, handover::to_text(handover)?.as_bytes())?;
    Ok(path)
}
