//! What can go wrong with a registry, and what to do about it.

use std::path::PathBuf;

use crate::digest::Digest;
use crate::files;
use crate::files::FileError;
use crate::hint::Hint;

/// A registry that cannot be used, or a question that it cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Its folder cannot be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// SQLite refused.
    #[error("cannot {action} the registry `{}`", path.display())]
    Sqlite {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The registry.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is a database of something else.
    #[error("`{}` is not a registry of mlbuild", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer mlbuild.
    #[error("the registry `{}` has version {found}, this mlbuild reads up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is read.
        known: i64,
    },
    /// The file was written by an older mlbuild, and can only be read.
    #[error("the registry `{}` has version {found}, and cannot be upgraded to {known}: it is read-only", path.display())]
    Outdated {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version that is read.
        known: i64,
    },
    /// A row that does not hold what it should.
    #[error("the registry `{}` is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which value, and why.
        what: String,
    },
    /// A build that is not there.
    #[error("no build or tag `{text}` in the registry")]
    NotFound {
        /// What was asked for.
        text: String,
        /// The closest tag or name, where one is close.
        nearest: Option<String>,
    },
    /// A build that was removed and not purged.
    #[error("the build {} was removed on {at}", id.short())]
    Removed {
        /// The build.
        id: Digest,
        /// When, ISO 8601 in UTC.
        at: String,
    },
    /// The name of more than one build.
    #[error("`{text}` is the name of {count} builds: {shown}")]
    Namesakes {
        /// What was asked for.
        text: String,
        /// How many builds have it.
        count: usize,
        /// Some of them: short id, name and recipe.
        shown: String,
    },
    /// A record of this kind that is not there, or that several have.
    #[error("{found} {kind} `{text}` in the registry")]
    NoRecord {
        /// `experiment`, `run`, `history entry`, `remote`, `tag`.
        kind: &'static str,
        /// What was asked for.
        text: String,
        /// `no` or `more than one`.
        found: &'static str,
    },
    /// No remote was named, and none is the default.
    #[error("no remote is named, and none is the default")]
    NoDefaultRemote,
    /// A record whose name is taken.
    #[error("there is {article} {kind} `{name}` already")]
    Taken {
        /// `a` or `an`.
        article: &'static str,
        /// `experiment`, `remote`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The beginning of more than one id.
    #[error("`{text}` is the beginning of {count} builds: {shown}")]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// How many builds it may mean.
        count: usize,
        /// Some of them: short id, model and recipe.
        shown: String,
    },
    /// A name that cannot be a tag.
    #[error("`{name}` cannot be a tag: {reason}")]
    BadTag {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
}

impl Hint for RegistryError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Sqlite { path, source, .. } => match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                    vec!["another process holds the registry; run again when it is done".to_owned()]
                }
                Some(
                    rusqlite::ErrorCode::ReadOnly
                    | rusqlite::ErrorCode::CannotOpen
                    | rusqlite::ErrorCode::PermissionDenied,
                ) => {
                    let folder = path.parent().unwrap_or(path);
                    if path.is_file() && !files::is_writable(path) {
                        return vec![format!(
                            "`{}` is read-only: what is in it can be looked at, and nothing can be added or changed",
                            folder.display()
                        )];
                    }
                    vec![format!(
                        "check that `{}` is a folder that can be written to",
                        folder.display()
                    )]
                }
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                    vec!["`mlbuild doctor` says what can be saved, `mlbuild doctor --repair` saves it".to_owned()]
                }
                Some(rusqlite::ErrorCode::SystemIoFailure) => {
                    vec!["the disk, a quota or a limit may be full: free some space and run again; nothing was half-written".to_owned()]
                }
                Some(rusqlite::ErrorCode::DiskFull) => {
                    vec!["the disk is full: free some space and run again".to_owned()]
                }
                _ => Vec::new(),
            },
            Self::Foreign { .. } => vec!["move the file away, or work in another folder; where the Python tool made it, `mlbuild migrate` says how to come over".to_owned()],
            Self::Newer { .. } => vec!["use the newer mlbuild that wrote it".to_owned()],
            Self::Outdated { .. } => {
                vec!["run any command where it can be written, or copy the workspace to such a place".to_owned()]
            }
            Self::Damaged { .. } => {
                vec!["`mlbuild doctor` says what can be saved, `mlbuild doctor --repair` saves it".to_owned()]
            }
            Self::NotFound { nearest, .. } => nearest.iter().map(|name| format!("did you mean `{name}`?")).collect(),
            Self::Ambiguous { .. } => vec!["give more digits".to_owned()],
            Self::Namesakes { .. } => vec!["say which by its id".to_owned()],
            Self::Removed { id, .. } => vec![format!("`mlbuild prune --restore {}` brings it back", id.short())],
            Self::NoRecord { kind, .. } => vec![
                match *kind {
                    "experiment" => "`mlbuild experiment list` shows them",
                    "run" => "`mlbuild run list` shows them",
                    "remote" => "`mlbuild remote list` shows them; `mlbuild remote add` makes one",
                    "tag" => "`mlbuild tag list` shows them",
                    _ => "`mlbuild history` shows them",
                }
                .to_owned(),
            ],
            Self::NoDefaultRemote => vec![
                "`mlbuild remote add NAME --backend local --path FOLDER`, or `--backend s3 --bucket BUCKET`, sets one up".to_owned(),
            ],
            Self::Taken { .. } => vec!["choose another name".to_owned()],
            Self::BadTag { .. } => {
                vec!["tags are letters, digits, `.`, `_`, `-` and `/`, and start with a letter or digit".to_owned()]
            }
        }
    }
}
