//! Where downloads of assets and artifacts end: a foreign host that must never see a token.

use super::server::Call;
use super::server::Reply;
use super::state::State;

pub(super) fn answer(state: &mut State, call: &Call) -> Reply {
    if call.header("authorization").is_some() {
        state
            .problems
            .push(format!("storage was shown a token at {}", call.path));
        return Reply::bytes(400, "application/xml", "<Error><Code>InvalidArgument</Code></Error>");
    }
    if let Some(id) = call
        .path
        .strip_prefix("/artifacts/")
        .and_then(|id| id.parse::<u64>().ok())
        && let Some(artifact) = state.artifacts.iter().find(|artifact| artifact.id == id)
        && call.method == "GET"
        && call.query.contains_key("sig")
    {
        return Reply::bytes(200, "application/zip", artifact.stored.clone());
    }
    let id = call.path.strip_prefix("/assets/").and_then(|id| id.parse::<u64>().ok());
    let mut assets = state.releases.iter().flat_map(|release| &release.assets);
    match assets.find(|asset| Some(asset.id) == id) {
        Some(asset) if call.method == "GET" && call.query.contains_key("sig") => {
            Reply::bytes(200, "application/octet-stream", asset.stored.clone())
        }
        _ => {
            state.problems.push(format!("{} {} at storage", call.method, call.path));
            Reply::bytes(404, "application/xml", "<Error><Code>BlobNotFound</Code></Error>")
        }
    }
}
