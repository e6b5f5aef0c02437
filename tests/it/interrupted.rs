//! Ctrl-C and full disks: a run ends soon, whole files or none, and nothing stays behind.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::support::desk;
use crate::support::desk::project;
use crate::support::env::TestEnv;
#[cfg(target_os = "linux")]
use crate::support::killing::children;

/// Waits until something is so; fails after a time that only a hang takes.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "not so after a minute: {what}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_a_run_without_traces() {
    for arguments in [
        &["ci"][..],
        &["baseline", "refresh"],
        &["compare", "model.onnx", "model.onnx"],
    ] {
        let env = project("digits_mlp.onnx", "");
        env.write("model.onnx", desk::endless());
        env.write(".mlbuild/ci_report.json", "of the run before");
        let mut running = env
            .command("", arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut workers = Vec::new();
        eventually("a worker runs", || {
            workers = children(running.id());
            !workers.is_empty()
        });
        signal("-INT", running.id());
        eventually("the run has ended", || running.try_wait().unwrap().is_some());
        for worker in workers {
            eventually("its worker has ended", || {
                !Path::new(&format!("/proc/{worker}")).exists()
            });
        }
        let output = running.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(
            stderr.contains("error: interrupted before everything was measured"),
            "{stderr}"
        );
        assert_eq!(env.read(".mlbuild/ci_report.json"), "of the run before");
        assert!(!env.path(".mlbuild/baseline").exists());
        desk::assert_no_leftovers(&env);
    }
}

/// Runs the binary where no file may grow beyond so many blocks of 512 bytes: a write fails like on a full disk.
fn with_file_limit(env: &TestEnv, blocks: u32, arguments: &[&str]) -> (i32, String) {
    let direct = env.command("", arguments);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")])
        .arg(direct.get_program())
        .args(direct.get_args())
        .current_dir(direct.get_current_dir().unwrap())
        .env_clear()
        .envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_disk_that_is_full_is_named_and_nothing_is_half_written() {
    let env = project("digits_mlp.onnx", "");
    env.run(&["ci", "-q"]).expect_code(0);
    let before = env.tree();
    // Everything of the run but the report is small or there already.
    let (code, stderr) = with_file_limit(&env, 8, &["ci", "-q"]);
    assert_eq!(code, 2, "{stderr}");
    insta::assert_snapshot!(stderr.replace(env.path("").to_str().unwrap(), "[WORK]/"), @r#"
    error: cannot open the registry `.mlbuild/registry.db`
      because disk I/O error
      because Error code 4874: disk I/O error
    hint: the disk, a quota or a limit may be full: free some space and run again; nothing was half-written
    "#);
    let registry = |tree: std::collections::BTreeMap<String, String>| {
        tree.into_iter()
            .filter(|(name, _)| !name.contains("registry.db"))
            .collect::<Vec<_>>()
    };
    assert_eq!(registry(env.tree()), registry(before));
    desk::assert_no_leftovers(&env);
}

#[test]
fn a_workspace_that_cannot_be_made_is_an_error() {
    let env = project("digits_mlp.onnx", "");
    env.write(".mlbuild", "a file");
    let output = env.run(&["ci"]);
    insta::assert_snapshot!(output.snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: cannot create the folder `.mlbuild`
      because File exists (os error 17)
    hint: a file is where a folder is needed: move `.mlbuild` away
    "#);
}
