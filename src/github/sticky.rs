//! One comment per pull request and key, kept up to date: found by a hidden marker **and** its author, never set back to an
//! older result.
//!
//! The marker is the comment's first line: `<!-- mlbuild:v1 id=<key> run=<run>.<attempt> head=<sha> -->`.

use super::client::Client;
use super::comment;
use super::comment::Comment;
use super::error::GithubError;
use super::error::Permission;
use super::identity::Account;
use super::ids::CommitSha;
use super::ids::PrNumber;
use super::pull;
use super::text;

const OPEN: &str = "<!-- mlbuild:v1 ";
const CLOSE: &str = " -->";

/// Which run measured a result, and which commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStamp {
    /// The workflow run; GitHub counts them up.
    pub run_id: u64,
    /// Its attempt, from 1.
    pub attempt: u64,
    /// The measured head of the pull request.
    pub head_sha: CommitSha,
}

impl RunStamp {
    fn age(&self) -> (u64, u64) {
        (self.run_id, self.attempt)
    }
}

/// What became of the comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was none.
    Created,
    /// There was an older one.
    Updated,
    /// A newer run, or a run of the current head while ours measured an older one, has already written; nothing was changed.
    NewerExists,
}

/// The comment as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    /// What was done.
    pub outcome: Outcome,
    /// The comment that stands.
    pub comment: Comment,
    /// The head of the pull request just before writing; differs from the stamp's where commits were pushed meanwhile.
    pub current_head: CommitSha,
    /// How many further comments of ours with the same key were deleted.
    pub removed: usize,
}

/// The marker line.
fn marker(key: &str, run: &RunStamp) -> String {
    // Escaped, a key can neither end the HTML comment nor the field.
    format!(
        "{OPEN}id={} run={}.{} head={}{CLOSE}",
        text::escape_path(key),
        run.run_id,
        run.attempt,
        run.head_sha
    )
}

/// The stamp in the first line of `body`, if it is a marker with `key`.
fn stamp(body: &str, key: &str) -> Option<RunStamp> {
    let (id, stamp) = any_stamp(body)?;
    (id == text::escape_path(key)).then_some(stamp)
}

/// The escaped key and the stamp in the first line of `body`, if it is a marker.
fn any_stamp(body: &str) -> Option<(&str, RunStamp)> {
    let fields = body.lines().next()?.strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
    let (id, fields) = fields.strip_prefix("id=")?.split_once(" run=")?;
    let (run, head) = fields.split_once(" head=")?;
    let (run_id, attempt) = run.split_once('.')?;
    let stamp = RunStamp {
        run_id: run_id.parse().ok()?,
        attempt: attempt.parse().ok()?,
        head_sha: head.parse().ok()?,
    };
    Some((id, stamp))
}

/// Our comments with this key, the one that stands first: newest stamp, among equals the oldest comment. Two runs that
/// look at the same comments choose the same one.
fn ours(comments: Vec<Comment>, key: &str, own: &Account) -> Vec<(RunStamp, Comment)> {
    let mut found: Vec<(RunStamp, Comment)> = comments
        .into_iter()
        .filter(|comment| comment.is_by(own) && !comment.is_hidden())
        .filter_map(|comment| Some((stamp(&comment.body, key)?, comment)))
        .collect();
    found.sort_by_key(|(stamp, comment)| (std::cmp::Reverse(stamp.age()), comment.id));
    found
}

/// The newest run that `own` has written a comment of, whatever its key: what a pull request's head was when that was measured.
pub fn newest(comments: &[Comment], own: &Account) -> Option<RunStamp> {
    comments
        .iter()
        .filter(|comment| comment.is_by(own))
        .filter_map(|comment| any_stamp(&comment.body).map(|(_, stamp)| stamp))
        .max_by_key(RunStamp::age)
}

/// Whether what `theirs` wrote must stay.
fn is_newer(theirs: &RunStamp, run: &RunStamp, head: &CommitSha) -> bool {
    theirs.age() > run.age() || (theirs.head_sha == *head && run.head_sha != *head)
}

/// Whether a comment of ours with `key` stands on `pull`.
pub fn exists(client: &Client, pull: PrNumber, key: &str, own: &Account) -> Result<bool, GithubError> {
    Ok(!ours(comment::list(client, pull)?, key, own).is_empty())
}

/// Writes `body` as the one comment with `key` on `pull`, unless a newer result stands there. A body beyond GitHub's limit
/// is cut. `own` comes from [`super::identity::own`].
pub fn upsert(
    client: &Client,
    pull: PrNumber,
    key: &str,
    run: &RunStamp,
    body: &str,
    own: &Account,
) -> Result<Sticky, GithubError> {
    write(client, pull, key, run, body, own).map_err(|error| match error {
        // Who is told to grant reading would come back for writing.
        GithubError::Forbidden { call, message, .. } => GithubError::Forbidden {
            call,
            message,
            needs: Permission::PullRequestsWrite,
        },
        error => error,
    })
}

fn write(
    client: &Client,
    pull: PrNumber,
    key: &str,
    run: &RunStamp,
    body: &str,
    own: &Account,
) -> Result<Sticky, GithubError> {
    let marker = marker(key, run);
    let body = format!("{marker}\n{}", text::cut(body, text::COMMENT_BYTES - marker.len() - 1));
    let found = ours(comment::list(client, pull)?, key, own);
    let current_head = pull::get(client, pull)?.head_sha;
    let writing = Writing {
        client,
        pull,
        key,
        run,
        body,
        current_head,
    };
    if let Some((_, standing)) = found.first() {
        match writing.update(standing.id) {
            Ok((outcome, comment)) => {
                let removed = writing.collapse(&found[1..])?;
                return Ok(writing.done(outcome, comment, removed));
            }
            // Deleted since the list was read.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    writing.create(own)
}

struct Writing<'a> {
    client: &'a Client,
    pull: PrNumber,
    key: &'a str,
    run: &'a RunStamp,
    body: String,
    current_head: CommitSha,
}

impl Writing<'_> {
    fn update(&self, id: u64) -> Result<(Outcome, Comment), GithubError> {
        // Reading the list takes a while; another run may have written since.
        let fresh = comment::get(self.client, id)?;
        if stamp(&fresh.body, self.key).is_some_and(|theirs| is_newer(&theirs, self.run, &self.current_head)) {
            return Ok((Outcome::NewerExists, fresh));
        }
        Ok((Outcome::Updated, comment::update(self.client, id, &self.body)?))
    }

    fn create(self, own: &Account) -> Result<Sticky, GithubError> {
        let mine = |comment: &Comment| stamp(&comment.body, self.key).as_ref() == Some(self.run);
        let created = self.client.create(
            || comment::create(self.client, self.pull, &self.body),
            || {
                let all = comment::list(self.client, self.pull)?;
                Ok(all.into_iter().find(|comment| comment.is_by(own) && mine(comment)))
            },
        )?;
        // Another run may have posted at the same time, and the answer says for certain who we are.
        let own = created.author.as_ref().unwrap_or(own);
        let found = ours(comment::list(self.client, self.pull)?, self.key, own);
        let Some((_, standing)) = found.first().cloned() else {
            return Ok(self.done(Outcome::Created, created, 0));
        };
        let removed = self.collapse(&found[1..])?;
        let outcome = if mine(&standing) {
            Outcome::Created
        } else {
            Outcome::NewerExists
        };
        Ok(self.done(outcome, standing, removed))
    }

    fn collapse(&self, others: &[(RunStamp, Comment)]) -> Result<usize, GithubError> {
        for (_, other) in others {
            comment::delete(self.client, other.id)?;
        }
        Ok(others.len())
    }

    fn done(self, outcome: Outcome, comment: Comment, removed: usize) -> Sticky {
        Sticky {
            outcome,
            comment,
            current_head: self.current_head,
            removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(run_id: u64, attempt: u64) -> RunStamp {
        RunStamp {
            run_id,
            attempt,
            head_sha: "ab".repeat(20).parse().unwrap(),
        }
    }

    fn written(id: u64, author: u64, body: String) -> Comment {
        let json = serde_json::json!({
            "id": id, "body": body, "html_url": "https://x", "user": { "login": "x", "id": author }
        });
        serde_json::from_value(json).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(key in any::<String>(), id in any::<u64>(), attempt in any::<u64>()) {
            let run = run(id, attempt);
            let line = marker(&key, &run);
            prop_assert_eq!(line.find("-->"), Some(line.len() - 3));
            prop_assert_eq!(stamp(&format!("{line}\nbody"), &key), Some(run));
        }
    }

    #[test]
    fn a_marker_counts_only_in_the_first_line_and_with_its_key() {
        let line = marker("ci", &run(7, 1));
        assert_eq!(stamp(&format!("quoted:\n{line}"), "ci"), None);
        assert_eq!(stamp(&line, "ci/other"), None);
        assert_eq!(stamp(&line.replace("v1", "v2"), "ci"), None);
        assert_eq!(stamp(&line.replace("head=ab", "head=zz"), "ci"), None);
    }

    #[test]
    fn foreign_comments_are_never_ours() {
        let own = Account {
            login: "x".to_owned(),
            id: Some(1),
        };
        let body = marker("ci", &run(7, 1));
        let comments = vec![
            written(1, 2, body.clone()),
            written(2, 1, body),
            written(3, 1, "hello".to_owned()),
        ];
        let found = ours(comments, "ci", &own);
        assert_eq!(found.iter().map(|(_, comment)| comment.id).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn the_newest_stamp_stands_then_the_oldest_comment() {
        let own = Account {
            login: "x".to_owned(),
            id: Some(1),
        };
        let by = |id, stamp: &RunStamp| written(id, 1, marker("ci", stamp));
        let comments = vec![
            by(1, &run(7, 1)),
            by(2, &run(9, 1)),
            by(3, &run(9, 2)),
            by(4, &run(9, 2)),
        ];
        let found = ours(comments, "ci", &own);
        assert_eq!(
            found.iter().map(|(_, comment)| comment.id).collect::<Vec<_>>(),
            [3, 4, 2, 1]
        );
    }

    #[test]
    fn a_rerun_of_an_old_head_does_not_hide_the_current_one() {
        let head: CommitSha = "cd".repeat(20).parse().unwrap();
        let theirs = RunStamp {
            head_sha: head.clone(),
            ..run(5, 1)
        };
        assert!(is_newer(&theirs, &run(7, 1), &head));
        assert!(is_newer(&run(7, 2), &run(7, 1), &head));
        assert!(!is_newer(&run(5, 1), &run(7, 1), &head));
    }
}
