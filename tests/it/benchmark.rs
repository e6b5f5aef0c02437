//! `mlbuild benchmark` with the real binary and engine: figures, sweeps, builds, what is kept, bad input.

use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::registry::Registry;
use serde_json::Value;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::project;
use crate::support::desk::put;
use crate::support::desk::report;
use crate::support::env::Output;
use crate::support::env::TestEnv;
use crate::support::onnx;

/// Little, for tests of everything but the figures.
const QUICK: [&str; 6] = ["--runs", "30", "--restarts", "3", "--warmup", "5"];

fn one(model: &str) -> TestEnv {
    let env = desk::empty();
    put(&env, "a.onnx", model);
    env
}

fn quick(env: &TestEnv, more: &[&str]) -> Output {
    env.run(&[&["benchmark"], more, &QUICK[..]].concat())
}

fn results(output: &Value) -> &Vec<Value> {
    output["results"].as_array().unwrap()
}

/// Token ids of any length to an embedding's sum.
fn tokens() -> Vec<u8> {
    use mlbuild::model::onnx::proto;
    let ids = onnx::value("input_ids", DataType::Int64, &[1, -1]);
    let out = onnx::value("y", DataType::Float, &[1, -1, 8]);
    let rows = 100;
    let table = proto::TensorProto {
        name: Some("table".to_owned()),
        dims: vec![rows, 8],
        data_type: Some(DataType::Float as i32),
        float_data: (0..rows * 8).map(|index| index as f32 / 100.0).collect(),
        ..Default::default()
    };
    let nodes = vec![onnx::node("Gather", &["table", "input_ids"], &["y"])];
    onnx::model(17, onnx::graph(vec![ids], nodes, vec![table], vec![out]))
}

#[test]
fn shows_figures_with_intervals_a_warm_up_and_a_histogram() {
    let env = one("digits_cnn.onnx");
    let before = env.tree();
    let output = quick(&env, &["a.onnx"]).expect_code(0);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(lines[0].starts_with("a.onnx · onnxruntime_cpu 1."), "{}", output.stdout);
    for name in [
        "p50",
        "p95",
        "p99",
        "mean",
        "std",
        "throughput",
        "load",
        "first inference",
        "time to stable",
        "peak memory",
        "model memory",
        "size",
    ] {
        let line = lines.iter().find(|line| line.starts_with(&format!("  {name} ")));
        assert!(
            line.is_some_and(|line| !line.contains('–')),
            "{name}: {}",
            output.stdout
        );
    }
    let p50 = lines.iter().find(|line| line.starts_with("  p50")).unwrap();
    assert!(
        p50.contains('±') && (p50.contains(" ms") || p50.contains(" µs")),
        "{p50}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("  warm-up █")),
        "{}",
        output.stdout
    );
    let bars: Vec<&&str> = lines.iter().filter(|line| line.contains(" │")).collect();
    assert!(bars.len() > 1, "{}", output.stdout);
    for mark in ["p50", "p95", "p99"] {
        assert!(
            bars.iter()
                .any(|bar| bar.split('←').nth(1).is_some_and(|marks| marks.contains(mark))),
            "{mark}: {}",
            output.stdout
        );
    }
    assert_eq!(env.tree(), before, "without a workspace nothing is kept");
    desk::assert_no_leftovers(&env);
}

#[test]
fn json_holds_every_figure() {
    let env = one("digits_cnn.onnx");
    let output = json(&quick(&env, &["a.onnx", "--json"]).expect_code(0));
    assert_eq!(output["schema"], 1);
    assert_eq!(output["model"], "a.onnx");
    assert_eq!(output["target"], "onnxruntime_cpu");
    assert_eq!(output["stored"], false);
    assert!(output["size_bytes"].as_u64().unwrap() > 1000);
    assert!(output["machine"]["cores_logical"].as_u64().unwrap() > 0);
    let [result] = results(&output).as_slice() else {
        panic!("{output}");
    };
    assert_eq!(result["processes"], 3);
    assert!(result["inferences"].as_u64().unwrap() >= 30);
    for (name, figure) in result["figures"].as_object().unwrap() {
        let value = |field: &str| figure[field].as_f64().unwrap_or_else(|| panic!("{name}: {figure}"));
        assert!(
            value("lower") <= value("value") && value("value") <= value("upper"),
            "{name}"
        );
    }
    let figure = |name: &str| result["figures"][name]["value"].as_f64().unwrap();
    assert!(figure("latency_p50_ms") <= figure("latency_p95_ms"));
    assert!(figure("latency_p95_ms") <= figure("latency_p99_ms"));
    let counts = result["histogram"]["counts"].as_array().unwrap();
    let counted: u64 = counts.iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(counted, result["inferences"].as_u64().unwrap());
    assert_eq!(
        result["warmup_ms"].as_array().unwrap().len(),
        6,
        "the first and five more"
    );
}

#[test]
fn lists_make_a_sweep() {
    let env = one("digits_cnn.onnx");
    let sweep = ["a.onnx", "--batch", "8,1", "--threads", "1,2", "--json"];
    let output = json(&quick(&env, &sweep).expect_code(0));
    let settings: Vec<(u64, u64)> = results(&output)
        .iter()
        .map(|row| (row["batch"].as_u64().unwrap(), row["threads"].as_u64().unwrap()))
        .collect();
    assert_eq!(settings, [(1, 1), (1, 2), (8, 1), (8, 2)]);
    let row = |index: usize| &results(&output)[index];
    assert_eq!(row(2)["inputs"]["input"], serde_json::json!([8, 1, 8, 8]));
    assert!(row(0)["thread_efficiency"].is_null() && row(0)["batch_gain"].is_null());
    assert!(row(1)["thread_efficiency"].as_f64().unwrap() > 0.0);
    assert!(row(2)["batch_gain"].as_f64().unwrap() > 0.0);
    let rate = |index: usize| row(index)["samples_per_second"]["value"].as_f64().unwrap();
    let plain = row(2)["figures"]["throughput_per_second"]["value"].as_f64().unwrap();
    assert!((rate(2) / plain - 8.0).abs() < 1e-6);

    let table = quick(&env, &["a.onnx", "--batch", "1,8", "--threads", "1,2"]).expect_code(0);
    for column in ["batch", "threads", "p50", "samples", "thread efficiency", "batch gain"] {
        assert!(table.stdout.contains(column), "{column}: {}", table.stdout);
    }
    assert!(!table.stdout.contains("seq_len"), "{}", table.stdout);
}

#[test]
fn sequences_are_measured_length_by_length() {
    let env = desk::empty();
    env.write("a.onnx", tokens());
    let output = quick(&env, &["a.onnx", "--task", "nlp"]).expect_code(0);
    for length in [16, 64, 128, 256] {
        let line = output
            .stdout
            .lines()
            .find(|line| line.contains(&format!("seq_len={length} ")));
        let line = line.unwrap_or_else(|| panic!("{length}: {}", output.stdout));
        assert!(line.contains("p50=") && line.contains("p95="), "{line}");
    }
    let flags = ["a.onnx", "--task", "nlp", "--seq-len", "32,8", "--json"];
    let output = json(&quick(&env, &flags).expect_code(0));
    let lengths: Vec<u64> = results(&output)
        .iter()
        .map(|row| row["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(lengths, [8, 32]);
    assert_eq!(results(&output)[1]["inputs"]["input_ids"], serde_json::json!([1, 32]));
    assert_eq!(output["task"]["name"], "nlp");
    assert_eq!(output["task"]["tier"], "given");
}

#[test]
fn builds_are_found_and_benchmarks_kept() {
    let env = project("digits_mlp.onnx", "    variants: [fp32, fp16]\n");
    env.run(&["ci"]).expect_code(0);
    let builds: Vec<String> = report(&env)["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comparison| comparison["candidate"]["build_id"].as_str().unwrap().to_owned())
        .collect();
    let open = || Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    let id = builds[1].parse().unwrap();
    open().tag("small", &id, "2026-01-02T03:05:00Z").unwrap();
    let kept = open().measurements(&id).unwrap().len();

    let by_tag = json(&quick(&env, &["small", "--json"]).expect_code(0));
    let by_prefix = json(&quick(&env, &[&builds[1][..8], "--json"]).expect_code(0));
    for output in [&by_tag, &by_prefix] {
        assert_eq!(output["build_id"], builds[1].as_str());
        assert_eq!(output["model"], format!("digits fp16 ({})", id.short()));
        assert_eq!(output["stored"], true);
    }
    let whole = json(&quick(&env, &[&builds[0][..8], "--json"]).expect_code(0));
    assert!(
        by_tag["size_bytes"].as_u64() < whole["size_bytes"].as_u64(),
        "the variant itself is measured"
    );
    let measurements = open().measurements(&id).unwrap();
    assert_eq!(measurements.len(), kept + 2);
    let last = measurements.last().unwrap();
    assert_eq!(last.samples["kind"], "benchmark");
    assert!(last.machine.cores_logical > 0);

    // A file becomes a build.
    put(&env, "other.onnx", "digits_cnn.onnx");
    let output = json(&quick(&env, &["other.onnx", "--json"]).expect_code(0));
    let id = output["build_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(open().measurements(&id).unwrap().len(), 1);
}

#[test]
fn references_that_mean_nothing_say_what_there_is() {
    let env = one("digits_mlp.onnx");
    insta::assert_snapshot!(quick(&env, &["b.onnx"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: no model `b.onnx`: there is no such file, and there is no registry of builds here
    hint: did you mean `a.onnx`?
    "#);
    insta::assert_snapshot!(quick(&env, &["3f36810e"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: no model `3f36810e`: there is no such file, and there is no registry of builds here
    hint: give the path of a model file, or the tag or the beginning of the id of a build
    "#);
    std::fs::create_dir(env.path("folder")).unwrap();
    insta::assert_snapshot!(quick(&env, &["folder"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `folder` is a folder, not a model
    hint: name the model file in it
    "#);

    let env = project("digits_mlp.onnx", "");
    env.run(&["ci"]).expect_code(0);
    let build = report(&env)["comparisons"][0]["candidate"]["build_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut registry = Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    registry
        .tag("main-digits", &build.parse().unwrap(), "2026-01-02T03:05:00Z")
        .unwrap();
    drop(registry);
    let mut env = env;
    env.redact(&build[..12], "[BUILD]");
    insta::assert_snapshot!(quick(&env, &["main-digit"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: no model `main-digit`: there is no such file, and no build or tag of the registry has that name
    hint: did you mean the tag `main-digits`?
    hint: the newest builds are digits fp32 ([BUILD])
    "#);
    insta::assert_snapshot!(quick(&env, &["abc"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: no model `abc`: there is no such file, and no build or tag of the registry has that name
    hint: an id needs at least four of its digits
    hint: the newest builds are digits fp32 ([BUILD])
    "#);
}

#[test]
fn a_prefix_of_several_builds_is_not_guessed() {
    let env = project("digits_mlp.onnx", "");
    env.run(&["ci"]).expect_code(0);
    let mut registry = Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    for last in 0..2 {
        let known = registry.builds().unwrap().remove(0).facts;
        let id = format!("aaaa{last:060x}").parse().unwrap();
        registry
            .insert_build(&mlbuild::registry::BuildFacts { id, ..known })
            .unwrap();
    }
    drop(registry);
    let output = quick(&env, &["aaaa"]).expect_code(2);
    assert!(
        output.stderr.contains("`aaaa` is the beginning of 2 builds: aaaa000"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("hint: give more digits"), "{}", output.stderr);
}

#[test]
fn a_fixed_batch_and_a_missing_sequence_are_refused() {
    let env = desk::empty();
    let x = onnx::value("x", DataType::Float, &[1, 16]);
    let y = onnx::value("y", DataType::Float, &[1, 16]);
    let nodes = vec![onnx::node("Relu", &["x"], &["y"])];
    env.write("a.onnx", onnx::model(17, onnx::graph(vec![x], nodes, vec![], vec![y])));
    insta::assert_snapshot!(quick(&env, &["a.onnx", "--batch", "1,4"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `a.onnx`: batches of 4 are asked for, and input `x` takes 1 at once
    hint: leave the size of batches out, or export the model with a free batch dimension
    "#);
    insta::assert_snapshot!(quick(&env, &["a.onnx", "--seq-len", "64"]).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `a.onnx`: sequences of 64 tokens are asked for, and the model takes no sequences of tokens: its task is tabular
    hint: leave the length out, or export the model with a free sequence dimension
    "#);
    quick(&env, &["a.onnx", "--batch", "1"]).expect_code(0);
}

#[test]
fn bad_flags_are_named() {
    let env = one("digits_mlp.onnx");
    for (flags, expected) in [
        (["--runs", "0"], "0 is not in 1..=10000000"),
        (["--runs", "-5"], "unexpected argument '-5'"),
        (["--runs", "many"], "invalid digit"),
        (["--warmup", "-1"], "unexpected argument '-1'"),
        (["--batch", "0"], "0 is not in 1..=1000000"),
        (["--batch", "1,,2"], "cannot parse integer from empty string"),
        (["--threads", "0"], "0 is not in 1..=1024"),
        (["--seq-len", "0"], "0 is not in 1..=10000000"),
        (["--restarts", "2"], "2 is not in 3..=1000"),
        (["--compute-unit", "tpu"], "expected one of cpu, gpu, ane"),
        (["--task", "taste"], "possible values: auto, vision"),
        (["--time-budget", "0 s"], "expected a time above zero"),
        (["--time-budget", "fast"], "`fast` is not a duration"),
        (["--input-shape", "input"], "expected a name and dimensions"),
        (["--input-shape", "none=1,2"], "which the model does not have"),
    ] {
        let output = env.run(&["benchmark", "a.onnx", flags[0], flags[1]]).expect_code(2);
        assert!(output.stderr.contains(expected), "{flags:?}: {}", output.stderr);
        assert_eq!(output.stdout, "", "{flags:?}");
    }
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    let env = one("digits_mlp.onnx");
    for unit in ["gpu", "CPU_AND_GPU", "ane"] {
        let output = quick(&env, &["a.onnx", "--compute-unit", unit]).expect_code(2);
        assert!(output.stderr.starts_with("error: "), "{}", output.stderr);
        assert!(output.stderr.contains("hint: "), "{}", output.stderr);
        assert_eq!(output.stdout, "");
    }
    quick(&env, &["a.onnx", "--compute-unit", "CPU_ONLY"]).expect_code(0);
}

#[test]
fn too_little_time_is_said() {
    let env = one("digits_mlp.onnx");
    let flags = [
        "benchmark",
        "a.onnx",
        "--time-budget",
        "1 ms",
        "--runs",
        "1000000",
        "--restarts",
        "3",
    ];
    let output = env.run(&flags).expect_code(0);
    assert!(
        output.stderr.contains("of 1000000 inferences fit into 1.00 ms"),
        "{}",
        output.stderr
    );
}

#[test]
fn implausible_outputs_fail_where_strict() {
    let env = desk::empty();
    let x = onnx::value("x", DataType::Float, &[1, 4]);
    let y = onnx::value("y", DataType::Float, &[1, 4]);
    let nodes = vec![
        onnx::node("Sub", &["x", "x"], &["zero"]),
        onnx::node("Div", &["x", "zero"], &["y"]),
    ];
    env.write("a.onnx", onnx::model(17, onnx::graph(vec![x], nodes, vec![], vec![y])));
    let soft = quick(&env, &["a.onnx", "--json"]).expect_code(0);
    assert!(
        soft.stderr.contains("warning: output `y` holds infinity"),
        "{}",
        soft.stderr
    );
    assert_eq!(json(&soft)["anomalies"][0]["output"], "y");
    let strict = quick(&env, &["a.onnx", "--strict-output"]).expect_code(1);
    assert!(
        strict.stderr.contains("error: output `y` holds infinity"),
        "{}",
        strict.stderr
    );
    env.run(&["--strict-output", "benchmark", "a.onnx", "--restarts", "3"])
        .expect_code(1);
}

#[test]
fn the_config_gives_shapes_and_settings() {
    let env = desk::empty();
    let x = onnx::value("x", DataType::Float, &[1, -1]);
    let y = onnx::value("y", DataType::Float, &[1, -1]);
    let nodes = vec![onnx::node("Relu", &["x"], &["y"])];
    env.write("a.onnx", onnx::model(17, onnx::graph(vec![x], nodes, vec![], vec![y])));
    env.write(
        ".mlbuild.yml",
        "version: 1\nmodels:\n  - path: a.onnx\n    inputs: { x: { shape: [1, 64] } }\nmeasure: { threads: 2 }\n",
    );
    let output = json(&quick(&env, &["a.onnx", "--json"]).expect_code(0));
    let row = &results(&output)[0];
    assert_eq!(row["inputs"]["x"], serde_json::json!([1, 64]));
    assert_eq!(row["threads"], 2);
    let flags = ["a.onnx", "--json", "--input-shape", "x=1,32", "--threads", "1"];
    let output = json(&quick(&env, &flags).expect_code(0));
    let row = &results(&output)[0];
    assert_eq!(
        (&row["inputs"]["x"], &row["threads"]),
        (&serde_json::json!([1, 32]), &serde_json::json!(1))
    );
}
