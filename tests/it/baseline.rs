//! `mlbuild baseline refresh`, and what `ci` makes of baselines in folders: used, unchanged, refused with the reason.

use std::fs;

use crate::support::desk;
use crate::support::desk::project;
use crate::support::desk::put;
use crate::support::desk::report;
use crate::support::desk::verdicts;
use crate::support::env::TestEnv;

const STORE: &str = "baseline: { store: dir, path: kept }\n";

/// A project whose baseline lies in `kept/`, made from another file than the model that is there now.
fn kept() -> TestEnv {
    let env = project("digits_mlp.onnx", "");
    env.write(".mlbuild.yml", desk::config("") + STORE);
    env.run(&["baseline", "refresh", "-q"]).expect_code(0);
    env.write("model.onnx", desk::padded("digits_mlp.onnx", 10));
    env
}

/// The only model file in `kept/`.
fn artifact(env: &TestEnv) -> String {
    let names: Vec<String> = env
        .tree()
        .into_keys()
        .filter(|name| name.starts_with("kept/") && name.ends_with(".onnx"))
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0].clone()
}

/// Runs `ci`, which must refuse the baseline and say why in the report too; returns the reason.
fn refused(env: &TestEnv) -> String {
    let output = env.run(&["ci"]).expect_code(2);
    let report = report(env);
    assert_eq!(verdicts(&report), ["digits fp32 error"]);
    let reason = report["comparisons"][0]["reason"].as_str().unwrap();
    assert!(
        output.stdout.contains("error: `digits` could not be compared"),
        "{}",
        output.stdout
    );
    assert!(!report["comparisons"][0]["hints"].as_array().unwrap().is_empty());
    reason.to_owned()
}

#[test]
fn the_desks_own_baseline_is_the_default() {
    let env = project("digits_mlp.onnx", "");
    let output = env.run(&["baseline", "refresh"]).expect_code(0);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 0
    ----- stdout -----
    wrote mlbuild-baseline with 1 comparison to .mlbuild/baseline
    ----- stderr -----
    measuring 1 comparison, at most 300 ms each, 10 min in total
    "#);

    let output = env.run(&["ci"]).expect_code(0);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 0
    ----- stdout -----
    digits · onnxruntime_cpu · baseline mlbuild-baseline
      fp32  skipped  same model and settings as the baseline

    skipped: Nothing to measure: `digits` was skipped: same model and settings as the baseline
    ----- stderr -----
    report: .mlbuild/ci_report.json  .mlbuild/comment.md
    "#);

    // An unchanged model still has to keep its budgets.
    env.run(&["ci", "--size-budget", "0.1"]).expect_code(1);

    env.write("model.onnx", desk::padded("digits_mlp.onnx", 10));
    for arguments in [
        &["ci"][..],
        &["ci", "--baseline", "mlbuild-baseline"],
        &["ci", "--baseline", ".mlbuild/baseline"],
    ] {
        env.run(arguments).expect_code(0);
        desk::assert_no_worse(&report(&env));
    }
}

#[test]
fn a_refresh_of_nothing_new_changes_nothing() {
    let env = project("digits_mlp.onnx", "    variants: [fp32, fp16]\n");
    env.run(&["baseline", "refresh"]).expect_code(0);
    let before = env.read(".mlbuild/baseline/manifest.json");
    let output = env.run(&["baseline", "refresh"]).expect_code(0);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 0
    ----- stdout -----
    nothing changed since the baseline: it stays (`--force` measures it anew)
    "#);
    assert_eq!(env.read(".mlbuild/baseline/manifest.json"), before);
    let output = env.run(&["baseline", "refresh", "--force", "--json"]).expect_code(0);
    insta::assert_snapshot!(output.stdout, @r#"
    {
      "schema": 1,
      "baseline": ".mlbuild/baseline",
      "refreshed": true,
      "comparisons": 2
    }
    "#);
    assert_ne!(env.read(".mlbuild/baseline/manifest.json"), before);
}

#[test]
fn a_new_baseline_removes_the_files_of_the_old_one_and_no_others() {
    let env = kept();
    let old = artifact(&env);
    let foreign = format!("kept/{}.onnx", "a".repeat(64));
    env.write(&foreign, "somebody's own");
    env.write("kept/notes.txt", "somebody's own");
    let output = env.run(&["baseline", "refresh"]).expect_code(0);
    assert_eq!(output.stdout, "wrote the baseline with 1 comparison to kept\n");
    let tree = env.tree();
    assert!(!tree.contains_key(&old));
    assert!(tree.contains_key(&foreign) && tree.contains_key("kept/notes.txt"));

    env.run_in("kept", &["baseline", "refresh", "--output", "../elsewhere", "-q"])
        .expect_code(0);
    env.run(&["ci", "--baseline", "elsewhere"]).expect_code(0);
    assert_eq!(verdicts(&report(&env)), ["digits fp32 skipped"]);
}

#[test]
fn what_cannot_be_measured_is_no_baseline() {
    let env = kept();
    let before = env.tree();
    env.write("model.onnx", desk::endless());
    env.write(
        ".mlbuild.yml",
        desk::config("").replace("300 ms }", "300 ms, worker_timeout: 1 s }") + STORE,
    );
    let output = env.run(&["baseline", "refresh"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    measuring 1 comparison, at most 300 ms each, 10 min in total
    error: no baseline: `digits` · fp32: the candidate could not be measured: no answer after 1s while loading the model; the worker was stopped
    hint: if the model is just slow, raise `measure.worker_timeout`
    "#);
    let kept = |tree: std::collections::BTreeMap<String, String>| -> Vec<_> {
        tree.into_iter().filter(|(name, _)| name.starts_with("kept")).collect()
    };
    assert_eq!(kept(env.tree()), kept(before));
}

#[test]
fn a_tampered_file_is_refused() {
    let env = kept();
    let path = artifact(&env);
    let mut bytes = fs::read(env.path(&path)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    env.write(&path, &bytes);
    fs::remove_dir_all(env.path(".mlbuild")).unwrap();
    let reason = refused(&env);
    assert!(
        reason.starts_with(&format!("the baseline file `{path}` is refused: SHA-256 ")),
        "{reason}"
    );

    env.write(&path, &bytes[..middle]);
    assert!(refused(&env).contains(" bytes, the manifest says "));

    fs::remove_file(env.path(&path)).unwrap();
    assert!(refused(&env).starts_with(&format!("cannot read `{path}`")));

    let elsewhere = env.write("elsewhere.onnx", desk::padded("digits_mlp.onnx", 0));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(elsewhere, env.path(&path)).unwrap();
        assert!(refused(&env).ends_with("is refused: not a regular file"));
    }
}

#[test]
fn a_manifest_of_the_schema_before_is_read() {
    let env = kept();
    let mut manifest: serde_json::Value = serde_json::from_str(&env.read("kept/manifest.json")).unwrap();
    manifest["schema"] = 2.into();
    for entry in manifest["entries"].as_array_mut().unwrap() {
        assert_eq!(
            entry.as_object_mut().unwrap().remove("evidence"),
            Some(serde_json::json!([]))
        );
    }
    env.write("kept/manifest.json", manifest.to_string());
    let output = env.run(&["ci"]).expect_code(0);
    assert!(output.stdout.contains("baseline dir: kept"), "{}", output.stdout);

    // The one between knew evidence, and nobody accepted anything in its time.
    let env = kept();
    let mut manifest: serde_json::Value = serde_json::from_str(&env.read("kept/manifest.json")).unwrap();
    manifest["schema"] = 3.into();
    assert_eq!(
        manifest.as_object_mut().unwrap().remove("accepted"),
        Some(serde_json::json!([]))
    );
    env.write("kept/manifest.json", manifest.to_string());
    env.run(&["ci"]).expect_code(0);
}

#[test]
fn a_manifest_that_cannot_be_trusted_is_refused() {
    let env = kept();
    let manifest = env.read("kept/manifest.json");
    env.write("kept/manifest.json", &manifest[..manifest.len() / 2]);
    assert!(refused(&env).starts_with("the baseline in `kept` is refused: the manifest cannot be read: EOF"));

    env.write(
        "kept/manifest.json",
        manifest.replacen("\"schema\": 4", "\"schema\": 7, \"news\": 1", 1),
    );
    insta::assert_snapshot!(refused(&env), @"the baseline in `kept` is refused: the manifest has schema 7, this version of mlbuild reads 2 to 4");
    let output = env.run(&["baseline", "refresh"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: the baseline in `kept` is refused: the manifest has schema 7, this version of mlbuild reads 2 to 4
    hint: use the version of mlbuild that wrote it, or write it anew with this one: `mlbuild baseline refresh`
    hint: `--force` replaces it
    "#);

    let escaping = manifest.replace("\"name\": \"model.onnx\"", "\"name\": \"../model.onnx\"");
    assert_ne!(escaping, manifest);
    env.write("kept/manifest.json", escaping);
    insta::assert_snapshot!(refused(&env), @"the baseline in `kept` is refused: the manifest names the file `../model.onnx`, which is not a plain relative path");

    env.run(&["baseline", "refresh", "--force"]).expect_code(0);
    env.run(&["ci"]).expect_code(0);
}

#[test]
fn what_is_no_baseline_is_said() {
    let env = project("digits_mlp.onnx", "");
    fs::create_dir(env.path("empty")).unwrap();
    let output = env.run(&["ci", "--baseline", "empty"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `[WORK]/empty` holds no baseline: it has no `manifest.json`
    hint: `mlbuild baseline refresh --output <folder>` writes one
    "#);

    env.write("text.onnx", "not a model, only words\n");
    env.run(&["ci", "--baseline", "text.onnx"]).expect_code(2);
    assert_eq!(
        report(&env)["comparisons"][0]["reason"].as_str().unwrap(),
        format!("`{}` is a text file, not a model", env.path("text.onnx").display())
    );

    put(&env, "other.onnx", "digits_mlp.onnx");
    env.write(".mlbuild.yml", desk::config("  - path: other.onnx\n"));
    let output = env.run(&["ci", "--baseline", "other.onnx"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `[WORK]/other.onnx` is one model, and the config names 2
    hint: choose one model with `--model`
    "#);
    let output = env.run(&["ci", "--baseline", "mlbuild-baseline-default-20260101-1-1-0123456789ab"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `mlbuild-baseline-default-20260101-1-1-0123456789ab` is a release, and no repository or token is known to fetch it with
    hint: set `GITHUB_REPOSITORY` to `owner/name` and `GITHUB_TOKEN` to a token that may read it
    "#);
}
