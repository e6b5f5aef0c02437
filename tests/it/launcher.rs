//! `dist/launch.sh` as `action.yml` calls it, with stubs for curl and cargo and nothing else of this machine but plain tools.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use mlbuild::digest::Digest;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const URL: &str = "https://github.com/org/mlbuild-action/releases/download/v9.9.9/mlbuild-x86_64-unknown-linux-gnu";

/// Everything that the launcher may find on its PATH, apart from the stubs.
const TOOLS: &[&str] = &[
    "bash", "cat", "chmod", "cp", "dirname", "env", "find", "getconf", "grep", "mkdir", "mv", "rm", "sort", "wc",
];
const HASHERS: &[&str] = &["sha256sum", "shasum"];

/// Stands for mlbuild: says how it was called and what it saw.
const PROGRAM: &str = "#!/usr/bin/env bash\nprintf 'mlbuild'; printf ' <%s>' \"$@\"; printf '\\n'; printf 'process %s\\n' \"$$\"; env\nexit \"${PROGRAM_EXIT:-0}\"\n";

/// Copies `$STUB_ASSET` to where `--output` points.
const CURL: &str = r#"#!/usr/bin/env bash
printf '%s\n' "$*" >>"$STUB_LOG/curl"
[ -n "${STUB_ASSET:-}" ] || exit 22
while [ "$1" != --output ]; do shift; done
cp "$STUB_ASSET" "$2"
"#;

/// Builds `$STUB_ASSET`.
const CARGO: &str = r#"#!/usr/bin/env bash
if [ "$1" = --version ]; then echo "cargo 1.99.0 (stub)"; exit; fi
{ printf 'arguments: %s\n' "$*"; printf 'folder: %s\n' "$PWD"; env; } >>"$STUB_LOG/cargo"
[ -n "${STUB_ASSET:-}" ] || { echo "error: could not compile"; exit 101; }
mkdir -p "$CARGO_TARGET_DIR/release"
cp "$STUB_ASSET" "$CARGO_TARGET_DIR/release/mlbuild"
chmod +x "$CARGO_TARGET_DIR/release/mlbuild"
"#;

/// A runner with the action checked out, both under paths with spaces.
struct Runner {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a call of the launcher came to.
struct Outcome {
    process: u32,
    code: i32,
    stdout: String,
    stderr: String,
}

fn write_program(path: &Path, source: &str) {
    fs::write(path, source).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Runner {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runner = Self {
            folder,
            variables: Vec::new(),
        };
        for name in [
            "the action/dist",
            "the action/src",
            "tools",
            "log",
            "runner temp",
            "work",
        ] {
            fs::create_dir_all(runner.path(name)).unwrap();
        }
        let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist");
        fs::copy(dist.join("launch.sh"), runner.path("the action/dist/launch.sh")).unwrap();
        fs::write(runner.path("the action/src/main.rs"), "fn main() {}\n").unwrap();
        fs::write(runner.path("asset"), PROGRAM).unwrap();
        for tool in TOOLS.iter().chain(HASHERS) {
            let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .map(|folder| folder.join(tool))
                .find(|path| path.is_file());
            match found {
                Some(path) => symlink(path, runner.path("tools").join(tool)).unwrap(),
                None => assert!(
                    HASHERS.contains(tool) || *tool == "getconf",
                    "this machine has no {tool}"
                ),
            }
        }
        write_program(&runner.path("tools/curl"), CURL);
        write_program(&runner.path("tools/cargo"), CARGO);
        write_program(&runner.path("tools/rustc"), "#!/usr/bin/env bash\necho rustc 1.99.0\n");
        runner.manifest("");
        runner.with("STUB_ASSET", "asset")
    }

    /// A runner whose action names the stub program as its binary.
    fn with_asset() -> Self {
        let runner = Self::new();
        runner.manifest(&entry(PROGRAM.len(), &Digest::of(PROGRAM.as_bytes()).to_string()));
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sets a variable to a path inside the runner.
    fn with(self, name: &str, path: &str) -> Self {
        let value = self.path(path).to_str().unwrap().to_owned();
        self.setting(name, &value)
    }

    fn setting(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(variable, _)| variable != name);
        self
    }

    fn manifest(&self, entries: &str) {
        let text = format!("{{\n  \"version\": \"9.9.9\",\n  \"binaries\": {{\n{entries}  }}\n}}\n");
        fs::write(self.path("the action/dist/manifest.json"), text).unwrap();
    }

    fn launch(&self, arguments: &[&str]) -> Outcome {
        let child = Command::new(self.path("tools/bash"))
            .arg("-p")
            .arg(self.path("the action/dist/launch.sh"))
            .args(arguments)
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", self.path("tools"))
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("RUNNER_TEMP", self.path("runner temp"))
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("STUB_LOG", self.path("log"))
            .env("INPUT_TOKEN", "secret-token")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let process = child.id();
        let output = child.wait_with_output().unwrap();
        Outcome {
            process,
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What a stub wrote down, empty where it was not called.
    fn log(&self, stub: &str) -> String {
        fs::read_to_string(self.path("log").join(stub)).unwrap_or_default()
    }

    /// The step outputs of `plan`.
    fn plan(&self) -> String {
        let _ = fs::remove_file(self.path("output"));
        assert_eq!(self.launch(&["plan"]).code, 0);
        fs::read_to_string(self.path("output")).unwrap()
    }
}

fn entry(size: usize, digest: &str) -> String {
    format!("    \"{TARGET}\": {{\"url\": \"{URL}\", \"size\": {size}, \"sha256\": \"{digest}\"}},\n")
}

impl Outcome {
    /// Holds that the program ran and ended well.
    #[track_caller]
    fn ran(&self, call: &str) {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        assert!(self.stdout.lines().any(|line| line == call), "{}", self.stdout);
    }

    /// Holds that the program did not run, and that an annotation says `reason`.
    #[track_caller]
    fn refused(&self, reason: &str) {
        assert_eq!(self.code, 2, "{}{}", self.stdout, self.stderr);
        assert!(
            !self.stdout.lines().any(|line| line.starts_with("mlbuild")),
            "{}",
            self.stdout
        );
        let annotation = self
            .stdout
            .lines()
            .find(|line| line.starts_with("::error title=mlbuild::"));
        assert!(annotation.is_some_and(|line| line.contains(reason)), "{}", self.stdout);
    }
}

#[test]
fn fetches_the_binary_once_and_becomes_it() {
    let runner = Runner::with_asset();
    runner
        .launch(&["run", "--flag", "two words"])
        .ran("mlbuild <action> <--flag> <two words>");
    runner.launch(&["run"]).ran("mlbuild <action>");
    let calls = runner.log("curl");
    assert_eq!(calls.lines().count(), 1, "{calls}");
    assert!(calls.contains("--proto =https --proto-redir =https"), "{calls}");
    assert!(calls.trim_end().ends_with(URL), "{calls}");
    assert!(runner.log("cargo").is_empty());
}

#[test]
fn passes_the_exit_code_on() {
    let runner = Runner::with_asset().setting("PROGRAM_EXIT", "1");
    assert_eq!(runner.launch(&["run"]).code, 1);
}

#[test]
fn signals_reach_the_binary_as_it_takes_the_launchers_place() {
    let outcome = Runner::with_asset().launch(&["run"]);
    let expected = format!("process {}", outcome.process);
    assert!(
        outcome.stdout.lines().any(|line| line == expected),
        "{}",
        outcome.stdout
    );
}

#[test]
fn refuses_another_digest() {
    let runner = Runner::with_asset();
    fs::write(runner.path("asset"), PROGRAM.replace("mlbuild", "mlbuilt")).unwrap();
    runner.launch(&["run"]).refused("its SHA-256 is ");
    assert_eq!(
        fs::read_dir(runner.path("runner temp/mlbuild-action/downloaded"))
            .unwrap()
            .count(),
        0
    );
    assert!(
        runner.log("cargo").is_empty(),
        "a wrong binary must not lead to a build"
    );
}

#[test]
fn refuses_another_size() {
    let runner = Runner::with_asset();
    fs::write(runner.path("asset"), format!("{PROGRAM}#")).unwrap();
    let expected = format!("it has {} bytes, expected {}", PROGRAM.len() + 1, PROGRAM.len());
    runner.launch(&["run"]).refused(&expected);
}

#[test]
fn never_runs_a_binary_that_changed_after_its_download() {
    let runner = Runner::with_asset();
    runner.launch(&["run"]).ran("mlbuild <action>");
    write_program(
        &runner.path("runner temp/mlbuild-action/downloaded/mlbuild"),
        "#!/usr/bin/env bash\necho mlbuild taken over\n",
    );
    let outcome = runner.launch(&["finalize"]);
    assert!(!outcome.stdout.contains("taken over"), "{}", outcome.stdout);
    runner.launch(&["run"]).ran("mlbuild <action>");
    assert_eq!(runner.log("curl").lines().count(), 2);
}

#[test]
fn a_failed_download_is_an_error_and_no_build() {
    let runner = Runner::with_asset().without("STUB_ASSET");
    runner
        .launch(&["run"])
        .refused("cannot download mlbuild from https://github.com/");
    assert!(runner.log("cargo").is_empty());
}

#[test]
fn a_mirror_stands_for_the_host() {
    let runner = Runner::with_asset().setting("INPUT_MIRROR", "https://artifacts.example.com/github/");
    runner.launch(&["run"]).ran("mlbuild <action>");
    let expected = URL.replace("https://github.com", "https://artifacts.example.com/github");
    assert!(
        runner.log("curl").trim_end().ends_with(&expected),
        "{}",
        runner.log("curl")
    );
}

#[test]
fn a_mirror_without_tls_is_refused() {
    let runner = Runner::with_asset().setting("INPUT_MIRROR", "http://artifacts.example.com");
    runner
        .launch(&["run"])
        .refused("the input mirror must be an https:// address");
    assert!(runner.log("curl").is_empty());
}

#[test]
fn an_entry_of_another_shape_is_refused() {
    let good = entry(PROGRAM.len(), &Digest::of(PROGRAM.as_bytes()).to_string());
    let shapes = [
        good.replace("\"size\"", "\n      \"size\""),
        good.replace("https://", "http://"),
        good.replace("v9.9.9", "v9.9.9$(touch pwned)"),
        good.replace("\"sha256\": \"", "\"sha256\": \"0"),
        format!("{good}{good}"),
    ];
    for shape in shapes {
        let runner = Runner::new();
        runner.manifest(&shape);
        runner
            .launch(&["run"])
            .refused("is not one line of url, size and sha256");
        assert!(
            runner.log("curl").is_empty() && runner.log("cargo").is_empty(),
            "{shape}"
        );
        assert!(!runner.path("work/pwned").exists());
    }
}

#[test]
fn builds_where_the_manifest_has_no_binary() {
    let runner = Runner::new()
        .setting("RUSTFLAGS", "-Ctarget-cpu=native")
        .setting("CARGO_BUILD_TARGET", "wasm32-unknown-unknown");
    let outcome = runner.launch(&["run"]);
    outcome.ran("mlbuild <action>");
    assert!(
        outcome.stdout.contains("::notice title=mlbuild::"),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stdout.contains("cargo 1.99.0"), "{}", outcome.stdout);
    runner.launch(&["run"]).ran("mlbuild <action>");

    let log = runner.log("cargo");
    assert_eq!(log.matches("arguments: ").count(), 1, "{log}");
    assert!(
        log.contains("arguments: build --release --locked --bin mlbuild\n"),
        "{log}"
    );
    assert!(log.contains("/the action\n"), "{log}");
    for kept_away in ["INPUT_TOKEN", "secret-token", "RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        assert!(!log.contains(kept_away), "the build sees {kept_away}:\n{log}");
    }
    assert!(runner.log("curl").is_empty());
}

#[test]
fn a_binary_for_another_platform_is_no_binary() {
    let runner = Runner::with_asset().setting("RUNNER_ARCH", "ARM64");
    runner.launch(&["run"]).ran("mlbuild <action>");
    assert!(runner.log("curl").is_empty());
    assert!(!runner.log("cargo").is_empty());
}

#[test]
fn a_build_that_fails_is_an_error() {
    let runner = Runner::new().without("STUB_ASSET");
    let outcome = runner.launch(&["run"]);
    outcome.refused("cargo could not build mlbuild");
    assert!(
        outcome.stderr.contains("error: could not compile"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn without_cargo_it_says_what_to_do() {
    let runner = Runner::new();
    fs::remove_file(runner.path("tools/cargo")).unwrap();
    runner
        .launch(&["run"])
        .refused("install Rust before this step, or use the input binary-path");
}

#[test]
fn a_given_binary_is_used_as_it_is() {
    for path in ["own tools/mlbuild", "work/mlbuild"] {
        let runner = Runner::with_asset();
        fs::create_dir_all(runner.path("own tools")).unwrap();
        write_program(&runner.path(path), PROGRAM);
        let runner = match path.strip_prefix("work/") {
            Some(relative) => runner.setting("INPUT_BINARY_PATH", relative),
            None => runner.with("INPUT_BINARY_PATH", path),
        };
        runner.launch(&["run"]).ran("mlbuild <action>");
        assert!(runner.log("curl").is_empty() && runner.log("cargo").is_empty());
    }
}

#[test]
fn a_given_binary_that_is_not_there_is_an_error() {
    let runner = Runner::with_asset().with("INPUT_BINARY_PATH", "nowhere/mlbuild");
    runner.launch(&["run"]).refused("nowhere/mlbuild");
    assert!(runner.log("curl").is_empty() && runner.log("cargo").is_empty());
}

#[test]
fn finalizing_brings_nothing() {
    let runner = Runner::with_asset();
    let outcome = runner.launch(&["finalize"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("never started"), "{}", outcome.stdout);
    assert!(runner.log("curl").is_empty());

    runner.launch(&["run"]).ran("mlbuild <action>");
    runner.launch(&["finalize"]).ran("mlbuild <action> <--finalize>");
}

#[test]
fn the_plan_names_source_and_cache() {
    assert!(Runner::with_asset().plan().starts_with("source=download\ncache-key=\n"));
    assert!(
        Runner::new()
            .setting("INPUT_BINARY_PATH", "mlbuild")
            .plan()
            .starts_with("source=path\ncache-key=\n")
    );

    let runner = Runner::new();
    let plan = runner.plan();
    assert!(
        plan.starts_with("source=build\ncache-key=mlbuild-x86_64-unknown-linux-gnu-any-"),
        "{plan}"
    );
    let path = plan.lines().last().unwrap().strip_prefix("cache-path=").unwrap();
    runner.launch(&["run"]).ran("mlbuild <action>");
    assert!(
        Path::new(path).join("mlbuild").is_file(),
        "the cache would not hold the binary: {path}"
    );
    assert_eq!(runner.plan(), plan, "building must not change the key");

    fs::write(runner.path("the action/src/main.rs"), "fn main() { }\n").unwrap();
    assert_ne!(runner.plan(), plan, "another source needs another key");
    fs::write(runner.path("the action/src/main.rs"), "fn main() {}\n").unwrap();
    assert_eq!(runner.plan(), plan);
    write_program(&runner.path("tools/rustc"), "#!/usr/bin/env bash\necho rustc 1.100.0\n");
    assert_ne!(runner.plan(), plan, "another compiler needs another key");
}

#[test]
fn startup_files_named_by_earlier_steps_do_not_run() {
    let runner = Runner::with_asset()
        .with("BASH_ENV", "startup")
        .setting("BASH_FUNC_curl%%", "() { echo taken over; }");
    fs::write(runner.path("startup"), "echo taken over\n").unwrap();
    let outcome = runner.launch(&["run"]);
    outcome.ran("mlbuild <action>");
    assert!(
        !outcome.stdout.lines().any(|line| line == "taken over"),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.stdout.contains("BASH_ENV"), "{}", outcome.stdout);
}

#[test]
fn the_committed_manifest_is_this_version_and_one_line_an_entry() {
    let text = include_str!("../../dist/manifest.json");
    let manifest: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(manifest["version"], mlbuild::VERSION);
    for (target, binary) in manifest["binaries"].as_object().unwrap() {
        let line = text
            .lines()
            .find(|line| line.contains(&format!("\"{target}\"")))
            .unwrap();
        let (url, digest) = (binary["url"].as_str().unwrap(), binary["sha256"].as_str().unwrap());
        let expected = format!(
            "\"{target}\": {{\"url\": \"{url}\", \"size\": {}, \"sha256\": \"{digest}\"}}",
            binary["size"]
        );
        assert_eq!(line.trim().trim_end_matches(','), expected);
        assert!(
            url.contains(&format!("/v{}/", mlbuild::VERSION)),
            "{url} is not of this version"
        );
    }
}
