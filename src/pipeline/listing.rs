//! Builds for lists: out of the registry, filtered, in families, or ranked by how well their names fit a query.

use crate::digest::Digest;
use crate::registry::Build;
use crate::registry::Filter;
use crate::registry::Listed;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::report::listing::Listing;
use crate::report::listing::Row;
use crate::report::listing::SCHEMA;
use crate::report::listing::method;
use crate::report::listing::tree::Parents;

/// From this likeness on (Jaro–Winkler, 0 to 1) a name may have been meant.
const LIKE: f64 = 0.82;

/// A build as lists show it.
pub fn row(listed: &Listed) -> Row {
    let build = &listed.build;
    let facts = &build.facts;
    let figures = listed.latest.as_ref();
    Row {
        id: facts.id.to_string(),
        name: build.shown_name().to_owned(),
        model: facts.model.clone(),
        file: facts.about.file.clone(),
        format: facts.about.format.clone(),
        target: facts
            .target
            .clone()
            .or_else(|| figures.map(|figured| figured.target.clone())),
        task: facts.about.task.clone(),
        recipe: facts.recipe.clone(),
        method: method::label(&facts.recipe),
        size_bytes: build.size().0,
        p50_ms: figures.and_then(|figured| figured.figures.p50_ms),
        p95_ms: figures.and_then(|figured| figured.figures.p95_ms),
        peak_memory_bytes: figures.and_then(|figured| figured.figures.peak_bytes),
        measured_at: figures.map(|figured| figured.created_at.clone()),
        created_at: facts.created_at.clone(),
        tags: listed.tags.clone(),
        imported: facts.about.imported,
        pinned: build.pinned_at.is_some(),
        parent: facts.parent.as_ref().map(Digest::to_string),
        root: build.root.to_string(),
    }
}

/// What `filter` lets through, the newest first.
pub fn list(registry: &Registry, filter: &Filter) -> Result<Listing, RegistryError> {
    let builds = registry.list(filter)?;
    Ok(Listing {
        schema: SCHEMA,
        total: registry.count(filter)?,
        offset: filter.offset,
        builds: builds.iter().map(row).collect(),
    })
}

/// What `filter` lets through, by families, and the parents of all their members.
pub fn families(registry: &Registry, filter: &Filter) -> Result<(Listing, Parents), RegistryError> {
    let found = registry.families(filter)?;
    let mut roots: Vec<Digest> = found.builds.iter().map(|listed| listed.build.root.clone()).collect();
    roots.dedup();
    let listing = Listing {
        schema: SCHEMA,
        total: found.total,
        offset: filter.offset,
        builds: found.builds.iter().map(row).collect(),
    };
    Ok((listing, registry.parents(&roots)?))
}

/// A build, what it was derived from and what was derived from it, the oldest first.
pub fn lineage(registry: &Registry, build: &Build) -> Result<(Listing, Parents), RegistryError> {
    let family = registry.descendants(&build.root)?;
    let parent = |id: &Digest| {
        let of = family.iter().find(|member| member.facts.id == *id)?;
        of.facts.parent.clone()
    };
    let is_above = |ancestor: &Digest, id: &Digest| {
        let mut next = Some(id.clone());
        // No line is longer than its family.
        for _ in 0..=family.len() {
            match next {
                Some(id) if id == *ancestor => return true,
                Some(id) => next = parent(&id),
                None => return false,
            }
        }
        false
    };
    let ids: Vec<Digest> = family
        .iter()
        .filter(|member| member.removed_at.is_none())
        .map(|member| member.facts.id.clone())
        .filter(|id| is_above(id, &build.facts.id) || is_above(&build.facts.id, id))
        .collect();
    let builds: Vec<Row> = registry.listed_builds(&ids)?.iter().map(row).collect();
    let listing = Listing {
        schema: SCHEMA,
        total: builds.len() as u64,
        offset: 0,
        builds,
    };
    Ok((listing, registry.parents(std::slice::from_ref(&build.root))?))
}

/// What `filter` lets through and has a name like `query`, the best first; among equals the newest. Without a query as [`list`].
pub fn search(registry: &Registry, query: &str, filter: &Filter) -> Result<Listing, RegistryError> {
    if query.trim().is_empty() {
        return list(registry, filter);
    }
    let mut ranked: Vec<(f64, Digest)> = registry
        .called(filter)?
        .into_iter()
        .filter_map(|named| Some((rank(query, &named.name)?, named.id)))
        .collect();
    // Stable, so that the newest stays first among equals.
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    let total = ranked.len() as u64;
    let limit = filter
        .limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let ids: Vec<Digest> = ranked.into_iter().map(|(_, id)| id).take(limit).collect();
    Ok(Listing {
        schema: SCHEMA,
        total,
        offset: 0,
        builds: registry.listed_builds(&ids)?.iter().map(row).collect(),
    })
}

/// How well a name fits a query, `None` where it does not: the same, then a beginning, then a part, then all its letters in order, then
/// a likeness that a slip of the finger leaves.
pub fn rank(query: &str, name: &str) -> Option<f64> {
    let (query, name) = (fold(query), fold(name));
    if query == name {
        return Some(5.0);
    }
    // The more of the name the query is, the better.
    let share = query.len() as f64 / name.len().max(1) as f64;
    if name.starts_with(&query) {
        return Some(4.0 + share.min(0.99));
    }
    if name.contains(&query) {
        return Some(3.0 + share.min(0.99));
    }
    if query.chars().count() >= 3 && is_subsequence(&query, &name) {
        return Some(2.0 + share.min(0.99));
    }
    let whole = strsim::jaro_winkler(&query, &name);
    let parts = name.split(|character: char| !character.is_alphanumeric());
    let likeness = parts
        .map(|part| strsim::jaro_winkler(&query, part))
        .fold(whole, f64::max);
    (likeness >= LIKE).then_some(likeness)
}

fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

fn is_subsequence(query: &str, name: &str) -> bool {
    let mut letters = name.chars();
    query.chars().all(|wanted| letters.any(|letter| letter == wanted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn better_names_come_first() {
        let names = [
            "mobilenet",
            "mobilenet-v2",
            "my-mobilenet",
            "mobile-new-net",
            "mobilnet",
            "bert",
        ];
        let ranks: Vec<Option<f64>> = names.iter().map(|name| rank("MobileNet", name)).collect();
        for pair in ranks[..5].windows(2) {
            assert!(pair[0] > pair[1], "{ranks:?}");
        }
        assert_eq!(ranks[5], None);
        assert!(rank("mbnet", "mobilenet").is_some());
        assert!(rank("resent", "resnet-50").is_some());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(query in "\\PC{0,20}", name in "\\PC{0,20}") {
            let _ = rank(&query, &name);
            prop_assert_eq!(rank(&name, &name), Some(5.0));
        }
    }
}
