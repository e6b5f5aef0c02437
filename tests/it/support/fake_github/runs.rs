//! Workflow runs, and the repository they run in.

use serde_json::Value;
use serde_json::json;

use super::route::Ask;
use super::server::Reply;
use super::state::Run;
use super::state::State;
use super::templates;

/// A run whole, as events and `actions/runs` show it.
pub(super) fn show(state: &State, id: u64, run: &Run) -> Value {
    let repository = match &run.repository {
        Some((number, name)) => templates::other_repository(state, *number, name),
        None => templates::repository(state),
    };
    let head = match &run.fork {
        Some((number, name)) => templates::other_repository(state, *number, name),
        None => repository.clone(),
    };
    let url = format!("{}/actions/runs/{id}", state.repo_url());
    templates::with(
        templates::workflow_run(state),
        json!({
            "id": id,
            "run_attempt": run.attempt,
            "event": run.event,
            "head_sha": run.head_sha,
            "head_branch": run.head_branch,
            "path": run.path,
            "display_title": "a run",
            "status": if run.conclusion.is_some() { "completed" } else { "in_progress" },
            "conclusion": run.conclusion,
            "url": url,
            "html_url": format!("https://github.com/{}/actions/runs/{id}", state.repo),
            "repository": repository,
            "head_repository": head,
            "pull_requests": [],
        }),
    )
}

pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Reply {
    let id = ask.number("run_id");
    match state.runs.get(&id) {
        Some(run) => Reply::json(200, &show(state, id, run)),
        None => Reply::error(404, "Not Found"),
    }
}

pub(super) fn repository(state: &mut State, _: &Ask<'_>) -> Reply {
    Reply::json(200, &templates::repository(state))
}
