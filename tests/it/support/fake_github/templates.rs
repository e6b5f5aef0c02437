//! Whole objects as GitHub sends them, out of the example payloads, with this repository's names and addresses in them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use super::state::State;
use super::state::User;

/// The example payload called `name`, moved to the fake's repository.
pub(super) fn payload(state: &State, name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/github/webhooks/{name}.json"));
    let text = fs::read_to_string(path).unwrap();
    let mut json: Value = serde_json::from_str(&text).unwrap();
    let from = json["repository"]["full_name"].as_str().unwrap().to_owned();
    let text = text
        .replace(&from, &state.repo)
        .replace("https://api.github.com", &state.api);
    json = serde_json::from_str(&text).unwrap();
    json["repository"] = repository(state);
    json
}

fn example(state: &State, file: &str, key: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/github/webhooks/{file}.json"));
    let json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let from = json["repository"]["full_name"].as_str().unwrap();
    let text = json[key]
        .to_string()
        .replace(from, &state.repo)
        .replace("https://api.github.com", &state.api);
    serde_json::from_str(&text).unwrap()
}

/// Lays `changes` over `base`, one level deep.
pub(super) fn with(mut base: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

pub(super) fn user(user: &User) -> Value {
    let escaped = user.login.replace('[', "%5B").replace(']', "%5D");
    let url = format!("https://api.github.com/users/{escaped}");
    json!({
        "login": user.login,
        "id": user.id,
        "node_id": format!("U_{}", user.id),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{}", user.id),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("https://github.com/{}", user.login.replace("[bot]", "")),
        "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"),
        "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
        "type": user.kind,
        "site_admin": false,
    })
}

/// The fake's own repository.
pub(super) fn repository(state: &State) -> Value {
    let owner = User {
        id: 21_031_067,
        login: state.owner().to_owned(),
        kind: "Organization",
    };
    with(
        example(state, "pull_request.opened", "repository"),
        json!({
            "id": state.repo_id,
            "full_name": state.repo,
            "name": state.repo.split('/').nth(1).unwrap(),
            "owner": user(&owner),
            "default_branch": state.default_branch,
            "html_url": format!("https://github.com/{}", state.repo),
            "has_discussions": false,
            "network_count": 1,
            "subscribers_count": 1,
            "visibility": "public",
        }),
    )
}

/// Another repository: a fork, or one that a foreign run belongs to.
pub(super) fn other_repository(state: &State, id: u64, name: &str) -> Value {
    let text = repository(state).to_string().replace(&state.repo, name);
    let owner = User {
        id,
        login: name.split('/').next().unwrap().to_owned(),
        kind: "User",
    };
    with(
        serde_json::from_str(&text).unwrap(),
        json!({ "id": id, "fork": true, "owner": user(&owner), "full_name": name }),
    )
}

pub(super) fn pull_request(state: &State) -> Value {
    example(state, "pull_request.opened", "pull_request")
}

pub(super) fn check_run(state: &State) -> Value {
    example(state, "check_run.created", "check_run")
}

pub(super) fn workflow_run(state: &State) -> Value {
    example(state, "workflow_run.completed", "workflow_run")
}

pub(super) fn comment(state: &State) -> Value {
    example(state, "issue_comment.created", "comment")
}
