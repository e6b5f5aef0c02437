//! A hermetic place to run the real binary: a fresh folder, a cleared environment, and output fit for a snapshot.
#![allow(dead_code, reason = "each topic uses its share")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

/// A working folder, a home and a cache of its own, all gone when dropped.
pub struct TestEnv {
    root: TempDir,
    variables: BTreeMap<String, String>,
    redactions: Vec<(String, String)>,
}

/// What a run left behind, as it was written.
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    redactions: Vec<(String, String)>,
}

impl TestEnv {
    /// Nothing of the person's environment passes but `PATH`.
    pub fn new() -> Self {
        let root = TempDir::with_prefix("mlbuild-test-").unwrap();
        let mut variables = BTreeMap::new();
        for folder in ["work", "home", "cache", "tmp"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let path = |folder: &str| root.path().join(folder).to_str().unwrap().to_owned();
        variables.insert("HOME".to_owned(), path("home"));
        variables.insert("XDG_CACHE_HOME".to_owned(), path("cache"));
        variables.insert("TMPDIR".to_owned(), path("tmp"));
        variables.insert("PATH".to_owned(), std::env::var("PATH").unwrap());
        variables.insert("LANG".to_owned(), "C.UTF-8".to_owned());
        variables.insert("TZ".to_owned(), "UTC".to_owned());
        Self {
            root,
            variables,
            redactions: Vec::new(),
        }
    }

    /// Lets the run use (and fill) the engines that are installed for this person: fetching them anew for each test would
    /// take minutes.
    pub fn with_runtime_cache(mut self) -> Self {
        let cache = std::env::var("XDG_CACHE_HOME").ok().filter(|path| !path.is_empty());
        let cache = cache.unwrap_or_else(|| format!("{}/.cache", std::env::var("HOME").unwrap()));
        self.redactions.push((cache.clone(), "[CACHE]".to_owned()));
        self.variable("XDG_CACHE_HOME", &cache);
        for name in [
            "MLBUILD_RUNTIME_PATH",
            "PIP_INDEX_URL",
            "PIP_CONFIG_FILE",
            "PIP_CERT",
            "https_proxy",
        ] {
            if let Ok(value) = std::env::var(name) {
                self.variable(name, &value);
            }
        }
        self
    }

    /// Sets a variable for the runs to come.
    pub fn variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Replaces a text in snapshots, after the redactions before it and before the standing ones.
    pub fn redact(&mut self, text: &str, replacement: &str) {
        self.redactions.push((text.to_owned(), replacement.to_owned()));
    }

    /// A path inside the working folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join("work").join(relative)
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Writes a file inside the working folder, with its parents.
    pub fn write(&self, relative: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Reads a file inside the working folder.
    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Every file of the working folder with its digest, links and their targets too: what a run must leave as it was.
    pub fn tree(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        walk(&self.path(""), "", &mut found);
        found
    }

    /// Runs the binary in the working folder.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_in("", arguments)
    }

    /// Runs the binary in a folder inside the working folder.
    pub fn run_in(&self, relative: &str, arguments: &[&str]) -> Output {
        self.output(&mut self.command(relative, arguments))
    }

    /// Runs a command of this place and says what it left behind.
    pub fn output(&self, command: &mut Command) -> Output {
        let output = command.output().unwrap();
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            redactions: self.all_redactions(),
        }
    }

    /// The command that `run` would run, for tests that need to interrupt it or feed it.
    pub fn command(&self, relative: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mlbuild"));
        command
            .args(arguments)
            .current_dir(self.path(relative))
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null());
        command
    }

    /// A text without the paths of this run and the version, as in a snapshot.
    pub fn redacted(&self, text: &str) -> String {
        redact(text, &self.all_redactions())
    }

    /// In this order: the test's own, then `[ROOT]/…` paths (as the system resolves them first: macOS's `/private`), then the
    /// version. Digests and times are left to each test, which knows what it expects.
    fn all_redactions(&self) -> Vec<(String, String)> {
        let mut all = self.redactions.clone();
        let resolved = self.root.path().canonicalize().unwrap();
        for root in [resolved.as_path(), self.root.path()] {
            for (folder, name) in [
                ("work", "[WORK]"),
                ("home", "[HOME]"),
                ("cache", "[CACHE]"),
                ("tmp", "[TMP]"),
            ] {
                all.push((root.join(folder).to_str().unwrap().to_owned(), name.to_owned()));
            }
        }
        all.push((env!("CARGO_PKG_VERSION").to_owned(), "[VERSION]".to_owned()));
        all
    }
}

impl Output {
    /// Exit code, stdout and stderr together, redacted; empty streams are left out.
    pub fn snapshot(&self) -> String {
        let mut text = format!("exit code: {}\n", self.code);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text.push_str(&format!("----- {name} -----\n{stream}"));
                if !stream.ends_with('\n') {
                    text.push_str("[no newline]\n");
                }
            }
        }
        redact(&text, &self.redactions)
    }

    /// Fails with the whole output unless the run ended with this code.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.snapshot());
        self
    }
}

fn redact(text: &str, redactions: &[(String, String)]) -> String {
    let replace = |text: String, (from, to): &(String, String)| text.replace(from, to);
    redactions.iter().fold(text.to_owned(), replace)
}

fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), found);
            found.insert(format!("{name}/"), String::new());
        } else if kind.is_symlink() {
            found.insert(
                name,
                fs::read_link(entry.path()).unwrap().to_string_lossy().into_owned(),
            );
        } else {
            let digest = mlbuild::digest::Digest::of(&fs::read(entry.path()).unwrap());
            found.insert(name, digest.to_string());
        }
    }
}
