//! `mlbuild ci` with the real binary and engine: exit codes, the report, every flag, builds and baselines by name, Ctrl-C.

use std::fs;
use std::path::Path;

use mlbuild::registry::Registry;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::project;
use crate::support::desk::put;
use crate::support::desk::regressed;
use crate::support::desk::report;
use crate::support::desk::verdicts;

/// Limits so wide that only a flag can make a run fail.
const WIDE: [&str; 8] = [
    "--latency-regression",
    "1000000%",
    "--size-regression",
    "1000000%",
    "--cosine-threshold",
    "0",
    "--top1-threshold",
    "0",
];

#[test]
fn the_quickstart_passes_and_shows_the_comment() {
    let env = desk::empty();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    for folder in ["", "baseline"] {
        for entry in fs::read_dir(from.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let name = Path::new(folder).join(entry.file_name());
                env.write(name.to_str().unwrap(), fs::read(entry.path()).unwrap());
            }
        }
    }
    let output = env.run(&["ci"]).expect_code(0);
    let report = report(&env);
    assert_eq!(report["model"], "digits");
    for (section, fields) in [
        ("baseline", &["tag", "build_id", "latency_ms", "size_mb"][..]),
        (
            "candidate",
            &["build_id", "variant", "parent_build_id", "latency_ms", "size_mb"],
        ),
        ("delta", &["latency_pct", "size_pct"]),
        (
            "thresholds",
            &[
                "latency_regression_pct",
                "size_regression_pct",
                "latency_budget_ms",
                "size_budget_mb",
            ],
        ),
    ] {
        for field in fields {
            assert!(report[section].get(field).is_some(), "{section}.{field}");
        }
    }
    assert!(report["candidate"]["latency_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(report["delta"]["size_pct"], 0.0);
    assert_eq!(report["violations"].as_array().unwrap().len(), 0);
    assert_eq!(report["context"]["config_path"], ".mlbuild.yml");
    let summary = report["summary"].as_str().unwrap();
    assert!(output.stdout.contains(summary), "{}", output.stdout);
    for shown in [
        "digits · onnxruntime_cpu · baseline dir: baseline",
        "p99",
        "load",
        "first",
        "onnxruntime 1.",
    ] {
        assert!(output.stdout.contains(shown), "{shown}: {}", output.stdout);
    }
    assert!(
        output
            .stderr
            .ends_with("report: .mlbuild/ci_report.json  .mlbuild/comment.md\n"),
        "{}",
        output.stderr
    );
    assert!(env.read(".mlbuild/comment.md").starts_with("## "));
    desk::assert_no_leftovers(&env);
}

#[test]
fn a_regression_exits_with_1_and_names_the_line() {
    let env = project("digits_cnn.onnx", "");
    put(&env, "old.onnx", "digits_mlp.onnx");
    let output = env.run(&["ci", "--baseline", "old.onnx"]).expect_code(1);
    let report = report(&env);
    assert_eq!(
        (&report["result"], &report["exit_code"]),
        (&"regression".into(), &1.into())
    );
    // The larger model is slower too, but how surely is for a busy machine to say; its size is for certain.
    assert!(regressed(&report).contains(&"size".to_owned()), "{report:#}");
    assert_eq!(report["comparisons"][0]["config_line"], 3);
    let verdict = output
        .stdout
        .lines()
        .rfind(|line| line.starts_with("regression: "))
        .unwrap();
    assert!(verdict.contains("`digits` got "), "{verdict}");
    assert!(verdict.ends_with("(.mlbuild.yml:3)"), "{verdict}");
    assert!(output.stdout.contains("baseline `old.onnx`"), "{}", output.stdout);
}

#[test]
fn a_first_run_is_neutral_unless_told_otherwise() {
    let env = project("digits_mlp.onnx", "");
    let output = env.run(&["ci"]).expect_code(0);
    assert_eq!(verdicts(&report(&env)), ["digits fp32 no-baseline"]);
    assert!(
        output.stdout.contains("no baseline: No baseline yet"),
        "{}",
        output.stdout
    );
    env.run(&["ci", "--fail-on-missing-baseline"]).expect_code(1);
    assert_eq!(report(&env)["exit_code"], 1);
}

#[test]
fn budgets_hold_without_a_baseline() {
    // Some 40 µs against a budget of 1: no noise hides that.
    let env = project("digits_cnn.onnx", "");
    env.run(&["ci", "--latency-budget", "1us"]).expect_code(1);
    assert_eq!(regressed(&report(&env)), ["latency-p50"]);
    assert_eq!(report(&env)["thresholds"]["latency_budget_ms"], 0.001);
    let output = env.run(&["ci", "--size-budget", "0.1"]).expect_code(1);
    assert_eq!(regressed(&report(&env)), ["size"]);
    assert!(output.stdout.contains("the budget is 100.0 KB"), "{}", output.stdout);
    env.run(&["ci", "--size-budget", "2", "--latency-budget", "10 s"])
        .expect_code(0);
}

#[test]
fn json_is_all_that_stdout_has() {
    let env = project("digits_mlp.onnx", "    build: echo building\n");
    let output = env.run(&["ci", "--json"]).expect_code(0);
    assert_eq!(json(&output), report(&env));
    assert!(output.stderr.contains("digits │ building"), "{}", output.stderr);
}

#[test]
fn every_limit_has_its_flag() {
    let env = project("digits_cnn.onnx", "");
    put(&env, "old.onnx", "digits_mlp.onnx");
    let run = |flags: &[&str], code| {
        let mut arguments = vec!["ci", "--baseline", "old.onnx", "--json"];
        arguments.extend(flags);
        regressed(&json(&env.run(&arguments).expect_code(code)))
    };
    assert!(run(&WIDE, 0).is_empty());
    for (flag, strict, metric) in [
        (0, "1%", "latency-p50"),
        (2, "1%", "size"),
        (4, "0.99", "cosine"),
        (6, "0.99", "top1-agreement"),
    ] {
        let mut flags = WIDE;
        flags[flag + 1] = strict;
        assert_eq!(run(&flags, 1), [metric], "{}", WIDE[flag]);
    }
}

#[test]
fn one_model_target_and_dataset_can_be_chosen() {
    let env = project(
        "digits_mlp.onnx",
        "  - name: other\n    path: other.onnx\n    variants: [fp32, fp16]\n",
    );
    put(&env, "other.onnx", "digits_mlp.onnx");
    env.run(&["baseline", "refresh", "-q"]).expect_code(0);
    env.write("other.onnx", desk::padded("digits_mlp.onnx", 10));
    let chosen = |flags: &[&str], code| {
        let mut arguments = vec!["ci"];
        arguments.extend(flags);
        env.run(&arguments).expect_code(code);
        verdicts(&report(&env))
    };
    // What flags leave out was not removed.
    assert_eq!(chosen(&["--model", "digits"], 0), ["digits fp32 skipped"]);
    assert_eq!(
        chosen(&["--model", "other.onnx"], 0),
        ["other fp32 pass", "other fp16 pass"]
    );
    assert_eq!(
        chosen(&["--model", "digits", "--target", "onnxruntime-gpu"], 2),
        ["digits fp32 error"]
    );
    let reason = report(&env)["comparisons"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("CUDA"), "{reason}");

    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/digits.npz");
    env.write("data/digits.npz", fs::read(digits).unwrap());
    // Other samples make another comparison, so the model is measured although it did not change.
    chosen(&["--model", "digits", "--dataset", "data/digits.npz"], 0);
    desk::assert_no_worse(&report(&env));
    assert_eq!(
        chosen(&["--model", "digits", "--dataset", "data/none.npz"], 2),
        ["digits fp32 error"]
    );
    let reason = report(&env)["comparisons"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("data/none.npz"), "{reason}");

    env.write(".mlbuild.yml", desk::config(""));
    let all = ["digits fp32 skipped", "other fp16 removed", "other fp32 removed"];
    assert_eq!(chosen(&[], 0), all);
    assert_eq!(report(&env)["comparisons"][1]["config_line"], serde_json::Value::Null);
}

#[test]
fn builds_are_found_by_tag_and_by_the_beginning_of_their_id() {
    let env = project("digits_mlp.onnx", "    variants: [fp32, fp16]\n");
    // Enough restarts for a verdict on a busy machine too.
    env.write(".mlbuild.yml", env.read(".mlbuild.yml").replace("300 ms", "5 s"));
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

    // The file is gone: builds come out of the workspace.
    fs::remove_file(env.path("model.onnx")).unwrap();
    let output = env
        .run(&["ci", "--build", &builds[1][..10], "--baseline", "main-digits"])
        .expect_code(0);
    assert_eq!(verdicts(&report(&env)), ["digits fp16 pass"]);
    assert_eq!(report(&env)["baseline"]["tag"], "main-digits");
    assert!(output.stdout.contains(&builds[1][..7]), "{}", output.stdout);

    put(&env, "model.onnx", "digits_mlp.onnx");
    env.run(&["ci", "--baseline", &builds[0][..12]]).expect_code(0);
    assert_eq!(verdicts(&report(&env)), ["digits fp32 pass", "digits fp16 pass"]);

    let output = env.run(&["ci", "--build", "main-digit"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: no build or tag `main-digit` in the registry
    hint: did you mean `main-digits`?
    "#);
    let output = env.run(&["ci", "--baseline", "nothing-like-it"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: no baseline `nothing-like-it`: it is no path, no tag or build of the registry, and no release
    hint: give the path of a model or of a baseline folder, a tag, the beginning of a build's id, or a release's tag
    hint: `mlbuild baseline refresh` or `mlbuild baseline set` makes `mlbuild-baseline`, which is used when nothing is named
    "#);
}

#[test]
fn an_unknown_recipe_is_an_error_at_its_line_and_the_others_are_measured() {
    let env = project("digits_mlp.onnx", "    variants:\n      - fp32\n      - fp61\n");
    let output = env.run(&["ci"]).expect_code(2);
    let report = report(&env);
    assert_eq!(verdicts(&report), ["digits fp32 no-baseline", "digits fp61 error"]);
    assert_eq!(report["comparisons"][1]["config_line"], 7);
    let said: Vec<&str> = output
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("error"))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    error: `digits` `fp61` could not be compared: `fp61` is not a known transform (.mlbuild.yml:7)
    hint: did you mean `fp16`?
    hint: the variants that exist are fp32, bf16, fp16, int4, int8, int8-static, int8-weights, mixed, opset-<version>, palettize-<bits>, prune-<sparsity>, prune-structured-<ratio>, simplify, smooth, tflite
    "#);
}

#[test]
fn the_config_is_found_from_below_and_the_report_lies_beside_it() {
    let env = project("digits_mlp.onnx", "");
    fs::create_dir_all(env.path("deep/down")).unwrap();
    env.run_in("deep/down", &["ci", "-q"]).expect_code(0);
    assert_eq!(verdicts(&report(&env)), ["digits fp32 no-baseline"]);
    assert!(fs::read_dir(env.path("deep/down")).unwrap().next().is_none());

    // Paths of flags start where the command does, and one model needs no config.
    let env = desk::empty();
    put(&env, "folder/net.onnx", "digits_mlp.onnx");
    env.run_in(
        "folder",
        &[
            "ci",
            "--model",
            "net.onnx",
            "--baseline",
            "net.onnx",
            "--latency-regression",
            "400%",
        ],
    )
    .expect_code(0);
    assert!(env.path("folder/.mlbuild/ci_report.json").is_file());
    assert_eq!(env.read("folder/.mlbuild/.gitignore"), "*\n!budget.toml\n");
}

#[test]
fn a_build_command_makes_the_model() {
    let env = project(
        "digits_mlp.onnx",
        "    build: cp made.onnx model.onnx && echo $GITHUB_TOKEN.\n",
    );
    fs::rename(env.path("model.onnx"), env.path("made.onnx")).unwrap();
    let output = env.run(&["ci"]).expect_code(0);
    assert!(output.stderr.contains("digits │ .\n"), "{}", output.stderr);

    env.write(
        ".mlbuild.yml",
        desk::config("    build: echo the exporter broke && exit 3\n"),
    );
    let output = env.run(&["ci"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  error
        the build command `echo the exporter broke && exit 3` failed: exit status: 3; its output ends with the exporter broke

    error: `digits` could not be compared: the build command `echo the exporter broke && exit 3` failed: exit status: 3; its output ends with the exporter broke (.mlbuild.yml:3)
    hint: run `echo the exporter broke && exit 3` yourself in the folder of the config
    hint: tokens such as GITHUB_TOKEN are not in its environment; what it needs must come without
    ----- stderr -----
    digits │ the exporter broke
    report: .mlbuild/ci_report.json  .mlbuild/comment.md
    "#);
}
