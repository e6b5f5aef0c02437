//! What the commands of the desk share: engine, GitHub where its address and token are known, exit codes.

use crate::github::Client;
use crate::pipeline::gate::Machinery;
use crate::pipeline::machinery;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::progress::Installing;

/// A desk has one gate.
pub(crate) const KEY: &str = "default";

/// The engine, installed where it has to be.
pub(crate) fn machinery(context: &Context, version: &str) -> Result<Machinery, CliError> {
    let mut installing = Installing::new(&context.ui);
    let explicit = context.global.runtime_path.as_deref();
    Ok(machinery::ready(
        version,
        explicit,
        &context.environment,
        &mut |event| installing.show(&event),
    )?)
}

/// GitHub, where `GITHUB_REPOSITORY` and a token say which and as whom.
pub(crate) fn github(context: &Context) -> Result<Option<Client>, CliError> {
    let get = |name| context.environment.non_empty(name);
    let (Some(repository), Some(token)) = (get("GITHUB_REPOSITORY"), get("GITHUB_TOKEN").or(get("GH_TOKEN"))) else {
        return Ok(None);
    };
    let repository = repository
        .parse()
        .map_err(|error| CliError::usage(format!("`GITHUB_REPOSITORY`: {error}")).hint("write it as `owner/name`"))?;
    let api_url = get("GITHUB_API_URL").unwrap_or("https://api.github.com");
    Ok(Some(Client::new(api_url, None, token, repository)?))
}

/// The exit of a judged run.
pub(crate) fn exit(code: i32) -> Exit {
    match code {
        0 => Exit::Pass,
        1 => Exit::Regression,
        _ => Exit::Error,
    }
}
