//! Keeps the variants of a sweep as builds of the registry, with what it takes to derive them again.

use crate::digest::Digest;
use crate::pipeline::about;
use crate::pipeline::explore::sweep::Sweep;
use crate::pipeline::explore::trial::Trial;
use crate::pipeline::remember;
use crate::registry::BuildFacts;
use crate::registry::DerivationFacts;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::variant::AS_IS;

/// Makes builds of the variants, children of the model's own.
pub(super) fn register(sweep: &Sweep<'_>, trials: &[Trial]) -> Result<(), RegistryError> {
    let Some(root) = &sweep.baseline_id else {
        return Ok(());
    };
    let opened = &sweep.source.opened;
    let mut registry = Registry::open(&sweep.around.workspace.registry_path())?;
    let about = match registry.lineage(root)?.into_iter().next() {
        // A sweep keeps the format of its model.
        Some(parent) => about::derived(&parent.facts.about, &opened.files),
        None => about::of_file(&opened.model, opened.task.task),
    };
    let facts = |id: &Digest, recipe: String, files, parent, notes| BuildFacts {
        id: id.clone(),
        model: sweep.registered.clone(),
        source: opened.model.digest.clone(),
        recipe,
        target: None,
        artifacts: remember::artifacts(files),
        created_at: sweep.request.now.clone(),
        parent,
        tool_version: crate::VERSION.to_owned(),
        notes,
        about: about.clone(),
    };
    if opened.build.is_none() {
        registry.insert_build(&facts(root, AS_IS.to_owned(), &opened.files, None, Vec::new()))?;
    }
    for trial in trials {
        if let Some(made) = &trial.made {
            let recipe = if sweep.baseline_name == AS_IS {
                trial.recipe.name()
            } else {
                format!("{}+{}", sweep.baseline_name, trial.recipe.name())
            };
            let parent = Some(root.clone());
            registry.insert_build(&facts(&made.id, recipe, &made.files, parent, made.notes.clone()))?;
            registry.insert_derivation(&DerivationFacts {
                build: made.id.clone(),
                seed: sweep.request.measure.seed,
                // Evidence is plain data, which is always written.
                evidence: serde_json::to_value(&made.evidence).unwrap_or_default(),
                calibration: sweep
                    .calibration
                    .as_ref()
                    .filter(|_| !made.evidence.is_empty())
                    .map(|data| data.digest.clone()),
            })?;
        }
    }
    Ok(())
}
