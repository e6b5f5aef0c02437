//! Getting ready to execute models: the engine's library found or installed, and the worker's command.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use crate::config::Config;
use crate::config::Engine;
use crate::config::Sandbox;
use crate::config::Target;
use crate::config::defaults;
use crate::hint::Hint;
use crate::pipeline::gate::Machinery;
use crate::runtime::WorkerCommand;
use crate::runtime::library;
use crate::runtime::library::InstallEvent;
use crate::runtime::library::LibraryError;

/// The interpreter to install with, where `PATH`'s own will not do.
const PYTHON_VARIABLE: &str = "MLBUILD_PYTHON";

/// Why models cannot be executed.
#[derive(Debug, thiserror::Error)]
pub enum MachineryError {
    /// The engine is not to be had.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The running program cannot be found, so no worker can be started from it.
    #[error("cannot find this program's own file to start workers from")]
    Executable(#[source] std::io::Error),
}

impl Hint for MachineryError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Library(error) => error.hints(),
            Self::Executable(_) => vec!["start mlbuild by its full path".to_owned()],
        }
    }
}

/// Which libraries a run needs.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The version of ONNX Runtime.
    pub version: &'a str,
    /// Whether models run where they cannot be confined.
    pub sandbox: Sandbox,
    /// The ONNX Runtime that a flag names.
    pub explicit: Option<&'a Path>,
    /// The LiteRT that a flag names.
    pub explicit_litert: Option<&'a Path>,
    /// Which engines models are run with; ONNX Runtime where there are none.
    pub engines: &'a [Engine],
}

/// The engines that a config's models are run with.
pub fn engines_in(config: &Config) -> Vec<Engine> {
    let targets = config.models.iter().flat_map(|model| {
        // What is converted may be run as it was, before a step or beside its variant.
        model.targets.iter().copied().chain([defaults::target(&model.path)])
    });
    let engines: BTreeSet<Engine> = targets.map(Target::engine).collect();
    engines.into_iter().collect()
}

/// Finds or installs the libraries that are wanted, and says how workers are started.
pub fn ready(
    wanted: Wanted<'_>,
    environment: &BTreeMap<String, String>,
    observer: &mut dyn FnMut(InstallEvent),
) -> Result<Machinery, MachineryError> {
    let cache = library::cache_folder(environment)?;
    let python = environment
        .get(PYTHON_VARIABLE)
        .map_or(library::DEFAULT_PYTHON, String::as_str);
    let mut ensure = |engine: Engine| {
        let (version, explicit) = match engine {
            Engine::OnnxRuntime => (wanted.version, wanted.explicit),
            Engine::LiteRt => (engine.default_version(), wanted.explicit_litert),
        };
        library::ensure(engine, version, explicit, &cache, environment, python, observer)
    };
    let is_wanted = |engine| wanted.engines.contains(&engine);
    let litert = is_wanted(Engine::LiteRt).then(|| ensure(Engine::LiteRt)).transpose()?;
    let library = match &litert {
        Some(litert) if !is_wanted(Engine::OnnxRuntime) => litert.clone(),
        _ => ensure(Engine::OnnxRuntime)?,
    };
    let executable = std::env::current_exe().map_err(MachineryError::Executable)?;
    Ok(Machinery {
        worker: WorkerCommand::of(executable).with_sandbox(wanted.sandbox),
        library,
        litert,
    })
}
