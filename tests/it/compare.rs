//! `mlbuild compare A B` with the real binary and engine.

use mlbuild::model::onnx::proto::tensor_proto::DataType;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::desk::regressed;
use crate::support::desk::verdicts;
use crate::support::env::TestEnv;
use crate::support::onnx;

/// Two models side by side, nothing else.
fn two(a: &str, b: &str) -> TestEnv {
    let env = desk::empty();
    put(&env, "a.onnx", a);
    put(&env, "b.onnx", b);
    env
}

/// A model whose input's second dimension is free.
fn dynamic() -> Vec<u8> {
    let x = onnx::value("x", DataType::Float, &[1, -1]);
    let y = onnx::value("y", DataType::Float, &[1, -1]);
    let nodes = vec![onnx::node("Relu", &["x"], &["y"])];
    onnx::model(17, onnx::graph(vec![x], nodes, vec![], vec![y]))
}

#[test]
fn a_model_beside_itself_is_no_regression() {
    let env = two("digits_mlp.onnx", "digits_mlp.onnx");
    let before = env.tree();
    let output = env
        .run(&[
            "compare",
            "a.onnx",
            "b.onnx",
            "--threshold",
            "400%",
            "--time-budget",
            "1 s",
            "--json",
        ])
        .expect_code(0);
    let report = json(&output);
    assert!(!regressed(&report).contains(&"latency-p50".to_owned()));
    assert_eq!(report["context"]["baseline_label"], "a.onnx");
    assert_eq!(report["delta"]["size_pct"], 0.0);
    assert_eq!(env.tree(), before);
    desk::assert_no_leftovers(&env);
}

#[test]
fn a_bigger_model_regresses() {
    let env = two("digits_mlp.onnx", "digits_cnn.onnx");
    let output = env
        .run(&["compare", "a.onnx", "b.onnx", "--time-budget", "300 ms"])
        .expect_code(1);
    assert!(
        output.stdout.contains("b · onnxruntime_cpu · baseline a.onnx"),
        "{}",
        output.stdout
    );
    let output = env
        .run(&["compare", "a.onnx", "b.onnx", "--time-budget", "300 ms", "--json"])
        .expect_code(1);
    assert_eq!(regressed(&json(&output))[..2], ["latency-p50", "size"]);
    let flags = [
        "compare",
        "a.onnx",
        "b.onnx",
        "--time-budget",
        "300 ms",
        "--json",
        "--size-threshold",
        "900%",
    ];
    let output = env.run(&flags).expect_code(1);
    assert!(!regressed(&json(&output)).contains(&"size".to_owned()));
}

#[test]
fn variants_are_derived_from_both_sides() {
    let env = two("digits_mlp.onnx", "digits_mlp.onnx");
    let flags = [
        "compare",
        "a.onnx",
        "b.onnx",
        "--variant",
        "fp16",
        "--threshold",
        "400%",
        "--time-budget",
        "300 ms",
        "--json",
    ];
    let report = json(&env.run(&flags).expect_code(0));
    assert_eq!(verdicts(&report)[0].split(' ').nth(1), Some("fp16"));
    let size = |side: &str| report[side]["size_mb"].as_f64().unwrap();
    assert_eq!(size("baseline"), size("candidate"));
    assert!(size("candidate") < 0.12, "{}", size("candidate"));

    let output = env.run(&["compare", "a.onnx", "b.onnx", "--variant", "fp61"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stdout -----
    b · onnxruntime_cpu · baseline a.onnx
      fp61  error  `fp61` is not a known transform

    error: `b` `fp61` could not be compared: `fp61` is not a known transform
    hint: did you mean `fp16`?
    hint: the variants that exist are fp32, bf16, fp16, int4, int8, int8-static, int8-weights, mixed, opset-<version>, palettize-<bits>, prune-<sparsity>, prune-structured-<ratio>, simplify, smooth, tflite
    "#);
}

#[test]
fn free_dimensions_need_a_shape() {
    let env = desk::empty();
    env.write("a.onnx", dynamic());
    let output = env.run(&["compare", "a.onnx", "a.onnx"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stdout -----
    a · onnxruntime_cpu · baseline a.onnx
      fp32  error  input `x` is float [1, n1]: `n1` is known only at run time, and no shape is given

    error: `a` could not be compared: input `x` is float [1, n1]: `n1` is known only at run time, and no shape is given
    hint: add `--input-shape x=1,16`, with the sizes that you serve
    "#);

    let flags = [
        "compare",
        "a.onnx",
        "a.onnx",
        "--threshold",
        "400%",
        "--time-budget",
        "300 ms",
        "--input-shape",
    ];
    env.run(&[&flags[..], &["x=1,4096"]].concat()).expect_code(0);
    let output = env.run(&[&flags[..], &["x=1,2,3"]].concat());
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stdout -----
    a · onnxruntime_cpu · baseline a.onnx
      fp32  error  input `x` is given 3 dimensions, the model has float [1, n1]

    error: `a` could not be compared: input `x` is given 3 dimensions, the model has float [1, n1]
    hint: correct `--input-shape`
    "#);
    let output = env.run(&[&flags[..], &["z=1,2"]].concat());
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stdout -----
    a · onnxruntime_cpu · baseline a.onnx
      fp32  error  a shape is given for input `z`, which the model does not have

    error: `a` could not be compared: a shape is given for input `z`, which the model does not have
    hint: the inputs of the model are `x`
    "#);
    let output = env.run(&[&flags[..], &["x=1,0"]].concat());
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: invalid value 'x=1,0' for '--input-shape <NAME=SHAPE>': expected a name and dimensions of at least 1, such as `input=1,3,224,224`

    For more information, try '--help'.
    "#);
}

#[test]
fn either_side_may_be_missing() {
    let env = two("digits_mlp.onnx", "digits_mlp.onnx");
    let output = env.run(&["compare", "none.onnx", "b.onnx"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: no model `none.onnx`: there is no such file, and there is no registry of builds here
    hint: give the path of a model file, or the tag or the beginning of the id of a build
    "#);
    let output = env.run(&["compare", "a.onnx", "none.onnx"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: no model `none.onnx`: there is no such file, and there is no registry of builds here
    hint: give the path of a model file, or the tag or the beginning of the id of a build
    "#);
    let output = env.run(&["compare", "a.onnx", "b.onnx", "--time-budget", "fast"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: invalid value 'fast' for '--time-budget <TIME>': `fast` is not a duration: expected a number of `ms`, `s`, `min` or `h`, such as `20 s`

    For more information, try '--help'.
    "#);
}

#[test]
fn other_inputs_cannot_be_compared() {
    let env = two("digits_mlp.onnx", "control_flow_if_loop.onnx");
    let output = env.run(&["compare", "a.onnx", "b.onnx"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stdout -----
    b · onnxruntime_cpu · baseline a.onnx
      fp32  error
        the inputs changed from `input`: float [batch, 1, 8, 8] to `img`: float [b, 1, 32, 32]: the two models cannot be fed alike

    error: `b` could not be compared: the inputs changed from `input`: float [batch, 1, 8, 8] to `img`: float [b, 1, 32, 32]: the two models cannot be fed alike
    hint: only models with the same inputs can be measured side by side
    "#);
}
