//! Bad circumstances: disks that are read-only or full, registries without their journal, names that nobody should give, a baseline that is
//! a build.

use std::fs;

use mlbuild::registry::Registry;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::desk;
use crate::support::desk::json;
use crate::support::desk::padded;
use crate::support::desk::regressed;
use crate::support::desk::report;
use crate::support::desk::verdicts;
use crate::support::env::TestEnv;

const REGISTRY: &str = ".mlbuild/registry.db";

/// Imports a file without running it; its id.
fn import(env: &TestEnv, file: &str) -> String {
    let arguments = [
        "import",
        "--model",
        file,
        "--target",
        "onnxruntime_cpu",
        "--no-verify",
        "--json",
    ];
    let made = json(&env.run(&arguments).expect_code(0));
    made["build"]["id"].as_str().unwrap().to_owned()
}

/// So many builds, of the same name each as its file; their ids.
fn desk(count: usize) -> (TestEnv, Vec<String>) {
    let env = desk::project("digits_mlp.onnx", "");
    let ids = (0..count)
        .map(|number| {
            let file = format!("{number}.onnx");
            env.write(&file, padded("digits_mlp.onnx", number + 1));
            import(&env, &file)
        })
        .collect();
    (env, ids)
}

#[cfg(target_os = "linux")]
mod disks {
    use super::*;
    use crate::support::mounts;

    /// A workspace with something in every list.
    fn full() -> (TestEnv, Vec<String>) {
        let (env, ids) = desk(2);
        let shared = env.path("../tmp/shared");
        fs::create_dir(&shared).unwrap();
        for arguments in [
            &["tag", "create", &ids[0], "v1"][..],
            &["baseline", "set", &ids[0]],
            &["budget", "set", "--max-size", "8"],
            &["experiment", "create", "small"],
            &["run", "start", "--experiment", "small"],
            &[
                "remote",
                "add",
                "team",
                "--backend",
                "local",
                "--path",
                shared.to_str().unwrap(),
            ],
            &["push", "--all"],
        ] {
            env.run(arguments).expect_code(0);
        }
        (env, ids)
    }

    #[test]
    fn everything_on_a_read_only_disk_can_be_read() {
        if !mounts::can_mount() {
            return;
        }
        let (env, ids) = full();
        let before = env.tree();
        let id = ids[0].as_str();
        for arguments in [
            &["log"][..],
            &["log", "--tree"],
            &["log", "--csv", "-"],
            &["search", "onnx"],
            &["inspect", id],
            &["diff", id, &ids[1]],
            &["export", id],
            &["export", id, "--output", "../tmp/tables/"],
            &["report", id, "--output", "../tmp/report.html"],
            &["history"],
            &["tag", "list"],
            &["tag", "show", "v1"],
            &["baseline"],
            &["baseline", "show"],
            &["baseline", "history"],
            &["experiment", "list"],
            &["experiment", "show", "small"],
            &["run", "list"],
            &["run", "show"],
            &["remote", "list"],
            &["remote", "show", "team"],
            &["budget", "show"],
            &["budget", "validate", id],
            &["config", "check"],
            &["prune", "--keep-last", "0", "--dry-run"],
            &["push", "--all", "--dry-run"],
            &["pull", "--all", "--dry-run"],
            &["sync", "--dry-run"],
        ] {
            let output = mounts::read_only(&env, arguments);
            assert_eq!(output.code, 0, "{arguments:?}: {}", output.snapshot());
        }
        for arguments in [&["doctor"][..], &["doctor", "--repair"]] {
            let doctor = mounts::read_only(&env, arguments).expect_code(1);
            for part in [
                "`.` cannot be written: Read-only",
                "whole, 2 builds",
                "contents checked",
            ] {
                assert!(doctor.stdout.contains(part), "{part}: {}", doctor.stdout);
            }
        }
        let status = mounts::read_only(&env, &["status"]).expect_code(0);
        assert!(status.stdout.contains("read-only"), "{}", status.stdout);
        assert!(fs::metadata(env.path("../tmp/report.html")).unwrap().len() > 1000);
        assert_eq!(env.tree(), before);
    }

    #[test]
    fn what_would_write_to_a_read_only_disk_says_so() {
        if !mounts::can_mount() {
            return;
        }
        let (env, ids) = full();
        let before = env.tree();
        let id = ids[0].as_str();
        let mut wrong = Vec::new();
        for arguments in [
            &[
                "import",
                "--model",
                "model.onnx",
                "--target",
                "onnxruntime_cpu",
                "--no-verify",
            ][..],
            &["optimize", id, "--recipe", "fp16"],
            &["build", "--model", "model.onnx"],
            &["tag", "create", id, "v2"],
            &["tag", "delete", "v1"],
            &["rename", id, "other"],
            &["pin", id],
            &["baseline", "set", &ids[1], "--force"],
            &["baseline", "unset", "--force"],
            &["baseline", "refresh"],
            &["budget", "set", "--max-size", "9"],
            &["prune", "--keep-last", "0"],
            &["prune", "--keep-last", "0", "--purge", "--force"],
            &["experiment", "create", "other"],
            &["run", "log-metric", "loss", "1"],
            &["run", "end"],
            &["remote", "add", "other", "--backend", "local", "--path", "../tmp/other"],
            &["remote", "remove", "team"],
            &["history", "clear", "--yes"],
        ] {
            let output = mounts::read_only(&env, arguments);
            let said = output.stderr.to_lowercase();
            let is_clear = said.contains("read-only") && said.contains("hint: ") && !said.contains("panicked");
            if output.code != 2 || !is_clear || !output.stdout.is_empty() {
                wrong.push(format!("{arguments:?}: {}", output.snapshot()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(env.tree(), before);
    }

    /// Copies the workspace onto a disk of 2 MB, fills that but for so many kilobytes, and does there what is asked for.
    fn on_a_small_disk(env: &TestEnv, free: usize, script: &str) -> String {
        let script = format!(
            "set -e; cp -r .mlbuild \"$TMPDIR/kept\"; mount -t tmpfs -o size=2m none .mlbuild; cp -r \"$TMPDIR/kept/.\" .mlbuild/
             all=$(df -k --output=avail .mlbuild | tail -n 1); dd if=/dev/zero of=.mlbuild/filler bs=1k count=$((all - {free})) status=none
             set +e; {script}"
        );
        let output = env.output(&mut mounts::namespace(&script, env));
        assert_eq!(output.code, 0, "{}", output.snapshot());
        output.stdout
    }

    #[test]
    fn a_full_disk_loses_nothing_and_is_named() {
        if !mounts::can_mount() {
            return;
        }
        let (env, ids) = desk(2);
        env.write("large.onnx", padded("digits_mlp.onnx", 700_000));
        for free in [0, 8, 64, 400] {
            let script = "\
                echo \"imported: $($MLBUILD import --model large.onnx --target onnxruntime_cpu --no-verify 2>&1; echo code $?)\"
                echo \"tagged: $($MLBUILD tag create 0.onnx v1 2>&1; echo code $?)\"
                $MLBUILD log > /dev/null; echo \"listed: $?\"
                $MLBUILD status > /dev/null; echo \"stood: $?\"
                rm .mlbuild/filler
                $MLBUILD log --json > log.json; $MLBUILD doctor --json --deep > doctor.json
                $MLBUILD import --model large.onnx --target onnxruntime_cpu --no-verify > /dev/null; echo \"again: $?\"";
            let said = on_a_small_disk(&env, free, script);
            let _ = fs::remove_dir_all(env.path("../tmp/kept"));
            let imported = said.split("tagged: ").next().unwrap();
            assert!(
                imported.contains("code 2") && imported.contains("the disk, a quota or a limit is full"),
                "{free}: {said}"
            );
            assert!(!said.contains("panicked"), "{free}: {said}");
            for line in ["listed: 0", "stood: 0", "again: 0"] {
                assert!(said.contains(line), "{free}: {line}: {said}");
            }
            let log: Value = serde_json::from_str(&env.read("log.json")).unwrap();
            assert_eq!(log["total"], ids.len(), "{free}: {said}");
            let doctor: Value = serde_json::from_str(&env.read("doctor.json")).unwrap();
            assert_eq!(
                doctor["workspace"]["broken"],
                Value::Array(Vec::new()),
                "{free}: {doctor}"
            );
            assert_eq!(
                doctor["workspace"]["faults"],
                Value::Array(Vec::new()),
                "{free}: {doctor}"
            );
        }
    }

    #[test]
    fn a_journal_on_a_read_only_disk_is_read() {
        if !mounts::can_mount() {
            return;
        }
        let (env, ids) = journalled();
        for shm in [true, false] {
            if !shm {
                fs::remove_file(env.path(&format!("{REGISTRY}-shm"))).unwrap();
            }
            let log = mounts::read_only(&env, &["log", "--json"]).expect_code(0);
            assert_eq!(json(&log)["total"], ids.len(), "with -shm: {shm}");
        }
    }
}

/// Copies of a workspace whose last build stands in the journal alone, as after a kill.
fn journalled() -> (TestEnv, Vec<String>) {
    let (env, mut ids) = desk(1);
    // As long as somebody has it open, nobody who closes it moves the journal into the file.
    let held = Connection::open(env.path(REGISTRY)).unwrap();
    held.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    let _: i64 = held
        .query_row("SELECT count(*) FROM builds", [], |row| row.get(0))
        .unwrap();
    env.write("last.onnx", padded("digits_mlp.onnx", 77));
    ids.push(import(&env, "last.onnx"));
    let copy = desk::project("digits_mlp.onnx", "");
    for (name, _) in env.tree() {
        if env.path(&name).is_file() {
            copy.write(&name, fs::read(env.path(&name)).unwrap());
        }
    }
    assert!(fs::metadata(copy.path(&format!("{REGISTRY}-wal"))).unwrap().len() > 0);
    (copy, ids)
}

#[test]
fn a_journal_counts_without_its_index() {
    let (env, ids) = journalled();
    fs::remove_file(env.path(&format!("{REGISTRY}-shm"))).unwrap();
    assert_eq!(json(&env.run(&["log", "--json"]).expect_code(0))["total"], ids.len());
    env.run(&["tag", "create", &ids[1], "v1"]).expect_code(0);
    env.run(&["doctor", "--deep"]).expect_code(0);
}

#[test]
fn a_lost_journal_costs_what_stood_in_it_and_no_more() {
    let (env, ids) = journalled();
    for end in ["-wal", "-shm"] {
        fs::remove_file(env.path(&format!("{REGISTRY}{end}"))).unwrap();
    }
    let log = json(&env.run(&["log", "--json"]).expect_code(0));
    assert_eq!(
        (&log["total"], &log["builds"][0]["id"]),
        (&1.into(), &ids[0].clone().into())
    );
    let examined = json(&env.run(&["doctor", "--deep", "--json"]).expect_code(0));
    assert_eq!(examined["workspace"]["faults"], Value::Array(Vec::new()));
    let orphans = examined["workspace"]["orphans"].as_array().unwrap();
    assert_eq!(orphans.len(), 1, "{orphans:?}");
    // The same file makes it again.
    assert_eq!(import(&env, "last.onnx"), ids[1]);
    let examined = json(&env.run(&["doctor", "--json"]).expect_code(0));
    assert_eq!(examined["workspace"]["orphans"], Value::Array(Vec::new()));
}

#[test]
fn a_build_that_was_set_is_what_ci_compares_with() {
    let env = desk::project("digits_mlp.onnx", "");
    let id = import(&env, "model.onnx");
    env.run(&["baseline", "set", &id]).expect_code(0);
    let gate = || env.run(&["ci", "--baseline", "mlbuild-baseline"]);
    gate().expect_code(0);
    env.write("model.onnx", padded("digits_mlp.onnx", 10));
    gate().expect_code(0);
    desk::assert_no_worse(&report(&env));
    env.write("model.onnx", padded("digits_mlp.onnx", 400_000));
    gate().expect_code(1);
    assert_eq!(verdicts(&report(&env)), ["digits fp32 regression"]);
    assert_eq!(regressed(&report(&env)), ["size"]);
    // Its file is damaged: no pass, but an error that names it.
    let objects = env.path(".mlbuild/objects");
    for entry in fs::read_dir(&objects).unwrap() {
        let path = entry.unwrap().path();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        #[allow(clippy::permissions_set_readonly_false, reason = "a file of this test's own")]
        permissions.set_readonly(false);
        fs::set_permissions(&path, permissions).unwrap();
        fs::write(&path, b"something else").unwrap();
    }
    let damaged = gate().expect_code(2);
    assert!(!damaged.stderr.contains("panicked"), "{}", damaged.snapshot());
    env.run(&["baseline", "unset", "--force"]).expect_code(0);
    let none = gate();
    assert_ne!(none.code, 1, "{}", none.snapshot());
}

/// Names as nobody should give them; those with control characters come from elsewhere, as the commands refuse them.
const HOSTILE: [&str; 6] = [
    "it's \"mine\" and `yours`",
    "two\nlines\r::error::forged",
    "🚀 模型 naïve",
    "<script>alert(1)</script> & <b>bold</b>",
    "| a | table | [link](https://evil.test) **x**",
    "\u{1b}[31mred\u{202e}\u{7}",
];

/// What a terminal, a log of GitHub or a table must never see.
fn assert_safe(said: &str, arguments: &[&str]) {
    let bad = ['\u{1b}', '\u{202e}', '\u{7}', '\r'];
    assert!(!said.contains(bad), "{arguments:?}: {said:?}");
    for line in said.lines() {
        let begins = ["::", "lines"].iter().any(|begin| line.trim_start().starts_with(begin));
        assert!(!begins, "{arguments:?}: a name broke a line: {said}");
    }
}

#[test]
fn hostile_names_go_through_every_listing() {
    let (env, ids) = desk(HOSTILE.len());
    let shared = env.path("../tmp/shared");
    fs::create_dir(&shared).unwrap();
    let mut registry = Registry::open(&env.path(REGISTRY)).unwrap();
    for (id, name) in ids.iter().zip(HOSTILE) {
        registry.rename(&id.parse().unwrap(), Some(name)).unwrap();
        registry
            .remark(&id.parse().unwrap(), name, "2026-01-02T03:04:05Z")
            .unwrap();
    }
    drop(registry);
    for (id, number) in ids.iter().zip(0..) {
        env.run(&["tag", "create", id, &format!("v{number}")]).expect_code(0);
    }
    env.run(&[
        "remote",
        "add",
        "team",
        "--backend",
        "local",
        "--path",
        shared.to_str().unwrap(),
    ])
    .expect_code(0);
    env.run(&["experiment", "create", HOSTILE[0], "--description", HOSTILE[3]])
        .expect_code(0);
    env.run(&["run", "start", "--experiment", HOSTILE[0], "--name", HOSTILE[2]])
        .expect_code(0);
    env.run(&["run", "log-param", HOSTILE[0], HOSTILE[4]]);
    env.run(&["run", "attach-build", &ids[3]]).expect_code(0);
    // Refused or not, what was typed stands in the history.
    for name in HOSTILE {
        env.run(&["inspect", name]);
        env.run(&["rename", &ids[0], name]);
    }
    let last = ids.last().unwrap();
    for arguments in [
        &["log"][..],
        &["log", "--tree"],
        &["log", &ids[1]],
        &["search"],
        &["search", "lines"],
        &["status"],
        &["history"],
        &["tag", "list"],
        &["tag", "show", "v1"],
        &["tag", "create", &ids[1], "v5"],
        &["baseline", "set", &ids[1]],
        &["baseline", "set", last],
        &["baseline", "set", last, "--force"],
        &["baseline"],
        &["baseline", "history"],
        &["diff", &ids[1], last],
        &["pin", &ids[1], last],
        &["unpin", &ids[1], last],
        &["budget", "set", "--max-size", "8"],
        &["budget", "validate", &ids[1]],
        &["experiment", "list"],
        &["experiment", "show", HOSTILE[0]],
        &["run", "list"],
        &["run", "show"],
        &["prune", "--keep-last", "0", "--dry-run"],
        &["push", &ids[1], "--dry-run"],
        &["push", "--all"],
        &["pull", "--all"],
        &["sync", "--dry-run"],
        &["doctor", "--deep"],
        &["report", &ids[1], "--output", "report.html"],
        &["prune", "--keep-last", "1"],
    ] {
        let output = env.run(arguments);
        assert!([0, 2].contains(&output.code), "{arguments:?}: {}", output.snapshot());
        assert_safe(&output.stdout, arguments);
        assert_safe(&output.stderr, arguments);
    }
    for id in &ids {
        let output = env.run(&["inspect", id]);
        assert_safe(&output.stdout, &["inspect", id]);
    }
    // Told as they are where programs read them, and escaped in pages.
    let log = json(&env.run(&["search", "--json"]).expect_code(0));
    assert!(log["total"].as_u64().unwrap() > 0);
    env.run(&["prune", "--restore", &ids[3]]);
    env.run(&["report", &ids[3], "--output", "report.html"]).expect_code(0);
    let page = env.read("report.html");
    assert!(!page.contains("<script>alert(1)") && page.contains("&lt;script&gt;alert(1)"));
    let told = json(&env.run(&["inspect", &ids[3], "--json"]).expect_code(0));
    assert_eq!(told["build"]["name"], HOSTILE[3]);
}
