//! Pull requests: their head as it is now, and the one that belongs to a branch.

use serde::Deserialize;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;
use super::ids::CommitSha;
use super::ids::PrNumber;
use super::text;

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct Pull {
    /// Its number.
    pub number: PrNumber,
    /// Whether it is open.
    pub open: bool,
    /// The commit it proposes, now.
    pub head_sha: CommitSha,
    /// The branch it comes from.
    pub head_ref: String,
    /// `owner/name` of the repository it comes from; `None` where that was deleted.
    pub head_repository: Option<String>,
    /// The tip of the branch it goes to, when it was last updated.
    pub base_sha: CommitSha,
    /// The branch it goes to.
    pub base_ref: String,
    /// When it was merged, ISO 8601; `None` where it was not.
    pub merged_at: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    number: PrNumber,
    state: String,
    #[serde(default)]
    merged_at: Option<String>,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    sha: CommitSha,
    r#ref: String,
    repo: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

impl From<Wire> for Pull {
    fn from(wire: Wire) -> Self {
        Self {
            number: wire.number,
            open: wire.state == "open",
            head_sha: wire.head.sha,
            head_ref: wire.head.r#ref,
            head_repository: wire.head.repo.map(|repository| repository.full_name),
            base_sha: wire.base.sha,
            base_ref: wire.base.r#ref,
            merged_at: wire.merged_at,
        }
    }
}

/// The pull request with this number.
pub fn get(client: &Client, number: PrNumber) -> Result<Pull, GithubError> {
    client.json(&Request::get(
        client.path(format_args!("pulls/{number}")),
        Permission::PullRequestsRead,
    ))
}

/// Open pull requests from `branch` of `owner`'s fork (or of the repository itself) whose head is `head` right now.
pub fn open_with_head(client: &Client, owner: &str, branch: &str, head: &CommitSha) -> Result<Vec<Pull>, GithubError> {
    let from = text::escape(&format!("{owner}:{branch}"));
    let path = client.path(format_args!("pulls"));
    let query = format!("&state=open&head={from}");
    let pulls = client.pages(&path, &query, Permission::PullRequestsRead, |page: Vec<Pull>| page)?;
    Ok(pulls
        .into_iter()
        .filter(|pull| pull.open && pull.head_sha == *head)
        .collect())
}

/// The pull requests that brought `commit` into the repository, merged or not.
pub fn of_commit(client: &Client, commit: &CommitSha) -> Result<Vec<Pull>, GithubError> {
    let path = client.path(format_args!("commits/{commit}/pulls"));
    client.pages(&path, "", Permission::PullRequestsRead, |page: Vec<Pull>| page)
}
