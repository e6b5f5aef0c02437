//! The GitHub client against the stateful fake: what goes right, and everything that goes wrong on the way.

mod calls;
mod check_run;
mod comment;
mod fake;
mod release;

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::SystemTime;

use mlbuild::github::Client;
use mlbuild::github::CommitSha;
use mlbuild::github::GithubError;
use mlbuild::github::PrNumber;
use mlbuild::github::client::Limits;
use mlbuild::github::identity;
use mlbuild::github::retry::Clock;
use mlbuild::github::sticky;
use mlbuild::github::sticky::RunStamp;
use mlbuild::github::sticky::Sticky;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;

pub(super) const KEY: &str = ".mlbuild.yml/gate";

/// Time that passes by being asked to.
#[derive(Debug, Default)]
pub(super) struct Skipping(Mutex<Vec<u64>>);

impl Skipping {
    pub(super) fn waits(&self) -> Vec<u64> {
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

pub(super) fn client_with(fake: &FakeGitHub, token: &str, limits: Limits) -> (Client, Arc<Skipping>) {
    let clock = Arc::new(Skipping::default());
    let repo = "acme/models".parse().unwrap();
    let client = Client::with_limits(&fake.api_url(), None, token, repo, limits).unwrap();
    (client.with_clock(clock.clone()), clock)
}

pub(super) fn client(fake: &FakeGitHub) -> Client {
    client_with(fake, TOKEN, Limits::default()).0
}

/// A pull request with one commit on its branch.
pub(super) fn with_pull(fake: &FakeGitHub) -> (PrNumber, CommitSha) {
    let head = fake.commit(&[&fake.tip("main")], &[]);
    let number = fake.pull_request(&head);
    (number.try_into().unwrap(), head)
}

pub(super) fn stamp(run_id: u64, attempt: u64, head: &CommitSha) -> RunStamp {
    RunStamp {
        run_id,
        attempt,
        head_sha: head.clone(),
    }
}

pub(super) fn marker(run_id: u64, attempt: u64, head: &CommitSha) -> String {
    format!("<!-- mlbuild:v1 id={KEY} run={run_id}.{attempt} head={head} -->\nolder")
}

pub(super) fn upsert(client: &Client, pull: PrNumber, run: &RunStamp, body: &str) -> Result<Sticky, GithubError> {
    sticky::upsert(client, pull, KEY, run, body, &identity::own(client)?)
}

pub(super) fn bodies(fake: &FakeGitHub) -> Vec<String> {
    fake.edit(|state| state.comments.iter().map(|comment| comment.body.clone()).collect())
}
