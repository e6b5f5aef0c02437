//! Why a worker could not do its work, as its parent sees it: every one of these is a reason for a verdict, not an end of the run.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Engine;
use crate::hint::Hint;

use super::protocol::Failure;
use super::protocol::FailureKind;

/// What happened to a worker, or to the model in it.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The process could not be started.
    #[error("cannot start the worker `{}`", executable.display())]
    Spawn {
        /// What was to be started.
        executable: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It answered something that no worker of this version answers.
    #[error(
        "the worker answered with something unreadable while {doing}: {detail}{}",
        tail(stderr)
    )]
    Protocol {
        /// What it was asked for.
        doing: &'static str,
        /// What is wrong with the answer.
        detail: String,
        /// The end of what it wrote to stderr.
        stderr: String,
    },
    /// It gave no answer in time and was stopped.
    #[error("no answer after {after:?} while {doing}; the worker was stopped")]
    TimedOut {
        /// What it was asked for.
        doing: &'static str,
        /// The timeout.
        after: Duration,
    },
    /// Somebody asked the run to end; the worker was stopped.
    #[error("interrupted while {doing}")]
    Interrupted {
        /// What it was asked for.
        doing: &'static str,
    },
    /// The process died.
    #[error("the worker died while {doing}: {status}{}", tail(stderr))]
    Crashed {
        /// What it was asked for.
        doing: &'static str,
        /// Signal or exit code, in words.
        status: String,
        /// The end of what it wrote to stderr.
        stderr: String,
    },
    /// It made a system call that no model has use for, and the sandbox ended it.
    #[error(
        "the worker was stopped while {doing}: it made the system call `{call}`, which the sandbox forbids; no model needs it"
    )]
    Forbidden {
        /// What it was asked for.
        doing: &'static str,
        /// The call's name: `socket`.
        call: String,
    },
    /// The system cannot confine it as it should be.
    #[error("no model was run: {message}")]
    Sandbox {
        /// What is missing.
        message: String,
    },
    /// Memory ran out, in the engine or for the whole process.
    #[error("memory ran out while {doing}: {detail}")]
    OutOfMemory {
        /// What it was asked for.
        doing: &'static str,
        /// Who said so, in their words.
        detail: String,
        /// The limit that was set.
        limit: Option<u64>,
    },
    /// The engine knows no such operator, opset, IR version or type.
    #[error("this version of {engine} does not support the model: {message}")]
    Unsupported {
        /// Which engine.
        engine: Engine,
        /// The engine's words.
        message: String,
    },
    /// The engine takes the file for no valid model.
    #[error("{engine} refuses the model: {message}")]
    InvalidModel {
        /// Which engine.
        engine: Engine,
        /// The engine's words.
        message: String,
    },
    /// The inputs don't fit the model.
    #[error("the inputs do not fit the model: {message}")]
    Input {
        /// What doesn't fit.
        message: String,
    },
    /// A file of the artifact can't be read.
    #[error("{message}")]
    Artifact {
        /// Which, and why.
        message: String,
    },
    /// The library lacks the target's execution provider.
    #[error("{message}")]
    Provider {
        /// Which is missing.
        message: String,
    },
    /// The engine's library can't be loaded.
    #[error("cannot load {engine}: {message}")]
    Library {
        /// Which engine.
        engine: Engine,
        /// The loader's words.
        message: String,
    },
    /// Anything else that the engine reported.
    #[error("{engine} failed while {doing}: {message}")]
    Engine {
        /// Which engine.
        engine: Engine,
        /// What it was asked for.
        doing: &'static str,
        /// The engine's words.
        message: String,
    },
}

impl WorkerError {
    pub(super) fn from_failure(failure: Failure, engine: Engine, doing: &'static str, limit: Option<u64>) -> Self {
        let Failure { kind, message } = failure;
        match kind {
            FailureKind::Library => Self::Library { engine, message },
            FailureKind::Provider => Self::Provider { message },
            FailureKind::Artifact => Self::Artifact { message },
            FailureKind::Unsupported => Self::Unsupported { engine, message },
            FailureKind::Model => Self::InvalidModel { engine, message },
            FailureKind::Input => Self::Input { message },
            FailureKind::Memory => Self::OutOfMemory {
                doing,
                detail: message,
                limit,
            },
            FailureKind::Sandbox => Self::Sandbox { message },
            FailureKind::Engine | FailureKind::Request => Self::Engine { engine, doing, message },
        }
    }
}

fn tail(stderr: &str) -> String {
    let last: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &last[last.len().saturating_sub(3)..];
    if last.is_empty() {
        String::new()
    } else {
        format!(" ({})", last.join(" · "))
    }
}

impl Hint for WorkerError {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Spawn { .. } => {
                "the worker is the `mlbuild` binary itself; check that it is still where it was started from"
            }
            Self::Protocol { .. } => {
                "the worker must be the same version of `mlbuild`; reinstall it if the binary was replaced while running"
            }
            Self::TimedOut { .. } => "if the model is just slow, raise `measure.worker_timeout`",
            Self::Crashed { .. } => {
                "the engine crashed on this model; try it alone with `mlbuild compare MODEL MODEL`, or pin another `runtime.version`"
            }
            Self::Forbidden { .. } => {
                "treat the model, and the engine's library if it is your own, as hostile until you know why; docs/security.md says what workers may do"
            }
            Self::Sandbox { .. } => {
                "run on Linux 5.13 or newer with Landlock and seccomp (`mlbuild doctor` shows them), or accept less with `measure.sandbox: best-effort`"
            }
            Self::OutOfMemory { .. } => "use smaller input shapes, or a machine with more memory",
            Self::Unsupported {
                engine: Engine::LiteRt, ..
            } => {
                "convert the model with operators that TensorFlow Lite has built in; custom and Flex operators need an application of their own"
            }
            Self::InvalidModel {
                engine: Engine::LiteRt, ..
            } => "check that the whole file was committed, and that it runs in the Python package `ai-edge-litert`",
            Self::Library {
                engine: Engine::LiteRt, ..
            } => {
                "install the published one with `mlbuild runtime install --engine litert`; no other version can be loaded"
            }
            Self::Engine {
                engine: Engine::LiteRt, ..
            } => "the words are the engine's own; see whether the model runs in the Python package `ai-edge-litert`",
            Self::Unsupported { .. } => {
                "export the model with an older opset, or set `runtime.version` to a newer ONNX Runtime (`mlbuild runtime list`)"
            }
            Self::InvalidModel { .. } => {
                "check the model with `onnx.checker.check_model`, and that the whole file was committed"
            }
            Self::Input { .. } => "give every dynamic dimension a size under `inputs:` of the model",
            Self::Artifact { .. } | Self::Interrupted { .. } => return Vec::new(),
            Self::Provider { .. } => {
                "give a library that has it with `--runtime-path`, or remove the target; it never falls back to the CPU by itself"
            }
            Self::Library { .. } => {
                "reinstall it with `mlbuild runtime install --force`, or give another with `--runtime-path`"
            }
            Self::Engine { .. } => "the words are the engine's own; try another `runtime.version`",
        };
        vec![hint.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_shows_the_last_lines_only() {
        let error = WorkerError::Crashed {
            doing: "loading the model",
            status: "signal 11".to_owned(),
            stderr: "one\ntwo\n\nthree\nfour\n".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "the worker died while loading the model: signal 11 (two · three · four)"
        );
        assert!(!error.hints().is_empty());
    }
}
