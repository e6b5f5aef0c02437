//! Issue comments: the conversation of a pull request.

use serde_json::Value;
use serde_json::json;

use super::route::Ask;
use super::route::moment;
use super::route::paged;
use super::server::Reply;
use super::state::Comment;
use super::state::State;
use super::templates;

/// GitHub's words for a body beyond 65 536 characters.
const TOO_LONG: &str = "body is too long (maximum is 65536 characters)";

pub(super) fn show(state: &State, comment: &Comment) -> Value {
    let pull = comment.pull;
    templates::with(
        templates::comment(state),
        json!({
            "id": comment.id,
            "url": format!("{}/issues/comments/{}", state.repo_url(), comment.id),
            "html_url": format!("https://github.com/{}/pull/{pull}#issuecomment-{}", state.repo, comment.id),
            "issue_url": format!("{}/issues/{pull}", state.repo_url()),
            "user": templates::user(&comment.author),
            "body": comment.body,
            "created_at": moment(comment.id + state.later),
            "updated_at": moment(comment.id + state.later),
            "minimized": comment.hidden.then(|| json!({ "reason": "outdated" })),
        }),
    )
}

fn find<'a>(state: &'a mut State, ask: &Ask<'_>) -> Option<&'a mut Comment> {
    let id = ask.number("comment_id");
    state.comments.iter_mut().find(|comment| comment.id == id)
}

fn too_long(body: &str) -> bool {
    body.chars().count() > 65_536
}

fn declined() -> Reply {
    let error = json!({ "resource": "IssueComment", "code": "unprocessable", "field": "data", "message": TOO_LONG });
    let body = json!({
        "message": "Validation Failed",
        "errors": [error],
        "documentation_url": "https://docs.github.com/rest/issues/comments",
    });
    Reply::json(422, &body)
}

pub(super) fn list(state: &mut State, ask: &Ask<'_>) -> Reply {
    let pull = ask.number("issue_number");
    if !state.pulls.contains_key(&pull) {
        return Reply::error(404, "Not Found");
    }
    let shown = state
        .comments
        .iter()
        .filter(|comment| comment.pull == pull)
        .map(|comment| show(state, comment));
    let shown = shown.collect();
    paged(state, ask, shown, |_, page| page.into())
}

pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Reply {
    match find(state, ask).cloned() {
        Some(comment) => Reply::json(200, &show(state, &comment)),
        None => Reply::error(404, "Not Found"),
    }
}

pub(super) fn create(state: &mut State, ask: &Ask<'_>) -> Reply {
    let pull = ask.number("issue_number");
    let body = ask.body()["body"].as_str().unwrap_or_default().to_owned();
    if !state.pulls.contains_key(&pull) {
        return Reply::error(404, "Not Found");
    }
    if too_long(&body) {
        return declined();
    }
    let comment = Comment {
        id: state.new_id(),
        pull,
        author: ask.token.user.clone(),
        body,
        hidden: false,
    };
    state.comments.push(comment.clone());
    Reply::json(201, &show(state, &comment))
}

pub(super) fn update(state: &mut State, ask: &Ask<'_>) -> Reply {
    let body = ask.body()["body"].as_str().unwrap_or_default().to_owned();
    if too_long(&body) {
        return declined();
    }
    let Some(comment) = find(state, ask) else {
        return Reply::error(404, "Not Found");
    };
    comment.body = body;
    let comment = comment.clone();
    Reply::json(200, &show(state, &comment))
}

pub(super) fn delete(state: &mut State, ask: &Ask<'_>) -> Reply {
    let id = ask.number("comment_id");
    let before = state.comments.len();
    state.comments.retain(|comment| comment.id != id);
    if state.comments.len() == before {
        Reply::error(404, "Not Found")
    } else {
        Reply::empty(204)
    }
}
