//! `mlbuild import`: formats by content, targets, labels, and the same content twice.

use serde_json::Value;

use crate::support::desk::assert_no_leftovers;
use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::plain;
use crate::support::desk::put;
use crate::support::env::TestEnv;

fn desk() -> TestEnv {
    let env = empty();
    put(&env, "digits.onnx", "digits_cnn.onnx");
    env
}

fn package(env: &TestEnv) {
    env.write(
        "net.mlpackage/Manifest.json",
        r#"{"fileFormatVersion": "1.0.0", "rootModelIdentifier": "A",
            "itemInfoEntries": {"A": {"path": "com.apple.CoreML/model.mlmodel"}}}"#,
    );
    env.write("net.mlpackage/Data/com.apple.CoreML/model.mlmodel", [8, 1, 0x12, 0]);
    env.write("net.mlpackage/Data/com.apple.CoreML/weights/weight.bin", b"weights");
}

#[test]
fn an_onnx_model_is_checked_and_kept() {
    let env = desk();
    let before = env.tree();
    let arguments = ["import", "--model", "digits.onnx", "--target", "onnxruntime-cpu"];
    insta::assert_snapshot!("import_text", plain(&env.run(&arguments)));
    // Again, with what was not said before.
    let more = [
        &arguments[..],
        &["--name", "it's <b>\"mine\"</b> 🚀", "--notes", "from here"],
    ]
    .concat();
    insta::assert_snapshot!("import_again", plain(&env.run(&more)));
    let mut again = json(&env.run(&[&more[..], &["--json"]].concat()));
    assert_eq!(
        (&again["new"], &again["changes"]),
        (&false.into(), &Value::Array(Vec::new()))
    );
    again["build"]["created_at"] = "[TIME]".into();
    again["build"]["id"] = "[ID]".into();
    insta::assert_snapshot!("import_json", serde_json::to_string_pretty(&again).unwrap());
    assert_eq!(before["digits.onnx"], env.tree()["digits.onnx"]);
    assert_no_leftovers(&env);
}

#[test]
fn other_formats_are_kept() {
    let env = empty();
    put(&env, "net.bin", "tflite/int8.tflite");
    let kept = json(&env.run(&[
        "import",
        "--model",
        "net.bin",
        "--target",
        "android_arm64",
        "--quantize",
        "int8",
        "--json",
    ]));
    assert_eq!(kept["build"]["format"], "tflite");
    assert_eq!(
        (&kept["runnable"], &kept["build"]["recipe"]),
        (&true.into(), &"int8".into())
    );
    package(&env);
    put(&env, "graph.onnx", "digits_cnn.onnx");
    let kept = json(&env.run(&[
        "import",
        "--model",
        "net.mlpackage",
        "--target",
        "apple_m1",
        "--graph",
        "graph.onnx",
        "--json",
    ]));
    let names: Vec<&str> = kept["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "Data/com.apple.CoreML/model.mlmodel",
            "Data/com.apple.CoreML/weights/weight.bin",
            "Manifest.json"
        ]
    );
    assert_eq!(
        (&kept["build"]["format"], &kept["task"]),
        (&"coreml".into(), &"vision".into())
    );
    assert!(kept["graph"].is_string());
    let id = kept["build"]["id"].as_str().unwrap();
    let output = env.run(&["benchmark", id]).expect_code(2);
    let expected = "which this version of mlbuild keeps and cannot run";
    assert!(output.stderr.contains(expected), "{}", output.stderr);
}

#[test]
fn what_does_not_fit_is_told_and_makes_no_workspace() {
    let env = desk();
    put(&env, "net.tflite", "tflite/int8.tflite");
    env.write("cut.tflite", &std::fs::read(env.path("net.tflite")).unwrap()[..21]);
    env.write("text.onnx", "no model\n");
    for (arguments, expected) in [
        (
            ["digits.onnx", "android_arm64", "", ""],
            "targets of ONNX models: onnxruntime_cpu, onnxruntime_gpu",
        ),
        (
            ["net.tflite", "apple_m1", "", ""],
            "targets of TFLite models: android_arm64",
        ),
        (["net.tflite", "toaster", "", ""], "there is no target `toaster`"),
        (["cut.tflite", "android_arm64", "", ""], "damaged or cut short"),
        (["text.onnx", "onnxruntime_cpu", "", ""], "a text file, not a model"),
        (["none.onnx", "onnxruntime_cpu", "", ""], "none.onnx"),
    ] {
        let [model, target, ..] = arguments;
        let output = env
            .run(&["import", "--model", model, "--target", target])
            .expect_code(2);
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
    }
    assert!(!env.path(".mlbuild").exists());
    let import = [
        "import",
        "--model",
        "digits.onnx",
        "--target",
        "onnxruntime_cpu",
        "--no-verify",
    ];
    for (more, expected) in [
        (
            &["--quantize", "int8"][..],
            "it is said to be `int8`, and its graph is `fp32`",
        ),
        (&["--name", "a\nb"], "a line break"),
        (&["--name", " "], "it is empty"),
        (&["--graph", "digits.onnx"], "an ONNX model is its own graph"),
    ] {
        let output = env.run(&[&import[..], more].concat()).expect_code(2);
        assert!(output.stderr.contains(expected), "{more:?}: {}", output.stderr);
    }
}
