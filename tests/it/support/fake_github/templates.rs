//! Whole objects as GitHub sends them, out of the example payloads, with this repository's names and addresses in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::Mutex;

use serde_json::Value;
use serde_json::json;

use super::state::State;
use super::state::User;

/// Example payloads by name, read once.
static EXAMPLES: LazyLock<BTreeMap<&str, String>> = LazyLock::new(|| {
    let read = |name| {
        let file = format!("tests/fixtures/github/webhooks/{name}.json");
        (
            name,
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap(),
        )
    };
    let names = [
        "check_run.created",
        "issue_comment.created",
        "merge_group.checks_requested",
        "pull_request.opened",
        "pull_request.synchronize",
        "push",
        "workflow_run.completed",
    ];
    names.map(read).into_iter().collect()
});

/// Parts of examples, by state's addresses, file and key: parsing a payload for every comment of a page takes seconds.
static PARTS: LazyLock<Mutex<BTreeMap<[String; 4], Value>>> = LazyLock::new(Mutex::default);

fn moved(state: &State, name: &str) -> Value {
    let plain: Value = serde_json::from_str(&EXAMPLES[name]).unwrap();
    let from = plain["repository"]["full_name"].as_str().unwrap();
    let text = EXAMPLES[name]
        .replace(from, &state.repo)
        .replace("https://api.github.com", &state.api);
    serde_json::from_str(&text).unwrap()
}

/// The example payload called `name`, moved to the fake's repository.
pub(super) fn payload(state: &State, name: &str) -> Value {
    let repository = repository(state);
    with(moved(state, name), json!({ "repository": repository }))
}

fn example(state: &State, file: &str, key: &str) -> Value {
    let part = [state.api.clone(), state.repo.clone(), file.to_owned(), key.to_owned()];
    let mut parts = PARTS.lock().unwrap();
    parts
        .entry(part)
        .or_insert_with(|| moved(state, file)[key].take())
        .clone()
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
