//! The fake itself: its payloads, its environment, and that it refuses what GitHub would.

use std::fs;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;

use mlbuild::github::Client;
use mlbuild::github::event::Event;
use mlbuild::github::workflow_run;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;

use super::with_pull;

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

/// Sends what the client never would.
fn raw(fake: &FakeGitHub, request_line: &str, body: &str) {
    let host = fake.api_url().replace("http://", "");
    let mut stream = TcpStream::connect(&host).unwrap();
    let request = format!(
        "{request_line} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {TOKEN}\r\naccept: application/json\r\n\
         user-agent: test\r\nx-github-api-version: 2022-11-28\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
}

#[test]
fn the_fake_refuses_what_github_does_not_describe() {
    let fake = FakeGitHub::start();
    let (pull, _) = with_pull(&fake);
    let comments = format!("/repos/acme/models/issues/{pull}/comments");
    for (line, body, problem) in [
        (format!("POST {comments}"), r#"{"boddy":"x"}"#, "body"),
        (format!("POST {comments}"), r#"{"body":1}"#, "/body"),
        (format!("POST {comments}"), r#"{"body":"x","color":"red"}"#, "color"),
        (format!("POST {comments}"), "", "not JSON"),
        (format!("GET {comments}?pages=2"), "", "unknown query parameter `pages`"),
        (format!("GET {comments}?page=two"), "", "parameter `page`"),
        (
            "GET /repos/acme/models/issues/two/comments".to_owned(),
            "",
            "parameter `issue_number`",
        ),
        (format!("PUT {comments}"), "", "no such operation"),
        (
            "GET /repos/acme/models/pulls/1/files".to_owned(),
            "",
            "does not answer this operation",
        ),
        (
            "POST /repos/acme/models/releases/1/assets?name=x".to_owned(),
            "",
            "wrong origin",
        ),
    ] {
        raw(&fake, &line, body);
        let problems = fake.edit(|state| std::mem::take(&mut state.problems)).join("\n");
        assert!(problems.contains(problem), "{line} {body}: {problems}");
    }
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
