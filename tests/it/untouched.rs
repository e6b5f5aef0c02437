//! No command touches a file that is not its own: the whole tree is hashed before and after each of them.

use std::collections::BTreeMap;

use crate::support::desk;
use crate::support::desk::project;
use crate::support::desk::put;
use crate::support::env::TestEnv;

/// What is neither in a workspace nor beneath a path that the command was asked to write.
fn guarded(env: &TestEnv, named: &[&str]) -> BTreeMap<String, String> {
    let ours = |name: &str| {
        let in_workspace = name.split('/').any(|part| part == ".mlbuild");
        in_workspace || named.iter().any(|output| name.starts_with(output))
    };
    env.tree().into_iter().filter(|(name, _)| !ours(name)).collect()
}

/// A project with everything that commands read, and files that they might be tempted to write.
fn whole() -> TestEnv {
    let env = project(
        "digits_mlp.onnx",
        "    variants: [fp32, fp16]\n  - name: large\n    path: sub/external_mlp.onnx\n  - name: made\n    path: sub/made.onnx\n    build: cat model.onnx > /dev/null\n",
    );
    put(&env, "old.onnx", "digits_cnn.onnx");
    put(&env, "sub/made.onnx", "digits_mlp.onnx");
    put(&env, "sub/external_mlp.onnx", "external_mlp.onnx");
    put(&env, "sub/external_mlp.onnx.data", "external_mlp.onnx.data");
    env.write(".github/workflows/mlbuild.yml", "on: push\n");
    env.write("manifest.json", "{}");
    env.write("ci_report.json", "{}");
    env.write("comment.md", "mine\n");
    env
}

#[test]
fn every_command_leaves_the_tree_as_it_was() {
    let env = whole();
    for (arguments, code, named) in [
        (&["config", "check"][..], 0, &[][..]),
        (&["config", "schema"], 0, &[]),
        (&["init"], 0, &[]),
        (&["ci"], 0, &[]),
        (&["ci", "--model", "digits", "--baseline", "old.onnx", "--json"], 1, &[]),
        (&["baseline", "refresh"], 0, &[]),
        (&["ci"], 0, &[]),
        (&["baseline", "refresh", "--output", "kept", "--json"], 0, &["kept/"]),
        (&["ci", "--baseline", "kept"], 0, &["kept/"]),
        (
            &[
                "compare",
                "old.onnx",
                "model.onnx",
                "--variant",
                "fp16",
                "--time-budget",
                "300 ms",
            ],
            0,
            &["kept/"],
        ),
        (&["runtime", "list"], 0, &["kept/"]),
        (&["runtime", "path"], 0, &["kept/"]),
        (&["completions", "zsh"], 0, &["kept/"]),
        (&["--help"], 0, &["kept/"]),
    ] {
        let before = guarded(&env, named);
        let output = env.run(arguments);
        assert_eq!(guarded(&env, named), before, "{arguments:?}");
        // What a command comes to is other tests' business; that it came to its work is this one's.
        assert!(
            output.code == code || (code < 2 && output.code < 2),
            "{arguments:?}: {}",
            output.snapshot()
        );
        assert!(std::fs::read_dir(env.home()).unwrap().next().is_none(), "{arguments:?}");
        desk::assert_no_leftovers(&env);
    }
}

#[test]
fn init_writes_beside_what_is_there() {
    let env = desk::empty();
    put(&env, "model.onnx", "digits_mlp.onnx");
    env.write("README.md", "mine\n");
    let before = env.tree();
    env.run(&["init"]).expect_code(0);
    let mut after = env.tree();
    after.retain(|name, _| !name.starts_with(".github/") && name != ".mlbuild.yml");
    assert_eq!(after, before);
}
