//! `mlbuild ci-check A B` with the real binary and engine, and the flags that it shares with `compare`.

use mlbuild::registry::Registry;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::padded;
use crate::support::desk::project;
use crate::support::desk::put;
use crate::support::desk::regressed;
use crate::support::desk::report;
use crate::support::env::Output;
use crate::support::env::TestEnv;

fn two(a: &str, b: &str) -> TestEnv {
    let env = desk::empty();
    put(&env, "a.onnx", a);
    put(&env, "b.onnx", b);
    env
}

/// Quickly, with limits of latency and memory that noise does not reach.
fn check(env: &TestEnv, more: &[&str]) -> Output {
    let flags = [
        "ci-check",
        "a.onnx",
        "b.onnx",
        "--latency-threshold",
        "400",
        "--time-budget",
        "300 ms",
    ];
    env.run(&[&flags[..], more].concat())
}

#[test]
fn equal_models_may_replace_each_other() {
    let env = two("digits_mlp.onnx", "digits_mlp.onnx");
    let before = env.tree();
    let output = check(&env, &[]);
    assert!(
        output.stdout.contains("b · onnxruntime_cpu · baseline a.onnx"),
        "{}",
        output.stdout
    );
    let report = json(&check(&env, &["--json"]));
    assert_eq!(report["delta"]["size_pct"], 0.0);
    assert_eq!(env.tree(), before);
    desk::assert_no_leftovers(&env);
}

#[test]
fn a_bigger_model_may_not() {
    let env = two("digits_mlp.onnx", "digits_cnn.onnx");
    let output = check(&env, &["--json"]).expect_code(1);
    assert!(regressed(&json(&output)).contains(&"size".to_owned()));
    let output = env
        .run(&[
            "ci-check",
            "a.onnx",
            "b.onnx",
            "--size-threshold",
            "900",
            "--json",
            "--time-budget",
            "300 ms",
        ])
        .expect_code(1);
    let report = json(&output);
    assert_eq!(regressed(&report)[0], "latency-p50");
    assert_eq!(report["thresholds"]["latency_regression_pct"], 10.0, "the default");
}

#[test]
fn strict_counts_every_byte() {
    let env = desk::empty();
    put(&env, "a.onnx", "digits_mlp.onnx");
    env.write("b.onnx", padded("digits_mlp.onnx", 100));
    let soft = json(&check(&env, &["--json"]));
    assert!(!regressed(&soft).contains(&"size".to_owned()));
    let strict = json(&check(&env, &["--strict", "--json"]).expect_code(1));
    assert!(regressed(&strict).contains(&"size".to_owned()), "{strict}");
}

#[test]
fn strict_fails_a_slowdown_within_the_threshold() {
    let env = two("digits_mlp.onnx", "digits_cnn.onnx");
    let flags = [
        "ci-check",
        "a.onnx",
        "b.onnx",
        "--latency-threshold",
        "1000000",
        "--size-threshold",
        "1000000",
        "--time-budget",
        "600 ms",
        "--json",
    ];
    let soft = json(&env.run(&flags));
    assert!(!regressed(&soft).contains(&"latency-p50".to_owned()));
    let strict = json(&env.run(&[&flags[..], &["--strict"]].concat()).expect_code(1));
    assert!(regressed(&strict).contains(&"latency-p50".to_owned()), "{strict}");
}

#[test]
fn the_statistic_that_decides_is_chosen() {
    let env = two("digits_mlp.onnx", "digits_cnn.onnx");
    for metric in ["p50", "p95", "p99", "mean"] {
        let output = env.run(&[
            "compare",
            "a.onnx",
            "b.onnx",
            "--metric",
            metric,
            "--time-budget",
            "300 ms",
            "--json",
        ]);
        let report = json(&output);
        let decisive = &report["comparisons"][0]["metrics"][0];
        assert!(
            decisive["metric"].as_str().unwrap().ends_with(metric),
            "{metric}: {decisive}"
        );
        assert_eq!(decisive["limit"], 5.0);
    }
    let output = check(&env, &["--metric", "p42"]).expect_code(2);
    assert!(
        output.stderr.contains("expected one of p50, p95, p99, mean"),
        "{}",
        output.stderr
    );
}

#[test]
fn outputs_decide_only_where_asked() {
    let env = two("digits_mlp.onnx", "digits_cnn.onnx");
    let flags = [
        "compare",
        "a.onnx",
        "b.onnx",
        "--threshold",
        "1000000",
        "--size-threshold",
        "1000000",
        "--time-budget",
        "300 ms",
        "--json",
    ];
    let cosine = |report: &serde_json::Value| {
        let metrics = report["comparisons"][0]["metrics"].as_array().unwrap();
        metrics
            .iter()
            .find(|metric| metric["metric"] == "cosine")
            .unwrap()
            .clone()
    };
    let shown = cosine(&json(&env.run(&flags)));
    assert_eq!(
        (shown["gated"].as_bool(), shown["result"].as_str()),
        (Some(false), Some("skipped")),
        "{shown}"
    );
    let asked = [&flags[..], &["--check-accuracy"]].concat();
    let judged = cosine(&json(&env.run(&asked).expect_code(1)));
    assert_eq!(judged["result"], "regression");
    assert_eq!(judged["limit"], 0.99);
    let loose = [&asked[..], &["--cosine-threshold", "0", "--top1-threshold", "0"]].concat();
    assert_eq!(cosine(&json(&env.run(&loose)))["result"], "pass");
    // Other inputs, another agreement.
    let of_seed = |seed: &str| {
        let flags = [&asked[..], &["--accuracy-seed", seed, "--accuracy-samples", "4"]].concat();
        cosine(&json(&env.run(&flags)))["candidate"].as_f64().unwrap()
    };
    assert_eq!(of_seed("1").to_bits(), of_seed("1").to_bits());
    assert_ne!(of_seed("1").to_bits(), of_seed("2").to_bits());
    let output = env
        .run(&["compare", "a.onnx", "b.onnx", "--cosine-threshold", "0.9"])
        .expect_code(2);
    assert!(output.stderr.contains("--check-accuracy"), "{}", output.stderr);
}

#[test]
fn a_log_has_neither_colours_nor_more_than_the_verdict() {
    let env = two("digits_mlp.onnx", "digits_mlp.onnx");
    let flags = [
        "--color",
        "always",
        "compare",
        "a.onnx",
        "b.onnx",
        "--threshold",
        "400",
        "--time-budget",
        "300 ms",
    ];
    let whole = env.run(&flags);
    let log = env.run(&[&flags[..], &["--ci"]].concat());
    assert!(whole.stdout.contains('\u{1b}'));
    assert!(!log.stdout.contains('\u{1b}'), "{}", log.stdout);
    assert!(log.stdout.lines().count() < whole.stdout.lines().count());
    assert!(!log.stderr.contains("measuring"), "{}", log.stderr);
}

#[test]
fn builds_are_compared_as_they_were_built() {
    let env = project("digits_mlp.onnx", "    variants: [fp32, fp16]\n");
    env.run(&["ci"]).expect_code(0);
    let builds: Vec<String> = report(&env)["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comparison| comparison["candidate"]["build_id"].as_str().unwrap().to_owned())
        .collect();
    let mut registry = Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    registry
        .tag("main-digits", &builds[0].parse().unwrap(), "2026-01-02T03:05:00Z")
        .unwrap();
    drop(registry);
    let flags = [
        "ci-check",
        "main-digits",
        &builds[1][..8],
        "--latency-threshold",
        "1000000",
        "--time-budget",
        "300 ms",
        "--json",
    ];
    let report = json(&env.run(&flags));
    assert!(report["delta"]["size_pct"].as_f64().unwrap() < -30.0, "{report}");
    assert_eq!(
        report["context"]["baseline_label"],
        format!("digits fp32 ({})", &builds[0][..12])
    );
    // And a build beside a file.
    put(&env, "b.onnx", "digits_mlp.onnx");
    let report = json(&env.run(&["compare", "main-digits", "b.onnx", "--time-budget", "300 ms", "--json"]));
    assert_eq!(report["delta"]["size_pct"], 0.0);
    let output = env.run(&["compare", "main-digit", "b.onnx"]).expect_code(2);
    assert!(
        output.stderr.contains("did you mean the tag `main-digits`?"),
        "{}",
        output.stderr
    );
}

#[test]
fn bad_flags_are_named() {
    let env = two("digits_mlp.onnx", "digits_mlp.onnx");
    for (flags, expected) in [
        (["--latency-threshold", "-5"], "unexpected argument"),
        (["--latency-threshold", "ten"], "is not a percentage"),
        (["--size-threshold", "5 MB"], "is not a percentage"),
        (["--runs", "0"], "0 is not in 1..=10000000"),
        (["--accuracy-samples", "0"], "0 is not in 1..=100000"),
        (["--top1-threshold", "99"], "expected a share from 0 to 1"),
        (["--compute-unit", "abacus"], "expected one of cpu, gpu, ane"),
        (["--time-budget", "0 ms"], "expected a time above zero"),
    ] {
        let output = env
            .run(&["ci-check", "a.onnx", "b.onnx", flags[0], flags[1]])
            .expect_code(2);
        assert!(output.stderr.contains(expected), "{flags:?}: {}", output.stderr);
        assert_eq!(output.stdout, "", "{flags:?}");
    }
    let output = env.run(&["ci-check", "a.onnx"]).expect_code(2);
    assert!(output.stderr.contains("<B>"), "{}", output.stderr);
}

/// A workspace with a registry, and two benchmarks of each model. The second is the first one once more: how far two lie apart is
/// the machine's mood, and not what is tested here.
fn benchmarked() -> TestEnv {
    let env = project("digits_mlp.onnx", "");
    put(&env, "a.onnx", "digits_mlp.onnx");
    put(&env, "b.onnx", "digits_cnn.onnx");
    env.run(&["ci"]).expect_code(0);
    for model in ["a.onnx", "b.onnx"] {
        env.run(&["benchmark", model, "--restarts", "3", "--runs", "30"])
            .expect_code(0);
    }
    let copied = rusqlite::Connection::open(env.path(".mlbuild/registry.db"))
        .unwrap()
        .execute(
            "INSERT INTO measurements (build, target, runtime_version, machine, samples, created_at)
             SELECT build, target, runtime_version, machine, samples, created_at FROM measurements
             WHERE json_extract(samples, '$.kind') = 'benchmark'",
            [],
        )
        .unwrap();
    assert_eq!(copied, 2);
    env
}

#[test]
fn stored_benchmarks_are_used_where_they_decide() {
    let env = benchmarked();
    let flags = ["compare", "a.onnx", "b.onnx", "--use-cached", "--time-budget", "300 ms"];
    let output = env.run(&[&flags[..], &["--json"]].concat()).expect_code(1);
    let note = "judged by 2 stored benchmarks of A and 2 of B, made at different times on this machine";
    assert!(output.stdout.contains(note), "{}", output.stdout);
    let report = json(&output);
    assert!(regressed(&report).contains(&"latency-p50".to_owned()));
    let p50 = &report["comparisons"][0]["metrics"][0];
    assert!(p50["change"]["lower"].as_f64().unwrap() > 5.0, "{p50}");
    let log = env.run(&[&flags[..], &["--ci"]].concat()).expect_code(1);
    assert!(log.stdout.contains(note), "{}", log.stdout);
    // With other settings they are none.
    let other = env
        .run(&[&flags[..], &["--threads", "2", "--ci"]].concat())
        .expect_code(1);
    assert!(
        other
            .stdout
            .contains("measured anew: no stored benchmark of A counts, 2 are needed; there are 2 with other settings"),
        "{}",
        other.stdout
    );
    let other = env
        .run(&[&flags[..], &["--variant", "fp16", "--ci"]].concat())
        .expect_code(1);
    assert!(other.stdout.contains("measured anew: variants"), "{}", other.stdout);
}

#[test]
fn benchmarks_of_another_machine_are_never_taken_for_this_ones() {
    let env = benchmarked();
    let connection = rusqlite::Connection::open(env.path(".mlbuild/registry.db")).unwrap();
    let changed = connection
        .execute(
            "UPDATE machines SET fingerprint = json_set(fingerprint, '$.cpu_model', 'Abacus')",
            [],
        )
        .unwrap();
    assert!(changed >= 1);
    drop(connection);
    let flags = [
        "ci-check",
        "a.onnx",
        "b.onnx",
        "--use-cached",
        "--time-budget",
        "300 ms",
    ];
    let output = env.run(&flags).expect_code(1);
    assert!(
        output.stdout.contains(
            "measured anew: no stored benchmark of A counts, 2 are needed; there are 2 of another machine (processor: "
        ),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("against Abacus)"), "{}", output.stdout);
}

#[test]
fn without_a_registry_nothing_is_stored() {
    let env = two("digits_mlp.onnx", "digits_mlp.onnx");
    let output = check(&env, &["--use-cached"]);
    assert!(
        output
            .stdout
            .contains("measured anew: no stored benchmark of A counts, 2 are needed"),
        "{}",
        output.stdout
    );
}
