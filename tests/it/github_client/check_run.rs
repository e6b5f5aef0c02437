//! Check runs: once, completed, annotated in batches.

use mlbuild::github::CommitSha;
use mlbuild::github::check_run;
use mlbuild::github::check_run::Annotation;
use mlbuild::github::check_run::Conclusion;
use mlbuild::github::check_run::Level as AnnotationLevel;
use mlbuild::github::check_run::NewCheckRun;
use mlbuild::github::check_run::Output;
use mlbuild::github::client::Limits;
use mlbuild::github::identity;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::Grants;
use crate::support::fake_github::state::Level;
use crate::support::fake_github::state::Token;
use crate::support::fake_github::state::User;

use super::client;
use super::client_with;
use super::with_pull;

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

#[test]
fn who_made_a_check_run_is_not_asked_again() {
    let fake = FakeGitHub::start();
    let (_, head) = with_pull(&fake);
    let workflow = client(&fake);
    check_run::create(&workflow, &new_check(&head), &output(0)).unwrap();
    assert_eq!(identity::own(&workflow).unwrap().login, "github-actions[bot]");
    assert_eq!(fake.count("POST", "/graphql"), 0);

    // In the name of an app, but not as its bot.
    let person = Token {
        user: User::person(5, "octocat"),
        grants: Grants::all(Level::Write),
        installation: false,
    };
    fake.add_token("ghu_person", person);
    let person = client_with(&fake, "ghu_person", Limits::default()).0;
    check_run::create(&person, &new_check(&head), &output(0)).unwrap();
    assert_eq!(identity::own(&person).unwrap().login, "octocat");
}
