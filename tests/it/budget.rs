//! `mlbuild budget` and what the budget does to `mlbuild ci`.

use serde_json::Value;

use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::project;
use crate::support::desk::put;
use crate::support::desk::regressed;
use crate::support::desk::report;
use crate::support::env::TestEnv;

const FILE: &str = ".mlbuild/budget.toml";

fn shown(env: &TestEnv) -> Value {
    json(&env.run(&["budget", "show", "--json"]).expect_code(0))
}

#[test]
fn limits_are_set_shown_and_taken_away() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["budget", "show"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    nothing is limited
    ----- stderr -----
    hint: `mlbuild budget set --max-latency 10` limits the median latency to 10 ms
    ");
    let all = [
        "--max-latency",
        "10",
        "--max-p95",
        "15",
        "--max-memory",
        "50",
        "--max-size",
        "8",
    ];
    insta::assert_snapshot!(env.run(&[&["budget", "set"][..], &all].concat()).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    p50 latency: at most 10.0 ms
    p95 latency: at most 15.0 ms
    peak memory: at most 50.0 MB
    size on disk: at most 8.0 MB
    ----- stderr -----
    wrote .mlbuild/budget.toml; commit it, so that it counts for everybody
    ");
    assert_eq!(
        env.read(FILE),
        "version = 1\n\n[constraints]\nmax_latency_ms = 10.0\nmax_p95_ms = 15.0\nmax_memory_mb = 50.0\nmax_size_mb = 8.0\n"
    );
    // Of the workspace, the budget alone is committed.
    assert_eq!(env.read(".mlbuild/.gitignore"), "*\n!budget.toml\n");
    env.run(&["budget", "set", "--max-latency", "250 us", "--max-size", "1 MiB"])
        .expect_code(0);
    let budget = shown(&env);
    assert_eq!(budget["budget"]["max_latency_ms"], 0.25);
    assert_eq!(budget["budget"]["max_size_mb"], 1.048576);
    assert_eq!(budget["budget"]["max_p95_ms"], 15.0);
    env.run(&["budget", "clear", "--constraint", "max-p95"]).expect_code(0);
    insta::assert_snapshot!(env.run(&["budget", "show"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    constraint    at most   source
    p50 latency   0.25 ms   .mlbuild/budget.toml:4
    p95 latency   no limit
    peak memory   50.0 MB   .mlbuild/budget.toml:5
    size on disk  1.0 MB    .mlbuild/budget.toml:6
    ");
    let cleared = json(&env.run(&["budget", "clear", "--yes", "--json"]).expect_code(0));
    assert_eq!(cleared["budget"]["max_memory_mb"], Value::Null);
    assert_eq!(env.read(FILE), "version = 1\n\n[constraints]\n");
}

#[test]
fn comments_survive_a_new_limit() {
    let env = TestEnv::new();
    env.write(
        FILE,
        "# agreed in May\nversion = 1\n[constraints]\nmax_size_mb = 8 # as the store asks\n",
    );
    env.run(&["budget", "set", "--max-size", "9"]).expect_code(0);
    assert_eq!(
        env.read(FILE),
        "# agreed in May\nversion = 1\n[constraints]\nmax_size_mb = 9.0 # as the store asks\n"
    );
}

#[test]
fn clearing_everything_asks_first() {
    let env = TestEnv::new();
    env.run(&["budget", "set", "--max-size", "9"]).expect_code(0);
    let before = env.read(FILE);
    insta::assert_snapshot!(env.run(&["budget", "clear"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: clearing all limits asks first, and there is no terminal to ask at
    hint: add `--yes`, or name one limit with `--constraint`
    ");
    assert_eq!(env.read(FILE), before);
}

#[test]
fn bad_limits_are_refused_by_name() {
    let env = TestEnv::new();
    for (flag, value) in [
        ("--max-latency", "0"),
        ("--max-latency", "-1"),
        ("--max-p95", "0 ms"),
        ("--max-p95", "nan"),
        ("--max-memory", "10 ms"),
        ("--max-size", "-8"),
        ("--max-size", "0.0000001"),
    ] {
        let output = env.run(&["budget", "set", flag, value]).expect_code(2);
        assert!(output.stderr.contains(&format!("for '{flag} ")), "{}", output.stderr);
    }
    let output = env.run(&["budget", "set"]).expect_code(2);
    assert!(output.stderr.contains("at least one of"), "{}", output.stderr);
    let output = env.run(&["budget", "clear", "--constraint", "max-size"]).expect_code(2);
    assert!(
        output.stderr.contains("there is no `.mlbuild/budget.toml`"),
        "{}",
        output.stderr
    );
    assert!(!env.path(FILE).exists());
}

#[test]
fn a_bad_file_is_shown_where_it_is_wrong_and_kept() {
    let env = TestEnv::new();
    let text = "version = 1\n[constraints]\nmax_latancy_ms = 10\nmax_size_mb = 0\n";
    env.write(FILE, text);
    for command in [
        &["budget", "show"][..],
        &["budget", "set", "--max-size", "8"],
        &["budget", "clear", "--yes"],
    ] {
        let output = env.run(command).expect_code(2);
        assert!(
            output.stderr.contains("did you mean `max_latency_ms`?"),
            "{}",
            output.stderr
        );
        assert!(output.stderr.contains("`max_size_mb` is zero"), "{}", output.stderr);
        assert!(output.stderr.contains("budget.toml:3:1"), "{}", output.stderr);
    }
    assert_eq!(env.read(FILE), text);
}

#[test]
fn a_file_in_the_way_is_named() {
    let env = TestEnv::new();
    env.write(".mlbuild", "not a folder");
    let output = env.run(&["budget", "set", "--max-size", "8"]).expect_code(2);
    assert!(output.stderr.contains(".mlbuild"), "{}", output.stderr);
    assert_eq!(env.read(".mlbuild"), "not a folder");
}

#[test]
fn a_gitignore_that_hides_the_budget_is_told() {
    let env = TestEnv::new();
    env.write(".gitignore", "target/\n/.mlbuild/\n");
    let output = env.run(&["budget", "set", "--max-size", "8"]).expect_code(0);
    assert!(output.stderr.contains("cannot be committed"), "{}", output.stderr);
}

#[test]
fn the_size_is_judged_without_a_run() {
    let env = TestEnv::new();
    put(&env, "model.onnx", "digits_mlp.onnx");
    let output = env.run(&["budget", "validate", "model.onnx"]).expect_code(2);
    assert!(output.stderr.contains("nothing is limited"), "{}", output.stderr);
    env.run(&["budget", "set", "--max-latency", "10", "--max-size", "8"])
        .expect_code(0);
    let output = env.run(&["budget", "validate", "model.onnx"]).expect_code(0);
    assert!(output.stdout.contains("pending"), "{}", output.stdout);
    assert!(
        output.stderr.contains("`mlbuild validate model.onnx`"),
        "{}",
        output.stderr
    );
    env.run(&["budget", "set", "--max-size", "0.01"]).expect_code(0);
    let judged = json(&env.run(&["budget", "validate", "model.onnx", "--json"]).expect_code(1));
    assert_eq!((&judged["violated"], &judged["pending"]), (&true.into(), &true.into()));
    assert_eq!(judged["constraints"][1]["result"], "violated");
    assert_eq!(judged["constraints"][1]["place"], ".mlbuild/budget.toml:5");
    let output = env.run(&["budget", "validate", "none.onnx"]).expect_code(2);
    assert!(output.stderr.contains("none.onnx"), "{}", output.stderr);
}

#[test]
fn ci_applies_all_four_and_names_the_source() {
    let env = project("digits_cnn.onnx", "");
    env.write(
        FILE,
        "version = 1\n[constraints]\nmax_latency_ms = 0.000001\nmax_p95_ms = 0.000001\nmax_memory_mb = 0.000001\nmax_size_mb = 0.001\n",
    );
    env.run(&["ci"]).expect_code(1);
    let judged = report(&env);
    let mut violated = regressed(&judged);
    violated.sort();
    let expected = if cfg!(target_os = "linux") {
        &["latency-p50", "latency-p95", "peak-memory", "size"][..]
    } else {
        &["latency-p50", "latency-p95", "size"]
    };
    assert_eq!(violated, expected);
    let metrics = judged["comparisons"][0]["metrics"].as_array().unwrap();
    let size = metrics.iter().find(|metric| metric["metric"] == "size").unwrap();
    assert_eq!(size["reason"], "over the budget of 1.0 KB (.mlbuild/budget.toml:6)");
    assert_eq!(size["budget_source"], ".mlbuild/budget.toml:6");
    assert!(
        env.read(".mlbuild/comment.md").contains("budget.toml:"),
        "{}",
        env.read(".mlbuild/comment.md")
    );
}

#[test]
fn flags_stand_above_the_budget_and_the_budget_above_the_config() {
    let env = project("digits_mlp.onnx", "");
    let config = env
        .read(".mlbuild.yml")
        .replace("gate: {", "gate: { size: { budget: 1 KB },");
    env.write(".mlbuild.yml", config);
    let source = |arguments: &[&str], code: i32| {
        env.run(&[&["ci"][..], arguments].concat()).expect_code(code);
        let judged = report(&env);
        let metrics = judged["comparisons"][0]["metrics"].as_array().unwrap();
        let size = metrics.iter().find(|metric| metric["metric"] == "size").unwrap();
        size["budget_source"].as_str().unwrap().to_owned()
    };
    assert_eq!(source(&[], 1), ".mlbuild.yml:5");
    env.write(FILE, "version = 1\n[constraints]\nmax_size_mb = 8\n");
    assert_eq!(source(&[], 0), ".mlbuild/budget.toml:3");
    assert_eq!(source(&["--size-budget", "0.001"], 1), "flag --size-budget");
    let limits = shown(&env);
    assert_eq!(limits["effective"][0]["place"], ".mlbuild/budget.toml:3");
    env.write(FILE, "version = 1\n[constraints]\nmax_size_mb = -8\n");
    let output = env.run(&["ci"]).expect_code(2);
    assert!(output.stderr.contains("`max_size_mb` is negative"), "{}", output.stderr);
}

#[test]
fn an_unchanged_model_is_held_to_the_budget_too() {
    let env = project("digits_mlp.onnx", "");
    env.run(&["baseline", "refresh"]).expect_code(0);
    env.run(&["ci"]).expect_code(0);
    env.run(&["budget", "set", "--max-size", "0.001"]).expect_code(0);
    env.run(&["ci"]).expect_code(1);
    assert_eq!(regressed(&report(&env)), ["size"]);
    for flag in ["--memory-budget", "--p95-budget"] {
        let output = env.run(&["ci", flag, "0"]).expect_code(2);
        assert!(output.stderr.contains(flag), "{}", output.stderr);
    }
}

#[test]
fn without_a_config_the_nearest_budget_counts() {
    let env = empty();
    put(&env, "deep/model.onnx", "digits_mlp.onnx");
    env.run(&["budget", "set", "--max-size", "0.001"]).expect_code(0);
    let output = env.run_in("deep", &["validate", "model.onnx"]).expect_code(1);
    assert!(output.stdout.contains(".mlbuild/budget.toml:4"), "{}", output.stdout);
}

#[test]
fn config_check_reads_the_budget_too() {
    let env = TestEnv::new();
    env.write(".mlbuild.yml", "version: 1\nmodels:\n  - path: model.onnx\n");
    env.write(FILE, "version = 1\n\n[constraints]\nmax_size_mb = 8.0\n");
    let output = env.run(&["config", "check"]).expect_code(0);
    assert!(
        output.stdout.contains(".mlbuild/budget.toml is valid"),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("budget 8.0 MB"), "{}", output.stdout);
    env.write(FILE, "version = 1\n\n[constraints]\nmax_sice_mb = 8.0\n");
    let output = env.run(&["config", "check"]).expect_code(2);
    assert!(output.stderr.contains("max_size_mb"), "{}", output.stderr);
}
