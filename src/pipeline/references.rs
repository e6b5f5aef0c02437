//! Which blobs of the store somebody needs: builds, baselines in folders, and what earlier sweeps made.

use std::collections::BTreeSet;
use std::path::Path;

use crate::digest::Digest;
use crate::pipeline::baseline::dir;
use crate::pipeline::baseline::dir::DirError;
use crate::pipeline::explore;
use crate::pipeline::workspace::Workspace;
use crate::registry::Registry;
use crate::registry::RegistryError;

/// Why nobody can tell.
#[derive(Debug, thiserror::Error)]
pub enum ReferencesError {
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A baseline cannot be read, and may name blobs.
    #[error(transparent)]
    Baseline(#[from] DirError),
}

impl crate::hint::Hint for ReferencesError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Registry(error) => error.hints(),
            Self::Baseline(error) => error.hints(),
        }
    }
}

/// Every blob that something refers to. `baseline` is the folder of the config's baseline, where it has one.
pub fn referenced(
    registry: &Registry,
    workspace: &Workspace,
    baseline: Option<&Path>,
) -> Result<BTreeSet<Digest>, ReferencesError> {
    let mut referenced = registry.referenced_blobs()?;
    referenced.extend(apart(workspace, baseline)?);
    for (_, blobs) in explore::named_blobs(workspace.root()) {
        referenced.extend(blobs);
    }
    Ok(referenced)
}

/// What baselines in folders refer to.
pub fn apart(workspace: &Workspace, baseline: Option<&Path>) -> Result<BTreeSet<Digest>, DirError> {
    let mut referenced = BTreeSet::new();
    let own = workspace.local_baseline();
    for folder in [Some(own.as_path()), baseline].into_iter().flatten() {
        if let Some(manifest) = dir::read(folder)? {
            referenced.extend(manifest.files().into_iter().map(|file| file.digest.clone()));
        }
    }
    Ok(referenced)
}
