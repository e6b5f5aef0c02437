//! The real ONNX Runtime, installed once for this person, and workers of the real binary.
#![allow(dead_code, reason = "each topic uses its share")]

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use mlbuild::config::DEFAULT_ONNXRUNTIME;
use mlbuild::config::Engine;
use mlbuild::config::ExecutionMode;
use mlbuild::config::GraphOptimization;
use mlbuild::config::Target;
use mlbuild::pipeline::gate::Machinery;
use mlbuild::runtime::Artifact;
use mlbuild::runtime::LiteRtSettings;
use mlbuild::runtime::SessionSettings;
use mlbuild::runtime::Worker;
use mlbuild::runtime::WorkerCommand;
use mlbuild::runtime::WorkerOptions;
use mlbuild::runtime::library;
use mlbuild::runtime::library::Library;
use mlbuild::runtime::library::Origin;

/// The library of `version`; the first test that needs it installs it into the per-user cache, the others wait.
pub fn onnxruntime(version: &str) -> PathBuf {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let cache = library::cache_folder(&environment).unwrap();
    let python = library::DEFAULT_PYTHON;
    library::ensure(
        Engine::OnnxRuntime,
        version,
        None,
        &cache,
        &environment,
        python,
        &mut |_| {},
    )
    .unwrap_or_else(|error| panic!("{error}"))
    .path
}

/// One thread on the CPU, the default version.
pub fn settings() -> SessionSettings {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    SessionSettings {
        library: LIBRARY.get_or_init(|| onnxruntime(DEFAULT_ONNXRUNTIME)).clone(),
        target: Target::OnnxRuntimeCpu,
        threads: 1,
        graph_optimization: GraphOptimization::All,
        execution_mode: ExecutionMode::Sequential,
        arena: true,
        litert: LiteRtSettings::default(),
    }
}

/// The hidden command of the binary under test.
pub fn command() -> WorkerCommand {
    WorkerCommand::of(PathBuf::from(env!("CARGO_BIN_EXE_mlbuild")))
}

/// ONNX Runtime and workers of the binary under test.
pub fn machinery() -> Machinery {
    Machinery {
        worker: command(),
        library: Library {
            path: settings().library,
            version: None,
            origin: Origin::Explicit,
        },
        litert: None,
    }
}

/// No cores, no memory limit, and a timeout that only a hang reaches.
pub fn options() -> WorkerOptions {
    WorkerOptions {
        timeout: Duration::from_secs(120),
        ..WorkerOptions::default()
    }
}

/// A fresh worker.
pub fn worker() -> Worker {
    Worker::spawn(&command(), &options()).unwrap()
}

/// A model without external data.
pub fn artifact(model: &Path) -> Artifact {
    Artifact {
        model: model.to_owned(),
        external: Vec::new(),
    }
}
