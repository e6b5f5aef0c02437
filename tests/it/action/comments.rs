//! The one comment of a pull request: found by marker and author, never set back, and only where it is wanted.

use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::Proposed;
use super::Repository;
use super::bloated;
use super::mlp;
use super::touched;
use crate::support::fake_github::state::User;

fn marked(run: u64, proposed: &Proposed) -> String {
    format!(
        "<!-- mlbuild:v1 id=default run={run}.1 head={} -->\nolder",
        proposed.head
    )
}

#[test]
fn an_own_comment_on_the_third_page_is_brought_up_to_date() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    for number in 0..230 {
        repository
            .fake
            .comment(proposed.pull, &User::person(5, "octocat"), &format!("remark {number}"));
    }
    let own = repository
        .fake
        .comment(proposed.pull, &User::actions(), &marked(6000, &proposed));
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    let comments = repository.comments();
    assert_eq!(comments.len(), 231);
    let standing = comments.iter().find(|comment| comment.id == own).unwrap();
    assert!(
        standing.body.contains("run=7001.1") && standing.body.contains("No regression"),
        "{}",
        standing.body
    );
    assert!(ran.output("comment-url").ends_with(&own.to_string()), "{ran}");
}

#[test]
fn a_foreign_comment_with_our_marker_is_left_alone() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let foreign = marked(9999, &proposed);
    repository
        .fake
        .comment(proposed.pull, &User::person(5, "mallory"), &foreign);
    repository.gate(&proposed).run().expect("pass", 0);
    let comments = repository.comments();
    assert_eq!(comments.len(), 2);
    assert_eq!(comments[0].body, foreign);
    assert!(comments[1].body.contains("No regression"));
}

#[test]
fn a_newer_runs_comment_stays_and_the_verdict_stands_on_its_own_check() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    let newer = marked(9999, &proposed);
    let id = repository.fake.comment(proposed.pull, &User::actions(), &newer);
    let ran = repository.gate(&proposed).run().expect("regression", 1);
    assert_eq!(repository.comment().body, newer);
    assert!(ran.output("comment-url").ends_with(&id.to_string()), "{ran}");
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
}

#[test]
fn a_second_attempt_replaces_the_first_ones_words() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    repository.gate(&proposed).numbered(7001).run().expect("pass", 0);
    repository
        .gate(&proposed)
        .numbered(7001)
        .attempt(2)
        .run()
        .expect("pass", 0);
    assert!(repository.comment().body.contains("run=7001.2"));
    assert_eq!(repository.fake.edit(|state| state.checks.len()), 2);
}

#[test]
fn nobody_is_bothered_who_did_not_ask() {
    let repository = Repository::of_committed_model();
    let passing = repository.propose(&[(MODEL_PATH, &touched())]);
    let unchanged = repository.propose(&[("README.md", b"words")]);
    repository
        .gate(&passing)
        .input("COMMENT", "never")
        .run()
        .expect("pass", 0);
    repository
        .gate(&passing)
        .input("COMMENT", "regression")
        .run()
        .expect("pass", 0);
    repository
        .gate(&unchanged)
        .input("COMMENT", "changed")
        .run()
        .expect("skipped", 0);
    assert!(repository.comments().is_empty());
    repository
        .gate(&passing)
        .input("COMMENT", "changed")
        .run()
        .expect("pass", 0);
    assert_eq!(repository.comment().pull, passing.pull);
}

#[test]
fn who_was_told_of_a_regression_is_told_of_its_end() {
    let config = format!("{CONFIG}comment: {{ when: regression }}\n");
    let repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &mlp())]);
    let mut proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    repository.gate(&proposed).run().expect("regression", 1);
    assert!(repository.comment().body.contains("❌"));
    proposed.head = repository.commit(&proposed.head, &[(MODEL_PATH, &touched())]);
    repository
        .fake
        .edit(|state| state.pulls.get_mut(&proposed.pull).unwrap().head_sha = proposed.head.to_string());
    repository.gate(&proposed).run().expect("pass", 0);
    assert!(repository.comment().body.contains("✅"));
}

#[test]
fn what_an_earlier_run_said_does_not_outlive_a_run_that_cannot_judge() {
    let repository = Repository::of_committed_model();
    let mut proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    repository.gate(&proposed).run().expect("pass", 0);
    assert!(repository.comment().body.contains("No regression"));
    proposed.head = repository.commit(&proposed.head, &[(CONFIG_PATH, b"version: 1\nmodel: x\n")]);
    repository
        .fake
        .edit(|state| state.pulls.get_mut(&proposed.pull).unwrap().head_sha = proposed.head.to_string());
    repository.gate(&proposed).run().expect("error", 2);
    let body = repository.comment().body;
    assert!(
        body.contains("could not judge") && !body.contains("No regression"),
        "{body}"
    );
    assert!(body.contains(proposed.head.as_str()), "{body}");
}
