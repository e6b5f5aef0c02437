//! What the baseline of a desk is at the moment: the build that was set, and what was measured.

use std::collections::BTreeSet;
use std::path::Path;

use crate::hint::Hint;
use crate::pipeline::baseline::bucket::Bucket;
use crate::pipeline::baseline::bucket::BucketError;
use crate::pipeline::baseline::dir;
use crate::pipeline::baseline::dir::DirError;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::tags;
use crate::pipeline::workspace::Workspace;
use crate::registry::BASELINE;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::report::standing::MeasuredBaseline;
use crate::report::standing::SCHEMA;
use crate::report::standing::Standing;

/// Why that cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The folder.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The bucket.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

impl Hint for StandingError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Registry(error) => error.hints(),
            Self::Dir(error) => error.hints(),
            Self::Bucket(error) => error.hints(),
        }
    }
}

/// Where the config has its baseline.
#[derive(Debug, Clone, Copy)]
pub enum Configured<'a> {
    /// In the workspace, or in releases.
    Nowhere,
    /// In a folder.
    Folder(&'a Path),
    /// In a bucket.
    Bucket(&'a Bucket),
}

/// Looks. `root` is the workspace's folder.
pub fn look(registry: Option<&Registry>, root: &Path, configured: Configured<'_>) -> Result<Standing, StandingError> {
    let set = match registry {
        Some(registry) => tags::history(registry, BASELINE)?.tag,
        None => None,
    };
    let p50_ms = match (registry, &set) {
        (Some(registry), Some(row)) => match row.build.id.parse() {
            Ok(id) => registry.latest_figures(&id)?.and_then(|figured| figured.figures.p50_ms),
            Err(_) => None,
        },
        _ => None,
    };
    let in_folder = |folder: &Path| -> Result<_, StandingError> {
        Ok(dir::read(folder)?.map(|manifest| measured(folder.display().to_string(), manifest)))
    };
    let measured = match configured {
        Configured::Nowhere => in_folder(&Workspace::local_baseline_in(root))?,
        Configured::Folder(folder) => in_folder(folder)?,
        Configured::Bucket(bucket) => bucket
            .newest()?
            .map(|(name, manifest)| measured(bucket.label(&name), manifest)),
    };
    Ok(Standing {
        schema: SCHEMA,
        only_by_name: !matches!(configured, Configured::Nowhere) && set.is_some(),
        set,
        p50_ms,
        measured,
    })
}

fn measured(place: String, manifest: Manifest) -> MeasuredBaseline {
    let models: BTreeSet<String> = manifest.entries.iter().map(|entry| entry.key.model.clone()).collect();
    MeasuredBaseline {
        folder: place,
        comparisons: manifest.entries.len(),
        models: models.into_iter().collect(),
        created_at: manifest.created_at,
        tool_version: manifest.tool_version,
        accepted: manifest.accepted,
    }
}
