//! A model as git holds it at a commit: the first baseline of every project, and the exact one while a refresh still runs.

use std::path::Path;

use bytes::Bytes;

use crate::github::Client;
use crate::github::CommitSha;
use crate::github::GithubError;
use crate::github::contents;
use crate::hint::Hint;
use crate::model::Format;
use crate::model::ModelError;
use crate::model::format;
use crate::model::onnx::read;
use crate::model::onnx::tensor_view::DataReference;
use crate::model::onnx::visit;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::store::Objects;
use crate::store::StoreError;

/// GitHub gives files up to this size out of a commit.
pub const MAX_BYTES: u64 = 100_000_000;

/// Why a committed model cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum AtCommitError {
    /// GitHub did not give the file.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// Git holds a pointer only.
    #[error("git holds a Git LFS pointer for `{0}`, not the model")]
    LfsPointer(String),
    /// A part of the model is not committed.
    #[error("`{path}` at {commit} needs `{location}`, which is not committed beside it")]
    NoExternalData {
        /// The model.
        path: String,
        /// The commit.
        commit: String,
        /// The part.
        location: String,
    },
    /// The model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The object store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Hint for AtCommitError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Github(error) => error.hints(),
            Self::LfsPointer(_) => vec![
                "run the baseline job on the default branch (with `lfs: true` in its checkout): its release carries the model"
                    .to_owned(),
            ],
            Self::NoExternalData { .. } => {
                vec!["run the baseline job on the default branch: its release carries the model with its data".to_owned()]
            }
            Self::Model(error) => error.hints(),
            Self::Store(error) => error.hints(),
        }
    }
}

/// The model at `path` (relative to the repository's root) in `commit`, with its external data, put into the object store;
/// `None` where the commit has no such file.
pub fn fetch(
    client: &Client,
    path: &str,
    commit: &CommitSha,
    objects: &Objects,
) -> Result<Option<Vec<StoredFile>>, AtCommitError> {
    let Some(bytes) = file(client, path, commit)? else {
        return Ok(None);
    };
    let bytes = Bytes::from(bytes);
    let format = format::detect_bytes(Path::new(path), &bytes)?;
    let mut files = vec![store(format.file_name(), &bytes, objects)?];
    if format != Format::Onnx {
        return Ok(Some(files));
    }
    for location in locations(path, &bytes)? {
        let beside = match path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{location}"),
            None => location.clone(),
        };
        let data = file(client, &beside, commit)?.ok_or_else(|| AtCommitError::NoExternalData {
            path: path.to_owned(),
            commit: commit.short().to_owned(),
            location: location.clone(),
        })?;
        files.push(store(&location, &data, objects)?);
    }
    Ok(Some(files))
}

fn file(client: &Client, path: &str, commit: &CommitSha) -> Result<Option<Vec<u8>>, AtCommitError> {
    match contents::at(client, path, commit, MAX_BYTES)? {
        None => Ok(None),
        Some(contents) if contents.is_lfs_pointer() => Err(AtCommitError::LfsPointer(path.to_owned())),
        Some(contents) => Ok(Some(contents.bytes)),
    }
}

fn store(name: &str, bytes: &[u8], objects: &Objects) -> Result<StoredFile, StoreError> {
    Ok(StoredFile {
        name: name.to_owned(),
        digest: objects.put(bytes)?,
        bytes: bytes.len() as u64,
    })
}

/// The files beside the model that it refers to, each once, in the order of their first use. Only plain relative paths: the
/// scan that follows refuses every other with its reason.
fn locations(path: &str, bytes: &Bytes) -> Result<Vec<String>, ModelError> {
    let proto = read::decode(std::path::Path::new(path), bytes)?;
    let scopes = visit::scopes(&proto);
    let mut found = Vec::new();
    for site in visit::tensors(&scopes) {
        if let Ok(Some(DataReference { location, .. })) = DataReference::of(site.tensor) {
            let plain = std::path::Path::new(&location)
                .components()
                .all(|component| matches!(component, std::path::Component::Normal(_)));
            if plain && !location.contains('\\') && !found.contains(&location) {
                found.push(location);
            }
        }
    }
    Ok(found)
}
