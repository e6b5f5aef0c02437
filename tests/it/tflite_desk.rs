//! TensorFlow Lite models at the desk and at the gate: brought in, converted, measured, compared across formats, refused with reasons.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use mlbuild::hint::Hint as _;
use mlbuild::model::Format;
use mlbuild::model::Model;
use mlbuild::model::ModelError;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::desk;
use crate::support::desk::CALM;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::desk::report;
use crate::support::desk::verdicts;
use crate::support::env::TestEnv;

fn project(config: &str) -> TestEnv {
    let env = desk::empty();
    put(&env, "cnn.tflite", "tflite/cnn.tflite");
    put(&env, "digits.onnx", "digits_cnn.onnx");
    if !config.is_empty() {
        env.write(".mlbuild.yml", format!("version: 1\n{config}{CALM}"));
    }
    env
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/tflite");
    fs::read(folder.join(name)).unwrap()
}

fn load(bytes: Vec<u8>) -> Result<Model, ModelError> {
    Model::from_bytes(Path::new("m.tflite"), Bytes::from(bytes))
}

#[test]
fn a_model_is_brought_in_run_and_described() {
    let env = project("");
    let kept = json(&env.run(&["import", "--model", "cnn.tflite", "--target", "generic_linux", "--json"]));
    assert_eq!(kept["build"]["format"], "tflite");
    assert_eq!((&kept["runnable"], &kept["verified"]), (&true.into(), &true.into()));
    let id = kept["build"]["id"].as_str().unwrap();
    let inspected = json(&env.run(&["inspect", id, "--json"]));
    assert_eq!(inspected["artifacts"][0]["name"], "model.tflite");
    let measured = json(&env.run(&[
        "benchmark",
        id,
        "--runs",
        "5",
        "--restarts",
        "3",
        "--time-budget",
        "2 s",
        "--json",
    ]));
    assert_eq!(measured["target"], "generic_linux");
    assert_eq!(measured["runtime_version"], "2.3.0");
    assert!(measured["results"][0].to_string().contains("p50"), "{measured}");
}

#[test]
fn an_onnx_model_becomes_a_tflite_model_that_agrees() {
    let env = project("");
    let made = json(&env.run(&[
        "build",
        "--model",
        "digits.onnx",
        "--target",
        "generic_linux",
        "--output",
        "digits.tflite",
        "--json",
    ]));
    assert_eq!(made["build"]["recipe"], "tflite");
    let model = Model::load(&env.path("digits.tflite")).unwrap();
    assert_eq!(model.format, Format::TfLite);
    assert!(
        model.facts.op_histogram.contains_key("CONV_2D"),
        "{:?}",
        model.facts.op_histogram
    );
    let judged = json(&env.run(&["accuracy", "digits.onnx", "digits.tflite", "--samples", "4", "--json"]));
    assert_eq!(judged["passed"], true);
    assert!(judged["accuracy"]["outputs"][0]["cosine"].as_f64().unwrap_or(0.0) > 0.999_999);
    // A variant of the converted build goes on from there.
    let id = made["build"]["id"].as_str().unwrap();
    let shown = json(&env.run(&["inspect", id, "--json"]));
    assert_eq!(shown["accuracy"][0]["runtime_version"], "2.3.0");
    assert_eq!(
        (&shown["build"]["format"], &shown["build"]["task"]),
        (&"tflite".into(), &"vision".into())
    );
}

#[test]
fn a_gate_judges_tflite_models_and_converted_ones() {
    let env = project(
        "models:
  - { name: cnn, path: cnn.tflite }
  - { name: digits, path: digits.onnx, targets: [onnxruntime_cpu, generic_linux] }
baseline: { store: dir, path: baseline }
",
    );
    env.run(&["baseline", "refresh"]).expect_code(0);
    env.run(&["ci"]).expect_code(0);
    assert_eq!(
        verdicts(&report(&env)),
        ["cnn fp32 skipped", "digits fp32 skipped", "digits fp32 skipped"]
    );
    // Another network under the same name.
    put(&env, "digits.onnx", "digits_mbv2.onnx");
    env.run(&["ci"]);
    let judged = report(&env);
    let targets: Vec<&str> = judged["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comparison| comparison["target"].as_str().unwrap())
        .collect();
    assert_eq!(targets, ["generic_linux", "onnxruntime_cpu", "generic_linux"]);
    let measured = judged["comparisons"].as_array().unwrap();
    assert!(
        measured[1..].iter().all(|comparison| comparison["metrics"]
            .as_array()
            .is_some_and(|metrics| !metrics.is_empty())),
        "{judged}"
    );
}

#[test]
fn what_does_not_run_there_is_said() {
    let env = project("models: [{ name: cnn, path: cnn.tflite, targets: [onnxruntime_cpu] }]\n");
    let output = env.run(&["ci"]).expect_code(2);
    assert!(
        output.stdout.contains("cannot run a model in TFLite format")
            || output.stderr.contains("cannot run a model in TFLite format"),
        "{}",
        output.snapshot()
    );
    let env = project("");
    let output = env
        .run(&["optimize", "cnn.tflite", "--recipe", "simplify"])
        .expect_code(2);
    assert!(output.stderr.contains("changes ONNX models"), "{}", output.stderr);
}

#[test]
fn hostile_files_get_a_reason() {
    let whole = fixture("cnn.tflite");
    for cut in [8, 40, whole.len() / 2, whole.len() - 1] {
        let error = load(whole[..cut].to_vec()).err();
        // The very end may be padding.
        if let Some(error) = error {
            assert!(
                !error.hints().is_empty() && error.to_string().contains("m.tflite"),
                "{error}"
            );
        } else {
            assert_eq!(cut, whole.len() - 1);
        }
    }
    let custom = load(fixture("custom.tflite")).unwrap();
    assert!(
        custom.facts.op_histogram.keys().any(|name| name.starts_with("CUSTOM.")),
        "{:?}",
        custom.facts.op_histogram
    );
    // What only the engine can tell: operators, and their versions, that it does not have.
    let env = desk::empty();
    for (name, expected) in [("custom.tflite", "unresolved custom op"), ("future.tflite", "ABS")] {
        env.write(name, fixture(name));
        let output = env
            .run(&["import", "--model", name, "--target", "generic_linux"])
            .expect_code(2);
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
}

#[test]
fn facts_of_the_fixtures() {
    let model = load(fixture("cnn.tflite")).unwrap();
    let value: Value = serde_json::to_value(&model.facts).unwrap();
    insta::assert_snapshot!("tflite_facts", serde_json::to_string_pretty(&value).unwrap());
    let quantized = load(fixture("int8.tflite")).unwrap();
    assert_eq!(mlbuild::variant::precision(&quantized), "int8");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_flipped_bit_is_an_error_or_another_model(which in 0_usize..4, place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = fixture(["cnn.tflite", "int8.tflite", "signatures.tflite", "dynamic.tflite"][which]);
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(model) = load(bytes) {
            let _ = mlbuild::variant::precision(&model);
            let _ = mlbuild::model::difference::difference(&model, &model, Default::default());
        }
    }
}
