//! A repository that a runner can check out: every commit of the fake GitHub is a commit of git too, under the same name.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use mlbuild::github::CommitSha;

use crate::action::Proposed;
use crate::action::Repository;
use crate::support::act;
use crate::support::act::Act;
use crate::support::act::Ran;
use crate::support::env::TestEnv;
use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::state::Commit;

/// A repository on the fake GitHub and in git, and act.
pub(super) struct Hosted {
    pub(super) repository: Repository,
    act: Act,
    /// What the token may do is what the workflow's job asks for, unless a test says otherwise.
    pub(super) permissions: bool,
}

/// The workflow that most repositories copy.
pub(super) fn example() -> PathBuf {
    shipped("mlbuild.yml")
}

/// A workflow that is shipped.
pub(super) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/workflows")
        .join(name)
}

impl Hosted {
    /// With these files on `main`; `None` where act is not installed.
    pub(super) fn with(files: &[(&str, &[u8])]) -> Option<Self> {
        let act = Act::installed()?;
        let hosted = Self {
            repository: Repository {
                fake: FakeGitHub::start(),
                env: TestEnv::new().with_runtime_cache(),
                last_run: Cell::new(7000),
            },
            act,
            permissions: true,
        };
        let server = hosted.repository.env.path("server");
        fs::create_dir_all(hosted.bare()).unwrap();
        // Whoever asks for github.com gets this folder, as any server would answer.
        let config = format!(
            "[url \"file://{}/\"]\n\tinsteadOf = https://github.com/\n[safe]\n\tdirectory = *\n[user]\n\tname = a\n\temail = a@b\n",
            server.display()
        );
        fs::write(hosted.repository.env.home().join(".gitconfig"), config).unwrap();
        hosted.git(&["init", "--quiet", "--bare", "."], b"");
        hosted.git(&["config", "uploadpack.allowAnySHA1InWant", "true"], b"");
        let first = hosted.commit(&[], &BTreeMap::new(), files);
        hosted.repository.fake.branch("main", &first);
        Some(hosted)
    }

    fn bare(&self) -> PathBuf {
        self.repository.env.path("server/acme/models")
    }

    /// What git prints, without the line's end.
    fn git(&self, arguments: &[&str], input: &[u8]) -> String {
        let plain = self.repository.env.command("", &[]);
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(self.bare())
            .env_clear()
            .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("GIT_INDEX_FILE", self.repository.env.path("index"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// A commit of `before` with these files new, there and here.
    fn commit(
        &self,
        parents: &[&CommitSha],
        before: &BTreeMap<String, Vec<u8>>,
        changes: &[(&str, &[u8])],
    ) -> CommitSha {
        let mut files = before.clone();
        for (path, bytes) in changes {
            files.insert((*path).to_owned(), bytes.to_vec());
        }
        self.git(&["read-tree", "--empty"], b"");
        for (path, bytes) in &files {
            let blob = self.git(&["hash-object", "-w", "--stdin"], bytes);
            let entry = format!("100644,{blob},{path}");
            self.git(&["update-index", "--add", "--cacheinfo", &entry], b"");
        }
        let tree = self.git(&["write-tree"], b"");
        let mut arguments = vec!["commit-tree", &tree, "-m", "a commit"];
        for parent in parents {
            arguments.extend(["-p", parent.as_str()]);
        }
        let sha = self.git(&arguments, b"");
        self.repository.fake.edit(|state| {
            let commit = Commit {
                parents: parents.iter().map(|parent| parent.to_string()).collect(),
                tree: tree.clone(),
                message: "a commit".to_owned(),
                files,
            };
            state.trees.insert(tree);
            state.commits.insert(sha.clone(), commit);
        });
        sha.parse().unwrap()
    }

    fn files(&self, commit: &CommitSha) -> BTreeMap<String, Vec<u8>> {
        self.repository
            .fake
            .edit(|state| state.commits[commit.as_str()].files.clone())
    }

    /// A commit on `main`.
    pub(super) fn push(&self, changes: &[(&str, &[u8])]) -> CommitSha {
        let tip = self.repository.fake.tip("main");
        let commit = self.commit(&[&tip], &self.files(&tip), changes);
        self.repository.fake.branch("main", &commit);
        commit
    }

    /// A pull request to `main`.
    pub(super) fn propose(&self, changes: &[(&str, &[u8])]) -> Proposed {
        let tip = self.repository.fake.tip("main");
        let head = self.commit(&[&tip], &self.files(&tip), changes);
        Proposed {
            pull: self.repository.fake.pull_request(&head),
            head,
        }
    }

    /// Another commit on a pull request.
    pub(super) fn amend(&self, proposed: &mut Proposed, changes: &[(&str, &[u8])]) {
        proposed.head = self.commit(&[&proposed.head], &self.files(&proposed.head), changes);
        let head = proposed.head.to_string();
        self.repository
            .fake
            .edit(|state| state.pulls.get_mut(&proposed.pull).unwrap().head_sha = head);
    }

    /// Runs `workflow`, of which `job` is what the event asks for, as a pull request starts it: on the merge commit.
    pub(super) fn gate(&self, workflow: &Path, job: &str, proposed: &Proposed) -> Ran {
        self.finish(self.start(workflow, job, proposed))
    }

    /// [`Hosted::gate`], not waited for.
    pub(super) fn start(&self, workflow: &Path, job: &str, proposed: &Proposed) -> Child {
        let base = self.repository.fake.tip("main");
        let merged = self.commit(&[&base, &proposed.head], &self.files(&proposed.head), &[]);
        self.run(
            workflow,
            job,
            &Trigger::Synchronized(proposed.pull),
            &proposed.head,
            &merged,
        )
    }

    /// Runs the example as a push of `main`'s tip starts it.
    pub(super) fn refresh(&self) -> Ran {
        let tip = self.repository.fake.tip("main");
        let trigger = Trigger::Pushed {
            branch: "main".to_owned(),
            sha: tip.to_string(),
        };
        self.finish(self.run(&example(), "baseline", &trigger, &tip, &tip))
    }

    /// Waits for act, and takes the artifacts that its steps upload meanwhile.
    pub(super) fn finish(&self, child: Child) -> Ran {
        let run = self.repository.last_run.get();
        let folder = self.repository.env.path(&format!("artifacts/{run}"));
        let ending = thread::spawn(move || Ran::wait(child));
        while !ending.is_finished() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                let kept = path.with_extension("kept");
                if path.extension().is_some_and(|extension| extension == "zip") && !kept.exists() {
                    let name = path.file_stem().unwrap().to_str().unwrap();
                    self.keep(run, name, &fs::read(&path).unwrap());
                    fs::write(kept, "").unwrap();
                }
            }
            thread::sleep(Duration::from_millis(10));
        }
        ending.join().unwrap()
    }

    /// An artifact takes the place of one with its name.
    fn keep(&self, run: u64, name: &str, archive: &[u8]) {
        self.repository.fake.edit(|state| {
            state
                .artifacts
                .retain(|artifact| artifact.run != run || artifact.name != name);
        });
        self.repository.fake.artifact(run, name, archive);
    }

    /// Starts act for `trigger`. `checkout` is the commit that the runner gets, `head` the one that the run belongs to.
    pub(super) fn run(
        &self,
        workflow: &Path,
        job: &str,
        trigger: &Trigger,
        head: &CommitSha,
        checkout: &CommitSha,
    ) -> Child {
        let Repository { fake, env, last_run } = &self.repository;
        last_run.set(last_run.get() + 1);
        let number = last_run.get();
        fake.run(number, trigger.name(), head);
        if self.permissions {
            fake.grant(|grants| *grants = act::grants(workflow, job));
        }
        let folder = env.path(&format!("event-{number}"));
        fs::create_dir_all(&folder).unwrap();
        let payload = fake.event_file(&folder, trigger);
        let mut command = self.act.command(env, workflow, trigger.name(), &payload, TOKEN);
        for (name, value) in fake.environment(&folder, trigger, number, 1) {
            let pair = match name.as_str() {
                // act makes these itself.
                "CI" | "GITHUB_ACTIONS" | "GITHUB_EVENT_NAME" | "GITHUB_EVENT_PATH" | "GITHUB_JOB" => continue,
                "GITHUB_WORKFLOW" => continue,
                // Its name of the commit.
                "GITHUB_SHA" => format!("SHA_REF={checkout}"),
                _ => format!("{name}={value}"),
            };
            command.args(["--env", &pair]);
        }
        command.spawn().unwrap()
    }
}
