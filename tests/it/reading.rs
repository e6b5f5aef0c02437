//! The commands that read the workspace: log, search, inspect, diff, status, export, history; on real builds, and on what is not so nice.

use std::fs;

use mlbuild::digest::Digest;
use mlbuild::registry::About;
use mlbuild::registry::ArtifactFacts;
use mlbuild::registry::BuildFacts;
use mlbuild::registry::HistoryEntry;
use mlbuild::registry::Registry;
use mlbuild::units::Bytes;
use serde_json::Value;

use crate::support::desk::empty;
use crate::support::desk::json;
use crate::support::desk::put;
use crate::support::env::Output;
use crate::support::env::TestEnv;

const REGISTRY: &str = ".mlbuild/registry.db";

/// A workspace with `digits`, its half-precision variant and a chain of two steps, made by the real commands.
fn real() -> TestEnv {
    let env = empty();
    put(&env, "digits.onnx", "digits_cnn.onnx");
    env.run(&["build", "--model", "digits.onnx", "--quantize", "fp16"])
        .expect_code(0);
    env.run(&["optimize", "digits.onnx", "--recipe", "prune-0.50"])
        .expect_code(0);
    env.run(&[
        "optimize",
        &id_of(&env, "prune-0.50"),
        "--pass",
        "quantize",
        "--method",
        "int8",
    ])
    .expect_code(0);
    env
}

/// A workspace without models: builds as the registry has them.
fn made(builds: &[(&str, &str, Option<&str>)]) -> TestEnv {
    let env = TestEnv::new();
    let mut registry = Registry::open(&env.path(REGISTRY)).unwrap();
    for (index, (id, name, parent)) in builds.iter().enumerate() {
        registry
            .insert_build(&BuildFacts {
                id: digest(id),
                model: (*name).to_owned(),
                source: Digest::of(b"source"),
                recipe: if parent.is_some() { "prune-0.50" } else { "fp32" }.to_owned(),
                target: None,
                artifacts: vec![ArtifactFacts {
                    name: "model.onnx".to_owned(),
                    digest: Digest::of(name.as_bytes()),
                    size: Bytes(1_234_567),
                }],
                created_at: format!("2026-01-02T03:04:{index:02}Z"),
                parent: parent.map(digest),
                tool_version: "0.1.0".to_owned(),
                notes: Vec::new(),
                about: About {
                    task: Some("vision".to_owned()),
                    imported: index == 0,
                    ..About::default()
                },
            })
            .unwrap();
    }
    env
}

/// An id that begins so.
fn digest(begin: &str) -> Digest {
    format!("{begin:0<64}").parse().unwrap()
}

/// The output without ids, ages, times, durations, and what a measurement or a machine makes.
fn plain(output: &Output) -> String {
    let mut text = output.snapshot();
    text = replaced(
        &text,
        |word| word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "[ID]",
    );
    text = replaced(
        &text,
        |word| word.len() == 20 && word.starts_with("20") && word.ends_with('Z'),
        "[TIME]",
    );
    for unit in ["min", "h", "d"] {
        for count in (0..60).rev() {
            text = text.replace(&format!("{count} {unit} ago"), "just now");
        }
    }
    text
}

/// Words, which colons and hyphens belong to, that are as asked for.
fn replaced(text: &str, is_meant: impl Fn(&str) -> bool, with: &str) -> String {
    let mut shown = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() || matches!(character, ':' | '-') {
            word.push(character);
            continue;
        }
        shown.push_str(if is_meant(&word) { with } else { &word });
        word.clear();
        shown.push(character);
    }
    shown.pop();
    shown
}

fn id_of(env: &TestEnv, recipe: &str) -> String {
    let found = json(&env.run(&["log", "--recipe", recipe, "--json"]).expect_code(0));
    found["builds"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn lists_and_trees_of_real_builds() {
    let env = real();
    let listed = json(&env.run(&["log", "--json"]).expect_code(0));
    assert_eq!((&listed["schema"], &listed["total"]), (&1.into(), &4.into()));
    let recipes: Vec<&str> = listed["builds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|build| build["recipe"].as_str().unwrap())
        .collect();
    let mut sorted = recipes.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["fp16", "fp32", "prune-0.50", "prune-0.50+int8"]);
    // Several may be of one second, so their order is not told by the clock.
    let shown = env.run(&["log"]).expect_code(0).stdout;
    assert!(shown.starts_with("id            name    format  method"), "{shown}");
    assert!(shown.contains("prune(0.50) → int8"), "{shown}");
    let tree = plain(&env.run(&["log", "--tree"]).expect_code(0));
    assert!(tree.contains("[ID]  digits  onnx  fp32  1.2 MB\n"), "{tree}");
    assert!(tree.contains("── [ID]  onnx  prune(0.50)  1.2 MB\n"), "{tree}");
    assert!(tree.contains("└── [ID]  onnx  int8"), "{tree}");
    assert_eq!(tree.matches("── ").count(), 3);
    // Only its own line of the family.
    let lineage = json(&env.run(&["log", &id_of(&env, "prune-0.50"), "--json"]).expect_code(0));
    assert_eq!(lineage["total"], 3);
    // The parent is filtered out, its child is not lost.
    let tree = plain(
        &env.run(&["log", "--tree", "--recipe", "prune-0.50+int8"])
            .expect_code(0),
    );
    assert!(tree.contains("[ID]  digits  onnx  prune(0.50) → int8"), "{tree}");
    let csv = env.run(&["log", "--csv", "-", "--roots-only"]).expect_code(0).stdout;
    assert_eq!(csv.lines().count(), 2, "{csv}");
    env.run(&["log", "--csv", "builds.csv"]).expect_code(0);
    assert_eq!(env.read("builds.csv").lines().count(), 5);
    let found = json(&env.run(&["search", "digts", "--json"]).expect_code(0));
    assert_eq!(found["total"], 4);
    assert_eq!(json(&env.run(&["search", "bert", "--json"]).expect_code(0))["total"], 0);
    assert_eq!(
        json(&env.run(&["log", "--until", "2020-01-01", "--json"]).expect_code(0))["total"],
        0
    );
    assert_eq!(
        json(
            &env.run(&["search", "--date-from", "yesterday", "--json"])
                .expect_code(0)
        )["total"],
        4
    );
}

#[test]
fn everything_about_a_real_build() {
    let env = real();
    let id = id_of(&env, "fp16");
    let text = env.run(&["inspect", &id]).expect_code(0).stdout;
    let titles: Vec<&str> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(' '))
        .collect();
    assert_eq!(
        titles,
        ["Build", "Task", "Artifacts", "Benchmarks", "Accuracy", "Tags", "Notes"]
    );
    assert!(text.contains("Tags\n  no records\n"), "{text}");
    assert!(text.contains("made up"), "{text}");
    assert!(text.contains("derived from"), "{text}");
    let short = env.run(&["inspect", &id, "--short"]).expect_code(0).stdout;
    assert!(!short.contains("Accuracy") && short.contains("Artifacts"), "{short}");
    let output = env.run(&["inspect", &id, "--json"]).expect_code(0);
    let value = json(&output);
    assert_eq!(value["build"]["id"], id);
    assert!(value["accuracy"][0]["cosine"].as_f64().unwrap() > 0.99);
    let keys: Vec<&str> = output
        .stdout
        .lines()
        .filter(|line| line.starts_with("  \""))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert!(keys.is_sorted() && keys.len() > 8, "{keys:?}");
    // The same again, byte for byte.
    assert_eq!(env.run(&["inspect", &id, "--json"]).stdout, output.stdout);
}

#[test]
fn what_tells_models_apart() {
    let env = real();
    let same = env
        .run(&["diff", "digits.onnx", "digits.onnx", "--exit-code"])
        .expect_code(0);
    assert!(same.stdout.contains("nothing differs"), "{}", same.stdout);
    let pruned = id_of(&env, "prune-0.50");
    let found = json(&env.run(&["diff", "digits.onnx", &pruned, "--json"]).expect_code(0));
    assert_eq!(found["same"], false);
    assert!(found["counts"]["weights_changed"].as_u64().unwrap() > 0);
    assert_eq!(found["counts"]["nodes_added"], 0);
    let weight = &found["model"]["weights"]["changed"][0];
    assert!(weight["sparsity_b"].as_f64().unwrap() > weight["sparsity_a"].as_f64().unwrap());
    assert!(weight["relative_difference"].as_f64().unwrap() > 0.0);
    let text = env
        .run(&["diff", "digits.onnx", &pruned, "--exit-code", "--deep"])
        .expect_code(1)
        .stdout;
    assert!(text.contains("Weights: ") && text.contains("zeros in A"), "{text}");
    let half = id_of(&env, "fp16");
    let whole = json(&env.run(&["diff", "digits.onnx", &half, "--json"]).expect_code(0));
    assert!(whole["counts"]["tensors_changed"].as_u64().unwrap() > 0);
    let coarse = json(
        &env.run(&[
            "diff",
            "digits.onnx",
            &half,
            "--ignore-quant",
            "--ignore-size",
            "--json",
        ])
        .expect_code(0),
    );
    assert!(coarse["counts"]["tensors_changed"].as_u64() < whole["counts"]["tensors_changed"].as_u64());
    let names = |value: &Value| -> Vec<String> {
        let fields = value["model"]["metadata"].as_array().unwrap().iter();
        fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names(&whole).contains(&"size".to_owned()));
    assert!(!names(&coarse).contains(&"size".to_owned()));
}

#[test]
fn external_data_and_subgraphs_are_compared_and_broken_models_refused() {
    let env = empty();
    for name in [
        "external_mlp.onnx",
        "external_mlp.onnx.data",
        "control_flow_if_loop.onnx",
        "kitchen_sink.onnx",
    ] {
        put(&env, name, name);
    }
    for name in ["external_mlp.onnx", "control_flow_if_loop.onnx", "kitchen_sink.onnx"] {
        env.run(&["diff", name, name, "--exit-code"]).expect_code(0);
    }
    put(&env, "changed/external_mlp.onnx", "external_mlp.onnx");
    let mut data = fs::read(env.path("external_mlp.onnx.data")).unwrap();
    data[100] ^= 1;
    env.write("changed/external_mlp.onnx.data", data);
    let found = json(
        &env.run(&["diff", "external_mlp.onnx", "changed/external_mlp.onnx", "--json"])
            .expect_code(0),
    );
    assert_eq!(found["counts"]["weights_changed"], 1);
    let found = json(
        &env.run(&[
            "diff",
            "kitchen_sink.onnx",
            "control_flow_if_loop.onnx",
            "--json",
            "--deep",
        ])
        .expect_code(0),
    );
    assert!(found["counts"]["nodes_added"].as_u64().unwrap() > 0);
    env.write("broken.onnx", &fs::read(env.path("kitchen_sink.onnx")).unwrap()[..500]);
    let output = env.run(&["diff", "kitchen_sink.onnx", "broken.onnx"]).expect_code(2);
    assert!(output.stderr.contains("broken.onnx"), "{}", output.stderr);
}

#[test]
fn how_a_workspace_stands() {
    let mut env = made(&[("aaaa1", "net", None), ("aaaa2", "net", Some("aaaa1"))]);
    env.redact(&mlbuild::machine::host_name(), "[HOST]");
    Registry::open(&env.path(REGISTRY))
        .unwrap()
        .tag("mlbuild-baseline", &digest("aaaa1"), "2026-01-02T03:05:00Z")
        .unwrap();
    env.run(&["budget", "set", "--max-size", "8"]).expect_code(0);
    let output = env.run(&["status"]).expect_code(0);
    let text = output.snapshot();
    for expected in [
        "mlbuild on [HOST]",
        "registry    2 builds, 0 benchmarks",
        "baseline    aaaa10000000 net fp32 (onnx, 1.2 MB)",
        "budget      size at most 8.0 MB",
        "last build  aaaa20000000 net prune(0.50) (onnx, 1.2 MB), ",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let value = json(&env.run(&["status", "--json"]).expect_code(0));
    assert_eq!(value["counts"]["builds"], 2);
    assert_eq!(value["last_validate"], Value::Null);
    env.run(&["validate", "none.onnx", "--max-size", "1"]).expect_code(2);
    let value = json(&env.run(&["status", "--json"]).expect_code(0));
    assert_eq!(value["last_validate"]["exit_code"], 2);
    assert_eq!(value["last_validate"]["result"], "error");
    // A folder without one.
    let nothing = TestEnv::new();
    let output = nothing.run(&["status"]).expect_code(0);
    assert!(output.stdout.contains("workspace  none yet"), "{}", output.stdout);
    assert!(!nothing.path(".mlbuild").exists());
}

#[test]
fn builds_for_other_programs() {
    let env = real();
    let id = id_of(&env, "fp16");
    let first = env.run(&["export", &id]).expect_code(0).stdout;
    let value: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        (&value["version"], &value["data"]["build"]["id"]),
        (&"1".into(), &id.clone().into())
    );
    assert_eq!(env.run(&["export", &id]).stdout, first);
    env.run(&["export", &id, "--output", "build.json"]).expect_code(0);
    assert_eq!(env.read("build.json"), first);
    let output = env.run(&["export", &id, "--output", "build.json"]).expect_code(2);
    assert!(
        output.stderr.contains("`build.json` is there already"),
        "{}",
        output.stderr
    );
    env.run(&["export", &id, "--output", "build.json", "--force"])
        .expect_code(0);
    env.run(&["export", &id, "--output", "build.csv"]).expect_code(0);
    assert!(env.read("build.csv").starts_with("build_id,name,"));
    env.run(&["export", &id, "--output", "tables/"]).expect_code(0);
    for name in ["build", "artifacts", "benchmarks", "accuracy", "tags", "notes"] {
        let table = env.read(&format!("tables/{name}.csv"));
        assert!(table.starts_with("build_id,"), "{name}: {table}");
        assert!(
            table.lines().skip(1).all(|line| line.starts_with(&id)),
            "{name}: {table}"
        );
    }
    env.run(&["export", &id, "--output", "tables/"]).expect_code(2);
    env.run(&["export", &id, "--output", "tables/", "--format", "json"])
        .expect_code(2);
    env.run(&["export", &id, "--output", "tables/", "--force"])
        .expect_code(0);
}

#[test]
fn every_command_is_remembered_with_how_it_ended() {
    let mut env = made(&[("aaaa1", "net", None)]);
    env.redact(&mlbuild::machine::host_name(), "[HOST]");
    env.run(&["log"]).expect_code(0);
    env.run(&["inspect", "nobody"]).expect_code(2);
    env.run(&["inspect"]).expect_code(2);
    env.run(&["inspect", "aaaa1"]).expect_code(0);
    env.run(&["budget", "set", "--max-size", "1 KB"]).expect_code(0);
    put(&env, "m.onnx", "digits_mlp.onnx");
    env.run(&["budget", "validate", "m.onnx"]).expect_code(1);
    env.run(&["search", "https://me:pass@host/x?token=abc"]).expect_code(0);
    env.run(&["--help"]).expect_code(0);
    env.run(&["completions", "bash"]).expect_code(0);
    let all = json(&env.run(&["history", "--json"]).expect_code(0));
    let shown: Vec<(String, Value)> = all["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["command"].as_str().unwrap().to_owned(),
                entry["exit_code"].clone(),
            )
        })
        .collect();
    let expected = [
        ("history", Value::Null),
        ("search", 0.into()),
        ("budget validate", 1.into()),
        ("budget set", 0.into()),
        ("inspect", 0.into()),
        ("inspect", 2.into()),
        ("inspect", 2.into()),
        ("log", 0.into()),
    ];
    let expected: Vec<(String, Value)> = expected
        .into_iter()
        .map(|(name, code)| (name.to_owned(), code))
        .collect();
    assert_eq!(shown, expected);
    let search = &all["entries"][1];
    assert_eq!(search["arguments"][1], "https://***@host/x?token=***");
    assert_eq!(search["host"], mlbuild::machine::host_name());
    assert_eq!(search["machine"], mlbuild::machine::machine_id());
    let failed = json(&env.run(&["history", "--filter", "failed", "--json"]).expect_code(0));
    assert!(
        failed["entries"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["exit_code"] != 0)
    );
    let about = json(&env.run(&["history", "--build-id", "aaaa1", "--json"]).expect_code(0));
    assert_eq!(about["entries"].as_array().unwrap().len(), 1, "{about}");
    assert_eq!(about["entries"][0]["command"], "inspect");
    let validated = json(&env.run(&["history", "--filter", "budget", "--json"]).expect_code(0));
    assert_eq!(validated["entries"].as_array().unwrap().len(), 2);
    let id = search["id"].as_str().unwrap();
    env.run(&["history", "delete", &id[..12]]).expect_code(0);
    let output = env.run(&["history", "delete", &id[..12]]).expect_code(2);
    assert!(output.stderr.contains("no history entry"), "{}", output.stderr);
    let output = env.run(&["history", "clear"]).expect_code(2);
    assert!(output.stderr.contains("no terminal to ask at"), "{}", output.stderr);
    env.run(&["history", "clear", "--yes"]).expect_code(0);
    let left = json(&env.run(&["history", "--json"]).expect_code(0));
    assert_eq!(left["entries"].as_array().unwrap().len(), 1);
    assert_eq!(json(&env.run(&["log", "--json"]))["total"], 1);
}

#[test]
fn a_command_that_was_killed_has_no_end() {
    let env = made(&[("aaaa1", "net", None)]);
    Registry::open(&env.path(REGISTRY))
        .unwrap()
        .begin_entry(&HistoryEntry {
            id: "1".repeat(32),
            command: "explore".to_owned(),
            arguments: vec!["explore".to_owned(), "a b\n\u{1b}[31m".to_owned()],
            started_at: "2026-01-02T03:05:00.000Z".to_owned(),
            ended_at: None,
            exit_code: None,
            machine: "m".to_owned(),
            host: "desk".to_owned(),
            version: "0.1.0".to_owned(),
            builds: Vec::new(),
        })
        .unwrap();
    let shown = env
        .run(&["history", "--filter", "failed", "--until", "2026-01-02"])
        .expect_code(0)
        .stdout;
    assert!(shown.ends_with("–     –  desk  explore 'a b [31m'\n"), "{shown}");
}

#[test]
fn a_workspace_is_not_made_by_looking_for_one() {
    let env = TestEnv::new();
    for command in [
        &["log"][..],
        &["search", "x"],
        &["inspect", "x"],
        &["export", "x"],
        &["history"],
        &["history", "clear", "--yes"],
    ] {
        let output = env.run(command).expect_code(2);
        assert!(
            output.stderr.contains("there is no registry of builds"),
            "{}",
            output.stderr
        );
    }
    assert!(env.tree().is_empty());
}

#[test]
fn what_is_not_there_or_not_clear_is_told() {
    let env = made(&[
        ("aaaa1", "mobilenet", None),
        ("aaaa2", "twin", None),
        ("bbbb1", "twin", None),
    ]);
    for command in ["inspect", "export", "log"] {
        let output = env.run(&[command, "mobilnet"]).expect_code(2);
        assert!(output.stderr.contains("did you mean `mobilenet`?"), "{}", output.stderr);
        let output = env.run(&[command, "aaaa"]).expect_code(2);
        assert!(
            output
                .stderr
                .contains("the beginning of 2 builds: aaaa10000000 (mobilenet fp32)"),
            "{}",
            output.stderr
        );
        let output = env.run(&[command, "twin"]).expect_code(2);
        assert!(output.stderr.contains("the name of 2 builds"), "{}", output.stderr);
    }
    env.run(&["inspect", "mobilenet"]).expect_code(0);
    let output = env.run(&["log", "--since", "soon"]).expect_code(2);
    assert!(output.stderr.contains("`soon` is not a time"), "{}", output.stderr);
}

#[test]
fn a_registry_of_a_newer_version_is_left_alone() {
    let env = made(&[("aaaa1", "net", None)]);
    rusqlite::Connection::open(env.path(REGISTRY))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let before = env.tree();
    for command in [
        &["log"][..],
        &["search"],
        &["inspect", "net"],
        &["status"],
        &["history"],
    ] {
        let output = env.run(command).expect_code(2);
        assert!(output.stderr.contains("has version 99"), "{}", output.stderr);
    }
    assert_eq!(env.tree()[REGISTRY], before[REGISTRY]);
}

#[test]
fn a_damaged_registry_is_an_error_and_no_panic() {
    let env = made(&[("aaaa1", "net", None)]);
    let mut bytes = fs::read(env.path(REGISTRY)).unwrap();
    let length = bytes.len();
    bytes[200..length.min(60_000)].fill(0xA5);
    env.write(REGISTRY, bytes);
    for command in [&["log"][..], &["status"], &["history"]] {
        let output = env.run(command).expect_code(2);
        assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_workspace_that_cannot_be_written_can_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = made(&[("aaaa1", "net", None)]);
    let mode = |path: &str, mode| fs::set_permissions(env.path(path), fs::Permissions::from_mode(mode)).unwrap();
    mode(REGISTRY, 0o444);
    mode(".mlbuild", 0o555);
    let binds = fs::write(env.path(".mlbuild/probe"), "").is_err();
    let _ = fs::remove_file(env.path(".mlbuild/probe"));
    if binds {
        for command in [
            &["log"][..],
            &["search", "net"],
            &["inspect", "net"],
            &["export", "net"],
            &["history"],
            &["status"],
        ] {
            env.run(command).expect_code(0);
        }
        assert!(env.run(&["status"]).stdout.contains("read-only"));
        env.run(&["history", "clear", "--yes"]).expect_code(2);
    } else {
        eprintln!("skipped: permissions don't bind this user");
    }
    mode(".mlbuild", 0o755);
}

#[test]
fn hostile_names_are_shown_safely_everywhere() {
    let name = "=cmd|'/c x'!A1 \"q\"\n\u{1b}[31m\u{202e}<b>🦀::error::";
    let env = made(&[("aaaa1", name, None), ("aaaa2", "b", Some("aaaa1"))]);
    for command in [
        &["log"][..],
        &["log", "--tree"],
        &["search"],
        &["inspect", "aaaa1"],
        &["inspect", "aaaa2"],
        &["inspect", "aaaa1", "--short"],
        &["status"],
    ] {
        let output = env.run(command).expect_code(0);
        assert!(
            !output.stdout.contains(['\u{1b}', '\u{202e}']),
            "{command:?}: {}",
            output.stdout
        );
        assert!(
            output.stdout.lines().all(|line| !line.starts_with("::")),
            "{}",
            output.stdout
        );
    }
    for command in [&["export", "aaaa1", "--format", "csv"][..], &["log", "--csv", "-"]] {
        let output = env.run(command).expect_code(0);
        let mut reader = csv::Reader::from_reader(output.stdout.as_bytes());
        let names: Vec<String> = reader.records().map(|record| record.unwrap()[1].to_owned()).collect();
        let expected = format!("'{}", name.replace('\u{1b}', ""));
        assert!(names.contains(&expected), "{names:?}");
    }
    // Told as it is where programs read it.
    assert_eq!(json(&env.run(&["inspect", "aaaa1", "--json"]))["build"]["name"], name);
}
