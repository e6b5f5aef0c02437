//! What confines workers: an engine that attacks the process that loads it, on every way out that a process has.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use mlbuild::config::Sandbox;
use mlbuild::hint::Hint as _;
use mlbuild::machine::sandbox::Layers;
use mlbuild::model::tensor::Tensor;
use mlbuild::runtime::SessionSettings;
use mlbuild::runtime::Worker;
use mlbuild::runtime::WorkerError;
use mlbuild::runtime::WorkerOptions;

use crate::support::desk;
use crate::support::desk::report;
use crate::support::desk::verdicts;
use crate::support::env::TestEnv;
use crate::support::hostile::Hostile;
use crate::support::hostile::without_layers;
use crate::support::onnx::fixture;
use crate::support::runtime::artifact;
use crate::support::runtime::command;
use crate::support::runtime::options;
use crate::support::runtime::settings;
use crate::support::runtime::worker;

/// What became of a worker whose engine did `attack` to `target`.
fn attacked(attack: &str, target: &str) -> WorkerError {
    attacked_within(attack, target, &options())
}

fn attacked_within(attack: &str, target: &str, options: &WorkerOptions) -> WorkerError {
    let hostile = Hostile::new(attack, target);
    let settings = SessionSettings {
        library: hostile.library(),
        ..settings()
    };
    let mut worker = Worker::spawn(&command(), options).unwrap();
    let input = Tensor::from_f32("input", &[1, 1, 8, 8], &[0.0; 64]);
    worker
        .load(&artifact(&fixture("digits_mlp.onnx")), &settings, &[input])
        .expect_err(attack)
}

/// The engine's own words on why it could not.
fn refusal(attack: &str, target: &str) -> String {
    let error = attacked(attack, target);
    let WorkerError::Crashed { status, stderr, .. } = &error else {
        panic!("{attack}: {error}");
    };
    assert_eq!(status, "aborted (signal 6)", "{attack}: {error}");
    assert!(!stderr.contains("BREACH"), "{attack}: {error}");
    let words = stderr.lines().find_map(|line| line.strip_prefix("refused: "));
    let words = words
        .and_then(|words| words.strip_prefix(attack))
        .unwrap_or_else(|| panic!("{attack}: {error}"));
    words.trim_start_matches(": ").to_owned()
}

/// The call that it was ended for.
fn forbidden(attack: &str, target: &str) -> String {
    match attacked(attack, target) {
        WorkerError::Forbidden { call, .. } => call,
        other => panic!("{attack}: {other}"),
    }
}

const DENIED: &str = "Permission denied (os error 13)";
const NOT_PERMITTED: &str = "Operation not permitted (os error 1)";

/// A process that would be worth attacking; gone when dropped.
struct Victim(Child);

impl Victim {
    fn new() -> Self {
        Self(
            Command::new("sleep")
                .arg("300")
                .env("SECRET_TOKEN", "hunter2")
                .spawn()
                .unwrap(),
        )
    }

    fn id(&self) -> String {
        self.0.id().to_string()
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_engine_reads_no_file_that_is_not_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "hunter2").unwrap();
    let beside_the_model = fixture("digits_cnn.onnx");
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = std::env::var("HOME").unwrap();
    for target in [
        secret.to_str().unwrap(),
        beside_the_model.to_str().unwrap(),
        checkout.join("Cargo.toml").to_str().unwrap(),
        checkout.join(".git").to_str().unwrap(),
        "/etc/passwd",
        "/etc/hostname",
        "/proc/1/environ",
        "/proc/self/root/etc/passwd",
        "/proc/self/cwd/../../etc/passwd",
        "/dev/mem",
    ] {
        if Path::new(target).exists() {
            assert_eq!(refusal("read", target), DENIED, "{target}");
        }
    }
    assert_eq!(refusal("read-in-a-thread", "/etc/passwd"), DENIED);
    for folder in [
        folder.path().to_str().unwrap(),
        beside_the_model.parent().unwrap().to_str().unwrap(),
        &home,
        "/",
        "/etc",
    ] {
        assert_eq!(refusal("list", folder), DENIED, "{folder}");
    }
}

#[test]
fn an_engine_sees_no_token_of_its_parent() {
    for file in ["environ", "mem", "maps", "fd/0", "root/etc/passwd", "cwd/Cargo.toml"] {
        let words = refusal("read-of-parent", file);
        assert!([DENIED, NOT_PERMITTED].contains(&words.as_str()), "{file}: {words}");
    }
    let sibling = worker();
    let words = refusal("read", &format!("/proc/{}/environ", sibling.process_id()));
    assert_eq!(words, DENIED);
    assert_eq!(refusal("variables", ""), "entity not found");
}

#[test]
fn an_engine_writes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "as it was").unwrap();
    let path = file.to_str().unwrap();
    for attack in [
        "write",
        "append",
        "delete",
        "symlink",
        "hardlink",
        "chmod",
        "rename",
        "write-own-folder",
    ] {
        let words = refusal(attack, path);
        assert!([DENIED, NOT_PERMITTED].contains(&words.as_str()), "{attack}: {words}");
    }
    let words = refusal("make-folder", folder.path().to_str().unwrap());
    assert!([DENIED, NOT_PERMITTED].contains(&words.as_str()), "{words}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
}

#[test]
fn an_engine_opens_no_socket_and_the_reader_is_told() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    tcp.set_nonblocking(true).unwrap();
    let _udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let unix = UnixListener::bind(&path).unwrap();
    unix.set_nonblocking(true).unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    for (attack, target) in [
        ("tcp", address.as_str()),
        ("udp", ""),
        ("unix", path.to_str().unwrap()),
        ("abstract", ""),
    ] {
        assert_eq!(forbidden(attack, target), "socket", "{attack}");
    }
    assert_eq!(forbidden("socketpair", ""), "socketpair");
    assert_eq!(tcp.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(unix.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);

    let error = attacked("tcp", &address);
    assert_eq!(
        error.to_string(),
        "the worker was stopped while loading the model: it made the system call `socket`, which the sandbox forbids; no model needs it"
    );
    assert!(error.hints()[0].contains("docs/security.md"), "{:?}", error.hints());
}

#[test]
fn an_engine_starts_no_process() {
    assert_eq!(forbidden("execve", ""), "execve");
    let call = forbidden("fork", "");
    assert!(["clone", "fork"].contains(&call.as_str()), "{call}");
    // The C library blocks signals for this one, the one that would tell the call's name too.
    let error = attacked("command", "");
    assert!(error.to_string().contains("forbidden system call"), "{error}");
}

#[test]
fn an_engine_reaches_no_other_process() {
    let mut victim = Victim::new();
    let target = victim.id();
    for (attack, call) in [
        ("kill", "kill"),
        ("kill-group", "kill"),
        ("kill-all", "kill"),
        ("tgkill", "tgkill"),
        ("ptrace", "ptrace"),
        ("process-memory", "process_vm_readv"),
    ] {
        assert_eq!(forbidden(attack, &target), call, "{attack}");
    }
    // Without a target it is this process, the worker's parent.
    for (attack, call) in [
        ("kill", "kill"),
        ("ptrace", "ptrace"),
        ("process-memory", "process_vm_readv"),
    ] {
        assert_eq!(forbidden(attack, ""), call, "{attack}");
    }
    let sibling = worker();
    assert_eq!(forbidden("kill", &sibling.process_id().to_string()), "kill");
    for attack in ["pidfd", "limits-of-parent", "cores-of-parent", "signal-by-file"] {
        assert_eq!(refusal(attack, &target), NOT_PERMITTED, "{attack}");
    }
    assert!(victim.lives());
}

#[test]
fn an_engine_asks_nothing_of_the_kernel_that_models_need_not() {
    for (attack, call) in [
        ("keyctl", "keyctl"),
        ("mount", "mount"),
        ("namespaces", "unshare"),
        ("bpf", "bpf"),
        ("userfaultfd", "userfaultfd"),
        ("io-uring", "io_uring_setup"),
    ] {
        assert_eq!(forbidden(attack, ""), call, "{attack}");
    }
    assert_eq!(refusal("memory-file", ""), NOT_PERMITTED);
}

#[test]
fn an_engine_does_not_loosen_what_holds_it() {
    for attack in [
        "raise-own-limits",
        "outlive-parent",
        "become-readable",
        "another-filter",
    ] {
        assert_eq!(refusal(attack, ""), NOT_PERMITTED, "{attack}");
    }
    let hidden = attacked("hide", "");
    assert!(
        hidden.to_string().contains("forbidden system call (signal 31)"),
        "{hidden}"
    );
    #[cfg(target_arch = "x86_64")]
    {
        let words = refusal("other-numbers", "");
        assert!(
            words.contains("os error 1)") || words.contains("os error 38"),
            "{words}"
        );
        let other = attacked("other-processor", "");
        assert!(
            other.to_string().contains("forbidden system call (signal 31)"),
            "{other}"
        );
    }
}

#[test]
fn an_engine_finds_no_descriptor_that_its_parent_left_open() {
    use std::os::fd::AsRawFd as _;

    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("left-open");
    fs::write(&secret, "hunter2").unwrap();
    let file = fs::File::open(&secret).unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    assert!(file.as_raw_fd() > 2);
    let words = refusal("descriptors", "left-open");
    // Who is not root is not even shown its own.
    assert!(["entity not found", DENIED].contains(&words.as_str()), "{words}");
}

#[test]
fn an_engine_that_asks_for_a_terabyte_gets_none() {
    assert_eq!(refusal("memory", ""), "out of memory");
}

#[test]
fn an_engine_that_crashes_leaves_or_hangs_is_told_apart() {
    let crashed = attacked("crash", "");
    assert!(
        crashed.to_string().contains("segmentation fault (signal 11)"),
        "{crashed}"
    );
    let left = attacked("leave", "");
    assert!(left.to_string().contains("exit code 0"), "{left}");
    let aborted = attacked("abort-thread", "");
    assert!(aborted.to_string().contains("aborted (signal 6)"), "{aborted}");
    let short = WorkerOptions {
        timeout: Duration::from_secs(2),
        ..options()
    };
    let hung = attacked_within("hang", "", &short);
    assert!(matches!(hung, WorkerError::TimedOut { .. }), "{hung}");
    // What closes the pipes under the worker's feet may end it by that alone.
    let silent = attacked_within("hang-silently", "", &short);
    assert!(
        matches!(
            silent,
            WorkerError::TimedOut { .. } | WorkerError::Protocol { .. } | WorkerError::Crashed { .. }
        ),
        "{silent}"
    );
}

/// The processes that `parent` has started and not waited for.
fn children(parent: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task"))
        .into_iter()
        .flatten()
        .flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(|id| id.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

fn runs(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim_start()
            .starts_with(['Z', 'X'])
    })
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_engine_that_has_cut_its_ties_dies_with_its_parent() {
    let env = desk::project("digits_mlp.onnx", "");
    let hostile = Hostile::new("hang-silently", "");
    let library = hostile.library();
    let mut parent = env
        .command(
            "",
            &[
                "compare",
                "model.onnx",
                "model.onnx",
                "--runtime-path",
                library.to_str().unwrap(),
            ],
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut workers = Vec::new();
    let cut = |process: &u32| {
        fs::read_dir(format!("/proc/{process}/fd")).is_ok_and(|descriptors| descriptors.count() == 0) && runs(*process)
    };
    until("no worker has cut its ties", || {
        workers = children(parent.id());
        workers.iter().any(cut)
    });
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("a worker outlives its parent", || {
        !workers.iter().any(|process| runs(*process))
    });
}

#[test]
fn a_run_says_what_the_engine_did_and_keeps_the_token() {
    let mut env = desk::project("digits_mlp.onnx", "");
    env.variable("GITHUB_TOKEN", "hunter2");
    for (attack, said) in [
        ("tcp", "it made the system call `socket`, which the sandbox forbids"),
        ("kill", "it made the system call `kill`, which the sandbox forbids"),
        ("read-of-parent", "refused: read-of-parent: Permission denied"),
        ("crash", "segmentation fault (signal 11)"),
    ] {
        let target = if attack == "tcp" { "127.0.0.1:9" } else { "environ" };
        let hostile = Hostile::new(attack, target);
        let library = hostile.library();
        let library = library.to_str().unwrap();
        let output = env.run(&["compare", "model.onnx", "model.onnx", "-q", "--runtime-path", library]);
        let text = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(output.code, 2, "{attack}: {text}");
        assert!(
            desk::plain(&output).contains(said) || text.contains(said),
            "{attack}: {text}"
        );
        assert!(!text.contains("hunter2"), "{attack}: {text}");
        desk::assert_no_leftovers(&env);
    }
}

#[test]
fn a_worker_with_a_model_is_confined_and_still_measures() {
    let mut worker = worker();
    let input = Tensor::from_f32("input", &[1, 1, 8, 8], &[0.5; 64]);
    worker
        .load(&artifact(&fixture("digits_cnn.onnx")), &settings(), &[input])
        .unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", worker.process_id())).unwrap();
    assert!(
        status.contains("NoNewPrivs:\t1\n") && status.contains("Seccomp:\t2\n"),
        "{status}"
    );
    assert!(worker.peak_memory().unwrap().is_some_and(|peak| peak > 1 << 20));
    assert_eq!(worker.block(1, 20).unwrap().len(), 20);
    worker.reload().unwrap();
    let layers = Layers::of_this_system();
    assert!(
        layers.are_whole(),
        "{layers:?}: these tests need a kernel with Landlock and seccomp"
    );
}

fn run_without(env: &TestEnv, arguments: &[&str], seccomp_too: bool) -> crate::support::env::Output {
    let mut command = env.command("", arguments);
    without_layers(&mut command, seccomp_too);
    env.output(&mut command)
}

#[test]
fn a_kernel_that_confines_less_is_told_loudly() {
    let env = desk::project("digits_mlp.onnx", "");
    for (seccomp_too, has) in [
        (false, "seccomp: models can read every file"),
        (true, "neither Landlock nor seccomp"),
    ] {
        let output = run_without(&env, &["ci"], seccomp_too);
        assert!(output.code == 0 || output.code == 1, "{}", output.stderr);
        let warnings = output
            .stderr
            .lines()
            .filter(|line| line.contains("models are not confined here"));
        assert_eq!(warnings.count(), 1, "{}", output.stderr);
        let told = report(&env)["environment"]["sandbox"].as_str().unwrap().to_owned();
        assert!(told.starts_with(has), "{told}");
        let doctor = run_without(&env, &["doctor"], seccomp_too).expect_code(0);
        assert!(doctor.stdout.contains(has), "{}", doctor.stdout);
    }
    let output = env.run(&["ci"]);
    assert!(!output.stderr.contains("not confined"), "{}", output.stderr);
    let told = report(&env)["environment"]["sandbox"].as_str().unwrap().to_owned();
    assert!(
        told.starts_with("Landlock ABI ") && told.ends_with(", seccomp"),
        "{told}"
    );
}

#[test]
fn where_confinement_is_required_nothing_runs_without() {
    let env = desk::empty();
    desk::put(&env, "model.onnx", "digits_mlp.onnx");
    let config = desk::config("").replace("300 ms }", "300 ms, sandbox: require }");
    env.write(".mlbuild.yml", &config);
    for seccomp_too in [false, true] {
        let output = run_without(&env, &["ci", "-q"], seccomp_too);
        assert_eq!(output.code, 2, "{}", output.stderr);
        assert_eq!(verdicts(&report(&env)), ["digits fp32 error"]);
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(text.contains("no model was run: this system has"), "{text}");
        let doctor = run_without(&env, &["doctor"], seccomp_too).expect_code(1);
        assert!(doctor.stdout.contains("measure.sandbox: require"), "{}", doctor.stdout);
    }
    env.run(&["ci", "-q"]).expect_code(0);
    env.run(&["doctor"]).expect_code(0);
    let error = Worker::spawn(&command().with_sandbox(Sandbox::Require), &options()).map(|mut worker| {
        worker
            .load(&artifact(&fixture("digits_mlp.onnx")), &settings(), &[])
            .err()
    });
    assert!(!matches!(error.unwrap(), Some(WorkerError::Sandbox { .. })));
}
