//! A stateful GitHub over HTTP on loopback: API, uploads and storage on three origins, every request and answer judged by
//! GitHub's own OpenAPI description, faults on demand. What it did not expect fails the test when it goes.

mod artifacts;
mod bot;
mod checks;
mod comments;
pub(crate) mod events;
pub(crate) mod faults;
mod git;
mod openapi;
mod pulls;
mod releases;
mod route;
mod runs;
mod server;
pub(crate) mod state;
mod storage;
mod templates;
mod users;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;

use faults::Fault;
use mlbuild::digest::Digest;
use mlbuild::github::CommitSha;
use state::Artifact;
use state::Asset;
use state::Commit;
use state::Grants;
use state::Level;
use state::Logged;
use state::Pull;
use state::Release;
use state::Run;
use state::State;
use state::Token;
use state::User;

/// What `GITHUB_TOKEN` is here.
pub(crate) const TOKEN: &str = "ghs_fakefakefakefakefakefakefakefakefake";

/// A running fake. Repository `acme/models`, default branch `main` with one commit, one token that may write everything.
pub(crate) struct FakeGitHub {
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl FakeGitHub {
    /// Like github.com: three origins.
    pub(crate) fn start() -> Self {
        Self::start_at("", None)
    }

    /// Like GitHub Enterprise Server: API and uploads below one host.
    pub(crate) fn start_enterprise() -> Self {
        Self::start_at("/api/v3", Some("/api/uploads"))
    }

    fn start_at(api: &str, uploads: Option<&str>) -> Self {
        let origins = server::Origins::bind();
        let uploads = match uploads {
            Some(path) => format!("{}{path}", origins.url("api")),
            None => origins.url("uploads"),
        };
        let state = State::new(format!("{}{api}", origins.url("api")), uploads, origins.url("storage"));
        let state = Arc::new(Mutex::new(state));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = Some(origins.serve(state.clone(), stop.clone()));
        let fake = Self { state, stop, thread };
        fake.add_token(
            TOKEN,
            Token {
                user: User::actions(),
                grants: Grants::all(Level::Write),
                installation: true,
            },
        );
        let first = fake.commit(&[], &[]);
        fake.branch("main", &first);
        fake
    }

    /// Reads or changes anything.
    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub(crate) fn api_url(&self) -> String {
        self.edit(|state| state.api.clone())
    }

    pub(crate) fn add_token(&self, token: &str, is: Token) {
        self.edit(|state| state.tokens.insert(token.to_owned(), is));
    }

    /// Changes what [`TOKEN`] may do.
    pub(crate) fn grant(&self, change: impl FnOnce(&mut Grants)) {
        self.edit(|state| change(&mut state.tokens.get_mut(TOKEN).unwrap().grants));
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.edit(|state| state.faults.push(fault));
    }

    /// Adds a commit with these parents and files.
    pub(crate) fn commit(&self, parents: &[&CommitSha], files: &[(&str, &[u8])]) -> CommitSha {
        self.edit(|state| {
            let commit = Commit {
                parents: parents.iter().map(|parent| parent.to_string()).collect(),
                tree: state.new_sha(),
                message: "a commit".to_owned(),
                files: files
                    .iter()
                    .map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()))
                    .collect(),
            };
            let sha = state.new_sha();
            state.trees.insert(commit.tree.clone());
            state.commits.insert(sha.clone(), commit);
            sha.parse().unwrap()
        })
    }

    /// Moves a branch.
    pub(crate) fn branch(&self, name: &str, to: &CommitSha) {
        self.edit(|state| state.refs.insert(format!("refs/heads/{name}"), to.to_string()));
    }

    /// The tip of a branch.
    pub(crate) fn tip(&self, branch: &str) -> CommitSha {
        self.edit(|state| state.refs[&format!("refs/heads/{branch}")].parse().unwrap())
    }

    /// Opens a pull request from branch `topic` to `main`'s tip.
    pub(crate) fn pull_request(&self, head: &CommitSha) -> u64 {
        let base_sha = self.tip("main").to_string();
        self.edit(|state| {
            let number = state.new_id();
            let pull = Pull {
                open: true,
                title: "a faster model".to_owned(),
                head_sha: head.to_string(),
                head_ref: "topic".to_owned(),
                fork: None,
                base_sha,
                base_ref: "main".to_owned(),
                merged_as: None,
                merged_at: None,
            };
            state.pulls.insert(number, pull);
            number
        })
    }

    /// Adds a comment to a pull request.
    pub(crate) fn comment(&self, pull: u64, author: &User, body: &str) -> u64 {
        self.edit(|state| state.add_comment(pull, author, body))
    }

    /// Adds a published release with these assets, uploaded by `author`.
    pub(crate) fn release(&self, tag: &str, author: &User, assets: &[(&str, &[u8])]) -> u64 {
        let tip = self.tip("main").to_string();
        self.edit(|state| {
            let mut listed = Vec::new();
            for (name, bytes) in assets {
                listed.push(Asset {
                    id: state.new_id(),
                    name: (*name).to_owned(),
                    uploader: author.clone(),
                    size: bytes.len(),
                    digest: Some(Digest::of(bytes)),
                    complete: true,
                    stored: bytes.to_vec(),
                });
            }
            let release = Release {
                id: state.new_id(),
                tag: tag.to_owned(),
                name: tag.to_owned(),
                body: String::new(),
                draft: false,
                prerelease: true,
                latest: false,
                author: author.clone(),
                assets: listed,
            };
            state.refs.insert(format!("refs/tags/{tag}"), tip);
            state.releases.push(release.clone());
            release.id
        })
    }

    /// Adds a finished run of `.github/workflows/mlbuild.yml` on the default branch.
    pub(crate) fn run(&self, id: u64, event: &str, head: &CommitSha) {
        let run = Run {
            attempt: 1,
            event: event.to_owned(),
            head_sha: head.to_string(),
            head_branch: "main".to_owned(),
            path: ".github/workflows/mlbuild.yml".to_owned(),
            conclusion: Some("success".to_owned()),
            repository: None,
            fork: None,
        };
        self.edit(|state| state.runs.insert(id, run));
    }

    /// Adds an artifact to a run, as its upload leaves it.
    pub(crate) fn artifact(&self, run: u64, name: &str, archive: &[u8]) -> u64 {
        self.edit(|state| {
            let id = state.new_id();
            state.artifacts.push(Artifact {
                id,
                run,
                name: name.to_owned(),
                expired: false,
                size: archive.len(),
                digest: Some(Digest::of(archive)),
                stored: archive.to_vec(),
            });
            id
        })
    }

    /// Every request so far.
    pub(crate) fn log(&self) -> Vec<Logged> {
        self.edit(|state| state.log.clone())
    }

    /// How many requests with `method` went to a path that contains `place`.
    pub(crate) fn count(&self, method: &str, place: &str) -> usize {
        let wanted = |logged: &&Logged| logged.method == method && logged.path.contains(place);
        self.log().iter().filter(wanted).count()
    }

    /// What must not have happened: unknown calls, requests or answers that break the contract, tokens in foreign hands,
    /// faults that never came to pass.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.edit(|state| {
            let unspent = state.faults.iter().filter_map(Fault::unspent);
            state.problems.iter().cloned().chain(unspent).collect()
        })
    }

    /// Fails the test if anything was wrong so far.
    pub(crate) fn assert_clean(&self) {
        let problems = self.problems();
        assert!(
            problems.is_empty(),
            "the fake GitHub saw what must not be:\n{}",
            problems.join("\n")
        );
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        // A test that fails already says why.
        if !thread::panicking() {
            self.assert_clean();
        }
    }
}
