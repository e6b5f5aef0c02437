//! Answers that are late, lost, cut short, of somebody else, or a plain no.

use super::gate;
use super::settled;
use crate::action::MODEL_PATH;
use crate::action::Repository;
use crate::action::bloated;
use crate::action::touched;
use crate::support::fake_github::faults::Canned;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;

/// One answer of every kind of call is this status, first in a run that creates, then in one that updates.
fn stumble(status: u16) {
    let repository = Repository::of_committed_model();
    repository.refresh();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let fail = |method, place| Fault::at(method, place, Trouble::Status(status));
    for fault in [
        fail("GET", "/contents/"),
        fail("GET", "/releases"),
        fail("GET", "/actions/runs/"),
        fail("GET", "/releases/assets/"),
        // Once at the API, once more, and then where the files lie.
        fail("GET", "/assets/").after(2),
        fail("POST", "/check-runs"),
        fail("PATCH", "/check-runs/"),
        fail("GET", "/comments"),
        fail("GET", "/pulls/"),
        fail("POST", "/comments"),
    ] {
        repository.fake.fault(fault);
    }
    let job = repository.gate(&proposed);
    job.run().expect("pass", 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
    let created = repository.comment();

    repository.fake.fault(fail("GET", "/issues/comments/"));
    repository.fake.fault(fail("PATCH", "/issues/comments/"));
    repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    let updated = repository.comment();
    assert_eq!(updated.id, created.id);
    assert_ne!(updated.body, created.body, "it names the second run");
}

#[test]
fn a_500_to_every_call_once() {
    stumble(500);
}

#[test]
fn a_502_to_every_call_once() {
    stumble(502);
}

#[test]
fn a_503_to_every_call_once() {
    stumble(503);
}

#[test]
fn a_504_to_every_call_once() {
    stumble(504);
}

#[test]
fn a_503_to_every_call_of_a_refresh_once() {
    let repository = Repository::of_committed_model();
    for (method, place) in [
        ("POST", "/graphql"),
        ("GET", "/releases"),
        ("POST", "/git/trees"),
        ("POST", "/git/commits"),
        ("POST", "/git/refs"),
        ("POST", "/models/releases"),
        ("POST", "/assets"),
        ("PATCH", "/releases/"),
    ] {
        repository.fake.fault(Fault::at(method, place, Trouble::Status(503)));
    }
    let tag = repository.refresh();
    let releases = repository.releases();
    assert_eq!(releases.len(), 1, "{releases:#?}");
    assert!(releases[0].tag == tag && !releases[0].draft);
}

#[test]
fn a_page_for_people_instead_of_json_is_asked_for_again() {
    let (repository, proposed) = gate();
    for place in ["/releases", "/contents/", "/comments", "/pulls/"] {
        repository
            .fake
            .fault(Fault::at("GET", place, Trouble::Answer(Canned::html(200))));
    }
    repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
    repository.comment();
}

#[test]
fn a_page_for_people_that_stays_is_an_error_and_named() {
    let (repository, proposed) = gate();
    let page = Trouble::Answer(Canned::html(200));
    repository.fake.fault(Fault::at("GET", "/releases", page).times(4));
    let ran = repository.gate(&proposed).run().expect("error", 2);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    assert!(ran.summary.contains("cannot read the answer to"), "{ran}");
    assert!(repository.comments().is_empty());
}

#[test]
fn a_page_for_people_with_a_status_of_failure_is_a_failure() {
    let (repository, proposed) = gate();
    let page = Trouble::Answer(Canned::html(503));
    repository.fake.fault(Fault::at("GET", "/releases", page).times(4));
    let ran = repository.gate(&proposed).run().expect("error", 2);
    settled(&repository);
    assert!(ran.summary.contains("status 503"), "{ran}");
    assert!(!ran.summary.contains("<html>"), "{ran}");
}

#[test]
fn an_answer_compressed_unasked_is_an_error_and_named() {
    let (repository, proposed) = gate();
    let mut canned = Canned::json(200, "").with("content-encoding", "gzip");
    canned.body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let fault = Fault::at("GET", "/releases", Trouble::Answer(canned)).times(4);
    repository.fake.fault(fault);
    let ran = repository.gate(&proposed).run().expect("error", 2);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    assert!(ran.summary.contains("cannot read the answer to"), "{ran}");
}

#[test]
fn a_comment_whose_answer_was_a_page_for_people_is_not_posted_twice() {
    let (repository, proposed) = gate();
    let page = Trouble::DoneButAnswer(Canned::html(200));
    repository.fake.fault(Fault::at("POST", "/comments", page));
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    assert_eq!(repository.fake.count("POST", "/comments"), 1);
    let comment = repository.comment();
    assert!(ran.output("comment-url").ends_with(&comment.id.to_string()), "{ran}");
}

#[test]
fn a_comment_whose_answer_was_cut_short_is_not_posted_twice() {
    let (repository, proposed) = gate();
    let cut = Trouble::DoneButAnswer(Canned::json(201, "{\"id\": 1, \"bod"));
    repository.fake.fault(Fault::at("POST", "/comments", cut));
    repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    assert_eq!(repository.fake.count("POST", "/comments"), 1);
    repository.comment();
}

#[test]
fn a_check_run_whose_answer_was_empty_is_not_opened_twice() {
    let (repository, proposed) = gate();
    let mut empty = Canned::json(204, "");
    empty.content_type = "";
    let fault = Fault::at("POST", "/check-runs", Trouble::DoneButAnswer(empty));
    repository.fake.fault(fault);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("success"));
    assert!(ran.output("check-url").ends_with(&check.id.to_string()), "{ran}");
}

#[test]
fn a_list_that_breaks_off_is_read_again() {
    let (repository, proposed) = gate();
    for place in ["/releases", "/contents/", "/comments"] {
        repository.fake.fault(Fault::at("GET", place, Trouble::Truncate(1)));
    }
    repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    repository.comment();
}

#[test]
fn a_completed_check_run_is_not_taken_back_because_its_answer_was_lost() {
    let (repository, proposed) = gate();
    let fault = Fault::at("PATCH", "/check-runs/", Trouble::DoneBut(502)).times(4);
    repository.fake.fault(fault);
    let job = repository.gate(&proposed);
    // Nobody knows that it arrived, so the job fails; the step that follows looks.
    job.run().expect("pass", 1);
    assert_eq!(job.finalize().code, 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
    assert_eq!(repository.fake.count("PATCH", "/check-runs/"), 4);
}

#[test]
fn a_comment_that_github_finds_too_long_leaves_the_verdict() {
    let (repository, proposed) = gate();
    let refusal = r#"{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"Body is too long (maximum is 65536 characters)"}]}"#;
    let fault = Fault::at("POST", "/comments", Trouble::Answer(Canned::json(422, refusal)));
    repository.fake.fault(fault);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
    assert!(repository.comments().is_empty());
    assert!(ran.summary.contains("Body is too long"), "{ran}");
}

#[test]
fn a_report_that_github_declines_leaves_the_conclusion() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    let refusal = r#"{"message":"Invalid request.\n\nOnly 65535 characters are allowed; 70000 were supplied."}"#;
    // With its annotations, and without them.
    let fault = Fault::at("PATCH", "/check-runs/", Trouble::Answer(Canned::json(422, refusal))).times(2);
    repository.fake.fault(fault);
    let ran = repository.gate(&proposed).run().expect("regression", 1);
    settled(&repository);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"));
    assert!(check.summary.contains("did not take the report"), "{}", check.summary);
    assert!(ran.summary.contains("Only 65535 characters"), "{ran}");
}

#[test]
fn a_locked_conversation_is_not_called_a_missing_permission() {
    let (repository, proposed) = gate();
    let refusal = r#"{"message":"Unable to create comment because issue is locked."}"#;
    let fault = Fault::at("POST", "/comments", Trouble::Answer(Canned::json(403, refusal)));
    repository.fake.fault(fault);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
    assert!(ran.summary.contains("issue is locked"), "{ran}");
    assert!(!ran.summary.contains("permissions:"), "{ran}");
}

#[test]
fn a_pull_request_that_is_gone_leaves_check_and_exit_code() {
    let (repository, proposed) = gate();
    let fault = Fault::at("GET", "/comments", Trouble::Status(404));
    repository.fake.fault(fault);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
    assert!(ran.summary.contains("no comment was written"), "{ran}");
    assert_eq!(ran.output("comment-url"), "");
}
