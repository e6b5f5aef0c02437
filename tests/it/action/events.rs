//! What each event asks for: a gate, a baseline, or nothing.

use super::MODEL_PATH;
use super::Repository;
use super::bloated;
use super::touched;
use crate::support::fake_github::events::Trigger;

#[test]
fn a_merge_group_is_judged_on_its_own_commit_and_not_commented() {
    let repository = Repository::of_committed_model();
    let base = repository.fake.tip("main");
    let head = repository.commit(&base, &[(MODEL_PATH, &bloated())]);
    let trigger = Trigger::Queued {
        head_sha: head.to_string(),
        base_sha: base.to_string(),
    };
    let ran = repository.job(trigger, &head).run().expect("regression", 1);
    let check = repository.check();
    assert_eq!(
        (check.head_sha.as_str(), check.conclusion.as_deref()),
        (head.as_str(), Some("failure"))
    );
    assert!(repository.comments().is_empty());
    assert_eq!(ran.output("comment-url"), "");
}

#[test]
fn a_new_commit_is_judged_on_its_own_check() {
    let repository = Repository::of_committed_model();
    let mut proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    repository.gate(&proposed).run().expect("regression", 1);
    proposed.head = repository.commit(&proposed.head, &[(MODEL_PATH, &touched())]);
    repository
        .fake
        .edit(|state| state.pulls.get_mut(&proposed.pull).unwrap().head_sha = proposed.head.to_string());
    repository
        .job(Trigger::Synchronized(proposed.pull), &proposed.head)
        .run()
        .expect("pass", 0);
    let checks = repository.fake.edit(|state| state.checks.clone());
    assert_eq!(checks.len(), 2);
    assert_eq!(checks[1].head_sha, proposed.head.as_str());
    assert_eq!(checks[1].conclusion.as_deref(), Some("success"));
    assert!(repository.comment().body.contains("No regression"));
}

#[test]
fn pushes_to_other_branches_publish_nothing() {
    let repository = Repository::of_committed_model();
    let head = repository.commit(&repository.fake.tip("main"), &[(MODEL_PATH, &touched())]);
    let ran = repository
        .refresh_on("topic", &head)
        .on("topic")
        .run()
        .expect("skipped", 0);
    assert!(ran.log.contains("publishes no baseline"), "{ran}");
    assert!(repository.releases().is_empty());
}

#[test]
fn a_pull_request_that_would_see_secrets_is_not_run() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let job = repository.gate(&proposed);
    let output = job
        .step(&["action"])
        .env("GITHUB_EVENT_NAME", "pull_request_target")
        .output()
        .unwrap();
    let ran = job.after(output);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("on: pull_request"), "{ran}");
    assert!(repository.fake.log().is_empty());
}

#[test]
fn other_events_are_nobodys_business() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let job = repository.gate(&proposed);
    let output = job
        .step(&["action"])
        .env("GITHUB_EVENT_NAME", "issues")
        .output()
        .unwrap();
    job.after(output).expect("skipped", 0);
    assert!(repository.fake.log().is_empty());
}
