//! Every metric with its own limit, through the real binary, engine and models.

use serde_json::Value;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::desk::regressed;
use crate::support::desk::report;
use crate::support::env::TestEnv;

/// A project whose baseline is `before` and whose model is `after`, with nothing gated tightly but what `gate` says.
fn project(before: &str, after: &str, gate: &str) -> TestEnv {
    let env = desk::empty();
    put(&env, "model.onnx", before);
    let config = format!(
        "version: 1\nmodels: [{{ path: model.onnx }}]\n{gate}\nmeasure: {{ time_budget: 500 ms }}\nbaseline: {{ store: dir, path: baseline }}\n"
    );
    env.write(".mlbuild.yml", config);
    env.run(&["baseline", "refresh"]).expect_code(0);
    put(&env, "model.onnx", after);
    env
}

const WIDE: &str = "\
gate:
  size: { max_regression: 100000% }
  memory: { max_regression: 100000% }
  accuracy: { cosine: 0, top1: 0 }
  latency:
    max_regression: 100000%
";

fn metric<'a>(report: &'a Value, name: &str) -> &'a Value {
    let metrics = report["comparisons"][0]["metrics"].as_array().unwrap();
    metrics
        .iter()
        .find(|metric| metric["metric"] == name)
        .unwrap_or_else(|| panic!("no {name} in {metrics:?}"))
}

#[test]
fn load_throughput_and_parameters_gate() {
    let gate = format!(
        "{WIDE}    throughput: {{ max_regression: 1%, budget: 1/s }}\n    load: {{ max_regression: 100000%, budget: 60 s }}\n  static: {{ parameters: {{}}, operators: {{ budget: 1 }} }}"
    );
    let env = project("digits_mlp.onnx", "digits_cnn.onnx", &gate);
    env.run(&["ci"]).expect_code(1);
    let report = report(&env);
    let violated = regressed(&report);
    assert!(violated.contains(&"throughput".to_owned()), "{violated:?}");
    assert!(violated.contains(&"operators".to_owned()), "{violated:?}");
    assert!(!violated.contains(&"load".to_owned()), "{violated:?}");
    let throughput = metric(&report, "throughput");
    assert!(
        throughput["change"]["percent"].as_f64().unwrap() < -10.0,
        "{throughput}"
    );
    assert!(throughput["candidate"].as_f64().unwrap() > 1.0);
    assert_eq!(metric(&report, "operators")["reason"], "over the budget of 1");
}

#[test]
fn budgets_that_cannot_be_kept_are_violated() {
    let gate = format!(
        "{WIDE}    throughput: {{ budget: 1000000000/s }}\n    stable: {{ budget: 1 ns }}\n    first: {{ budget: 1 ns }}\n  memory: {{ max_regression: 100000%, model: {{ budget: 1 B }} }}"
    )
    .replacen("  memory: { max_regression: 100000% }\n", "", 1);
    let env = project("digits_mlp.onnx", "digits_cnn.onnx", &gate);
    env.run(&["ci"]).expect_code(1);
    let report = report(&env);
    let violated = regressed(&report);
    for name in ["throughput", "time-to-stable", "first-inference"] {
        assert!(violated.contains(&name.to_owned()), "{name}: {violated:?}");
    }
}

#[test]
fn every_figure_is_told() {
    let env = desk::empty();
    put(&env, "a.onnx", "digits_mlp.onnx");
    put(&env, "b.onnx", "digits_cnn.onnx");
    let flags = ["compare", "a.onnx", "b.onnx", "--time-budget", "500 ms"];
    let output = env.run(&[&flags[..], &["--json"]].concat()).expect_code(1);
    let report = json(&output);
    for name in [
        "latency-p50",
        "latency-p95",
        "latency-p99",
        "latency-mean",
        "latency-std",
        "throughput",
        "load",
        "first-inference",
        "time-to-stable",
    ] {
        let metric = metric(&report, name);
        assert!(metric["baseline"].as_f64().unwrap() > 0.0, "{metric}");
        assert!(metric["candidate"].as_f64().unwrap() > 0.0, "{metric}");
        assert!(metric["change"]["lower"].is_number(), "{metric}");
    }
    for name in [
        "size",
        "compressed-size",
        "macs",
        "parameters",
        "operators",
        "activation-peak",
    ] {
        let metric = metric(&report, name);
        let change = &metric["change"];
        assert!(metric["candidate"].as_f64().unwrap() > 0.0, "{metric}");
        assert_eq!(
            (&change["lower"], &change["upper"]),
            (&change["percent"], &change["percent"])
        );
    }
    let side = &report["comparisons"][0]["candidate"];
    assert!(side["warmup_ms"].as_array().unwrap().len() > 1, "{side}");
    if cfg!(target_os = "linux") {
        let whole = side["process_peak_bytes"].as_f64().unwrap();
        assert!(whole > metric(&report, "peak-memory")["candidate"].as_f64().unwrap());
        assert!(metric(&report, "model-memory")["candidate"].is_number());
    }
    let shown = env.run(&flags).expect_code(1).stdout;
    for word in [
        "throughput",
        "time to stable",
        "MACs",
        "activation peak",
        "first inferences",
    ] {
        assert!(shown.contains(word), "{word} in {shown}");
    }
}

#[test]
fn facts_that_cannot_be_told_never_pass() {
    let gate = format!("{WIDE}  static: {{ macs: {{}} }}");
    let env = project("control_flow_if_loop.onnx", "control_flow_if_loop.onnx", &gate);
    // Another name for the same graph would be skipped: a budget is judged all the same.
    let text = env.read(".mlbuild.yml");
    env.write(".mlbuild.yml", text.replace("macs: {}", "macs: { budget: 1 G }"));
    let output = env.run(&["ci"]).expect_code(2);
    let report = report(&env);
    assert_eq!(metric(&report, "macs")["result"], "error");
    assert!(output.stdout.contains("gate.static"), "{}", output.stdout);
}
