//! The results that a workflow run has left behind, each compared with what GitHub itself says of the run.

use std::collections::BTreeMap;

use super::ARTIFACT_PREFIX;
use super::FILE_NAME;
use super::archive;
use super::archive::ArchiveError;
use super::artifact_name;
use crate::digest::Digest;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::GithubError;
use crate::github::PrNumber;
use crate::github::artifact;
use crate::github::artifact::Artifact;
use crate::hint::Hint;
use crate::report::clean;
use crate::report::handover;
use crate::report::handover::Handover;
use crate::report::handover::HandoverError;

/// More gates than this in one run are not reported.
const MAX_RESULTS: usize = 20;

/// What GitHub says of the run, and of the pull request that it belongs to.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The run.
    pub run_id: u64,
    /// Its newest attempt.
    pub attempt: u64,
    /// The commit that it ran on.
    pub head: CommitSha,
    /// The open pull requests that propose this very commit.
    pub pulls: Vec<PrNumber>,
}

/// One artifact, read or refused.
#[derive(Debug)]
pub struct Fetched {
    /// The artifact's name.
    pub name: String,
    /// What it says, or why it is not believed.
    pub result: Result<Handover, RefusedResult>,
}

/// Why a result is not believed.
#[derive(Debug, thiserror::Error)]
pub enum RefusedResult {
    /// GitHub has deleted it.
    #[error("the result `{0}` has expired")]
    Expired(String),
    /// Too long to be a result.
    #[error("the artifact has {bytes} bytes, expected at most {limit}")]
    TooLong {
        /// Its size.
        bytes: u64,
        /// What is downloaded at most.
        limit: u64,
    },
    /// What arrived is not what was uploaded.
    #[error("the artifact's digest is not the one that GitHub knows")]
    Damaged,
    /// It cannot be had.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The file in it.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// It claims to come from elsewhere.
    #[error("the result says {claimed}, and GitHub says {known}")]
    Foreign {
        /// What the file says.
        claimed: String,
        /// What GitHub says.
        known: String,
    },
}

impl Hint for RefusedResult {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Expired(_) => vec!["re-run the job that measures, so that there is a new result".to_owned()],
            Self::TooLong { .. } | Self::Foreign { .. } => vec![
                "the result must be the one that mlbuild's action wrote in this very run, unchanged: re-run the job that measures"
                    .to_owned(),
            ],
            Self::Damaged => vec!["re-run this job; if it stays so, re-run the job that measures".to_owned()],
            Self::Github(error) => error.hints(),
            Self::Archive(error) => error.hints(),
            Self::Handover(error) => error.hints(),
        }
    }
}

/// The results of the run, by name, the newest of each, and how many were left out because there are too many.
pub fn fetch(client: &Client, origin: &Origin) -> Result<(Vec<Fetched>, usize), GithubError> {
    let mut newest: BTreeMap<String, Artifact> = BTreeMap::new();
    for artifact in artifact::list(client, origin.run_id)? {
        if !artifact.name.starts_with(ARTIFACT_PREFIX) {
            continue;
        }
        // An attempt that ran again has uploaded again.
        if newest.get(&artifact.name).is_none_or(|known| known.id < artifact.id) {
            newest.insert(artifact.name.clone(), artifact);
        }
    }
    let left_out = newest.len().saturating_sub(MAX_RESULTS);
    let fetched = newest
        .into_values()
        .take(MAX_RESULTS)
        .map(|artifact| Fetched {
            name: artifact.name.clone(),
            result: one(client, &artifact, origin),
        })
        .collect();
    Ok((fetched, left_out))
}

fn one(client: &Client, artifact: &Artifact, origin: &Origin) -> Result<Handover, RefusedResult> {
    let limit = archive::MAX_ARCHIVE_BYTES;
    if artifact.expired {
        let name = clean::line(&artifact.name, clean::NAME_LENGTH);
        return Err(RefusedResult::Expired(name));
    }
    if artifact.size_in_bytes > limit {
        return Err(RefusedResult::TooLong {
            bytes: artifact.size_in_bytes,
            limit,
        });
    }
    let bytes = artifact::download(client, artifact, limit)?;
    if artifact.digest().is_some_and(|digest| digest != Digest::of(&bytes)) {
        return Err(RefusedResult::Damaged);
    }
    let handover = handover::from_bytes(&archive::only(&bytes, FILE_NAME)?)?;
    prove(client, artifact, &handover, origin)?;
    Ok(handover)
}

/// Compares what the file says of its origin with what GitHub says.
fn prove(client: &Client, artifact: &Artifact, handover: &Handover, origin: &Origin) -> Result<(), RefusedResult> {
    let foreign = |claimed: String, known: String| Err(RefusedResult::Foreign { claimed, known });
    if handover.repository != *client.repo() {
        return foreign(format!("`{}`", handover.repository), format!("`{}`", client.repo()));
    }
    // Jobs that did not run again keep the result of an earlier attempt.
    if handover.run_id != origin.run_id || handover.attempt > origin.attempt {
        return foreign(
            format!("run {}.{}", handover.run_id, handover.attempt),
            format!("run {}.{}", origin.run_id, origin.attempt),
        );
    }
    if handover.head != origin.head {
        return foreign(
            format!("commit {}", handover.head.short()),
            format!("commit {}", origin.head.short()),
        );
    }
    let name = artifact_name(&handover.key);
    if name != artifact.name {
        return foreign(
            format!("that it is called `{name}`"),
            format!("`{}`", clean::line(&artifact.name, clean::NAME_LENGTH)),
        );
    }
    match handover.pull {
        Some(pull) if !origin.pulls.is_empty() && !origin.pulls.contains(&pull) => {
            let known: Vec<String> = origin.pulls.iter().map(|pull| format!("#{pull}")).collect();
            foreign(format!("pull request #{pull}"), known.join(", "))
        }
        _ => Ok(()),
    }
}
