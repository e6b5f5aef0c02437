//! Commands that measure: their words are the same on every machine, their figures are not.

use std::fs;

use super::stage::Kind::Measured;
use super::stage::Stage;
use crate::support::desk::padded;

pub const COVERS: &[&str] = &[
    "accuracy",
    "baseline refresh",
    "benchmark",
    "ci",
    "ci-check",
    "compare",
    "compare-compute-units",
    "compare-quantization",
    "explore",
    "profile",
    "report",
    "sensitivity",
    "trend",
    "validate",
];

/// Little time, and limits that no noise reaches.
const QUICK: [&str; 2] = ["--time-budget", "300 ms"];

fn quick<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &QUICK[..]].concat()
}

#[test]
fn measuring_speaks() {
    let mut stage = Stage::with_builds();
    let (root, half, whole) = (stage.id("digits"), stage.id("half"), stage.id("whole"));

    stage.both(Measured, &quick(&["benchmark", root.as_str()]));
    // So much larger that no noise decides instead, and too little for a limit of memory.
    stage.env.write("larger.onnx", padded("digits_cnn.onnx", 100_000));
    stage.both(
        Measured,
        &quick(&[
            "compare",
            "model.onnx",
            "larger.onnx",
            "--threshold",
            "900",
            "--check-accuracy",
        ]),
    );
    stage.both(
        Measured,
        &quick(&["ci-check", "model.onnx", "larger.onnx", "--latency-threshold", "900"]),
    );
    stage.both(
        Measured,
        &quick(&[
            "compare-quantization",
            root.as_str(),
            whole.as_str(),
            "--accuracy-samples",
            "4",
        ]),
    );
    stage.refused(Measured, &quick(&["compare-compute-units", root.as_str()]));
    stage.both(Measured, &["accuracy", &root, &half, "--samples", "4"]);
    stage.both(
        Measured,
        &quick(&["validate", root.as_str(), "--max-latency", "60 s", "--max-size", "1"]),
    );
    stage.both(Measured, &["sensitivity", &root, "--samples", "2", "--limit", "3"]);
    stage.both(
        Measured,
        &["profile", "mlp.onnx", "--runs", "5", "--warmup", "1", "--top", "3"],
    );
    stage.both(Measured, &["explore", "mlp.onnx", "--fast", "--budget", "3 s"]);

    stage.text_of(Measured, "none", &["ci"]);
    stage.both(Measured, &["baseline", "refresh"]);
    stage.text_of(Measured, "kept", &["baseline"]);
    stage.both(Measured, &["ci"]);
    stage.env.write("model.onnx", padded("digits_cnn.onnx", 100_000));
    stage.text_of(Measured, "worse", &["ci"]);
    stage.both(Measured, &["trend"]);
    stage.text(Measured, &["report", &root, "--output", "report.html"]);
    assert!(fs::metadata(stage.env.path("report.html")).unwrap().len() > 10_000);
    stage.json(Measured, &["report", &root, "--output", "again.html"]);
    stage.done(COVERS);
}
