//! What the baseline of a desk is at the moment: the build that was set, and what was measured.

use std::collections::BTreeSet;
use std::path::Path;

use crate::hint::Hint;
use crate::pipeline::baseline::dir;
use crate::pipeline::baseline::dir::DirError;
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
}

impl Hint for StandingError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Registry(error) => error.hints(),
            Self::Dir(error) => error.hints(),
        }
    }
}

/// Looks. `root` is the workspace's folder, `configured` the folder of the config's baseline, where it has one.
pub fn look(registry: Option<&Registry>, root: &Path, configured: Option<&Path>) -> Result<Standing, StandingError> {
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
    let own = Workspace::local_baseline_in(root);
    let folder = configured.unwrap_or(&own);
    let measured = dir::read(folder)?.map(|manifest| {
        let models: BTreeSet<String> = manifest.entries.iter().map(|entry| entry.key.model.clone()).collect();
        MeasuredBaseline {
            folder: folder.display().to_string(),
            comparisons: manifest.entries.len(),
            models: models.into_iter().collect(),
            created_at: manifest.created_at,
            tool_version: manifest.tool_version,
        }
    });
    Ok(Standing {
        schema: SCHEMA,
        only_by_name: configured.is_some() && set.is_some(),
        set,
        p50_ms,
        measured,
    })
}
