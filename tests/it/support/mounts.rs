//! Commands on a workspace that lies on a read-only or a full disk, whoever runs the tests: permission bits don't bind root, mounts do.
#![allow(dead_code, reason = "each topic uses its share")]

use std::process::Command;
use std::process::Stdio;

use super::env::Output;
use super::env::TestEnv;

/// Mounts a folder over itself, read-only.
const READ_ONLY: &str = "mount --bind \"$PWD\" \"$PWD\" && mount -o remount,bind,ro \"$PWD\" && cd \"$PWD\"";

/// True where this user may mount something that only his own processes see.
pub fn can_mount() -> bool {
    let probe = namespace("mount -t tmpfs none \"$TMPDIR\"", &TestEnv::new()).output();
    let can = probe.is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("skipped: this user may mount nothing, not in a namespace of his own either");
    }
    can
}

/// A script in the working folder, with mounts of its own. `$MLBUILD` is the program.
pub fn namespace(script: &str, env: &TestEnv) -> Command {
    let inner = env.command("", &[]);
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .current_dir(env.path(""))
        .env_clear()
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("MLBUILD", inner.get_program())
        .stdin(Stdio::null());
    command
}

/// Runs the binary where the whole working folder is read-only.
pub fn read_only(env: &TestEnv, arguments: &[&str]) -> Output {
    let script = format!("{READ_ONLY} && exec \"$MLBUILD\" \"$@\"");
    env.output(&mut *namespace(&script, env).args(arguments))
}
