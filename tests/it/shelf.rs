//! Naming, pinning, tagging, pruning and repairing builds; experiments and runs.

use std::fs;

use serde_json::Value;

use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::padded;
use crate::support::desk::plain;
use crate::support::env::Output;
use crate::support::env::TestEnv;

/// A project with so many builds; their ids, the oldest first.
fn shelf(count: usize) -> (TestEnv, Vec<String>) {
    let env = empty();
    let ids = (0..count)
        .map(|number| {
            let file = format!("model{number}.onnx");
            env.write(&file, padded("digits_mlp.onnx", number + 1));
            let made = json(&env.run(&[
                "import",
                "--model",
                &file,
                "--target",
                "onnxruntime_cpu",
                "--no-verify",
                "--json",
            ]));
            made["build"]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    (env, ids)
}

/// A snapshot without ids and times.
fn still(output: &Output) -> String {
    let mut text = String::new();
    for word in plain(output).split_inclusive(|character: char| character.is_whitespace() || character == '"') {
        let bare = word.trim_end_matches(['"', ',', '\n', ' ']);
        let is_time = [20, 24].contains(&bare.len()) && bare.ends_with('Z') && bare.starts_with("20");
        text.push_str(&if is_time {
            word.replace(bare, "[TIME]")
        } else {
            word.to_owned()
        });
    }
    text
}

fn listed(env: &TestEnv) -> usize {
    let registry = mlbuild::registry::Registry::open(&env.path(".mlbuild/registry.db")).unwrap();
    registry.builds().unwrap().len()
}

#[test]
fn names_tags_and_pins() {
    let (env, ids) = shelf(2);
    insta::assert_snapshot!(
        "rename_text",
        still(&env.run(&["rename", &ids[0], "it's \"mine\" <b> 🚀"]))
    );
    insta::assert_snapshot!("rename_json", still(&env.run(&["rename", &ids[0], "mine", "--json"])));
    insta::assert_snapshot!("tag_create", still(&env.run(&["tag", "create", "mine", "v1.0.0"])));
    insta::assert_snapshot!("tag_taken", still(&env.run(&["tag", "create", &ids[1], "v1.0.0"])));
    insta::assert_snapshot!(
        "tag_moved",
        still(&env.run(&["tag", "create", &ids[1], "v1.0.0", "--force"]))
    );
    env.run(&["tag", "create", "model0.onnx", "main-digits"]).expect_code(0);
    insta::assert_snapshot!("tag_list", still(&env.run(&["tag", "list"])));
    insta::assert_snapshot!("tag_show_json", still(&env.run(&["tag", "show", "v1.0.0", "--json"])));
    insta::assert_snapshot!("tag_delete", still(&env.run(&["tag", "delete", "v1.0.0"])));
    env.run(&["tag", "show", "never"]).expect_code(2);
    let refused = env.run(&["tag", "create", "mine", "mlbuild-pinned"]).expect_code(2);
    assert!(refused.stderr.contains("mlbuild pin"), "{}", refused.stderr);
    insta::assert_snapshot!("pin_text", still(&env.run(&["pin", "mine", "model1.onnx"])));
    insta::assert_snapshot!("unpin_text", still(&env.run(&["unpin", "mine"])));
    // All or none.
    let output = env.run(&["unpin", &ids[1], "nothing"]).expect_code(2);
    assert!(output.stderr.contains("no build or tag `nothing`"), "{}", output.stderr);
    let again = json(&env.run(&["pin", &ids[1], "--json"]));
    assert_eq!(again["changed"], 0);
    // The beginning of both ids is none that is taken.
    let short = env.run(&["pin", &ids[0][..3]]).expect_code(2);
    assert!(short.stderr.contains("no build"), "{}", short.stderr);
}

#[test]
fn baselines_are_set_shown_and_unset() {
    let (env, ids) = shelf(2);
    insta::assert_snapshot!("baseline_none", still(&env.run(&["baseline"])));
    insta::assert_snapshot!("baseline_set", still(&env.run(&["baseline", "set", &ids[0]])));
    env.run(&["baseline", "set", &ids[1]]).expect_code(2);
    env.run(&["baseline", "set", &ids[1], "--force"]).expect_code(0);
    insta::assert_snapshot!("baseline_show", still(&env.run(&["baseline", "show"])));
    insta::assert_snapshot!("baseline_history", still(&env.run(&["baseline", "history"])));
    env.run(&["baseline", "unset"]).expect_code(2);
    insta::assert_snapshot!("baseline_unset", still(&env.run(&["baseline", "unset", "--force"])));
    let shown = json(&env.run(&["baseline", "--json"]));
    assert_eq!(shown["set"], Value::Null);
}

#[test]
fn pruning_hides_and_purging_frees() {
    let (env, ids) = shelf(6);
    env.run(&["pin", &ids[0]]).expect_code(0);
    env.run(&["tag", "create", &ids[1], "main-digits"]).expect_code(0);
    env.run(&["prune"]).expect_code(2);
    insta::assert_snapshot!("prune_dry", {
        let dry = json(&env.run(&["prune", "--older-than", "0d", "--keep-last", "6", "--dry-run", "--json"]));
        serde_json::to_string_pretty(&dry).unwrap()
    });
    assert_eq!(listed(&env), 6);
    let removed = json(&env.run(&["prune", "--keep-last", "0", "--json"]));
    assert_eq!(removed["removed"].as_array().unwrap().len(), 4);
    assert_eq!(removed["protected"].as_array().unwrap().len(), 2);
    assert_eq!(listed(&env), 2);
    // Brought back, one is there again.
    env.run(&["prune", "--restore", &ids[5]]).expect_code(0);
    assert_eq!(listed(&env), 3);
    let asks = env.run(&["prune", "--purge"]).expect_code(2);
    assert!(asks.stderr.contains("--force"), "{}", asks.stderr);
    let purged = json(&env.run(&["prune", "--purge", "--force", "--json"]));
    assert_eq!(purged["purged"].as_array().unwrap().len(), 3);
    assert!(purged["freed_bytes"].as_u64().unwrap() > 0);
    assert_eq!(fs::read_dir(env.path(".mlbuild/objects")).unwrap().count(), 3);
    env.run(&["prune", "--restore", &ids[4]]).expect_code(2);
}

#[test]
fn experiments_and_runs_are_logged() {
    let (env, ids) = shelf(1);
    env.run(&["experiment", "create", "search", "--description", "how small"])
        .expect_code(0);
    env.run(&["experiment", "create", "search"]).expect_code(2);
    env.run(&["run", "log-param", "a", "b"]).expect_code(2);
    env.run(&["run", "start", "--experiment", "search", "--name", "first"])
        .expect_code(0);
    env.run(&["run", "log-param", "quantization", "int8"]).expect_code(0);
    env.run(&["run", "log-metric", "latency_p50", "5.6"]).expect_code(0);
    for bad in ["nan", "inf", "fast"] {
        env.run(&["run", "log-metric", "latency_p50", bad]).expect_code(2);
    }
    env.run(&["run", "attach-build", &ids[0]]).expect_code(0);
    let second = env.run(&["run", "start", "--experiment", "search"]).expect_code(0);
    assert!(second.stderr.contains("is still open"), "{}", second.stderr);
    let which = env.run(&["run", "end", "--status", "failed"]).expect_code(0);
    assert!(which.stderr.contains("2 runs are open"), "{}", which.stderr);
    assert!(!which.stdout.contains("first"), "{}", which.stdout);
    insta::assert_snapshot!("run_end", still(&env.run(&["run", "end"])));
    insta::assert_snapshot!("experiment_list", still(&env.run(&["experiment", "list"])));
    insta::assert_snapshot!("run_list_json", still(&env.run(&["run", "list", "--json"])));
    env.run(&["experiment", "delete", "search"]).expect_code(2);
    env.run(&["experiment", "delete", "search", "--yes"]).expect_code(0);
    assert_eq!(listed(&env), 1);
}

#[test]
fn a_damaged_registry_is_saved_row_by_row() {
    let (env, ids) = shelf(6);
    let path = env.path(".mlbuild/registry.db");
    let whole = fs::read(&path).unwrap();
    let half = whole.len() / 2;
    let mut flipped = whole.clone();
    for byte in flipped.iter_mut().skip(half).take(5_000) {
        *byte ^= 0x5a;
    }
    for (damage, bytes) in [
        ("flipped", flipped),
        ("cut", whole[..half].to_vec()),
        ("headless", [&[0_u8; 100][..], &whole[100..]].concat()),
    ] {
        fs::write(&path, &bytes).unwrap();
        let looked = json(&env.run(&["doctor", "--json", "--soft"]).expect_code(0));
        assert!(
            !looked["workspace"]["faults"].as_array().unwrap().is_empty(),
            "{damage}: {looked}"
        );
        let repaired = json(&env.run(&["doctor", "--repair", "--json", "--soft"]).expect_code(0));
        assert!(
            repaired["workspace"]["faults"].as_array().unwrap().is_empty(),
            "{damage}: {repaired}"
        );
        assert_eq!(
            repaired["workspace"]["kept_aside"].as_array().unwrap().len(),
            1,
            "{damage}"
        );
        // Files of builds whose rows are lost are still there, and known for what they are.
        let builds = repaired["workspace"]["builds"].as_u64().unwrap() as usize;
        let orphans = repaired["workspace"]["orphans"].as_array().unwrap();
        assert!(builds + orphans.len() >= ids.len(), "{damage}: {repaired}");
        assert!(
            orphans.iter().all(|orphan| orphan["model"] == "ONNX"),
            "{damage}: {repaired}"
        );
        for entry in fs::read_dir(env.path(".mlbuild")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_string_lossy().contains(".damaged-") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

#[test]
fn a_missing_file_is_told_and_a_newer_registry_is_left_alone() {
    let (env, ids) = shelf(2);
    let objects = env.path(".mlbuild/objects");
    let one = fs::read_dir(&objects).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&one).unwrap();
    let looked = json(&env.run(&["doctor", "--json"]).expect_code(1));
    assert_eq!(looked["workspace"]["broken"][0]["what"], "missing");
    let failures = ids.iter().filter(|id| env.run(&["accuracy", id, id]).code == 2).count();
    assert!(failures >= 1);
    rusqlite::Connection::open(env.path(".mlbuild/registry.db"))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let newer = env.run(&["tag", "list"]).expect_code(2);
    assert!(newer.stderr.contains("has version 99"), "{}", newer.stderr);
    env.run(&["doctor", "--repair"]).expect_code(2);
}
