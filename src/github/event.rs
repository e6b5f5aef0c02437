//! What started the run: the event's name and its payload file, reduced to what is needed. Every text in it is hostile.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::files::FileError;
use crate::hint::Hint;

use super::identity::Account;
use super::ids::CommitSha;
use super::ids::PrNumber;
use super::workflow_run::RepositoryFacts;

/// GitHub caps payloads at 25 MB.
const MAX_BYTES: u64 = 25_000_000;

/// An event, by `GITHUB_EVENT_NAME` and the file at `GITHUB_EVENT_PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `pull_request`, and `pull_request_target` with `target` set.
    PullRequest(PullRequest),
    /// `push`.
    Push(Push),
    /// `merge_group`.
    MergeGroup(MergeGroup),
    /// `workflow_run`.
    WorkflowRun(WorkflowRun),
    /// `issue_comment`.
    IssueComment(IssueComment),
    /// `workflow_dispatch`.
    WorkflowDispatch {
        /// `refs/heads/…` or `refs/tags/…`.
        reference: Option<String>,
    },
    /// `schedule`.
    Schedule,
    /// Anything else, by name.
    Other(String),
}

/// A pull request that was opened or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: PrNumber,
    /// `opened`, `synchronize`, …
    pub action: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// The tip of the base branch when the event happened.
    pub base_sha: CommitSha,
    /// The branch it goes to.
    pub base_ref: String,
    /// The commit it proposes.
    pub head_sha: CommitSha,
    /// The branch it comes from.
    pub head_ref: String,
    /// Whether it comes from another repository, or from one that was deleted.
    pub head_repo_is_fork: bool,
    /// Whether this is `pull_request_target`, which runs with the base's secrets.
    pub target: bool,
}

/// A push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// `refs/heads/…` or `refs/tags/…`.
    pub reference: String,
    /// The branch's tip now.
    pub sha: CommitSha,
    /// The branch's tip before; `None` for a new branch.
    pub before: Option<CommitSha>,
    /// The repository's default branch.
    pub default_branch: String,
    /// Whether the branch was deleted.
    pub deleted: bool,
}

impl Push {
    /// The branch, if it is one.
    pub fn branch(&self) -> Option<&str> {
        self.reference.strip_prefix("refs/heads/")
    }

    /// Whether it went to the default branch.
    pub fn is_default(&self) -> bool {
        self.branch() == Some(self.default_branch.as_str())
    }
}

/// A group of pull requests in the merge queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeGroup {
    /// The group's commit.
    pub head_sha: CommitSha,
    /// The group's temporary branch, as `refs/heads/…`.
    pub head_ref: String,
    /// What it would be merged onto.
    pub base_sha: CommitSha,
    /// The branch it would be merged into, as `refs/heads/…`.
    pub base_ref: String,
}

/// Another workflow's run, which started this one. Only what GitHub itself wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    /// The run.
    pub id: u64,
    /// Its attempt, from 1.
    pub attempt: u64,
    /// The workflow's file, such as `.github/workflows/ci.yml`, without a ref.
    pub path: String,
    /// What started it.
    pub event: String,
    /// `success`, …
    pub conclusion: Option<String>,
    /// The commit it ran on.
    pub head_sha: CommitSha,
    /// The branch it ran on.
    pub head_branch: Option<String>,
    /// Who owns the repository that the commit came from.
    pub head_owner: Option<String>,
    /// The repository that the commit came from, by number.
    pub head_repository_id: Option<u64>,
    /// The repository it ran in, by number.
    pub repository_id: u64,
}

/// Somebody wrote, changed or deleted a comment in a conversation. GitHub wrote everything here but the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueComment {
    /// `created`, `edited` or `deleted`.
    pub action: String,
    /// The comment's number.
    pub comment: u64,
    /// The conversation's number.
    pub issue: PrNumber,
    /// Whether the conversation is a pull request's.
    pub on_pull: bool,
    /// Who wrote it.
    pub author: Account,
    /// Whether that is a program.
    pub author_is_bot: bool,
    /// What it said when this happened.
    pub body: String,
    /// When it was written, ISO 8601.
    pub created_at: String,
}

/// An event file that does not say what is needed.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no JSON.
    #[error("`{}` is not JSON", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// A key is missing or holds something else.
    #[error("`{}` has no usable `{key}`: expected {expected}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Its path in the JSON, with dots.
        key: String,
        /// What should be there.
        expected: &'static str,
    },
}

impl Hint for EventError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Json { .. } | Self::Key { .. } => vec![
                "`GITHUB_EVENT_NAME` must name the event whose payload `GITHUB_EVENT_PATH` holds; a workflow sets both"
                    .to_owned(),
            ],
        }
    }
}

/// A payload and where it came from.
struct Payload<'a> {
    path: &'a Path,
    json: Value,
}

impl Payload<'_> {
    fn read(path: &Path) -> Result<Payload<'_>, EventError> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(FileError::at("read", path))?;
        let taken = file
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(FileError::at("read", path))?;
        if taken as u64 > MAX_BYTES {
            let source = io::Error::other(format!("longer than {MAX_BYTES} bytes"));
            return Err(FileError {
                action: "read",
                path: path.to_owned(),
                source,
            }
            .into());
        }
        let json = serde_json::from_slice(&bytes).map_err(|source| EventError::Json {
            path: path.to_owned(),
            source,
        })?;
        Ok(Payload { path, json })
    }

    /// The value at `key`, dots between names; null counts as missing.
    fn find(&self, key: &str) -> Option<&Value> {
        key.split('.')
            .try_fold(&self.json, |value, name| value.get(name))
            .filter(|value| !value.is_null())
    }

    fn text(&self, key: &str) -> Option<String> {
        self.find(key)?.as_str().map(str::to_owned)
    }

    fn wrong(&self, key: &str, expected: &'static str) -> EventError {
        EventError::Key {
            path: self.path.to_owned(),
            key: key.to_owned(),
            expected,
        }
    }

    fn need_text(&self, key: &str) -> Result<String, EventError> {
        self.text(key)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.wrong(key, "a text"))
    }

    fn need_number(&self, key: &str) -> Result<u64, EventError> {
        self.find(key)
            .and_then(Value::as_u64)
            .ok_or_else(|| self.wrong(key, "a number"))
    }

    fn need_sha(&self, key: &str) -> Result<CommitSha, EventError> {
        self.text(key)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.wrong(key, "a commit (40 hexadecimal digits)"))
    }

    fn pull_request(&self, target: bool) -> Result<PullRequest, EventError> {
        let key = "pull_request.number";
        let number = self
            .need_number(key)?
            .try_into()
            .map_err(|_| self.wrong(key, "a number from 1"))?;
        Ok(PullRequest {
            number,
            action: self.text("action"),
            title: self.text("pull_request.title"),
            base_sha: self.need_sha("pull_request.base.sha")?,
            base_ref: self.need_text("pull_request.base.ref")?,
            head_sha: self.need_sha("pull_request.head.sha")?,
            head_ref: self.need_text("pull_request.head.ref")?,
            head_repo_is_fork: self.is_fork(),
            target,
        })
    }

    fn is_fork(&self) -> bool {
        let same = |key: &str| {
            let of = |side: &str| self.find(&format!("pull_request.{side}.repo.{key}"));
            Some(of("head")? == of("base")?)
        };
        // Unknown counts as a fork: it only ever takes rights away.
        !same("id").or_else(|| same("full_name")).unwrap_or(false)
    }

    fn push(&self) -> Result<Push, EventError> {
        Ok(Push {
            reference: self.need_text("ref")?,
            sha: self.need_sha("after")?,
            before: self.need_sha("before").ok().filter(|sha| !sha.is_null()),
            default_branch: self.need_text("repository.default_branch")?,
            deleted: self.find("deleted").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    fn merge_group(&self) -> Result<MergeGroup, EventError> {
        Ok(MergeGroup {
            head_sha: self.need_sha("merge_group.head_sha")?,
            head_ref: self.need_text("merge_group.head_ref")?,
            base_sha: self.need_sha("merge_group.base_sha")?,
            base_ref: self.need_text("merge_group.base_ref")?,
        })
    }

    fn issue_comment(&self) -> Result<IssueComment, EventError> {
        let issue = "issue.number";
        Ok(IssueComment {
            action: self.need_text("action")?,
            comment: self.need_number("comment.id")?,
            issue: self
                .need_number(issue)?
                .try_into()
                .map_err(|_| self.wrong(issue, "a number from 1"))?,
            on_pull: self.find("issue.pull_request").is_some(),
            author: Account {
                login: self.need_text("comment.user.login")?,
                id: Some(self.need_number("comment.user.id")?),
            },
            // What is not surely a person counts as none.
            author_is_bot: self.text("comment.user.type").as_deref() != Some("User"),
            body: self.text("comment.body").unwrap_or_default(),
            created_at: self.need_text("comment.created_at")?,
        })
    }

    fn workflow_run(&self) -> Result<WorkflowRun, EventError> {
        Ok(WorkflowRun {
            id: self.need_number("workflow_run.id")?,
            attempt: self.need_number("workflow_run.run_attempt")?,
            path: self
                .need_text("workflow_run.path")?
                .split('@')
                .next()
                .unwrap_or_default()
                .to_owned(),
            event: self.need_text("workflow_run.event")?,
            conclusion: self.text("workflow_run.conclusion"),
            head_sha: self.need_sha("workflow_run.head_sha")?,
            head_branch: self.text("workflow_run.head_branch"),
            head_owner: self.text("workflow_run.head_repository.owner.login"),
            head_repository_id: self.find("workflow_run.head_repository.id").and_then(Value::as_u64),
            repository_id: self.need_number("workflow_run.repository.id")?,
        })
    }
}

/// The repository that the payload at `path` says it is about, where it says so. The runner wrote it, not the pull request.
pub fn repository(path: &Path) -> Option<RepositoryFacts> {
    let mut payload = Payload::read(path).ok()?;
    serde_json::from_value(payload.json.get_mut("repository")?.take()).ok()
}

impl Event {
    /// Reads the payload at `path` as the event called `name`. Events that need nothing of their payload are not read.
    pub fn read(name: &str, path: &Path) -> Result<Self, EventError> {
        Ok(match name {
            "pull_request" => Self::PullRequest(Payload::read(path)?.pull_request(false)?),
            "pull_request_target" => Self::PullRequest(Payload::read(path)?.pull_request(true)?),
            "push" => Self::Push(Payload::read(path)?.push()?),
            "merge_group" => Self::MergeGroup(Payload::read(path)?.merge_group()?),
            "workflow_run" => Self::WorkflowRun(Payload::read(path)?.workflow_run()?),
            "issue_comment" => Self::IssueComment(Payload::read(path)?.issue_comment()?),
            "workflow_dispatch" => Self::WorkflowDispatch {
                reference: Payload::read(path)?.text("ref"),
            },
            "schedule" => Self::Schedule,
            other => Self::Other(other.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, payload: &str) -> Result<Event, EventError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        crate::files::write_atomic(&path, payload.as_bytes()).unwrap();
        Event::read(name, &path)
    }

    fn pull_request(head_repository: Value) -> Value {
        json!({ "action": "opened", "pull_request": {
            "number": 7, "title": "faster",
            "base": { "sha": "a".repeat(40), "ref": "main", "repo": { "id": 1, "full_name": "o/r" } },
            "head": { "sha": "b".repeat(40), "ref": "topic", "repo": head_repository },
        } })
    }

    fn is_fork(head_repository: Value) -> bool {
        match read("pull_request", &pull_request(head_repository).to_string()).unwrap() {
            Event::PullRequest(pull) => pull.head_repo_is_fork,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_fork_is_what_is_not_surely_the_same_repository() {
        assert!(!is_fork(json!({ "id": 1, "full_name": "o/renamed" })));
        assert!(!is_fork(json!({ "full_name": "o/r" })));
        assert!(is_fork(json!({ "id": 2, "full_name": "o/r" })));
        assert!(is_fork(Value::Null));
    }

    #[test]
    fn a_missing_key_is_named_with_its_file() {
        let mut payload = pull_request(Value::Null);
        payload["pull_request"]["head"]["sha"] = "main; rm -rf /".into();
        let error = read("pull_request", &payload.to_string()).unwrap_err().to_string();
        assert!(
            error.contains("event.json") && error.contains("`pull_request.head.sha`"),
            "{error}"
        );
        let error = read("merge_group", "{}").unwrap_err().to_string();
        assert!(error.contains("`merge_group.head_sha`"), "{error}");
    }

    #[test]
    fn no_payload_makes_it_panic() {
        for payload in [
            "",
            "null",
            "[]",
            "{\"pull_request\":[]}",
            "{\"pull_request\":{\"number\":0}}",
            "\u{0}",
        ] {
            for name in ["pull_request", "push", "merge_group", "workflow_run", "issue_comment"] {
                assert!(read(name, payload).is_err(), "{name}: {payload}");
            }
        }
    }

    #[test]
    fn events_without_a_payload_need_no_file() {
        let nowhere = Path::new("/nowhere/event.json");
        assert_eq!(Event::read("schedule", nowhere).unwrap(), Event::Schedule);
        assert_eq!(
            Event::read("issues", nowhere).unwrap(),
            Event::Other("issues".to_owned())
        );
        assert!(
            Event::read("push", nowhere)
                .unwrap_err()
                .to_string()
                .contains("/nowhere/event.json")
        );
    }

    #[test]
    fn a_push_knows_its_branch() {
        let payload = |reference: &str| {
            json!({ "ref": reference, "after": "a".repeat(40), "before": "0".repeat(40),
                    "repository": { "default_branch": "main" } })
            .to_string()
        };
        let Event::Push(push) = read("push", &payload("refs/heads/main")).unwrap() else {
            panic!()
        };
        assert!(push.is_default() && push.before.is_none() && !push.deleted);
        let Event::Push(tag) = read("push", &payload("refs/tags/main")).unwrap() else {
            panic!()
        };
        assert!(!tag.is_default() && tag.branch().is_none());
    }
}
