//! Builds: made, listed, looked at, named, compared by what they are, taken away.

use super::stage::HOSTILE;
use super::stage::Kind::Steady;
use super::stage::Stage;
use super::stage::id_of;
use super::stage::next_second;

pub const COVERS: &[&str] = &[
    "build",
    "diff",
    "export",
    "import",
    "inspect",
    "log",
    "optimize",
    "pin",
    "prune",
    "rename",
    "search",
    "tag create",
    "tag delete",
    "tag list",
    "tag show",
    "unpin",
];

fn make(stage: &mut Stage) {
    stage.text(
        Steady,
        &[
            "import",
            "--model",
            "model.onnx",
            "--target",
            "onnxruntime_cpu",
            "--name",
            "digits",
            "--notes",
            "the first",
        ],
    );
    next_second();
    let made = stage.json(
        Steady,
        &[
            "import",
            "--model",
            "mlp.onnx",
            "--target",
            "onnxruntime_cpu",
            "--name",
            HOSTILE,
        ],
    );
    stage.call("mlp", made["build"]["id"].as_str().unwrap());
    let root = id_of(&stage.env, "digits");
    stage.call("digits", &root);
    let root = stage.id("digits");
    next_second();
    let made = stage.both(Steady, &["optimize", &root, "--recipe", "fp16"]);
    stage.call("half", made["build"]["id"].as_str().unwrap());
    next_second();
    let made = stage.both(
        Steady,
        &[
            "build",
            "--model",
            "model.onnx",
            "--quantize",
            "int8",
            "--output",
            "whole.onnx",
        ],
    );
    stage.call("whole", made["build"]["id"].as_str().unwrap());
}

#[test]
fn builds_speak() {
    let mut stage = Stage::bare();
    make(&mut stage);
    let (root, half, whole, mlp) = (stage.id("digits"), stage.id("half"), stage.id("whole"), stage.id("mlp"));

    stage.both(Steady, &["tag", "create", &half, "release/1"]);
    stage.text_of(Steady, "taken", &["tag", "create", &whole, "release/1"]);
    stage
        .env
        .run(&["tag", "create", &whole, "release/1", "--force"])
        .expect_code(0);
    stage.env.run(&["tag", "create", &root, "main-digits"]).expect_code(0);
    stage.both(Steady, &["tag", "list"]);
    stage.both(Steady, &["tag", "show", "release/1"]);
    stage.both(Steady, &["pin", &root, &mlp]);
    stage.both(Steady, &["unpin", &mlp]);

    stage.both(Steady, &["log"]);
    stage.text_of(Steady, "tree", &["log", "--tree"]);
    stage.text_of(Steady, "lineage", &["log", &whole]);
    stage.text_of(Steady, "csv", &["log", "--csv", "-"]);
    stage.text_of(Steady, "nothing", &["log", "--name", "absent"]);
    stage.both(Steady, &["search", "digts"]);
    stage.text_of(Steady, "nothing", &["search", "zzzzzz"]);
    stage.both(Steady, &["inspect", &half]);
    stage.text_of(Steady, "root", &["inspect", &mlp]);
    stage.text_of(Steady, "short", &["inspect", &half, "--short"]);
    stage.both(Steady, &["diff", &root, &whole]);
    stage.text_of(Steady, "same", &["diff", &root, "model.onnx"]);
    stage.text(Steady, &["export", &half]);
    stage.text_of(Steady, "csv", &["export", &half, "--format", "csv"]);
    stage.text_of(Steady, "tables", &["export", &half, "--output", "tables/"]);

    stage.text(Steady, &["rename", &mlp, "second"]);
    stage.json(Steady, &["rename", "second", "third"]);
    stage.text_of(Steady, "dry", &["prune", "--keep-last", "0", "--dry-run"]);
    stage.text(Steady, &["prune", "--keep-last", "0"]);
    stage.text_of(Steady, "restored", &["prune", "--restore", &half]);
    stage.json(Steady, &["prune", "--purge", "--force"]);
    stage.env.run(&["tag", "create", &root, "v1"]).expect_code(0);
    stage.text(Steady, &["tag", "delete", "main-digits"]);
    stage.json(Steady, &["tag", "delete", "v1"]);
    stage.done(COVERS);
}
