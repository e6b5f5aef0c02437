//! From a request to its handler: faults, tokens, the contract, permissions, the log.

use serde_json::Value;

use super::artifacts;
use super::bot;
use super::checks;
use super::comments;
use super::faults::Canned;
use super::faults::Trouble;
use super::git;
use super::openapi::CONTRACT;
use super::openapi::Operation;
use super::pulls;
use super::releases;
use super::runs;
use super::server::Call;
use super::server::Reply;
use super::state::Grants;
use super::state::Level;
use super::state::Logged;
use super::state::State;
use super::state::Token;
use super::state::User;
use super::storage;
use super::users;

/// A request as a handler sees it.
pub(super) struct Ask<'a> {
    pub(super) call: &'a Call,
    pub(super) token: Token,
    parameters: std::collections::BTreeMap<String, String>,
    pub(super) half_upload: bool,
}

impl Ask<'_> {
    pub(super) fn text(&self, name: &str) -> &str {
        &self.parameters[name]
    }

    pub(super) fn number(&self, name: &str) -> u64 {
        self.parameters[name].parse().unwrap_or_default()
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.call.query.get(name).map(String::as_str)
    }

    pub(super) fn body(&self) -> Value {
        self.call.json()
    }
}

type Handler = fn(&mut State, &Ask<'_>) -> Reply;

#[derive(Clone, Copy)]
enum Scope {
    Actions,
    Checks,
    Contents,
    PullRequests,
    Metadata,
}

const READ: Level = Level::Read;
const WRITE: Level = Level::Write;

/// What each operation needs, and who answers it.
const ROUTES: &[(&str, Scope, Level, Handler)] = &[
    ("actions/download-artifact", Scope::Actions, READ, artifacts::download),
    ("actions/get-workflow-run", Scope::Actions, READ, runs::get),
    (
        "actions/list-workflow-run-artifacts",
        Scope::Actions,
        READ,
        artifacts::list,
    ),
    ("checks/create", Scope::Checks, WRITE, checks::create),
    ("checks/get", Scope::Checks, READ, checks::get),
    ("checks/list-for-ref", Scope::Checks, READ, checks::list_for_ref),
    ("checks/update", Scope::Checks, WRITE, checks::update),
    ("git/create-commit", Scope::Contents, WRITE, git::create_commit),
    ("git/create-ref", Scope::Contents, WRITE, git::create_ref),
    ("git/create-tree", Scope::Contents, WRITE, git::create_tree),
    ("git/delete-ref", Scope::Contents, WRITE, git::delete_ref),
    ("git/get-ref", Scope::Contents, READ, git::get_ref),
    ("issues/create-comment", Scope::PullRequests, WRITE, comments::create),
    ("issues/delete-comment", Scope::PullRequests, WRITE, comments::delete),
    ("issues/get-comment", Scope::PullRequests, READ, comments::get),
    ("issues/list-comments", Scope::PullRequests, READ, comments::list),
    ("issues/update-comment", Scope::PullRequests, WRITE, comments::update),
    ("pulls/get", Scope::PullRequests, READ, pulls::get),
    ("pulls/list", Scope::PullRequests, READ, pulls::list),
    (
        "reactions/create-for-issue-comment",
        Scope::PullRequests,
        WRITE,
        bot::react,
    ),
    (
        "repos/compare-commits-with-basehead",
        Scope::Contents,
        READ,
        git::compare,
    ),
    ("repos/create-release", Scope::Contents, WRITE, releases::create),
    ("repos/delete-release", Scope::Contents, WRITE, releases::delete),
    (
        "repos/delete-release-asset",
        Scope::Contents,
        WRITE,
        releases::delete_asset,
    ),
    ("repos/get", Scope::Metadata, READ, runs::repository),
    (
        "repos/get-collaborator-permission-level",
        Scope::Metadata,
        READ,
        bot::permission,
    ),
    (
        "repos/list-pull-requests-associated-with-commit",
        Scope::PullRequests,
        READ,
        bot::pulls_of,
    ),
    ("repos/get-content", Scope::Contents, READ, git::contents),
    ("repos/get-release", Scope::Contents, READ, releases::get),
    ("repos/get-release-asset", Scope::Contents, READ, releases::get_asset),
    ("repos/get-release-by-tag", Scope::Contents, READ, releases::by_tag),
    (
        "repos/list-release-assets",
        Scope::Contents,
        READ,
        releases::list_assets,
    ),
    ("repos/list-releases", Scope::Contents, READ, releases::list),
    ("repos/update-release", Scope::Contents, WRITE, releases::update),
    ("repos/upload-release-asset", Scope::Contents, WRITE, releases::upload),
    ("users/get-authenticated", Scope::Metadata, READ, users::authenticated),
];

/// Answers `call` and remembers it.
pub(super) fn answer(state: &mut State, call: &Call) -> Reply {
    let troubles: Vec<Trouble> = state
        .faults
        .iter_mut()
        .filter_map(|fault| fault.strike(&call.method, &call.path))
        .collect();
    let mut reply = instead(&troubles).unwrap_or_else(|| {
        let half = troubles.iter().any(|trouble| matches!(trouble, Trouble::HalfUpload));
        dispatch(state, call, half)
    });
    for trouble in troubles {
        match trouble {
            Trouble::DoneBut(status) => reply = Reply::error(status, "Server Error"),
            Trouble::DoneButDrop => reply.dropped = true,
            Trouble::DoneButAnswer(canned) => reply = canned.reply(),
            Trouble::HalfUpload => reply = Reply::error(502, "Server Error"),
            Trouble::Delay(delay) => reply.delay = delay,
            Trouble::Truncate(bytes) => reply.missing = bytes,
            Trouble::Meanwhile(deed) => deed.happen(state),
            _ => {}
        }
    }
    state.log.push(Logged {
        origin: call.origin,
        method: call.method.clone(),
        path: call.path.clone(),
        query: call.raw_query.clone(),
        authorized: call.header("authorization").is_some(),
        status: (!reply.dropped).then_some(reply.status),
    });
    reply
}

impl Canned {
    fn reply(&self) -> Reply {
        Reply {
            headers: self.headers.clone(),
            ..Reply::bytes(self.status, self.content_type, self.body.clone())
        }
    }
}

/// What comes instead of any doing.
fn instead(troubles: &[Trouble]) -> Option<Reply> {
    troubles.iter().find_map(|trouble| match trouble {
        Trouble::Status(status) => Some(Reply::error(*status, "Server Error")),
        Trouble::Drop => Some(Reply {
            dropped: true,
            ..Reply::empty(500)
        }),
        Trouble::SecondaryLimit(wait) => {
            let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
            let reply = Reply::error(403, message);
            Some(match wait {
                Some(seconds) => reply.with("retry-after", seconds.to_string()),
                None => reply,
            })
        }
        Trouble::PrimaryLimit(reset) => Some(
            Reply::error(429, "API rate limit exceeded for installation.")
                .with("x-ratelimit-remaining", "0")
                .with("x-ratelimit-reset", reset.to_string()),
        ),
        Trouble::Body(body) => Some(Reply::bytes(200, "application/json; charset=utf-8", body.clone())),
        Trouble::Answer(canned) => Some(canned.reply()),
        Trouble::Redirect(location) => Some(Reply::empty(302).with("location", location)),
        _ => None,
    })
}

fn dispatch(state: &mut State, call: &Call, half_upload: bool) -> Reply {
    if call.origin == "storage" {
        return storage::answer(state, call);
    }
    let (path, origin) = canonical(state, call);
    let token = match call
        .header("authorization")
        .map(|value| value.strip_prefix("Bearer ").unwrap_or_default())
    {
        None if state.public => Token {
            user: User::person(0, "anybody"),
            grants: Grants::all(Level::Read),
            installation: false,
        },
        None => return Reply::error(401, "Requires authentication"),
        Some(token) => match state.tokens.get(token) {
            Some(token) => token.clone(),
            None => return Reply::error(401, "Bad credentials"),
        },
    };
    if path == "/graphql" {
        return users::graphql(state, call, &token);
    }
    let operation = match CONTRACT.operation(&call.method, &path) {
        Some(operation) => operation,
        None => return unexpected(state, call, "no such operation"),
    };
    let wrong = CONTRACT.judge_request(&operation, call);
    if (operation.id == "repos/upload-release-asset") != (origin == "uploads") {
        return unexpected(state, call, "asked at the wrong origin");
    }
    if !wrong.is_empty() {
        return unexpected(state, call, &wrong.join("; "));
    }
    let reply = handle(state, call, &operation, token, half_upload);
    for problem in CONTRACT.judge_reply(&operation, &reply) {
        state.problems.push(format!(
            "the fake's own answer to {} {}: {problem}",
            call.method, call.path
        ));
    }
    reply
}

/// The path below the API's base, and the origin it is meant for: an own server has both on one host.
fn canonical(state: &State, call: &Call) -> (String, &'static str) {
    let base = |url: &str| {
        url.splitn(4, '/')
            .nth(3)
            .map(|path| format!("/{path}"))
            .unwrap_or_default()
    };
    let (api, uploads) = (base(&state.api), base(&state.uploads));
    if !uploads.is_empty()
        && let Some(path) = call.path.strip_prefix(&uploads)
    {
        return (path.to_owned(), "uploads");
    }
    if call.path == "/api/graphql" && !api.is_empty() {
        return ("/graphql".to_owned(), "api");
    }
    (
        call.path.strip_prefix(&api).unwrap_or(&call.path).to_owned(),
        call.origin,
    )
}

fn unexpected(state: &mut State, call: &Call, why: &str) -> Reply {
    state.problems.push(format!(
        "{} {}?{} at {}: {why}",
        call.method, call.path, call.raw_query, call.origin
    ));
    Reply::error(404, "Not Found")
}

fn handle(state: &mut State, call: &Call, operation: &Operation, token: Token, half_upload: bool) -> Reply {
    let Some((_, scope, level, handler)) = ROUTES.iter().find(|(id, ..)| *id == operation.id) else {
        return unexpected(state, call, "the fake does not answer this operation");
    };
    let parameters = operation.parameters.clone();
    if parameters.contains_key("repo") {
        let repo = format!("{}/{}", parameters["owner"], parameters["repo"]);
        if repo != state.repo {
            return unexpected(state, call, "another repository");
        }
    }
    let (granted, name) = match scope {
        Scope::Actions => (token.grants.actions, "actions"),
        Scope::Checks => (token.grants.checks, "checks"),
        Scope::Contents => (token.grants.contents, "contents"),
        Scope::PullRequests => (token.grants.pull_requests, "pull_requests"),
        Scope::Metadata => (READ, "metadata"),
    };
    if granted < *level {
        let needed = if *level == WRITE { "write" } else { "read" };
        return Reply::error(403, "Resource not accessible by integration")
            .with("x-accepted-github-permissions", format!("{name}={needed}"));
    }
    handler(
        state,
        &Ask {
            call,
            token,
            parameters,
            half_upload,
        },
    )
}

/// One page of `items`, with its `Link` header; `wrap` makes the body.
pub(super) fn paged(
    state: &State,
    ask: &Ask<'_>,
    items: Vec<Value>,
    wrap: impl Fn(usize, Vec<Value>) -> Value,
) -> Reply {
    let number = |name: &str, default: usize| ask.query(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let size = number("per_page", 30).clamp(1, 100);
    let page = number("page", 1).max(1);
    let total = items.len();
    let last = total.div_ceil(size).max(1);
    let shown = items.into_iter().skip((page - 1) * size).take(size).collect();
    let reply = Reply::json(200, &wrap(total, shown));
    let others: Vec<String> = ask
        .call
        .raw_query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("page="))
        .map(str::to_owned)
        .collect();
    let origin = state.api.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let link = |page: usize, rel: &str| {
        let query = [others.clone(), vec![format!("page={page}")]].concat().join("&");
        format!("<{origin}{}?{query}>; rel=\"{rel}\"", ask.call.path)
    };
    let mut links = Vec::new();
    if page > 1 {
        links.push(link(page - 1, "prev"));
    }
    if page < last {
        links.push(link(page + 1, "next"));
        links.push(link(last, "last"));
    }
    if links.is_empty() {
        reply
    } else {
        reply.with("link", links.join(", "))
    }
}

/// A moment in the fake's time, later for greater `number`s.
pub(super) fn moment(number: u64) -> String {
    let second = 1_767_225_600 + i64::try_from(number).unwrap();
    jiff::Timestamp::from_second(second).unwrap().to_string()
}
