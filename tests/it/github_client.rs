//! The GitHub client against the stateful fake: what goes right, and everything that goes wrong on the way.

use std::fs;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::SystemTime;

use mlbuild::digest::Digest;
use mlbuild::files::write_atomic;
use mlbuild::github::Client;
use mlbuild::github::CommitSha;
use mlbuild::github::GithubError;
use mlbuild::github::Permission;
use mlbuild::github::PrNumber;
use mlbuild::github::asset;
use mlbuild::github::asset::Content;
use mlbuild::github::check_run;
use mlbuild::github::check_run::Annotation;
use mlbuild::github::check_run::Conclusion;
use mlbuild::github::check_run::Level as AnnotationLevel;
use mlbuild::github::check_run::NewCheckRun;
use mlbuild::github::check_run::Output;
use mlbuild::github::client::Limits;
use mlbuild::github::comment;
use mlbuild::github::contents;
use mlbuild::github::event::Event;
use mlbuild::github::git;
use mlbuild::github::git::Relation;
use mlbuild::github::identity;
use mlbuild::github::identity::Account;
use mlbuild::github::pull;
use mlbuild::github::release;
use mlbuild::github::release::NewRelease;
use mlbuild::github::release::Release;
use mlbuild::github::retry::Clock;
use mlbuild::github::sticky;
use mlbuild::github::sticky::Outcome;
use mlbuild::github::sticky::RunStamp;
use mlbuild::github::sticky::Sticky;
use mlbuild::github::workflow_run;
use mlbuild::hint::Hint as _;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::Grants;
use crate::support::fake_github::state::Level;
use crate::support::fake_github::state::Token;
use crate::support::fake_github::state::User;

const KEY: &str = ".mlbuild.yml/gate";

/// Time that passes by being asked to.
#[derive(Debug, Default)]
struct Skipping(Mutex<Vec<u64>>);

impl Skipping {
    fn waits(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }
}

impl Clock for Skipping {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn sleep(&self, wait: Duration) {
        self.0.lock().unwrap().push(wait.as_secs());
    }
}

fn client_with(fake: &FakeGitHub, token: &str, limits: Limits) -> (Client, Arc<Skipping>) {
    let clock = Arc::new(Skipping::default());
    let repo = "acme/models".parse().unwrap();
    let client = Client::with_limits(&fake.api_url(), None, token, repo, limits).unwrap();
    (client.with_clock(clock.clone()), clock)
}

fn client(fake: &FakeGitHub) -> Client {
    client_with(fake, TOKEN, Limits::default()).0
}

/// A pull request with one commit on its branch.
fn with_pull(fake: &FakeGitHub) -> (PrNumber, CommitSha) {
    let head = fake.commit(&[&fake.tip("main")], &[]);
    let number = fake.pull_request(&head);
    (number.try_into().unwrap(), head)
}

fn stamp(run_id: u64, attempt: u64, head: &CommitSha) -> RunStamp {
    RunStamp {
        run_id,
        attempt,
        head_sha: head.clone(),
    }
}

fn marker(run_id: u64, attempt: u64, head: &CommitSha) -> String {
    format!("<!-- mlbuild:v1 id={KEY} run={run_id}.{attempt} head={head} -->\nolder")
}

fn upsert(client: &Client, pull: PrNumber, run: &RunStamp, body: &str) -> Result<Sticky, GithubError> {
    sticky::upsert(client, pull, KEY, run, body, &identity::own(client)?)
}

fn bodies(fake: &FakeGitHub) -> Vec<String> {
    fake.edit(|state| state.comments.iter().map(|comment| comment.body.clone()).collect())
}

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
fn who_we_are_is_asked_in_three_ways() {
    let fake = FakeGitHub::start();
    let actions = User::actions();
    let own = |token: &str| identity::own(&client_with(&fake, token, Limits::default()).0).unwrap();
    assert_eq!(
        own(TOKEN),
        Account {
            login: actions.login.clone(),
            id: Some(actions.id)
        }
    );
    let person = User::person(5, "octocat");
    let grants = Grants::all(Level::Write);
    fake.add_token(
        "ghp_person",
        Token {
            user: person,
            grants,
            installation: false,
        },
    );
    fake.edit(|state| state.graphql = false);
    assert_eq!(
        own("ghp_person"),
        Account {
            login: "octocat".to_owned(),
            id: Some(5)
        }
    );
    assert_eq!(
        own(TOKEN),
        Account {
            login: actions.login,
            id: None
        }
    );
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
    fake.fault(Fault::at("GET", "/issues/", Trouble::PrimaryLimit(1_800_000_020)));
    let (client, clock) = client_with(&fake, TOKEN, Limits::default());
    let sticky = upsert(&client, pull, &stamp(7, 1, &head), "x").unwrap();
    assert_eq!(sticky.outcome, Outcome::Created);
    assert_eq!(clock.waits(), [21, 60, 7]);
    assert_eq!(bodies(&fake).len(), 1);
}

#[test]
fn a_rate_limit_for_an_hour_is_not_waited_for() {
    let fake = FakeGitHub::start();
    fake.fault(Fault::at(
        "GET",
        "/repos/acme/models",
        Trouble::SecondaryLimit(Some(3600)),
    ));
    let (client, clock) = client_with(&fake, TOKEN, Limits::default());
    let error = workflow_run::repository(&client).unwrap_err();
    assert!(matches!(error, GithubError::RateLimited { .. }), "{error}");
    assert!(clock.waits().is_empty());
}

#[test]
fn reads_survive_5xx_and_dropped_connections() {
    let fake = FakeGitHub::start();
    let place = "/repos/acme/models";
    fake.fault(Fault::at("GET", place, Trouble::Status(502)));
    fake.fault(Fault::at("GET", place, Trouble::Drop).after(1));
    let (client, clock) = client_with(&fake, TOKEN, Limits::default());
    assert_eq!(workflow_run::repository(&client).unwrap().default_branch, "main");
    assert_eq!(clock.waits(), [1, 2]);
}

#[test]
fn a_silent_server_is_given_up() {
    let fake = FakeGitHub::start();
    fake.fault(Fault::at("GET", "/repos/acme/models", Trouble::Delay(Duration::from_secs(2))).times(4));
    let limits = Limits {
        answer: Duration::from_millis(30),
        ..Limits::default()
    };
    let error = workflow_run::repository(&client_with(&fake, TOKEN, limits).0).unwrap_err();
    assert!(matches!(error, GithubError::Timeout { .. }), "{error}");
}

#[test]
fn an_answer_that_is_not_githubs_is_named() {
    let fake = FakeGitHub::start();
    for body in ["<html>login</html>", "{}", "[]", ""] {
        fake.fault(Fault::at("GET", "/repos/acme/models", Trouble::Body(body.to_owned())));
        let error = workflow_run::repository(&client(&fake)).unwrap_err();
        assert!(matches!(error, GithubError::Body { .. }), "{body}: {error}");
        assert_eq!(error.to_string(), "cannot read the answer to `GET /repos/acme/models`");
        fake.edit(|state| state.faults.clear());
    }
}

#[test]
fn an_answer_beyond_the_cap_is_not_read_to_its_end() {
    let fake = FakeGitHub::start();
    let limits = Limits {
        json_bytes: 100,
        ..Limits::default()
    };
    let error = workflow_run::repository(&client_with(&fake, TOKEN, limits).0).unwrap_err();
    assert!(matches!(error, GithubError::TooLarge { limit: 100, .. }), "{error}");
}

#[test]
fn a_token_without_permission_names_the_line_that_grants_it() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    fake.grant(|grants| *grants = Grants::all(Level::Read));
    let client = client(&fake);
    let check = NewCheckRun {
        name: "mlbuild / ci".to_owned(),
        head_sha: head.clone(),
        external_id: "1".to_owned(),
        details_url: None,
    };
    let draft = NewRelease {
        tag_name: "t".to_owned(),
        name: "t".to_owned(),
        body: String::new(),
    };
    let errors = [
        upsert(&client, pull, &stamp(7, 1, &head), "x").unwrap_err(),
        check_run::create(&client, &check, &Output::default()).unwrap_err(),
        release::create_draft(&client, &draft).unwrap_err(),
    ];
    let needs: Vec<_> = errors.iter().filter_map(GithubError::needs).collect();
    assert_eq!(
        needs,
        [
            Permission::PullRequestsWrite,
            Permission::ChecksWrite,
            Permission::ContentsWrite
        ]
    );
    assert_eq!(
        errors[0].to_string(),
        format!(
            "the token may not `POST /repos/acme/models/issues/{pull}/comments`: Resource not accessible by integration"
        )
    );
    assert!(errors[0].hints()[0].contains("`pull-requests: write` under `permissions:`"));
    assert!(errors[1].hints()[0].contains("`checks: write`"));
    assert!(errors[2].hints()[0].contains("`contents: write`"));
}

#[test]
fn a_bad_token_is_said_and_never_shown() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    let client = client_with(&fake, "ghp_topsecret", Limits::default()).0;
    let error = upsert(&client, pull, &stamp(7, 1, &head), "x").unwrap_err();
    assert!(matches!(error, GithubError::Unauthorized { .. }), "{error}");
    for text in [format!("{error:?}"), format!("{error}"), format!("{client:?}")] {
        assert!(!text.contains("topsecret"), "{text}");
    }
}

fn new_check(head: &CommitSha) -> NewCheckRun {
    NewCheckRun {
        name: "mlbuild / ci".to_owned(),
        head_sha: head.clone(),
        external_id: "v1:2:ci:7.1".to_owned(),
        details_url: Some("https://github.com/acme/models/actions/runs/7".to_owned()),
    }
}

fn output(annotations: usize) -> Output {
    let annotation = |line: usize| Annotation {
        path: ".mlbuild.yml".to_owned(),
        start_line: line as u64,
        end_line: line as u64,
        annotation_level: AnnotationLevel::Warning,
        message: "slower".to_owned(),
        title: Some("p50".to_owned()),
    };
    Output {
        title: "slower".to_owned(),
        summary: "ü".repeat(50_000),
        text: Some("details".to_owned()),
        annotations: (1..=annotations).map(annotation).collect(),
    }
}

#[test]
fn a_check_run_with_120_annotations_is_completed_in_three_requests() {
    let fake = FakeGitHub::start();
    let (_, head) = with_pull(&fake);
    let client = client(&fake);
    let created = check_run::create(&client, &new_check(&head), &output(0)).unwrap();
    assert_eq!(created.status, "in_progress");
    let completed = check_run::complete(&client, created.id, Conclusion::Failure, &output(120)).unwrap();
    assert_eq!(completed.check_run.conclusion.as_deref(), Some("failure"));
    assert!(completed.annotations_refused.is_none());
    assert_eq!(fake.count("PATCH", "/check-runs/"), 3);
    fake.edit(|state| {
        let lines: Vec<u64> = state.checks[0]
            .annotations
            .iter()
            .map(|annotation| annotation["start_line"].as_u64().unwrap())
            .collect();
        assert_eq!(lines, (1..=120).collect::<Vec<_>>());
        assert_eq!(state.checks[0].text.as_deref(), Some("details"));
        assert!(state.checks[0].summary.len() <= 65_535 && state.checks[0].summary.ends_with('…'));
    });
}

#[test]
fn annotations_are_not_doubled_by_a_broken_answer() {
    let fake = FakeGitHub::start();
    let (_, head) = with_pull(&fake);
    let client = client(&fake);
    let created = check_run::create(&client, &new_check(&head), &output(0)).unwrap();
    fake.fault(Fault::at("PATCH", "/check-runs/", Trouble::DoneBut(502)));
    fake.fault(Fault::at("PATCH", "/check-runs/", Trouble::Drop).after(1));
    let completed = check_run::complete(&client, created.id, Conclusion::Success, &output(60)).unwrap();
    assert!(completed.annotations_refused.is_none());
    assert_eq!(fake.edit(|state| state.checks[0].annotations.len()), 60);
}

#[test]
fn declined_annotations_do_not_keep_the_conclusion_away() {
    let fake = FakeGitHub::start();
    let (_, head) = with_pull(&fake);
    let client = client(&fake);
    let created = check_run::create(&client, &new_check(&head), &output(0)).unwrap();
    let mut wrong = output(60);
    wrong.annotations[3].path = "/etc/passwd".to_owned();
    let completed = check_run::complete(&client, created.id, Conclusion::Neutral, &wrong).unwrap();
    assert!(completed.annotations_refused.is_some());
    assert_eq!(
        fake.edit(|state| state.checks[0].conclusion.clone()).as_deref(),
        Some("neutral")
    );
}

#[test]
fn a_check_run_is_created_once_although_the_answer_was_lost() {
    let fake = FakeGitHub::start();
    let (_, head) = with_pull(&fake);
    fake.fault(Fault::at("POST", "/check-runs", Trouble::DoneBut(500)));
    let client = client(&fake);
    let created = check_run::create(&client, &new_check(&head), &output(0)).unwrap();
    assert_eq!(fake.edit(|state| state.checks.len()), 1);
    let shown = check_run::update(&client, created.id, &output(0)).unwrap();
    assert_eq!((shown.id, shown.status.as_str()), (created.id, "in_progress"));
    assert_eq!(check_run::get(&client, created.id).unwrap(), shown);
    let other = NewCheckRun {
        external_id: "v1:2:ci:8.1".to_owned(),
        ..new_check(&head)
    };
    assert_eq!(check_run::find(&client, &other).unwrap(), None);
}

fn draft(client: &Client, tag: &str) -> Release {
    let new = NewRelease {
        tag_name: tag.to_owned(),
        name: "a baseline".to_owned(),
        body: "text".to_owned(),
    };
    release::create_draft(client, &new).unwrap()
}

fn bytes(content: &[u8]) -> Content {
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
fn a_call_of_the_api_is_not_redirected_to_another_host() {
    let fake = FakeGitHub::start();
    let storage = fake.edit(|state| state.storage.clone());
    fake.fault(Fault::at(
        "GET",
        "/repos/acme/models",
        Trouble::Redirect(format!("{storage}/x")),
    ));
    let error = workflow_run::repository(&client(&fake)).unwrap_err();
    assert!(matches!(error, GithubError::Url { .. }), "{error}");
    assert!(fake.log().iter().all(|logged| logged.origin != "storage"));
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

#[test]
fn an_own_server_has_everything_below_one_host() {
    let fake = FakeGitHub::start_enterprise();
    let (pull, head) = with_pull(&fake);
    let client = client(&fake);
    assert!(fake.api_url().ends_with("/api/v3"));
    upsert(&client, pull, &stamp(7, 1, &head), "x").unwrap();
    let made = draft(&client, "b");
    let asset = asset::upload(&client, &made, "m", &bytes(b"weights")).unwrap();
    assert_eq!(asset::download(&client, &asset, 100).unwrap().0, b"weights");
    assert_eq!(fake.count("POST", "/api/uploads/repos/acme/models/releases/"), 1);
    assert_eq!(fake.count("POST", "/api/graphql"), 1);
    for talk in 0..150 {
        fake.comment(pull.get(), &User::person(5, "octocat"), &format!("talk {talk}"));
    }
    assert_eq!(
        comment::list(&client, pull).unwrap().len(),
        151,
        "the next page lies below the same base"
    );
}

#[test]
fn commits_are_compared() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let base = fake.tip("main");
    let one = fake.commit(&[&base], &[]);
    let two = fake.commit(&[&one], &[]);
    let side = fake.commit(&[&base], &[]);
    let compare = |from: &CommitSha, to: &CommitSha| {
        let compared = git::compare(&client, from, to).unwrap().unwrap();
        (
            compared.relation,
            compared.ahead_by,
            compared.behind_by,
            compared.merge_base,
        )
    };
    assert_eq!(compare(&base, &two), (Relation::Ahead, 2, 0, base.clone()));
    assert_eq!(compare(&two, &one), (Relation::Behind, 0, 1, one.clone()));
    assert_eq!(compare(&side, &two), (Relation::Diverged, 2, 1, base.clone()));
    assert_eq!(compare(&two, &two), (Relation::Identical, 0, 0, two.clone()));
    let unknown: CommitSha = "f".repeat(40).parse().unwrap();
    assert_eq!(git::compare(&client, &base, &unknown).unwrap(), None);
}

#[test]
fn a_file_is_read_as_it_was_at_a_commit() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
    let large = vec![7; 2_000_000];
    let at = fake.commit(&[], &[("models/a b#1.onnx", &large), ("p.onnx", pointer)]);
    let read = |path: &str, limit| contents::at(&client, path, &at, limit);
    let file = read("models/a b#1.onnx", 3_000_000).unwrap().unwrap();
    assert!(!file.is_lfs_pointer());
    assert_eq!(file.bytes, large);
    assert!(read("p.onnx", 1000).unwrap().unwrap().is_lfs_pointer());
    assert_eq!(read("gone.onnx", 1000).unwrap(), None);
    assert!(matches!(
        read("models/a b#1.onnx", 1000),
        Err(GithubError::TooLarge { .. })
    ));
}

#[test]
fn a_run_says_where_it_ran() {
    let fake = FakeGitHub::start();
    let client = client(&fake);
    fake.run(42, "push", &fake.tip("main"));
    let run = workflow_run::get(&client, 42).unwrap();
    assert_eq!(
        (run.event.as_str(), run.workflow_path()),
        ("push", ".github/workflows/mlbuild.yml")
    );
    assert_eq!(run.head_sha, fake.tip("main"));
    assert_eq!(run.repository.id, workflow_run::repository(&client).unwrap().id);
    assert!(workflow_run::get(&client, 43).unwrap_err().is_not_found());
    fake.grant(|grants| grants.actions = Level::Nothing);
    assert_eq!(
        workflow_run::get(&client, 42).unwrap_err().needs(),
        Some(Permission::ActionsRead)
    );
}

#[test]
fn a_forks_pull_request_is_found_by_branch_and_head() {
    let fake = FakeGitHub::start();
    let (number, head) = with_pull(&fake);
    fake.edit(|state| state.pulls.get_mut(&number.get()).unwrap().fork = Some("stranger/models".to_owned()));
    let client = client(&fake);
    let found = pull::open_with_head(&client, "stranger", "topic", &head).unwrap();
    assert_eq!(found.iter().map(|pull| pull.number).collect::<Vec<_>>(), [number]);
    assert_eq!(found[0].head_repository.as_deref(), Some("stranger/models"));
    assert!(
        pull::open_with_head(&client, "acme", "topic", &head)
            .unwrap()
            .is_empty()
    );
    assert!(
        pull::open_with_head(&client, "stranger", "topic", &fake.tip("main"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn real_payloads_are_read() {
    let fake = FakeGitHub::start();
    let (number, head) = with_pull(&fake);
    let base = fake.tip("main");
    fake.run(42, "pull_request", &head);
    let folder = tempfile::tempdir().unwrap();
    let read = |trigger: &Trigger| Event::read(trigger.name(), &fake.event_file(folder.path(), trigger)).unwrap();
    for trigger in [Trigger::Opened(number.get()), Trigger::Synchronized(number.get())] {
        let Event::PullRequest(pull) = read(&trigger) else {
            panic!()
        };
        assert_eq!((pull.number, &pull.head_sha, &pull.base_sha), (number, &head, &base));
        assert!(!pull.head_repo_is_fork && !pull.target);
        assert_eq!(
            (pull.base_ref.as_str(), pull.title.as_deref()),
            ("main", Some("a faster model"))
        );
    }
    fake.edit(|state| state.pulls.get_mut(&number.get()).unwrap().fork = Some("stranger/models".to_owned()));
    let Event::PullRequest(pull) = read(&Trigger::Opened(number.get())) else {
        panic!()
    };
    assert!(pull.head_repo_is_fork);
    let Event::Push(push) = read(&Trigger::Pushed {
        branch: "main".to_owned(),
        sha: head.to_string(),
    }) else {
        panic!()
    };
    assert_eq!(
        (&push.sha, push.before.as_ref(), push.is_default()),
        (&head, Some(&base), true)
    );
    let queued = Trigger::Queued {
        head_sha: head.to_string(),
        base_sha: base.to_string(),
    };
    let Event::MergeGroup(group) = read(&queued) else {
        panic!()
    };
    assert_eq!(
        (&group.head_sha, &group.base_sha, group.base_ref.as_str()),
        (&head, &base, "refs/heads/main")
    );
    let Event::WorkflowRun(run) = read(&Trigger::Completed(42)) else {
        panic!()
    };
    assert_eq!((run.id, run.event.as_str(), &run.head_sha), (42, "pull_request", &head));
    assert_eq!(run.repository_id, fake.edit(|state| state.repo_id));
    assert!(matches!(
        read(&Trigger::Dispatched),
        Event::WorkflowDispatch { reference: Some(_) }
    ));
    assert_eq!(read(&Trigger::Scheduled), Event::Schedule);
}

#[test]
fn a_jobs_environment_names_its_event() {
    let fake = FakeGitHub::start_enterprise();
    let (number, _) = with_pull(&fake);
    let folder = tempfile::tempdir().unwrap();
    let variables = fake.environment(folder.path(), &Trigger::Opened(number.get()), 7, 2);
    let value = |name: &str| {
        variables
            .iter()
            .find(|(variable, _)| variable == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(value("GITHUB_EVENT_NAME"), Some("pull_request"));
    assert_eq!(value("GITHUB_RUN_ATTEMPT"), Some("2"));
    assert!(value("GITHUB_GRAPHQL_URL").unwrap().ends_with("/api/graphql"));
    assert!(fs::metadata(value("GITHUB_EVENT_PATH").unwrap()).is_ok());
}

#[test]
fn the_fake_sees_what_must_not_be() {
    let fake = FakeGitHub::start();
    fake.fault(Fault::at("GET", "/never", Trouble::Drop));
    let foreign = "acme/other".parse().unwrap();
    let client = Client::new(&fake.api_url(), None, TOKEN, foreign).unwrap();
    assert!(workflow_run::repository(&client).is_err());
    let problems = fake.problems().join("\n");
    assert!(problems.contains("another repository"), "{problems}");
    assert!(problems.contains("hit 0 of 1 times"), "{problems}");
    fake.edit(|state| {
        state.problems.clear();
        state.faults.clear();
    });
}
