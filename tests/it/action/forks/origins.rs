//! Which run, which pull request: only what GitHub itself says counts.

use super::super::MODEL_PATH;
use super::super::Repository;
use super::super::touched;
use super::Measured;
use super::packed;
use crate::support::fake_github::state::State;

fn measured() -> (Repository, Measured) {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose_from_fork(&[(MODEL_PATH, &touched())]);
    let (measured, ran) = repository.measure(proposed);
    ran.expect("pass", 0);
    (repository, measured)
}

/// What is published after `change`.
fn conclusion_after(change: impl FnOnce(&mut State, &Measured)) -> (Option<String>, usize) {
    let (repository, measured) = measured();
    repository.fake.edit(|state| change(state, &measured));
    let ran = repository.report(measured.run);
    assert_eq!(ran.code, 0, "{ran}");
    let checks = repository.fake.edit(|state| state.checks.clone());
    assert!(
        checks
            .iter()
            .all(|check| check.head_sha == measured.proposed.head.as_str())
    );
    (
        checks.last().and_then(|check| check.conclusion.clone()),
        repository.comments().len(),
    )
}

#[test]
fn without_exactly_one_pull_request_there_is_no_comment() {
    let neutral = (Some("neutral".to_owned()), 0);
    assert_eq!(
        conclusion_after(|state, measured| state.pulls.get_mut(&measured.proposed.pull).unwrap().open = false),
        neutral
    );
    let moved = |state: &mut State, measured: &Measured| {
        let newer = state.new_sha();
        state.pulls.get_mut(&measured.proposed.pull).unwrap().head_sha = newer;
    };
    assert_eq!(conclusion_after(moved), neutral);
    let twice = |state: &mut State, measured: &Measured| {
        let second = state.pulls[&measured.proposed.pull].clone();
        let number = state.new_id();
        state.pulls.insert(number, second);
    };
    assert_eq!(conclusion_after(twice), (Some("success".to_owned()), 0));
    let elsewhere = |state: &mut State, measured: &Measured| {
        state.pulls.get_mut(&measured.proposed.pull).unwrap().fork = Some("eve/models".to_owned());
    };
    assert_eq!(conclusion_after(elsewhere), neutral);
}

#[test]
fn a_run_of_another_kind_is_not_reported() {
    let (repository, measured) = measured();
    let change = |change: &dyn Fn(&mut crate::support::fake_github::state::Run)| {
        repository
            .fake
            .edit(|state| change(state.runs.get_mut(&measured.run).unwrap()));
    };
    let before = repository.fake.log().len();
    for event in ["push", "merge_group", "pull_request_target", "workflow_dispatch"] {
        change(&|run| run.event = event.to_owned());
        repository.report(measured.run).expect("skipped", 0);
    }
    change(&|run| run.event = "pull_request".to_owned());
    change(&|run| run.conclusion = Some("action_required".to_owned()));
    repository.report(measured.run).expect("skipped", 0);
    change(&|run| run.conclusion = Some("success".to_owned()));
    change(&|run| run.path = ".github/workflows/evil.yml".to_owned());
    let ran = repository.report(measured.run);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(
        ran.stderr.contains(".github/workflows/evil.yml") && ran.stderr.contains("input `workflow`"),
        "{ran}"
    );
    // None of them was worth a question.
    assert_eq!(repository.fake.log().len(), before);
    let named = repository.report_with(measured.run, &[("WORKFLOW", ".github/workflows/evil.yml")]);
    named.expect("pass", 0);
}

#[test]
fn a_run_of_another_repository_is_not_reported() {
    let (repository, measured) = measured();
    repository.fake.edit(|state| {
        state.runs.get_mut(&measured.run).unwrap().repository = Some((9, "eve/other".to_owned()));
    });
    let ran = repository.report(measured.run);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(repository.fake.edit(|state| state.checks.is_empty()));
}

#[test]
fn reporting_is_for_the_end_of_another_workflow() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose_from_fork(&[(MODEL_PATH, &touched())]);
    let job = repository.gate(&proposed);
    let ran = job.after(job.step(&["action", "report"]).output().unwrap());
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("workflow_run"), "{ran}");
    assert!(repository.fake.log().is_empty());
}

#[test]
fn a_run_without_a_result_is_an_error_that_says_what_to_do() {
    let (repository, measured) = measured();
    let publishes = |conclusion: &str, expected: &str, words: &str| {
        repository.fake.edit(|state| state.checks.clear());
        repository.ended(measured.run, conclusion);
        let ran = repository.report(measured.run);
        assert_eq!(ran.code, 2, "{ran}");
        let check = repository.check();
        assert_eq!(
            (check.name.as_str(), check.conclusion.as_deref()),
            ("mlbuild / default", Some(expected))
        );
        assert!(check.summary.contains(words), "{words}: {}", check.summary);
    };
    repository.fake.edit(|state| state.artifacts[0].expired = true);
    publishes("success", "failure", "has expired");
    repository.fake.edit(|state| state.artifacts.clear());
    publishes("success", "failure", "left no result");
    publishes("failure", "failure", "re-run it");
    publishes("skipped", "failure", "left no result");
    publishes("cancelled", "cancelled", "stopped");
    // Another one than the one that is asked for.
    repository.fake.edit(|state| state.checks.clear());
    repository.ended(measured.run, "success");
    let whole = packed("result.json", measured.file.to_string().as_bytes());
    repository.fake.artifact(measured.run, &measured.name, &whole);
    let ran = repository.report_with(measured.run, &[("KEY", "default\nmodels/other")]);
    assert_eq!(ran.code, 2, "{ran}");
    let checks = repository.fake.edit(|state| state.checks.clone());
    let ends: Vec<(&str, Option<&str>)> = checks
        .iter()
        .map(|check| (check.name.as_str(), check.conclusion.as_deref()))
        .collect();
    assert_eq!(
        ends,
        [
            ("mlbuild / default", Some("success")),
            ("mlbuild / models/other", Some("failure"))
        ]
    );
}

#[test]
fn an_artifact_that_is_gone_is_an_error() {
    use crate::support::fake_github::faults::Fault;
    use crate::support::fake_github::faults::Trouble;
    let (repository, measured) = measured();
    repository
        .fake
        .fault(Fault::at("GET", "/actions/artifacts/", Trouble::Status(404)));
    let ran = repository.report(measured.run);
    assert_eq!(ran.code, 2, "{ran}");
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    // Re-run, it is there again.
    repository.report(measured.run).expect("pass", 0);
    assert_eq!(repository.last_check().conclusion.as_deref(), Some("success"));
}

#[test]
fn an_older_run_changes_nothing_that_a_newer_one_said() {
    let (repository, measured) = measured();
    repository.report(measured.run).expect("pass", 0);
    let stale = repository.comment().body;
    // The same commit was measured by a newer run, which has been reported already.
    let newer = |state: &mut State| {
        let mut check = state.checks[0].clone();
        check.id += 1000;
        check.external_id = check.external_id.replace(
            &format!("{}.{}", measured.run, measured.attempt),
            &format!("{}.1", measured.run + 500),
        );
        state.checks.push(check);
        let comment = &mut state.comments[0];
        comment.body = comment
            .body
            .replace(&format!("run={}", measured.run), &format!("run={}", measured.run + 500));
    };
    repository.fake.edit(newer);
    let ran = repository.report(measured.run);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.log.contains("newer run"), "{ran}");
    assert_eq!(repository.fake.edit(|state| state.checks.len()), 2);
    assert_ne!(repository.comment().body, stale);
}

#[test]
fn a_second_attempt_takes_the_place_of_the_first() {
    let (repository, measured) = measured();
    repository.report(measured.run).expect("pass", 0);
    repository
        .fake
        .edit(|state| state.runs.get_mut(&measured.run).unwrap().attempt = 2);
    let mut file = measured.file.clone();
    file["run_attempt"] = 2.into();
    let whole = packed("result.json", file.to_string().as_bytes());
    repository.fake.artifact(measured.run, &measured.name, &whole);
    repository.report(measured.run).expect("pass", 0);
    assert!(repository.comment().body.contains(&format!("run={}.2 ", measured.run)));
    assert!(
        repository
            .last_check()
            .external_id
            .ends_with(&format!(":{}.2", measured.run))
    );
}
