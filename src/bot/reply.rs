//! The one reply to a comment: found by its mark and our own account, brought up to date, never doubled.

use crate::bot::record;
use crate::github::Client;
use crate::github::GithubError;
use crate::github::PrNumber;
use crate::github::comment;
use crate::github::comment::Comment;
use crate::github::identity;
use crate::github::identity::Account;
use crate::github::text;

/// Ours that answer the comment with this number, the oldest first.
fn ours(comments: Vec<Comment>, to: u64, own: &Account) -> Vec<Comment> {
    let mut found: Vec<Comment> = comments
        .into_iter()
        .filter(|comment| comment.is_by(own) && record::replies_to(&comment.body) == Some(to))
        .collect();
    found.sort_by_key(|comment| comment.id);
    found
}

/// Writes `text` as the reply to the comment with the number `to`: `head` are hidden lines that stand above it.
pub fn write(client: &Client, pull: PrNumber, to: u64, head: Option<&str>, text: &str) -> Result<Comment, GithubError> {
    let own = identity::own(client)?;
    let body = body(to, head, text);
    if let Some(standing) = ours(comment::list(client, pull)?, to, &own).first() {
        match comment::update(client, standing.id, &body) {
            // Deleted since.
            Err(error) if error.is_not_found() => {}
            result => return result,
        }
    }
    let created = comment::create_once(client, pull, &body, |found| {
        found.is_by(&own) && record::replies_to(&found.body) == Some(to)
    })?;
    // The same comment may be heard twice at the same time, and the answer says for certain who we are.
    let own = created.author.clone().unwrap_or(own);
    let mut found = ours(comment::list(client, pull)?, to, &own).into_iter();
    let Some(first) = found.next() else { return Ok(created) };
    for other in found {
        comment::delete(client, other.id)?;
    }
    if first.id == created.id {
        return Ok(created);
    }
    comment::update(client, first.id, &body)
}

/// Brings the reply with the number `reply` up to date; where it is gone, or is none of ours to that comment, writes it anew.
pub fn edit(client: &Client, pull: PrNumber, to: u64, reply: u64, text: &str) -> Result<Comment, GithubError> {
    let own = identity::own(client)?;
    match comment::get(client, reply) {
        Ok(standing) if standing.is_by(&own) && record::replies_to(&standing.body) == Some(to) => {
            match comment::update(client, reply, &body(to, None, text)) {
                Err(error) if error.is_not_found() => {}
                result => return result,
            }
        }
        Ok(_) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    write(client, pull, to, None, text)
}

fn body(to: u64, head: Option<&str>, text: &str) -> String {
    let mut marked = record::reply(to);
    if let Some(head) = head {
        marked.push('\n');
        marked.push_str(head);
    }
    marked.push('\n');
    let room = text::COMMENT_BYTES.saturating_sub(marked.len());
    marked.push_str(&text::cut(text, room));
    marked
}
