//! Why there is no library to load.

use std::path::PathBuf;

use crate::config::Engine;
use crate::files::FileError;
use crate::hint::Hint;

use super::pinned;

/// Why a library could not be found or installed.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The path that the user gave leads nowhere.
    #[error("`{}`, given by {by}, is not {} {engine} library nor a folder that holds one", path.display(), article(*engine))]
    Explicit {
        /// What was looked for.
        engine: Engine,
        /// The path.
        path: PathBuf,
        /// The flag or variable that gave it.
        by: &'static str,
    },
    /// The path that the user gave is relative, so what it means depends on where the process stands.
    #[error("`{}`, given by {by}, is not an absolute path", path.display())]
    Relative {
        /// The path.
        path: PathBuf,
        /// The flag or variable that gave it.
        by: &'static str,
    },
    /// It is nowhere.
    #[error("{engine} {version} is not installed")]
    NotInstalled {
        /// What was looked for.
        engine: Engine,
        /// The version that was looked for.
        version: String,
    },
    /// It is in the cache, but not what was installed.
    #[error("the installed {engine} at `{}` is damaged: {reason}", path.display())]
    Damaged {
        /// What was looked for.
        engine: Engine,
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The version has no pinned digest.
    #[error("{engine} {version} has no pinned digest here, so it cannot be installed")]
    Unpinned {
        /// What was looked for.
        engine: Engine,
        /// The version.
        version: String,
    },
    /// The engine has no wheel for this machine.
    #[error("there is no {engine} {version} for {platform}")]
    UnsupportedPlatform {
        /// What was looked for.
        engine: Engine,
        /// The version.
        version: String,
        /// The machine.
        platform: String,
    },
    /// There is no cache folder to install into.
    #[error("there is no folder to install into: none of MLBUILD_CACHE_DIR, XDG_CACHE_HOME and HOME is set")]
    NoCacheFolder,
    /// There is no Python.
    #[error("`{python}` cannot be started, and {engine} is installed through its pip")]
    NoPython {
        /// What was to be installed.
        engine: Engine,
        /// What was tried.
        python: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Python has no pip.
    #[error("`{python}` has no pip, through which {engine} is installed")]
    NoPip {
        /// What was to be installed.
        engine: Engine,
        /// The interpreter.
        python: String,
    },
    /// The package index can't be reached.
    #[error("the package index cannot be reached: {detail}")]
    Offline {
        /// What was to be installed.
        engine: Engine,
        /// pip's words.
        detail: String,
    },
    /// The index does not offer the wheel.
    #[error("the package index does not offer `{wheel}`: {detail}")]
    NotOffered {
        /// What was to be installed.
        engine: Engine,
        /// The file.
        wheel: String,
        /// pip's words.
        detail: String,
    },
    /// pip failed in another way.
    #[error("pip failed ({status}): {detail}")]
    Pip {
        /// What was to be installed.
        engine: Engine,
        /// How it ended.
        status: String,
        /// Its last words.
        detail: String,
    },
    /// The wheel is not the pinned one.
    #[error("`{wheel}` has the SHA-256 {found}, not the pinned {pinned}")]
    WrongDigest {
        /// The file.
        wheel: String,
        /// What it should be.
        pinned: String,
        /// What it is.
        found: String,
    },
    /// The wheel does not hold the library as expected.
    #[error("`{wheel}` cannot be unpacked: {detail}")]
    Wheel {
        /// What was to be installed.
        engine: Engine,
        /// The file.
        wheel: String,
        /// What is wrong.
        detail: String,
    },
    /// The disk is full, here or for pip.
    #[error("the disk is full: {engine} needs about 60 MB in `{}`", folder.display())]
    DiskFull {
        /// What was looked for.
        engine: Engine,
        /// Where it was to go.
        folder: PathBuf,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// `an ONNX Runtime`, `a LiteRT`.
fn article(engine: Engine) -> &'static str {
    match engine {
        Engine::OnnxRuntime => "an",
        Engine::LiteRt => "a",
    }
}

/// The flag that names a library of the user's own.
fn flag(engine: Engine) -> &'static str {
    match engine {
        Engine::OnnxRuntime => "--runtime-path",
        Engine::LiteRt => "--litert-path",
    }
}

/// What tells `mlbuild runtime` which engine is meant.
fn choice(engine: Engine) -> &'static str {
    match engine {
        Engine::OnnxRuntime => "",
        Engine::LiteRt => " --engine litert",
    }
}

/// The last resort where nothing can be installed.
fn own(engine: Engine) -> String {
    let flag = flag(engine);
    match engine {
        Engine::OnnxRuntime => {
            format!("or give a library of your own with `{flag} /absolute/path/to/libonnxruntime.so`")
        }
        Engine::LiteRt => format!("or give the library out of the wheel with `{flag} /absolute/path/to/libLiteRt.so`"),
    }
}

impl Hint for LibraryError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Explicit { engine, .. } => {
                let names = match engine {
                    Engine::OnnxRuntime => "`libonnxruntime.so`, `.dylib`, `onnxruntime.dll`",
                    Engine::LiteRt => "`libLiteRt.so`, `.dylib`, `.dll`",
                };
                vec![format!("it must be the shared library itself ({names}) or its folder")]
            }
            Self::Relative { path, .. } => match std::path::absolute(path) {
                Ok(absolute) => vec![format!("write `{}`", absolute.display())],
                Err(_) => Vec::new(),
            },
            Self::NotInstalled { engine, version } => {
                vec![format!("`mlbuild runtime install{} --version {version}`", choice(*engine)), own(*engine)]
            }
            Self::Damaged { engine, .. } => {
                vec![format!("`mlbuild runtime install{} --force` replaces it", choice(*engine))]
            }
            Self::Unpinned { engine, .. } => {
                let versions: Vec<&str> = pinned::versions(*engine).collect();
                let versions = versions.join(", ");
                let known = match engine {
                    Engine::OnnxRuntime => format!("set `runtime.version` to one of {versions}"),
                    Engine::LiteRt => format!("install {versions}"),
                };
                vec![known, own(*engine)]
            }
            Self::UnsupportedPlatform { engine, .. } => match engine {
                Engine::OnnxRuntime => vec![format!("give a library of your own with `{}`", flag(*engine))],
                Engine::LiteRt => vec!["measure on another machine: there is a library for Linux, macOS on ARM, and Windows".to_owned()],
            },
            Self::NoCacheFolder => vec!["set MLBUILD_CACHE_DIR to a folder that may be written".to_owned()],
            Self::NoPython { engine, .. } => vec![
                "install Python 3, or name another interpreter with `mlbuild runtime install --python`".to_owned(),
                own(*engine),
            ],
            Self::NoPip { engine, python } => vec![
                format!("`{python} -m ensurepip`, or your system's package `python3-pip`"),
                own(*engine),
            ],
            Self::Offline { engine, .. } => vec![
                "check the network, the proxy variables and pip's index settings (`pip config list`)".to_owned(),
                own(*engine),
            ],
            Self::NotOffered { engine, .. } => vec![
                "pip's index settings (`pip config list`) lead to an index that lacks it or did not answer; PyPI has it".to_owned(),
                own(*engine),
            ],
            Self::WrongDigest { .. } => {
                vec!["the index served another file than the one published; nothing was installed".to_owned()]
            }
            Self::Pip { engine, .. } | Self::Wheel { engine, .. } => {
                vec![format!("run it again; if it stays, {}", own(*engine))]
            }
            Self::DiskFull { .. } => {
                vec![
                    "free some space, or set MLBUILD_CACHE_DIR to a folder on another disk; nothing was half-installed"
                        .to_owned(),
                ]
            }
            Self::File(error) => error.hints(),
        }
    }
}
