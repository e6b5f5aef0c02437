//! The variables that a worker inherits: an allow-list, so that no token, proxy or preload setting reaches a model.

use std::process::Command;

/// Where libraries that an execution provider needs are found, which device to use, and what Windows cannot start without.
const ALLOWED: &[&str] = &[
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_PATH",
    "NVIDIA_VISIBLE_DEVICES",
    "TMPDIR",
    "SystemRoot",
    "windir",
    "TEMP",
    "TMP",
];

/// On Windows, libraries are found through it.
#[cfg(windows)]
const PATH: &[&str] = &["PATH"];
#[cfg(not(windows))]
const PATH: &[&str] = &[];

/// Clears `command`'s environment but for the allowed variables.
pub(super) fn restrict(command: &mut Command) {
    command.env_clear();
    for name in ALLOWED.iter().chain(PATH) {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("LC_ALL", "C");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_else_passes() {
        let mut command = Command::new("none");
        command.env("GITHUB_TOKEN", "secret").env("LD_PRELOAD", "evil.so");
        restrict(&mut command);
        for (name, value) in command.get_envs() {
            let name = name.to_str().unwrap();
            assert!(
                value.is_none() || name == "LC_ALL" || ALLOWED.contains(&name) || PATH.contains(&name),
                "{name} passes"
            );
        }
        assert!(command.get_envs().any(|(name, _)| name == "LC_ALL"));
    }
}
