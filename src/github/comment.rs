//! Comments on a pull request: list, read, create, update, delete.

use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;
use super::identity::Account;
use super::ids::PrNumber;

/// A comment in a pull request's conversation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// Its number in the repository; it grows with time.
    pub id: u64,
    /// Its Markdown. Hostile unless the author is known.
    #[serde(default)]
    pub body: String,
    /// Its author; `None` where the account is gone.
    #[serde(rename = "user")]
    pub author: Option<Account>,
    /// Where people read it.
    pub html_url: String,
    /// When it was written, ISO 8601, by GitHub's clock.
    #[serde(default)]
    pub created_at: String,
    /// Set where a person has hidden it.
    #[serde(default)]
    minimized: Option<Minimized>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Minimized {}

impl Comment {
    /// Whether `account` wrote it.
    pub fn is_by(&self, account: &Account) -> bool {
        self.author.as_ref().is_some_and(|author| author.is(account))
    }

    /// Whether a person has hidden it.
    pub fn is_hidden(&self) -> bool {
        self.minimized.is_some()
    }
}

fn thread(client: &Client, pull: PrNumber) -> String {
    client.path(format_args!("issues/{pull}/comments"))
}

fn one(client: &Client, id: u64) -> String {
    client.path(format_args!("issues/comments/{id}"))
}

/// All comments of `pull`, oldest first, over all pages.
pub fn list(client: &Client, pull: PrNumber) -> Result<Vec<Comment>, GithubError> {
    client.pages(
        &thread(client, pull),
        "",
        Permission::PullRequestsRead,
        |page: Vec<Comment>| page,
    )
}

/// The comment with this number.
pub fn get(client: &Client, id: u64) -> Result<Comment, GithubError> {
    client.json(&Request::get(one(client, id), Permission::PullRequestsRead))
}

/// Posts a comment. Not repeated after an answer that leaves open whether it was posted: the caller looks first.
pub fn create(client: &Client, pull: PrNumber, body: &str) -> Result<Comment, GithubError> {
    let request = Request::post(thread(client, pull), Permission::PullRequestsWrite).json(&json!({ "body": body }));
    client.json(&request)
}

/// Posts a comment that must stand once: after an answer that leaves open whether it was posted, one that `is_it` is looked for first.
pub fn create_once(
    client: &Client,
    pull: PrNumber,
    body: &str,
    is_it: impl Fn(&Comment) -> bool,
) -> Result<Comment, GithubError> {
    client.create(
        || create(client, pull, body),
        || Ok(list(client, pull)?.into_iter().find(|comment| is_it(comment))),
    )
}

/// Replaces the body of a comment.
pub fn update(client: &Client, id: u64, body: &str) -> Result<Comment, GithubError> {
    client.json(&Request::patch(one(client, id), Permission::PullRequestsWrite).json(&json!({ "body": body })))
}

/// Deletes a comment; one that is gone already is no error.
pub fn delete(client: &Client, id: u64) -> Result<(), GithubError> {
    match client.done(&Request::delete(one(client, id), Permission::PullRequestsWrite)) {
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}
