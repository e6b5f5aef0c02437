//! A gate on several machines: dealt out, measured apart, judged together; with the real binary, engine and models.

mod at_a_desk;
mod refused;
mod splits;

use std::fs;

use serde_json::Value;

use crate::support::desk;
use crate::support::desk::put;
use crate::support::env::TestEnv;

/// Four models; limits that no noise reaches; the baseline in `kept/`.
const CONFIG: &str = "\
version: 1
models:
  - { name: cnn, path: cnn.onnx, variants: [fp32, fp16] }
  - { name: mlp, path: mlp.onnx }
  - { name: same, path: same.onnx }
  - { name: broken, path: broken.onnx }
baseline: { store: dir, path: kept }
gate:
  latency: { max_regression: 99999% }
  memory: { max_regression: 99999% }
measure: { time_budget: 300 ms }
";

/// A model that the baseline has and the config no longer names.
const GONE: &str = "  - { name: gone, path: same.onnx }\nbaseline:";

/// A project in which every kind of verdict comes up: `cnn` grew, `mlp` is another file that does the same work, `same` is the
/// baseline's, `broken` cannot be read, `gone` is no longer named.
fn several() -> TestEnv {
    let env = desk::empty();
    for (to, model) in [
        ("cnn.onnx", "digits_cnn.onnx"),
        ("mlp.onnx", "digits_mlp.onnx"),
        ("same.onnx", "digits_mlp.onnx"),
        ("broken.onnx", "digits_cnn.onnx"),
    ] {
        put(&env, to, model);
    }
    env.write(".mlbuild.yml", CONFIG.replace("baseline:", GONE));
    env.run(&["baseline", "refresh", "-q"]).expect_code(0);
    env.write(".mlbuild.yml", CONFIG);
    env.write("cnn.onnx", desk::padded("digits_cnn.onnx", 400_000));
    env.write("mlp.onnx", desk::padded("digits_mlp.onnx", 10));
    env.write("broken.onnx", "no model");
    env
}

/// Model, variant, verdict and reason of every comparison; which of the words for "no worse" is for the noise to say.
fn kinds(report: &Value) -> Vec<String> {
    let comparisons = report["comparisons"].as_array().unwrap();
    let field = |comparison: &Value, name: &str| comparison[name].as_str().unwrap_or_default().to_owned();
    comparisons
        .iter()
        .map(|comparison| {
            let verdict = match field(comparison, "result").as_str() {
                "pass" | "improvement" | "inconclusive" => "no worse".to_owned(),
                other => other.to_owned(),
            };
            format!(
                "{} {} {verdict}",
                field(comparison, "model"),
                field(comparison, "variant")
            )
        })
        .collect()
}

/// Measures every shard of `of`, each in the workspace, and returns their files' names.
fn shards(env: &TestEnv, of: u32) -> Vec<String> {
    (1..=of)
        .map(|shard| {
            env.run(&["ci", "--shard", &format!("{shard}/{of}"), "-q"])
                .expect_code(0);
            let name = format!(".mlbuild/shard-{shard}-of-{of}.json");
            assert!(fs::exists(env.path(&name)).unwrap());
            name
        })
        .collect()
}
