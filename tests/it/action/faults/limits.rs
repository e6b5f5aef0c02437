//! Limits of the rate: waited for where that is soon, given up where it is not, by the server's clock and not by ours.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use mlbuild::github::GithubError;
use mlbuild::github::client::Limits;
use mlbuild::github::workflow_run;

use super::gate;
use super::settled;
use crate::github_client::client_with;
use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::faults::Canned;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;

/// The hourly budget is spent, as GitHub says it: 403, and not 429.
fn spent(reset: u64) -> Canned {
    Canned::json(403, r#"{"message":"API rate limit exceeded for installation ID 1."}"#)
        .with("x-ratelimit-limit", "1000")
        .with("x-ratelimit-remaining", "0")
        .with("x-ratelimit-reset", reset.to_string())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// `Date` of an HTTP answer.
fn date(second: u64) -> String {
    let moment = jiff::Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[test]
fn a_spent_budget_that_is_filled_soon_is_waited_for() {
    let (repository, proposed) = gate();
    for (method, place) in [("GET", "/releases"), ("POST", "/check-runs"), ("POST", "/comments")] {
        let fault = Fault::at(method, place, Trouble::Answer(spent(now() + 1)));
        repository.fake.fault(fault);
    }
    repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
    repository.comment();
}

#[test]
fn a_spent_budget_for_an_hour_is_an_error_at_once() {
    let (repository, proposed) = gate();
    let fault = Fault::at("GET", "/releases", Trouble::Answer(spent(now() + 3600)));
    repository.fake.fault(fault);
    let ran = repository.gate(&proposed).run().expect("error", 2);
    settled(&repository);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"));
    assert!(check.summary.contains("rate limit exceeded"), "{}", check.summary);
    assert!(ran.summary.contains("run the job again later"), "{ran}");
    assert_eq!(
        repository.fake.count("GET", "/models/releases"),
        1,
        "coming back early counts as abuse"
    );
}

#[test]
fn a_429_at_the_check_run_opens_it_once() {
    let (repository, proposed) = gate();
    let fault = Fault::at("POST", "/check-runs", Trouble::PrimaryLimit(now() + 1));
    repository.fake.fault(fault);
    repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
}

#[test]
fn a_wait_beyond_patience_at_the_end_is_left_to_the_step_that_follows() {
    let (repository, proposed) = gate();
    let fault = Fault::at("PATCH", "/check-runs/", Trouble::SecondaryLimit(Some(3600)));
    repository.fake.fault(fault);
    let job = repository.gate(&proposed);
    let ran = job.run().expect("pass", 1);
    assert!(ran.summary.contains("could not be completed"), "{ran}");
    assert_eq!(job.finalize().code, 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("cancelled"));
    repository.comment();
}

/// How long the client waits for a budget that is filled seven seconds after the answer, by a server whose clock differs from ours by so
/// many seconds.
fn waits(difference: i64) -> Vec<u64> {
    // What the test's clock always says.
    let ours = 1_800_000_000_i64;
    let theirs = u64::try_from(ours + difference).unwrap();
    let fake = FakeGitHub::start();
    let answer = spent(theirs + 7).with("date", date(theirs));
    fake.fault(Fault::at("GET", "/repos/acme/models", Trouble::Answer(answer)));
    let (client, clock) = client_with(&fake, TOKEN, Limits::default());
    workflow_run::repository(&client).unwrap();
    clock.waits()
}

#[test]
fn a_clock_five_hours_ahead_of_ours_does_not_make_us_give_up() {
    assert_eq!(waits(5 * 3600), [8]);
}

#[test]
fn a_clock_five_hours_behind_ours_does_not_make_us_hurry() {
    assert_eq!(waits(-5 * 3600), [8]);
}

#[test]
fn an_hour_by_the_servers_clock_is_an_hour_whatever_ours_says() {
    let theirs = 1_800_000_000 - 3600;
    let fake = FakeGitHub::start();
    let answer = spent(theirs + 3600).with("date", date(theirs));
    fake.fault(Fault::at("GET", "/repos/acme/models", Trouble::Answer(answer)));
    let (client, clock) = client_with(&fake, TOKEN, Limits::default());
    let error = workflow_run::repository(&client).unwrap_err();
    assert!(
        matches!(&error, GithubError::RateLimited { retry_after: Some(wait), .. } if *wait == Duration::from_secs(3601)),
        "{error:?}"
    );
    assert!(clock.waits().is_empty());
}
