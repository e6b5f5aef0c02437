//! Where asset downloads end: a foreign host that must never see a token.

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
    let artifact = call
        .path
        .strip_prefix("/artifacts/")
        .and_then(|id| id.parse::<u64>().ok());
    if let Some(found) = state.artifacts.iter().find(|known| Some(known.id) == artifact) {
        return Reply::bytes(200, "application/zip", found.archive.clone());
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
