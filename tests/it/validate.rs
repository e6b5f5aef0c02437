//! `mlbuild validate`: every limit is enforced, and what is not known does not pass.

use mlbuild::registry::Registry;

use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::project;
use crate::support::desk::put;
use crate::support::env::TestEnv;

fn desk() -> TestEnv {
    let env = empty();
    put(&env, "model.onnx", "digits_mlp.onnx");
    put(&env, "other.onnx", "digits_cnn.onnx");
    env
}

#[test]
fn wide_limits_hold() {
    let env = desk();
    let mut limits = vec!["--max-latency", "10 s", "--max-p95", "10 s", "--max-size", "8"];
    if cfg!(target_os = "linux") {
        limits.extend(["--max-memory", "4000"]);
    }
    let judged = json(
        &env.run(&[&["validate", "model.onnx", "--json"][..], &limits].concat())
            .expect_code(0),
    );
    let constraints = judged["constraints"].as_array().unwrap();
    assert_eq!(constraints.len(), limits.len() / 2);
    for constraint in constraints {
        assert_eq!(
            (&constraint["result"], &constraint["source"]),
            (&"passed".into(), &"flag".into())
        );
        assert!(constraint["upper"].as_f64().unwrap() <= constraint["limit"].as_f64().unwrap());
    }
    assert_eq!(judged["passed"], true);
}

#[test]
fn every_limit_is_enforced_by_itself() {
    let env = desk();
    let mut cases = vec![("--max-latency", "1 ns"), ("--max-p95", "1 ns"), ("--max-size", "1 KB")];
    if cfg!(target_os = "linux") {
        cases.push(("--max-memory", "1 KB"));
    }
    for (flag, limit) in cases {
        let output = env.run(&["validate", "model.onnx", flag, limit, "--runs", "10", "--warmup", "2"]);
        let output = output.expect_code(1);
        assert!(output.stdout.contains(&format!("flag {flag}")), "{}", output.stdout);
        assert!(output.stdout.contains(" % over)"), "{}", output.stdout);
        assert!(output.stdout.ends_with("model.onnx: violated\n"), "{}", output.stdout);
    }
}

#[test]
fn ci_mode_says_nothing() {
    let env = desk();
    let output = env
        .run(&["validate", "model.onnx", "--max-size", "1 KB", "--ci"])
        .expect_code(1);
    assert_eq!(output.stdout, "");
    let output = env
        .run(&["validate", "model.onnx", "--max-size", "8", "--ci"])
        .expect_code(0);
    assert_eq!(output.stdout, "");
}

#[test]
fn bad_usage_is_told() {
    let env = desk();
    for (arguments, expected) in [
        (&["model.onnx"][..], "no limit is given"),
        (&["model.onnx", "--max-latency", "0"], "--max-latency"),
        (&["model.onnx", "--max-memory", "-5"], "--max-memory"),
        (&["model.onnx", "--max-size", "8 ms"], "--max-size"),
        (
            &["model.onnx", "--max-size", "8", "--cosine-threshold", "99"],
            "--cosine-threshold",
        ),
        (&["none.onnx", "--max-size", "8"], "none.onnx"),
        (
            &[
                "model.onnx",
                "--max-size",
                "8",
                "--dataset",
                "none.npz",
                "--baseline-id",
                "other.onnx",
            ],
            "none.npz",
        ),
        (
            &["model.onnx", "--max-size", "8", "--baseline-id", "none.onnx"],
            "none.onnx",
        ),
        (&["model.onnx", "--max-size", "8", "--labels", "y"], "--dataset"),
    ] {
        let output = env.run(&[&["validate"][..], arguments].concat()).expect_code(2);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
    }
}

#[test]
fn outputs_are_held_against_a_reference() {
    let env = desk();
    let with = |reference: &str, code: i32| {
        let arguments = [
            "validate",
            "model.onnx",
            "--baseline-id",
            reference,
            "--accuracy-samples",
            "5",
            "--json",
        ];
        json(&env.run(&arguments).expect_code(code))
    };
    let same = with("model.onnx", 0);
    assert_eq!(same["accuracy"]["agreement"]["samples"], 5);
    assert_eq!(same["accuracy"]["agreement"]["max_abs_error"], 0.0);
    let other = with("other.onnx", 1);
    assert_eq!(other["result"], "violated");
    assert_eq!(other["accuracy"]["thresholds"][0]["result"], "violated");
}

#[test]
fn a_build_is_held_against_its_root_and_a_root_against_nothing() {
    let env = project("digits_mlp.onnx", "    variants: [fp32, fp16]\n");
    env.run(&["ci"]).expect_code(0);
    let registry = Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    let id = |recipe: &str| {
        let builds = registry.builds().unwrap();
        let build = builds.iter().find(|build| build.facts.recipe == recipe).unwrap();
        build.facts.id.to_string()
    };
    let validate = |recipe: &str| {
        let arguments = [
            "validate",
            &id(recipe),
            "--max-size",
            "8",
            "--cosine-threshold",
            "0.9",
            "--json",
        ];
        json(&env.run(&arguments).expect_code(0))
    };
    let derived = validate("fp16");
    assert!(derived["accuracy"]["agreement"]["cosine"].as_f64().unwrap() > 0.99);
    let root = validate("fp32");
    assert_eq!(root["accuracy"], serde_json::Value::Null);
    assert!(
        root["accuracy_skipped"]
            .as_str()
            .unwrap()
            .contains("root of its lineage")
    );
}
