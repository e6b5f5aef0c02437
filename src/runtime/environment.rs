//! The variables that a worker inherits: an allow-list, so that no token, proxy or preload setting reaches a model.

use std::path::Path;
use std::process::Command;

/// Where libraries that an execution provider needs are found, which device to use, and what Windows cannot start without.
const ALLOWED: &[&str] = &[
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_PATH",
    "NVIDIA_VISIBLE_DEVICES",
    "SystemRoot",
    "windir",
];

/// Where temporary files go. The engine leaves some behind (`.ses`), so they go to a folder that ends with the worker.
const TEMPORARY: &[&str] = &["TMPDIR", "TEMP", "TMP"];

/// On Windows, libraries are found through it.
#[cfg(windows)]
const PATH: &[&str] = &["PATH"];
#[cfg(not(windows))]
const PATH: &[&str] = &[];

/// glibc raises this threshold whenever a large block is freed, so that how much is left lying in the heap depends on the order of
/// frees, which differs from start to start: the peak of a 14 MB model came out as 50 or 57 MB. Set (to its own starting value), it
/// stays, and so does the peak: 43.0 to 43.9 MB. Other C libraries ignore it.
const ALLOCATOR: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "131072");

/// ONNX Runtime's library gets ready to report home as soon as it is loaded, with a database, a thread and a socket, before anything
/// can be set through its interface. This is what it asks first.
const SILENCE: (&str, &str) = ("ORT_DISABLE_TELEMETRY", "1");

/// Clears `command`'s environment but for the allowed variables; temporary files go to `folder`.
pub(super) fn restrict(command: &mut Command, folder: &Path) {
    command.env_clear();
    for name in ALLOWED.iter().chain(PATH) {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    for name in TEMPORARY {
        command.env(name, folder);
    }
    command.env("LC_ALL", "C");
    command.env(ALLOCATOR.0, ALLOCATOR.1);
    command.env(SILENCE.0, SILENCE.1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_else_passes() {
        let mut command = Command::new("none");
        command.env("GITHUB_TOKEN", "secret").env("LD_PRELOAD", "evil.so");
        restrict(&mut command, Path::new("/own"));
        for (name, value) in command.get_envs() {
            let name = name.to_str().unwrap();
            assert!(
                value.is_none()
                    || name == "LC_ALL"
                    || name == ALLOCATOR.0
                    || name == SILENCE.0
                    || TEMPORARY.contains(&name)
                    || ALLOWED.contains(&name)
                    || PATH.contains(&name),
                "{name} passes"
            );
        }
        assert!(command.get_envs().any(|(name, _)| name == "LC_ALL"));
    }
}
