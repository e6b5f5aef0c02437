//! Tags on a remote: `tags/<tag>/<id>`, whose name is all that it says. Two pushers cannot overwrite each other's; a tag of two builds is
//! a conflict that everybody sees, until somebody who is sure forces one.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::registry::BASELINE;
use crate::registry::RegistryError;
use crate::report::remotes::Conflict;
use crate::report::remotes::MovedTag;
use crate::report::remotes::Transfer;
use crate::store::remote::Condition;
use crate::store::remote::Remote;
use crate::store::remote::RemoteError;

use super::Ends;
use super::Options;
use super::error::RemotesError;

/// The folder of tags within a remote.
const FOLDER: &str = "tags";

/// Tags with the builds that they name; more than one where pushers disagree.
pub(super) type Tags = BTreeMap<String, BTreeSet<Digest>>;

/// The remote's tags.
pub(super) fn there(remote: &Remote) -> Result<Tags, RemoteError> {
    let mut found = Tags::new();
    for object in remote.list(FOLDER)? {
        if let Some((tag, id)) = object.name.split_once('/')
            && let Ok(id) = id.parse()
        {
            found.entry(decoded(tag)).or_default().insert(id);
        }
    }
    Ok(found)
}

/// This registry's tags. The desk's own baseline is not for others.
pub(super) fn here(ends: &Ends<'_>) -> Result<BTreeMap<String, Digest>, RegistryError> {
    let tags = ends.registry.all_tags()?;
    Ok(tags
        .into_iter()
        .filter(|tag| tag.name != BASELINE)
        .map(|tag| (tag.name, tag.build))
        .collect())
}

/// Sets the tags of these builds on the remote.
pub(super) fn push(
    ends: &Ends<'_>,
    builds: &[Digest],
    options: Options,
    transfer: &mut Transfer,
) -> Result<(), RemotesError> {
    let builds: BTreeSet<&Digest> = builds.iter().collect();
    let mut here = here(ends)?;
    here.retain(|_, id| builds.contains(id));
    if here.is_empty() {
        return Ok(());
    }
    let there = there(ends.remote)?;
    for (tag, id) in here {
        let others: Vec<&Digest> = there
            .get(&tag)
            .into_iter()
            .flatten()
            .filter(|other| **other != id)
            .collect();
        let has_it = there.get(&tag).is_some_and(|named| named.contains(&id));
        if !others.is_empty() && !options.replace {
            transfer.conflicts.push(Conflict {
                there: there.get(&tag).into_iter().flatten().map(Digest::to_string).collect(),
                tag,
                here: Some(id.to_string()),
            });
            continue;
        }
        if has_it && others.is_empty() {
            continue;
        }
        if !options.dry_run {
            ends.remote.write(&name(&tag, &id), b"", &Condition::Any)?;
            for other in others {
                ends.remote.delete(&name(&tag, other))?;
            }
        }
        transfer.tags.push(MovedTag {
            name: tag,
            build: Some(id.to_string()),
        });
    }
    Ok(())
}

/// Takes over the remote's tags of these builds.
pub(super) fn pull(
    ends: &mut Ends<'_>,
    builds: &[Digest],
    options: Options,
    transfer: &mut Transfer,
) -> Result<(), RemotesError> {
    let builds: BTreeSet<&Digest> = builds.iter().collect();
    let here = here(ends)?;
    for (tag, named) in there(ends.remote)? {
        if tag == BASELINE || !named.iter().any(|id| builds.contains(id)) {
            continue;
        }
        let own = here.get(&tag);
        let only = (named.len() == 1).then(|| named.first()).flatten();
        match (only, own) {
            (Some(id), Some(own)) if id == own => {}
            (Some(id), own) if own.is_none() || options.replace => {
                if !options.dry_run {
                    ends.registry.tag(&tag, id, ends.now)?;
                }
                transfer.tags.push(MovedTag {
                    name: tag,
                    build: Some(id.to_string()),
                });
            }
            _ => transfer.conflicts.push(Conflict {
                here: own.map(Digest::to_string),
                there: named.iter().map(Digest::to_string).collect(),
                tag,
            }),
        }
    }
    Ok(())
}

/// Takes a tag of a build away from the remote.
pub(super) fn delete(remote: &Remote, tag: &str, id: &Digest) -> Result<(), RemoteError> {
    remote.delete(&name(tag, id))
}

fn name(tag: &str, id: &Digest) -> String {
    format!("{FOLDER}/{}/{id}", encoded(tag))
}

/// Tags may have slashes, and no `=`.
fn encoded(tag: &str) -> String {
    tag.replace('/', "=")
}

fn decoded(name: &str) -> String {
    name.replace('=', "/")
}
