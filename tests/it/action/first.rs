//! Before there is any baseline release: the file at the base commit, or nothing to compare with.

use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::Repository;
use super::SOURCE_PATH;
use super::bloated;
use super::mlp;
use super::model;
use super::touched;
use super::with_text;

#[test]
fn the_first_pull_request_is_compared_with_the_file_at_its_base() {
    let repository = Repository::of_committed_model();
    let base = repository.fake.tip("main");
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);

    let check = repository.check();
    assert_eq!(check.name, "mlbuild / default");
    assert_eq!(check.head_sha, proposed.head.as_str());
    assert_eq!(check.conclusion.as_deref(), Some("success"));
    assert_eq!(check.external_id, format!("v1:{}:default:7001.1", proposed.pull));
    assert!(
        check.title.starts_with("pass: No regression: digits "),
        "{}",
        check.title
    );
    let comment = repository.comment();
    assert_eq!(comment.pull, proposed.pull);
    assert!(comment.body.contains("the model at "), "{}", comment.body);
    assert!(comment.body.contains(base.as_str()), "{}", comment.body);
    assert!(ran.output("comment-url").ends_with(&comment.id.to_string()), "{ran}");
    assert!(ran.output("check-url").ends_with(&check.id.to_string()), "{ran}");
    assert!(ran.output("baseline").contains(base.short()), "{ran}");
    assert!(ran.output("report").ends_with(".mlbuild/ci_report.json"), "{ran}");
    assert!(ran.summary.contains("No regression"), "{ran}");
    assert!(repository.releases().is_empty());
}

#[test]
fn the_first_pull_request_may_fail() {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &bloated())]);
    repository.gate(&proposed).run().expect("regression", 1);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
}

#[test]
fn a_model_that_the_base_never_had_is_no_failure() {
    let repository = Repository::with(&[("README.md", b"models to come")]);
    let files: [(&str, &[u8]); 2] = [(CONFIG_PATH, CONFIG.as_bytes()), (MODEL_PATH, &mlp())];
    let proposed = repository.propose(&files);
    let ran = repository.gate(&proposed).run().expect("no-baseline", 0);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("neutral"));
    assert!(check.summary.contains("does not have this model"), "{}", check.summary);
    assert_eq!(ran.report.unwrap()["comparisons"].as_array().unwrap().len(), 1);

    repository
        .gate(&proposed)
        .input("FAIL_ON_MISSING_BASELINE", "true")
        .run()
        .expect("no-baseline", 1);
    let conclusions = repository.fake.edit(|state| state.checks[1].conclusion.clone());
    assert_eq!(conclusions.as_deref(), Some("failure"));
}

#[test]
fn a_model_that_the_base_names_and_nobody_has_is_an_error() {
    let repository = Repository::of_built_model();
    let proposed = repository.propose(&[(SOURCE_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("error", 2);
    let check = repository.check();
    assert_eq!(check.conclusion.as_deref(), Some("failure"));
    assert!(
        check.summary.contains("neither a baseline release nor"),
        "{}",
        check.summary
    );
    assert!(
        repository.comment().body.contains("neither a baseline release nor"),
        "{ran}"
    );
}

#[test]
fn deleting_the_releases_does_not_switch_the_gate_off() {
    let repository = Repository::of_built_model();
    repository.refresh();
    repository.fake.edit(|state| state.releases.clear());
    let proposed = repository.propose(&[(SOURCE_PATH, &touched())]);
    repository.gate(&proposed).run().expect("error", 2);
    assert_eq!(repository.check().conclusion.as_deref(), Some("failure"));
}

#[test]
fn an_unreadable_config_at_the_base_does_not_switch_the_gate_off() {
    let repository = Repository::of_built_model();
    repository.push(&[(CONFIG_PATH, b"version: 99\n")]);
    let proposed = repository.propose(&[(CONFIG_PATH, super::BUILT.as_bytes()), (SOURCE_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("error", 2);
    assert!(ran.summary.contains("nobody can tell whether"), "{ran}");
}

#[test]
fn a_pointer_at_the_base_is_no_model() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 203728\n";
    let repository = Repository::with(&[(CONFIG_PATH, CONFIG.as_bytes()), (MODEL_PATH, pointer)]);
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    repository.gate(&proposed).run().expect("error", 2);
    let check = repository.check();
    assert!(check.summary.contains("Git LFS pointer"), "{}", check.summary);
    assert!(check.summary.contains("lfs: true"), "{}", check.summary);
}

#[test]
fn weights_beside_the_model_come_from_the_base_too() {
    let config = CONFIG.replace("digits", "external_mlp");
    let files: [(&str, &[u8]); 3] = [
        (CONFIG_PATH, config.as_bytes()),
        ("models/external_mlp.onnx", &model("external_mlp.onnx")),
        ("models/external_mlp.onnx.data", &model("external_mlp.onnx.data")),
    ];
    let repository = Repository::with(&files);
    let changed = with_text(&model("external_mlp.onnx"), 3);
    let proposed = repository.propose(&[("models/external_mlp.onnx", &changed)]);
    repository.gate(&proposed).run().expect("pass", 0);
    assert_eq!(repository.fake.count("GET", "external_mlp.onnx.data"), 1);
}
