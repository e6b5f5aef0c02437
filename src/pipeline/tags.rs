//! Tags with the builds that have them, as reports show them.

use crate::pipeline::prune;
use crate::registry::Build;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Tag;
use crate::registry::TagMove;
use crate::report::tags::MoveRow;
use crate::report::tags::SCHEMA;
use crate::report::tags::TagHistory;
use crate::report::tags::TagRow;
use crate::report::tags::Tags;

/// The tags that `wanted` lets through, sorted by name; at most `limit`.
pub fn list(registry: &Registry, wanted: impl Fn(&str) -> bool, limit: usize) -> Result<Tags, RegistryError> {
    let mut all = registry.all_tags()?;
    all.retain(|tag| wanted(&tag.name));
    let total = all.len();
    all.truncate(limit);
    let mut tags = Vec::with_capacity(all.len());
    for tag in all {
        tags.extend(row(registry, tag)?);
    }
    Ok(Tags {
        schema: SCHEMA,
        total,
        tags,
    })
}

/// One tag and its moves; neither where it never was.
pub fn history(registry: &Registry, name: &str) -> Result<TagHistory, RegistryError> {
    let now = registry.all_tags()?.into_iter().find(|tag| tag.name == name);
    Ok(TagHistory {
        schema: SCHEMA,
        tag: match now {
            Some(tag) => row(registry, tag)?,
            None => None,
        },
        moves: moves(registry, registry.tag_moves(Some(name))?)?,
    })
}

/// Moves of the tags that `wanted` lets through, the newest first; at most `limit`.
pub fn all_moves(
    registry: &Registry,
    wanted: impl Fn(&str) -> bool,
    limit: usize,
) -> Result<Vec<MoveRow>, RegistryError> {
    let mut all = registry.tag_moves(None)?;
    all.retain(|entry| wanted(&entry.name));
    all.truncate(limit);
    moves(registry, all)
}

fn row(registry: &Registry, tag: Tag) -> Result<Option<TagRow>, RegistryError> {
    let build = of(registry, &tag.build)?;
    Ok(build.map(|build| TagRow {
        protects: prune::protects(&tag.name),
        tag: tag.name,
        since: tag.created_at,
        build: prune::row(&build),
    }))
}

fn moves(registry: &Registry, moves: Vec<TagMove>) -> Result<Vec<MoveRow>, RegistryError> {
    moves
        .into_iter()
        .map(|entry| {
            let build = match &entry.build {
                Some(id) => of(registry, id)?,
                None => None,
            };
            Ok(MoveRow {
                tag: entry.name,
                at: entry.at,
                build: entry.build.map(String::from),
                label: build.map(|build| format!("{} {}", build.shown_name(), build.facts.recipe)),
            })
        })
        .collect()
}

/// A build by its whole id, removed or not.
fn of(registry: &Registry, id: &crate::digest::Digest) -> Result<Option<Build>, RegistryError> {
    Ok(registry.with_prefix(id.as_str())?.into_iter().next())
}
