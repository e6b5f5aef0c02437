//! Files that a workflow run has left behind, each packed as a zip archive. Whoever controls the run controls what is in them.

use serde::Deserialize;

use crate::digest::Digest;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;

/// An artifact of a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Artifact {
    /// Its number; GitHub counts them up.
    pub id: u64,
    /// Its name, which the run chose.
    pub name: String,
    /// The archive's size in bytes.
    pub size_in_bytes: u64,
    /// Whether it was deleted because of its age.
    pub expired: bool,
    /// `sha256:<digest>` of the archive, where the server knows it.
    #[serde(default)]
    digest: Option<String>,
}

impl Artifact {
    /// The SHA-256 digest of the archive that GitHub computed when it was uploaded.
    pub fn digest(&self) -> Option<Digest> {
        self.digest.as_deref()?.strip_prefix("sha256:")?.parse().ok()
    }
}

#[derive(Deserialize)]
struct Listed {
    artifacts: Vec<Artifact>,
}

/// All artifacts of exactly this run, over all pages and attempts.
pub fn list(client: &Client, run: u64) -> Result<Vec<Artifact>, GithubError> {
    let path = client.path(format_args!("actions/runs/{run}/artifacts"));
    client.pages(&path, "", Permission::ActionsRead, |page: Listed| page.artifacts)
}

/// The archive of an artifact, at most `limit` bytes. It comes from another host, which does not see the token.
pub fn download(client: &Client, artifact: &Artifact, limit: u64) -> Result<Vec<u8>, GithubError> {
    let path = client.path(format_args!("actions/artifacts/{}/zip", artifact.id));
    client.bytes(&Request::get(path, Permission::ActionsRead), limit)
}
