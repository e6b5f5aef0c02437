//! Releases and their assets.

use mlbuild::digest::Digest;
use serde_json::Value;
use serde_json::json;

use super::route::Ask;
use super::route::moment;
use super::route::paged;
use super::server::Reply;
use super::state::Asset;
use super::state::Level;
use super::state::Release;
use super::state::State;
use super::templates;

fn show_asset(state: &State, tag: &str, asset: &Asset) -> Value {
    json!({
        "id": asset.id,
        "node_id": format!("RA_{}", asset.id),
        "name": asset.name,
        "label": null,
        "content_type": "application/octet-stream",
        "size": asset.size,
        "digest": asset.digest.as_ref().map(|digest| format!("sha256:{digest}")),
        // GitHub's prose calls an upload that broke `starter`, its schema `open`.
        "state": if asset.complete { "uploaded" } else { "open" },
        "url": format!("{}/releases/assets/{}", state.repo_url(), asset.id),
        "browser_download_url": format!("https://github.com/{}/releases/download/{tag}/{}", state.repo, asset.name),
        "download_count": 0,
        "uploader": templates::user(&asset.uploader),
        "created_at": moment(asset.id),
        "updated_at": moment(asset.id),
    })
}

fn show(state: &State, release: &Release) -> Value {
    let url = format!("{}/releases/{}", state.repo_url(), release.id);
    let upload = format!(
        "{}/repos/{}/releases/{}/assets{{?name,label}}",
        state.uploads, state.repo, release.id
    );
    let assets: Vec<Value> = release
        .assets
        .iter()
        .map(|asset| show_asset(state, &release.tag, asset))
        .collect();
    let archive = |kind: &str| (!release.draft).then(|| format!("{}/{kind}/{}", state.repo_url(), release.tag));
    json!({
        "id": release.id,
        "node_id": format!("RE_{}", release.id),
        "url": url,
        "html_url": format!("https://github.com/{}/releases/tag/{}", state.repo, release.tag),
        "assets_url": format!("{url}/assets"),
        "upload_url": state.forged_upload_url.clone().unwrap_or(upload),
        "tarball_url": archive("tarball"),
        "zipball_url": archive("zipball"),
        "tag_name": release.tag,
        "target_commitish": state.default_branch,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": !release.draft && state.immutable_releases,
        "created_at": moment(release.id),
        "published_at": (!release.draft).then(|| moment(release.id + 1)),
        "author": templates::user(&release.author),
        "assets": assets,
    })
}

fn declined(resource: &str, code: &str, field: &str) -> Reply {
    let body = json!({
        "message": "Validation Failed",
        "errors": [{ "resource": resource, "code": code, "field": field }],
        "documentation_url": "https://docs.github.com/rest/releases",
    });
    Reply::json(422, &body)
}

fn may_see_drafts(ask: &Ask<'_>) -> bool {
    ask.token.grants.contents == Level::Write
}

fn position(state: &State, ask: &Ask<'_>) -> Option<usize> {
    let id = ask.number("release_id");
    state
        .releases
        .iter()
        .position(|release| release.id == id && (!release.draft || may_see_drafts(ask)))
}

fn position_of_asset(state: &State, ask: &Ask<'_>) -> Option<(usize, usize)> {
    let id = ask.number("asset_id");
    state.releases.iter().enumerate().find_map(|(at, release)| {
        let inside = release.assets.iter().position(|asset| asset.id == id)?;
        (!release.draft || may_see_drafts(ask)).then_some((at, inside))
    })
}

fn not_found() -> Reply {
    Reply::error(404, "Not Found")
}

pub(super) fn list(state: &mut State, ask: &Ask<'_>) -> Reply {
    let seen = state
        .releases
        .iter()
        .rev()
        .filter(|release| !release.draft || may_see_drafts(ask));
    let shown = seen.map(|release| show(state, release)).collect();
    paged(state, ask, shown, |_, page| page.into())
}

pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Reply {
    match position(state, ask) {
        Some(at) => Reply::json(200, &show(state, &state.releases[at])),
        None => not_found(),
    }
}

pub(super) fn by_tag(state: &mut State, ask: &Ask<'_>) -> Reply {
    let tag = ask.text("tag");
    match state
        .releases
        .iter()
        .find(|release| !release.draft && release.tag == tag)
    {
        Some(release) => Reply::json(200, &show(state, release)),
        None => not_found(),
    }
}

pub(super) fn create(state: &mut State, ask: &Ask<'_>) -> Reply {
    let body = ask.body();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let flag = |key: &str| body[key].as_bool().unwrap_or(false);
    let release = Release {
        id: state.new_id(),
        tag: text("tag_name"),
        name: text("name"),
        body: text("body"),
        draft: true,
        prerelease: flag("prerelease"),
        latest: false,
        author: ask.token.user.clone(),
        assets: Vec::new(),
    };
    state.releases.push(release);
    let at = state.releases.len() - 1;
    if !flag("draft")
        && let Some(refusal) = publish(state, at, &body)
    {
        state.releases.pop();
        return refusal;
    }
    Reply::json(201, &show(state, &state.releases[at]))
}

/// Makes a draft public, with its tag.
fn publish(state: &mut State, at: usize, body: &Value) -> Option<Reply> {
    let tag = state.releases[at].tag.clone();
    if state
        .releases
        .iter()
        .any(|release| !release.draft && release.tag == tag)
    {
        return Some(declined("Release", "already_exists", "tag_name"));
    }
    let name = format!("refs/tags/{tag}");
    if !state.refs.contains_key(&name) {
        let target = state.refs[&format!("refs/heads/{}", state.default_branch)].clone();
        state.refs.insert(name, target);
    }
    let release = &mut state.releases[at];
    release.draft = false;
    release.latest = !release.prerelease && body["make_latest"] != "false";
    None
}

pub(super) fn update(state: &mut State, ask: &Ask<'_>) -> Reply {
    let Some(at) = position(state, ask) else {
        return not_found();
    };
    let body = ask.body();
    if let Some(prerelease) = body["prerelease"].as_bool() {
        state.releases[at].prerelease = prerelease;
    }
    if body["draft"] == false
        && state.releases[at].draft
        && let Some(refusal) = publish(state, at, &body)
    {
        return refusal;
    }
    Reply::json(200, &show(state, &state.releases[at]))
}

pub(super) fn delete(state: &mut State, ask: &Ask<'_>) -> Reply {
    match position(state, ask) {
        Some(at) => {
            state.releases.remove(at);
            Reply::empty(204)
        }
        None => not_found(),
    }
}

pub(super) fn list_assets(state: &mut State, ask: &Ask<'_>) -> Reply {
    let Some(at) = position(state, ask) else {
        return not_found();
    };
    let release = &state.releases[at];
    let shown = release
        .assets
        .iter()
        .map(|asset| show_asset(state, &release.tag, asset))
        .collect();
    paged(state, ask, shown, |_, page| page.into())
}

pub(super) fn upload(state: &mut State, ask: &Ask<'_>) -> Reply {
    let Some(at) = position(state, ask) else {
        return not_found();
    };
    if state.immutable_releases && !state.releases[at].draft {
        return Reply::json(
            422,
            &json!({ "message": "Cannot upload assets to an immutable release." }),
        );
    }
    let asked = ask.query("name").unwrap_or_default();
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || "._-".contains(character) {
            character
        } else {
            '.'
        }
    };
    let name: String = asked.chars().map(plain).collect();
    if state.releases[at].assets.iter().any(|asset| asset.name == name) {
        return declined("ReleaseAsset", "already_exists", "name");
    }
    let stored = ask.call.body.to_vec();
    let asset = Asset {
        id: state.new_id(),
        name,
        uploader: ask.token.user.clone(),
        size: if ask.half_upload { 0 } else { stored.len() },
        digest: (!ask.half_upload).then(|| Digest::of(&stored)),
        complete: !ask.half_upload,
        stored,
    };
    state.releases[at].assets.push(asset.clone());
    Reply::json(201, &show_asset(state, &state.releases[at].tag, &asset))
}

pub(super) fn get_asset(state: &mut State, ask: &Ask<'_>) -> Reply {
    let Some((at, inside)) = position_of_asset(state, ask) else {
        return not_found();
    };
    let asset = &state.releases[at].assets[inside];
    if ask.call.header("accept") != Some("application/octet-stream") {
        return Reply::json(200, &show_asset(state, &state.releases[at].tag, asset));
    }
    let stored = format!("{}/assets/{}?sig=c2lnbmVk", state.storage, asset.id);
    Reply::empty(302).with("location", state.forged_location.clone().unwrap_or(stored))
}

pub(super) fn delete_asset(state: &mut State, ask: &Ask<'_>) -> Reply {
    match position_of_asset(state, ask) {
        Some((at, inside)) => {
            state.releases[at].assets.remove(inside);
            Reply::empty(204)
        }
        None => not_found(),
    }
}
