//! The real binary as a workflow runs it: real webhook payloads in, the final state of a stateful GitHub out. Real engine, real
//! models, and a checkout of its own for every run.

mod baseline;
mod bucket;
mod commands;
mod comments;
mod events;
mod faults;
mod first;
mod forks;
#[cfg(target_os = "linux")]
mod interrupts;
mod overhead;
mod permissions;
mod refresh;
#[cfg(unix)]
mod runner;
mod sharded;
mod trend;
mod troubles;
mod trust;
mod verdicts;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use mlbuild::github::CommitSha;

use crate::support::env::TestEnv;
use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::state::Check;
use crate::support::fake_github::state::Comment;
use crate::support::fake_github::state::Release;

/// Limits that no noise reaches, so that only what a test changes decides.
const CONFIG: &str = "\
version: 1
models:
  - name: digits
    path: models/digits.onnx
    variants: [fp32]
gate:
  latency: { max_regression: 99999% }
  memory: { max_regression: 99999% }
measure: { time_budget: 1 s }
";

/// The same with a model that a command makes and git does not hold.
const BUILT: &str = "\
version: 1
models:
  - name: digits
    path: out/digits.onnx
    build: mkdir -p out && cp source/digits.bin out/digits.onnx
    variants: [fp32]
gate:
  latency: { max_regression: 99999% }
  memory: { max_regression: 99999% }
measure: { time_budget: 1 s }
";

const CONFIG_PATH: &str = ".mlbuild.yml";
const MODEL_PATH: &str = "models/digits.onnx";
const SOURCE_PATH: &str = "source/digits.bin";

/// A small model of the fixtures.
fn model(name: &str) -> Vec<u8> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/models")
            .join(name),
    )
    .unwrap()
}

fn mlp() -> Vec<u8> {
    model("digits_mlp.onnx")
}

/// The same graph in a file that is `length` bytes of documentation longer: a model's field 6 is its text, and the last one counts.
fn with_text(model: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = model.to_vec();
    bytes.push(6 << 3 | 2);
    let mut rest = length;
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes.resize(bytes.len() + length, b'x');
    bytes
}

/// Another file that does the same work.
fn touched() -> Vec<u8> {
    with_text(&mlp(), 3)
}

/// A file beyond the limit of size, by more than the floor.
fn bloated() -> Vec<u8> {
    with_text(&mlp(), 150_000)
}

/// A repository on the fake GitHub.
struct Repository {
    fake: FakeGitHub,
    env: TestEnv,
    last_run: Cell<u64>,
}

impl Repository {
    /// With these files on `main`.
    fn with(files: &[(&str, &[u8])]) -> Self {
        let repository = Self {
            fake: FakeGitHub::start(),
            env: TestEnv::new().with_runtime_cache(),
            last_run: Cell::new(7000),
        };
        repository.push(files);
        repository
    }

    /// With [`CONFIG`] and its model on `main`.
    fn of_committed_model() -> Self {
        Self::with(&[(CONFIG_PATH, CONFIG.as_bytes()), (MODEL_PATH, &mlp())])
    }

    /// With [`BUILT`] and what its command needs on `main`.
    fn of_built_model() -> Self {
        Self::with(&[(CONFIG_PATH, BUILT.as_bytes()), (SOURCE_PATH, &mlp())])
    }

    /// A commit on top of `parent` in which these files are new.
    fn commit(&self, parent: &CommitSha, changes: &[(&str, &[u8])]) -> CommitSha {
        let mut files = self.fake.edit(|state| state.commits[parent.as_str()].files.clone());
        for (path, bytes) in changes {
            files.insert((*path).to_owned(), bytes.to_vec());
        }
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
            .collect();
        self.fake.commit(&[parent], &files)
    }

    /// A commit on `main`.
    fn push(&self, changes: &[(&str, &[u8])]) -> CommitSha {
        let commit = self.commit(&self.fake.tip("main"), changes);
        self.fake.branch("main", &commit);
        commit
    }

    /// A pull request to `main`.
    fn propose(&self, changes: &[(&str, &[u8])]) -> Proposed {
        let head = self.commit(&self.fake.tip("main"), changes);
        Proposed {
            pull: self.fake.pull_request(&head),
            head,
        }
    }

    /// The job that a pull request starts.
    fn gate(&self, proposed: &Proposed) -> Job<'_> {
        self.job(Trigger::Opened(proposed.pull), &proposed.head)
    }

    /// The job that a push of `commit` to `branch` starts.
    fn refresh_on(&self, branch: &str, commit: &CommitSha) -> Job<'_> {
        let trigger = Trigger::Pushed {
            branch: branch.to_owned(),
            sha: commit.to_string(),
        };
        self.job(trigger, commit)
    }

    /// Publishes the baseline of `main`'s tip and returns its tag.
    fn refresh(&self) -> String {
        let ran = self.refresh_on("main", &self.fake.tip("main")).run();
        assert_eq!(ran.code, 0, "{ran}");
        ran.output("baseline").to_owned()
    }

    /// A job on a checkout of `commit`.
    fn job(&self, trigger: Trigger, commit: &CommitSha) -> Job<'_> {
        self.last_run.set(self.last_run.get() + 1);
        Job {
            repository: self,
            trigger,
            commit: commit.clone(),
            branch: "main".to_owned(),
            run_id: self.last_run.get(),
            attempt: 1,
            variables: BTreeMap::from([("INPUT_TOKEN".to_owned(), TOKEN.to_owned())]),
        }
    }

    /// The one check run.
    fn check(&self) -> Check {
        let checks = self.fake.edit(|state| state.checks.clone());
        let [check] = checks.as_slice() else {
            panic!("expected one check run: {checks:#?}")
        };
        check.clone()
    }

    /// The one comment.
    fn comment(&self) -> Comment {
        let comments = self.comments();
        let [comment] = comments.as_slice() else {
            panic!("expected one comment: {comments:#?}")
        };
        comment.clone()
    }

    fn comments(&self) -> Vec<Comment> {
        self.fake.edit(|state| state.comments.clone())
    }

    fn releases(&self) -> Vec<Release> {
        self.fake.edit(|state| state.releases.clone())
    }

    /// Changes the newest release, as someone with the right to write could.
    fn forge(&self, change: impl FnOnce(&mut Release)) {
        self.fake.edit(|state| change(state.releases.last_mut().unwrap()));
    }

    /// Changes the text of the newest release's manifest; what GitHub says of the file follows.
    fn forge_manifest(&self, from: &str, to: &str) {
        self.forge(|release| {
            let manifest = release
                .assets
                .iter_mut()
                .find(|asset| asset.name == "manifest.json")
                .unwrap();
            let text = String::from_utf8(manifest.stored.clone()).unwrap();
            assert!(text.contains(from), "no `{from}` in {text}");
            manifest.stored = text.replace(from, to).into_bytes();
            manifest.size = manifest.stored.len();
            manifest.digest = Some(mlbuild::digest::Digest::of(&manifest.stored));
        });
    }
}

/// A pull request and the commit that it proposes.
struct Proposed {
    pull: u64,
    head: CommitSha,
}

/// Every file of a checkout that is not the tool's own, with its bytes.
fn users_files(checkout: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![checkout.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != ".mlbuild") {
                    folders.push(path);
                }
            } else {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    found
}

/// A job, not yet started.
struct Job<'a> {
    repository: &'a Repository,
    trigger: Trigger,
    commit: CommitSha,
    branch: String,
    run_id: u64,
    attempt: u64,
    variables: BTreeMap<String, String>,
}

impl Job<'_> {
    /// Sets an input of `action.yml`, under its environment name.
    fn input(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(format!("INPUT_{name}"), value.to_owned());
        self
    }

    /// Is the second attempt of its run, or a later one.
    fn attempt(mut self, attempt: u64) -> Self {
        self.attempt = attempt;
        self
    }

    /// Another number than the next one.
    fn numbered(mut self, run_id: u64) -> Self {
        self.run_id = run_id;
        self
    }

    /// The branch that the run belongs to.
    fn on(mut self, branch: &str) -> Self {
        self.branch = branch.to_owned();
        self
    }

    /// The folder of this run: `repo` is the checkout, everything else the runner's.
    fn folder(&self) -> PathBuf {
        self.repository
            .env
            .path(&format!("run-{}-{}", self.run_id, self.attempt))
    }

    /// Checks out, tells GitHub of the run, and makes the command of one step.
    fn step(&self, arguments: &[&str]) -> Command {
        let fake = &self.repository.fake;
        let folder = self.folder();
        let checkout = folder.join("repo");
        fs::create_dir_all(folder.join("temp")).unwrap();
        fs::create_dir_all(&checkout).unwrap();
        let files = fake.edit(|state| state.commits[self.commit.as_str()].files.clone());
        for (path, bytes) in files {
            let path = checkout.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fake.run(self.run_id, self.trigger.name(), &self.commit);
        fake.edit(|state| {
            let run = state.runs.get_mut(&self.run_id).unwrap();
            run.head_branch.clone_from(&self.branch);
            run.attempt = self.attempt;
        });
        let environment = fake.environment(&folder, &self.trigger, self.run_id, self.attempt);
        let reference = environment
            .iter()
            .find(|(name, _)| name == "GITHUB_REF")
            .map(|(_, value)| value.clone())
            .unwrap();
        let short = reference.splitn(3, '/').nth(2).unwrap();
        let mut command = self.repository.env.command("", arguments);
        command
            .current_dir(&checkout)
            .envs(environment)
            .env("GITHUB_REF_NAME", short)
            .env("GITHUB_WORKSPACE", &checkout)
            .env("GITHUB_OUTPUT", folder.join("output"))
            .env("GITHUB_STEP_SUMMARY", folder.join("summary.md"))
            .env("RUNNER_TEMP", folder.join("temp"))
            .envs(&self.variables)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the gate's step.
    fn run(&self) -> Ran {
        let mut command = self.step(&["action"]);
        let checkout = self.folder().join("repo");
        let before = users_files(&checkout);
        let output = command.output().unwrap();
        let mut after = users_files(&checkout);
        // What a `build:` command adds is the user's own wish; without one, nothing may be added either.
        let builds = before
            .values()
            .any(|bytes| String::from_utf8_lossy(bytes).contains(" build: "));
        after.retain(|path, _| !builds || before.contains_key(path));
        let differing: Vec<&PathBuf> = before
            .keys()
            .chain(after.keys())
            .filter(|path| before.get(*path) != after.get(*path))
            .collect();
        assert!(differing.is_empty(), "the run touched the user's files: {differing:?}");
        self.after(output)
    }

    /// Runs the step that follows it.
    fn finalize(&self) -> Ran {
        self.after(self.step(&["action", "--finalize"]).output().unwrap())
    }

    /// What a step left behind.
    fn after(&self, output: std::process::Output) -> Ran {
        let folder = self.folder();
        Ran {
            code: output.status.code().unwrap_or(-1),
            log: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            outputs: outputs(&fs::read_to_string(folder.join("output")).unwrap_or_default()),
            summary: fs::read_to_string(folder.join("summary.md")).unwrap_or_default(),
            report: fs::read(folder.join("repo/.mlbuild/ci_report.json"))
                .ok()
                .map(|bytes| serde_json::from_slice(&bytes).unwrap()),
        }
    }
}

/// What a step left behind.
struct Ran {
    code: i32,
    log: String,
    stderr: String,
    outputs: BTreeMap<String, String>,
    summary: String,
    report: Option<serde_json::Value>,
}

impl Ran {
    fn output(&self, name: &str) -> &str {
        self.outputs
            .get(name)
            .unwrap_or_else(|| panic!("no output `{name}`: {self}"))
    }

    fn result(&self) -> &str {
        self.output("result")
    }

    /// Fails with everything that the step said, unless it ended like this.
    fn expect(self, result: &str, code: i32) -> Self {
        assert_eq!((self.result(), self.code), (result, code), "{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit code {}\noutputs {:?}\n----- log -----\n{}\n----- stderr -----\n{}\n----- summary -----\n{}",
            self.code, self.outputs, self.log, self.stderr, self.summary
        )
    }
}

/// `name<<delimiter`, lines, `delimiter`.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").unwrap();
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        found.insert(name.to_owned(), value.join("\n"));
    }
    found
}
