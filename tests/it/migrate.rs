//! `mlbuild migrate` on a workspace that the Python tool itself made (`tests/reference/python_tool/make_workspace.py`).

use std::fs;
use std::path::Path;

use mlbuild::registry::Filter;
use mlbuild::registry::HistoryFilter;
use mlbuild::registry::Listed;
use mlbuild::registry::Registry;
use mlbuild::registry::RunStatus;
use mlbuild::store::Objects;
use rusqlite::Connection;
use serde_json::Value;

use crate::support::desk;
use crate::support::env::TestEnv;
use crate::support::onnx::fixture;

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python_tool")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A project with their workspace in `folder`, as they left it, and the model that it was made from.
pub fn theirs(folder: &str) -> TestEnv {
    let env = TestEnv::new().with_runtime_cache();
    copy(&fixtures().join("workspace"), &env.path(folder));
    let here = env.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let remotes = env.read(&format!("{folder}/remotes.yaml")).replace("@WORK@", &here);
    env.write(&format!("{folder}/remotes.yaml"), remotes);
    env.write("sink.onnx", fs::read(fixture("kitchen_sink.onnx")).unwrap());
    let sql = fs::read_to_string(fixtures().join("registry.sql")).unwrap();
    let sql = sql.replace("@WORK@", &here);
    let connection = Connection::open(env.path(folder).join("registry.db")).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    connection.execute_batch(&sql).unwrap();
    env
}

/// Changes their registry.
fn change(env: &TestEnv, folder: &str, sql: &str) {
    let connection = Connection::open(env.path(folder).join("registry.db")).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    connection.execute_batch(sql).unwrap();
}

fn registry(env: &TestEnv) -> Registry {
    Registry::open(&env.path(".mlbuild/registry.db")).unwrap()
}

fn all(registry: &Registry) -> Vec<Listed> {
    let filter = Filter {
        with_removed: true,
        ..Filter::default()
    };
    registry.list(&filter).unwrap()
}

/// `kind found imported present left_out` of every kind.
fn tallies(json: &Value) -> Vec<String> {
    let records = json["records"].as_array().unwrap();
    let line = |record: &Value| {
        let numbers = ["found", "imported", "present", "left_out"].map(|key| record[key].to_string());
        format!("{} {}", record["kind"].as_str().unwrap(), numbers.join(" "))
    };
    records.iter().map(line).collect()
}

/// Their folder's files with digests.
fn digests(env: &TestEnv, folder: &str) -> Vec<(String, String)> {
    let below = format!("{folder}/");
    env.tree()
        .into_iter()
        .filter(|(name, _)| name.starts_with(&below))
        .collect()
}

const EVERYTHING: [&str; 11] = [
    "builds 7 7 0 0",
    "artifacts 7 5 0 2",
    "notes 1 1 0 0",
    "tags 3 2 0 1",
    "pins 1 1 0 0",
    "benchmarks 2 2 0 0",
    "accuracy checks 1 1 0 0",
    "experiments 1 1 0 0",
    "runs 1 1 0 0",
    "history 16 16 0 0",
    "remotes 2 2 0 0",
];

#[test]
fn everything_comes_over_and_is_said() {
    let env = theirs(".mlbuild-python");
    let before = digests(&env, ".mlbuild-python");
    let output = env.run(&["migrate"]).expect_code(0);
    insta::assert_snapshot!(desk::plain(&output));
    assert_eq!(digests(&env, ".mlbuild-python"), before);
}

#[test]
fn what_came_over_is_what_was_there() {
    let env = theirs(".mlbuild-python");
    let before = digests(&env, ".mlbuild-python");
    let json = desk::json(
        &env.run(&["migrate", "--from", ".mlbuild-python", "--json"])
            .expect_code(0),
    );
    let counted = tallies(&json);
    assert_eq!(counted[..11], EVERYTHING);
    assert_eq!(counted[11..], ["budget 1 1 0 0"]);
    assert_eq!(digests(&env, ".mlbuild-python"), before);

    let registry = registry(&env);
    let builds = all(&registry);
    let of = |recipe: &str, name: &str| {
        let mut found = builds
            .iter()
            .filter(|listed| listed.build.facts.recipe == recipe && listed.build.shown_name() == name);
        let one = found.next().unwrap_or_else(|| panic!("no {name} {recipe}"));
        assert!(found.next().is_none(), "two {name} {recipe}");
        one
    };
    // What is called fp32 there and holds 16-bit weights; its children keep their parents.
    let root = &of("fp16", "cnn").build;
    let child = &of("fp16+int8", "cnn").build;
    let grandchild = &of("fp16+int8+prune-0.50", "cnn").build;
    assert!(
        root.facts.notes.iter().any(|note| note.contains("calls it fp32")),
        "{:?}",
        root.facts.notes
    );
    assert_eq!(child.facts.parent.as_ref(), Some(&root.facts.id));
    assert_eq!(grandchild.facts.parent.as_ref(), Some(&child.facts.id));
    assert_eq!(grandchild.root, root.facts.id);
    assert_eq!(
        (root.facts.about.format.as_str(), root.facts.target.as_deref()),
        ("tflite", Some("android_arm64"))
    );
    assert_eq!(root.facts.created_at, "2026-03-20T10:00:00Z");
    assert!(root.facts.about.imported);
    of("fp32", "plain");
    let gone = &of("fp32", "gone").build;
    assert_eq!(gone.removed_at.as_deref(), Some("2026-03-21T00:00:00Z"));

    // Figures of other machines, marked.
    let figures = registry.figures(&root.facts.id).unwrap();
    assert_eq!(figures.len(), 2);
    assert!(
        figures
            .iter()
            .all(|figured| figured.figures.origin.as_deref() == Some("the Python tool"))
    );
    assert_eq!(figures[1].figures.p50_ms, Some(0.113841));
    let machine = mlbuild::machine::Fingerprint::of_this_machine();
    assert_eq!(registry.measurements_on(&root.facts.id, &machine).unwrap().0.len(), 0);
    // A variant's figures are its own or none.
    assert_eq!(registry.figures(&child.facts.id).unwrap(), []);

    let sink = registry.resolve("main-sink").unwrap();
    assert_eq!(registry.resolve("mlbuild-baseline").unwrap(), sink);
    assert_eq!(registry.remarks(&sink.facts.id).unwrap()[0].text, "first \"try\" <b>");
    let pinned: Vec<&str> = builds
        .iter()
        .filter(|listed| listed.build.pinned_at.is_some())
        .map(|listed| listed.build.shown_name())
        .collect();
    assert_eq!(pinned, ["flow"]);
    let plain = &of("fp32", "plain").build.facts.id;
    let checks = registry.checks(plain).unwrap();
    assert_eq!((checks.len(), &checks[0].against), (1, &root.facts.id));
    assert_eq!(checks[0].result["cosine_similarity"], 0.87006);

    let run = &registry.runs(None).unwrap()[0];
    assert_eq!(
        (run.experiment.as_str(), run.name.as_deref(), run.status),
        ("first tries", Some("one"), RunStatus::Completed)
    );
    let log = registry.run_log(&run.id).unwrap();
    assert_eq!(log.params, [("learning_rate".to_owned(), "0.1".to_owned())]);
    assert_eq!(log.metrics[0].value, 0.5);
    assert_eq!(log.builds, std::slice::from_ref(&sink.facts.id));

    // Every blob that is listed and was there is in the store, sound.
    let objects = Objects::open(&env.path(".mlbuild/objects")).unwrap();
    let mut missing = Vec::new();
    for listed in &builds {
        for artifact in &listed.build.facts.artifacts {
            if objects.verify(&artifact.digest).is_err() {
                missing.push(listed.build.shown_name().to_owned());
            }
        }
    }
    missing.sort();
    assert_eq!(missing, ["cnn", "flow"], "the changed one and the missing one");
}

#[test]
fn a_model_that_came_over_runs_here() {
    let env = theirs(".mlbuild-python");
    env.run(&["migrate"]).expect_code(0);
    let output = env.run(&["accuracy", "main-sink", "sink.onnx", "--samples", "2", "--json"]);
    assert!(output.code == 0, "{}", output.snapshot());
}

#[test]
fn no_password_comes_over() {
    let env = theirs(".mlbuild-python");
    let output = env.run(&["migrate", "--json"]).expect_code(0);
    assert!(!output.stdout.contains("secret"), "{}", output.stdout);
    let registry = registry(&env);
    let remote = registry.remote(Some("cloud")).unwrap();
    assert_eq!(remote.endpoint.as_deref(), Some("https://s3.example.com"));
    assert_eq!(
        (remote.bucket.as_deref(), remote.prefix.as_deref()),
        (Some("models"), Some("mlbuild"))
    );
    let history = registry.history(&HistoryFilter::default()).unwrap();
    let typed = history
        .iter()
        .map(|entry| entry.arguments.join(" "))
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        typed.contains("https://***@s3.example.com") && !typed.contains("secret"),
        "{typed}"
    );
    drop(registry);
    for (name, _) in env.tree() {
        if name.starts_with(".mlbuild/") && !name.ends_with('/') {
            let bytes = fs::read(env.path(&name)).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"secret"), "{name}");
        }
    }
}

#[test]
fn a_history_of_zeros_is_not_believed() {
    let env = theirs(".mlbuild-python");
    change(
        &env,
        ".mlbuild-python",
        "UPDATE command_log SET exit_code = 2 WHERE command_name = 'init'",
    );
    env.run(&["migrate"]).expect_code(0);
    let registry = registry(&env);
    let history = registry.history(&HistoryFilter::default()).unwrap();
    let code = |command: &str| history.iter().find(|entry| entry.command == command).unwrap().exit_code;
    // `validate` had failed there, and was written down as 0.
    assert_eq!((code("init"), code("validate")), (Some(2), None));
    // The command that brought them over is the last one.
    let (ours, theirs): (Vec<_>, Vec<_>) = history.iter().partition(|entry| entry.command == "migrate");
    assert_eq!(theirs.len(), 16);
    assert!(
        theirs
            .iter()
            .all(|entry| entry.ended_at.is_some() && entry.host == "a-host")
    );
    assert!(ours.len() <= 1);
}

#[test]
fn a_second_run_brings_nothing_twice() {
    let env = theirs(".mlbuild-python");
    env.run(&["migrate"]).expect_code(0);
    let first = all(&registry(&env));
    let json = desk::json(&env.run(&["migrate", "--json"]).expect_code(0));
    for record in json["records"].as_array().unwrap() {
        assert_eq!(record["imported"], 0, "{record}");
    }
    assert_eq!(all(&registry(&env)), first);
    let history = registry(&env).history(&HistoryFilter::default()).unwrap();
    assert_eq!(history.iter().filter(|entry| entry.command != "migrate").count(), 16);
    // A file that is back comes over with the next run.
    let flow = registry(&env).resolve("flow").unwrap();
    let digest = flow.facts.artifacts[0].digest.clone();
    let back = format!(".mlbuild-python/artifacts/{digest}/flow.onnx");
    env.write(&back, fs::read(fixture("control_flow_if_loop.onnx")).unwrap());
    env.run(&["migrate"]).expect_code(0);
    Objects::open(&env.path(".mlbuild/objects"))
        .unwrap()
        .verify(&digest)
        .unwrap();
}

#[test]
fn a_trial_writes_nothing() {
    let env = theirs(".mlbuild-python");
    let before = env.tree();
    let json = desk::json(&env.run(&["migrate", "--dry-run", "--json"]).expect_code(0));
    assert_eq!(env.tree(), before);
    assert_eq!(tallies(&json)[..11], EVERYTHING);
    assert_eq!(json["dry_run"], true);
    // It counts what is here already.
    env.run(&["migrate"]).expect_code(0);
    // The history of commands is the only thing that a trial writes.
    let without_registry = || {
        let mut tree = env.tree();
        tree.remove(".mlbuild/registry.db");
        tree
    };
    let (before, first) = (without_registry(), all(&registry(&env)));
    let json = desk::json(&env.run(&["migrate", "--dry-run", "--json"]).expect_code(0));
    assert_eq!((without_registry(), all(&registry(&env))), (before, first));
    assert!(
        tallies(&json).contains(&"builds 7 0 7 0".to_owned()),
        "{:?}",
        tallies(&json)
    );
}

#[test]
fn two_workspaces_do_not_share_a_folder() {
    let env = theirs(".mlbuild");
    let before = env.tree();
    let output = env.run(&["migrate"]);
    insta::assert_snapshot!(output.snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: `[WORK]/.mlbuild` is the Python tool's, and ours would lie in the same folder
    hint: give it another name, then come from there: `mv .mlbuild .mlbuild-python && mlbuild migrate --from .mlbuild-python`
    hint: or fill the workspace of another project: `mlbuild migrate --into FOLDER`; `--dry-run` shows what would come
    ");
    assert_eq!(env.tree(), before);
    let json = desk::json(&env.run(&["migrate", "--dry-run", "--json"]).expect_code(0));
    assert_eq!(tallies(&json)[..11], EVERYTHING);
    assert_eq!(env.tree(), before);
    fs::create_dir(env.path("other")).unwrap();
    env.run(&["migrate", "--into", "other"]).expect_code(0);
    assert!(env.path("other/.mlbuild/registry.db").is_file());
    assert_eq!(
        digests(&env, ".mlbuild"),
        before
            .into_iter()
            .filter(|(name, _)| name.starts_with(".mlbuild/"))
            .collect::<Vec<_>>()
    );
}

#[test]
fn what_is_still_in_their_journal_comes_over_and_stays_there() {
    let env = theirs(".mlbuild-python");
    let database = env.path(".mlbuild-python/registry.db");
    let connection = Connection::open(&database).unwrap();
    let mode: String = connection
        .query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    connection
        .execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE builds SET name = 'late' WHERE name = 'plain'")
        .unwrap();
    assert!(fs::metadata(env.path(".mlbuild-python/registry.db-wal")).unwrap().len() > 0);
    let before = digests(&env, ".mlbuild-python");
    env.run(&["migrate"]).expect_code(0);
    assert_eq!(digests(&env, ".mlbuild-python"), before);
    registry(&env).resolve("late").unwrap();
    drop(connection);
}

#[test]
fn older_schemas_are_read() {
    // What versions 7 to 9 added goes, one after the other.
    let downgrades = [
        (8, "DROP TABLE command_log;".to_owned()),
        (7, "DROP TABLE accuracy_checks;".to_owned()),
        (
            6,
            [
                "variant_id",
                "root_build_id",
                "parent_build_id",
                "optimization_pass",
                "optimization_method",
                "weight_precision",
                "activation_precision",
                "has_graph",
                "graph_format",
                "graph_path",
                "cached_latency_p50_ms",
                "cached_latency_p95_ms",
                "cached_memory_peak_mb",
            ]
            .map(|column| format!("ALTER TABLE builds DROP COLUMN {column};"))
            .join("\n"),
        ),
    ];
    let env = theirs(".mlbuild-python");
    change(
        &env,
        ".mlbuild-python",
        "DROP INDEX idx_builds_root; DROP INDEX idx_builds_parent; DROP INDEX idx_builds_variant_id;",
    );
    for (version, sql) in downgrades {
        change(
            &env,
            ".mlbuild-python",
            &format!("{sql} UPDATE schema_version SET version = {version};"),
        );
        let into = format!("v{version}");
        fs::create_dir(env.path(&into)).unwrap();
        let json = desk::json(&env.run(&["migrate", "--into", &into, "--json"]).expect_code(0));
        assert_eq!(json["from_schema"], version);
        assert!(
            tallies(&json).contains(&"builds 7 7 0 0".to_owned()),
            "{:?}",
            tallies(&json)
        );
    }
    let registry = Registry::open(&env.path("v6/.mlbuild/registry.db")).unwrap();
    assert!(all(&registry).iter().all(|listed| listed.build.facts.parent.is_none()));
}

#[test]
fn settings_become_a_config() {
    let env = theirs(".mlbuild-python");
    env.write(".git/HEAD", "ref: refs/heads/main\n");
    let output = env.run(&["migrate", "--write"]).expect_code(0);
    assert!(output.stdout.contains("wrote .mlbuild.yml"), "{}", output.stdout);
    insta::assert_snapshot!(env.read(".mlbuild.yml"), @r#"
    version: 1
    models:
      - path: "sink.onnx"
    gate:
      latency: { max_regression: 15%, budget: 12.5 ms, p95: { budget: 20 ms } }
      size: { max_regression: 8%, budget: 9.5 MiB }
      memory: { budget: 60 MiB }
      accuracy: { cosine: 0.985, top1: 0.97 }
    measure: { strict_output: true }
    "#);
    env.run(&["config", "check"]).expect_code(0);
    let budget = desk::json(&env.run(&["budget", "show", "--json"]).expect_code(0)).to_string();
    assert!(budget.contains("8388608") || budget.contains("8.388608"), "{budget}");
    // What is there stays.
    env.write(".mlbuild.yml", "version: 1\nmodels: [{ path: sink.onnx }]\n");
    let output = env.run(&["migrate", "--write"]).expect_code(0);
    assert!(output.stdout.contains("is there already"), "{}", output.stdout);
    assert!(env.read(".mlbuild.yml").starts_with("version: 1\nmodels: ["));
}

#[test]
fn a_tag_of_ours_is_not_moved() {
    let env = theirs(".mlbuild-python");
    env.run(&["migrate"]).expect_code(0);
    let mut ours = registry(&env);
    let plain = ours.resolve("plain").unwrap().facts.id;
    ours.tag("main-sink", &plain, "2026-11-28T00:00:00Z").unwrap();
    drop(ours);
    let output = env.run(&["migrate"]).expect_code(0);
    assert!(
        output.stdout.contains("the tag `main-sink` stays with our build"),
        "{}",
        output.stdout
    );
    assert_eq!(registry(&env).resolve("main-sink").unwrap().facts.id, plain);
}

#[test]
fn what_is_no_workspace_of_theirs_is_refused() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.run(&["migrate"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: no workspace of the Python tool in `[WORK]/.`
    hint: name the folder that holds its `registry.db`: `mlbuild migrate --from FOLDER`
    ");
    drop(Registry::open(&env.path(".mlbuild/registry.db")).unwrap());
    insta::assert_snapshot!(env.run(&["migrate"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: `[WORK]/./.mlbuild` is a workspace of this mlbuild, not of the Python tool
    hint: name the Python tool's folder: `mlbuild migrate --from FOLDER`
    ");
    let env = theirs("old");
    change(&env, "old", "UPDATE schema_version SET version = 5");
    insta::assert_snapshot!(env.run(&["migrate", "--from", "old"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: the registry `[WORK]/old/registry.db` has schema 5, schemas 6 to 9 are read
    hint: open it once with the Python tool's version 0.2.0, which upgrades it
    ");
}

#[test]
fn a_damaged_registry_is_said_and_left_alone() {
    let env = theirs("old");
    let path = env.path("old/registry.db");
    let mut bytes = fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    for byte in &mut bytes[half..half + 9000] {
        *byte = 0xa5;
    }
    fs::write(&path, &bytes).unwrap();
    let output = env.run(&["migrate", "--from", "old"]).expect_code(2);
    assert!(
        output.stderr.contains("damaged") || output.stderr.contains("cannot read"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains(".recover"), "{}", output.stderr);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert!(!env.path(".mlbuild").exists());
}

#[test]
fn hostile_rows_are_shown_safely_and_lead_nowhere() {
    let env = theirs(".mlbuild-python");
    env.write("outside.tflite", "nobody's business");
    let outside = env.path("outside.tflite");
    change(
        &env,
        ".mlbuild-python",
        &format!(
            "UPDATE builds SET name = char(27) || '[31mred' || char(10) || '<script>' WHERE name = 'plain';
             UPDATE builds SET artifact_path = '/x/.mlbuild/../../outside.tflite' WHERE name = 'gone';
             UPDATE builds SET parent_build_id = build_id WHERE name = 'flow';
             UPDATE runs SET params = '[1]', metrics = '{{\"a\": \"b\"}}';
             UPDATE command_log SET raw_command = char(27) || '[2J';
             UPDATE builds SET artifact_path = '{}' WHERE name = 'sink';",
            outside.display()
        ),
    );
    let output = env.run(&["migrate"]).expect_code(0);
    assert!(!output.stdout.contains('\u{1b}'), "{}", output.stdout);
    let objects = Objects::open(&env.path(".mlbuild/objects")).unwrap();
    assert!(
        objects
            .verify(&mlbuild::digest::Digest::of(b"nobody's business"))
            .is_err()
    );
}
