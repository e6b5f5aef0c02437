//! Commits, trees, references, comparisons and files.

use serde_json::Value;
use serde_json::json;

use super::route::Ask;
use super::route::paged;
use super::server::Reply;
use super::state::Commit;
use super::state::State;

fn signature() -> Value {
    json!({ "name": "octocat", "email": "octocat@github.com", "date": "2026-01-01T00:00:00Z" })
}

fn verification() -> Value {
    json!({ "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null })
}

fn parents(state: &State, commit: &Commit) -> Vec<Value> {
    let parent = |sha: &String| {
        let url = format!("{}/commits/{sha}", state.repo_url());
        json!({ "sha": sha, "url": url, "html_url": format!("https://github.com/{}/commit/{sha}", state.repo) })
    };
    commit.parents.iter().map(parent).collect()
}

/// A commit as the repository's endpoints show it.
fn show(state: &State, sha: &str) -> Value {
    let commit = &state.commits[sha];
    let url = format!("{}/commits/{sha}", state.repo_url());
    json!({
        "sha": sha,
        "node_id": format!("C_{sha}"),
        "url": url,
        "html_url": format!("https://github.com/{}/commit/{sha}", state.repo),
        "comments_url": format!("{url}/comments"),
        "commit": {
            "url": format!("{}/git/commits/{sha}", state.repo_url()),
            "author": signature(),
            "committer": signature(),
            "message": commit.message,
            "tree": { "sha": commit.tree, "url": format!("{}/git/trees/{}", state.repo_url(), commit.tree) },
            "comment_count": 0,
            "verification": verification(),
        },
        "author": null,
        "committer": null,
        "parents": parents(state, commit),
    })
}

pub(super) fn create_commit(state: &mut State, ask: &Ask<'_>) -> Reply {
    let body = ask.body();
    let tree = body["tree"].as_str().unwrap_or_default().to_owned();
    if !state.trees.contains(&tree) {
        return Reply::error(422, "Tree SHA does not exist");
    }
    let listed = body["parents"].as_array().cloned().unwrap_or_default();
    let commit = Commit {
        parents: listed
            .iter()
            .filter_map(|parent| parent.as_str().map(str::to_owned))
            .collect(),
        tree,
        message: body["message"].as_str().unwrap_or_default().to_owned(),
        files: Default::default(),
    };
    let sha = state.new_sha();
    let url = format!("{}/git/commits/{sha}", state.repo_url());
    let shown = json!({
        "sha": sha,
        "node_id": format!("C_{sha}"),
        "url": url,
        "html_url": format!("https://github.com/{}/commit/{sha}", state.repo),
        "author": signature(),
        "committer": signature(),
        "message": commit.message,
        "tree": { "sha": commit.tree, "url": format!("{}/git/trees/{}", state.repo_url(), commit.tree) },
        "parents": parents(state, &commit),
        "verification": verification(),
    });
    state.commits.insert(sha, commit);
    Reply::json(201, &shown)
}

pub(super) fn create_tree(state: &mut State, ask: &Ask<'_>) -> Reply {
    let body = ask.body();
    let entries = body["tree"].as_array().cloned().unwrap_or_default();
    if entries.is_empty() {
        return Reply::error(422, "Invalid tree info");
    }
    let sha = state.new_sha();
    state.trees.insert(sha.clone());
    let shown: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let blob = state.new_sha();
            json!({ "path": entry["path"], "mode": entry["mode"], "type": entry["type"], "sha": blob })
        })
        .collect();
    let url = format!("{}/git/trees/{sha}", state.repo_url());
    Reply::json(
        201,
        &json!({ "sha": sha, "url": url, "tree": shown, "truncated": false }),
    )
}

fn show_ref(state: &State, name: &str, sha: &str) -> Value {
    json!({
        "ref": name,
        "node_id": format!("R_{sha}"),
        "url": format!("{}/git/{name}", state.repo_url()),
        "object": { "type": "commit", "sha": sha, "url": format!("{}/git/commits/{sha}", state.repo_url()) },
    })
}

pub(super) fn create_ref(state: &mut State, ask: &Ask<'_>) -> Reply {
    let body = ask.body();
    let name = body["ref"].as_str().unwrap_or_default().to_owned();
    let sha = body["sha"].as_str().unwrap_or_default().to_owned();
    if !state.commits.contains_key(&sha) {
        return Reply::error(422, "Object does not exist");
    }
    if state.refs.contains_key(&name) {
        return Reply::error(422, "Reference already exists");
    }
    let shown = show_ref(state, &name, &sha);
    state.refs.insert(name, sha);
    Reply::json(201, &shown)
}

pub(super) fn get_ref(state: &mut State, ask: &Ask<'_>) -> Reply {
    let name = format!("refs/{}", ask.text("ref"));
    match state.refs.get(&name) {
        Some(sha) => Reply::json(200, &show_ref(state, &name, sha)),
        None => Reply::error(404, "Not Found"),
    }
}

pub(super) fn delete_ref(state: &mut State, ask: &Ask<'_>) -> Reply {
    match state.refs.remove(&format!("refs/{}", ask.text("ref"))) {
        Some(_) => Reply::empty(204),
        None => Reply::error(422, "Reference does not exist"),
    }
}

pub(super) fn compare(state: &mut State, ask: &Ask<'_>) -> Reply {
    let resolved = ask
        .text("basehead")
        .split_once("...")
        .and_then(|(base, head)| Some((state.resolve(base)?, state.resolve(head)?)));
    let Some((base, head)) = resolved else {
        return Reply::error(404, "Not Found");
    };
    let (before, after) = (state.ancestry(&base), state.ancestry(&head));
    // The newest common ancestor has more history than any other.
    let common = before.intersection(&after).max_by_key(|sha| state.ancestry(sha).len());
    let Some(merge_base) = common.cloned() else {
        return Reply::error(404, &format!("No common ancestor between {base} and {head}."));
    };
    let (ahead, behind) = (after.difference(&before).count(), before.difference(&after).count());
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let url = format!("{}/compare/{base}...{head}", state.repo_url());
    let html = format!("https://github.com/{}/compare/{base}...{head}", state.repo);
    let commits: Vec<Value> = after.difference(&before).map(|sha| show(state, sha)).collect();
    let (base, merge_base) = (show(state, &base), show(state, &merge_base));
    paged(state, ask, commits, |total, page| {
        json!({
            "url": url,
            "html_url": html,
            "permalink_url": html,
            "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"),
            "base_commit": base,
            "merge_base_commit": merge_base,
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": total,
            "commits": page,
            "files": [],
        })
    })
}

pub(super) fn contents(state: &mut State, ask: &Ask<'_>) -> Reply {
    if ask.call.header("accept") != Some("application/vnd.github.raw+json") {
        state
            .problems
            .push("contents were asked for as JSON, which ends at 1 MB".to_owned());
    }
    let at = ask.query("ref").unwrap_or(&state.default_branch);
    let commit = state.resolve(at).map(|sha| &state.commits[&sha]);
    match commit.and_then(|commit| commit.files.get(ask.text("path"))) {
        Some(bytes) => Reply::bytes(200, "application/vnd.github.raw+json; charset=utf-8", bytes.clone()),
        None => Reply::error(404, "Not Found"),
    }
}
