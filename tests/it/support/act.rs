//! act, a workflow runner that other people wrote, as a process: it reads the real workflow and the real `action.yml` and executes them on
//! this machine, without containers.
//!
//! It is looked for where `.ci/act` builds it, `target/ci/act`. Where it is not, tests say that they skip, or fail if
//! `MLBUILD_ACT_TESTS=1` says that they have to run. Actions of other repositories are folders here: what GitHub's own stand for says the
//! head of each file in `tests/fixtures/act`. act knows no permissions, so the token gets those of the job that it is for.
#![allow(dead_code, reason = "each topic uses its share")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;

use super::env::TestEnv;
use super::fake_github::state::Grants;
use super::fake_github::state::Level;

/// The version that `.ci/act` builds.
const VERSION: &str = "v0.2.87";

/// GitHub's own actions that the shipped files use, whatever they pin them to, and their stand-ins in `tests/fixtures/act`.
const STAND_INS: &[&str] = &["checkout", "cache", "upload-artifact", "download-artifact"];

/// The program, installed.
pub struct Act {
    program: PathBuf,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures/act").join(name)
}

impl Act {
    /// `None` where it is not installed and need not be.
    pub fn installed() -> Option<Self> {
        let program = root().join("target/ci/act").join(VERSION).join("act");
        if !program.is_file() {
            assert!(
                std::env::var("MLBUILD_ACT_TESTS").as_deref() != Ok("1"),
                "no {} (`.ci/act` builds it)",
                program.display()
            );
            eprintln!("skipped: act {VERSION} is not in target/ci/act (`.ci/act` builds it)");
            return None;
        }
        Some(Self { program })
    }

    /// The command that executes `workflow` for an event, with the environment of `env` and nothing else of this machine's. Further `--env`,
    /// `--matrix` and `--local-repository` are the caller's.
    pub fn command(&self, env: &TestEnv, workflow: &Path, event: &str, payload: &Path, token: &str) -> Command {
        let plain = env.command("", &[]);
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env(
                "PATH",
                format!(
                    "{}:{}",
                    fixture("bin").display(),
                    std::env::var("PATH").unwrap_or_default()
                ),
            )
            .env("STAND_IN_CACHE", env.path("runner-cache"))
            .env("STAND_IN_ARTIFACTS", env.path("artifacts"))
            .env("STAND_IN_BUILDS", env.path("builds"))
            .env("STAND_IN_MLBUILD", env!("CARGO_BIN_EXE_mlbuild"))
            .arg(event)
            .args([
                "--json",
                "--platform",
                "ubuntu-latest=-self-hosted",
                "--no-skip-checkout",
            ])
            // Nothing of it is used: no containers, no caches and artifacts of its own.
            .args(["--container-daemon-socket", "-", "--no-cache-server"])
            .args(["--secret", &format!("GITHUB_TOKEN={token}")])
            .arg("--workflows")
            .arg(workflow)
            .arg("--eventpath")
            .arg(payload)
            .arg("--directory")
            .arg(folder(env, "runner-start"))
            .arg("--action-cache-path")
            .arg(folder(env, "runner-home"));
        replace(&mut command, "org/mlbuild-action@v1", &action(env));
        let own = ["action.yml", "report/action.yml", "command/action.yml"].map(|name| root().join(name));
        let mut replaced = BTreeSet::new();
        for path in own.iter().map(PathBuf::as_path).chain([workflow]) {
            for used in read(path).lines().filter_map(|line| line.split_once("uses: actions/")) {
                let used = used.1.split_whitespace().next().unwrap();
                let (path, reference) = used.split_once('@').unwrap();
                let name = path.split('/').next().unwrap();
                if !replaced.insert((name.to_owned(), reference.to_owned())) {
                    continue;
                }
                assert!(STAND_INS.contains(&name), "nothing stands in for actions/{name}");
                replace(&mut command, &format!("actions/{name}@{reference}"), &fixture(name));
            }
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// A folder of the test's own, made.
fn folder(env: &TestEnv, name: &str) -> PathBuf {
    let path = env.path(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// The action as its tag has it, with a manifest that names no binary: so it builds one, which [`fixture`]'s cargo does.
fn action(env: &TestEnv) -> PathBuf {
    let place = folder(env, "action");
    for name in [
        "dist/launch.sh",
        "action.yml",
        "report/action.yml",
        "command/action.yml",
    ] {
        fs::create_dir_all(place.join(name).parent().unwrap()).unwrap();
        fs::copy(root().join(name), place.join(name)).unwrap();
    }
    fs::write(
        place.join("dist/manifest.json"),
        "{\n  \"version\": \"0.0.0\",\n  \"binaries\": {\n  }\n}\n",
    )
    .unwrap();
    place
}

/// Lets `place` stand for an action (`owner/name@ref`).
pub fn replace(command: &mut Command, action: &str, place: &Path) {
    command
        .arg("--local-repository")
        .arg(format!("{action}={}", place.display()));
}

/// The permissions that `workflow` gives to the token of `job`.
pub fn grants(workflow: &Path, job: &str) -> Grants {
    let text = read(workflow);
    let parsed: Value = serde_yaml::from_str(&text).unwrap();
    let permissions = &parsed["jobs"][job]["permissions"];
    assert!(permissions.is_object(), "job {job} names no permissions: {permissions}");
    let level = |name: &str| match permissions[name].as_str() {
        None | Some("none") => Level::Nothing,
        Some("read") => Level::Read,
        Some("write") => Level::Write,
        Some(other) => panic!("{name}: {other}"),
    };
    Grants {
        actions: level("actions"),
        checks: level("checks"),
        contents: level("contents"),
        pull_requests: level("pull-requests"),
    }
}

/// A run that has ended.
pub struct Ran {
    /// act's own exit code: 1 where a job failed.
    pub code: i32,
    events: Vec<Value>,
    stderr: String,
}

impl Ran {
    /// Waits for `child`.
    pub fn wait(child: Child) -> Self {
        Self::of(child.wait_with_output().unwrap())
    }

    /// Reads what act said.
    pub fn of(output: Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            events: text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Every job that ran, and how it ended.
    pub fn jobs(&self) -> BTreeMap<String, String> {
        let ended = self.events.iter().filter_map(|event| {
            let name = event["jobID"].as_str()?;
            Some((name.to_owned(), event["jobResult"].as_str()?.to_owned()))
        });
        ended.collect()
    }

    /// How the action's step of this name ended. `None` where it was skipped.
    pub fn step(&self, name: &str) -> Option<&str> {
        let wanted = format!(" - Main {name} [");
        let of_step = |event: &&Value| event["msg"].as_str().is_some_and(|text| text.contains(&wanted));
        let mut results = self
            .events
            .iter()
            .filter(of_step)
            .filter_map(|event| event["stepResult"].as_str());
        results.next_back()
    }

    /// An output of the step at `path`.
    pub fn output(&self, path: &[&str], name: &str) -> &str {
        let wanted = |event: &&Value| event["command"] == "set-output" && event["name"] == name && is_at(event, path);
        let mut found = self
            .events
            .iter()
            .filter(wanted)
            .filter_map(|event| event["arg"].as_str());
        found
            .next_back()
            .unwrap_or_else(|| panic!("no output {name} of {path:?}: {self}"))
    }

    /// The job summary that the step at `path` wrote.
    pub fn summary(&self, path: &[&str]) -> &str {
        let wanted = |event: &&Value| event["command"] == "summary" && is_at(event, path);
        let mut found = self
            .events
            .iter()
            .filter(wanted)
            .filter_map(|event| event["content"].as_str());
        found.next_back().unwrap_or_default()
    }

    /// Everything that the steps printed.
    pub fn log(&self) -> String {
        let printed = self.events.iter().filter_map(|event| match &event["raw"] {
            Value::String(raw) => Some(raw.as_str()),
            _ => event["msg"].as_str().filter(|_| event["raw_output"] == true),
        });
        printed.collect()
    }
}

fn is_at(event: &Value, path: &[&str]) -> bool {
    event["stepID"].as_array().is_some_and(|id| {
        id.iter()
            .map(|part| part.as_str().unwrap_or_default())
            .eq(path.iter().copied())
    })
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "act ended with {}, jobs {:?}", self.code, self.jobs())?;
        for event in &self.events {
            if let Some(text) = event["msg"].as_str() {
                writeln!(f, "{} | {}", event["stepID"], text.trim_end())?;
            }
        }
        write!(f, "----- stderr -----\n{}", self.stderr)
    }
}
