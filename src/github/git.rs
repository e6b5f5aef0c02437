//! Git objects behind releases: an empty commit for a tag to stand on, the tag, and how two commits relate.

use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;
use super::ids::CommitSha;
use super::text;

/// The tree without entries; git knows it by this name everywhere, servers mostly (since 2021 github.com only where a
/// repository holds it: r-lib/usethis#1472).
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

#[derive(Deserialize)]
struct Object {
    sha: CommitSha,
}

#[derive(Deserialize)]
struct Tree {
    sha: String,
}

#[derive(Deserialize)]
struct Reference {
    object: Object,
}

/// Makes a commit without parents, so that a tag on it is no ancestor of any branch and tools that read versions from tags
/// don't see it. Its tree is empty or, where the server does not know that tree, one file that says `message`.
pub fn create_orphan_commit(client: &Client, message: &str) -> Result<CommitSha, GithubError> {
    match commit(client, message, EMPTY_TREE) {
        Err(GithubError::Invalid { .. } | GithubError::NotFound { .. }) => {}
        result => return result,
    }
    let body = json!({
        "tree": [{ "path": "README.md", "mode": "100644", "type": "blob", "content": format!("{message}\n") }]
    });
    let request = Request::post(client.path(format_args!("git/trees")), Permission::ContentsWrite)
        .json(&body)
        .repeatable(true);
    let tree: Tree = client.json(&request)?;
    commit(client, message, &tree.sha)
}

fn commit(client: &Client, message: &str, tree: &str) -> Result<CommitSha, GithubError> {
    let body = json!({ "message": message, "tree": tree, "parents": [] });
    // Sent twice, it leaves an object that nothing points to.
    let request = Request::post(client.path(format_args!("git/commits")), Permission::ContentsWrite)
        .json(&body)
        .repeatable(true);
    client.json::<Object>(&request).map(|commit| commit.sha)
}

/// The commit that `reference` (`tags/x`, `heads/main`) points to.
pub fn get_ref(client: &Client, reference: &str) -> Result<Option<CommitSha>, GithubError> {
    let path = client.path(format_args!("git/ref/{}", text::escape_path(reference)));
    match client.json::<Reference>(&Request::get(path, Permission::ContentsRead)) {
        Ok(found) => Ok(Some(found.object.sha)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a lightweight tag. A tag that already points to `sha` is no error.
pub fn create_tag(client: &Client, tag: &str, sha: &CommitSha) -> Result<(), GithubError> {
    let body = json!({ "ref": format!("refs/tags/{tag}"), "sha": sha });
    let request = Request::post(client.path(format_args!("git/refs")), Permission::ContentsWrite).json(&body);
    let points_there = || Ok((get_ref(client, &format!("tags/{tag}"))?.as_ref() == Some(sha)).then_some(()));
    match client.create(|| client.json::<Reference>(&request).map(|_| ()), points_there) {
        Err(error) if error.is_already_there() => points_there()?.ok_or(error),
        result => result,
    }
}

/// Deletes a tag; one that is gone already is no error.
pub fn delete_tag(client: &Client, tag: &str) -> Result<(), GithubError> {
    let path = client.path(format_args!("git/refs/tags/{}", text::escape_path(tag)));
    match client.done(&Request::delete(path, Permission::ContentsWrite)) {
        // GitHub says 422 "Reference does not exist".
        Err(GithubError::Invalid { message, .. }) if message.contains("does not exist") => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}

/// How `head` stands to `base`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// The same commit.
    Identical,
    /// `base` is an ancestor of `head`.
    Ahead,
    /// `head` is an ancestor of `base`.
    Behind,
    /// Neither.
    Diverged,
}

/// Two commits compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct Comparison {
    /// How `head` stands to `base`.
    pub relation: Relation,
    /// Commits of `head` that `base` lacks.
    pub ahead_by: u64,
    /// Commits of `base` that `head` lacks.
    pub behind_by: u64,
    /// Their newest common ancestor.
    pub merge_base: CommitSha,
}

#[derive(Deserialize)]
struct Wire {
    status: Relation,
    ahead_by: u64,
    behind_by: u64,
    merge_base_commit: Object,
}

impl From<Wire> for Comparison {
    fn from(wire: Wire) -> Self {
        Self {
            relation: wire.status,
            ahead_by: wire.ahead_by,
            behind_by: wire.behind_by,
            merge_base: wire.merge_base_commit.sha,
        }
    }
}

/// Compares two commits of the repository; `None` where it knows one of them not, or they share no history.
pub fn compare(client: &Client, base: &CommitSha, head: &CommitSha) -> Result<Option<Comparison>, GithubError> {
    let path = client.path(format_args!("compare/{base}...{head}?per_page=1"));
    match client.json(&Request::get(path, Permission::ContentsRead)) {
        Ok(comparison) => Ok(Some(comparison)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
