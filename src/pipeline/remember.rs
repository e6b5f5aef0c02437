//! Keeping what a run derived and measured: builds with their lineage, and raw samples, in the workspace's registry.

use serde_json::Value;

use crate::config::Config;
use crate::config::Task;
use crate::hint::Hint;
use crate::machine::fingerprint::Fingerprint;
use crate::pipeline::about;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::figures;
use crate::pipeline::gate::Done;
use crate::pipeline::workspace::Workspace;
use crate::registry::About;
use crate::registry::ArtifactFacts;
use crate::registry::BuildFacts;
use crate::registry::DerivationFacts;
use crate::registry::Figures;
use crate::registry::Measurement;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::units::Bytes;
use crate::variant::Recipe;
use crate::variant::variant_id;

/// Why a run could not be remembered. Its verdict stands all the same.
#[derive(Debug, thiserror::Error)]
pub enum RememberError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Samples that are no JSON.
    #[error("the samples cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Hint for RememberError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Registry(error) => error.hints(),
            Self::Json(_) => vec!["this is a defect of mlbuild: please report it".to_owned()],
        }
    }
}

/// Remembers every candidate of the run and what was measured of it.
pub fn remember(
    done: &[Done],
    config: &Config,
    machine: &Fingerprint,
    workspace: &Workspace,
    now: &str,
) -> Result<(), RememberError> {
    let mut registry = Registry::open(&workspace.registry_path())?;
    for entry in done {
        let Some(candidate) = &entry.job.candidate else {
            continue;
        };
        let root = variant_id(
            &candidate.source,
            &Recipe::as_is(),
            None,
            config.measure.seed,
            crate::VERSION,
        );
        let model = entry.job.model_index.and_then(|index| config.models.get(index));
        let about = About {
            task: model
                .map(|model| model.task)
                .filter(|task| *task != Task::Auto)
                .map(|task| task.name().to_owned()),
            file: model.and_then(|model| about::file_name(&model.path)),
            ..About::default()
        };
        let facts = |id, recipe: String, files: &[StoredFile], parent, notes| BuildFacts {
            about: About {
                format: about::format_of(files),
                ..about.clone()
            },
            id,
            model: entry.job.key.model.clone(),
            source: candidate.source.clone(),
            recipe,
            target: None,
            artifacts: artifacts(files),
            created_at: now.to_owned(),
            parent,
            tool_version: crate::VERSION.to_owned(),
            notes,
        };
        let as_is = Recipe::as_is().name();
        registry.insert_build(&facts(root.clone(), as_is, &entry.job.source_files, None, Vec::new()))?;
        if candidate.id != root {
            let name = candidate.recipe.name();
            let notes = candidate.account.notes.clone();
            registry.insert_build(&facts(candidate.id.clone(), name, &candidate.files, Some(root), notes))?;
            registry.insert_derivation(&DerivationFacts {
                build: candidate.id.clone(),
                seed: config.measure.seed,
                evidence: serde_json::to_value(&candidate.evidence)?,
                calibration: None,
            })?;
        }
        let (samples, runtime_version, figures): (Value, &String, Figures) =
            match (entry.found.pair(), entry.found.alone()) {
                (Some(pair), _) => (
                    serde_json::to_value(pair)?,
                    &pair.runtime_version,
                    figures::of_candidate(pair),
                ),
                (None, Some(alone)) => (
                    serde_json::to_value(alone)?,
                    &alone.runtime_version,
                    figures::of_side(alone),
                ),
                (None, None) => continue,
            };
        registry.insert_measurement(&Measurement {
            build: candidate.id.clone(),
            target: entry.job.key.target.clone(),
            sequence: entry.job.key.sequence,
            runtime_version: runtime_version.clone(),
            machine: machine.clone(),
            samples,
            created_at: now.to_owned(),
            figures: Some(figures),
        })?;
    }
    Ok(())
}

/// Files of the object store as the registry writes them.
pub(super) fn artifacts(files: &[StoredFile]) -> Vec<ArtifactFacts> {
    files
        .iter()
        .map(|file| ArtifactFacts {
            name: file.name.clone(),
            digest: file.digest.clone(),
            size: Bytes(file.bytes),
        })
        .collect()
}
