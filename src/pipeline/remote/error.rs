//! Why builds could not be moved at all. What is wrong with one of several builds is in the result instead.

use crate::digest::Digest;
use crate::hint::Hint;
use crate::registry::RegistryError;
use crate::store::remote::RemoteError;

use super::record::RecordError;

/// A push, pull or sync that did not happen, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum RemotesError {
    /// The remote.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A backend that this version does not have.
    #[error("the remote `{name}` has the backend `{backend}`, which this mlbuild does not know")]
    Backend {
        /// The remote.
        name: String,
        /// Its backend.
        backend: String,
    },
    /// A remote without what its backend needs.
    #[error("the remote `{name}` has no {what}")]
    Incomplete {
        /// The remote.
        name: String,
        /// `bucket`, `path`.
        what: &'static str,
    },
    /// No such build on the remote.
    #[error("no build or tag `{text}` on {place}")]
    NotThere {
        /// What was asked for.
        text: String,
        /// The remote, for people.
        place: String,
        /// The tag that is most like it.
        nearest: Option<String>,
    },
    /// The beginning of several ids.
    #[error("`{text}` is the beginning of {} builds on the remote: {}", found.len(), shown(found))]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// What it may mean.
        found: Vec<Digest>,
    },
    /// A record that cannot be used.
    #[error("the record of the build {} at {place} cannot be used: {source}", id.short())]
    Record {
        /// The build.
        id: Digest,
        /// The remote, for people.
        place: String,
        /// Why not.
        #[source]
        source: RecordError,
    },
    /// Both sides say something different of one build.
    #[error("the build {} is another here than at {place}: they differ in {}", id.short(), fields.join(", "))]
    Contradiction {
        /// The build.
        id: Digest,
        /// The remote, for people.
        place: String,
        /// In what.
        fields: Vec<&'static str>,
    },
    /// A parent that is nowhere.
    #[error("its parent {} is neither here nor at {place}", parent.short())]
    NoParent {
        /// The parent.
        parent: Digest,
        /// The remote, for people.
        place: String,
    },
    /// Something that needs `--force`.
    #[error("{count} build{} of the {side} would be taken away, because the other side does not have {}", if *count == 1 { "" } else { "s" }, if *count == 1 { "it" } else { "them" })]
    TakesAway {
        /// How many.
        count: usize,
        /// `registry` or `remote`.
        side: &'static str,
    },
    /// `reconcile` found that the sides contradict each other.
    #[error("the registry and {place} contradict each other in {count} place{}", if *count == 1 { "" } else { "s" })]
    Diverged {
        /// The remote, for people.
        place: String,
        /// In how many builds and tags.
        count: usize,
    },
}

fn shown(found: &[Digest]) -> String {
    let mut shown: Vec<&str> = found.iter().take(5).map(Digest::short).collect();
    if found.len() > 5 {
        shown.push("…");
    }
    shown.join(", ")
}

impl RemotesError {
    /// True where only this build is concerned, and the others can go on.
    pub(super) fn is_about_one_build(&self) -> bool {
        match self {
            Self::Remote(error) => error.is_about_one_object(),
            Self::Record { .. } | Self::Contradiction { .. } | Self::NoParent { .. } => true,
            _ => false,
        }
    }
}

impl Hint for RemotesError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Remote(error) => return error.hints(),
            Self::Registry(error) => return error.hints(),
            Self::Backend { .. } => "update mlbuild",
            Self::Incomplete { .. } => "remove it and add it again: `mlbuild remote remove`, `mlbuild remote add`",
            Self::NotThere { nearest: Some(tag), .. } => return vec![format!("did you mean `{tag}`?")],
            Self::NotThere { .. } => "`mlbuild pull --all --dry-run` shows what is there",
            Self::Ambiguous { .. } => "give more digits",
            Self::Record {
                source: RecordError::Newer { .. },
                ..
            } => "update mlbuild: a newer version wrote it",
            Self::Record { .. } => "`mlbuild push --force BUILD` from a machine that has the build replaces it",
            Self::Contradiction { .. } => {
                "`push --force` makes the remote as it is here, `pull --force` makes it here as on the remote"
            }
            Self::NoParent { .. } => "push its parent from the machine that has it",
            Self::TakesAway { .. } => {
                "`--dry-run` shows which, `--force` does it; merging (the default mode) takes nothing away"
            }
            Self::Diverged { .. } => {
                "say which side is right: `mlbuild push --force`, `mlbuild pull --force`, or the other modes of `mlbuild sync`"
            }
        };
        vec![hint.to_owned()]
    }
}
