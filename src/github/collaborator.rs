//! What a person may do in the repository.

use serde::Deserialize;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;
use super::text;

/// What a person may do, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Nothing.
    None,
    /// See it, and sort issues: GitHub counts `triage` here.
    Read,
    /// Push: GitHub counts `maintain` here.
    Write,
    /// Everything.
    Admin,
}

#[derive(Deserialize)]
struct Answer {
    permission: String,
}

/// The role of the person with this login, by every way in which one may be given: directly, by a team, by the organisation. Whoever is no
/// collaborator has none, or may read where everybody may.
pub fn role(client: &Client, login: &str) -> Result<Role, GithubError> {
    let path = client.path(format_args!("collaborators/{}/permission", text::escape(login)));
    let answer = match client.json::<Answer>(&Request::get(path, Permission::MetadataRead)) {
        Ok(answer) => answer,
        // GitHub knows nobody of that name.
        Err(error) if error.is_not_found() => return Ok(Role::None),
        Err(error) => return Err(error),
    };
    Ok(match answer.permission.as_str() {
        "admin" => Role::Admin,
        "write" | "maintain" => Role::Write,
        "read" | "triage" => Role::Read,
        // What is not known gives no right.
        _ => Role::None,
    })
}
