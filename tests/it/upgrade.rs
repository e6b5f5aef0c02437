//! `mlbuild upgrade` against the fake GitHub: a copy of the program replaces itself, or stays as it was.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use mlbuild::digest::Digest;
use mlbuild::pipeline::upgrade::platform;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::User;

const REPOSITORY: &str = "org/mlbuild-action";
const NEWER: &str = "99.1.0";

/// Stands for a released program.
fn program(version: &str) -> String {
    format!("#!/bin/sh\n[ \"$*\" = --version ] && echo 'mlbuild {version}'\n")
}

/// A program in a folder of its own, and a GitHub with releases.
struct Desk {
    folder: TempDir,
    github: FakeGitHub,
    variables: Vec<(String, String)>,
    user: Option<u32>,
}

/// How a run ended.
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn new() -> Self {
        // On the disk of the program, so that a link serves as a copy; replacing it is a rename, which leaves the original.
        let folder = TempDir::with_prefix_in("upgrade-", env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        let original = Path::new(env!("CARGO_BIN_EXE_mlbuild"));
        let copy = folder.path().join("bin/mlbuild");
        if fs::hard_link(original, &copy).is_err() {
            fs::copy(original, &copy).unwrap();
        }
        let github = FakeGitHub::start();
        github.edit(|state| {
            state.repo = REPOSITORY.to_owned();
            state.public = true;
        });
        Self {
            variables: vec![("GITHUB_API_URL".to_owned(), github.api_url())],
            folder,
            github,
            user: None,
        }
    }

    /// With a newer release for this platform.
    fn with_newer() -> Self {
        let desk = Self::new();
        desk.release(NEWER, &program(NEWER), "");
        desk
    }

    /// Publishes a release whose manifest tells the truth; `platform_tail` makes the platform another one.
    fn release(&self, version: &str, program: &str, platform_tail: &str) {
        let digest = Digest::of(program.as_bytes());
        self.release_as(
            version,
            program,
            &manifest(version, program.len(), digest.as_str(), platform_tail),
        );
    }

    /// Publishes a release with this manifest at its tag.
    fn release_as(&self, version: &str, program: &str, manifest: &str) {
        let commit = self.github.commit(
            &[&self.github.tip("main")],
            &[("dist/manifest.json", manifest.as_bytes())],
        );
        self.github.branch("main", &commit);
        let id = self.github.release(
            &format!("v{version}"),
            &User::actions(),
            &[(&name(), program.as_bytes())],
        );
        self.github.edit(|state| {
            for release in &mut state.releases {
                release.prerelease &= release.id != id;
            }
        });
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("bin/mlbuild")
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(self.path());
        command
            .arg("upgrade")
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user);
        }
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .replace(self.folder.path().canonicalize().unwrap().to_str().unwrap(), "[HERE]")
                .replace(platform().unwrap(), "[PLATFORM]")
                .replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
        };
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Runs it and fails unless the program stays, nothing is left beside it, and it ends in `code`.
    fn stays(&self, arguments: &[&str], code: i32) -> String {
        let outcome = self.run(arguments);
        let shown = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(outcome.code, code, "{shown}");
        let original = fs::metadata(env!("CARGO_BIN_EXE_mlbuild")).unwrap().len();
        assert_eq!(fs::metadata(self.path()).unwrap().len(), original, "{shown}");
        self.assert_nothing_left();
        shown
    }

    fn assert_nothing_left(&self) {
        let files: Vec<_> = fs::read_dir(self.folder.path().join("bin"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(files, ["mlbuild"]);
    }
}

fn name() -> String {
    format!("mlbuild-{}", platform().unwrap())
}

fn manifest(version: &str, size: usize, digest: &str, platform_tail: &str) -> String {
    let platform = platform().unwrap();
    let url = format!(
        "https://github.com/{REPOSITORY}/releases/download/v{version}/{}",
        name()
    );
    format!(
        "{{\n  \"version\": \"{version}\",\n  \"binaries\": {{\n    \"{platform}{platform_tail}\": {{\"url\": \"{url}\", \"size\": {size}, \"sha256\": \"{digest}\"}}\n  }}\n}}\n"
    )
}

#[test]
fn a_newer_release_takes_the_programs_place() {
    let desk = Desk::with_newer();
    desk.release("99.0.0", &program("99.0.0"), "");
    let outcome = desk.run(&[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(
        outcome.stdout,
        format!("upgraded mlbuild [VERSION] to {NEWER}: [HERE]/bin/mlbuild\n")
    );
    assert_eq!(outcome.stderr, format!("downloading mlbuild {NEWER}\n"));
    assert_eq!(fs::read_to_string(desk.path()).unwrap(), program(NEWER));
    assert_eq!(fs::metadata(desk.path()).unwrap().permissions().mode() & 0o111, 0o111);
    desk.assert_nothing_left();
    assert!(
        desk.github.log().iter().all(|logged| !logged.authorized),
        "there was no token"
    );
}

#[test]
fn a_link_to_the_program_stays_a_link() {
    let desk = Desk::with_newer();
    let link = desk.folder.path().join("mlbuild");
    std::os::unix::fs::symlink(desk.path(), &link).unwrap();
    let status = Command::new(&link)
        .args(["upgrade", "--quiet"])
        .env_clear()
        .envs(desk.variables.iter().cloned())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&link).unwrap(), program(NEWER));
}

#[test]
fn what_happened_is_told_as_json() {
    let desk = Desk::with_newer();
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&desk.run(arguments).stdout).unwrap() };
    let checked = json(&["--check", "--json"]);
    assert_eq!(
        (&checked["state"], &checked["release"]),
        (&"available".into(), &NEWER.into())
    );
    assert_eq!(checked["path"], Value::Null);
    desk.stays(&["--check"], 0);
    let upgraded = json(&["--json"]);
    assert_eq!(upgraded["state"], "upgraded");
    assert_eq!(upgraded["sha256"], Digest::of(program(NEWER).as_bytes()).as_str());
    let keys: Vec<&String> = upgraded.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 7, "{keys:?}");
    assert_eq!((&checked["schema"], &upgraded["schema"]), (&1.into(), &1.into()));
}

#[test]
fn a_token_is_used_where_there_is_one() {
    let mut desk = Desk::with_newer();
    desk.github.edit(|state| state.public = false);
    desk.variables.push(("GITHUB_TOKEN".to_owned(), TOKEN.to_owned()));
    assert_eq!(desk.run(&[]).code, 0);
    assert_eq!(fs::read_to_string(desk.path()).unwrap(), program(NEWER));
}

#[test]
fn the_same_version_is_up_to_date() {
    let desk = Desk::new();
    let version = env!("CARGO_PKG_VERSION");
    desk.release(version, &program(version), "");
    assert_eq!(desk.stays(&[], 0), "mlbuild [VERSION] is up to date\n");
    assert_eq!(desk.stays(&["--check"], 0), "mlbuild [VERSION] is up to date\n");
    assert_eq!(
        desk.stays(&["--version", version], 0),
        "mlbuild [VERSION] is up to date\n"
    );
    assert_eq!(desk.github.count("GET", "/assets"), 0, "nothing is downloaded");
}

#[test]
fn an_older_version_is_never_installed() {
    let desk = Desk::new();
    desk.release("0.0.9", &program("0.0.9"), "");
    assert_eq!(
        desk.stays(&[], 0),
        "mlbuild [VERSION] is newer than the newest release, 0.0.9\n"
    );
    assert_eq!(
        desk.stays(&["--check", "--version", "0.0.9"], 0),
        "mlbuild 0.0.9 is older than this program, [VERSION]\n"
    );
    insta::assert_snapshot!(desk.stays(&["--version", "v0.0.9"], 2), @r"
    error: 0.0.9 is older than this program, [VERSION]: upgrading never goes back
    hint: to go back, download 0.0.9 from https://github.com/org/mlbuild-action/releases/tag/v0.0.9, compare its SHA-256 with `dist/manifest.json` of that tag, and put it in this file's place
    hint: a registry that a newer version has opened may be refused by an older one: keep a copy of `.mlbuild/`
    ");
}

#[test]
fn prereleases_and_baselines_are_not_upgrades() {
    let desk = Desk::new();
    desk.release("0.0.9", &program("0.0.9"), "");
    let tag = format!("v{NEWER}-rc.1");
    desk.github.release(&tag, &User::actions(), &[(&name(), b"x")]);
    desk.github
        .release("mlbuild-baseline-default-20260101-1-1-abc", &User::actions(), &[]);
    assert!(
        desk.stays(&["--check"], 0)
            .contains("newer than the newest release, 0.0.9")
    );
    // Asked for by name, it is.
    assert!(
        desk.stays(&["--check", "--version", &format!("{NEWER}-rc.1")], 0)
            .contains("is there")
    );
}

#[test]
fn no_such_release_is_an_error() {
    let desk = Desk::new();
    insta::assert_snapshot!(desk.stays(&["--check"], 2), @r"
    error: `org/mlbuild-action` has no release
    hint: https://github.com/org/mlbuild-action/releases lists what there is
    ");
    insta::assert_snapshot!(desk.stays(&["--version", "7.0.0"], 2), @r"
    error: `org/mlbuild-action` has no release of version 7.0.0
    hint: https://github.com/org/mlbuild-action/releases lists what there is
    ");
    insta::assert_snapshot!(desk.stays(&["--version", "latest"], 2), @r"
    error: invalid value 'latest' for '--version <VERSION>': unexpected character 'l' while parsing major version number; expected such as 1.2.3

    For more information, try '--help'.
    ");
}

#[test]
fn another_digest_than_the_manifests_is_refused() {
    let desk = Desk::new();
    let forged = program(NEWER);
    let digest = Digest::of(b"another");
    desk.release_as(NEWER, &forged, &manifest(NEWER, forged.len(), digest.as_str(), ""));
    let said = desk.stays(&[], 2);
    let (expected, got) = (digest.to_string(), Digest::of(forged.as_bytes()).to_string());
    insta::assert_snapshot!(said.replace(&expected, "[MANIFEST]").replace(&got, "[ASSET]"), @r"
    downloading mlbuild 99.1.0
    error: `mlbuild-[PLATFORM]` is not the binary that the manifest names: expected sha256:[MANIFEST], got sha256:[ASSET]
    hint: nothing was replaced, and what was downloaded is gone; try again, and report it where it stays so
    ");
}

#[test]
fn an_asset_that_was_exchanged_is_refused() {
    let desk = Desk::with_newer();
    // The release still says what it said; storage holds something else of the same length.
    desk.github.edit(|state| {
        for byte in &mut state.releases[0].assets[0].stored {
            *byte ^= 1;
        }
    });
    assert!(desk.stays(&[], 2).contains("is not the binary that the manifest names"));
}

#[test]
fn a_truncated_asset_is_refused() {
    let desk = Desk::with_newer();
    desk.github.edit(|state| state.releases[0].assets[0].stored.truncate(9));
    let said = desk.stays(&[], 2);
    assert!(said.contains("got 9 bytes"), "{said}");
    // One that the release knows to be shorter is not even fetched.
    desk.github.edit(|state| state.releases[0].assets[0].size = 9);
    let before = desk
        .github
        .log()
        .iter()
        .filter(|logged| logged.origin == "storage")
        .count();
    assert!(desk.stays(&[], 2).contains("9 bytes"));
    let after = desk
        .github
        .log()
        .iter()
        .filter(|logged| logged.origin == "storage")
        .count();
    assert_eq!(before, after);
}

#[test]
fn a_connection_that_breaks_once_is_no_obstacle() {
    let desk = Desk::with_newer();
    desk.github
        .fault(Fault::at("GET", "/assets/", Trouble::Truncate(5)).after(1));
    let outcome = desk.run(&[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(fs::read_to_string(desk.path()).unwrap(), program(NEWER));
}

#[test]
fn a_platform_without_a_binary_says_how_to_build_one() {
    let desk = Desk::new();
    desk.release(NEWER, &program(NEWER), "-of-old");
    insta::assert_snapshot!(desk.stays(&[], 2), @r"
    error: the release `v99.1.0` has no binary for [PLATFORM], only for [PLATFORM]-of-old
    hint: build it: `cargo install --locked --git https://github.com/org/mlbuild-action --tag v99.1.0`
    ");
}

#[test]
fn a_manifest_that_is_missing_or_another_versions_is_refused() {
    let desk = Desk::new();
    desk.release_as(
        NEWER,
        &program(NEWER),
        &manifest("98.0.0", 9, Digest::of(b"x").as_str(), ""),
    );
    assert!(desk.stays(&[], 2).contains("expected version 99.1.0, found `98.0.0`"));
    let desk = Desk::new();
    let id = desk.github.release(&format!("v{NEWER}"), &User::actions(), &[]);
    desk.github.edit(|state| {
        for release in &mut state.releases {
            release.prerelease &= release.id != id;
        }
    });
    assert!(desk.stays(&[], 2).contains("has no `dist/manifest.json`"));
}

#[test]
fn a_program_that_does_not_start_here_is_not_installed() {
    for (program, reason) in [
        ("#!/bin/sh\nexit 3\n".to_owned(), "it ended with exit status: 3"),
        (program("1.0.0"), "it says `mlbuild 1.0.0`"),
        (
            "\x7fELF of another machine".to_owned(),
            "the new program does not start",
        ),
    ] {
        let desk = Desk::new();
        desk.release(NEWER, &program, "");
        let said = desk.stays(&[], 2);
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_rate_limit_is_not_waited_for() {
    let desk = Desk::with_newer();
    desk.github
        .fault(Fault::at("GET", "/releases", Trouble::PrimaryLimit(9_999_999_999)));
    insta::assert_snapshot!(desk.stays(&[], 2), @r"
    error: GitHub limits the rate of `GET /repos/org/mlbuild-action/releases`: API rate limit exceeded for installation.
    hint: try again in an hour, or set `GITHUB_TOKEN`: with a token GitHub answers more often
    ");
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let mut desk = Desk::with_newer();
    let bin = desk.folder.path().join("bin");
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        // No folder is closed to root, so somebody else runs it, where the way to it is open.
        let closed = bin
            .ancestors()
            .any(|folder| fs::metadata(folder).unwrap().permissions().mode() & 0o005 != 0o005);
        if closed {
            eprintln!("skipped: others cannot reach {}", bin.display());
            return;
        }
        desk.user = Some(65_534);
    }
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o555)).unwrap();
    let said = desk.stays(&[], 2);
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o755)).unwrap();
    insta::assert_snapshot!(said, @r"
    downloading mlbuild 99.1.0
    error: cannot write into `[HERE]/bin`, where this program lies
      because permission denied
    hint: run it as the owner of that folder, or have whoever installed the program upgrade it
    ");
    assert_eq!(desk.github.count("GET", "/assets"), 0, "nothing is downloaded in vain");
}

#[test]
fn a_program_of_cargos_is_left_alone_and_asks_nobody() {
    let desk = Desk::with_newer();
    fs::write(desk.folder.path().join(".crates.toml"), "").unwrap();
    insta::assert_snapshot!(desk.stays(&[], 2), @r"
    error: `[HERE]/bin/mlbuild` is installed by cargo
    hint: let cargo upgrade it: `cargo install --locked --force --git` with the repository's address
    ");
    assert!(desk.github.log().is_empty());
    // Asking is allowed.
    assert!(desk.stays(&["--check"], 0).contains("is there"));
}

#[test]
fn a_build_of_the_target_folder_is_left_alone() {
    let output = Command::new(env!("CARGO_BIN_EXE_mlbuild"))
        .arg("upgrade")
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("in the target folder of a cargo build"), "{said}");
    assert!(said.contains("cargo build --release"), "{said}");
}
