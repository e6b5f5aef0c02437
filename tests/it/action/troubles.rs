//! A GitHub that stumbles in the middle of a run.

use super::MODEL_PATH;
use super::Repository;
use super::bloated;
use super::touched;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;

#[test]
fn a_stumble_here_and_there_changes_nothing() {
    let repository = Repository::of_committed_model();
    repository.refresh();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    for fault in [
        Fault::at("GET", "/releases", Trouble::Status(502)),
        Fault::at("GET", "/contents/", Trouble::SecondaryLimit(Some(1))),
        Fault::at("GET", "/actions/runs/", Trouble::Drop),
        Fault::at("GET", "/releases/assets/", Trouble::Status(503)),
        Fault::at("POST", "/check-runs", Trouble::DoneBut(502)),
        Fault::at("PATCH", "/check-runs/", Trouble::Status(500)),
        Fault::at("GET", "/comments", Trouble::SecondaryLimit(Some(1))),
        Fault::at("POST", "/comments", Trouble::DoneButDrop),
    ] {
        repository.fake.fault(fault);
    }
    repository.gate(&proposed).run().expect("pass", 0);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
    assert!(repository.comment().body.contains("No regression"));
}

#[test]
fn a_download_that_breaks_off_is_made_again() {
    let repository = Repository::of_committed_model();
    let tag = repository.refresh();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    // The manifest first, then the model: both from storage.
    repository
        .fake
        .fault(Fault::at("GET", "/assets/", Trouble::Truncate(100)).after(1));
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    assert_eq!(ran.output("baseline"), tag);
}

#[test]
fn a_check_that_cannot_be_completed_never_looks_like_a_pass() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    repository
        .fake
        .fault(Fault::at("PATCH", "/check-runs/", Trouble::Status(500)).times(4));
    let job = repository.gate(&proposed);
    let ran = job.run().expect("pass", 1);
    assert_eq!(repository.check().conclusion, None);
    assert!(ran.summary.contains("could not be completed"), "{ran}");
    assert_eq!(job.finalize().code, 0);
    assert_eq!(repository.check().conclusion.as_deref(), Some("cancelled"));
}

#[test]
fn a_comment_that_cannot_be_written_leaves_the_verdict() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    repository
        .fake
        .fault(Fault::at("POST", "/comments", Trouble::SecondaryLimit(Some(3600))));
    let ran = repository.gate(&proposed).run().expect("regression", 1);
    assert!(repository.comments().is_empty());
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    assert!(ran.summary.contains("no comment was written"), "{ran}");
}

#[test]
fn a_github_that_is_down_is_an_error_and_says_so() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    repository
        .fake
        .fault(Fault::at("GET", "/releases", Trouble::Status(503)).times(4));
    let ran = repository.gate(&proposed).run().expect("error", 2);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"));
    assert!(check.summary.contains("503"), "{}", check.summary);
    assert!(ran.summary.contains("could not judge"), "{ran}");
}

#[test]
fn a_check_that_cannot_be_opened_is_an_error_and_says_so() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    repository
        .fake
        .fault(Fault::at("POST", "/check-runs", Trouble::Status(422)));
    let ran = repository.gate(&proposed).run().expect("error", 2);
    assert!(ran.summary.contains("could not judge"), "{ran}");
    assert!(ran.log.contains("::error "), "{ran}");
}
