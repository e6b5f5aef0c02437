//! Old builds: which may go, hiding them, and giving their disk back.
//!
//! What is pinned, tagged as a baseline (`mlbuild-baseline`, `main-*`, `production-*`), or what a build that stays was derived from, never
//! goes. Removing only hides. Purging writes rows before it takes blobs, and takes none while another process uses some.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::digest::Digest;
use crate::files::FileError;
use crate::hint::Hint;
use crate::pipeline::explore;
use crate::pipeline::references;
use crate::pipeline::references::ReferencesError;
use crate::pipeline::workspace::Workspace;
use crate::registry::BASELINE;
use crate::registry::Build;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::report::desk::BuildRow;
use crate::report::pruned::Kept;
use crate::report::pruned::Pruned;
use crate::store::StoreError;

/// Tags that begin so protect what they name.
const PROTECTING: [&str; 2] = ["main-", "production-"];

/// True where a tag protects its build.
pub fn protects(tag: &str) -> bool {
    tag == BASELINE || PROTECTING.iter().any(|prefix| tag.starts_with(prefix))
}

/// Which builds are to go. All that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// So many of the newest stay, before anything else is asked.
    pub keep_last: Option<usize>,
    /// Made before this time, ISO 8601 in UTC.
    pub before: Option<String>,
    /// Tagged so.
    pub tag: Option<String>,
    /// Those that are hidden already go for good, too.
    pub purge: bool,
}

/// What would go, and what would have gone but for a reason to stay.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Builds that are to be hidden, the newest first.
    pub going: Vec<Build>,
    /// Builds that are hidden already and to be purged.
    pub hidden: Vec<Build>,
    /// Builds that stay although the rules meet them, and why.
    pub kept: Vec<(Build, String)>,
    /// How many stay in all.
    pub staying: usize,
}

impl Plan {
    /// The ids of all that goes.
    pub fn ids(&self) -> Vec<Digest> {
        let all = self.going.iter().chain(&self.hidden);
        all.map(|build| build.facts.id.clone()).collect()
    }

    /// The bytes of all that goes; blobs that others share are counted too.
    pub fn bytes(&self) -> u64 {
        let all = self.going.iter().chain(&self.hidden);
        all.map(|build| build.size().0).sum()
    }
}

/// Why pruning failed; nothing is lost.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Nobody can tell which blobs are needed.
    #[error("cannot tell which files are still needed")]
    References(#[source] ReferencesError),
    /// A blob cannot be removed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the cache cannot be removed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for PruneError {
    fn hints(&self) -> Vec<String> {
        let left = "the builds are gone and their files are not: `mlbuild doctor --repair` frees them".to_owned();
        match self {
            Self::Registry(error) => error.hints(),
            Self::References(error) => error.hints().into_iter().chain([left]).collect(),
            Self::Store(error) => error.hints().into_iter().chain([left]).collect(),
            Self::File(error) => error.hints().into_iter().chain([left]).collect(),
        }
    }
}

/// Looks which builds the rules meet, and which of them must stay.
pub fn plan(rules: &Rules, registry: &Registry) -> Result<Plan, RegistryError> {
    look(rules, registry, false)
}

/// What is hidden already and may be purged.
pub fn plan_hidden(registry: &Registry) -> Result<Plan, RegistryError> {
    let rules = Rules {
        purge: true,
        ..Rules::default()
    };
    look(&rules, registry, true)
}

/// Visible builds are no candidates where only hidden ones are asked for.
fn look(rules: &Rules, registry: &Registry, only_hidden: bool) -> Result<Plan, RegistryError> {
    let mut tags: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
    for tag in registry.all_tags()? {
        tags.entry(tag.build).or_default().push(tag.name);
    }
    let all = registry.every_build()?;
    let meets = |build: &Build| {
        let old = rules
            .before
            .as_ref()
            .is_none_or(|before| build.facts.created_at < *before);
        let tagged = rules
            .tag
            .as_ref()
            .is_none_or(|wanted| tags.get(&build.facts.id).is_some_and(|own| own.contains(wanted)));
        old && tagged
    };
    let mut newest = 0;
    let mut candidates: BTreeSet<Digest> = BTreeSet::new();
    let mut kept: BTreeMap<Digest, String> = BTreeMap::new();
    for build in &all {
        let is_hidden = build.removed_at.is_some();
        if !is_hidden {
            newest += 1;
            if only_hidden {
                continue;
            }
            if rules.keep_last.is_some_and(|keep| newest <= keep) {
                continue;
            }
        }
        if (is_hidden && !rules.purge) || !meets(build) {
            continue;
        }
        match reason(build, &tags) {
            Some(reason) => drop(kept.insert(build.facts.id.clone(), reason)),
            None => drop(candidates.insert(build.facts.id.clone())),
        }
    }
    needed(&all, rules.purge, &mut candidates, &mut kept);
    let mut plan = Plan::default();
    for build in all {
        let is_hidden = build.removed_at.is_some();
        match (candidates.contains(&build.facts.id), kept.remove(&build.facts.id)) {
            (true, _) if is_hidden => plan.hidden.push(build),
            (true, _) => plan.going.push(build),
            (false, reason) => {
                plan.staying += usize::from(!is_hidden);
                if let Some(reason) = reason {
                    plan.kept.push((build, reason));
                }
            }
        }
    }
    Ok(plan)
}

/// Why a build never goes.
fn reason(build: &Build, tags: &BTreeMap<Digest, Vec<String>>) -> Option<String> {
    if build.pinned_at.is_some() {
        return Some("pinned".to_owned());
    }
    let own = tags.get(&build.facts.id)?;
    let protecting = own.iter().find(|tag| protects(tag))?;
    Some(format!("tagged `{protecting}`"))
}

/// Takes from the candidates what a build that stays was derived from. What is hidden already needs only that it is not purged.
fn needed(all: &[Build], for_good: bool, candidates: &mut BTreeSet<Digest>, kept: &mut BTreeMap<Digest, String>) {
    let parents: BTreeMap<&Digest, &Digest> = all
        .iter()
        .filter_map(|build| Some((&build.facts.id, build.facts.parent.as_ref()?)))
        .collect();
    let staying: Vec<&Build> = all
        .iter()
        .filter(|build| !candidates.contains(&build.facts.id) && (for_good || build.removed_at.is_none()))
        .collect();
    for build in staying {
        let mut at = &build.facts.id;
        let mut seen = BTreeSet::new();
        while let Some(parent) = parents.get(at)
            && seen.insert(*parent)
        {
            at = parent;
            if candidates.remove(at) {
                kept.insert(at.clone(), format!("{} was derived from it", build.facts.id.short()));
            }
        }
    }
}

/// Does what `plan` says.
///
/// Purging looks again under the lock, and takes only what both looks agree on: a build that was pinned, tagged or derived from meanwhile
/// stays, hidden.
pub fn apply(
    plan: &Plan,
    rules: &Rules,
    registry: &mut Registry,
    workspace: &Workspace,
    baseline: Option<&Path>,
    now: &str,
) -> Result<Pruned, PruneError> {
    let going: Vec<Digest> = plan.going.iter().map(|build| build.facts.id.clone()).collect();
    registry.remove(&going, now)?;
    let mut pruned = shown(plan, rules);
    if !rules.purge {
        return Ok(pruned);
    }
    let Some(collector) = workspace.objects().collector() else {
        pruned.postponed = true;
        pruned.purged.clear();
        pruned.removed = plan.going.iter().map(row).collect();
        return Ok(pruned);
    };
    let agreed = still(plan, registry)?;
    let lost = registry.purge(&agreed)?;
    registry.shrink()?;
    let lost: BTreeSet<Digest> = lost.into_iter().collect();
    // What the cache of sweeps knows of them is of no use without them.
    for (path, blobs) in explore::named_blobs(workspace.root()) {
        if blobs.iter().any(|blob| lost.contains(blob)) {
            fs::remove_file(&path).map_err(FileError::at("remove", &path))?;
        }
    }
    let needed = references::referenced(registry, workspace, baseline).map_err(PruneError::References)?;
    for blob in lost.difference(&needed) {
        pruned.freed_bytes += collector.remove(blob)?;
    }
    let agreed: BTreeSet<String> = agreed.into_iter().map(String::from).collect();
    pruned.purged.retain(|row| agreed.contains(&row.id));
    Ok(pruned)
}

/// What may still be purged of a plan whose builds are hidden by now.
fn still(plan: &Plan, registry: &Registry) -> Result<Vec<Digest>, RegistryError> {
    let planned: BTreeSet<Digest> = plan.ids().into_iter().collect();
    let hidden = plan_hidden(registry)?.hidden.into_iter().map(|build| build.facts.id);
    Ok(hidden.filter(|id| planned.contains(id)).collect())
}

/// What a plan comes to, for people and programs.
pub fn shown(plan: &Plan, rules: &Rules) -> Pruned {
    let rows = |builds: &[Build]| builds.iter().map(row).collect::<Vec<BuildRow>>();
    let (removed, purged) = if rules.purge {
        let mut purged = rows(&plan.going);
        purged.extend(rows(&plan.hidden));
        (Vec::new(), purged)
    } else {
        (rows(&plan.going), Vec::new())
    };
    Pruned {
        removed,
        purged,
        protected: plan
            .kept
            .iter()
            .map(|(build, reason)| Kept {
                build: row(build),
                reason: reason.clone(),
            })
            .collect(),
        staying: plan.staying,
        ..Pruned::new()
    }
}

/// A build as a list shows it.
pub fn row(build: &Build) -> BuildRow {
    BuildRow {
        id: build.facts.id.to_string(),
        name: build.shown_name().to_owned(),
        format: build.facts.about.format.clone(),
        recipe: build.facts.recipe.clone(),
        target: build.facts.target.clone(),
        size_bytes: build.size().0,
        created_at: build.facts.created_at.clone(),
    }
}

/// Brings hidden builds back with those that they were derived from; returns what came back, the named ones first.
pub fn restore(ids: &[Digest], registry: &mut Registry) -> Result<Vec<Build>, RegistryError> {
    let mut back: Vec<Build> = Vec::new();
    for id in ids {
        for build in registry.lineage(id)? {
            if build.removed_at.is_some() && !back.iter().any(|known| known.facts.id == build.facts.id) {
                back.push(build);
            }
        }
    }
    let all: Vec<Digest> = back.iter().map(|build| build.facts.id.clone()).collect();
    registry.restore(&all)?;
    back.sort_by_key(|build| !ids.contains(&build.facts.id));
    Ok(back)
}
