//! Acceptances: recorded in our reply to the comment that said so, believed only while everything that makes one still holds.
//!
//! The record counts where our own account wrote it, for exactly one commit, before it ends, **and** the person's own comment still stands and
//! says the same, **and** that person may still write to the repository. So a stranger can forge nothing, an edited or deleted comment takes
//! the acceptance back, and the next push needs a new one.

use jiff::Timestamp;

use crate::bot::command;
use crate::bot::command::Verb;
use crate::bot::record;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::GithubError;
use crate::github::PrNumber;
use crate::github::check_run;
use crate::github::check_run::CheckRun;
use crate::github::check_run::Conclusion;
use crate::github::check_run::Output;
use crate::github::collaborator;
use crate::github::collaborator::Role;
use crate::github::comment;
use crate::github::comment::Comment;
use crate::github::identity;
use crate::github::identity::Account;
use crate::pipeline::publish;
use crate::report::accepted;
use crate::report::clean;
use crate::verdict::Acceptance;
use crate::verdict::Outcome;

/// More records than this are not looked into: each costs a question.
const MOST: usize = 5;

/// The newest acceptance of `head` on `pull` that holds at `at`.
pub fn standing(
    client: &Client,
    pull: PrNumber,
    head: &CommitSha,
    at: Timestamp,
) -> Result<Option<Acceptance>, GithubError> {
    let comments = comment::list(client, pull)?;
    let own = identity::own(client)?;
    let mut records = recorded(&comments, &own, pull, head, at);
    records.truncate(MOST);
    for record in records {
        if collaborator::role(client, &record.by)? >= Role::Write {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// The records that `comments` hold and bear out, the newest first; of the persons' rights they say nothing.
fn recorded(comments: &[Comment], own: &Account, pull: PrNumber, head: &CommitSha, at: Timestamp) -> Vec<Acceptance> {
    let mut records: Vec<Acceptance> = comments
        .iter()
        .filter(|comment| comment.is_by(own))
        .filter_map(|comment| record::acceptance(&comment.body))
        .filter(|record| record.pull_request == u64::from(pull) && record.commit == head.as_str())
        .filter(|record| holds(record, at) && is_borne_out(record, comments))
        .collect();
    records.sort_by_key(|record| std::cmp::Reverse(record.comment));
    records
}

fn holds(record: &Acceptance, at: Timestamp) -> bool {
    let until = record.until.parse::<Timestamp>();
    until.is_ok_and(|until| at < until)
}

/// Whether the person's own comment still says what the record says.
fn is_borne_out(record: &Acceptance, comments: &[Comment]) -> bool {
    let Some(comment) = comments.iter().find(|comment| comment.id == record.comment) else {
        return false;
    };
    let Some(author) = &comment.author else { return false };
    let Ok(written) = comment.created_at.parse::<Timestamp>() else {
        return false;
    };
    let Some(Ok(command)) = command::parse(&comment.body, written) else {
        return false;
    };
    let same_commit = command.sha.is_none_or(|sha| sha.as_str() == record.commit);
    match command.verb {
        Verb::Accept { reason, until } => {
            author.login.eq_ignore_ascii_case(&record.by)
                && same_commit
                && reason == record.reason
                && record
                    .until
                    .parse::<Timestamp>()
                    .is_ok_and(|recorded| recorded == until)
        }
        _ => false,
    }
}

/// What an acceptance found to be accepted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Found {
    /// Gates that are neutral now.
    pub accepted: Vec<String>,
    /// Gates that measured nothing, which nobody can accept.
    pub broken: Vec<String>,
    /// Gates that are still at it.
    pub open: Vec<String>,
    /// Gates that need no acceptance.
    pub fine: Vec<String>,
}

/// What the newest check run of every gate says, as far as an acceptance is concerned.
pub fn sort(checks: &[(super::pin::Mark, CheckRun)]) -> (Found, Vec<&CheckRun>) {
    let mut found = Found::default();
    let mut targets = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (mark, check) in checks {
        if seen.contains(&mark.key.as_str()) {
            continue;
        }
        seen.push(&mark.key);
        let list = if check.status != "completed" {
            &mut found.open
        } else {
            match publish::outcome_in(check.summary()) {
                Some(Outcome::Failed | Outcome::Neutral) => {
                    targets.push(check);
                    &mut found.accepted
                }
                Some(Outcome::Passed | Outcome::Skipped) => &mut found.fine,
                // Without a word of a verdict there was none.
                Some(Outcome::Broken) | None => &mut found.broken,
            }
        };
        list.push(mark.key.clone());
    }
    (found, targets)
}

/// Turns a judged check run neutral, with the acceptance above what it says.
pub fn apply(client: &Client, check: &CheckRun, acceptance: &Acceptance) -> Result<(), GithubError> {
    let lead = accepted::lead(acceptance);
    let title = check.title();
    let title = match title.strip_prefix("accepted: ") {
        Some(_) => title.to_owned(),
        None => clean::line(&format!("accepted: {title}"), 200),
    };
    let output = Output {
        title,
        summary: publish::under_mark(check.summary(), &lead),
        ..Output::default()
    };
    check_run::complete(client, check.id, Conclusion::Neutral, &output).map(|_| ())
}

/// Puts the acceptance above the comments that our gates wrote about this commit.
pub fn mark_comments(
    client: &Client,
    comments: &[Comment],
    own: &Account,
    acceptance: &Acceptance,
) -> Result<(), GithubError> {
    let lead = accepted::lead(acceptance);
    let of_head = format!(" head={} -->", acceptance.commit);
    for comment in comments
        .iter()
        .filter(|comment| comment.is_by(own) && !comment.is_hidden())
    {
        let Some((mark, rest)) = comment.body.split_once('\n') else {
            continue;
        };
        if mark.starts_with("<!-- mlbuild:v1 id=") && mark.ends_with(&of_head) {
            let body = format!("{mark}\n{}", accepted::under(&lead, rest));
            match comment::update(client, comment.id, &body) {
                Err(error) if error.is_not_found() => {}
                result => drop(result?),
            }
        }
    }
    Ok(())
}
