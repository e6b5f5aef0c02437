//! Check runs.

use serde_json::Value;
use serde_json::json;

use super::route::Ask;
use super::route::moment;
use super::route::paged;
use super::server::Reply;
use super::state::Check;
use super::state::State;
use super::templates;

fn show(state: &State, check: &Check) -> Value {
    let url = format!("{}/check-runs/{}", state.repo_url(), check.id);
    let mut example = templates::check_run(state);
    // Whose token every workflow has.
    example["app"]["slug"] = "github-actions".into();
    templates::with(
        example,
        json!({
            "id": check.id,
            "url": url,
            "html_url": format!("https://github.com/{}/runs/{}", state.repo, check.id),
            "name": check.name,
            "head_sha": check.head_sha,
            "external_id": check.external_id,
            "details_url": check.details_url,
            "status": check.status,
            "conclusion": check.conclusion,
            "started_at": moment(check.id + state.later),
            "completed_at": check.conclusion.as_ref().map(|_| moment(check.id + 60 + state.later)),
            "output": {
                "title": check.title,
                "summary": check.summary,
                "text": check.text,
                "annotations_count": check.annotations.len(),
                "annotations_url": format!("{url}/annotations"),
            },
            "pull_requests": [],
        }),
    )
}

/// Takes what a create or an update says.
fn take(check: &mut Check, body: &Value) {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    check.status = text(&body["status"]).unwrap_or_else(|| check.status.clone());
    check.details_url = text(&body["details_url"]).or(check.details_url.take());
    if let Some(conclusion) = text(&body["conclusion"]) {
        check.conclusion = Some(conclusion);
        check.status = "completed".to_owned();
    }
    let output = &body["output"];
    if output.is_object() {
        check.title = text(&output["title"]).unwrap_or_default();
        check.summary = text(&output["summary"]).unwrap_or_default();
        check.text = text(&output["text"]);
        check
            .annotations
            .extend(output["annotations"].as_array().cloned().unwrap_or_default());
    }
}

/// GitHub takes annotations only for paths within the repository.
fn refuses(body: &Value) -> Option<Reply> {
    let annotations = body["output"]["annotations"].as_array()?;
    let wrong = annotations.iter().any(|annotation| {
        let path = annotation["path"].as_str().unwrap_or_default();
        path.is_empty() || path.starts_with('/')
    });
    wrong.then(|| Reply::error(422, "Invalid request.\n\nannotations: path is invalid"))
}

pub(super) fn create(state: &mut State, ask: &Ask<'_>) -> Reply {
    let body = ask.body();
    let head_sha = body["head_sha"].as_str().unwrap_or_default().to_owned();
    if !state.commits.contains_key(&head_sha) {
        return Reply::error(422, &format!("No commit found for SHA: {head_sha}"));
    }
    let mut check = Check {
        id: state.new_id(),
        name: body["name"].as_str().unwrap_or_default().to_owned(),
        head_sha,
        external_id: body["external_id"].as_str().unwrap_or_default().to_owned(),
        details_url: None,
        status: "queued".to_owned(),
        conclusion: None,
        title: String::new(),
        summary: String::new(),
        text: None,
        annotations: Vec::new(),
    };
    take(&mut check, &body);
    state.checks.push(check.clone());
    Reply::json(201, &show(state, &check))
}

pub(super) fn update(state: &mut State, ask: &Ask<'_>) -> Reply {
    let body = ask.body();
    if let Some(refusal) = refuses(&body) {
        return refusal;
    }
    let id = ask.number("check_run_id");
    let Some(check) = state.checks.iter_mut().find(|check| check.id == id) else {
        return Reply::error(404, "Not Found");
    };
    take(check, &body);
    let check = check.clone();
    Reply::json(200, &show(state, &check))
}

pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Reply {
    let id = ask.number("check_run_id");
    match state.checks.iter().find(|check| check.id == id) {
        Some(check) => Reply::json(200, &show(state, check)),
        None => Reply::error(404, "Not Found"),
    }
}

pub(super) fn list_for_ref(state: &mut State, ask: &Ask<'_>) -> Reply {
    let Some(sha) = state.resolve(ask.text("ref")) else {
        return Reply::error(422, &format!("No commit found for SHA: {}", ask.text("ref")));
    };
    let name = ask.query("check_name");
    let mut found: Vec<&Check> = state
        .checks
        .iter()
        .filter(|check| check.head_sha == sha && name.is_none_or(|name| check.name == name))
        .collect();
    found.reverse();
    if ask.query("filter") != Some("all") {
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|check| seen.insert(check.name.clone()));
    }
    let shown = found.into_iter().map(|check| show(state, check)).collect();
    paged(
        state,
        ask,
        shown,
        |total, page| json!({ "total_count": total, "check_runs": page }),
    )
}
