//! External data: the files beside a model that hold its large tensors, each opened once.
//!
//! The model file is hostile until shown otherwise, so that a location is only followed beneath the model's folder
//! (`beneath`). Content-addressed artifacts come with an explicit list instead, made by the one who stored them.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;

use crate::files::FileError;
use crate::hint::Hint;
use crate::model::contents::contents;
use crate::model::error::lfs_hints;
use crate::model::format::lfs_pointer;
use crate::model::onnx::beneath;
use crate::model::onnx::beneath::BeneathError;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::shown::shown;
use crate::model::onnx::tensor_view::DataReference;
use crate::model::onnx::tensor_view::TensorError;
use crate::model::onnx::visit;

/// A model may name this many files; exporters write one for all tensors or one for each.
const MAX_FILES: usize = 65_536;

/// All external data together may be this large, in bytes.
const MAX_TOTAL: u64 = 64_000_000_000;

/// A file that holds tensors of a model.
#[derive(Debug, Clone)]
pub struct ExternalFile {
    /// Its name as written in the model, relative to the model's folder.
    pub location: String,
    /// Where it was found.
    pub path: PathBuf,
    /// All of it.
    pub bytes: Bytes,
}

/// External data that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// The location is not safe, or nothing is there.
    #[error("{place} has its data in {}, relative to `{}`: {source}", shown(location), folder.display())]
    Location {
        /// Which tensor.
        place: String,
        /// The location as written.
        location: String,
        /// The model's folder.
        folder: PathBuf,
        /// What is wrong.
        source: BeneathError,
    },
    /// Git put a pointer where the data belongs.
    #[error("{place} has its data in `{}`, which is a Git LFS pointer, not the data itself", path.display())]
    LfsPointer {
        /// Which tensor.
        place: String,
        /// The pointer.
        path: PathBuf,
    },
    /// The explicit list lacks a location.
    #[error("{place} has its data in {}, which was not stored with the model", shown(location))]
    NotListed {
        /// Which tensor.
        place: String,
        /// The location as written.
        location: String,
    },
    /// The description cannot be read.
    #[error("{place} {source}")]
    Malformed {
        /// Which tensor.
        place: String,
        /// What is wrong.
        source: TensorError,
    },
    /// More files, or larger ones, than any real model has.
    #[error("it names external data of more than {0}")]
    TooMuch(String),
    /// The file is there and cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for ExternalError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Location { source, .. } => match source {
                BeneathError::Missing => vec![
                    "put the data file beside the model, under the name that it had when the model was saved".to_owned(),
                    "if Git ignores it or LFS holds it, commit it, or set `lfs: true` under `with:` of actions/checkout"
                        .to_owned(),
                ],
                BeneathError::NotRelative(_) | BeneathError::SymbolicLink | BeneathError::HardLink(_) => vec![
                    "external data must be a plain file beneath the model's folder; save the model again with a plain \
                     file name: `onnx.save(model, path, save_as_external_data=True, location='weights.data')`"
                        .to_owned(),
                ],
                BeneathError::NotAFile | BeneathError::Io(_) => Vec::new(),
            },
            Self::LfsPointer { .. } => lfs_hints(),
            Self::File(error) => error.hints(),
            Self::NotListed { .. } | Self::Malformed { .. } | Self::TooMuch(_) => Vec::new(),
        }
    }
}

/// A location and the first tensor that names it, for messages.
pub(crate) struct Wanted {
    pub(crate) location: String,
    pub(crate) place: String,
}

/// Every distinct location that any tensor of the model names, in the order of the file.
pub(crate) fn wanted(model: &ModelProto) -> Result<Vec<Wanted>, ExternalError> {
    let scopes = visit::scopes(model);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for site in visit::tensors(&scopes) {
        let reference = DataReference::of(site.tensor).map_err(|source| ExternalError::Malformed {
            place: site.describe(&scopes),
            source,
        })?;
        let Some(DataReference { location, .. }) = reference else {
            continue;
        };
        if seen.insert(location.clone()) {
            found.push(Wanted {
                location,
                place: site.describe(&scopes),
            });
        }
        if found.len() > MAX_FILES {
            return Err(ExternalError::TooMuch(format!("{MAX_FILES} files")));
        }
    }
    Ok(found)
}

/// Opens what is wanted beneath `folder`.
pub(crate) fn open_beneath(folder: &Path, wanted: Vec<Wanted>) -> Result<Vec<ExternalFile>, ExternalError> {
    let mut total = 0_u64;
    let mut files = Vec::with_capacity(wanted.len());
    for Wanted { location, place } in wanted {
        let (file, size) = match beneath::open(folder, &location) {
            Ok(opened) => opened,
            Err(source) => {
                return Err(ExternalError::Location {
                    place,
                    location,
                    folder: folder.to_owned(),
                    source,
                });
            }
        };
        total = within(total, size)?;
        let path = folder.join(&location);
        let bytes = contents(file, size, &path)?;
        if lfs_pointer(&bytes).is_some() {
            return Err(ExternalError::LfsPointer { place, path });
        }
        files.push(ExternalFile { location, path, bytes });
    }
    Ok(files)
}

/// Opens what is wanted out of an explicit list of locations and where they are stored; the list is trusted.
pub(crate) fn open_listed(list: &[(String, PathBuf)], wanted: Vec<Wanted>) -> Result<Vec<ExternalFile>, ExternalError> {
    let mut total = 0_u64;
    let mut files = Vec::with_capacity(wanted.len());
    for Wanted { location, place } in wanted {
        let Some((_, path)) = list.iter().find(|(listed, _)| *listed == location) else {
            return Err(ExternalError::NotListed { place, location });
        };
        let file = File::open(path).map_err(FileError::at("read", path))?;
        let size = file.metadata().map_err(FileError::at("read", path))?.len();
        total = within(total, size)?;
        let bytes = contents(file, size, path)?;
        files.push(ExternalFile {
            location,
            path: path.clone(),
            bytes,
        });
    }
    Ok(files)
}

fn within(total: u64, size: u64) -> Result<u64, ExternalError> {
    Some(total.saturating_add(size))
        .filter(|total| *total <= MAX_TOTAL)
        .ok_or_else(|| ExternalError::TooMuch(crate::units::Bytes(MAX_TOTAL).to_string()))
}
