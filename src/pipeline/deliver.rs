//! Writes a variant where a person wants it: whole files or none, external data beside the model, and never over the model that it was
//! made from.

use std::fs;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::model::Model;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::store::Objects;
use crate::store::StoreError;

/// Why a variant cannot be written there.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The model itself.
    #[error("`{}` is the model that the variant is made from, which is never changed", .0.display())]
    Source(PathBuf),
    /// A folder.
    #[error("`{}` is a folder", .0.display())]
    Folder(PathBuf),
    /// There is no such folder.
    #[error("cannot write `{}`: the folder `{}` does not exist", path.display(), folder.display())]
    NoFolder {
        /// What was asked for.
        path: PathBuf,
        /// What is missing.
        folder: PathBuf,
    },
    /// The model's external data would replace another file.
    #[error("the variant's external data goes into `{}`, and another file is there", .0.display())]
    Taken(PathBuf),
    /// The name of a file of the variant leads out of the folder.
    #[error("the variant's external data has the unusable name `{0}`")]
    Name(String),
    /// It cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The variant is not in the store any more.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Hint for DeliverError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Source(_) => vec!["give `--output` another name".to_owned()],
            Self::Folder(_) => vec!["name a file in it, such as `model.fp16.onnx`".to_owned()],
            Self::NoFolder { folder, .. } => vec![format!("make it first: `mkdir -p {}`", folder.display())],
            Self::Taken(_) => vec!["write the variant into a folder of its own".to_owned()],
            Self::Name(_) => {
                vec!["export the model again, without external data or with a plain name for it".to_owned()]
            }
            Self::File(error) => error.hints(),
            Self::Store(error) => error.hints(),
        }
    }
}

/// Says before the work whether a variant of `source` may be written to `path`.
pub fn check(path: &Path, source: &Model) -> Result<(), DeliverError> {
    if path.is_dir() {
        return Err(DeliverError::Folder(path.to_owned()));
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(DeliverError::NoFolder {
            path: path.to_owned(),
            folder: folder.to_owned(),
        });
    }
    if files_of(source).iter().any(|file| is_same(file, path)) {
        return Err(DeliverError::Source(path.to_owned()));
    }
    Ok(())
}

/// Writes `stored`, the model first, to `path`; external data goes beside it under the names that the model gives. Returns every path.
pub fn deliver(
    stored: &[StoredFile],
    objects: &Objects,
    path: &Path,
    source: &Model,
) -> Result<Vec<PathBuf>, DeliverError> {
    check(path, source)?;
    let own = files_of(source);
    let mut copies: Vec<(PathBuf, PathBuf)> = Vec::with_capacity(stored.len());
    for (index, file) in stored.iter().enumerate() {
        let from = objects.verify(&file.digest)?;
        if index == 0 {
            copies.push((from, path.to_owned()));
            continue;
        }
        let name = Path::new(&file.name);
        if !name.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(DeliverError::Name(file.name.clone()));
        }
        let to = folder_of(path).join(name);
        if to.exists() {
            if is_same(&to, path) {
                return Err(DeliverError::Taken(to));
            }
            if holds(&to, file)? {
                continue;
            }
            return Err(if own.iter().any(|file| is_same(file, &to)) {
                DeliverError::Source(to)
            } else {
                DeliverError::Taken(to)
            });
        }
        copies.push((from, to));
    }
    // The model last, so that there is none without its data.
    copies.reverse();
    for (from, to) in &copies {
        if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(FileError::at("create the folder", folder))?;
        }
        files::copy_atomic(from, to, files::Durability::Synced)?;
    }
    let mut written: Vec<PathBuf> = copies.into_iter().map(|(_, to)| to).collect();
    written.reverse();
    Ok(written)
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Every file of a model.
fn files_of(model: &Model) -> Vec<PathBuf> {
    let folder = folder_of(&model.path);
    let external = model.external.iter().map(|file| folder.join(&file.location));
    std::iter::once(model.path.clone()).chain(external).collect()
}

/// True where both names lead to one file, links included.
fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(before), Ok(after)) => same_file(&before, &after) || same_path(one, other),
        _ => false,
    }
}

fn same_path(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(unix)]
fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same_file(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}

/// True where the file at `path` has the content already.
fn holds(path: &Path, file: &StoredFile) -> Result<bool, FileError> {
    let size = fs::metadata(path).map_err(FileError::at("read", path))?.len();
    if size != file.bytes {
        return Ok(false);
    }
    let bytes = fs::read(path).map_err(FileError::at("read", path))?;
    Ok(Digest::of(&bytes) == file.digest)
}
