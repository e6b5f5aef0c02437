//! `mlbuild sensitivity`: each layer quantized alone.

use crate::support::desk::assert_no_leftovers;
use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::put;

#[test]
fn each_layer_has_its_cost_and_gain() {
    let env = empty();
    put(&env, "digits.onnx", "digits_cnn.onnx");
    let before = env.tree();
    let found = json(&env.run(&[
        "sensitivity",
        "digits.onnx",
        "--samples",
        "2",
        "--calibration-samples",
        "8",
        "--json",
    ]));
    let layers = found["layers"].as_array().unwrap();
    assert_eq!((layers.len(), &found["planned"]), (10, &10.into()));
    assert!(
        layers
            .iter()
            .all(|layer| layer["failed"].is_null() && layer["cosine"].as_f64().unwrap() > 0.99)
    );
    let decibels: Vec<f64> = layers.iter().filter_map(|layer| layer["snr_db"].as_f64()).collect();
    assert!(decibels.len() > 5 && decibels.is_sorted(), "{decibels:?}");
    // One layer alone costs less than all together, and saves less.
    let whole = &found["whole"]["snr_db"];
    assert!(decibels.last().unwrap() > &whole.as_f64().unwrap());
    let saved: i64 = layers.iter().map(|layer| layer["saved_bytes"].as_i64().unwrap()).sum();
    assert!(saved > 500_000, "{saved}");
    assert_eq!(before, env.tree(), "nothing is written beside the model");

    let output = env
        .run(&["sensitivity", "digits.onnx", "--samples", "2", "--limit", "3"])
        .expect_code(0);
    assert!(
        output.stderr.contains("warning: ranges come from made-up inputs"),
        "{}",
        output.stderr
    );
    for expected in [
        "digits.onnx: each layer alone in int8-static, outputs compared on 2 made-up samples",
        "layer, costliest first",
        "and 7 more; `--limit` shows them",
        "all of them: cosine 0.99",
        "1.2 MB → 334.4 KB",
        "next: mlbuild optimize digits.onnx --pass quantize --method mixed",
    ] {
        assert!(output.stdout.contains(expected), "{expected}: {}", output.stdout);
    }
    assert_no_leftovers(&env);
}

#[test]
fn what_cannot_be_tried_is_told() {
    let env = empty();
    put(&env, "digits.onnx", "digits_cnn.onnx");
    env.run(&[
        "optimize",
        "digits.onnx",
        "--pass",
        "quantize",
        "--method",
        "int8",
        "--output",
        "int8.onnx",
    ])
    .expect_code(0);
    for (arguments, expected) in [
        (&["none.onnx"][..], "none.onnx"),
        (&["int8.onnx"], "is quantized already"),
        (&["digits.onnx", "--method", "fp16"], "int8-static"),
        (&["digits.onnx", "--calibration-data", "none.npz"], "none.npz"),
        (&["digits.onnx", "--limit", "0"], "--limit"),
    ] {
        let output = env.run(&[&["sensitivity"][..], arguments].concat()).expect_code(2);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
    }
}
