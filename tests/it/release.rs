//! The release's scripts (`.ci/release/`): what they pack is what the launcher fetches over TLS, what `mlbuild upgrade` takes, and what runs in
//! an empty place.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use mlbuild::digest::Digest;
use mlbuild::pipeline::upgrade::platform;

use crate::support::fake_github::FakeGitHub;
use crate::support::fake_github::state::User;
use crate::support::runtime;

const NEWER: &str = "99.1.0";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a script of the release.
fn script(name: &str, arguments: &[&str]) -> Output {
    Command::new("python3")
        .arg(root().join(".ci/release").join(name))
        .args(arguments)
        .env_remove("GITHUB_ACTIONS")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn works(name: &str, arguments: &[&str]) -> String {
    let output = script(name, arguments);
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

#[track_caller]
fn refuses(name: &str, arguments: &[&str], reason: &str) {
    let output = script(name, arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}{said}", text(&output.stdout));
    assert!(said.contains(reason), "{said}");
    assert!(!said.contains("Traceback"), "{said}");
}

/// Stands for a released program.
fn program(version: &str) -> String {
    format!("#!/bin/sh\n[ \"$*\" = --version ] && echo 'mlbuild {version}'\n")
}

/// The folder that a release is made in: a binary for every target.
fn binaries(folder: &Path, version: &str) {
    for target in [
        "aarch64-apple-darwin",
        "aarch64-unknown-linux-gnu",
        "x86_64-pc-windows-msvc.exe",
        "x86_64-unknown-linux-gnu",
    ] {
        fs::write(folder.join(format!("mlbuild-{target}")), program(version)).unwrap();
    }
}

/// A web server with TLS of this machine alone, over a folder.
struct Server {
    child: Child,
    port: String,
    certificate: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SERVE: &str = "
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";

/// `None`, said aloud, where this machine has no openssl or curl.
fn serve(folder: &Path, place: &Path) -> Option<Server> {
    let (key, certificate) = (place.join("key.pem"), place.join("certificate.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    let curl = Command::new("curl").arg("--version").output();
    if !made.is_ok_and(|made| made.status.success()) || curl.is_err() {
        eprintln!("skipped: no openssl or no curl on this machine");
        return None;
    }
    let mut child = Command::new("python3")
        .args(["-c", SERVE])
        .args([folder, &certificate, &key])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    Some(Server {
        child,
        port: port.trim().to_owned(),
        certificate,
    })
}

/// This very binary is packed, served, fetched by the launcher and becomes the action; its archive runs where nothing else is.
#[test]
fn what_is_packed_is_launched_and_runs_in_an_empty_place() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let target = platform().unwrap();
    // Without what a debugger wants it is a tenth of the size.
    let binary = place.path().join("mlbuild");
    let stripped = Command::new("strip")
        .args(["-o", binary.to_str().unwrap(), env!("CARGO_BIN_EXE_mlbuild")])
        .status();
    if !stripped.is_ok_and(|status| status.success()) {
        fs::copy(env!("CARGO_BIN_EXE_mlbuild"), &binary).unwrap();
    }
    // The engines of this person's cache: `runtime install` finds them there, or puts them there.
    let library = runtime::onnxruntime(mlbuild::config::DEFAULT_ONNXRUNTIME);
    let cache = library.ancestors().nth(4).unwrap();
    let arguments = [
        "--binary",
        binary.to_str().unwrap(),
        "--target",
        target,
        "--output",
        out.to_str().unwrap(),
        "--cache",
        cache.to_str().unwrap(),
        "--level",
        "1",
        "--no-notices",
    ];
    let said = works("package.py", &arguments);
    assert!(said.contains("tried in an empty place"), "{said}");
    let version = mlbuild::VERSION;
    let archive = out.join(format!("mlbuild-{version}-{target}.tar.gz"));
    let first = Digest::of_file(&archive).unwrap();
    works("package.py", &[&arguments[..], &["--no-trial"]].concat());
    assert_eq!(
        Digest::of_file(&archive).unwrap(),
        first,
        "packing twice gives other bytes"
    );

    // The action as it stands at the tag: the launcher, and the manifest that the script filled.
    let dist = place.path().join("action/dist");
    fs::create_dir_all(&dist).unwrap();
    fs::copy(root().join("dist/launch.sh"), dist.join("launch.sh")).unwrap();
    let manifest = dist.join("manifest.json");
    let fill = [
        "--folder",
        out.to_str().unwrap(),
        "--manifest",
        manifest.to_str().unwrap(),
        "--target",
        target,
    ];
    works("manifest.py", &[&["fill"][..], &fill].concat());
    works("manifest.py", &[&["check"][..], &fill].concat());
    works("manifest.py", &["sums", "--folder", out.to_str().unwrap()]);
    let sums = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(&out)
        .output()
        .unwrap();
    assert!(sums.status.success(), "{}", text(&sums.stderr));
    assert_eq!(text(&sums.stdout).lines().count(), 2);

    // As GitHub would serve it.
    let bare = format!("mlbuild-{target}");
    let served = place
        .path()
        .join(format!("served/org/mlbuild-action/releases/download/v{version}"));
    fs::create_dir_all(&served).unwrap();
    fs::hard_link(out.join(&bare), served.join(&bare)).unwrap();
    let Some(server) = serve(&place.path().join("served"), place.path()) else {
        return;
    };
    let launch = |arguments: &[&str]| {
        Command::new("bash")
            .arg("-p")
            .arg(dist.join("launch.sh"))
            .args(arguments)
            .current_dir(place.path())
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("CURL_CA_BUNDLE", &server.certificate)
            .env("RUNNER_OS", "Linux")
            .env(
                "RUNNER_ARCH",
                if cfg!(target_arch = "aarch64") { "ARM64" } else { "X64" },
            )
            .env("RUNNER_TEMP", place.path().join("temp"))
            .env("GITHUB_OUTPUT", place.path().join("output"))
            .env("INPUT_MIRROR", format!("https://localhost:{}", server.port))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    assert!(launch(&["plan"]).status.success());
    let planned = fs::read_to_string(place.path().join("output")).unwrap();
    assert!(planned.starts_with("source=download\n"), "{planned}");
    let run = launch(&["run", "--help"]);
    assert!(run.status.success(), "{}{}", text(&run.stdout), text(&run.stderr));
    assert!(
        text(&run.stdout).contains("Usage: mlbuild action"),
        "{}",
        text(&run.stdout)
    );
    let fetched = place.path().join("temp/mlbuild-action/downloaded/mlbuild");
    assert_eq!(Digest::of_file(&fetched).unwrap(), Digest::of_file(&binary).unwrap());

    // One byte more on the server, and nothing runs.
    fs::remove_dir_all(place.path().join("temp")).unwrap();
    fs::remove_file(served.join(&bare)).unwrap();
    let mut altered = fs::read(&binary).unwrap();
    *altered.last_mut().unwrap() ^= 1;
    fs::write(served.join(&bare), altered).unwrap();
    let run = launch(&["run", "--help"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stdout).contains("its SHA-256 is"), "{}", text(&run.stdout));
}

/// The manifest that the script writes is what an older mlbuild upgrades by.
#[test]
fn an_older_mlbuild_upgrades_by_the_manifest_that_the_script_writes() {
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let out = place.path().join("out");
    fs::create_dir(&out).unwrap();
    binaries(&out, NEWER);
    let manifest = place.path().join("manifest.json");
    let arguments = [
        "fill",
        "--folder",
        out.to_str().unwrap(),
        "--manifest",
        manifest.to_str().unwrap(),
        "--version",
        NEWER,
    ];
    works("manifest.py", &arguments);
    works(
        "manifest.py",
        &["named", "--manifest", manifest.to_str().unwrap(), "--version", NEWER],
    );

    let github = FakeGitHub::start();
    github.edit(|state| {
        state.repo = "org/mlbuild-action".to_owned();
        state.public = true;
    });
    let bytes = fs::read(&manifest).unwrap();
    let commit = github.commit(&[&github.tip("main")], &[("dist/manifest.json", bytes.as_slice())]);
    github.branch("main", &commit);
    let name = format!("mlbuild-{}", platform().unwrap());
    let asset = fs::read(out.join(&name)).unwrap();
    let id = github.release(&format!("v{NEWER}"), &User::actions(), &[(&name, asset.as_slice())]);
    github.edit(|state| {
        for release in &mut state.releases {
            release.prerelease &= release.id != id;
        }
    });
    let bin = place.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let old = bin.join("mlbuild");
    if fs::hard_link(env!("CARGO_BIN_EXE_mlbuild"), &old).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_mlbuild"), &old).unwrap();
    }
    let output = Command::new(&old)
        .arg("upgrade")
        .env_clear()
        .env("GITHUB_API_URL", github.api_url())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(&old).unwrap(), program(NEWER));
}

#[test]
fn a_manifest_needs_every_target_and_tells_the_truth() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("out");
    fs::create_dir(&folder).unwrap();
    binaries(&folder, NEWER);
    let manifest = place.path().join("manifest.json");
    let rest = [
        "--folder",
        folder.to_str().unwrap(),
        "--manifest",
        manifest.to_str().unwrap(),
        "--version",
        NEWER,
    ];
    works("manifest.py", &[&["fill"][..], &rest].concat());
    works("manifest.py", &[&["check"][..], &rest].concat());
    fs::write(folder.join("mlbuild-aarch64-apple-darwin"), "another").unwrap();
    refuses(
        "manifest.py",
        &[&["check"][..], &rest].concat(),
        "does not speak of the files",
    );
    fs::remove_file(folder.join("mlbuild-x86_64-pc-windows-msvc.exe")).unwrap();
    refuses(
        "manifest.py",
        &[&["fill"][..], &rest].concat(),
        "has no mlbuild-x86_64-pc-windows-msvc.exe",
    );
    // The committed one names none before a release: a tag on it would send everyone off to build.
    refuses("manifest.py", &["named"], "lacks aarch64-apple-darwin");
}

/// A copy of the files that state a version.
fn stating() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for name in [
        "Cargo.toml",
        "Cargo.lock",
        "CHANGELOG.md",
        "dist/manifest.json",
        "docs/install.md",
    ] {
        let to = place.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root().join(name), to).unwrap();
    }
    place
}

#[test]
fn the_version_is_stated_everywhere_alike_and_rewritten_everywhere() {
    works("version.py", &["check", mlbuild::VERSION]);
    let place = stating();
    let at = place.path().to_str().unwrap();
    refuses("version.py", &["check", NEWER, "--root", at], "Cargo.toml says");
    works("version.py", &["set", NEWER, "--root", at]);
    works("version.py", &["check", NEWER, "--root", at]);
    let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
    assert!(read("Cargo.toml").contains(&format!("name = \"mlbuild\"\nversion = \"{NEWER}\"\n")));
    assert!(read("Cargo.lock").contains(&format!("name = \"mlbuild\"\nversion = \"{NEWER}\"\n")));
    assert_eq!(
        read("dist/manifest.json"),
        format!("{{\n  \"version\": \"{NEWER}\",\n  \"binaries\": {{\n  }}\n}}\n")
    );
    assert!(!read("docs/install.md").contains(mlbuild::VERSION), "docs/install.md");
    let log = place.path().join("CHANGELOG.md");
    works("changelog.py", &["check", NEWER, "--file", log.to_str().unwrap()]);
    // Twice is once.
    let before = read("CHANGELOG.md");
    works("version.py", &["set", NEWER, "--root", at]);
    assert_eq!(read("CHANGELOG.md"), before);
    refuses("version.py", &["set", "1.2", "--root", at], "is no version");
    fs::write(place.path().join("docs/install.md"), "nothing").unwrap();
    refuses("version.py", &["check", NEWER, "--root", at], "states no version");
}

#[test]
fn a_changelog_that_does_not_speak_of_the_version_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("CHANGELOG.md");
    for (body, reason) in [
        (
            "## [Unreleased]\n\n- something\n\n## [1.2.3] - 2026-01-02\n\n- x\n",
            "under Unreleased",
        ),
        (
            "## [Unreleased]\n\n## [1.2.2] - 2026-01-02\n\n- x\n",
            "is 1.2.2, expected 1.2.3",
        ),
        ("## [1.2.3]\n\n- x\n", "has no date"),
        (
            "## [1.2.3] - 2026-01-02\n\n### Added\n\n## [1.2.2] - 2026-01-01\n\n- x\n",
            "says nothing",
        ),
        ("", "is none"),
    ] {
        fs::write(&path, format!("# Changelog\n\n{body}")).unwrap();
        refuses(
            "changelog.py",
            &["check", "1.2.3", "--file", path.to_str().unwrap()],
            reason,
        );
    }
    let good = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-01-02\n\n### Added\n\n- this\n\n## [1.2.2] - 2026-01-01\n\n- that\n\n[1.2.3]: https://example.com\n";
    fs::write(&path, good).unwrap();
    let notes = works("changelog.py", &["notes", "1.2.3", "--file", path.to_str().unwrap()]);
    assert_eq!(notes, "### Added\n\n- this\n");
}

/// A `gh` that keeps a release's files in a folder, and a repository with a remote.
struct Forge {
    place: tempfile::TempDir,
}

const GH: &str = r#"#!/usr/bin/env bash
set -euo pipefail
echo "$*" >>"$STUB/log"
case $2 in
  create) mkdir "$STUB/draft" ;;
  upload) shift 5; cp -- "$@" "$STUB/draft/" ;;
  download) cp -- "$STUB/draft"/* "$7/"; if [ -n "${STUB_ALTERS:-}" ]; then echo x >>"$7/$STUB_ALTERS"; fi ;;
  edit) mv "$STUB/draft" "$STUB/published" ;;
esac
"#;

impl Forge {
    fn new() -> Self {
        let forge = Self {
            place: tempfile::tempdir().unwrap(),
        };
        for folder in ["tools", "stub", "out", "server/org"] {
            fs::create_dir_all(forge.path(folder)).unwrap();
        }
        fs::write(forge.path("tools/gh"), GH).unwrap();
        fs::set_permissions(forge.path("tools/gh"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(forge.path("out/mlbuild-x"), "binary").unwrap();
        fs::write(forge.path("notes.md"), "- new\n").unwrap();
        forge.git(".", &["init", "--quiet", "--bare", "server/org/action"]);
        forge.git(".", &["init", "--quiet", "--initial-branch", "main", "work"]);
        fs::create_dir(forge.path("work/dist")).unwrap();
        fs::write(forge.path("work/dist/manifest.json"), "{}\n").unwrap();
        forge.git("work", &["add", "."]);
        forge.git("work", &["commit", "--quiet", "--message", "built"]);
        forge
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(arguments)
            .current_dir(self.path(folder))
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }

    fn publish(&self, arguments: &[&str], alters: &str) -> (bool, String) {
        let paths = std::env::join_paths(
            std::iter::once(self.path("tools")).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        )
        .unwrap();
        let output = Command::new("bash")
            .arg(root().join(".ci/release/publish.sh"))
            .args(arguments)
            .current_dir(self.path("work"))
            .env("PATH", paths)
            .env("STUB", self.path("stub"))
            .env("STUB_ALTERS", alters)
            .env("GH_TOKEN", "secret-token")
            .env("GITHUB_REPOSITORY", "org/action")
            .env("GITHUB_SERVER_URL", format!("file://{}", self.path("server").display()))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    }

    fn draft(&self, alters: &str) -> (bool, String) {
        let [out, notes] = ["out", "notes.md"].map(|name| self.path(name).to_str().unwrap().to_owned());
        self.publish(&["draft", "1.2.3", &out, &notes], alters)
    }
}

#[test]
fn a_release_is_drafted_compared_tagged_at_the_manifest_and_only_then_public() {
    let forge = Forge::new();
    let built = forge.git("work", &["rev-parse", "HEAD"]);
    let (done, said) = forge.draft("");
    assert!(done, "{said}");
    assert!(forge.path("stub/draft/mlbuild-x").exists());

    let (done, said) = forge.publish(&["publish", "1.2.3"], "");
    assert!(
        !done && said.contains("nothing does"),
        "an unfilled manifest was published: {said}"
    );
    fs::write(forge.path("work/dist/manifest.json"), "{\"filled\": true}\n").unwrap();
    let (done, said) = forge.publish(&["publish", "1.2.3"], "");
    assert!(done, "{said}");
    assert!(forge.path("stub/published/mlbuild-x").exists() && !forge.path("stub/draft").exists());
    let server = "server/org/action";
    let tagged = forge.git(server, &["rev-parse", "refs/tags/v1.2.3^{commit}"]);
    assert_eq!(
        forge.git(server, &["rev-parse", "refs/tags/v1.2.3^"]),
        built,
        "C′ is C's child"
    );
    assert_eq!(
        forge.git(server, &["show", "v1.2.3:dist/manifest.json"]),
        "{\"filled\": true}"
    );
    assert_eq!(
        forge.git(server, &["diff", "--name-only", &built, &tagged]),
        "dist/manifest.json"
    );

    let (done, said) = forge.publish(&["move", "1.2.3"], "");
    assert!(done, "{said}");
    assert_eq!(forge.git(server, &["rev-parse", "refs/tags/v1"]), tagged);
    for (version, tag) in [("0.9.0", "v0"), ("2.0.0-rc.1", "v2")] {
        let (done, said) = forge.publish(&["move", version], "");
        assert!(done && said.contains("moves no tag"), "{said}");
        assert_eq!(forge.git(server, &["tag", "--list", tag]), "");
    }
    let log = fs::read_to_string(forge.path("stub/log")).unwrap();
    let verbs: Vec<&str> = log.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(verbs, ["create", "upload", "download", "edit"]);
    assert!(!log.contains("secret-token"));
    // A tag that is there is never moved.
    fs::write(forge.path("work/dist/manifest.json"), "{\"filled\": 2}\n").unwrap();
    assert!(!forge.publish(&["publish", "1.2.3"], "").0);
    assert_eq!(forge.git(server, &["rev-parse", "refs/tags/v1.2.3"]), tagged);
}

#[test]
fn what_comes_back_from_the_draft_as_something_else_ends_the_release() {
    let forge = Forge::new();
    let (done, said) = forge.draft("mlbuild-x");
    assert!(
        !done && said.contains("came back from the draft as something else"),
        "{said}"
    );
    let forge = Forge::new();
    let (done, said) = forge.draft("another");
    assert!(!done && said.contains("files that nobody made"), "{said}");
    let (done, said) = Forge::new().publish(&["draft", "1.2;id", "a", "b"], "");
    assert!(!done && said.contains("is no version"), "{said}");
    // Anything else than the manifest that differs was not built.
    fs::write(forge.path("work/dist/other"), "x").unwrap();
    forge.git("work", &["add", "."]);
    forge.git("work", &["commit", "--quiet", "--message", "other"]);
    fs::write(forge.path("work/dist/other"), "y").unwrap();
    fs::write(forge.path("work/dist/manifest.json"), "{\"filled\": 1}").unwrap();
    let (done, said) = forge.publish(&["publish", "1.2.3"], "");
    assert!(!done && said.contains("only dist/manifest.json may differ"), "{said}");
}

/// A value of the image's stages: every name that a `FROM` or `--from` uses is there, the last stage is nobody in particular's.
#[test]
fn the_image_has_three_stages_and_runs_as_nobody_in_particular() {
    let file = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let stages: Vec<(&str, &str)> = file
        .lines()
        .filter_map(|line| line.strip_prefix("FROM ")?.split_once(" AS "))
        .collect();
    let names: Vec<&str> = stages.iter().map(|(_, name)| *name).collect();
    assert_eq!(names, ["develop", "build", "run"]);
    for (from, _) in &stages {
        assert!(names.contains(from) || from.contains(':'), "{from} has no tag");
        assert!(!from.ends_with(":latest"), "{from}");
    }
    for line in file.lines().filter(|line| line.starts_with("COPY --from=")) {
        let stage = line.trim_start_matches("COPY --from=").split(' ').next().unwrap();
        assert!(names.contains(&stage), "{line}");
    }
    let run = &file[file.find(" AS run").unwrap()..];
    let user = run.lines().rfind(|line| line.starts_with("USER ")).unwrap();
    assert!(!["USER root", "USER 0"].contains(&user), "{user}");
    for needed in ["ENTRYPOINT [\"mlbuild\"]", "HEALTHCHECK ", "WORKDIR /work"] {
        assert!(run.contains(needed), "{needed}");
    }
    let toolchain = format!("FROM rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    assert!(
        file.contains(&toolchain),
        "the image builds with another Rust than Cargo.toml asks for"
    );
    // What the stages copy is not kept away from them.
    let ignored = fs::read_to_string(root().join(".dockerignore")).unwrap();
    for needed in [
        "src",
        "templates",
        "Cargo.toml",
        "Cargo.lock",
        ".ci",
        "examples",
        "LICENSE",
    ] {
        assert!(!ignored.lines().any(|line| line == needed), "{needed}");
    }
}

/// The nightly run fuzzes every target that there is.
#[test]
fn every_fuzz_target_runs_at_night() {
    let workflow: serde_yaml::Value =
        serde_yaml::from_str(&fs::read_to_string(root().join(".github/workflows/fuzz.yml")).unwrap()).unwrap();
    let matrix = &workflow["jobs"]["fuzz"]["strategy"]["matrix"]["target"];
    let mut run: Vec<String> = matrix
        .as_sequence()
        .unwrap()
        .iter()
        .map(|target| target.as_str().unwrap().to_owned())
        .collect();
    run.sort();
    let mut there: Vec<String> = fs::read_dir(root().join("fuzz/fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    there.sort();
    assert_eq!(run, there);
}

/// Launcher, manifest script and release workflow speak of the same targets.
#[test]
fn the_release_builds_what_the_launcher_asks_for() {
    let launcher = fs::read_to_string(root().join("dist/launch.sh")).unwrap();
    let common = fs::read_to_string(root().join(".ci/release/common.py")).unwrap();
    let workflow: serde_yaml::Value =
        serde_yaml::from_str(&fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap()).unwrap();
    let included = workflow["jobs"]["build"]["strategy"]["matrix"]["include"]
        .as_sequence()
        .unwrap();
    assert_eq!(included.len(), 4);
    for leg in included {
        let target = leg["target"].as_str().unwrap();
        assert!(launcher.contains(&format!("target={target} ;;")), "{target}");
        assert!(common.contains(&format!("\"{target}\",")), "{target}");
    }
}
