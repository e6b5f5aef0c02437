//! The baseline job: releases drafted, filled, compared and published; nothing published twice, nothing old kept forever.

use mlbuild::digest::Digest;

use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::Repository;
use super::SOURCE_PATH;
use super::mlp;
use super::touched;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::Level;
use crate::support::fake_github::state::User;

#[test]
fn a_push_publishes_what_the_next_pull_request_is_compared_with() {
    let repository = Repository::of_committed_model();
    let base = repository.fake.tip("main");
    let tag = repository.refresh();

    let parts: Vec<&str> = tag.split('-').collect();
    assert_eq!(parts[..3], ["mlbuild", "baseline", "default"], "{tag}");
    assert_eq!(parts[4..], ["7001", "1", &base.as_str()[..12]], "{tag}");
    let releases = repository.releases();
    let [release] = releases.as_slice() else {
        panic!("{releases:?}")
    };
    assert_eq!(release.tag, tag);
    assert!(release.prerelease && !release.draft && !release.latest, "{release:?}");
    let (parents, files) = repository.fake.edit(|state| {
        let commit = &state.commits[&state.refs[&format!("refs/tags/{tag}")]];
        (commit.parents.clone(), commit.files.clone())
    });
    assert!(parents.is_empty() && files.is_empty());
    let mut names: Vec<&str> = release.assets.iter().map(|asset| asset.name.as_str()).collect();
    names.sort_unstable();
    let model = format!("{}.onnx", Digest::of(&mlp()));
    assert_eq!(names, [model.as_str(), "manifest.json"]);
    assert!(release.assets.iter().all(|asset| asset.complete));
    assert!(
        repository
            .fake
            .edit(|state| state.checks.is_empty() && state.comments.is_empty())
    );

    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    assert_eq!(ran.output("baseline"), tag);
    let body = repository.comment().body;
    assert!(body.contains(&format!("release {tag}")), "{body}");
    assert_eq!(
        repository.fake.count("GET", "/contents/models"),
        0,
        "the release has the model"
    );
}

#[test]
fn a_refresh_that_changes_nothing_publishes_nothing() {
    let repository = Repository::of_committed_model();
    let tag = repository.refresh();
    repository.push(&[("README.md", b"words")]);
    assert_eq!(repository.refresh(), tag);
    assert_eq!(repository.releases().len(), 1);

    repository.push(&[(MODEL_PATH, &touched())]);
    assert_ne!(repository.refresh(), tag);
    let releases = repository.releases();
    assert_eq!(releases.len(), 2);
    let manifest = releases[1]
        .assets
        .iter()
        .find(|asset| asset.name == "manifest.json")
        .unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.stored).unwrap();
    assert_eq!(
        manifest["history"].as_array().unwrap().len(),
        1,
        "the first one is history"
    );
}

#[test]
fn a_clock_and_a_button_refresh_the_default_branch() {
    let repository = Repository::of_committed_model();
    let tip = repository.fake.tip("main");
    let first = repository.job(Trigger::Scheduled, &tip).run().expect("pass", 0);
    let second = repository.job(Trigger::Dispatched, &tip).run().expect("pass", 0);
    assert_eq!(first.output("baseline"), second.output("baseline"));
    assert_eq!(repository.releases().len(), 1);
}

#[test]
fn two_refreshes_at_once_make_two_whole_baselines() {
    let repository = Repository::of_committed_model();
    let tip = repository.fake.tip("main");
    let jobs = [repository.refresh_on("main", &tip), repository.refresh_on("main", &tip)];
    let children = jobs.each_ref().map(|job| job.step(&["action"]).spawn().unwrap());
    for (job, child) in jobs.iter().zip(children) {
        job.after(child.wait_with_output().unwrap()).expect("pass", 0);
    }
    let releases = repository.releases();
    assert_eq!(releases.len(), 2);
    assert!(
        releases
            .iter()
            .all(|release| !release.draft && release.assets.len() == 2)
    );
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    assert!(ran.output("baseline").contains("-7002-1-"), "the newer run's: {ran}");
}

#[test]
fn an_upload_that_breaks_off_is_made_anew() {
    let repository = Repository::of_committed_model();
    let place = "/releases/";
    repository.fake.fault(Fault::at("POST", place, Trouble::HalfUpload));
    let tag = repository.refresh();
    let releases = repository.releases();
    assert_eq!((releases.len(), releases[0].tag.as_str()), (1, tag.as_str()));
    assert_eq!(releases[0].assets.len(), 2);
    assert!(releases[0].assets.iter().all(|asset| asset.complete));
}

#[test]
fn what_cannot_be_uploaded_leaves_no_baseline_behind() {
    let repository = Repository::of_committed_model();
    let tag = repository.refresh();
    let commit = repository.push(&[(MODEL_PATH, &touched())]);
    let fault = Fault::at("POST", "/assets", Trouble::Status(413));
    repository.fake.fault(fault);
    let ran = repository.refresh_on("main", &commit).run().expect("error", 2);
    assert!(ran.summary.contains("no baseline was published"), "{ran}");
    let tags = repository.fake.edit(|state| {
        let tags = state.refs.keys().filter(|name| name.starts_with("refs/tags/"));
        tags.cloned().collect::<Vec<_>>()
    });
    assert_eq!(tags, [format!("refs/tags/{tag}")]);
    assert_eq!(repository.releases().len(), 1);
}

#[test]
fn a_model_that_does_not_run_is_no_baseline() {
    let repository = Repository::with(&[(CONFIG_PATH, CONFIG.as_bytes()), (MODEL_PATH, b"\x08\x08nothing")]);
    let tip = repository.fake.tip("main");
    let ran = repository.refresh_on("main", &tip).run().expect("error", 2);
    assert!(ran.log.contains("::error "), "{ran}");
    assert!(repository.releases().is_empty());
}

#[test]
fn a_token_that_may_not_write_says_which_line_is_missing() {
    let repository = Repository::of_committed_model();
    repository.fake.grant(|grants| grants.contents = Level::Read);
    let tip = repository.fake.tip("main");
    let ran = repository.refresh_on("main", &tip).run().expect("error", 2);
    assert!(ran.summary.contains("contents: write"), "{ran}");
}

#[test]
fn old_baselines_go_but_one_a_month_stays() {
    let config = format!("{CONFIG}baseline: {{ keep: 2 }}\n");
    let repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &mlp())]);
    for (key, day, run) in [
        ("default", 20_250_105, 10),
        ("default", 20_250_120, 11),
        ("default", 20_250_210, 12),
        ("default", 20_250_220, 13),
        ("other", 20_250_101, 1),
        ("other", 20_250_102, 2),
        ("other", 20_250_103, 3),
    ] {
        let tag = format!("mlbuild-baseline-{key}-{day}-{run}-1-0123456789ab");
        repository.fake.release(&tag, &User::actions(), &[]);
    }
    let tag = repository.refresh();
    let kept: Vec<String> = repository.releases().into_iter().map(|release| release.tag).collect();
    let expected = [
        "mlbuild-baseline-default-20250120-11-1-0123456789ab",
        "mlbuild-baseline-default-20250220-13-1-0123456789ab",
        "mlbuild-baseline-other-20250101-1-1-0123456789ab",
        "mlbuild-baseline-other-20250102-2-1-0123456789ab",
        "mlbuild-baseline-other-20250103-3-1-0123456789ab",
        tag.as_str(),
    ];
    assert_eq!(kept, expected);
    let tags = repository
        .fake
        .edit(|state| state.refs.keys().filter(|name| name.starts_with("refs/tags/")).count());
    assert_eq!(tags, expected.len(), "a release goes with its tag");
}

#[test]
fn a_branch_of_its_own_has_baselines_of_its_own() {
    let config = format!("{CONFIG}baseline: {{ branches: [main, stable] }}\n");
    let repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &mlp())]);
    let main = repository.refresh();
    let stable = repository.commit(&repository.fake.tip("main"), &[("README.md", b"stable")]);
    repository.fake.branch("stable", &stable);
    let ran = repository
        .refresh_on("stable", &stable)
        .on("stable")
        .run()
        .expect("pass", 0);
    assert_ne!(ran.output("baseline"), main);
    assert_eq!(repository.releases().len(), 2);
}

#[test]
fn a_built_model_is_gated_against_the_newest_baseline_before_its_base() {
    let repository = Repository::of_built_model();
    let tag = repository.refresh();
    repository.push(&[("README.md", b"words")]);
    let base = repository.push(&[("README.md", b"more words")]);
    let proposed = repository.propose(&[(SOURCE_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    assert_eq!(ran.output("baseline"), tag);
    assert!(ran.summary.contains("2 commits earlier"), "{ran}");
    assert!(ran.summary.contains(base.short()), "{ran}");
}
