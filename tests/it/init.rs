//! `mlbuild init`: what it finds, what it writes, what it leaves alone.

use std::fs;

use crate::support::env::TestEnv;

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

/// A repository with a model, and files that are none of ours.
fn repository() -> TestEnv {
    let env = TestEnv::new();
    env.write(".git/HEAD", "ref: refs/heads/topic\n");
    env.write(".git/refs/remotes/origin/HEAD", "ref: refs/remotes/origin/trunk\n");
    env.write("models/mobilenet.onnx", "no matter");
    env.write("node_modules/x/y.onnx", "of a tool");
    env.write("target/z.onnx", "of a tool");
    env.write(".hidden/w.onnx", "hidden");
    env.write("deep/1/2/3/4/5/6/7/8/9/v.onnx", "too deep");
    env
}

#[test]
fn writes_both_files() {
    let env = repository();
    let before = env.tree();
    insta::assert_snapshot!(env.run(&["init"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    wrote .mlbuild.yml
    wrote .github/workflows/mlbuild.yml
    ----- stderr -----
    1 model to gate; commit these files, or try `mlbuild config check` and `mlbuild ci` here first
    ");
    insta::assert_snapshot!(env.read(".mlbuild.yml"), @r"
    # yaml-language-server: $schema=https://raw.githubusercontent.com/org/mlbuild-action/main/docs/mlbuild.schema.json
    # What mlbuild gates. Only `version` and `models` must be there; what is commented out shows the default.
    version: 1

    models:
      - path: models/mobilenet.onnx
        # build: python export.py                          # a command that produces the file, where it is not committed
        # inputs: { input: { shape: [1, 3, 224, 224] } }   # only for inputs with dynamic dimensions
        # targets: [onnxruntime_cpu]
        # variants: [fp32]                                 # also fp16
        # dataset: { path: data/val.npz, labels: y }       # gates accuracy on labelled samples

    # gate:
    #   latency: { metric: p50, max_regression: 5% }       # and a budget, such as `budget: 10 ms`
    #   size: { max_regression: 5% }                       # and a budget, such as `budget: 8 MB`
    #   memory: { max_regression: 10% }
    #   accuracy: { cosine: 0.99, top1: 0.99, max_drop: 1% }
    #   on_inconclusive: neutral                           # pass | neutral | fail
    #   on_missing_baseline: neutral                       # pass | neutral | fail

    # measure: { time_budget: 20 s, total_budget: 10 min, threads: 1 }
    # baseline: { store: release, keep: 20 }               # or `store: dir` with a `path`
    # comment: { when: always }                            # always | changed | regression | never
    ");
    insta::assert_snapshot!(env.read(".github/workflows/mlbuild.yml"), @r"
    # Gates the models in .mlbuild.yml on every pull request; pushes to the default branch publish the baseline that
    # pull requests are measured against.
    name: mlbuild
    on:
      pull_request:
      merge_group:
      push:
        branches: [trunk]

    permissions: {}

    jobs:
      gate:
        if: github.event_name != 'push'
        runs-on: ubuntu-latest
        permissions:
          contents: read # the checkout and baseline releases
          actions: read # the run that made a baseline
          pull-requests: write # the comment
          checks: write # the check
        steps:
          - uses: actions/checkout@v5
            with:
              persist-credentials: false
          - uses: org/mlbuild-action@v1

      baseline:
        if: github.event_name == 'push'
        runs-on: ubuntu-latest
        permissions:
          contents: write # publishes a release with the baseline
          actions: read
        concurrency:
          group: mlbuild-baseline-${{ github.ref }}
          cancel-in-progress: false
        steps:
          - uses: actions/checkout@v5
            with:
              persist-credentials: false
          - uses: org/mlbuild-action@v1
    ");
    let after = env.tree();
    assert!(before.iter().all(|(path, digest)| after.get(path) == Some(digest)));
    let new: Vec<&String> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert_eq!(
        new,
        [
            ".github/",
            ".github/workflows/",
            ".github/workflows/mlbuild.yml",
            ".mlbuild.yml"
        ]
    );
    env.run(&["config", "check"]).expect_code(0);
}

#[test]
fn keeps_what_exists() {
    let env = repository();
    env.write(".mlbuild.yml", "mine");
    insta::assert_snapshot!(env.run(&["init"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    kept .mlbuild.yml: it exists already
    wrote .github/workflows/mlbuild.yml
    ----- stderr -----
    1 model to gate; commit these files, or try `mlbuild config check` and `mlbuild ci` here first
    ");
    assert_eq!(env.read(".mlbuild.yml"), "mine");
    let before = env.tree();
    insta::assert_snapshot!(env.run(&["init"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    kept .mlbuild.yml: it exists already
    kept .github/workflows/mlbuild.yml: it exists already
    ----- stderr -----
    nothing to do
    ");
    assert_eq!(env.tree(), before);
}

#[test]
fn a_dangling_link_is_kept_too() {
    let env = repository();
    std::os::unix::fs::symlink("elsewhere", env.path(".mlbuild.yml")).unwrap();
    env.run(&["init"]).expect_code(0);
    assert!(!env.path("elsewhere").exists());
    assert!(fs::symlink_metadata(env.path(".mlbuild.yml")).unwrap().is_symlink());
}

#[test]
fn a_dry_run_writes_nothing() {
    let env = repository();
    let before = env.tree();
    let output = env.run(&["init", "--dry-run"]).expect_code(0);
    assert!(
        output.stdout.contains("would write .mlbuild.yml:"),
        "{}",
        output.snapshot()
    );
    assert!(
        output.stdout.contains("  - path: models/mobilenet.onnx"),
        "{}",
        output.snapshot()
    );
    assert_eq!(env.tree(), before);
}

#[test]
fn no_model_no_files() {
    let env = TestEnv::new();
    env.write(".git/HEAD", "ref: refs/heads/main\n");
    let before = env.tree();
    insta::assert_snapshot!(env.run(&["init"]).snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: no `.onnx` file in `[WORK]`
    hint: name one with `--model`, even if it is yet to be built
    ");
    assert_eq!(env.tree(), before);
}

#[test]
fn a_model_that_is_yet_to_be_built() {
    let env = TestEnv::new();
    env.write(".git/HEAD", "ref: refs/heads/main\n");
    fs::create_dir(env.path("sub")).unwrap();
    insta::assert_snapshot!(env.run_in("sub", &["init", "--model", "out/net.onnx", "--json"]).snapshot(), @r#"
    exit code: 0
    ----- stdout -----
    {
      "dry_run": false,
      "folder": "[WORK]",
      "kept": [],
      "lfs": false,
      "models": [
        "sub/out/net.onnx"
      ],
      "schema": 1,
      "written": [
        ".mlbuild.yml",
        ".github/workflows/mlbuild.yml"
      ]
    }
    "#);
    assert!(env.read(".mlbuild.yml").contains("  - path: sub/out/net.onnx\n"));
}

#[test]
fn models_outside_of_a_repository() {
    let env = TestEnv::new();
    env.write("b.onnx", "no matter");
    env.write("a/b.onnx", "no matter");
    insta::assert_snapshot!(env.run(&["init"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    wrote .mlbuild.yml
    wrote .github/workflows/mlbuild.yml
    ----- stderr -----
    warning: this is no git repository: GitHub reads the workflow at the root of one only
    2 models to gate; commit these files, or try `mlbuild config check` and `mlbuild ci` here first
    ");
    let config = env.run(&["config", "check"]).expect_code(0);
    assert!(config.stdout.contains("  a-b: a/b.onnx"), "{}", config.snapshot());
}

#[test]
fn models_in_git_lfs() {
    let env = repository();
    env.write("models/mobilenet.onnx", POINTER);
    insta::assert_snapshot!(env.run(&["init"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    wrote .mlbuild.yml
    wrote .github/workflows/mlbuild.yml
    ----- stderr -----
    warning: `models/mobilenet.onnx` is a Git LFS pointer here: run `git lfs pull` before measuring; the workflow checks out with `lfs: true`
    1 model to gate; commit these files, or try `mlbuild config check` and `mlbuild ci` here first
    ");
    assert_eq!(
        env.read(".github/workflows/mlbuild.yml").matches("lfs: true").count(),
        2
    );

    let env = repository();
    env.write(".gitattributes", "*.onnx filter=lfs diff=lfs merge=lfs -text\n");
    env.run(&["init"]).expect_code(0);
    assert_eq!(
        env.read(".github/workflows/mlbuild.yml").matches("lfs: true").count(),
        2
    );
}

#[test]
fn a_folder_that_cannot_be_written() {
    let env = repository();
    env.write(".github", "a file where a folder should be");
    let output = env.run(&["init"]).expect_code(2);
    assert!(
        output.stderr.contains("error: cannot create the folder"),
        "{}",
        output.snapshot()
    );
}

#[test]
fn writes_the_second_workflow_where_forks_are_expected() {
    let env = repository();
    insta::assert_snapshot!(env.run(&["init", "--forks"]).snapshot(), @r"
    exit code: 0
    ----- stdout -----
    wrote .mlbuild.yml
    wrote .github/workflows/mlbuild.yml
    wrote .github/workflows/mlbuild-report.yml
    ----- stderr -----
    1 model to gate; commit these files, or try `mlbuild config check` and `mlbuild ci` here first
    ");
    let report: serde_yaml::Value = serde_yaml::from_str(&env.read(".github/workflows/mlbuild-report.yml")).unwrap();
    // It starts after the first one, by name.
    let first: serde_yaml::Value = serde_yaml::from_str(&env.read(".github/workflows/mlbuild.yml")).unwrap();
    assert_eq!(report["on"]["workflow_run"]["workflows"][0], first["name"]);
    let job = &report["jobs"]["report"];
    assert_eq!(job["permissions"]["checks"].as_str(), Some("write"));
    assert_eq!(job["permissions"]["contents"].as_str(), Some("read"));
    assert_eq!(job["steps"].as_sequence().unwrap().len(), 1);
}
