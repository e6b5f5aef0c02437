//! Pushing: blobs that the remote lacks, then records, parents before children, then tags.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::hint::Hint as _;
use crate::registry::Build;
use crate::registry::Filter;
use crate::report::remotes::Direction;
use crate::report::remotes::Moved;
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
use super::record::Record;
use super::side;
use super::side::Put;
use super::tags;

/// How many blobs are on their way at once; large ones are sent in several parts at once besides.
const BLOBS_AT_ONCE: usize = 3;
/// So many builds are read out of the registry at once, samples and all.
const CHUNK: usize = 64;

/// Pushes builds with everything that they are derived from.
pub fn push(
    ends: &mut Ends<'_>,
    selection: Selection<'_>,
    options: Options,
    observe: &mut Observer<'_>,
) -> Result<Transfer, RemotesError> {
    let builds = with_ancestors(ends, selected(ends, selection)?)?;
    // Before anything goes: whether the remote answers, and lets us.
    let there = side::builds(ends.remote)?;
    let mut transfer = ends.transfer(Direction::Push, options);
    let missing = missing(ends, &builds, options)?;
    observe(Event::Planned {
        builds: builds.len(),
        blobs: missing.len(),
        bytes: missing.values().sum(),
    });
    let mut moving = Moving {
        missing,
        there,
        failed: BTreeSet::new(),
        options,
    };
    for chunk in chunks(&builds) {
        push_chunk(ends, chunk, &mut moving, &mut transfer, observe)?;
    }
    let sent: Vec<Digest> = transfer
        .builds
        .iter()
        .filter(|build| build.state != State::Failed)
        .filter_map(|build| build.id.parse().ok())
        .collect();
    tags::push(ends, &sent, options, &mut transfer)?;
    Ok(transfer)
}

struct Moving {
    /// Blobs that the remote lacks, with their sizes; those that have gone since are out.
    missing: BTreeMap<Digest, u64>,
    /// Builds that the remote has a record of.
    there: BTreeSet<Digest>,
    failed: BTreeSet<Digest>,
    options: Options,
}

fn selected(ends: &Ends<'_>, selection: Selection<'_>) -> Result<Vec<Build>, RemotesError> {
    let filter = match selection {
        Selection::Build(text) => return Ok(vec![ends.registry.resolve(text)?]),
        Selection::Tag(tag) => {
            let filter = Filter {
                tag: Some(tag.to_owned()),
                ..Filter::default()
            };
            if ends.registry.count(&filter)? == 0 {
                // Says which tag is like it.
                ends.registry.resolve(tag)?;
            }
            filter
        }
        Selection::All => Filter::default(),
    };
    let listed = ends.registry.list(&filter)?;
    Ok(listed.into_iter().map(|listed| listed.build).collect())
}

/// The builds and their ancestors with their depths in the tree, parents first.
fn with_ancestors(ends: &Ends<'_>, selected: Vec<Build>) -> Result<Vec<(usize, Build)>, RemotesError> {
    let mut known: BTreeMap<Digest, Build> = BTreeMap::new();
    for build in selected {
        known.insert(build.facts.id.clone(), build);
    }
    let starts: Vec<Digest> = known.keys().cloned().collect();
    for id in starts {
        let parent = known.get(&id).and_then(|build| build.facts.parent.clone());
        if parent.is_some_and(|parent| !known.contains_key(&parent)) {
            for ancestor in ends.registry.lineage(&id)? {
                known.entry(ancestor.facts.id.clone()).or_insert(ancestor);
            }
        }
    }
    let depth = |id: &Digest| {
        let mut depth = 0;
        let mut next = known.get(id).and_then(|build| build.facts.parent.as_ref());
        while let Some(parent) = next.filter(|_| depth <= known.len()) {
            depth += 1;
            next = known.get(parent).and_then(|build| build.facts.parent.as_ref());
        }
        depth
    };
    let depths: BTreeMap<Digest, usize> = known.keys().map(|id| (id.clone(), depth(id))).collect();
    let mut ordered: Vec<(usize, Build)> = known
        .into_iter()
        .map(|(id, build)| (depths.get(&id).copied().unwrap_or(0), build))
        .collect();
    ordered.sort_by(|(one_depth, one), (other_depth, other)| {
        (one_depth, &one.facts.created_at, &one.facts.id).cmp(&(other_depth, &other.facts.created_at, &other.facts.id))
    });
    Ok(ordered)
}

/// Pieces of one depth each, so that parents are done before children begin.
fn chunks(builds: &[(usize, Build)]) -> Vec<&[(usize, Build)]> {
    builds
        .chunk_by(|(one, _), (other, _)| one == other)
        .flat_map(|level| level.chunks(CHUNK))
        .collect()
}

/// The blobs that the remote lacks, or has in another size or with another digest; all of them where they are to go again.
fn missing(
    ends: &Ends<'_>,
    builds: &[(usize, Build)],
    options: Options,
) -> Result<BTreeMap<Digest, u64>, RemotesError> {
    let mut wanted = BTreeMap::new();
    for (_, build) in builds {
        for artifact in &build.facts.artifacts {
            wanted.insert(artifact.digest.clone(), artifact.size.0);
        }
        if let Some(graph) = &build.facts.about.graph {
            let size = ends.objects.path(graph).and_then(|path| path.metadata().ok());
            wanted.insert(graph.clone(), size.map_or(0, |metadata| metadata.len()));
        }
    }
    if options.again {
        // What is not here cannot go again.
        wanted.retain(|digest, _| ends.objects.path(digest).is_some());
        return Ok(wanted);
    }
    let digests: Vec<Digest> = wanted.keys().cloned().collect();
    let there = side::blobs(ends.remote, &digests)?;
    wanted.retain(|digest, size| {
        !there
            .get(digest)
            .is_some_and(|stat| stat.size == *size && stat.digest.as_ref().is_none_or(|said| said == digest))
    });
    Ok(wanted)
}

fn push_chunk(
    ends: &mut Ends<'_>,
    chunk: &[(usize, Build)],
    moving: &mut Moving,
    transfer: &mut Transfer,
    observe: &mut Observer<'_>,
) -> Result<(), RemotesError> {
    let mut records = Vec::new();
    for (_, build) in chunk {
        if let Some(shared) = ends.registry.shared(&build.facts.id)? {
            records.push(Record::of(&shared));
        }
    }
    let options = moving.options;
    let blobs = to_send(&records, moving);
    let mut bad: BTreeMap<Digest, Trouble> = BTreeMap::new();
    if options.dry_run {
        for (digest, size) in &blobs {
            if ends.objects.path(digest).is_none()
                && let Err(error) = ends.objects.verify(digest)
            {
                bad.insert(digest.clone(), Trouble::of(&RemoteError::from(error).into()));
            } else {
                transfer.blobs += 1;
                transfer.bytes += size;
            }
            moving.missing.remove(digest);
        }
    } else {
        let outcomes = send(ends.remote, ends.objects, &blobs, observe);
        for ((digest, size), outcome) in blobs.iter().zip(outcomes) {
            match outcome {
                Some(Ok(())) => {
                    transfer.blobs += 1;
                    transfer.bytes += size;
                    moving.missing.remove(digest);
                }
                Some(Err(error)) if error.is_about_one_object() => {
                    bad.insert(digest.clone(), Trouble::of(&error.into()));
                }
                Some(Err(error)) => return Err(error.into()),
                None => {}
            }
        }
    }
    let ready: Vec<(Record, Option<Trouble>)> = records
        .into_iter()
        .map(|record| {
            let trouble = trouble(&record, &bad, moving, ends.remote);
            (record, trouble)
        })
        .collect();
    let remote = ends.remote;
    let there = &moving.there;
    let results = parallel::each(
        &ready,
        side::SMALL_AT_ONCE,
        |(record, trouble), _| match trouble {
            Some(_) => Ok(Put::Unchanged),
            // A record that is surely not there need not be asked for, where nothing would be written.
            None if options.dry_run && !there.contains(&record.build.id) => Ok(Put::New),
            None => side::put(remote, record, options.replace, options.dry_run),
        },
        |result| result.as_ref().is_err_and(|error| !error.is_about_one_build()),
        &mut |_| (),
    );
    let mut end = None;
    for ((record, trouble), result) in ready.into_iter().zip(results) {
        let outcome = match (trouble, result) {
            (Some(trouble), _) => Err(trouble),
            (None, Some(Ok(put))) => Ok(put),
            (None, Some(Err(error))) if error.is_about_one_build() => Err(Trouble::of(&error)),
            (None, Some(Err(error))) => {
                end.get_or_insert(error);
                continue;
            }
            (None, None) => continue,
        };
        if outcome.is_err() {
            moving.failed.insert(record.build.id.clone());
        }
        transfer.builds.push(moved(&record, outcome));
    }
    end.map_or(Ok(()), Err)
}

/// The blobs of these records that have to go, each once.
fn to_send(records: &[Record], moving: &Moving) -> Vec<(Digest, u64)> {
    let mut wanted = BTreeMap::new();
    for (digest, _) in records.iter().flat_map(Record::blobs) {
        if let Some(size) = moving.missing.get(&digest) {
            wanted.insert(digest, *size);
        }
    }
    wanted.into_iter().collect()
}

fn send(
    remote: &Remote,
    objects: &Objects,
    blobs: &[(Digest, u64)],
    observe: &mut Observer<'_>,
) -> Vec<Option<Result<(), RemoteError>>> {
    parallel::each(
        blobs,
        BLOBS_AT_ONCE,
        |(digest, _), moved| remote.send_blob(objects, digest, moved),
        |result| result.as_ref().is_err_and(|error| !error.is_about_one_object()),
        &mut |bytes| observe(Event::Moved(bytes)),
    )
}

/// Why the record of a build must not be written: what it refers to is not all there.
fn trouble(record: &Record, bad: &BTreeMap<Digest, Trouble>, moving: &Moving, remote: &Remote) -> Option<Trouble> {
    let parent = record.build.parent.as_ref();
    if let Some(parent) = parent.filter(|parent| moving.failed.contains(parent)) {
        return Some(Trouble::of(&RemotesError::NoParent {
            parent: parent.clone(),
            place: remote.place().to_owned(),
        }));
    }
    record.blobs().iter().find_map(|(digest, _)| bad.get(digest).cloned())
}

/// The line of a build that was sent, or not.
fn moved(record: &Record, outcome: Result<Put, Trouble>) -> Moved {
    let (state, trouble) = match outcome {
        Ok(Put::New) => (State::New, None),
        Ok(Put::Updated) => (State::Updated, None),
        Ok(Put::Unchanged) => (State::Unchanged, None),
        Err(trouble) => (State::Failed, Some(trouble)),
    };
    row(record, state, trouble)
}

/// What is wrong with one build of several, in words.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) reason: String,
    pub(super) hints: Vec<String>,
}

impl Trouble {
    pub(super) fn of(error: &RemotesError) -> Self {
        Self {
            reason: error.to_string(),
            hints: error.hints(),
        }
    }
}

/// The line of a build in a transfer.
pub(super) fn row(record: &Record, state: State, trouble: Option<Trouble>) -> Moved {
    let build = &record.build;
    let (reason, hints) = match trouble {
        Some(trouble) => (Some(trouble.reason), trouble.hints),
        None => (None, Vec::new()),
    };
    Moved {
        id: build.id.to_string(),
        name: build.name.clone().unwrap_or_else(|| build.model.clone()),
        recipe: build.recipe.clone(),
        size: record.size(),
        state,
        reason,
        hints,
    }
}
