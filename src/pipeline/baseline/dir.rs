//! Baselines in a folder: `manifest.json` and one file an artifact, named by digest. Meant to be committed or kept on a disk.
//!
//! Files are written before the manifest and removed after it, so that every moment holds one whole baseline.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::pipeline::baseline::manifest;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::manifest::ManifestError;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::store::Objects;
use crate::store::StoreError;

/// Why a folder's baseline cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// The folder, the manifest or a file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The manifest is not usable.
    #[error("the baseline in `{}` is refused: {source}", path.display())]
    Manifest {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// A file is not what the manifest says.
    #[error("the baseline file `{}` is refused: {what}", path.display())]
    Tampered {
        /// The file.
        path: PathBuf,
        /// Found and expected.
        what: String,
    },
    /// The object store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Hint for DirError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Manifest {
                source: ManifestError::OtherSchema { .. },
                ..
            } => {
                vec!["use the version of mlbuild that wrote it, or write it anew with this one: `mlbuild baseline refresh`".to_owned()]
            }
            Self::Manifest { .. } | Self::Tampered { .. } => {
                vec!["restore the folder from its commit, or write it anew from a trusted model: `mlbuild baseline refresh`".to_owned()]
            }
            Self::Store(_) => {
                vec!["remove `.mlbuild/objects` and run again; everything in it can be made anew".to_owned()]
            }
        }
    }
}

/// Reads the manifest of the baseline in `folder`; `None` where there is none.
pub fn read(folder: &Path) -> Result<Option<Manifest>, DirError> {
    let path = folder.join(manifest::FILE_NAME);
    let refused = |source| DirError::Manifest {
        path: folder.to_owned(),
        source,
    };
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(FileError {
                action: "read",
                path,
                source: error,
            }
            .into());
        }
        Ok(metadata) if metadata.len() > manifest::MAX_BYTES => {
            return Err(refused(ManifestError::TooLarge(metadata.len())));
        }
        Ok(_) => {}
    }
    let bytes = fs::read(&path).map_err(FileError::at("read", &path))?;
    Manifest::parse(&bytes).map(Some).map_err(refused)
}

/// Copies a file of the baseline in `folder` to the object store, after checking its length and digest.
pub fn fetch(folder: &Path, file: &StoredFile, objects: &Objects) -> Result<PathBuf, DirError> {
    let path = folder.join(file.asset_name());
    let tampered = |what: String| DirError::Tampered {
        path: path.clone(),
        what,
    };
    let metadata = fs::symlink_metadata(&path).map_err(FileError::at("read", &path))?;
    if !metadata.is_file() {
        return Err(tampered("not a regular file".to_owned()));
    }
    if metadata.len() != file.bytes {
        return Err(tampered(format!(
            "{} bytes, the manifest says {}",
            metadata.len(),
            file.bytes
        )));
    }
    let bytes = fs::read(&path).map_err(FileError::at("read", &path))?;
    let found = Digest::of(&bytes);
    if found != file.digest {
        return Err(tampered(format!(
            "SHA-256 {}…, the manifest says {}…",
            found.short(),
            file.digest.short()
        )));
    }
    let digest = objects.put(&bytes)?;
    Ok(objects.verify(&digest)?)
}

/// Writes `manifest` and its files, out of the object store, to `folder`; then removes the files of the baseline that it replaces.
pub fn publish(folder: &Path, manifest: &Manifest, objects: &Objects) -> Result<(), DirError> {
    // What cannot be read as a baseline names no files that are ours to remove.
    let previous = read(folder).ok().flatten();
    for file in manifest.files() {
        let path = folder.join(file.asset_name());
        if Digest::of_file(&path).is_ok_and(|found| found == file.digest) {
            continue;
        }
        let object = objects.verify(&file.digest)?;
        let bytes = fs::read(&object).map_err(FileError::at("read", &object))?;
        files::write_atomic(&path, &bytes)?;
    }
    let bytes = manifest.to_bytes().map_err(|source| DirError::Manifest {
        path: folder.to_owned(),
        source,
    })?;
    files::write_atomic(&folder.join(manifest::FILE_NAME), &bytes)?;
    if let Some(previous) = previous {
        remove_replaced(folder, &previous, manifest)?;
    }
    Ok(())
}

/// Removes what `previous` names and `manifest` does not.
fn remove_replaced(folder: &Path, previous: &Manifest, manifest: &Manifest) -> Result<(), FileError> {
    let named: Vec<String> = manifest.files().iter().map(|file| file.asset_name()).collect();
    for file in previous.files() {
        let name = file.asset_name();
        let path = folder.join(&name);
        if named.contains(&name) {
            continue;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(FileError::at("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
