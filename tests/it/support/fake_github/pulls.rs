//! Pull requests.

use serde_json::Value;
use serde_json::json;

use super::route::Ask;
use super::route::paged;
use super::server::Reply;
use super::state::Pull;
use super::state::State;
use super::templates;

/// A fork's number.
const FORK: u64 = 500_000_001;

/// The pull request whole, as events and `pulls/get` show it.
pub(super) fn show(state: &State, number: u64, pull: &Pull) -> Value {
    let example = templates::pull_request(state);
    let own = templates::repository(state);
    let from = match &pull.fork {
        Some(name) => templates::other_repository(state, FORK, name),
        None => own.clone(),
    };
    let side = |old: &Value, reference: &str, sha: &str, repository: Value| {
        let owner = repository["owner"]["login"].as_str().unwrap();
        let label = format!("{owner}:{reference}");
        let user = repository["owner"].clone();
        templates::with(
            old.clone(),
            json!({ "label": label, "ref": reference, "sha": sha, "repo": repository, "user": user }),
        )
    };
    let head = side(&example["head"], &pull.head_ref, &pull.head_sha, from);
    let base = side(&example["base"], &pull.base_ref, &pull.base_sha, own);
    let html = format!("https://github.com/{}/pull/{number}", state.repo);
    templates::with(
        example,
        json!({
            "number": number,
            "state": if pull.open { "open" } else { "closed" },
            "title": pull.title,
            "url": format!("{}/pulls/{number}", state.repo_url()),
            "html_url": html,
            "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"),
            "comments_url": format!("{}/issues/{number}/comments", state.repo_url()),
            "head": head,
            "base": base,
            "auto_merge": null,
            "merged_at": pull.merged_at,
        }),
    )
}

pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Reply {
    let number = ask.number("pull_number");
    match state.pulls.get(&number) {
        Some(pull) => Reply::json(200, &show(state, number, pull)),
        None => Reply::error(404, "Not Found"),
    }
}

pub(super) fn list(state: &mut State, ask: &Ask<'_>) -> Reply {
    let wanted = ask.query("state").unwrap_or("open");
    let shown = state
        .pulls
        .iter()
        .rev()
        .filter(|(_, pull)| wanted == "all" || (wanted == "open") == pull.open)
        .map(|(number, pull)| show(state, *number, pull))
        .filter(|pull| ask.query("head").is_none_or(|head| pull["head"]["label"] == head))
        .collect();
    paged(state, ask, shown, |_, page| page.into())
}
