//! What every command says on real builds, its text and its JSON: one snapshot each, in `tests/it/snapshots/spoken`.
//!
//! `INSTA_UPDATE=always cargo test --test it spoken::` writes them anew; read them as a user would before they are committed.

mod builds;
mod desk;
mod measured;
mod project;
mod remote;
mod stage;
mod still;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mlbuild::cli::manual;

/// Commands that no workspace on its own has anything to say to, and where their words are held instead.
const ELSEWHERE: [(&str, &str); 7] = [
    ("action", "speaks to GitHub: tests/it/action, on a stateful fake"),
    (
        "completions",
        "prints a program for a shell: tests/it/manual.rs has shells read it",
    ),
    (
        "device benchmark",
        "needs a phone: tests/it/devices.rs, on a scripted one behind the real adb server",
    ),
    ("device list", "the same"),
    (
        "man",
        "prints the manual: tests/it/manual.rs holds it against docs/commands.md",
    ),
    (
        "runtime install",
        "fetches over the network: tests/it/runtime_install.rs, on a made-up index",
    ),
    (
        "upgrade",
        "replaces the program: tests/it/upgrade.rs, on made-up releases",
    ),
];

fn covered() -> Vec<&'static str> {
    [
        builds::COVERS,
        desk::COVERS,
        measured::COVERS,
        project::COVERS,
        project::RUNTIMES,
        project::THEIRS,
        remote::COVERS,
    ]
    .concat()
}

#[test]
fn every_command_is_heard() {
    let tree = manual::tree();
    let runs: BTreeSet<String> = manual::pages(&tree)
        .iter()
        .filter(|page| !page.command.is_subcommand_required_set())
        .map(|page| page.path.clone())
        .collect();
    let listed: Vec<&str> = covered().into_iter().chain(ELSEWHERE.map(|(path, _)| path)).collect();
    let unique: BTreeSet<String> = listed.iter().map(|&path| path.to_owned()).collect();
    assert_eq!(listed.len(), unique.len(), "one is listed twice: {listed:?}");
    assert_eq!(
        runs, unique,
        "left: commands; right: those of the tests in tests/it/spoken"
    );
}

#[test]
fn no_snapshot_is_of_a_command_that_is_gone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots/spoken");
    let covered: BTreeSet<String> = covered().iter().map(|path| path.replace(' ', "-")).collect();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let command = name.split('.').next().unwrap();
        assert!(covered.contains(command), "{name}");
    }
}
