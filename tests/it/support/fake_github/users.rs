//! Who a token is: GraphQL's `viewer`, which installations may ask, and `GET /user`, which they may not.

use serde_json::json;

use super::route::Ask;
use super::route::moment;
use super::server::Call;
use super::server::Reply;
use super::state::State;
use super::state::Token;
use super::templates;

pub(super) fn authenticated(_: &mut State, ask: &Ask<'_>) -> Reply {
    if ask.token.installation {
        return Reply::error(403, "Resource not accessible by integration");
    }
    let user = templates::with(
        templates::user(&ask.token.user),
        json!({
            "name": null, "company": null, "blog": null, "location": null, "email": null, "hireable": null, "bio": null,
            "public_repos": 1, "public_gists": 0, "followers": 0, "following": 0,
            "created_at": moment(0), "updated_at": moment(0),
        }),
    );
    Reply::json(200, &user)
}

/// GraphQL has no OpenAPI description; the one query that is sent is known by its text.
pub(super) fn graphql(state: &mut State, call: &Call, token: &Token) -> Reply {
    if !state.graphql {
        return Reply::error(404, "Not Found");
    }
    if call.method != "POST" || call.json()["query"] != "query { viewer { login databaseId } }" {
        state
            .problems
            .push(format!("unknown GraphQL: {}", String::from_utf8_lossy(&call.body)));
        return Reply::json(200, &json!({ "errors": [{ "message": "unknown query" }] }));
    }
    let viewer = json!({ "login": token.user.login, "databaseId": token.user.id });
    Reply::json(200, &json!({ "data": { "viewer": viewer } }))
}
