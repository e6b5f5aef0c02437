//! External data: the files beside a model that hold its large tensors.

use std::path::PathBuf;

use bytes::Bytes;

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
