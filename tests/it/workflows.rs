//! `mlbuild doctor --workflows`: what it says of workflows, ours among them.

use std::path::Path;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::env::TestEnv;

const GATE: &str = include_str!("../../examples/workflows/mlbuild.yml");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A project whose workflow is this.
fn project(workflow: &str) -> TestEnv {
    let env = desk::project("digits_mlp.onnx", "");
    env.write(".github/workflows/gate.yml", workflow);
    env
}

fn found(value: &serde_json::Value) -> Vec<String> {
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!(
                "{}:{} {}[{}]",
                text(row, "file"),
                row["line"],
                text(row, "severity"),
                text(row, "rule")
            )
        })
        .collect()
}

/// Our own workflows are clean; what users copy names a tag, as they will.
#[test]
fn our_own_workflows_and_the_examples_are_clean() {
    for place in [
        ".github/workflows",
        "examples/workflows",
        "action.yml",
        "report/action.yml",
        "command/action.yml",
    ] {
        let env = TestEnv::new();
        let path = root().join(place);
        let value = json(
            &env.run(&["doctor", "--workflows", path.to_str().unwrap(), "--json"])
                .expect_code(0),
        );
        let worse: Vec<String> = found(&value)
            .into_iter()
            .filter(|line| !(place.starts_with("examples") && line.ends_with("advice[unpinned]")))
            .collect();
        assert!(worse.is_empty(), "{place}: {worse:#?}");
        assert!(!value["files"].as_array().unwrap().is_empty(), "{place}");
    }
}

#[test]
fn what_init_writes_is_clean() {
    let env = desk::empty();
    env.write("model.onnx", "x");
    env.run(&["init"]).expect_code(0);
    let value = json(&env.run(&["doctor", "--workflows", "--json"]).expect_code(0));
    assert!(!value["findings"].as_array().unwrap().is_empty());
    assert!(
        found(&value).iter().all(|line| line.ends_with("advice[unpinned]")),
        "{value:#}"
    );
}

#[test]
fn line_caret_and_advice() {
    let workflow = "on: pull_request\njobs:\n  gate:\n    runs-on: ubuntu-latest\n    permissions: { contents: read, actions: read }\n    steps:\n      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0\n      - run: |\n          pip install .\n          pytest || true\n      - uses: org/mlbuild-action@v1\n";
    let env = project(workflow);
    let before = env.tree();
    let output = env.run(&["doctor", "--workflows"]).expect_code(1);
    insta::assert_snapshot!(desk::plain(&output));
    assert_eq!(env.tree(), before, "looking changes nothing");
    env.run(&["doctor", "--workflows", "--soft"]).expect_code(0);
    let value = json(
        &env.run(&["doctor", "--workflows", ".github/workflows/gate.yml", "--json"])
            .expect_code(1),
    );
    assert_eq!(value["errors"], 1, "{value:#}");
    insta::assert_snapshot!(serde_json::to_string_pretty(&value["findings"][0]).unwrap());
}

#[test]
fn models_in_lfs_need_a_checkout_that_fetches_them() {
    let env = project(GATE);
    let rules = |env: &TestEnv, code: i32| {
        found(&json(&env.run(&["doctor", "--workflows", "--json"]).expect_code(code)))
            .into_iter()
            .filter(|line| line.contains("[lfs]"))
            .count()
    };
    assert_eq!(rules(&env, 0), 0);
    env.write(".gitattributes", "*.onnx filter=lfs diff=lfs merge=lfs -text\n");
    assert_eq!(rules(&env, 1), 2, "both jobs check out");
    env.write(
        ".github/workflows/gate.yml",
        GATE.replace(
            "persist-credentials: false",
            "persist-credentials: false\n          lfs: true",
        ),
    );
    assert_eq!(rules(&env, 0), 0);
}

#[test]
fn the_workflows_are_found_from_a_folder_below() {
    let env = project(GATE);
    env.write("a/b/file", "x");
    env.run_in("a/b", &["doctor", "--workflows"]).expect_code(0);
    let output = env.run(&["doctor", "--workflows", "."]).expect_code(0);
    assert!(output.stdout.contains("1 workflow: 0 errors"), "{}", output.stdout);
}

#[test]
fn nothing_to_look_at_is_an_error() {
    let env = desk::empty();
    let output = env.run(&["doctor", "--workflows"]).expect_code(2);
    assert!(output.stderr.contains("no workflow in"), "{}", output.stderr);
    env.run(&["doctor", "--workflows", "nowhere.yml"]).expect_code(2);
    env.run(&["doctor", "--workflows", "--noise"]).expect_code(2);
}

#[test]
fn hostile_files_are_told_safely() {
    let env = desk::empty();
    env.write(".github/workflows/big.yml", "a".repeat(10 << 20));
    env.write(".github/workflows/list.yml", "- 1\n");
    env.write(".github/workflows/bytes.yml", [0xff, 0xfe, 0x00, 0x41]);
    env.write(
        ".github/workflows/shown.yml",
        "on: push\njobs:\n  \"a\\e[31m\\u202e\":\n    steps:\n      - uses: \"x\\e[2J/y\"\n      - run: \"pytest || true \\e]0;title\\a\"\n",
    );
    let output = env.run(&["doctor", "--workflows"]).expect_code(1);
    assert!(output.stdout.contains("larger than 256 KiB"), "{}", output.stdout);
    assert!(
        !output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'),
        "{}",
        output.stdout
    );
    let value = json(&env.run(&["doctor", "--workflows", "--json"]).expect_code(1));
    assert_eq!(value["files"].as_array().unwrap().len(), 4);
}
