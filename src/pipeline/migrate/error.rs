//! Why a workspace does not come over.

use std::io;
use std::path::PathBuf;

use crate::files::FileError;
use crate::hint::Hint;
use crate::registry::RegistryError;
use crate::store::StoreError;

use super::super::workspace::WorkspaceError;

/// A move that did not take place, or not to its end. Their files are untouched in every case.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Our registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Our workspace.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// Our blobs.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No place for a copy.
    #[error("cannot make a temporary folder")]
    Temporary(#[source] io::Error),
    /// There is nothing to come from.
    #[error("no workspace of the Python tool in `{}`", folder.display())]
    Nothing {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The registry there is ours.
    #[error("`{}` is a workspace of this mlbuild, not of the Python tool", folder.display())]
    Ours {
        /// The workspace.
        folder: PathBuf,
    },
    /// Ours would lie in the same folder.
    #[error("`{}` is the Python tool's, and ours would lie in the same folder", folder.display())]
    SamePlace {
        /// Their workspace.
        folder: PathBuf,
    },
    /// A version of their schema that is not known.
    #[error("the registry `{}` has schema {found}, schemas 6 to 9 are read", path.display())]
    Schema {
        /// Their registry.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// Their registry changed while it was copied.
    #[error("`{}` is being written to", path.display())]
    Busy {
        /// Their registry.
        path: PathBuf,
    },
    /// Their registry cannot be read.
    #[error("cannot read the registry `{}`", path.display())]
    Unreadable {
        /// Their registry.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// Their registry is damaged.
    #[error("the registry `{}` is damaged: {what}", path.display())]
    Damaged {
        /// Their registry.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Their settings cannot be read.
    #[error("cannot read `{}`: {reason}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Hint for MigrateError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Registry(error) => error.hints(),
            Self::Workspace(error) => error.hints(),
            Self::Store(error) => error.hints(),
            Self::Temporary(_) => vec!["check that `TMPDIR` names a folder that can be written to".to_owned()],
            Self::Nothing { .. } => vec![
                "name the folder that holds its `registry.db`: `mlbuild migrate --from FOLDER`".to_owned(),
            ],
            Self::Ours { .. } => vec!["name the Python tool's folder: `mlbuild migrate --from FOLDER`".to_owned()],
            Self::SamePlace { .. } => vec![
                "give it another name, then come from there: `mv .mlbuild .mlbuild-python && mlbuild migrate --from .mlbuild-python`".to_owned(),
                "or fill the workspace of another project: `mlbuild migrate --into FOLDER`; `--dry-run` shows what would come".to_owned(),
            ],
            Self::Schema { .. } => vec!["open it once with the Python tool's version 0.2.0, which upgrades it".to_owned()],
            Self::Busy { .. } => vec!["run it again when the Python tool is done".to_owned()],
            Self::Unreadable { .. } | Self::Damaged { .. } => {
                vec!["`sqlite3 registry.db .recover` may save what is in it, on a copy".to_owned()]
            }
            Self::Settings { .. } => vec!["mend the file, or move it away: the rest comes over without it".to_owned()],
        }
    }
}
