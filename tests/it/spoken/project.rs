//! The project: its config, its machinery, and what comes from elsewhere.

use std::fs;
use std::path::Path;

use super::stage::Kind::Measured;
use super::stage::Kind::Steady;
use super::stage::Stage;
use crate::migrate;
use crate::support::env::TestEnv;

pub const COVERS: &[&str] = &["config check", "config schema", "doctor", "init", "plan"];

#[test]
fn the_project_speaks() {
    let mut stage = Stage::bare();
    stage.both(Steady, &["config", "check"]);
    let schema = stage.env.run(&["config", "schema"]).expect_code(0).stdout;
    let committed = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mlbuild.schema.json")).unwrap();
    assert_eq!(schema, committed);
    stage.both(Steady, &["plan", "--shards", "2"]);
    stage.env.write(
        ".mlbuild.yml",
        "version: 1\nmodels:\n  - name: digits\n    path: mode.onnx\n    taks: vision\n",
    );
    stage.text_of(Steady, "faults", &["config", "check"]);
    fs::remove_file(stage.env.path(".mlbuild.yml")).unwrap();

    stage.text_of(Steady, "dry", &["init", "--dry-run"]);
    stage.text(Steady, &["init"]);
    stage.json(Steady, &["init"]);

    stage.both(Measured, &["doctor"]);
    stage.heard("config schema");
    stage.done(COVERS);
}

/// What [`theirs_speaks`] adds.
pub const THEIRS: &[&str] = &["migrate"];

#[test]
fn theirs_speaks() {
    let mut stage = Stage::of(migrate::theirs(".mlbuild"));
    stage.text_of(Steady, "dry", &["migrate", "--dry-run"]);
    stage.text_of(Steady, "taken", &["migrate", "--write"]);
    fs::rename(stage.env.path(".mlbuild"), stage.env.path("theirs")).unwrap();
    stage.text(Steady, &["migrate", "--from", "theirs", "--write"]);
    stage.json(Steady, &["migrate", "--from", "theirs", "--write"]);
    stage.done(THEIRS);
}

/// What [`runtimes_speak`] adds.
pub const RUNTIMES: &[&str] = &["runtime list", "runtime path"];

#[test]
fn runtimes_speak() {
    // Where none is installed, whatever this machine has.
    let mut bare = Stage::of(TestEnv::new());
    bare.env.redact(&platform(), "[PLATFORM]");
    bare.both(Steady, &["runtime", "list"]);
    bare.done(&RUNTIMES[..1]);
    let mut stage = Stage::bare();
    stage.env.redact(&platform(), "[PLATFORM]");
    stage.both(Steady, &["runtime", "path"]);
    stage.done(&RUNTIMES[1..]);
}

fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}
