//! A run that is told to stop, or killed: nothing half-written, and no check left open.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::CONFIG_PATH;
use super::Job;
use super::MODEL_PATH;
use super::Proposed;
use super::Repository;
use super::SOURCE_PATH;
use super::model;
use super::with_text;
use crate::support::killing::children;

/// A repository whose comparisons take long, and a change of all of them.
fn slow() -> (Repository, Proposed) {
    let mut config = String::from("version: 1\nmodels:\n");
    for number in 0..12 {
        config.push_str(&format!(
            "  - {{ name: m{number}, path: {MODEL_PATH}, variants: [fp32] }}\n"
        ));
    }
    config.push_str("gate: { latency: { max_regression: 0% } }\nmeasure: { time_budget: 20 s }\n");
    let vit = model("digits_vit.onnx");
    let repository = Repository::with(&[(CONFIG_PATH, config.as_bytes()), (MODEL_PATH, &vit)]);
    let proposed = repository.propose(&[(MODEL_PATH, &with_text(&vit, 3))]);
    (repository, proposed)
}

/// A repository whose model takes long to build.
fn slow_build() -> (Repository, Proposed) {
    let repository = Repository::of_built_model();
    let config = super::BUILT.replace("build: mkdir", "build: touch started && sleep 60 && mkdir");
    let proposed = repository.propose(&[(CONFIG_PATH, config.as_bytes()), (SOURCE_PATH, b"anything")]);
    (repository, proposed)
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} never happened");
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Starts the gate and returns once its workers have loaded models.
fn started(job: &Job<'_>) -> Child {
    let child = job.step(&["action"]).spawn().unwrap();
    wait_until("measuring", || children(child.id()).len() >= 2);
    child
}

fn assert_nothing_is_half_written(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            assert_nothing_is_half_written(&path);
        } else {
            assert!(
                !name.starts_with(".tmp") && !name.ends_with(".tmp") && !name.starts_with(".mlbuild-"),
                "{name}"
            );
            assert!(name != "ci_report.json" && name != "comment.md", "nothing was judged");
        }
    }
}

#[test]
fn a_signal_while_measuring_completes_the_check_as_cancelled() {
    for name in ["-INT", "-TERM"] {
        let (repository, proposed) = slow();
        let job = repository.gate(&proposed);
        let child = started(&job);
        assert_eq!(repository.check().status, "in_progress");
        signal(&child, name);
        let ran = job.after(child.wait_with_output().unwrap()).expect("error", 2);
        assert_eq!(
            repository.check().conclusion.as_deref(),
            Some("cancelled"),
            "{name}: {ran}"
        );
        assert!(repository.comments().is_empty());
        assert!(ran.report.is_none());
        assert_nothing_is_half_written(&job.folder().join("repo/.mlbuild"));
        assert_eq!(job.finalize().code, 0);
        assert_eq!(
            repository.fake.count("PATCH", "/check-runs/"),
            1,
            "nothing was left to complete"
        );
    }
}

#[test]
fn a_signal_while_building_completes_the_check_as_cancelled() {
    let (repository, proposed) = slow_build();
    let job = repository.gate(&proposed);
    let child = job.step(&["action"]).spawn().unwrap();
    let mark = job.folder().join("repo/started");
    wait_until("the build", || mark.exists());
    signal(&child, "-TERM");
    job.after(child.wait_with_output().unwrap()).expect("error", 2);
    assert_eq!(repository.check().conclusion.as_deref(), Some("cancelled"));
}

#[test]
fn a_killed_run_is_completed_by_the_step_that_follows() {
    let (repository, proposed) = slow_build();
    let job = repository.gate(&proposed);
    let mut child = job.step(&["action"]).spawn().unwrap();
    let mark = job.folder().join("repo/started");
    wait_until("the build", || mark.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(repository.check().conclusion, None);
    assert_eq!(job.finalize().code, 0);
    let check = repository.check();
    assert_eq!(
        (check.status.as_str(), check.conclusion.as_deref()),
        ("completed", Some("cancelled"))
    );
    job.finalize();
    assert_eq!(repository.fake.count("PATCH", "/check-runs/"), 1, "once is enough");
}
