//! Finding an engine's shared library, or installing it into the per-user cache.
//!
//! [`locate`] looks, in this order: the path that the user gave (by flag or variable), beside the executable, the cache.
//! [`install`] fetches the pinned wheel through the user's own `pip` and takes the library out of it. [`ensure`] is both.

mod cache;
mod error;
mod install;
mod locate;
mod pinned;
mod pip;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Engine;

pub use self::cache::Installed;
pub use self::cache::cache_folder;
pub use self::cache::list;
pub use self::cache::verify;
pub use self::error::LibraryError;
pub use self::install::InstallEvent;
pub use self::install::install;
pub use self::install::reinstall;
pub use self::locate::locate;
pub use self::pinned::platform;
pub use self::pinned::version_of;
pub use self::pinned::versions;

/// The interpreter whose `pip` fetches wheels, where nobody names another.
pub const DEFAULT_PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// A shared library that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// Where it is; absolute.
    pub path: PathBuf,
    /// Its version as far as it is known without loading it; what the worker reports counts.
    pub version: Option<String>,
    /// Why this one.
    pub origin: Origin,
}

/// How a library was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The user named it.
    Explicit,
    /// It lies beside the executable.
    BesideExecutable,
    /// It is in the per-user cache, from the pinned wheel.
    Cache,
}

impl Origin {
    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Explicit => "given",
            Self::BesideExecutable => "beside the executable",
            Self::Cache => "cache",
        }
    }
}

/// Finds the library, or installs it where it is not there or damaged.
pub fn ensure(
    engine: Engine,
    version: &str,
    explicit: Option<&Path>,
    cache: &Path,
    environment: &BTreeMap<String, String>,
    python: &str,
    observer: &mut dyn FnMut(InstallEvent),
) -> Result<Library, LibraryError> {
    match locate(engine, version, explicit, cache, environment) {
        Err(LibraryError::NotInstalled { .. } | LibraryError::Damaged { .. }) => {
            install(engine, version, cache, python, environment, observer)
        }
        found => found,
    }
}
