//! Who our token is, so that we only ever touch our own comments.
//!
//! An installation's token (such as `GITHUB_TOKEN`) may not ask `GET /user`, but GraphQL's `viewer` answers it; servers
//! without GraphQL know `GET /user`. Where it has made a check run, that one's app has said so already. Where neither answers, the token is taken for the one that a workflow gets, and
//! [`super::sticky`] corrects the guess by the author of the first comment it makes.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;

/// The login behind the token that a workflow gets.
const ACTIONS_LOGIN: &str = "github-actions[bot]";

/// A user, a bot or an app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// The name, for bots with the suffix `[bot]`.
    pub login: String,
    /// The number, where GitHub gave one.
    #[serde(default)]
    pub id: Option<u64>,
}

impl Account {
    /// Whether both are the same account: by number where both have one, else by login.
    pub fn is(&self, other: &Self) -> bool {
        match (self.id, other.id) {
            (Some(one), Some(two)) => one == two,
            _ => self.login.eq_ignore_ascii_case(&other.login),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    viewer: Option<Viewer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Viewer {
    login: String,
    #[serde(default)]
    database_id: Option<u64>,
}

/// The account of the client's token, asked for once. Fails only where the token itself is refused or nothing answers.
pub fn own(client: &Client) -> Result<Account, GithubError> {
    if let Some(known) = client.account.get() {
        return Ok(known.clone());
    }
    let account = ask(client)?;
    Ok(client.account.get_or_init(|| account).clone())
}

/// Takes what a check run that was just made says of its maker, the app `slug`: of an installation's token that is the whole answer, and
/// saves the question. A person's token may make check runs in the name of an app too, but comments as the person.
pub(super) fn learn(client: &Client, slug: &str) {
    if client.is_of_installation() {
        // Whoever asked before knows more.
        client.account.get_or_init(|| Account {
            login: format!("{slug}[bot]"),
            id: None,
        });
    }
}

fn ask(client: &Client) -> Result<Account, GithubError> {
    match viewer(client) {
        Ok(Some(account)) => return Ok(account),
        Err(error @ GithubError::Unauthorized { .. }) => return Err(error),
        Ok(None) | Err(_) => {}
    }
    let user = Request::get("/user".to_owned(), Permission::MetadataRead);
    match client.json::<Account>(&user) {
        Ok(account) => Ok(account),
        Err(GithubError::Forbidden { .. } | GithubError::NotFound { .. }) => Ok(Account {
            login: ACTIONS_LOGIN.to_owned(),
            id: None,
        }),
        Err(error) => Err(error),
    }
}

fn viewer(client: &Client) -> Result<Option<Account>, GithubError> {
    let query = json!({ "query": "query { viewer { login databaseId } }" });
    // A query changes nothing, so it may be sent twice although it is a POST.
    let request = Request::to(Method::POST, client.hosts().graphql()?, Permission::MetadataRead)
        .json(&query)
        .repeatable(true);
    let viewer = client.json::<Answer>(&request)?.data.and_then(|data| data.viewer);
    Ok(viewer.map(|viewer| Account {
        login: viewer.login,
        id: viewer.database_id,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(login: &str, id: Option<u64>) -> Account {
        Account {
            login: login.to_owned(),
            id,
        }
    }

    #[test]
    fn numbers_decide_where_both_are_known() {
        assert!(account("old-name", Some(7)).is(&account("new-name", Some(7))));
        assert!(!account("name", Some(7)).is(&account("name", Some(8))));
        assert!(account("GitHub-Actions[bot]", None).is(&account("github-actions[bot]", Some(1))));
        assert!(!account("github-actions", None).is(&account("github-actions[bot]", Some(1))));
    }
}
