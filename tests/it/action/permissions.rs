//! Tokens that may not do everything: what is left out is said with the line that is missing, and the exit code has the verdict.

use super::MODEL_PATH;
use super::Repository;
use super::bloated;
use super::touched;
use crate::support::fake_github::state::Grants;
use crate::support::fake_github::state::Level;

#[test]
fn without_leave_to_comment_everything_else_is_there() {
    let repository = Repository::of_committed_model();
    repository.fake.grant(|grants| grants.pull_requests = Level::Read);
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    assert!(repository.comments().is_empty());
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
    assert!(ran.summary.contains("permissions: { pull-requests: write }"), "{ran}");
    assert!(ran.log.contains("permissions: { pull-requests: write }"), "{ran}");
}

#[test]
fn without_leave_to_write_checks_everything_else_is_there() {
    let repository = Repository::of_committed_model();
    repository.fake.grant(|grants| grants.checks = Level::Nothing);
    let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    let ran = repository.gate(&proposed).run().expect("regression", 1);
    assert!(repository.fake.edit(|state| state.checks.is_empty()));
    assert!(repository.comment().body.contains("❌"));
    assert!(ran.summary.contains("permissions: { checks: write }"), "{ran}");
    assert_eq!(ran.output("check-url"), "");
}

#[test]
fn a_fork_gets_its_verdict_by_exit_code_and_summary() {
    for (model, result, code) in [(touched(), "pass", 0), (bloated(), "regression", 1)] {
        let repository = Repository::of_committed_model();
        let proposed = repository.propose(&[(MODEL_PATH, &model)]);
        repository.fake.edit(|state| {
            state.pulls.get_mut(&proposed.pull).unwrap().fork = Some("mallory/models".to_owned());
        });
        repository.fake.grant(|grants| *grants = Grants::all(Level::Read));
        let ran = repository.gate(&proposed).run().expect(result, code);
        assert!(repository.comments().is_empty() && repository.fake.edit(|state| state.checks.is_empty()));
        assert!(ran.summary.contains("a pull request from a fork never has it"), "{ran}");
        assert!(ran.report.is_some());
    }
}

#[test]
fn without_leave_to_read_there_is_no_verdict() {
    let repository = Repository::of_committed_model();
    repository.fake.grant(|grants| grants.contents = Level::Nothing);
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("error", 2);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    assert!(ran.summary.contains("contents: read"), "{ran}");
}

#[test]
fn a_wrong_token_is_told_so() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository
        .gate(&proposed)
        .input("TOKEN", "ghs_wrong")
        .run()
        .expect("error", 2);
    assert!(ran.stderr.contains("token"), "{ran}");
    assert!(!ran.summary.contains("ghs_wrong") && !ran.log.contains("ghs_wrong") && !ran.stderr.contains("ghs_wrong"));
}
