//! Releases: drafted, filled, compared, published; what arrives is what the release says.

use std::fs;
use std::thread;

use mlbuild::digest::Digest;
use mlbuild::files::write_atomic;
use mlbuild::github::Client;
use mlbuild::github::GithubError;
use mlbuild::github::asset;
use mlbuild::github::asset::Content;
use mlbuild::github::git;
use mlbuild::github::release;
use mlbuild::github::release::NewRelease;
use mlbuild::github::release::Release;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::Level;
use crate::support::fake_github::state::User;

use super::client;

pub(super) fn draft(client: &Client, tag: &str) -> Release {
    let new = NewRelease {
        tag_name: tag.to_owned(),
        name: "a baseline".to_owned(),
        body: "text".to_owned(),
    };
    release::create_draft(client, &new).unwrap()
}

pub(super) fn bytes(content: &[u8]) -> Content {
    Content::Bytes(content.to_vec().into())
}

#[test]
fn a_release_is_drafted_filled_compared_and_published() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.onnx");
    let weights: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
    write_atomic(&model, &weights).unwrap();

    let commit = git::create_orphan_commit(&client, "A place for a tag.").unwrap();
    git::create_tag(&client, "baseline-1", &commit).unwrap();
    let made = draft(&client, "baseline-1");
    assert!(made.draft && made.prerelease);
    let asset = asset::upload(&client, &made, "model.onnx", &Content::File(model)).unwrap();
    assert_eq!(asset.digest(), Some(Digest::of(&weights)));
    asset::upload(&client, &made, "manifest.json", &bytes(b"{}")).unwrap();

    fake.grant(|grants| grants.contents = Level::Read);
    assert!(
        release::list(&client).unwrap().is_empty(),
        "a reader does not see a draft"
    );
    assert_eq!(release::by_tag(&client, "baseline-1").unwrap(), None);
    fake.grant(|grants| grants.contents = Level::Write);

    let published = release::publish(&client, made.id).unwrap();
    assert!(!published.draft && published.prerelease && published.published_at.is_some());
    assert!(!fake.edit(|state| state.releases[0].latest));
    assert_eq!(git::get_ref(&client, "tags/baseline-1").unwrap(), Some(commit.clone()));
    let found = release::by_tag(&client, "baseline-1").unwrap().unwrap();
    assert_eq!(found, release::get(&client, made.id).unwrap());
    assert_eq!(
        found.author.as_ref().map(|author| author.login.as_str()),
        Some("github-actions[bot]")
    );

    let target = folder.path().join("baseline/model.onnx");
    let digest = asset::download_to(&client, &found.assets[0], &target, 10_000_000).unwrap();
    assert_eq!((digest, fs::read(&target).unwrap()), (Digest::of(&weights), weights));
    assert_eq!(asset::download(&client, &found.assets[1], 100).unwrap().0, b"{}");
    let unseen = fake
        .log()
        .iter()
        .filter(|logged| logged.origin == "storage")
        .all(|logged| !logged.authorized);
    assert!(unseen, "storage saw the token");

    release::delete(&client, made.id).unwrap();
    git::delete_tag(&client, "baseline-1").unwrap();
    // Someone else may have been faster.
    release::delete(&client, made.id).unwrap();
    git::delete_tag(&client, "baseline-1").unwrap();
    assert!(release::list(&client).unwrap().is_empty());
}

#[test]
fn an_orphan_commit_needs_no_well_known_tree() {
    let fake = FakeGitHub::start();
    fake.edit(|state| {
        state
            .trees
            .insert("4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned())
    });
    let client = client(&fake);
    let empty = git::create_orphan_commit(&client, "x").unwrap();
    fake.edit(|state| state.trees.clear());
    let other = git::create_orphan_commit(&client, "x").unwrap();
    assert_eq!(fake.count("POST", "/git/trees"), 1);
    for sha in [&empty, &other] {
        assert!(fake.edit(|state| state.commits[sha.as_str()].parents.is_empty()));
        assert_eq!(
            git::compare(&client, &fake.tip("main"), sha).unwrap(),
            None,
            "no shared history"
        );
    }
}

#[test]
fn a_tag_is_made_once_and_never_moved() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let (first, second) = (fake.commit(&[], &[]), fake.commit(&[], &[]));
    fake.fault(Fault::at("POST", "/git/refs", Trouble::DoneButDrop));
    git::create_tag(&client, "b/1", &first).unwrap();
    git::create_tag(&client, "b/1", &first).unwrap();
    let error = git::create_tag(&client, "b/1", &second).unwrap_err();
    assert!(error.is_already_there(), "{error}");
    assert_eq!(git::get_ref(&client, "tags/b/1").unwrap(), Some(first));
}

#[test]
fn a_half_uploaded_asset_is_replaced() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let made = draft(&client, "b");
    fake.fault(Fault::at("POST", "/assets", Trouble::HalfUpload));
    let asset = asset::upload(&client, &made, "model.onnx", &bytes(b"weights")).unwrap();
    assert!(asset.is_complete());
    let left = asset::list(&client, made.id).unwrap();
    assert_eq!(left, [asset]);
    assert_eq!(fake.count("DELETE", "/releases/assets/"), 1);
}

#[test]
fn half_an_asset_of_an_earlier_attempt_is_replaced_too() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let made = draft(&client, "b");
    asset::upload(&client, &made, "model.onnx", &bytes(b"wei")).unwrap();
    fake.edit(|state| state.releases[0].assets[0].complete = false);
    let asset = asset::upload(&client, &made, "model.onnx", &bytes(b"weights")).unwrap();
    assert_eq!((asset.size, asset::list(&client, made.id).unwrap().len()), (7, 1));
}

#[test]
fn an_upload_whose_answer_was_lost_is_not_sent_again() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let made = draft(&client, "b");
    fake.fault(Fault::at("POST", "/assets", Trouble::DoneBut(502)));
    asset::upload(&client, &made, "model.onnx", &bytes(b"weights")).unwrap();
    assert_eq!(fake.count("POST", "/assets"), 1);
}

#[test]
fn another_file_under_the_same_name_is_not_overwritten() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let made = draft(&client, "b");
    asset::upload(&client, &made, "model.onnx", &bytes(b"weights")).unwrap();
    asset::upload(&client, &made, "model.onnx", &bytes(b"weights")).unwrap();
    let error = asset::upload(&client, &made, "model.onnx", &bytes(b"WEIGHTS")).unwrap_err();
    assert!(matches!(error, GithubError::Altered { .. }), "{error}");
    assert_eq!(
        fake.edit(|state| state.releases[0].assets[0].stored.clone()),
        b"weights"
    );
}

#[test]
fn an_upload_of_a_missing_file_names_it() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let made = draft(&client, "b");
    let error = asset::upload(&client, &made, "m", &Content::File("/nowhere/m.onnx".into())).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `/nowhere/m.onnx`");
}

#[test]
fn a_forged_upload_url_never_sees_the_token() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    draft(&client, "b");
    for url in [
        "https://evil.example/repos/acme/models/releases/1/assets{?name,label}".to_owned(),
        format!(
            "{}/repos/acme/models/releases/999/assets{{?name,label}}",
            fake.edit(|state| state.uploads.clone())
        ),
        "file:///etc/passwd".to_owned(),
    ] {
        fake.edit(|state| state.forged_upload_url = Some(url.clone()));
        let forged = release::list(&client).unwrap().remove(0);
        let error = asset::upload(&client, &forged, "m", &bytes(b"x")).unwrap_err();
        assert!(matches!(error, GithubError::Url { .. }), "{url}: {error}");
    }
    assert_eq!(fake.count("POST", "/assets"), 0);
}

/// The one asset of a published release that holds `weights`.
fn published(fake: &FakeGitHub, client: &Client) -> asset::Asset {
    fake.release("b", &User::actions(), &[("model.onnx", b"weights")]);
    release::list(client).unwrap().remove(0).assets.remove(0)
}

#[test]
fn a_download_that_breaks_off_is_repeated() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let asset = published(&fake, &client);
    fake.fault(Fault::at("GET", "/assets/", Trouble::Truncate(3)).after(1));
    fake.fault(Fault::at("GET", "/releases/assets/", Trouble::Status(502)).after(1));
    assert_eq!(asset::download(&client, &asset, 100).unwrap().0, b"weights");
}

#[test]
fn a_download_that_keeps_breaking_off_leaves_no_file() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let asset = published(&fake, &client);
    let storage = format!("/assets/{}", asset.id);
    // Matches the API's redirect as well, which has no body to cut.
    fake.fault(Fault::at("GET", &storage, Trouble::Truncate(3)).times(8));
    let folder = tempfile::tempdir().unwrap();
    let error = asset::download_to(&client, &asset, &folder.path().join("m"), 100).unwrap_err();
    assert!(matches!(error, GithubError::Transport { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_download_of_another_size_or_digest_is_refused() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let asset = published(&fake, &client);
    let folder = tempfile::tempdir().unwrap();
    for stored in [&b"wei"[..], b"WEIGHTS"] {
        fake.edit(|state| state.releases[0].assets[0].stored = stored.to_vec());
        let error = asset::download_to(&client, &asset, &folder.path().join("m"), 100).unwrap_err();
        assert!(matches!(error, GithubError::Altered { .. }), "{error}");
    }
    fake.edit(|state| state.releases[0].assets[0].stored = b"weights and more".to_vec());
    let error = asset::download_to(&client, &asset, &folder.path().join("m"), 100).unwrap_err();
    assert!(matches!(error, GithubError::TooLarge { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_beyond_the_callers_cap_is_not_asked_for() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let asset = published(&fake, &client);
    let error = asset::download(&client, &asset, 6).unwrap_err();
    assert!(matches!(error, GithubError::TooLarge { limit: 6, .. }), "{error}");
    assert_eq!(fake.count("GET", "/releases/assets/"), 0);
}

#[test]
fn a_redirect_off_https_is_refused() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let asset = published(&fake, &client);
    for location in [
        "http://evil.example/x",
        "ftp://evil.example/x",
        "//evil.example/x",
        "https://user@evil.example/x",
    ] {
        fake.edit(|state| state.forged_location = Some(location.to_owned()));
        let error = asset::download(&client, &asset, 100).unwrap_err();
        assert!(matches!(error, GithubError::Url { .. }), "{location}: {error}");
    }
}

#[test]
fn an_endless_redirect_ends() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let asset = published(&fake, &client);
    let again = format!("{}/repos/acme/models/releases/assets/{}", fake.api_url(), asset.id);
    fake.edit(|state| state.forged_location = Some(again));
    let error = asset::download(&client, &asset, 100).unwrap_err();
    assert!(error.to_string().contains("too many redirects"), "{error}");
}

#[test]
fn two_publishes_at_once_both_stand() {
    let fake = FakeGitHub::start();
    thread::scope(|scope| {
        for tag in ["b-1", "b-2"] {
            let fake = &fake;
            scope.spawn(move || {
                let client = client(fake);
                let made = draft(&client, tag);
                asset::upload(&client, &made, "manifest.json", &bytes(tag.as_bytes())).unwrap();
                release::publish(&client, made.id).unwrap();
            });
        }
    });
    let client = client(&fake);
    for tag in ["b-1", "b-2"] {
        let found = release::by_tag(&client, tag).unwrap().unwrap();
        assert_eq!(
            asset::download(&client, &found.assets[0], 100).unwrap().0,
            tag.as_bytes()
        );
    }
}

#[test]
fn a_tag_that_is_published_already_is_declined() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let (one, two) = (draft(&client, "b"), draft(&client, "b"));
    release::publish(&client, one.id).unwrap();
    let error = release::publish(&client, two.id).unwrap_err();
    assert!(error.is_already_there(), "{error}");
    assert!(error.to_string().contains("tag_name already_exists"), "{error}");
}

#[test]
fn a_draft_whose_answer_was_lost_is_found() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    fake.fault(Fault::at("POST", "/releases", Trouble::DoneButDrop));
    draft(&client, "b");
    assert_eq!(fake.edit(|state| state.releases.len()), 1);
}

#[test]
fn immutable_releases_work_because_nothing_changes_after_publishing() {
    let fake = FakeGitHub::start();
    fake.edit(|state| state.immutable_releases = true);
    let client = client(&fake);
    let made = draft(&client, "b");
    asset::upload(&client, &made, "manifest.json", &bytes(b"{}")).unwrap();
    assert!(release::publish(&client, made.id).unwrap().immutable);
    let error = asset::upload(&client, &made, "late.json", &bytes(b"{}")).unwrap_err();
    assert!(matches!(error, GithubError::Invalid { .. }), "{error}");
}
