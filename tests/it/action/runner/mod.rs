//! The shipped workflow and the shipped `action.yml`, executed by a runner of other people (`support::act` says how): what the composite's
//! steps, conditions, outputs and permissions come to, not what this repository's tests believe of them.
//!
//! Real here: workflow, action, launcher, binary, git, events. Stand-ins: GitHub's own actions (`checkout`, `cache`, `upload-artifact`, `download-artifact`) and the runner's cargo
//! (`tests/fixtures/act`), and GitHub itself (`support::fake_github`).
//!
//! What act 0.2.87 does otherwise than GitHub's runner, and what is made of it:
//! - it knows no `permissions:`: the token is given those that the job asks for, and no other;
//! - it knows no `concurrency:`: `faults::races` has two runs at once;
//! - a composite's steps see no `matrix`, so `INPUT_MATRIX` is null: the legs are told apart by the input `key` (`action::baseline` has the
//!   legs that GitHub names);
//! - when a job is cancelled, it ends a composite as a whole unless the composite's own step says `if: always()`, which the test adds; and it
//!   kills at once, where GitHub's runner interrupts first (`action::interrupts` has that).

mod hosted;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use hosted::Hosted;
use hosted::example;
use hosted::shipped;

use super::BUILT;
use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::SOURCE_PATH;
use super::bloated;
use super::mlp;
use super::touched;
use crate::support::act::Ran;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::state::Grants;
use crate::support::fake_github::state::Level;

/// The Action's step in both jobs of the example; the first is the checkout.
const ACTION: &[&str] = &["1"];

fn of_committed_model() -> Option<Hosted> {
    Hosted::with(&[(CONFIG_PATH, CONFIG.as_bytes()), (MODEL_PATH, &mlp())])
}

/// The Action's own steps.
const PLAN: &str = "Find out how the binary arrives";
const RESTORE: &str = "Restore the binary that was built before";
const GATE: &str = "Gate";
const COMPLETE: &str = "Complete the check run";
const HAND_OVER: &str = "Hand the result to the workflow that may write";
const KEEP: &str = "Keep the binary that was built";

/// Those that ran and ended well.
fn steps(ran: &Ran) -> Vec<&'static str> {
    let well = |name: &&str| ran.step(name) == Some("success");
    [PLAN, RESTORE, GATE, COMPLETE, HAND_OVER, KEEP]
        .into_iter()
        .filter(well)
        .collect()
}

/// The example with something changed, which it must contain.
fn altered(hosted: &Hosted, changes: &[(&str, &str)]) -> PathBuf {
    let mut text = fs::read_to_string(example()).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "the example has no `{from}`");
        text = text.replace(from, to);
    }
    hosted.repository.env.write("mlbuild.yml", text)
}

#[test]
fn a_push_publishes_and_a_pull_request_is_judged_by_it() {
    let Some(hosted) = of_committed_model() else { return };
    let repository = &hosted.repository;
    let ran = hosted.refresh();
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(
        ran.jobs().into_iter().collect::<Vec<_>>(),
        [("baseline".to_owned(), "success".to_owned())]
    );
    let releases = repository.releases();
    assert_eq!(releases.len(), 1, "{ran}");
    assert!(!releases[0].draft && releases[0].prerelease);
    assert_eq!(ran.output(ACTION, "baseline"), releases[0].tag);
    assert_eq!(ran.output(ACTION, "result"), "pass");
    assert!(ran.summary(&["1", "gate"]).contains("published the baseline"), "{ran}");
    assert_eq!(
        steps(&ran),
        [PLAN, RESTORE, GATE, COMPLETE, KEEP],
        "the default branch keeps what it built: {ran}"
    );

    let proposed = hosted.propose(&[(MODEL_PATH, &touched())]);
    let ran = hosted.gate(&example(), "gate", &proposed);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(
        ran.jobs().into_iter().collect::<Vec<_>>(),
        [("gate".to_owned(), "success".to_owned())]
    );
    assert_eq!(
        steps(&ran),
        [PLAN, RESTORE, GATE, COMPLETE],
        "a pull request keeps nothing: {ran}"
    );
    let builds = fs::read_to_string(repository.env.path("builds")).unwrap();
    assert_eq!(builds.lines().count(), 1, "the second run has it from the cache");
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("success"), "{ran}");
    assert_eq!(check.head_sha, proposed.head.to_string(), "not the merge commit");
    let comment = repository.comment();
    assert_eq!(comment.pull, proposed.pull);
    assert!(comment.body.contains("No regression"), "{}", comment.body);
    assert_eq!(ran.output(ACTION, "result"), "pass");
    assert_eq!(ran.output(ACTION, "baseline"), releases[0].tag);
    assert!(
        ran.output(ACTION, "comment-url").ends_with(&comment.id.to_string()),
        "{ran}"
    );
    assert!(
        ran.output(ACTION, "check-url").ends_with(&check.id.to_string()),
        "{ran}"
    );
    assert!(
        ran.output(ACTION, "report").ends_with("/.mlbuild/ci_report.json"),
        "{ran}"
    );
    assert!(ran.summary(&["1", "gate"]).contains("No regression"), "{ran}");
}

#[test]
fn a_regression_fails_the_job_and_its_end_is_told_in_the_same_comment() {
    let Some(hosted) = of_committed_model() else { return };
    let repository = &hosted.repository;
    let mut proposed = hosted.propose(&[(MODEL_PATH, &bloated())]);
    let ran = hosted.gate(&example(), "gate", &proposed);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(ran.jobs()["gate"], "failure");
    assert_eq!(ran.step(GATE), Some("failure"));
    assert_eq!(ran.step(COMPLETE), Some("success"), "it runs all the same: {ran}");
    assert_eq!(ran.output(ACTION, "result"), "regression");
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    let before = repository.comment();
    assert!(before.body.contains("❌"), "{}", before.body);
    assert!(ran.log().contains("::error "), "{}", ran.log());

    hosted.amend(&mut proposed, &[(MODEL_PATH, &touched())]);
    let ran = hosted.gate(&example(), "gate", &proposed);
    assert_eq!((ran.code, ran.output(ACTION, "result")), (0, "pass"), "{ran}");
    let after = repository.comment();
    assert_eq!(after.id, before.id);
    assert!(
        after.body.contains("✅") && after.body.contains(proposed.head.as_str()),
        "{}",
        after.body
    );
    let checks = repository.fake.edit(|state| state.checks.clone());
    let ends: Vec<_> = checks
        .iter()
        .map(|check| (check.head_sha == proposed.head.to_string(), check.conclusion.as_deref()))
        .collect();
    assert_eq!(ends, [(false, Some("failure")), (true, Some("success"))]);
}

#[test]
fn what_nobody_touched_is_skipped() {
    let Some(hosted) = of_committed_model() else { return };
    assert_eq!(hosted.refresh().code, 0);
    let proposed = hosted.propose(&[("README.md", b"words")]);
    let ran = hosted.gate(&example(), "gate", &proposed);
    assert_eq!((ran.code, ran.output(ACTION, "result")), (0, "skipped"), "{ran}");
    assert_eq!(hosted.repository.check().conclusion.as_deref(), Some("skipped"));
    // A push that changes no model publishes no second baseline either.
    hosted.push(&[("README.md", b"words")]);
    let ran = hosted.refresh();
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(hosted.repository.releases().len(), 1);
}

#[test]
fn a_group_of_the_merge_queue_is_judged_on_its_own_commit() {
    let Some(hosted) = of_committed_model() else { return };
    let proposed = hosted.propose(&[(MODEL_PATH, &touched())]);
    let trigger = Trigger::Queued {
        head_sha: proposed.head.to_string(),
        base_sha: hosted.repository.fake.tip("main").to_string(),
    };
    let ran = Ran::wait(hosted.run(&example(), "gate", &trigger, &proposed.head, &proposed.head));
    assert_eq!((ran.code, ran.output(ACTION, "result")), (0, "pass"), "{ran}");
    let check = hosted.repository.check();
    assert_eq!(
        (check.head_sha, check.conclusion),
        (proposed.head.to_string(), Some("success".to_owned()))
    );
    assert!(hosted.repository.comments().is_empty());
}

#[test]
fn a_token_that_may_only_read_leaves_exit_code_and_summary() {
    let Some(mut hosted) = of_committed_model() else { return };
    hosted.permissions = false;
    hosted
        .repository
        .fake
        .grant(|grants| *grants = Grants::all(Level::Read));
    let proposed = hosted.propose(&[(MODEL_PATH, &touched())]);
    let ran = hosted.gate(&example(), "gate", &proposed);
    assert_eq!((ran.code, ran.output(ACTION, "result")), (0, "pass"), "{ran}");
    assert_eq!(
        (ran.output(ACTION, "check-url"), ran.output(ACTION, "comment-url")),
        ("", "")
    );
    assert!(hosted.repository.comments().is_empty());
    let summary = ran.summary(&["1", "gate"]);
    assert!(
        summary.contains("checks: write") && summary.contains("pull-requests: write"),
        "{summary}"
    );
}

#[test]
fn a_killed_gate_leaves_no_check_open() {
    let Some(hosted) = of_committed_model() else { return };
    // Killed as the system kills what takes too much memory: once the check run is open, without a word.
    let wrapper = hosted.repository.env.write(
        "killed",
        r#"#!/usr/bin/env bash
[ "${2:-}" != --finalize ] || exec "$STAND_IN_MLBUILD" "$@"
"$STAND_IN_MLBUILD" "$@" &
until grep -qs '"id"' "$RUNNER_TEMP/mlbuild-open-check.json"; do sleep 0.02; done
kill -KILL $!
wait $!
"#,
    );
    Command::new("chmod").arg("+x").arg(&wrapper).status().unwrap();
    let with = format!(
        "- uses: org/mlbuild-action@v1\n        with: {{ binary-path: '{}' }}\n       ",
        wrapper.display()
    );
    let workflow = altered(&hosted, &[("- uses: org/mlbuild-action@v1 #", &format!("{with}#"))]);
    let proposed = hosted.propose(&[(MODEL_PATH, &touched())]);
    let ran = hosted.gate(&workflow, "gate", &proposed);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(ran.step(GATE), Some("failure"));
    assert_eq!(ran.step(COMPLETE), Some("success"), "{ran}");
    assert_eq!(ran.step(RESTORE), None, "what is named is not looked for: {ran}");
    let check = hosted.repository.check();
    assert_eq!(
        (check.status.as_str(), check.conclusion.as_deref()),
        ("completed", Some("cancelled")),
        "{ran}"
    );
    assert!(hosted.repository.comments().is_empty());
}

#[test]
fn a_cancelled_job_leaves_no_check_open() {
    let config = BUILT.replace("build: mkdir", "build: sleep 20 && mkdir");
    let Some(hosted) = Hosted::with(&[(CONFIG_PATH, BUILT.as_bytes()), (SOURCE_PATH, &mlp())]) else {
        return;
    };
    let proposed = hosted.propose(&[(CONFIG_PATH, config.as_bytes()), (SOURCE_PATH, b"anything")]);
    let step = "- uses: org/mlbuild-action@v1 #";
    let always = step.replace(" #", "\n        if: always()\n        #");
    let workflow = altered(&hosted, &[(step, &always)]);
    let child = hosted.start(&workflow, "gate", &proposed);
    let repository = &hosted.repository;
    let mut open = false;
    for _ in 0..1200 {
        open = repository.fake.edit(|state| !state.checks.is_empty());
        if open {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert!(open, "the check run was never opened");
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let ran = Ran::wait(child);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(ran.step(COMPLETE), Some("success"), "{ran}");
    assert_eq!(repository.check().conclusion.as_deref(), Some("cancelled"), "{ran}");
}

#[test]
fn inputs_outputs_and_the_legs_of_a_matrix() {
    let Some(hosted) = of_committed_model() else { return };
    let workflow = altered(
        &hosted,
        &[
            (
                "    name: gate\n",
                "    name: gate\n    strategy:\n      matrix:\n        engine: [one, \"it's $(two)\"]\n",
            ),
            (
                "- uses: org/mlbuild-action@v1 #",
                "- uses: org/mlbuild-action@v1\n        id: gated\n        with:\n          comment: never\n          key: leg ${{ matrix.engine }}\n      \
                 - run: echo \"told ${{ steps.gated.outputs.result }} ${{ steps.gated.outputs.check-url }}\"\n        #",
            ),
        ],
    );
    let proposed = hosted.propose(&[(MODEL_PATH, &touched())]);
    let ran = hosted.gate(&workflow, "gate", &proposed);
    assert_eq!(ran.code, 0, "{ran}");
    let mut checks = hosted.repository.fake.edit(|state| state.checks.clone());
    checks.sort_by(|one, other| one.name.cmp(&other.name));
    let names: Vec<_> = checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["mlbuild / leg it's $(two)", "mlbuild / leg one"]);
    for check in checks {
        assert_eq!(check.conclusion.as_deref(), Some("success"));
        let told = format!("told pass https://github.com/acme/models/runs/{}", check.id);
        assert!(ran.log().contains(&told), "{told}: {ran}");
    }
    assert!(hosted.repository.comments().is_empty());
}

#[test]
fn shards_of_a_matrix_are_judged_as_one() {
    let config = "\
version: 1
models:
  - { name: one, path: models/digits.onnx, variants: [fp32] }
  - { name: two, path: models/digits.onnx, variants: [fp32] }
gate:
  latency: { max_regression: 99999% }
  memory: { max_regression: 99999% }
measure: { time_budget: 1 s }
";
    let Some(hosted) = Hosted::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &mlp())]) else {
        return;
    };
    let workflow = shipped("mlbuild-sharded.yml");
    let proposed = hosted.propose(&[(MODEL_PATH, &bloated())]);
    // One token for all jobs, as act has it: the gate's, whose permissions are all of theirs.
    let ran = hosted.gate(&workflow, "gate", &proposed);
    assert_eq!(ran.code, 1, "{ran}");
    let jobs = ran.jobs();
    assert_eq!(jobs["plan"], "success", "{ran}");
    assert_eq!(jobs["measure"], "success", "{ran}");
    assert_eq!(jobs["gate"], "failure", "{ran}");
    let artifacts = fs::read_dir(hosted.repository.env.path("artifacts/7001"))
        .unwrap()
        .count();
    assert_eq!(artifacts, 2, "one a shard: {ran}");
    let check = hosted.repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"), "{ran}");
    let body = hosted.repository.comment().body;
    assert!(body.contains("one") && body.contains("two"), "{body}");

    let proposed = hosted.propose(&[(MODEL_PATH, &touched())]);
    let ran = hosted.gate(&workflow, "gate", &proposed);
    assert_eq!(ran.code, 0, "{ran}");
}
