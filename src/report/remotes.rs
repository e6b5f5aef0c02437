//! What a push, a pull or a sync did, and the remotes that there are: plain data, text and JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::clean;
use super::desk;
use crate::units::Bytes;

/// Which way builds went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From here to the remote.
    Push,
    /// From the remote to here.
    Pull,
}

/// One push or pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// Which way.
    pub direction: Direction,
    /// The remote's name.
    pub remote: String,
    /// Bucket and server, or folder.
    pub place: String,
    /// Nothing was changed: this is what would be.
    pub dry_run: bool,
    /// The builds that were meant, parents before children.
    pub builds: Vec<Moved>,
    /// Blobs that went, or would go.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Tags that were set where the builds went, or would be.
    pub tags: Vec<MovedTag>,
    /// Tags that name another build on either side, and so stayed as they were.
    pub conflicts: Vec<Conflict>,
    /// What a person should know.
    pub notices: Vec<String>,
}

/// One build of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Its whole id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its recipe.
    pub recipe: String,
    /// The bytes of its files.
    pub size: u64,
    /// What became of it.
    pub state: State,
    /// Why it failed or was left out.
    pub reason: Option<String>,
    /// What to do about that.
    pub hints: Vec<String>,
}

/// What became of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was not there before.
    New,
    /// It was there, and something of it was not: a measurement, a remark.
    Updated,
    /// All of it was there.
    Unchanged,
    /// It was taken away, because the other side does not have it.
    Removed,
    /// It was left out on purpose.
    Skipped,
    /// It should have gone and did not.
    Failed,
}

/// A tag that was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MovedTag {
    /// The tag.
    pub name: String,
    /// The build that it names now; `None` where it was taken away.
    pub build: Option<String>,
}

/// A tag that stayed as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The tag.
    pub tag: String,
    /// The build that it names here.
    pub here: Option<String>,
    /// The builds that it names on the remote.
    pub there: Vec<String>,
}

impl Transfer {
    /// True where everything that was asked for was done.
    pub fn is_whole(&self) -> bool {
        self.conflicts.is_empty() && self.builds.iter().all(|build| build.state != State::Failed)
    }

    fn count(&self, state: State) -> usize {
        self.builds.iter().filter(|build| build.state == state).count()
    }
}

/// One line a build that went, failed or was left out, and a sentence.
pub fn text(transfer: &Transfer) -> String {
    let mut rows = Vec::new();
    for build in &transfer.builds {
        let word = match build.state {
            State::Unchanged => continue,
            State::New => "new",
            State::Updated => "updated",
            State::Removed => "removed",
            State::Skipped => "skipped",
            State::Failed => "failed",
        };
        let reason = build.reason.as_ref();
        rows.push(vec![
            word.to_owned(),
            short(&build.id).to_owned(),
            shown(&build.name),
            shown(&build.recipe),
            Bytes(build.size).to_string(),
            reason.map_or_else(String::new, |reason| clean::sentence(reason, clean::PROSE_LENGTH)),
        ]);
    }
    let mut text = desk::table(&rows, &[4]);
    for tag in &transfer.tags {
        let _ = match &tag.build {
            Some(build) => writeln!(text, "  tag  {} → {}", shown(&tag.name), short(build)),
            None => writeln!(text, "  tag  {} taken away", shown(&tag.name)),
        };
    }
    text.push_str(&sentence(transfer));
    text.push('\n');
    text
}

/// `pushed 3 builds (2 new, 1 updated), 13.4 MB in 4 files, to team (s3://models)`.
fn sentence(transfer: &Transfer) -> String {
    let (verb, way) = match (transfer.direction, transfer.dry_run) {
        (Direction::Push, false) => ("pushed", "to"),
        (Direction::Push, true) => ("would push", "to"),
        (Direction::Pull, false) => ("pulled", "from"),
        (Direction::Pull, true) => ("would pull", "from"),
    };
    let place = format!(
        "{} ({})",
        shown(&transfer.remote),
        clean::line(&transfer.place, clean::NAME_LENGTH)
    );
    let (new, updated) = (transfer.count(State::New), transfer.count(State::Updated));
    let mut parts = Vec::new();
    for (count, word) in [(new, "new"), (updated, "updated")] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let moved = new + updated;
    let mut sentence = if moved == 0 {
        let unchanged = transfer.count(State::Unchanged);
        let where_to = match transfer.direction {
            Direction::Push => "there",
            Direction::Pull => "here",
        };
        match unchanged {
            0 => format!("{verb} nothing {way} {place}"),
            1 => format!("{verb} nothing {way} {place}: the build is {where_to} already"),
            count => format!("{verb} nothing {way} {place}: all {count} builds are {where_to} already"),
        }
    } else {
        format!(
            "{verb} {moved} build{} ({}) {way} {place}",
            plural(moved),
            parts.join(", ")
        )
    };
    if transfer.blobs > 0 {
        let _ = write!(
            sentence,
            ", {} in {} file{}",
            Bytes(transfer.bytes),
            transfer.blobs,
            plural(usize::try_from(transfer.blobs).unwrap_or(usize::MAX))
        );
    }
    for (count, word) in [
        (transfer.count(State::Removed), "removed"),
        (transfer.count(State::Skipped), "skipped"),
        (transfer.count(State::Failed), "failed"),
    ] {
        if count > 0 {
            let _ = write!(sentence, "; {count} {word}");
        }
    }
    sentence
}

/// What a conflict is, in a sentence.
pub fn conflict(conflict: &Conflict) -> String {
    let there: Vec<&str> = conflict.there.iter().map(|id| short(id)).collect();
    let there = there.join(" and ");
    match &conflict.here {
        Some(here) => format!(
            "the tag `{}` names {} here and {there} on the remote: it stays so on both sides",
            shown(&conflict.tag),
            short(here)
        ),
        None => format!(
            "the tag `{}` names {there} on the remote, more than one build: it was not taken",
            shown(&conflict.tag)
        ),
    }
}

/// A remote, as it was set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemoteView {
    /// Its name.
    pub name: String,
    /// `s3` or `local`.
    pub backend: String,
    /// The bucket.
    pub bucket: Option<String>,
    /// What every object's name begins with.
    pub prefix: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The server.
    pub endpoint: Option<String>,
    /// The folder.
    pub path: Option<String>,
    /// It is meant where none is named.
    pub default: bool,
    /// ISO 8601 in UTC.
    pub created_at: String,
}

/// One line a remote.
pub fn list(remotes: &[RemoteView]) -> String {
    if remotes.is_empty() {
        return "no remotes; `mlbuild remote add` makes one\n".to_owned();
    }
    let width = remotes
        .iter()
        .map(|remote| shown(&remote.name).chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for remote in remotes {
        let default = if remote.default { " (default)" } else { "" };
        let name = shown(&remote.name);
        let pad = " ".repeat(width.saturating_sub(name.chars().count()));
        let _ = writeln!(
            text,
            "{name}{pad}  {:<5}  {}{default}",
            remote.backend,
            location(remote)
        );
    }
    text
}

/// One line a setting.
pub fn show(remote: &RemoteView) -> String {
    let mut text = String::new();
    let default = if remote.default { "yes" } else { "no" };
    let rows = [
        ("name", Some(remote.name.as_str())),
        ("backend", Some(remote.backend.as_str())),
        ("bucket", remote.bucket.as_deref()),
        ("path", remote.path.as_deref()),
        ("prefix", remote.prefix.as_deref()),
        ("region", remote.region.as_deref()),
        ("endpoint", remote.endpoint.as_deref()),
        ("default", Some(default)),
        ("added", Some(remote.created_at.as_str())),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            let _ = writeln!(text, "{name:<9} {}", clean::line(value, clean::PROSE_LENGTH));
        }
    }
    text
}

fn location(remote: &RemoteView) -> String {
    let prefix = remote.prefix.as_deref().unwrap_or_default();
    let place = match (&remote.bucket, &remote.path) {
        (Some(bucket), _) => format!("s3://{bucket}/{prefix}"),
        (None, Some(path)) => format!("{}/{prefix}", path.trim_end_matches('/')),
        (None, None) => String::new(),
    };
    let place = match &remote.endpoint {
        Some(endpoint) => format!("{place} at {endpoint}"),
        None => place,
    };
    clean::line(&place, clean::PROSE_LENGTH)
}

fn shown(name: &str) -> String {
    clean::line(name, clean::NAME_LENGTH)
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
