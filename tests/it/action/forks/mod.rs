//! Pull requests from forks: a run without rights measures, and another one, which checks nothing out, publishes what it may believe.

mod attacks;
mod origins;

use std::io::Cursor;
use std::io::Write as _;

use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::Proposed;
use super::Ran;
use super::Repository;
use super::bloated;
use super::mlp;
use super::touched;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::state::Check;
use crate::support::fake_github::state::Grants;
use crate::support::fake_github::state::Level;

const FORK: u64 = 500_000_001;

/// What a run without rights has measured.
struct Measured {
    proposed: Proposed,
    run: u64,
    attempt: u64,
    /// The artifact's name.
    name: String,
    /// The file in it.
    file: Value,
}

/// An archive with one entry, as the upload makes it.
fn packed(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(name, SimpleFileOptions::default()).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().into_inner()
}

impl Repository {
    /// A pull request from a fork.
    fn propose_from_fork(&self, changes: &[(&str, &[u8])]) -> Proposed {
        let proposed = self.propose(changes);
        self.fake
            .edit(|state| state.pulls.get_mut(&proposed.pull).unwrap().fork = Some("mallory/models".to_owned()));
        proposed
    }

    /// Stage 1: measures with a token that may write nothing, and uploads what the action says.
    fn measure(&self, proposed: Proposed) -> (Measured, Ran) {
        self.fake.grant(|grants| *grants = Grants::all(Level::Read));
        let job = self.gate(&proposed).on("topic");
        let ran = job.run();
        self.fake.grant(|grants| *grants = Grants::all(Level::Write));
        let bytes = std::fs::read(ran.output("result-file")).unwrap();
        let measured = Measured {
            run: job.run_id,
            attempt: job.attempt,
            name: ran.output("result-artifact").to_owned(),
            file: serde_json::from_slice(&bytes).unwrap(),
            proposed,
        };
        self.ended(measured.run, if ran.code == 0 { "success" } else { "failure" });
        self.fake
            .artifact(measured.run, &measured.name, &packed("result.json", &bytes));
        (measured, ran)
    }

    /// A run of the fork's pull request has ended.
    fn ended(&self, run: u64, conclusion: &str) {
        self.fake.edit(|state| {
            let run = state.runs.get_mut(&run).unwrap();
            run.conclusion = Some(conclusion.to_owned());
            run.fork = Some((FORK, "mallory/models".to_owned()));
        });
    }

    /// Stage 2: reports on a run that has ended.
    fn report(&self, run: u64) -> Ran {
        self.report_with(run, &[])
    }

    fn report_with(&self, run: u64, inputs: &[(&str, &str)]) -> Ran {
        let mut job = self.job(Trigger::Completed(run), &self.fake.tip("main"));
        for (name, value) in inputs {
            job = job.input(name, value);
        }
        // What the event said of the run must not change because this one is registered.
        let output = job.step(&["action", "report"]).output().unwrap();
        job.after(output)
    }

    /// The newest check run.
    fn last_check(&self) -> Check {
        self.fake.edit(|state| state.checks.last().cloned()).unwrap()
    }

    fn forget_what_was_published(&self) {
        self.fake.edit(|state| {
            state.checks.clear();
            state.comments.clear();
            state.artifacts.clear();
        });
    }
}

#[test]
fn a_fork_gets_comment_and_check_from_the_second_workflow() {
    for (model, result, code, conclusion) in [
        (touched(), "pass", 0, "success"),
        (bloated(), "regression", 1, "failure"),
    ] {
        let repository = Repository::of_committed_model();
        let proposed = repository.propose_from_fork(&[(MODEL_PATH, &model)]);
        let (measured, ran) = repository.measure(proposed);
        let ran = ran.expect(result, code);
        assert!(repository.comments().is_empty() && repository.fake.edit(|state| state.checks.is_empty()));
        assert_eq!(measured.name, "mlbuild-result-default");

        let before = repository.fake.log().len();
        let reported = repository.report(measured.run).expect(result, 0);
        let check = repository.check();
        assert_eq!(check.name, "mlbuild / default");
        assert_eq!(check.head_sha, measured.proposed.head.as_str());
        assert_eq!(check.conclusion.as_deref(), Some(conclusion), "{reported}");
        assert!(
            check
                .details_url
                .unwrap()
                .contains(&format!("/actions/runs/{}/", measured.run))
        );
        let comment = repository.comment();
        assert_eq!(comment.pull, measured.proposed.pull);
        assert!(comment.body.contains("which its author controls"), "{}", comment.body);
        assert!(
            comment
                .body
                .contains(&format!("run={}.1 head={}", measured.run, measured.proposed.head))
        );
        assert!(!comment.body.contains("lacks a permission"), "{}", comment.body);
        assert!(!check.annotations.is_empty() || code == 0);
        // The same headline as the run's own summary.
        let headline = ran.summary.lines().next().unwrap();
        assert!(
            comment.body.contains(headline) && reported.summary.contains(headline),
            "{headline}: {}",
            comment.body
        );
        let requests = repository.fake.log().len() - before;
        assert!(requests <= 20, "{requests} requests");
        assert_eq!(repository.report(measured.run).code, 0);
        assert_eq!(repository.comments().len(), 1);
    }
}

#[test]
fn who_can_write_hands_nothing_over() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let job = repository.gate(&proposed);
    let ran = job.run().expect("pass", 0);
    assert!(!ran.outputs.contains_key("result-file"), "{ran}");
    repository.report(job.run_id).expect("skipped", 0);
    assert_eq!(repository.fake.edit(|state| state.checks.len()), 1);
}

#[test]
fn a_branch_whose_token_may_not_write_is_reported_too() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let (measured, _) = repository.measure(proposed);
    repository
        .fake
        .edit(|state| state.runs.get_mut(&measured.run).unwrap().fork = None);
    repository.report(measured.run).expect("pass", 0);
    assert_eq!(repository.check().conclusion.as_deref(), Some("success"));
}

#[test]
fn a_gate_that_could_not_judge_says_why_in_the_check() {
    let repository = Repository::of_committed_model();
    let broken = CONFIG.replace("variants: [fp32]", "variants: [fp23]");
    let proposed = repository.propose_from_fork(&[(CONFIG_PATH, broken.as_bytes())]);
    let (measured, ran) = repository.measure(proposed);
    ran.expect("error", 2);
    let reported = repository.report(measured.run).expect("error", 2);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"), "{reported}");
    assert!(check.summary.contains("fp23"), "{}", check.summary);
    // As for everybody else: a comment is brought up to date, not made.
    assert!(repository.comments().is_empty());
}

#[test]
fn a_pull_request_cannot_loosen_its_limits_in_its_own_run() {
    let repository = Repository::of_committed_model();
    let loose = CONFIG.replace("gate:\n", "gate:\n  size: { max_regression: 99999% }\n");
    let proposed = repository.propose_from_fork(&[(CONFIG_PATH, loose.as_bytes()), (MODEL_PATH, &bloated())]);
    let (measured, ran) = repository.measure(proposed);
    ran.expect("regression", 1);
    // A run that was made to judge by its own limits.
    let mut file = measured.file.clone();
    let judged = &mut file["content"]["judged"];
    judged["result"] = "pass".into();
    judged["outcome"] = "passed".into();
    judged["exit_code"] = 0.into();
    judged["comparisons"][0]["result"] = "pass".into();
    for metric in judged["comparisons"][0]["metrics"].as_array_mut().unwrap() {
        if metric["metric"] == "size" {
            metric["result"] = "pass".into();
            metric["limit"] = 99999.into();
        }
    }
    repository.forget_what_was_published();
    repository.ended(measured.run, "success");
    repository.fake.artifact(
        measured.run,
        &measured.name,
        &packed("result.json", file.to_string().as_bytes()),
    );
    let reported = repository.report(measured.run).expect("regression", 0);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"), "{reported}");
    assert!(repository.comment().body.contains("base branch's limits"), "{reported}");
}

#[test]
fn a_config_that_the_base_does_not_have_vouches_for_nothing() {
    let repository = Repository::with(&[(MODEL_PATH, &mlp())]);
    let proposed = repository.propose_from_fork(&[(CONFIG_PATH, CONFIG.as_bytes()), (MODEL_PATH, &touched())]);
    let (measured, ran) = repository.measure(proposed);
    assert_eq!(ran.code, 0, "{ran}");
    let reported = repository.report(measured.run);
    assert_eq!(reported.code, 0, "{reported}");
    assert_eq!(repository.check().conclusion.as_deref(), Some("neutral"), "{reported}");
}
