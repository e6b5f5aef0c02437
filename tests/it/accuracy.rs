//! `mlbuild accuracy`: how two models' outputs agree.

use std::fs;
use std::path::Path;

use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::env::TestEnv;

fn desk() -> TestEnv {
    let env = empty();
    put(&env, "a.onnx", "digits_mlp.onnx");
    put(&env, "b.onnx", "digits_cnn.onnx");
    put(&env, "sink.onnx", "kitchen_sink.onnx");
    env
}

#[test]
fn a_model_agrees_with_itself() {
    let env = desk();
    insta::assert_snapshot!(env.run(&["accuracy", "a.onnx", "a.onnx", "--task", "vision"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    a.onnx and a.onnx on 32 made-up samples

    output  cosine  lowest  mean error  largest error  top-1 agreement
    logits  1       1       0           0              100.0 %

    they agree
    ");
}

#[test]
fn another_model_does_not() {
    let env = desk();
    let one = env
        .run(&["accuracy", "a.onnx", "b.onnx", "--samples", "8", "--json"])
        .expect_code(1);
    let judged = json(&one);
    assert_eq!(
        (&judged["passed"], &judged["accuracy"]["samples"]),
        (&false.into(), &8.into())
    );
    assert!(judged["accuracy"]["mean_abs_error"].as_f64().unwrap() > 0.0);
    assert_eq!(judged["accuracy"]["outputs"][0]["name"], "logits");
    // The same seed gives the same figures, another seed others.
    let again = env.run(&["accuracy", "a.onnx", "b.onnx", "--samples", "8", "--json"]);
    assert_eq!(one.stdout, again.stdout);
    let seeded = env.run(&[
        "accuracy",
        "a.onnx",
        "b.onnx",
        "--samples",
        "8",
        "--seed",
        "7",
        "--json",
    ]);
    assert_ne!(one.stdout, seeded.stdout);
    let quiet = env.run(&["accuracy", "a.onnx", "b.onnx", "--ci"]).expect_code(1);
    assert_eq!(quiet.stdout, "");
    let loose = ["--cosine-threshold", "0", "--top1-threshold", "0", "--samples", "4"];
    env.run(&[&["accuracy", "a.onnx", "b.onnx"][..], &loose].concat())
        .expect_code(0);
    env.run(
        &[
            &["accuracy", "a.onnx", "b.onnx", "--mae-threshold", "0.0001"][..],
            &loose,
        ]
        .concat(),
    )
    .expect_code(1);
}

#[test]
fn labels_count_right_answers() {
    let env = desk();
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/digits.npz");
    env.write("digits.npz", fs::read(digits).unwrap());
    let arguments = [
        "--dataset",
        "digits.npz",
        "--labels",
        "labels",
        "--samples",
        "50",
        "--cosine-threshold",
        "0",
        "--json",
    ];
    let judged = json(&env.run(&[&["accuracy", "a.onnx", "b.onnx"][..], &arguments].concat()));
    assert_eq!(judged["accuracy"]["labelled"], 50);
    assert!(judged["accuracy"]["baseline_top1"].as_f64().unwrap() > 0.8);
    assert_eq!(judged["seed"], serde_json::Value::Null);
}

#[test]
fn what_cannot_be_compared_is_told() {
    let env = desk();
    for (arguments, expected) in [
        (&["a.onnx", "none.onnx"][..], "none.onnx"),
        (&["a.onnx", "sink.onnx"], "the inputs changed"),
        (&["a.onnx", "a.onnx", "--dataset", "none.npz"], "none.npz"),
        (&["a.onnx", "a.onnx", "--samples", "0"], "--samples"),
        (&["a.onnx", "a.onnx", "--cosine-threshold", "1.5"], "--cosine-threshold"),
        (&["a.onnx", "a.onnx", "--top1-threshold", "-1"], "--top1-threshold"),
        (&["a.onnx", "a.onnx", "--mae-threshold", "0"], "--mae-threshold"),
        (&["a.onnx", "a.onnx", "--input-shape", "nope=1,2"], "nope"),
    ] {
        let output = env.run(&[&["accuracy"][..], arguments].concat()).expect_code(2);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
    }
}

#[test]
fn other_outputs_are_an_error_in_words() {
    use crate::support::onnx::graph;
    use crate::support::onnx::model;
    use crate::support::onnx::node;
    use crate::support::onnx::value;
    use mlbuild::model::onnx::proto::tensor_proto::DataType;
    let env = empty();
    for (name, output) in [("a.onnx", "y"), ("b.onnx", "z")] {
        let bytes = model(
            17,
            graph(
                vec![value("x", DataType::Float, &[1, 4])],
                vec![node("Neg", &["x"], &[output])],
                vec![],
                vec![value(output, DataType::Float, &[1, 4])],
            ),
        );
        env.write(name, &bytes);
    }
    let output = env.run(&["accuracy", "a.onnx", "b.onnx"]).expect_code(2);
    assert!(
        output
            .stderr
            .contains("the outputs differ: only the first model has `y`"),
        "{}",
        output.stderr
    );
}
