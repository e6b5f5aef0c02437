//! `mlbuild compare-quantization`: size, latency, memory, outputs, layers, and which build to serve.

use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::env::TestEnv;

fn desk() -> TestEnv {
    let env = empty();
    put(&env, "a.onnx", "digits_cnn.onnx");
    put(&env, "mlp.onnx", "digits_mlp.onnx");
    env.run(&[
        "optimize",
        "a.onnx",
        "--pass",
        "quantize",
        "--method",
        "int8-static",
        "--output",
        "b.onnx",
    ])
    .expect_code(0);
    env
}

#[test]
fn a_quantized_build_is_weighed() {
    let env = desk();
    let arguments = [
        "compare-quantization",
        "a.onnx",
        "b.onnx",
        "--time-budget",
        "500 ms",
        "--accuracy-samples",
        "4",
    ];
    let output = env.run(&arguments).expect_code(0);
    for expected in [
        "A  a.onnx\nB  b.onnx\n",
        "size         1.2 MB   334.4 KB  −72.9 %",
        "p50 latency",
        "peak memory",
        "outputs: cosine 0.99",
        " dB, the same answer to 100.0 %, on 4 made-up samples",
        "layer, worst first",
        "/l1/c2/Conv",
        "and 4 more",
    ] {
        assert!(output.stdout.contains(expected), "{expected}: {}", output.stdout);
    }
    let found = json(&env.run(&[&arguments[..], &["--json"]].concat()));
    assert_eq!(
        (&found["schema"], &found["accuracy"]["samples"]),
        (&1.into(), &4.into())
    );
    let latency = &found["latency"];
    assert!(latency["lower"].as_f64().unwrap() <= latency["percent"].as_f64().unwrap());
    assert!(found["accuracy"]["snr_db"].as_f64().unwrap() > 20.0);
    let layers = found["layers"].as_array().unwrap();
    let decibels: Vec<f64> = layers.iter().filter_map(|layer| layer["sqnr_db"].as_f64()).collect();
    assert!(decibels.len() > 5 && decibels.is_sorted(), "{decibels:?}");
    // Which one it is depends on the machine; that a slower one is never chosen does not.
    let choice = found["recommendation"]["choice"].as_str().unwrap();
    if latency["lower"].as_f64().unwrap() > 0.0 {
        assert_eq!(choice, "baseline");
    }
}

#[test]
fn builds_are_compared_by_their_ids() {
    let env = desk();
    let made = json(&env.run(&["optimize", "a.onnx", "--pass", "prune", "--sparsity", "0.9", "--json"]));
    let id = |side: &str| made[side]["id"].as_str().unwrap()[..10].to_owned();
    let output = env
        .run(&[
            "compare-quantization",
            &id("root"),
            &id("build"),
            "--time-budget",
            "300 ms",
            "--layers",
            "0",
        ])
        .expect_code(0);
    assert!(output.stdout.contains("A  a fp32 ("), "{}", output.stdout);
    assert!(output.stdout.contains("B  a prune-0.90 ("), "{}", output.stdout);
    // Nine tenths of the weights are gone, and so are the answers.
    assert!(
        output.stdout.contains("keep A: B's outputs differ"),
        "{}",
        output.stdout
    );
}

#[test]
fn what_cannot_be_compared_is_told() {
    let env = desk();
    put(&env, "sink.onnx", "kitchen_sink.onnx");
    for (arguments, expected) in [
        (&["a.onnx", "none.onnx"][..], "none.onnx"),
        (&["a.onnx", "sink.onnx"], "the inputs changed"),
        (&["a.onnx", "b.onnx", "--accuracy-samples", "0"], "--accuracy-samples"),
        (&["a.onnx", "b.onnx", "--dataset", "none.npz"], "none.npz"),
    ] {
        let output = env
            .run(&[&["compare-quantization"][..], arguments].concat())
            .expect_code(2);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
    }
    // Another model with the same inputs and outputs has layers of its own.
    let output = env
        .run(&["compare-quantization", "a.onnx", "mlp.onnx", "--time-budget", "300 ms"])
        .expect_code(0);
    assert!(
        output.stdout.contains("keep A: B's outputs differ"),
        "{}",
        output.stdout
    );
}
