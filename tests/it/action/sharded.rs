//! A gate over several jobs: one deals out, some measure, one judges, comments and completes the check; whatever becomes of the others.

use std::fs;
use std::path::Path;

use super::Proposed;
use super::Ran;
use super::Repository;
use super::bloated;
use super::mlp;
use crate::support::desk::padded;

const CONFIG: &str = "\
version: 1
models:
  - { name: digits, path: models/digits.onnx, variants: [fp32, fp16] }
gate:
  latency: { max_regression: 99999% }
  memory: { max_regression: 99999% }
measure: { time_budget: 500 ms }
";

const RUN: u64 = 9100;

fn repository() -> Repository {
    let repository = Repository::with(&[(".mlbuild.yml", CONFIG.as_bytes()), ("models/digits.onnx", &mlp())]);
    repository.refresh();
    repository
}

/// One job of the run, on a runner of its own: in these tests, an attempt of its own.
fn job(repository: &Repository, proposed: &Proposed, attempt: u64, input: &str, value: &str) -> Ran {
    repository
        .gate(proposed)
        .numbered(RUN)
        .attempt(attempt)
        .input(input, value)
        .input("MATRIX", r#"{"shard":"1/2"}"#)
        .run()
}

/// Plans and measures both shards, and lays their files where the job that judges downloads them.
fn measured(repository: &Repository, proposed: &Proposed) {
    let planned = job(repository, proposed, 1, "SHARDS", "5");
    assert_eq!(planned.code, 0, "{planned}");
    let matrix: serde_json::Value = serde_json::from_str(planned.output("matrix")).unwrap();
    let shards: Vec<&str> = matrix["include"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leg| leg["shard"].as_str().unwrap())
        .collect();
    assert_eq!(shards, ["1/2", "2/2"]);
    for (index, shard) in shards.iter().enumerate() {
        let attempt = 2 + index as u64;
        let ran = job(repository, proposed, attempt, "SHARD", shard);
        assert_eq!(ran.code, 0, "{ran}");
        let file = Path::new(ran.output("shard-file"));
        let artifact = repository
            .env
            .path(&format!("run-{RUN}-9/repo/.mlbuild/shards/artifact-{index}"));
        fs::create_dir_all(&artifact).unwrap();
        fs::copy(file, artifact.join(file.file_name().unwrap())).unwrap();
    }
    // Until the whole is judged, nobody is told anything.
    assert!(repository.comments().is_empty());
    assert!(repository.fake.edit(|state| state.checks.is_empty()));
}

fn merge(repository: &Repository, proposed: &Proposed) -> Ran {
    job(repository, proposed, 9, "MERGE", ".mlbuild/shards")
}

#[test]
fn jobs_come_to_one_check_and_one_comment() {
    let repository = repository();
    let proposed = repository.propose(&[("models/digits.onnx", &bloated())]);
    measured(&repository, &proposed);
    let ran = merge(&repository, &proposed).expect("regression", 1);
    let check = repository.check();
    assert_eq!(check.head_sha, proposed.head.as_str());
    assert_eq!(check.conclusion.as_deref(), Some("failure"));
    assert!(!check.name.contains("1/2"), "{}", check.name);
    let comment = repository.comment();
    assert!(comment.body.contains("digits"), "{}", comment.body);
    let report = ran.report.as_ref().unwrap();
    assert_eq!(report["comparisons"].as_array().unwrap().len(), 2);
    assert_eq!(report["context"]["head_commit"], proposed.head.as_str());
    assert_eq!(
        ran.output("baseline"),
        report["context"]["baseline_tag"].as_str().unwrap()
    );
}

#[test]
fn what_is_no_worse_passes() {
    let repository = repository();
    let proposed = repository.propose(&[("models/digits.onnx", &padded("digits_mlp.onnx", 10))]);
    measured(&repository, &proposed);
    let ran = merge(&repository, &proposed);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(["pass", "improvement", "inconclusive"].contains(&ran.result()), "{ran}");
}

#[test]
fn a_shard_that_never_came_fails_the_check_by_name() {
    let repository = repository();
    let proposed = repository.propose(&[("models/digits.onnx", &padded("digits_mlp.onnx", 10))]);
    measured(&repository, &proposed);
    fs::remove_dir_all(
        repository
            .env
            .path(&format!("run-{RUN}-9/repo/.mlbuild/shards/artifact-1")),
    )
    .unwrap();
    let ran = merge(&repository, &proposed).expect("error", 2);
    assert!(ran.log.contains("shard 2/2 is missing"), "{ran}");
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"));
    assert!(ran.summary.contains("shard 2/2 is missing"), "{}", ran.summary);
}

#[test]
fn shards_of_another_run_or_commit_are_refused() {
    let repository = repository();
    let proposed = repository.propose(&[("models/digits.onnx", &padded("digits_mlp.onnx", 10))]);
    measured(&repository, &proposed);
    let newer = Proposed {
        head: repository.commit(&proposed.head, &[("models/digits.onnx", &bloated())]),
        pull: proposed.pull,
    };
    repository.fake.edit(|state| {
        let pull = state.pulls.get_mut(&proposed.pull).unwrap();
        pull.head_sha = newer.head.to_string();
    });
    let ran = merge(&repository, &newer).expect("error", 2);
    assert!(
        ran.log
            .contains(&format!("is of the commit {}", proposed.head.as_str())),
        "{ran}"
    );
}

#[test]
fn a_folder_without_shards_and_a_push_are_told_apart_from_a_pass() {
    let repository = repository();
    let proposed = repository.propose(&[("models/digits.onnx", &padded("digits_mlp.onnx", 10))]);
    let ran = merge(&repository, &proposed).expect("error", 2);
    assert!(ran.log.contains("cannot read"), "{ran}");
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
    let ran = repository
        .refresh_on("main", &repository.fake.tip("main"))
        .input("SHARD", "1/2")
        .run();
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("this event publishes a baseline"), "{ran}");
}
