//! What a worker is started and fed with, and what it tells about a session.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::Serialize;

use crate::config::ExecutionMode;
use crate::config::GraphOptimization;
use crate::config::RuntimeConfig;
use crate::config::Sandbox;
use crate::config::Target;
use crate::model::tensor::TensorSpec;

use super::stolen::Timed;

/// How a session is set up. Two sessions are comparable only where all of this is equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSettings {
    /// The engine's shared library, absolute.
    pub library: PathBuf,
    /// The device, by its execution provider. Where the library lacks it, loading fails; it never falls back to the CPU.
    pub target: Target,
    /// Threads inside an operator, at least 1. With [`ExecutionMode::Parallel`] as many between operators too.
    pub threads: usize,
    /// How much the engine rewrites the graph.
    pub graph_optimization: GraphOptimization,
    /// Whether independent branches run at once.
    pub execution_mode: ExecutionMode,
    /// Whether the engine keeps the memory of activations for the next inference; off, every inference asks the system anew, which holds
    /// less between inferences and costs time.
    pub arena: bool,
    /// What only targets of LiteRT heed.
    pub litert: LiteRtSettings,
}

/// How LiteRT is set up; it heeds of the rest the library, the target and the threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiteRtSettings {
    /// Whether XNNPACK computes what it can, as the library is shipped; otherwise its own kernels compute everything.
    pub xnnpack: bool,
    /// The signature that is run; the first one where `None`.
    pub signature: Option<String>,
}

impl LiteRtSettings {
    /// As the config says.
    pub fn of(config: &RuntimeConfig) -> Self {
        Self {
            xnnpack: config.xnnpack,
            ..Self::default()
        }
    }
}

impl Default for LiteRtSettings {
    fn default() -> Self {
        Self {
            xnnpack: true,
            signature: None,
        }
    }
}

/// A model's files. They are trusted to be the ones that were scanned: content-addressed, or read by [`crate::model`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The model file.
    pub model: PathBuf,
    /// External data: the location as written in the model, and the file that holds it. The engine is given the bytes, never a
    /// path.
    pub external: Vec<(String, PathBuf)>,
}

/// A session that is ready and has run once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loaded {
    /// Seconds from the model's bytes in memory to a session.
    pub load_seconds: f64,
    /// Seconds of the very first inference, which allocates and packs what later ones reuse.
    pub first_seconds: f64,
    /// The memory that the process held with the session built and before the first inference, in bytes; `None` where the system
    /// doesn't tell.
    pub loaded_bytes: Option<u64>,
    /// The library's own version: `1.31.1`.
    pub runtime_version: String,
    /// What the model takes.
    pub inputs: Vec<TensorSpec>,
    /// What the model yields.
    pub outputs: Vec<TensorSpec>,
}

/// What a profiled session left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct RawProfile {
    /// The library's own version.
    pub runtime_version: String,
    /// Plain inferences, of a session without profiling.
    pub plain: Vec<Timed>,
    /// The engine's own file of events, JSON.
    pub events: Bytes,
    /// The graph as the engine optimized it, large weights left out; the error says why there is none.
    pub optimized: Result<Bytes, String>,
}

/// How to start a worker: `mlbuild worker`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The binary. A parameter because under `cargo test` the running executable is the test.
    pub executable: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What to do where the system cannot confine it.
    pub sandbox: Sandbox,
}

impl WorkerCommand {
    /// The hidden command of the `mlbuild` binary at `executable`.
    pub fn of(executable: PathBuf) -> Self {
        Self {
            executable,
            arguments: vec!["worker".to_owned()],
            sandbox: Sandbox::default(),
        }
    }

    /// The same, started under another rule.
    #[must_use]
    pub fn with_sandbox(self, sandbox: Sandbox) -> Self {
        Self { sandbox, ..self }
    }
}

/// What a worker may use.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// The logical cores to pin it to.
    pub cores: Option<Vec<usize>>,
    /// After this long without an answer it is stopped.
    pub timeout: Duration,
    /// Bytes of private memory that it may hold; enforced on Linux.
    pub memory_limit: Option<u64>,
    /// Folders with models that it is given after the first one; it can read no others. The first one's files need none.
    pub folders: Vec<PathBuf>,
    /// Once this is raised, the worker is stopped and every request ends at once.
    pub stop: Stop,
}

/// A flag that ends requests to workers: raised from elsewhere, by Ctrl-C for instance. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Vec<Arc<AtomicBool>>);

impl Stop {
    /// Shares `flag`.
    pub fn of(flag: Arc<AtomicBool>) -> Self {
        Self(vec![flag])
    }

    /// The same, and raised by `flag` too.
    #[must_use]
    pub fn or(&self, flag: Arc<AtomicBool>) -> Self {
        let mut flags = self.0.clone();
        flags.push(flag);
        Self(flags)
    }

    /// True once somebody asked.
    pub fn is_raised(&self) -> bool {
        self.0.iter().any(|flag| flag.load(Ordering::SeqCst))
    }
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            cores: None,
            timeout: Duration::from_secs(60),
            memory_limit: None,
            folders: Vec::new(),
            stop: Stop::default(),
        }
    }
}
