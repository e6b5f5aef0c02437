//! `mlbuild build`: models and quantized variants in the registry.

use std::fs;

use crate::support::desk::assert_no_leftovers;
use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::plain;
use crate::support::desk::put;
use crate::support::env::TestEnv;

fn desk() -> TestEnv {
    let env = empty();
    put(&env, "models/digits.onnx", "digits_cnn.onnx");
    env
}

#[test]
fn a_model_is_registered_as_it_is() {
    let env = desk();
    let before = env.tree();
    insta::assert_snapshot!(plain(&env.run(&["build", "--model", "models/digits.onnx", "--name", "cnn"])), @r"
    exit code: 0
    ----- stdout -----
    cnn fp32 ([ID])

    size      1.2 MB
    runs      on onnxruntime_cpu, 32 made-up samples
    file      .mlbuild/objects/[ID]

    next: mlbuild optimize [ID] --pass quantize --method int8
          mlbuild explore [ID]
    ----- stderr -----
    registered `models/digits.onnx` as cnn fp32 ([ID]) in .mlbuild/registry.db
    ");
    assert_eq!(before["models/digits.onnx"], env.tree()["models/digits.onnx"]);
    // A second name is told to be in vain.
    let again = env
        .run(&["build", "--model", "models/digits.onnx", "--name", "other"])
        .expect_code(0);
    assert!(
        again.stderr.contains("in the registry as `cnn` already"),
        "{}",
        again.stderr
    );
    assert!(!again.stderr.contains("registered"), "{}", again.stderr);
    assert_no_leftovers(&env);
}

#[test]
fn a_quantized_variant_is_its_child_and_runs_elsewhere() {
    let env = desk();
    let made = json(&env.run(&[
        "build",
        "--model",
        "models/digits.onnx",
        "--target",
        "onnxruntime-cpu",
        "--quantize",
        "fp16",
        "--output",
        "half.onnx",
        "--json",
    ]));
    assert_eq!((&made["schema"], &made["reused"]), (&1.into(), &false.into()));
    assert_eq!(
        (&made["build"]["recipe"], &made["build"]["model"]),
        (&"fp16".into(), &"digits".into())
    );
    assert_eq!(made["parent"], made["root"]);
    assert_eq!(made["files"], serde_json::json!(["half.onnx"]));
    assert!(made["accuracy"]["cosine"].as_f64().unwrap() > 0.9999);
    assert!(made["size_ratio"].as_f64().unwrap() < 0.52);
    // What was written is what the registry has, and other commands take it by its id.
    let id = made["build"]["id"].as_str().unwrap();
    let agreed = json(&env.run(&[
        "accuracy",
        "half.onnx",
        id.get(..8).unwrap(),
        "--samples",
        "2",
        "--json",
    ]));
    assert_eq!(agreed["accuracy"]["max_abs_error"], 0.0);
    assert_eq!(
        fs::metadata(env.path("half.onnx")).unwrap().len(),
        made["build"]["size_bytes"].as_u64().unwrap()
    );
}

#[test]
fn wrong_words_are_told() {
    let env = desk();
    let model = ["build", "--model", "models/digits.onnx"];
    for (arguments, expected) in [
        (
            &["--quantize", "int9"][..],
            "expected none or one of fp16, bf16, int8, int8-static",
        ),
        (
            &["--target", "apple_m1"],
            "expected one of onnxruntime_cpu, onnxruntime_gpu, onnxruntime_ane",
        ),
        (
            &["--quantize", "int8", "--target", "onnxruntime_ane"],
            "it runs on onnxruntime_cpu",
        ),
        (
            &["--quantize", "fp16", "--calibration-data", "x.npz"],
            "`fp16` takes no ranges",
        ),
        (&["--calibration-data", "x.npz"], "nothing is to be quantized"),
        (&["--quantize", "int8-static", "--calibration-data", "x.npz"], "x.npz"),
        (
            &["--quantize", "int8-static", "--per-tensor"],
            "`int8-static` has no per-tensor form",
        ),
        (&["--output", "models/digits.onnx"], "which is never changed"),
    ] {
        let output = env.run(&[&model[..], arguments].concat()).expect_code(2);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
    }
    let output = env.run(&["build", "--model", "none.onnx"]).expect_code(2);
    assert!(output.stderr.contains("no model file `none.onnx`"), "{}", output.stderr);
    // Nothing of all that was kept.
    assert!(
        !env.path(".mlbuild/registry.db").exists() || {
            let registry = mlbuild::registry::Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
            registry.builds().unwrap().is_empty()
        }
    );
}
