//! Quantized and pruned variants in the gate: like with like, calibrated or out of the baseline's record, and what it means that one
//! can no longer be made.

use mlbuild::model::Model;
use mlbuild::variant::Recipe;
use mlbuild::variant::derive;
use serde_json::Value;

use crate::support::desk;
use crate::support::desk::project;
use crate::support::desk::report;
use crate::support::desk::verdicts;
use crate::support::env::TestEnv;
use crate::support::onnx::fixture;

/// Puts `recipe` of a fixture to `to`.
fn put_variant(env: &TestEnv, to: &str, model: &str, recipe: &str) {
    let model = Model::load(&fixture(model)).unwrap();
    let variant = derive(&model, &Recipe::parse(recipe).unwrap(), 0, &[]).unwrap();
    env.write(to, &variant.files[0].bytes);
}

/// The only entry of the baseline for `variant`.
fn entry(env: &TestEnv, variant: &str) -> Value {
    let manifest: Value = serde_json::from_str(&env.read(".mlbuild/baseline/manifest.json")).unwrap();
    let entries = manifest["entries"].as_array().unwrap();
    entries
        .iter()
        .find(|entry| entry["key"]["variant"] == variant)
        .unwrap()
        .clone()
}

const DATA: &str = "    variants: [fp32, int8, int8-static, prune-0.50+int8]\n    calibration: { path: digits.npz, array: input, samples: 16 }\n";

fn with_data(model: &str, more: &str) -> TestEnv {
    let env = project(model, more);
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/digits.npz");
    env.write("digits.npz", std::fs::read(data).unwrap());
    env
}

#[test]
fn variants_are_compared_with_their_like_and_shown_against_fp32() {
    let env = with_data("digits_mlp.onnx", DATA);
    env.run(&["baseline", "refresh"]).expect_code(0);
    let recorded = entry(&env, "int8-static");
    assert!(recorded["calibration"].is_string());
    assert!(
        recorded["evidence"][0]["ranges"].as_object().unwrap().len() > 3,
        "{recorded:#}"
    );
    assert_eq!(entry(&env, "int8")["evidence"], serde_json::json!([]));
    assert_eq!(entry(&env, "int8")["calibration"], Value::Null);

    // Nothing changed, and so nothing is measured or calibrated.
    env.run(&["ci"]).expect_code(0);
    let unchanged = [
        "digits fp32 skipped",
        "digits int8 skipped",
        "digits int8-static skipped",
        "digits prune-0.50+int8 skipped",
    ];
    assert_eq!(verdicts(&report(&env)), unchanged);

    // A slightly pruned model has the same size and nearly the same outputs.
    put_variant(&env, "model.onnx", "digits_mlp.onnx", "prune-0.02");
    let output = env.run(&["ci"]).expect_code(0);
    let report = report(&env);
    assert_eq!(
        verdicts(&report),
        [
            "digits fp32 pass",
            "digits int8 pass",
            "digits int8-static pass",
            "digits prune-0.50+int8 pass"
        ],
        "{}",
        output.stdout
    );
    for comparison in report["comparisons"].as_array().unwrap() {
        let (one, other) = (&comparison["baseline"], &comparison["candidate"]);
        assert_eq!(one["size_mb"], other["size_mb"], "{comparison:#}");
    }
    let comment = env.read(".mlbuild/comment.md");
    let against = comment.split("Variants against fp32").nth(1).unwrap();
    for variant in ["int8", "int8-static", "prune-0.50+int8"] {
        assert!(against.contains(variant), "{against}");
    }
}

#[test]
fn a_variant_that_can_no_longer_be_made_is_a_regression() {
    let env = project("digits_mlp.onnx", "    variants: [int8]\n");
    env.run(&["baseline", "refresh"]).expect_code(0);
    put_variant(&env, "model.onnx", "digits_mlp.onnx", "int8");
    let output = env.run(&["ci"]).expect_code(1);
    assert_eq!(verdicts(&report(&env)), ["digits int8 regression"]);
    let said = &report(&env)["comparisons"][0]["reason"];
    let said = said.as_str().unwrap();
    assert!(
        said.starts_with("the baseline's model can be made into `int8`, and this one cannot: cannot derive `int8`"),
        "{said}"
    );
    assert!(output.stdout.contains("regression"), "{}", output.stdout);

    // Where the baseline's cannot be made either, nobody can compare.
    let env = desk::empty();
    put_variant(&env, "model.onnx", "digits_mlp.onnx", "int8");
    put_variant(&env, "old.onnx", "digits_cnn.onnx", "prune-0.50+int8");
    env.write(".mlbuild.yml", desk::config("    variants: [int8]\n"));
    env.run(&["ci", "--baseline", "old.onnx"]).expect_code(2);
    assert_eq!(verdicts(&report(&env)), ["digits int8 error"]);
}

#[test]
fn other_calibration_data_is_a_change() {
    let env = with_data(
        "digits_mlp.onnx",
        &DATA.replace("[fp32, int8, int8-static, prune-0.50+int8]", "[int8, int8-static]"),
    );
    env.run(&["baseline", "refresh"]).expect_code(0);
    env.write(
        ".mlbuild.yml",
        env.read(".mlbuild.yml").replace("samples: 16", "samples: 24"),
    );
    env.run(&["ci"]).expect_code(0);
    let verdicts = verdicts(&report(&env));
    assert!(!verdicts[1].ends_with("skipped"), "{verdicts:?}");
}

#[test]
fn without_data_ranges_are_made_up_and_the_report_says_so() {
    let env = project("digits_mlp.onnx", "    variants: [int8-static]\n");
    env.run(&["ci"]).expect_code(0);
    let report = report(&env);
    let warnings = report["comparisons"][0]["warnings"].to_string();
    assert!(warnings.contains("ranges come from made-up inputs"), "{report:#}");
}

#[test]
fn calibration_data_that_does_not_fit_is_an_error_of_the_variants_that_need_it() {
    let env = project(
        "digits_mlp.onnx",
        "    variants: [fp32, int8-static]\n    calibration: none.npz\n",
    );
    let output = env.run(&["ci"]).expect_code(2);
    assert_eq!(
        verdicts(&report(&env)),
        ["digits fp32 no-baseline", "digits int8-static error"]
    );
    assert!(output.stdout.contains("none.npz"), "{}", output.stdout);
}
