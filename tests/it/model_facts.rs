//! `mlbuild inspect` of model files: what they say of themselves, with operators and quantization, as files and as builds.

use serde_json::Value;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::put;

#[test]
fn a_quantized_tflite_file_shows_operators_and_scales() {
    let env = desk::empty();
    put(&env, "int8.tflite", "tflite/int8.tflite");
    let text = env.run(&["inspect", "int8.tflite"]).expect_code(0).stdout;
    insta::assert_snapshot!(text, @"
    Model
      format         tflite (version 3)
      digest         2d8bd9ff16fb968a4be5981c31687373e63d0edf6c9a2b8fa339cecfb9f05abc
      size           1.0 KB
      operator sets  tflite 4
      made by        a fully quantized layer
      input          rows  int8 [1, 8]
      output         product  int8 [1, 6]
      signatures     serving_default
      parameters     54
      multiply-adds  48
      activations    6 B written, 14 B needed at once

    Operators
      operator         count
      FULLY_CONNECTED      1

    Quantization
      4 tensors, 2 of them with several scales
      tensor   role      kept as  scale                             zero point
      rows     input     int8     0.050000                                  -3
      product  output    int8     0.100000                                   4
      w        constant  int8     0.005121 to 0.017010 (6, axis 0)           0
      b        constant  int32    0.000256 to 0.000850 (6, axis 0)           0
    ");
    let told = json(&env.run(&["inspect", "int8.tflite", "--json"]));
    let model = &told["model"];
    assert_eq!((&told["schema"], &model["format"]), (&1.into(), &"tflite".into()));
    let tensors = model["quantized"].as_array().unwrap();
    let weights = tensors.iter().find(|tensor| tensor["role"] == "constant").unwrap();
    assert_eq!(weights["element"], "int8");
    let ends: Vec<&Value> = tensors
        .iter()
        .filter(|tensor| tensor["role"] == "input" || tensor["role"] == "output")
        .collect();
    assert!(!ends.is_empty());
    for tensor in ends {
        assert_eq!(tensor["scales"].as_array().unwrap().len(), 1, "{tensor}");
        assert!(tensor["scales"][0].as_f64().unwrap() > 0.0, "{tensor}");
    }
    assert!(!env.path(".mlbuild").exists(), "looking leaves nothing behind");
}

#[test]
fn signatures_are_listed_in_the_files_order() {
    let env = desk::empty();
    put(&env, "m.tflite", "tflite/signatures.tflite");
    let told = json(&env.run(&["inspect", "m.tflite", "--json"]));
    assert_eq!(told["model"]["signatures"], serde_json::json!(["add", "multiply"]));
}

#[test]
fn a_build_shows_its_model_where_asked() {
    let env = desk::empty();
    put(&env, "digits.onnx", "digits_cnn.onnx");
    let kept = json(&env.run(&[
        "build",
        "--model",
        "digits.onnx",
        "--quantize",
        "int8-static",
        "--samples",
        "4",
        "--json",
    ]));
    let id = kept["build"]["id"].as_str().unwrap();
    let plain = json(&env.run(&["inspect", id, "--json"]));
    assert_eq!(plain.get("model"), None);
    let told = json(&env.run(&["inspect", id, "--model", "--json"]));
    let model = &told["model"];
    assert_eq!(model["format"], "onnx");
    let quantizers = ["QuantizeLinear", "DequantizeLinear"];
    let quantized = model["quantized"].as_array().unwrap();
    assert!(
        quantizers.iter().any(|name| model["operators"].get(*name).is_some()),
        "{model}"
    );
    let weights: Vec<&Value> = quantized
        .iter()
        .filter(|tensor| tensor["role"] == "constant" && tensor["element"] == "int8")
        .collect();
    assert!(!weights.is_empty(), "{model}");
    assert!(
        weights
            .iter()
            .any(|tensor| tensor["scales"].as_array().unwrap().len() > 1 && tensor["axis"].is_i64()),
        "one scale a channel: {weights:?}"
    );
    let text = env.run(&["inspect", id, "--model"]).expect_code(0).stdout;
    for title in ["Build\n", "Model\n", "Operators\n", "Quantization\n", "Artifacts\n"] {
        assert!(text.contains(title), "{title} in {text}");
    }
    // The path of a model that is a build shows both.
    let both = json(&env.run(&["inspect", "digits.onnx", "--json"]));
    assert_eq!(both["model"]["operators"].get("QuantizeLinear"), None);
    assert_eq!(both["build"]["format"], "onnx");
}

#[test]
fn a_file_that_is_no_model_says_so() {
    let env = desk::empty();
    env.write("notes.onnx", "these are notes");
    let output = env.run(&["inspect", "notes.onnx"]).expect_code(2);
    assert!(output.stderr.contains("notes.onnx"), "{}", output.stderr);
}
