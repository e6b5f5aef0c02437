//! Calls in general: who we are, retries, limits, permissions, redirects, commits, files and runs.

use std::time::Duration;

use mlbuild::github::CommitSha;
use mlbuild::github::GithubError;
use mlbuild::github::Permission;
use mlbuild::github::asset;
use mlbuild::github::check_run;
use mlbuild::github::check_run::NewCheckRun;
use mlbuild::github::check_run::Output;
use mlbuild::github::client::Limits;
use mlbuild::github::comment;
use mlbuild::github::contents;
use mlbuild::github::git;
use mlbuild::github::git::Relation;
use mlbuild::github::identity;
use mlbuild::github::identity::Account;
use mlbuild::github::pull;
use mlbuild::github::release;
use mlbuild::github::release::NewRelease;
use mlbuild::github::workflow_run;
use mlbuild::hint::Hint as _;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::Grants;
use crate::support::fake_github::state::Level;
use crate::support::fake_github::state::Token;
use crate::support::fake_github::state::User;

use super::client;
use super::client_with;
use super::release::bytes;
use super::release::draft;
use super::stamp;
use super::upsert;
use super::with_pull;

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
    // Whether every try arrived before it was given up is not asked.
    fake.edit(|state| state.faults.clear());
}

#[test]
fn an_answer_that_is_not_githubs_is_named() {
    let fake = FakeGitHub::start();
    for body in ["<html>login</html>", "{}", "[]", ""] {
        // Not at the first sight of it: a page in between may be gone the next time.
        fake.fault(Fault::at("GET", "/repos/acme/models", Trouble::Body(body.to_owned())).times(4));
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
