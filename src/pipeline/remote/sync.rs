//! Both ways: what either side lacks goes there, or one side is made as the other is.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::report::remotes::Moved;
use crate::report::remotes::MovedTag;
use crate::report::remotes::State;
use crate::report::remotes::Transfer;

use super::Ends;
use super::Observer;
use super::Options;
use super::Selection;
use super::error::RemotesError;
use super::pull::pull;
use super::push::push;
use super::record;
use super::side;
use super::tags;

/// Which side is right where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Both: what one side lacks comes from the other, nothing is taken away.
    #[default]
    Merge,
    /// The registry: the remote becomes as it is.
    MirrorLocal,
    /// The remote: the registry becomes as it is.
    MirrorRemote,
    /// Neither: as merging, and nothing at all where they contradict each other.
    Reconcile,
}

/// What a sync did; either half may not have been asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Synced {
    /// From the remote to here.
    pub pulled: Option<Transfer>,
    /// From here to the remote.
    pub pushed: Option<Transfer>,
}

/// Brings both sides together; `pulls` and `pushes` say which halves are done.
pub fn sync(
    ends: &mut Ends<'_>,
    mode: Mode,
    (pulls, pushes): (bool, bool),
    options: Options,
    observe: &mut Observer<'_>,
) -> Result<Synced, RemotesError> {
    match mode {
        Mode::Merge => both(ends, (pulls, pushes), options, observe),
        Mode::Reconcile => {
            let rehearsal = both(
                ends,
                (true, true),
                Options {
                    dry_run: true,
                    ..Options::default()
                },
                &mut |_| (),
            )?;
            let count = [&rehearsal.pulled, &rehearsal.pushed]
                .into_iter()
                .flatten()
                .flat_map(|transfer| {
                    let builds = transfer
                        .builds
                        .iter()
                        .filter(|build| build.state == State::Failed)
                        .map(|build| build.id.clone());
                    builds.chain(transfer.conflicts.iter().map(|conflict| conflict.tag.clone()))
                })
                .collect::<BTreeSet<String>>()
                .len();
            if count > 0 && !options.dry_run {
                return Err(RemotesError::Diverged {
                    place: ends.remote.place().to_owned(),
                    count,
                });
            }
            match options.dry_run {
                true => Ok(rehearsal),
                false => both(ends, (pulls, pushes), options, observe),
            }
        }
        Mode::MirrorLocal => mirror_local(ends, options.replace, mirrored(options), observe),
        Mode::MirrorRemote => mirror_remote(ends, options.replace, mirrored(options), observe),
    }
}

fn both(
    ends: &mut Ends<'_>,
    (pulls, pushes): (bool, bool),
    options: Options,
    observe: &mut Observer<'_>,
) -> Result<Synced, RemotesError> {
    let pulled = match pulls {
        true => Some(pull(ends, Selection::All, options, observe)?),
        false => None,
    };
    let pushed = match pushes {
        true => Some(push(ends, Selection::All, options, observe)?),
        false => None,
    };
    Ok(Synced { pulled, pushed })
}

/// One side is right without anybody forcing it; what is taken away is another matter.
fn mirrored(options: Options) -> Options {
    Options {
        replace: true,
        ..options
    }
}

fn mirror_local(
    ends: &mut Ends<'_>,
    force: bool,
    options: Options,
    observe: &mut Observer<'_>,
) -> Result<Synced, RemotesError> {
    let here: BTreeSet<Digest> = ends
        .registry
        .builds()?
        .into_iter()
        .map(|build| build.facts.id)
        .collect();
    // Ancestors are pushed even where they were removed here: their children need them.
    let mut kept = here.clone();
    for id in &here {
        kept.extend(ends.registry.lineage(id)?.into_iter().map(|build| build.facts.id));
    }
    let going: Vec<Digest> = side::builds(ends.remote)?.difference(&kept).cloned().collect();
    if !going.is_empty() && !force && !options.dry_run {
        return Err(RemotesError::TakesAway {
            count: going.len(),
            side: "remote",
        });
    }
    let mut transfer = push(ends, Selection::All, options, observe)?;
    let tags_here = tags::here(ends)?;
    for (tag, named) in tags::there(ends.remote)? {
        for id in named.iter().filter(|id| tags_here.get(&tag) != Some(id)) {
            if !options.dry_run {
                tags::delete(ends.remote, &tag, id)?;
            }
            if !tags_here.contains_key(&tag) {
                transfer.tags.push(MovedTag {
                    name: tag.clone(),
                    build: None,
                });
            }
        }
    }
    for id in going {
        if !options.dry_run {
            ends.remote.delete(&record::name(&id))?;
        }
        transfer.builds.push(taken_away(&id, String::new(), String::new()));
    }
    Ok(Synced {
        pulled: None,
        pushed: Some(transfer),
    })
}

fn mirror_remote(
    ends: &mut Ends<'_>,
    force: bool,
    options: Options,
    observe: &mut Observer<'_>,
) -> Result<Synced, RemotesError> {
    let there = side::builds(ends.remote)?;
    let going: Vec<_> = ends
        .registry
        .builds()?
        .into_iter()
        .filter(|build| !there.contains(&build.facts.id))
        .collect();
    if !going.is_empty() && !force && !options.dry_run {
        return Err(RemotesError::TakesAway {
            count: going.len(),
            side: "registry",
        });
    }
    let mut transfer = pull(ends, Selection::All, options, observe)?;
    let tags_there = tags::there(ends.remote)?;
    for (tag, _) in tags::here(ends)? {
        if !tags_there.contains_key(&tag) {
            if !options.dry_run {
                ends.registry.untag(&tag, ends.now)?;
            }
            transfer.tags.push(MovedTag { name: tag, build: None });
        }
    }
    let ids: Vec<Digest> = going.iter().map(|build| build.facts.id.clone()).collect();
    if !options.dry_run && !ids.is_empty() {
        // Hidden, not purged: `prune` and its kin decide what is lost for good.
        ends.registry.remove(&ids, ends.now)?;
    }
    for build in going {
        let name = build.shown_name().to_owned();
        transfer
            .builds
            .push(taken_away(&build.facts.id, name, build.facts.recipe));
    }
    Ok(Synced {
        pulled: Some(transfer),
        pushed: None,
    })
}

fn taken_away(id: &Digest, name: String, recipe: String) -> Moved {
    Moved {
        id: id.to_string(),
        name,
        recipe,
        size: 0,
        state: State::Removed,
        reason: None,
        hints: Vec::new(),
    }
}
