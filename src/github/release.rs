//! Releases: list, draft, publish, delete. What they hold is in [`super::asset`].

use serde::Deserialize;
use serde_json::json;

use super::asset::Asset;
use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;
use super::identity::Account;
use super::text;

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// Its number.
    pub id: u64,
    /// Its tag; a draft's tag does not exist yet.
    pub tag_name: String,
    /// Its headline.
    pub name: Option<String>,
    /// Its Markdown.
    pub body: Option<String>,
    /// Whether only those who may push see it.
    pub draft: bool,
    /// Whether it is kept out of "latest".
    pub prerelease: bool,
    /// Whether GitHub refuses to change it.
    #[serde(default)]
    pub immutable: bool,
    /// Where people read it.
    pub html_url: String,
    /// Where assets go: a template, and data until [`super::hosts::Hosts::upload`] has checked it.
    pub upload_url: String,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601; `None` for a draft.
    pub published_at: Option<String>,
    /// Who made it.
    pub author: Option<Account>,
    /// What it holds.
    #[serde(default)]
    pub assets: Vec<Asset>,
}

/// A release to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRelease {
    /// The tag. Where it does not exist when the release is published, GitHub makes it on the default branch.
    pub tag_name: String,
    /// Its headline.
    pub name: String,
    /// Its Markdown.
    pub body: String,
}

fn releases(client: &Client) -> String {
    client.path(format_args!("releases"))
}

fn one(client: &Client, id: u64) -> String {
    client.path(format_args!("releases/{id}"))
}

/// All releases over all pages, the newest first; drafts only where the token may push.
pub fn list(client: &Client) -> Result<Vec<Release>, GithubError> {
    client.pages(&releases(client), "", Permission::ContentsRead, |page: Vec<Release>| {
        page
    })
}

/// The release with this number.
pub fn get(client: &Client, id: u64) -> Result<Release, GithubError> {
    client.json(&Request::get(one(client, id), Permission::ContentsRead))
}

/// The published release of `tag`.
pub fn by_tag(client: &Client, tag: &str) -> Result<Option<Release>, GithubError> {
    let path = client.path(format_args!("releases/tags/{}", text::escape_path(tag)));
    match client.json(&Request::get(path, Permission::ContentsRead)) {
        Ok(release) => Ok(Some(release)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a draft prerelease, which nobody but us sees until [`publish`].
pub fn create_draft(client: &Client, new: &NewRelease) -> Result<Release, GithubError> {
    let body = json!({
        "tag_name": new.tag_name,
        "name": new.name,
        "body": new.body,
        "draft": true,
        "prerelease": true,
        "make_latest": "false",
    });
    let request = Request::post(releases(client), Permission::ContentsWrite).json(&body);
    client.create(
        || client.json(&request),
        || {
            Ok(list(client)?
                .into_iter()
                .find(|release| release.draft && release.tag_name == new.tag_name))
        },
    )
}

/// Makes a draft visible, as a prerelease that is never "latest".
pub fn publish(client: &Client, id: u64) -> Result<Release, GithubError> {
    let body = json!({ "draft": false, "prerelease": true, "make_latest": "false" });
    client.json(&Request::patch(one(client, id), Permission::ContentsWrite).json(&body))
}

/// Deletes a release with its assets, but not its tag; one that is gone already is no error.
pub fn delete(client: &Client, id: u64) -> Result<(), GithubError> {
    match client.done(&Request::delete(one(client, id), Permission::ContentsWrite)) {
        Err(error) if error.is_not_found() => Ok(()),
        result => result,
    }
}
