//! How fast the commands of the desk are on a large registry, as whole processes.
//!
//! `cargo bench --bench registry -- [STUDY …] [--folder PATH] [--runs N] [--builds N] [--python COMMAND]` makes a workspace of 10 000 builds with
//! ten measurements each, always the same, and prints a table in Markdown. `--folder` keeps the workspace, and uses one that is there. The
//! Python tool is timed beside it where `--python` names its executable, run in the folder that `--python-folder` names.
//!
//! | study | what is timed |
//! |---|---|
//! | `read` | `status`, `log`, `log --tree`, `search`, `inspect`, `history` |
//! | `open` | opening the registry, inside this process |
//! | `prune` | `prune` of the older half of the builds, of a copy; rows and files |
//! | `plans` | nothing: shows how SQLite answers the questions behind the commands |
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::exit,
    clippy::disallowed_methods
)]
mod make;

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use mlbuild::registry::Registry;

/// Questions behind the commands, for `plans`.
const QUESTIONS: &[(&str, &str)] = &[
    (
        "newest builds",
        "SELECT id FROM builds WHERE removed_at IS NULL ORDER BY builds.created_at DESC, builds.id LIMIT 20",
    ),
    ("how many", "SELECT count(*) FROM measurements"),
    (
        "figures of a build",
        "SELECT p50_ms FROM figures WHERE build = 'x' ORDER BY created_at DESC, measurement DESC LIMIT 1",
    ),
    (
        "newest figures",
        "SELECT figures.build FROM figures JOIN builds ON builds.id = figures.build AND removed_at IS NULL ORDER BY figures.created_at DESC, measurement DESC LIMIT 1",
    ),
    (
        "families",
        "SELECT root, max(created_at) AS newest FROM builds WHERE removed_at IS NULL GROUP BY root ORDER BY newest DESC",
    ),
    (
        "children",
        "SELECT id FROM builds WHERE root = 'x' ORDER BY created_at, id",
    ),
    (
        "history",
        "SELECT id FROM history ORDER BY started_at DESC, id LIMIT 50",
    ),
    (
        "machines nobody needs",
        "DELETE FROM machines WHERE id NOT IN (SELECT machine FROM measurements)",
    ),
];

struct Bench {
    folder: PathBuf,
    runs: usize,
    builds: usize,
    python: Option<(String, PathBuf)>,
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut studies: Vec<String> = Vec::new();
    let mut folder = None;
    let (mut runs, mut builds) = (20, 10_000);
    let (mut python, mut python_folder) = (None, PathBuf::from("."));
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value after the flag");
        match argument.as_str() {
            "--folder" => folder = Some(PathBuf::from(value())),
            "--runs" => runs = value().parse().expect("a number"),
            "--builds" => builds = value().parse().expect("a number"),
            "--python" => python = Some(value()),
            "--python-folder" => python_folder = value().into(),
            _ => studies.push(argument),
        }
    }
    let temporary = tempfile::tempdir().unwrap();
    let bench = Bench {
        folder: folder.unwrap_or_else(|| temporary.path().to_owned()),
        runs,
        builds,
        python: python.map(|command| (command, python_folder)),
    };
    if !registry(&bench.folder).exists() {
        let began = Instant::now();
        make::make(&bench.folder, bench.builds);
        let size = fs::metadata(registry(&bench.folder)).unwrap().len();
        eprintln!(
            "made {} builds, {:.0} MB, in {:.1} s",
            bench.builds,
            size as f64 / 1e6,
            began.elapsed().as_secs_f64()
        );
    }
    let wants = |study: &str| studies.is_empty() || studies.iter().any(|wanted| wanted == study);
    println!("| what | median | slowest |\n|---|---|---|");
    if wants("read") {
        bench.read();
    }
    if wants("open") {
        bench.open();
    }
    if wants("prune") {
        bench.prune();
    }
    if wants("plans") {
        bench.plans();
    }
}

impl Bench {
    fn read(&self) {
        let build = make::id(self.builds / 2);
        for command in [
            &["status"][..],
            &["log"],
            &["log", "--tree"],
            &["log", "--name", "resnet", "--json"],
            &["search", "mobilnet"],
            &["search", "--tag", "mlbuild-baseline"],
            &["inspect", &build],
            &["inspect", &build, "--json"],
            &["history"],
        ] {
            let name = format!("`mlbuild {}`", command.join(" ").replace(&build, "BUILD"));
            let times = (0..self.runs).map(|_| time(env!("CARGO_BIN_EXE_mlbuild"), command, &self.folder));
            row(&name, times.collect());
            if let (Some((python, folder)), "status" | "log") = (&self.python, command[0])
                && command.len() == 1
            {
                let times = (0..self.runs).map(|_| time(python, command, folder));
                row(
                    &format!("{}, the Python tool on its own registry", command[0]),
                    times.collect(),
                );
            }
        }
    }

    fn open(&self) {
        let path = registry(&self.folder);
        let times = (0..self.runs).map(|_| {
            let began = Instant::now();
            drop(Registry::open(&path).unwrap());
            began.elapsed()
        });
        row("opening an up-to-date registry", times.collect());
    }

    /// Each time on a copy, as nothing is left to prune the second time.
    fn prune(&self) {
        let keep = (self.builds / 2).to_string();
        let times = (0..self.runs.min(3)).map(|_| {
            let copy = tempfile::tempdir_in(&self.folder).unwrap();
            fs::create_dir(copy.path().join(".mlbuild")).unwrap();
            fs::copy(registry(&self.folder), registry(copy.path())).unwrap();
            make::objects(copy.path(), self.builds);
            time(
                env!("CARGO_BIN_EXE_mlbuild"),
                &["prune", "--keep-last", &keep, "--purge", "--force"],
                copy.path(),
            )
        });
        row(
            &format!("`mlbuild prune` of {} builds", self.builds / 2),
            times.collect(),
        );
    }

    fn plans(&self) {
        let connection = rusqlite::Connection::open(registry(&self.folder)).unwrap();
        for (what, question) in QUESTIONS {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {question}")).unwrap();
            let steps: Vec<String> = statement
                .query_map([], |row| row.get(3))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            println!("{what}: {}", steps.join("; "));
        }
    }
}

fn registry(folder: &Path) -> PathBuf {
    folder.join(".mlbuild/registry.db")
}

/// From start to end of the process; fails where it does.
fn time(program: &str, arguments: &[&str], folder: &Path) -> Duration {
    let began = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let elapsed = began.elapsed();
    assert!(status.success(), "{program} {arguments:?} ended with {status}");
    elapsed
}

fn row(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let milliseconds = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3);
    println!(
        "| {name} | {:.1} ms | {:.1} ms |",
        milliseconds(times.get(times.len() / 2)),
        milliseconds(times.last())
    );
}
