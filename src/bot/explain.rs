//! What the newest judgement of a commit says, in words: from the result that its run left behind, and where there is none (any more) from
//! what the check run itself shows.

use crate::bot::pin::Mark;
use crate::github::Client;
use crate::github::GithubError;
use crate::github::check_run::CheckRun;
use crate::github::pull::Pull;
use crate::github::text;
use crate::pipeline::handover;
use crate::pipeline::handover::Origin;
use crate::pipeline::publish;
use crate::report::Report;
use crate::report::explained;
use crate::report::handover::Content;
use crate::report::markdown;

/// Of one check's summary, in bytes, where several must fit into a comment.
const MOST_OF_A_SUMMARY: usize = 24_000;

/// More gates than this are named alone.
const MOST_GATES: usize = 5;

/// The explanation; `None` where nothing was judged on this commit yet. `checks` are ours on the head, the newest first.
pub fn text(
    client: &Client,
    pull: &Pull,
    checks: &[(Mark, CheckRun)],
    model: Option<&str>,
) -> Result<Option<String>, GithubError> {
    let mut newest: Vec<&(Mark, CheckRun)> = Vec::new();
    for entry in checks {
        if !newest.iter().any(|known| known.0.key == entry.0.key) {
            newest.push(entry);
        }
    }
    if newest.is_empty() {
        return Ok(None);
    }
    newest.sort_by(|one, other| one.0.key.cmp(&other.0.key));
    let several = newest.len() > 1;
    let mut said = String::new();
    for (mark, check) in newest.iter().take(MOST_GATES) {
        if several {
            said.push_str(&format!("### {}\n\n", markdown::code(&mark.key)));
        }
        said.push_str(&one(client, pull, mark, check, model)?);
        said.push('\n');
    }
    if newest.len() > MOST_GATES {
        said.push_str(&format!("and {} more gates\n", newest.len() - MOST_GATES));
    }
    Ok(Some(said))
}

fn one(
    client: &Client,
    pull: &Pull,
    mark: &Mark,
    check: &CheckRun,
    model: Option<&str>,
) -> Result<String, GithubError> {
    let link = markdown::link("the check", check.html_url.as_deref().unwrap_or_default());
    if check.status != "completed" {
        return Ok(format!("It is being measured: {link}\n"));
    }
    if let Some(report) = report(client, pull, mark)? {
        return Ok(match explained::render(&report, model) {
            Some(words) => format!("{words}\n{link}\n"),
            None => format!(
                "No comparison is of a model {}. {}\n",
                markdown::code(model.unwrap_or_default()),
                known_models(&report)
            ),
        });
    }
    let summary = check.summary();
    let shown = match publish::outcome_in(summary) {
        Some(_) => summary.split_once('\n').map_or(summary, |(_, rest)| rest),
        None => summary,
    };
    Ok(format!("{}\n\n{link}\n", text::cut(shown, MOST_OF_A_SUMMARY)))
}

fn known_models(report: &Report) -> String {
    let mut names: Vec<&str> = report
        .comparisons
        .iter()
        .map(|detail| detail.comparison.key.model.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let names: Vec<String> = names.into_iter().take(20).map(markdown::code).collect();
    format!("There are {}.", names.join(", "))
}

/// The report that the check's run left behind, where it is still there, readable and of this commit.
fn report(client: &Client, pull: &Pull, mark: &Mark) -> Result<Option<Report>, GithubError> {
    let origin = Origin {
        run_id: mark.run_id,
        attempt: mark.attempt,
        head: pull.head_sha.clone(),
        pulls: vec![pull.number],
    };
    let fetched = match handover::fetch(client, &origin) {
        Ok((fetched, _)) => fetched,
        // Whoever may not see artifacts still sees the check.
        Err(error) if error.needs().is_some() || error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(fetched
        .into_iter()
        .filter_map(|fetched| fetched.result.ok())
        .find(|handover| handover.key == mark.key)
        .and_then(|handover| match handover.content {
            Content::Judged(judged) => Some(judged.report),
            Content::Failed(_) => None,
        }))
}
