//! The way there: hosts that do not answer, redirects, and a token that ends before the job.

use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::time::Duration;

use mlbuild::github::Client;
use mlbuild::github::GithubError;
use mlbuild::github::client::Limits;
use mlbuild::github::identity;
use mlbuild::github::retry::RetryPolicy;
use mlbuild::github::workflow_run;

use super::gate;
use super::settled;
use crate::action::Repository;
use crate::github_client::bodies;
use crate::github_client::client_with;
use crate::github_client::stamp;
use crate::github_client::upsert;
use crate::github_client::with_pull;
use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::faults::Canned;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::State;

/// A listener whose queue is full, so that the next connection waits for ever; and what fills it.
#[cfg(target_os = "linux")]
fn deaf() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
    }
    (address, listener, waiting)
}

#[cfg(target_os = "linux")]
#[test]
fn a_host_that_takes_no_connection_is_given_up() {
    let (address, _listener, _waiting) = deaf();
    let limits = Limits {
        connect: Duration::from_millis(100),
        answer: Duration::from_secs(30),
        ..Limits::default()
    };
    let policy = RetryPolicy {
        attempts: 2,
        first_wait: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    let url = format!("http://{address}");
    let client = Client::with_limits(&url, None, TOKEN, "acme/models".parse().unwrap(), limits).unwrap();
    let error = workflow_run::repository(&client.with_retry(policy)).unwrap_err();
    assert!(matches!(error, GithubError::Transport { .. }), "{error:?}");
}

#[test]
fn a_comment_whose_answer_comes_too_late_is_not_posted_twice() {
    let fake = FakeGitHub::start();
    let (pull, head) = with_pull(&fake);
    fake.fault(Fault::at("POST", "/comments", Trouble::Delay(Duration::from_secs(30))));
    let limits = Limits {
        answer: Duration::from_secs(3),
        ..Limits::default()
    };
    let (client, _) = client_with(&fake, TOKEN, limits);
    // Who we are is no part of it.
    identity::own(&client).unwrap();
    upsert(&client, pull, &stamp(7, 1, &head), "found").unwrap();
    assert_eq!(bodies(&fake).len(), 1);
    assert_eq!(fake.count("POST", "/comments"), 1);
}

#[test]
fn a_github_that_is_not_there_is_an_error_and_said() {
    let (repository, proposed) = gate();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut job = repository.gate(&proposed);
    job.variables
        .insert("GITHUB_API_URL".to_owned(), format!("http://{closed}"));
    let ran = job.run().expect("error", 2);
    assert!(
        ran.log.contains("::error ") && ran.summary.contains("no answer to"),
        "{ran}"
    );
    // Nothing is known of a check run, and nothing can be asked: the step says so, and hides no verdict.
    assert_ne!(job.finalize().code, 0);
}

/// From the next answer at `place` on, the token is worth nothing.
fn expire(repository: &Repository, method: &'static str, place: &str) {
    let deed = Trouble::meanwhile(|state: &mut State| {
        state.tokens.remove(TOKEN);
    });
    repository.fake.fault(Fault::at(method, place, deed));
}

#[test]
fn a_token_that_ends_after_the_first_call_is_an_error_and_said() {
    let (repository, proposed) = gate();
    let token = repository.fake.edit(|state| state.tokens[TOKEN].clone());
    expire(&repository, "POST", "/check-runs");
    let job = repository.gate(&proposed);
    let ran = job.run().expect("error", 2);
    assert!(ran.summary.contains("does not accept the token"), "{ran}");
    assert!(ran.log.contains("::error "), "{ran}");
    assert!(repository.comments().is_empty());
    assert_ne!(job.finalize().code, 0, "it cannot be completed, which is no success");
    assert_eq!(repository.check().conclusion, None);
    // The same step with a token that is worth something, as in a re-run.
    repository.fake.add_token(TOKEN, token);
    assert_eq!(job.finalize().code, 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("cancelled"));
}

#[test]
fn a_token_that_ends_before_the_verdict_is_published_never_looks_like_a_pass() {
    let (repository, proposed) = gate();
    let token = repository.fake.edit(|state| state.tokens[TOKEN].clone());
    expire(&repository, "GET", "/comments");
    let job = repository.gate(&proposed);
    let ran = job.run().expect("pass", 1);
    assert!(ran.summary.contains("could not be completed"), "{ran}");
    assert!(ran.summary.contains("no comment was written"), "{ran}");
    repository.fake.add_token(TOKEN, token);
    assert_eq!(job.finalize().code, 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("cancelled"));
}

#[test]
fn a_comment_is_not_posted_to_where_a_redirect_leads() {
    let (repository, proposed) = gate();
    let storage = repository.fake.edit(|state| state.storage.clone());
    let away = Canned::json(307, "").with("location", format!("{storage}/repos/acme/models"));
    repository
        .fake
        .fault(Fault::at("POST", "/comments", Trouble::Answer(away)));
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    let strayed = |logged: &&_| is_at_storage(logged);
    assert_eq!(repository.fake.log().iter().filter(strayed).count(), 0);
    assert!(repository.comments().is_empty());
    assert!(ran.summary.contains("redirects to another host"), "{ran}");
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
}

fn is_at_storage(logged: &crate::support::fake_github::state::Logged) -> bool {
    logged.origin == "storage"
}

#[test]
fn a_circle_of_redirects_ends_in_an_error() {
    let (repository, proposed) = gate();
    let here = "/repos/acme/models/releases?per_page=100".to_owned();
    let fault = Fault::at("GET", "/releases", Trouble::Redirect(here)).times(6);
    repository.fake.fault(fault);
    let ran = repository.gate(&proposed).run().expect("error", 2);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    assert!(ran.summary.contains("too many redirects"), "{ran}");
}

#[test]
fn a_circle_of_redirects_at_the_end_is_left_to_the_step_that_follows() {
    let (repository, proposed) = gate();
    let circle = Canned::json(307, "").with("location", "/repos/acme/models/check-runs/1");
    let fault = Fault::at("PATCH", "/check-runs/", Trouble::Answer(circle)).times(6);
    repository.fake.fault(fault);
    let job = repository.gate(&proposed);
    let ran = job.run().expect("pass", 1);
    assert!(ran.summary.contains("too many redirects"), "{ran}");
    assert_eq!(job.finalize().code, 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("cancelled"));
    repository.comment();
}
