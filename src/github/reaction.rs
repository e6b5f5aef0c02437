//! Reactions to a comment: a sign that it was seen, at once and without a word.

use serde_json::json;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;

/// A sign under a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// 👀
    Eyes,
    /// 👍
    ThumbsUp,
    /// 👎
    ThumbsDown,
    /// 😕
    Confused,
}

impl Sign {
    fn content(self) -> &'static str {
        match self {
            Self::Eyes => "eyes",
            Self::ThumbsUp => "+1",
            Self::ThumbsDown => "-1",
            Self::Confused => "confused",
        }
    }
}

/// Sets `sign` under the comment. GitHub keeps one of a kind from each account, so that it may be set again.
pub fn add(client: &Client, comment: u64, sign: Sign) -> Result<(), GithubError> {
    let path = client.path(format_args!("issues/comments/{comment}/reactions"));
    let body = json!({ "content": sign.content() });
    client.done(
        &Request::post(path, Permission::PullRequestsWrite)
            .json(&body)
            .repeatable(true),
    )
}
