//! The remote's side: which builds it has, and their records.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crate::digest::Digest;
use crate::store::remote::Condition;
use crate::store::remote::OBJECTS;
use crate::store::remote::Remote;
use crate::store::remote::RemoteError;
use crate::store::remote::Stat;
use crate::store::remote::Written;

use super::error::RemotesError;
use super::parallel;
use super::record;
use super::record::Record;

/// How many small requests are on their way at once.
pub(super) const SMALL_AT_ONCE: usize = 12;
/// From this number on, blobs are looked for in one list instead of one by one. A list says nothing of their digests.
const LIST_FROM: usize = 300;
/// How often a record is merged anew because somebody else was faster.
const TRIES: u64 = 12;

/// The builds that the remote has a record of.
pub(super) fn builds(remote: &Remote) -> Result<BTreeSet<Digest>, RemoteError> {
    let found = remote.list(record::FOLDER)?;
    Ok(found.iter().filter_map(|object| record::id_of(&object.name)).collect())
}

/// The record of a build with the version that it was read at; `None` where there is none.
pub(super) fn read(remote: &Remote, id: &Digest) -> Result<Option<(Record, Option<String>)>, RemotesError> {
    let Some(found) = remote.read(&record::name(id), record::MAX_BYTES)? else {
        return Ok(None);
    };
    let record = Record::parse(&found.bytes, id).map_err(|source| broken(remote, id, source))?;
    Ok(Some((record, found.version)))
}

pub(super) fn broken(remote: &Remote, id: &Digest, source: record::RecordError) -> RemotesError {
    RemotesError::Record {
        id: id.clone(),
        place: remote.place().to_owned(),
        source,
    }
}

/// What is known of some blobs; those that are not there are left out.
pub(super) fn blobs(remote: &Remote, wanted: &[Digest]) -> Result<BTreeMap<Digest, Stat>, RemotesError> {
    if wanted.len() >= LIST_FROM {
        let listed = remote.list(OBJECTS)?;
        let known = listed.into_iter().filter_map(|object| {
            let stat = Stat {
                size: object.size,
                digest: None,
            };
            Some((object.name.parse().ok()?, stat))
        });
        return Ok(known.collect());
    }
    let asked = parallel::each(
        wanted,
        SMALL_AT_ONCE,
        |digest, _| remote.blob(digest),
        Result::is_err,
        &mut |_| (),
    );
    let mut found = BTreeMap::new();
    for (digest, stat) in wanted.iter().zip(asked) {
        if let Some(stat) = stat.transpose()?.flatten() {
            found.insert(digest.clone(), stat);
        }
    }
    Ok(found)
}

/// What came of writing a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    New,
    Updated,
    Unchanged,
}

/// Merges what is known here into the record of a build, without losing what others write at the same time.
///
/// Where the server honours conditions, a write that somebody preceded is refused, and merged anew. Where it ignores them, what was written
/// is read back after a moment, and merged anew if somebody's write replaced it: two pushers of one build at the very same moment
/// can still miss each other there, and the next push of either brings back what is missing.
pub(super) fn put(remote: &Remote, ours: &Record, force: bool, dry_run: bool) -> Result<Put, RemotesError> {
    let id = &ours.build.id;
    let mut outcome = None;
    for attempt in 0..TRIES {
        let there = match read(remote, id) {
            Err(RemotesError::Record { source, .. })
                if force && !matches!(source, record::RecordError::Newer { .. }) =>
            {
                // What cannot be read is replaced, whatever it is.
                if !dry_run {
                    let bytes = ours.to_bytes().map_err(|source| broken(remote, id, source))?;
                    remote.write(&record::name(id), &bytes, &Condition::Any)?;
                }
                return Ok(Put::Updated);
            }
            there => there?,
        };
        let (record, condition) = match there {
            None => (ours.clone(), Condition::Absent),
            Some((theirs, version)) => {
                let fields = theirs.contradictions(ours);
                if !fields.is_empty() && !force {
                    return Err(RemotesError::Contradiction {
                        id: id.clone(),
                        place: remote.place().to_owned(),
                        fields,
                    });
                }
                if fields.is_empty() && theirs.covers(ours) {
                    return Ok(outcome.unwrap_or(Put::Unchanged));
                }
                let merged = match fields.is_empty() {
                    true => theirs.merged(ours),
                    false => ours.merged(&theirs),
                };
                (merged, version.map_or(Condition::Any, Condition::Unchanged))
            }
        };
        let put = match condition {
            Condition::Absent => Put::New,
            _ => Put::Updated,
        };
        let reported = *outcome.get_or_insert(put);
        if dry_run {
            return Ok(reported);
        }
        let bytes = record.to_bytes().map_err(|source| broken(remote, id, source))?;
        if remote.write(&record::name(id), &bytes, &condition)? == Written::Done
            && condition != Condition::Any
            && remote.honours(&condition)
        {
            return Ok(reported);
        }
        // Not all at the same time again; nobody minds the exact figure.
        let spread = u64::from(std::process::id()) % 97;
        thread::sleep(Duration::from_millis(50 + 3 * spread * (attempt + 1).min(3)));
    }
    Err(RemotesError::Remote(RemoteError::Contended {
        name: record::name(id),
        place: remote.place().to_owned(),
    }))
}
