//! Getting ready to execute models: the engine's library found or installed, and the worker's command.

use std::collections::BTreeMap;
use std::path::Path;

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

/// Finds or installs ONNX Runtime `version`, and says how workers are started.
pub fn ready(
    version: &str,
    explicit: Option<&Path>,
    environment: &BTreeMap<String, String>,
    observer: &mut dyn FnMut(InstallEvent),
) -> Result<Machinery, MachineryError> {
    let cache = library::cache_folder(environment)?;
    let python = environment
        .get(PYTHON_VARIABLE)
        .map_or(library::DEFAULT_PYTHON, String::as_str);
    let library = library::ensure(version, explicit, &cache, environment, python, observer)?;
    let executable = std::env::current_exe().map_err(MachineryError::Executable)?;
    Ok(Machinery {
        worker: WorkerCommand::of(executable),
        library,
    })
}
