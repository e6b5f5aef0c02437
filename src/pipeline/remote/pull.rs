//! Pulling: records, then the blobs that are not here, then one transaction a build, parents before children, then tags.
//!
//! Killed at any moment, the registry has whole builds only, and what arrived of a blob is gone on with the next time.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::hint::Hint as _;
use crate::report::remotes::Direction;
use crate::report::remotes::State;
use crate::report::remotes::Transfer;
use crate::store::Objects;
use crate::store::remote::Remote;
use crate::store::remote::RemoteError;

use super::Ends;
use super::Event;
use super::Observer;
use super::Options;
use super::Selection;
use super::error::RemotesError;
use super::parallel;
use super::push::Trouble;
use super::push::row;
use super::record;
use super::record::Record;
use super::side;
use super::tags;

const BLOBS_AT_ONCE: usize = 4;
const CHUNK: usize = 64;
/// Records are kept in memory up to this many bytes of JSON; the others are read again when their turn comes.
const KEPT: u64 = 256 << 20;
/// Shorter beginnings of an id are not looked for.
const MIN_PREFIX: usize = 4;

/// Pulls builds with everything that they are derived from.
pub fn pull(
    ends: &mut Ends<'_>,
    selection: Selection<'_>,
    options: Options,
    observe: &mut Observer<'_>,
) -> Result<Transfer, RemotesError> {
    let there = side::builds(ends.remote)?;
    let mut transfer = ends.transfer(Direction::Pull, options);
    let wanted = selected(ends, selection, &there)?;
    let is_meant = matches!(selection, Selection::Build(_)) || options.replace;
    let mut found = Found::read(ends, wanted, &there)?;
    for (id, error) in std::mem::take(&mut found.broken) {
        transfer.builds.push(unread(&id, &error));
        found.failed.insert(id);
    }
    let order = found.order();
    let missing = missing(ends, &found, options)?;
    observe(Event::Planned {
        builds: order.len(),
        blobs: missing.len(),
        bytes: missing.values().sum(),
    });
    let mut pulling = Pulling {
        missing,
        options,
        is_meant,
        again: Vec::new(),
    };
    for chunk in order.chunks(CHUNK) {
        pull_chunk(ends, chunk, &mut found, &mut pulling, &mut transfer, observe)?;
    }
    // Checks against builds that came later.
    for record in &pulling.again {
        ends.registry.take_in(&record.shared(), false)?;
    }
    let here: Vec<Digest> = transfer
        .builds
        .iter()
        .filter(|build| !matches!(build.state, State::Failed | State::Skipped))
        .filter_map(|build| build.id.parse().ok())
        .collect();
    tags::pull(ends, &here, options, &mut transfer)?;
    Ok(transfer)
}

/// The builds on the remote that are meant.
fn selected(ends: &Ends<'_>, selection: Selection<'_>, there: &BTreeSet<Digest>) -> Result<Vec<Digest>, RemotesError> {
    let text = match selection {
        Selection::All => return Ok(there.iter().cloned().collect()),
        Selection::Build(text) | Selection::Tag(text) => text,
    };
    let tags = tags::there(ends.remote)?;
    if let Some(named) = tags.get(text) {
        return Ok(named.iter().filter(|id| there.contains(id)).cloned().collect());
    }
    let digits = text.to_ascii_lowercase();
    if matches!(selection, Selection::Build(_)) && digits.len() >= MIN_PREFIX {
        let found: Vec<Digest> = there
            .iter()
            .filter(|id| id.as_str().starts_with(&digits))
            .cloned()
            .collect();
        match found.len() {
            0 => {}
            1 => return Ok(found),
            _ => {
                return Err(RemotesError::Ambiguous {
                    text: text.to_owned(),
                    found,
                });
            }
        }
    }
    let nearest = tags
        .into_keys()
        .map(|tag| (strsim::jaro_winkler(&tag, text), tag))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    Err(RemotesError::NotThere {
        text: text.to_owned(),
        place: ends.remote.place().to_owned(),
        nearest: nearest.map(|(_, tag)| tag),
    })
}

/// What the records say that pulling is planned with.
struct Light {
    parent: Option<Digest>,
    created_at: String,
    blobs: Vec<(Digest, Option<u64>)>,
}

/// The records of the builds that are meant and of their ancestors that are not here.
struct Found {
    light: BTreeMap<Digest, Light>,
    kept: BTreeMap<Digest, Record>,
    broken: Vec<(Digest, RemotesError)>,
    failed: BTreeSet<Digest>,
}

impl Found {
    fn read(ends: &Ends<'_>, wanted: Vec<Digest>, there: &BTreeSet<Digest>) -> Result<Self, RemotesError> {
        let mut found = Self {
            light: BTreeMap::new(),
            kept: BTreeMap::new(),
            broken: Vec::new(),
            failed: BTreeSet::new(),
        };
        let mut bytes = 0;
        let mut next = wanted;
        while !next.is_empty() {
            let mut parents = BTreeSet::new();
            for chunk in next.chunks(CHUNK) {
                for (id, read) in chunk.iter().zip(read_records(ends.remote, chunk)) {
                    let record = match read {
                        Some(Ok(record)) => record,
                        Some(Err(error)) if error.is_about_one_build() => {
                            found.broken.push((id.clone(), error));
                            continue;
                        }
                        Some(Err(error)) => return Err(error),
                        None => continue,
                    };
                    let parent = record.build.parent.clone();
                    parents.extend(parent.clone());
                    found.light.insert(
                        id.clone(),
                        Light {
                            parent,
                            created_at: record.build.created_at.clone(),
                            blobs: record.blobs(),
                        },
                    );
                    let size = record.to_bytes().map_or(0, |bytes| bytes.len() as u64);
                    if bytes + size <= KEPT {
                        bytes += size;
                        found.kept.insert(id.clone(), record);
                    }
                }
            }
            next = Vec::new();
            for parent in parents {
                let is_known = found.light.contains_key(&parent) || found.broken.iter().any(|(id, _)| *id == parent);
                if !is_known && there.contains(&parent) && !ends.registry.has_build(&parent)? {
                    next.push(parent);
                }
            }
        }
        Ok(found)
    }

    /// Parents first, then by time.
    fn order(&self) -> Vec<Digest> {
        let depth = |id: &Digest| {
            let mut depth = 0;
            let mut next = self.light.get(id).and_then(|light| light.parent.as_ref());
            while let Some(parent) = next.filter(|_| depth <= self.light.len()) {
                depth += 1;
                next = self.light.get(parent).and_then(|light| light.parent.as_ref());
            }
            depth
        };
        let mut order: Vec<(usize, &str, &Digest)> = self
            .light
            .iter()
            .map(|(id, light)| (depth(id), light.created_at.as_str(), id))
            .collect();
        order.sort();
        order.into_iter().map(|(_, _, id)| id.clone()).collect()
    }
}

fn read_records(remote: &Remote, ids: &[Digest]) -> Vec<Option<Result<Record, RemotesError>>> {
    let read = |id: &Digest, _: &(dyn Fn(u64) + Sync)| match side::read(remote, id)? {
        Some((record, _)) => Ok(record),
        None => Err(RemotesError::Remote(RemoteError::Missing {
            name: record::name(id),
            place: remote.place().to_owned(),
        })),
    };
    let ends = |result: &Result<Record, RemotesError>| result.as_ref().is_err_and(|error| !error.is_about_one_build());
    parallel::each(ids, side::SMALL_AT_ONCE, read, ends, &mut |_| ())
}

/// A build whose record cannot be used; nothing else is known of it.
fn unread(id: &Digest, error: &RemotesError) -> crate::report::remotes::Moved {
    crate::report::remotes::Moved {
        id: id.to_string(),
        name: String::new(),
        recipe: String::new(),
        size: 0,
        state: State::Failed,
        reason: Some(error.to_string()),
        hints: error.hints(),
    }
}

/// The blobs that are not here in their size, with their sizes; where they are looked at again, also those that are here and damaged.
fn missing(ends: &Ends<'_>, found: &Found, options: Options) -> Result<BTreeMap<Digest, u64>, RemotesError> {
    let mut missing = BTreeMap::new();
    for (digest, size) in found.light.values().flat_map(|light| &light.blobs) {
        if missing.contains_key(digest) {
            continue;
        }
        let here = ends.objects.path(digest).and_then(|path| path.metadata().ok());
        let is_here = here.is_some_and(|metadata| size.is_none_or(|size| metadata.len() == size));
        if is_here && !(options.again && ends.objects.verify(digest).is_err()) {
            continue;
        }
        let size = match size {
            Some(size) => *size,
            None => ends.remote.blob(digest)?.map_or(0, |stat| stat.size),
        };
        missing.insert(digest.clone(), size);
    }
    Ok(missing)
}

struct Pulling {
    /// Blobs that are not here; those that have come since are out.
    missing: BTreeMap<Digest, u64>,
    options: Options,
    /// A build that was removed here comes back.
    is_meant: bool,
    /// Records with checks against builds that were not here yet.
    again: Vec<Record>,
}

/// A build of this chunk that is to be taken in.
struct Planned {
    record: Record,
    state: State,
    replace: bool,
}

fn pull_chunk(
    ends: &mut Ends<'_>,
    chunk: &[Digest],
    found: &mut Found,
    pulling: &mut Pulling,
    transfer: &mut Transfer,
    observe: &mut Observer<'_>,
) -> Result<(), RemotesError> {
    let mut planned = Vec::new();
    for id in chunk {
        let record = match found.kept.remove(id) {
            Some(record) => record,
            None => match side::read(ends.remote, id) {
                Ok(Some((record, _))) => record,
                Ok(None) => continue,
                Err(error) if error.is_about_one_build() => {
                    transfer.builds.push(unread(id, &error));
                    found.failed.insert(id.clone());
                    continue;
                }
                Err(error) => return Err(error),
            },
        };
        match plan(ends, &record, found, pulling)? {
            (State::Skipped, trouble) => transfer.builds.push(row(&record, State::Skipped, trouble)),
            (State::Failed, trouble) => {
                found.failed.insert(id.clone());
                transfer.builds.push(row(&record, State::Failed, trouble));
            }
            (state, _) => planned.push(Planned {
                replace: pulling.options.replace,
                record,
                state,
            }),
        }
    }
    let mut blobs = BTreeMap::new();
    for (digest, _) in planned.iter().flat_map(|planned| planned.record.blobs()) {
        if let Some(size) = pulling.missing.get(&digest) {
            blobs.insert(digest, *size);
        }
    }
    let blobs: Vec<(Digest, u64)> = blobs.into_iter().collect();
    let (bad, end) = bring(ends, &blobs, pulling, transfer, observe);
    for planned in planned {
        let id = planned.record.build.id.clone();
        let blobs = planned.record.blobs();
        let broken = blobs.iter().find_map(|(digest, _)| bad.get(digest).cloned());
        let orphaned = planned
            .record
            .build
            .parent
            .as_ref()
            .is_some_and(|parent| found.failed.contains(parent));
        if let Some(trouble) = broken.or_else(|| orphaned.then(|| no_parent(ends, &planned.record))) {
            found.failed.insert(id);
            transfer.builds.push(row(&planned.record, State::Failed, Some(trouble)));
            continue;
        }
        // Where the remote is gone in the middle, what is whole is taken in all the same.
        if !pulling.options.dry_run && blobs.iter().any(|(digest, _)| pulling.missing.contains_key(digest)) {
            found.failed.insert(id);
            continue;
        }
        if !pulling.options.dry_run && planned.state != State::Unchanged {
            ends.registry.take_in(&planned.record.shared(), planned.replace)?;
            let mut later = false;
            for check in &planned.record.checks {
                later |= !ends.registry.has_build(&check.against)? && found.light.contains_key(&check.against);
            }
            if later {
                pulling.again.push(planned.record.clone());
            }
        }
        transfer.builds.push(row(&planned.record, planned.state, None));
    }
    end.map_or(Ok(()), |error| Err(error.into()))
}

fn no_parent(ends: &Ends<'_>, record: &Record) -> Trouble {
    let parent = record.build.parent.clone().unwrap_or_else(|| record.build.id.clone());
    Trouble::of(&RemotesError::NoParent {
        parent,
        place: ends.remote.place().to_owned(),
    })
}

/// What is to become of a build.
fn plan(
    ends: &Ends<'_>,
    record: &Record,
    found: &Found,
    pulling: &Pulling,
) -> Result<(State, Option<Trouble>), RemotesError> {
    let id = &record.build.id;
    if let Some(parent) = &record.build.parent
        && !found.light.contains_key(parent)
        && !ends.registry.has_build(parent)?
    {
        return Ok((State::Failed, Some(no_parent(ends, record))));
    }
    let Some(shared) = ends.registry.shared(id)? else {
        return Ok((State::New, None));
    };
    let is_removed = ends
        .registry
        .with_prefix(id.as_str())?
        .iter()
        .any(|build| build.removed_at.is_some());
    if is_removed && !pulling.is_meant {
        let trouble = Trouble {
            reason: "it was removed here".to_owned(),
            hints: vec![format!("`mlbuild pull {}` brings it back", id.short())],
        };
        return Ok((State::Skipped, Some(trouble)));
    }
    let ours = Record::of(&shared);
    let fields = ours.contradictions(record);
    if !fields.is_empty() {
        if pulling.options.replace {
            return Ok((State::Updated, None));
        }
        let error = RemotesError::Contradiction {
            id: id.clone(),
            place: ends.remote.place().to_owned(),
            fields,
        };
        return Ok((State::Failed, Some(Trouble::of(&error))));
    }
    let mut theirs = record.clone();
    theirs.build.parent = ours.build.parent.clone();
    let mut checks = Vec::new();
    for check in theirs.checks {
        if ends.registry.has_build(&check.against)? || found.light.contains_key(&check.against) {
            checks.push(check);
        }
    }
    theirs.checks = checks;
    let is_whole = ours.covers(&theirs) && !is_removed;
    let has_files = record
        .blobs()
        .iter()
        .all(|(digest, _)| !pulling.missing.contains_key(digest));
    Ok(match is_whole && has_files {
        true => (State::Unchanged, None),
        false => (State::Updated, None),
    })
}

/// Brings blobs; what is wrong with some of them, and what ended it early.
fn bring(
    ends: &Ends<'_>,
    blobs: &[(Digest, u64)],
    pulling: &mut Pulling,
    transfer: &mut Transfer,
    observe: &mut Observer<'_>,
) -> (BTreeMap<Digest, Trouble>, Option<RemoteError>) {
    let mut bad = BTreeMap::new();
    if pulling.options.dry_run {
        transfer.blobs += blobs.len() as u64;
        transfer.bytes += blobs.iter().map(|(_, size)| size).sum::<u64>();
        return (bad, None);
    }
    let (remote, objects): (&Remote, &Objects) = (ends.remote, ends.objects);
    let outcomes = parallel::each(
        blobs,
        BLOBS_AT_ONCE,
        |(digest, size), moved| remote.fetch_blob(objects, digest, *size, moved),
        |result| result.as_ref().is_err_and(|error| !error.is_about_one_object()),
        &mut |bytes| observe(Event::Moved(bytes)),
    );
    let mut end = None;
    for ((digest, size), outcome) in blobs.iter().zip(outcomes) {
        match outcome {
            Some(Ok(())) => {
                transfer.blobs += 1;
                transfer.bytes += size;
                pulling.missing.remove(digest);
            }
            Some(Err(error)) if error.is_about_one_object() => {
                bad.insert(digest.clone(), Trouble::of(&error.into()));
            }
            Some(Err(error)) => {
                end.get_or_insert(error);
            }
            None => {}
        }
    }
    (bad, end)
}
