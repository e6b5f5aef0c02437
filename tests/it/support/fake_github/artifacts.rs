//! What runs have left behind.

use serde_json::Value;
use serde_json::json;

use super::route::Ask;
use super::route::moment;
use super::route::paged;
use super::server::Reply;
use super::state::Artifact;
use super::state::State;

fn show(state: &State, artifact: &Artifact) -> Value {
    let url = format!("{}/actions/artifacts/{}", state.repo_url(), artifact.id);
    json!({
        "id": artifact.id,
        "node_id": format!("A_{}", artifact.id),
        "name": artifact.name,
        "size_in_bytes": artifact.size,
        "url": url,
        "archive_download_url": format!("{url}/zip"),
        "expired": artifact.expired,
        "digest": artifact.digest.as_ref().map(|digest| format!("sha256:{}", digest.as_str())),
        "created_at": moment(artifact.id),
        "updated_at": moment(artifact.id),
        "expires_at": moment(artifact.id + 1_000_000),
    })
}

pub(super) fn list(state: &mut State, ask: &Ask<'_>) -> Reply {
    let run = ask.number("run_id");
    if !state.runs.contains_key(&run) {
        return Reply::error(404, "Not Found");
    }
    let name = ask.query("name");
    let shown = state
        .artifacts
        .iter()
        .rev()
        .filter(|artifact| artifact.run == run && name.is_none_or(|name| artifact.name == name))
        .map(|artifact| show(state, artifact))
        .collect();
    paged(
        state,
        ask,
        shown,
        |total, page| json!({ "total_count": total, "artifacts": page }),
    )
}

pub(super) fn download(state: &mut State, ask: &Ask<'_>) -> Reply {
    let id = ask.number("artifact_id");
    let Some(artifact) = state.artifacts.iter().find(|artifact| artifact.id == id) else {
        return Reply::error(404, "Not Found");
    };
    if ask.text("archive_format") != "zip" {
        return Reply::error(404, "Not Found");
    }
    if artifact.expired {
        return Reply::error(410, "Artifact has expired");
    }
    let location = state
        .forged_location
        .clone()
        .unwrap_or_else(|| format!("{}/artifacts/{id}?sig=secret", state.storage));
    Reply::empty(302).with("location", location)
}
