//! Workflow runs: what a run's number proves about where a file came from.

use serde::Deserialize;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;
use super::ids::CommitSha;

/// A run of a workflow, as GitHub itself remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowRun {
    /// Its number.
    pub id: u64,
    /// Which attempt, from 1.
    #[serde(default)]
    pub run_attempt: Option<u64>,
    /// What started it: `push`, `pull_request`, `schedule`, …
    pub event: String,
    /// The commit it ran on.
    pub head_sha: CommitSha,
    /// The branch it ran on.
    pub head_branch: Option<String>,
    /// The workflow's file, such as `.github/workflows/ci.yml`, sometimes with `@ref` behind it.
    pub path: String,
    /// `completed`, `in_progress`, …
    pub status: Option<String>,
    /// `success`, `failure`, …, once completed.
    pub conclusion: Option<String>,
    /// Where people read it.
    pub html_url: String,
    /// The repository it ran in.
    pub repository: Repository,
    /// The repository its commit came from: a fork's, for a fork's pull request.
    pub head_repository: Option<Repository>,
}

/// A repository by number and name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// Its number, which survives renames.
    pub id: u64,
    /// `owner/name`.
    pub full_name: String,
}

impl WorkflowRun {
    /// The workflow's file without a ref.
    pub fn workflow_path(&self) -> &str {
        self.path.split('@').next().unwrap_or(&self.path)
    }
}

/// The run with this number.
pub fn get(client: &Client, id: u64) -> Result<WorkflowRun, GithubError> {
    client.json(&Request::get(
        client.path(format_args!("actions/runs/{id}")),
        Permission::ActionsRead,
    ))
}

/// What a repository is called and which branch is its default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RepositoryFacts {
    /// Its number, which survives renames.
    pub id: u64,
    /// `owner/name`.
    pub full_name: String,
    /// The default branch.
    pub default_branch: String,
    /// Whether only members see it.
    #[serde(default)]
    pub private: bool,
}

/// The client's repository.
pub fn repository(client: &Client) -> Result<RepositoryFacts, GithubError> {
    let path = format!("/repos/{}", client.repo());
    client.json(&Request::get(path, Permission::MetadataRead))
}
