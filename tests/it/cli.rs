//! The shell around the commands: version, help, usage errors, closed pipes.

use std::process::Stdio;

use crate::support::env::TestEnv;

#[test]
fn says_its_version() {
    let output = TestEnv::new().run(&["--version"]);
    insta::assert_snapshot!(output.snapshot(), @r"
    exit code: 0
    ----- stdout -----
    mlbuild [VERSION]
    ");
}

#[test]
fn wrong_usage_is_an_error() {
    let output = TestEnv::new().run(&["completions", "--shel"]);
    insta::assert_snapshot!(output.snapshot(), @r"
    exit code: 2
    ----- stderr -----
    error: unexpected argument '--shel' found

      tip: a similar argument exists: '--help'

    Usage: mlbuild completions --help <SHELL>

    For more information, try '--help'.
    ");
}

#[test]
fn a_closed_pipe_is_no_fault() {
    let env = TestEnv::new();
    let mut child = env
        .command("", &["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
