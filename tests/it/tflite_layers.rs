//! Commands that look into TensorFlow Lite models layer by layer: what they say of variants, and what they refuse.

use crate::support::desk::assert_no_leftovers;
use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::env::TestEnv;

/// A desk with the digits model in floats and in integers, and as it was in ONNX.
fn desk() -> TestEnv {
    let env = empty();
    put(&env, "digits.onnx", "digits_cnn.onnx");
    env.run(&[
        "build",
        "--model",
        "digits.onnx",
        "--target",
        "generic_linux",
        "--output",
        "digits.tflite",
    ])
    .expect_code(0);
    env.run(&[
        "optimize",
        "digits.tflite",
        "--pass",
        "quantize",
        "--method",
        "int8-static",
        "--output",
        "int8.tflite",
    ])
    .expect_code(0);
    env
}

#[test]
fn a_quantized_build_is_weighed_with_its_layers() {
    let env = desk();
    let arguments = [
        "compare-quantization",
        "digits.tflite",
        "int8.tflite",
        "--time-budget",
        "300 ms",
        "--accuracy-samples",
        "4",
    ];
    let output = env.run(&arguments).expect_code(0);
    assert!(output.stdout.contains("layer, worst first"), "{}", output.stdout);
    assert!(!output.stdout.contains("cannot be compared"), "{}", output.stdout);
    let found = json(&env.run(&[&arguments[..], &["--json"]].concat()));
    assert!(found["no_layers"].is_null());
    let layers = found["layers"].as_array().unwrap();
    let decibels: Vec<f64> = layers.iter().filter_map(|layer| layer["sqnr_db"].as_f64()).collect();
    assert!(decibels.len() > 5 && decibels.is_sorted(), "{decibels:?}");
    assert!(layers.iter().any(|layer| layer["op_type"] == "CONV_2D"));
    // Across formats names do not say enough: the rest is compared, and the layers are not.
    let output = env
        .run(&[
            "compare-quantization",
            "digits.onnx",
            "int8.tflite",
            "--time-budget",
            "300 ms",
            "--accuracy-samples",
            "2",
        ])
        .expect_code(0);
    assert!(
        output
            .stdout
            .contains("layers cannot be compared: layers of ONNX and TFLite models cannot be compared with each other"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_profile_shows_what_a_second_build_computes_less_exactly() {
    let env = desk();
    let arguments = ["profile", "digits.tflite", "--runs", "5", "--int8-build"];
    let output = env
        .run(&[&arguments[..], &["int8.tflite", "--html", "page.html"]].concat())
        .expect_code(0);
    assert!(output.stdout.contains("CONV_2D"), "{}", output.stdout);
    assert!(std::fs::read_to_string(env.path("page.html")).unwrap().contains(" dB"));
    let found = json(&env.run(&[&arguments[..], &["int8.tflite", "--json"]].concat()));
    let (sensitivity, name) = (
        &found["profiled"]["sensitivity"][0],
        &found["profiled"]["sensitivity"][1],
    );
    assert_eq!(
        (&sensitivity["unmatched"], &sensitivity["left_out"], name),
        (&0.into(), &0.into(), &"int8.tflite".into())
    );
    let output = env.run(&[&arguments[..], &["digits.onnx"]].concat()).expect_code(2);
    for expected in [
        "layers of TFLite and ONNX models cannot be compared with each other",
        "mlbuild build",
    ] {
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
}

#[test]
fn each_layer_has_its_cost_and_gain() {
    let env = desk();
    let files = || {
        let mut tree = env.tree();
        // The workspace keeps which commands were run.
        tree.remove(".mlbuild/registry.db");
        tree
    };
    let before = files();
    let arguments = [
        "sensitivity",
        "digits.tflite",
        "--samples",
        "2",
        "--calibration-samples",
        "8",
    ];
    let found = json(&env.run(&[&arguments[..], &["--json"]].concat()));
    let layers = found["layers"].as_array().unwrap();
    assert_eq!(layers.len() as u64, found["planned"].as_u64().unwrap());
    assert!(layers.len() > 5);
    for layer in layers {
        assert!(
            layer["failed"].is_null() && layer["cosine"].as_f64().unwrap() > 0.99,
            "{layer}"
        );
        assert!(
            ["CONV_2D", "FULLY_CONNECTED"].contains(&layer["op_type"].as_str().unwrap()),
            "{layer}"
        );
    }
    let decibels: Vec<f64> = layers.iter().filter_map(|layer| layer["snr_db"].as_f64()).collect();
    assert!(decibels.len() > 5 && decibels.is_sorted(), "{decibels:?}");
    // One layer alone costs less than all together.
    assert!(decibels.last().unwrap() > &found["whole"]["snr_db"].as_f64().unwrap());
    let saved: i64 = layers.iter().map(|layer| layer["saved_bytes"].as_i64().unwrap()).sum();
    assert!(saved > 500_000, "{saved}");
    assert_eq!(before, files(), "nothing is written beside the model");
    let output = env.run(&arguments).expect_code(0);
    for expected in [
        "digits.tflite: each layer alone in int8-static",
        "next: mlbuild optimize digits.tflite --pass quantize --method mixed",
    ] {
        assert!(output.stdout.contains(expected), "{expected}: {}", output.stdout);
    }
    let output = env.run(&["sensitivity", "int8.tflite"]).expect_code(2);
    assert!(output.stderr.contains("is quantized already"), "{}", output.stderr);
    assert_no_leftovers(&env);
}

#[test]
fn as_few_layers_stay_in_floats_as_it_takes() {
    let env = desk();
    let made = json(&env.run(&[
        "optimize",
        "digits.tflite",
        "--recipe",
        "mixed-0.99999",
        "--output",
        "mixed.tflite",
        "--json",
    ]));
    assert_eq!(made["build"]["recipe"], "mixed-0.99999");
    let size = |name: &str| std::fs::metadata(env.path(name)).unwrap().len();
    let (float, whole, mixed) = (size("digits.tflite"), size("int8.tflite"), size("mixed.tflite"));
    assert!(whole <= mixed && mixed < float, "{whole} {mixed} {float}");
    let output = env.run(&["accuracy", "digits.tflite", "mixed.tflite", "--samples", "4", "--json"]);
    let judged = json(&output);
    assert!(
        judged["accuracy"]["outputs"][0]["cosine"].as_f64().unwrap() > 0.999,
        "{judged}"
    );
}
