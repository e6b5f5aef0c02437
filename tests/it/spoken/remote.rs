//! Sharing: remotes are set up, and builds go there and come back.

use std::fs;

use super::stage::Kind::Steady;
use super::stage::Stage;

pub const COVERS: &[&str] = &[
    "pull",
    "push",
    "remote add",
    "remote list",
    "remote remove",
    "remote set-default",
    "remote show",
    "sync",
];

#[test]
fn remotes_speak() {
    let mut stage = Stage::with_builds();
    let (half, whole) = (stage.id("half"), stage.id("whole"));
    stage.text_of(Steady, "none", &["remote", "list"]);
    stage.text_of(Steady, "none", &["push", &half]);
    fs::create_dir(stage.env.path("../tmp/shared")).unwrap();
    stage.text(
        Steady,
        &["remote", "add", "team", "--backend", "local", "--path", "../tmp/shared"],
    );
    stage.json(
        Steady,
        &[
            "remote",
            "add",
            "bucket",
            "--backend",
            "s3",
            "--bucket",
            "models",
            "--region",
            "eu-central-1",
        ],
    );
    stage.both(Steady, &["remote", "list"]);
    stage.both(Steady, &["remote", "show", "team"]);
    stage.text_of(Steady, "s3", &["remote", "show", "bucket"]);
    stage.text(Steady, &["remote", "set-default", "bucket"]);
    stage.json(Steady, &["remote", "set-default", "team"]);

    stage.env.run(&["tag", "create", &half, "release/1"]).expect_code(0);
    stage.text_of(Steady, "dry", &["push", &half, "--dry-run"]);
    stage.text(Steady, &["push", &half]);
    stage.text_of(Steady, "again", &["push", &half]);
    stage.json(Steady, &["push", "--all"]);

    stage
        .env
        .run(&["prune", "--keep-last", "0", "--purge", "--force"])
        .expect_code(0);
    stage.text_of(Steady, "dry", &["pull", "--all", "--dry-run"]);
    stage.text(Steady, &["pull", &whole]);
    stage.json(Steady, &["pull", "--all"]);
    stage.text_of(Steady, "absent", &["pull", "0123456789ab"]);
    stage.text_of(Steady, "dry", &["sync", "--dry-run"]);
    stage.both(Steady, &["sync"]);

    stage.text(Steady, &["remote", "remove", "bucket"]);
    stage.json(Steady, &["remote", "remove", "team"]);
    stage.done(COVERS);
}
