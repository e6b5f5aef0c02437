//! Which build a person means: a tag, the beginning of an id, a name, or the path of a model that the registry has.

use std::path::Path;

use crate::digest::Digest;
use crate::model::Model;
use crate::registry::Build;
use crate::registry::Registry;
use crate::registry::RegistryError;

/// The build that `text` names; a path is relative to `working_folder`. Errors are those of [`Registry::resolve`]; a file of which the registry
/// has no build is not found, and one of which it has several gives the newest.
pub fn which(text: &str, registry: &Registry, working_folder: &Path) -> Result<Build, RegistryError> {
    let error = match registry.resolve(text) {
        Err(error @ RegistryError::NotFound { .. }) => error,
        outcome => return outcome,
    };
    let path = working_folder.join(text);
    if !path.is_file() {
        return Err(error);
    }
    let digest = match Model::load(&path) {
        Ok(model) => Some(model.digest),
        Err(_) => Digest::of_file(&path).ok(),
    };
    let found = match digest {
        Some(digest) => registry.builds_of_content(&digest)?,
        None => Vec::new(),
    };
    found.into_iter().next().ok_or(error)
}
