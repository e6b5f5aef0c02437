//! The sticky comment: ours alone, once, never set back.

use mlbuild::github::GithubError;
use mlbuild::github::Permission;
use mlbuild::github::client::Limits;
use mlbuild::github::identity;
use mlbuild::github::sticky;
use mlbuild::github::sticky::Outcome;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::faults::Canned;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::Grants;
use crate::support::fake_github::state::Level;
use crate::support::fake_github::state::Token;
use crate::support::fake_github::state::User;

use super::KEY;
use super::bodies;
use super::client;
use super::client_with;
use super::marker;
use super::stamp;
use super::upsert;
use super::with_pull;

#[test]
fn the_comment_is_created_once_and_then_updated() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    let client = client(&fake);
    let first = upsert(&client, pull, &stamp(7, 1, &head), "one").unwrap();
    let second = upsert(&client, pull, &stamp(7, 2, &head), "two").unwrap();
    assert_eq!((first.outcome, second.outcome), (Outcome::Created, Outcome::Updated));
    assert_eq!(first.comment.id, second.comment.id);
    assert_eq!(second.current_head, head);
    let expected = format!("<!-- mlbuild:v1 id={KEY} run=7.2 head={head} -->\ntwo");
    assert_eq!(bodies(&fake), [expected]);
}

#[test]
fn another_key_has_its_own_comment() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    let client = client(&fake);
    let own = identity::own(&client).unwrap();
    for key in ["a", "a b-->"] {
        let run = stamp(7, 1, &head);
        let outcome = sticky::upsert(&client, pull, key, &run, "x", &own).unwrap().outcome;
        assert_eq!(outcome, Outcome::Created);
    }
    assert_eq!(bodies(&fake).len(), 2);
}

#[test]
fn a_foreign_comment_with_our_marker_is_left_alone() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    let foreign = marker(99, 1, &head);
    fake.comment(pull.get(), &User::person(5, "mallory"), &foreign);
    let sticky = upsert(&client(&fake), pull, &stamp(7, 1, &head), "ours").unwrap();
    assert_eq!(sticky.outcome, Outcome::Created);
    assert_eq!(bodies(&fake)[0], foreign);
    assert_eq!(bodies(&fake).len(), 2);
}

#[test]
fn our_comment_is_found_on_the_third_page() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    for talk in 0..230 {
        fake.comment(pull.get(), &User::person(5, "octocat"), &format!("talk {talk}"));
    }
    let ours = fake.comment(pull.get(), &User::actions(), &marker(6, 1, &head));
    let sticky = upsert(&client(&fake), pull, &stamp(7, 1, &head), "ours").unwrap();
    assert_eq!((sticky.outcome, sticky.comment.id), (Outcome::Updated, ours));
    assert_eq!(
        fake.count("GET", "/issues/"),
        4,
        "three pages, and the comment once more before it is written"
    );
}

#[test]
fn a_newer_result_stays() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    let newer = marker(8, 1, &head);
    fake.comment(pull.get(), &User::actions(), &newer);
    let sticky = upsert(&client(&fake), pull, &stamp(7, 3, &head), "late").unwrap();
    assert_eq!(sticky.outcome, Outcome::NewerExists);
    assert_eq!(bodies(&fake), [newer]);
}

#[test]
fn a_late_rerun_of_an_old_head_does_not_replace_the_current_heads_result() {
    let fake = FakeGitHub::start();
    let (pull, old) = with_pull(&fake);
    let head = fake.commit(&[&old], &[]);
    fake.edit(|state| state.pulls.get_mut(&pull.get()).unwrap().head_sha = head.to_string());
    fake.comment(pull.get(), &User::actions(), &marker(8, 1, &head));
    let sticky = upsert(&client(&fake), pull, &stamp(9, 1, &old), "about the old head").unwrap();
    assert_eq!(
        (sticky.outcome, sticky.current_head),
        (Outcome::NewerExists, head.clone())
    );
    assert_eq!(bodies(&fake), [marker(8, 1, &head)]);
}

#[test]
fn a_post_that_was_answered_with_502_is_not_repeated() {
    for trouble in [Trouble::DoneBut(502), Trouble::DoneButDrop] {
        let fake = FakeGitHub::start();
        let (pull, head) = with_pull(&fake);
        fake.fault(Fault::at("POST", "/comments", trouble));
        let sticky = upsert(&client(&fake), pull, &stamp(7, 1, &head), "once").unwrap();
        assert_eq!(sticky.outcome, Outcome::Created);
        assert_eq!(bodies(&fake).len(), 1);
        assert_eq!(fake.count("POST", "/comments"), 1);
    }
}

#[test]
fn a_post_that_never_arrived_is_repeated_after_a_look() {
    for trouble in [Trouble::Status(502), Trouble::Drop] {
        let fake = FakeGitHub::start();
        let (pull, head) = with_pull(&fake);
        fake.fault(Fault::at("POST", "/comments", trouble));
        let sticky = upsert(&client(&fake), pull, &stamp(7, 1, &head), "once").unwrap();
        assert_eq!(sticky.outcome, Outcome::Created);
        assert_eq!(bodies(&fake).len(), 1);
        assert_eq!(fake.count("POST", "/comments"), 2);
    }
}

#[test]
fn a_post_in_vain_ends_after_the_policys_attempts() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    fake.fault(Fault::at("POST", "/comments", Trouble::Status(503)).times(4));
    let error = upsert(&client(&fake), pull, &stamp(7, 1, &head), "x").unwrap_err();
    assert!(matches!(error, GithubError::Server { status: 503, .. }), "{error}");
    assert_eq!(fake.count("POST", "/comments"), 4);
}

#[test]
fn duplicates_of_our_own_are_collapsed() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    let kept = fake.comment(pull.get(), &User::actions(), &marker(6, 2, &head));
    fake.comment(pull.get(), &User::actions(), &marker(6, 1, &head));
    fake.comment(pull.get(), &User::actions(), &marker(6, 2, &head));
    let sticky = upsert(&client(&fake), pull, &stamp(7, 1, &head), "new").unwrap();
    assert_eq!((sticky.comment.id, sticky.removed), (kept, 2));
    assert_eq!(bodies(&fake).len(), 1);
}

#[test]
fn a_comment_that_a_person_has_hidden_is_not_revived() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    fake.comment(pull.get(), &User::actions(), &marker(6, 1, &head));
    fake.edit(|state| state.comments[0].hidden = true);
    let sticky = upsert(&client(&fake), pull, &stamp(7, 1, &head), "new").unwrap();
    assert_eq!(sticky.outcome, Outcome::Created);
    assert_eq!(bodies(&fake)[0], marker(6, 1, &head));
}

#[test]
fn a_comment_deleted_while_we_look_is_created_anew() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    fake.comment(pull.get(), &User::actions(), &marker(6, 1, &head));
    fake.fault(Fault::at("GET", "/issues/comments/", Trouble::Status(404)));
    let sticky = upsert(&client(&fake), pull, &stamp(7, 1, &head), "new").unwrap();
    assert_eq!(sticky.outcome, Outcome::Created);
    assert_eq!(sticky.removed, 1, "it was there after all, and older");
    assert_eq!(bodies(&fake).len(), 1);
}

#[test]
fn of_two_runs_that_post_at_once_the_newer_one_stays() {
    for (theirs, outcome, left) in [(8, Outcome::NewerExists, "older"), (6, Outcome::Created, "ours")] {
        let fake = FakeGitHub::start();
        let (pull, head) = with_pull(&fake);
        let other = marker(theirs, 1, &head);
        // Posted after we have read the list, and before we read it again.
        fake.fault(Fault::at(
            "POST",
            "/comments",
            Trouble::meanwhile(move |state| {
                state.add_comment(pull.get(), &User::actions(), &other);
            }),
        ));
        let sticky = upsert(&client(&fake), pull, &stamp(7, 1, &head), "ours").unwrap();
        assert_eq!((sticky.outcome, sticky.removed), (outcome, 1));
        let bodies = bodies(&fake);
        assert!(bodies.len() == 1 && bodies[0].ends_with(left), "{bodies:?}");
    }
}

#[test]
fn a_result_that_arrives_while_we_read_the_list_is_not_overwritten() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    fake.comment(pull.get(), &User::actions(), &marker(6, 1, &head));
    let newer = marker(8, 1, &head);
    let body = newer.clone();
    fake.fault(Fault::at(
        "GET",
        "/pulls/",
        Trouble::meanwhile(move |state| state.comments[0].body.clone_from(&body)),
    ));
    let sticky = upsert(&client(&fake), pull, &stamp(7, 1, &head), "late").unwrap();
    assert_eq!(sticky.outcome, Outcome::NewerExists);
    assert_eq!(bodies(&fake), [newer]);
}

#[test]
fn a_body_beyond_the_limit_is_cut_between_characters() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    upsert(&client(&fake), pull, &stamp(7, 1, &head), &"ü".repeat(70_000)).unwrap();
    let body = bodies(&fake).remove(0);
    assert!(body.len() <= 65_536 && body.ends_with("ü…"), "{}", body.len());
}

#[test]
fn a_wrong_guess_of_who_we_are_is_corrected_by_the_first_answer() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    let app = User {
        id: 77,
        login: "our-app[bot]".to_owned(),
        kind: "Bot",
    };
    fake.add_token(
        "ghs_app",
        Token {
            user: app.clone(),
            grants: Grants::all(Level::Write),
            installation: true,
        },
    );
    fake.edit(|state| state.graphql = false);
    fake.comment(pull.get(), &app, &marker(6, 1, &head));
    let client = client_with(&fake, "ghs_app", Limits::default()).0;
    let sticky = upsert(&client, pull, &stamp(7, 1, &head), "new").unwrap();
    assert_eq!((sticky.outcome, sticky.removed), (Outcome::Created, 1));
    assert!(bodies(&fake).remove(0).ends_with("new"));
}

#[test]
fn a_secondary_rate_limit_is_waited_for_and_the_post_sent_once_more() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    fake.fault(Fault::at("POST", "/comments", Trouble::SecondaryLimit(Some(7))));
    fake.fault(Fault::at("GET", "/pulls/", Trouble::SecondaryLimit(None)));
    // By the server's clock, which is the same here.
    let spent = Canned::json(429, "{}")
        .with("x-ratelimit-remaining", "0")
        .with("x-ratelimit-reset", "1800000020")
        .with("date", "Fri, 15 Jan 2027 08:00:00 GMT");
    fake.fault(Fault::at("GET", "/issues/", Trouble::Answer(spent)));
    let (client, clock) = client_with(&fake, TOKEN, Limits::default());
    let sticky = upsert(&client, pull, &stamp(7, 1, &head), "x").unwrap();
    assert_eq!(sticky.outcome, Outcome::Created);
    assert_eq!(clock.waits(), [21, 60, 7]);
    assert_eq!(bodies(&fake).len(), 1);
}

#[test]
fn a_token_that_may_not_even_read_is_told_to_ask_for_writing() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    fake.grant(|grants| grants.pull_requests = Level::Nothing);
    let error = upsert(&client(&fake), pull, &stamp(7, 1, &head), "x").unwrap_err();
    assert_eq!(error.needs(), Some(Permission::PullRequestsWrite));
}
