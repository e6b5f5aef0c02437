//! Baselines that are not what they claim to be: refused with the reason, and the check says so.

use mlbuild::digest::Digest;

use super::MODEL_PATH;
use super::Repository;
use super::SOURCE_PATH;
use super::touched;
use crate::support::fake_github::state::Asset;
use crate::support::fake_github::state::Level;
use crate::support::fake_github::state::Run;
use crate::support::fake_github::state::User;

/// A way to forge a baseline, and what is said of it.
type Forgery = (&'static str, fn(&Repository));

fn run(repository: &Repository, change: impl FnOnce(&mut Run)) {
    repository.fake.edit(|state| change(state.runs.get_mut(&7001).unwrap()));
}

fn model_file(repository: &Repository, change: impl FnOnce(&mut Asset)) {
    repository.forge(|release| {
        let file = release.assets.iter_mut().find(|asset| asset.name.ends_with(".onnx"));
        change(file.unwrap());
    });
}

const FORGERIES: &[Forgery] = &[
    ("was uploaded by mallory", |repository| {
        repository.forge(|release| {
            for asset in &mut release.assets {
                asset.uploader = User::person(7, "mallory");
            }
        });
    }),
    ("was uploaded by mallory", |repository| {
        model_file(repository, |file| file.uploader = User::person(7, "mallory"));
    }),
    ("is not what its release says", |repository| {
        model_file(repository, |file| file.stored[1000] ^= 1);
    }),
    ("is not what the manifest says", |repository| {
        model_file(repository, |file| {
            file.stored[1000] ^= 1;
            file.digest = Some(Digest::of(&file.stored));
        });
    }),
    ("the manifest says", |repository| {
        // As on servers that keep no digests.
        model_file(repository, |file| {
            file.stored[1000] ^= 1;
            file.digest = None;
        });
    }),
    ("is not what the manifest says", |repository| {
        model_file(repository, |file| file.size -= 1);
    }),
    ("never wholly uploaded", |repository| {
        model_file(repository, |file| file.complete = false);
    }),
    ("it has no file", |repository| {
        repository.forge(|release| release.assets.retain(|asset| asset.name != "manifest.json"));
    }),
    ("it has no file", |repository| {
        repository.forge(|release| release.assets.retain(|asset| asset.name == "manifest.json"));
    }),
    ("has schema 5", |repository| {
        repository.forge_manifest("\"schema\": 4", "\"schema\": 5")
    }),
    ("the manifest cannot be read", |repository| {
        repository.forge_manifest("\"tool_version\"", "\"version_of_the_tool\"");
    }),
    ("the manifest cannot be read", |repository| {
        repository.forge(|release| {
            let manifest = release.assets.iter_mut().find(|asset| asset.name == "manifest.json");
            let manifest = manifest.unwrap();
            manifest.stored.truncate(manifest.stored.len() / 2);
            manifest.size = manifest.stored.len();
            manifest.digest = Some(Digest::of(&manifest.stored));
        });
    }),
    ("its key is", |repository| {
        repository.forge_manifest("\"key\": \"default\"", "\"key\": \"other\"")
    }),
    ("not by a push to a baseline branch", |repository| {
        run(repository, |run| run.event = "pull_request".to_owned());
    }),
    ("ran on another branch", |repository| {
        run(repository, |run| run.head_branch = "topic".to_owned())
    }),
    ("is no baseline branch", |repository| {
        run(repository, |run| run.head_branch = "topic".to_owned());
        repository.forge_manifest("\"branch\": \"main\"", "\"branch\": \"topic\"");
    }),
    ("the manifest says", |repository| {
        run(repository, |run| run.head_sha = "1".repeat(40))
    }),
    ("the manifest says otherwise", |repository| {
        run(repository, |run| run.path = ".github/workflows/other.yml".to_owned());
    }),
    ("belongs to", |repository| {
        run(repository, |run| {
            run.repository = Some((9, "mallory/models".to_owned()))
        });
    }),
    ("knows no workflow run", |repository| {
        repository.fake.edit(|state| state.runs.remove(&7001));
    }),
    ("name different runs", |repository| {
        repository.forge_manifest("\"run_id\": 7001", "\"run_id\": 7002");
        repository.fake.edit(|state| {
            let run = state.runs[&7001].clone();
            state.runs.insert(7002, run);
        });
    }),
    ("actions: read", |repository| {
        repository.fake.grant(|grants| grants.actions = Level::Nothing)
    }),
];

#[test]
fn without_another_source_a_forged_baseline_is_an_error() {
    let repository = Repository::of_built_model();
    repository.refresh();
    let proposed = repository.propose(&[(SOURCE_PATH, &touched())]);
    let (releases, runs) = repository
        .fake
        .edit(|state| (state.releases.clone(), state.runs.clone()));
    for (number, (reason, forge)) in FORGERIES.iter().enumerate() {
        forge(&repository);
        let ran = repository.gate(&proposed).numbered(8000 + number as u64).run();
        assert_eq!((ran.result(), ran.code), ("error", 2), "{number} {reason}: {ran}");
        let check = repository.fake.edit(|state| state.checks.pop().unwrap());
        assert_eq!(check.conclusion.as_deref(), Some("failure"), "{number} {reason}");
        assert!(check.summary.contains(reason), "{number} {reason}: {}", check.summary);
        repository.fake.edit(|state| {
            state.releases.clone_from(&releases);
            state.runs.clone_from(&runs);
        });
        repository.fake.grant(|grants| grants.actions = Level::Write);
    }
    repository.gate(&proposed).run().expect("pass", 0);
}

#[test]
fn where_git_holds_the_model_a_forged_baseline_is_passed_over_and_said() {
    let repository = Repository::of_committed_model();
    repository.refresh();
    repository.forge_manifest("\"key\": \"default\"", "\"key\": \"other\"");
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("success"));
    assert!(check.summary.contains("its key is"), "{}", check.summary);
    assert!(ran.output("baseline").starts_with("the model at "), "{ran}");
}

#[test]
fn a_refresh_passes_a_forged_baseline_over() {
    let repository = Repository::of_committed_model();
    let forged = repository.refresh();
    repository.forge(|release| {
        for asset in &mut release.assets {
            asset.uploader = User::person(7, "mallory");
        }
    });
    let ran = repository
        .refresh_on("main", &repository.fake.tip("main"))
        .run()
        .expect("pass", 0);
    assert_ne!(ran.output("baseline"), forged, "published anew");
    assert!(ran.log.contains("mallory"), "{ran}");
    assert_eq!(repository.releases().len(), 2);
}
