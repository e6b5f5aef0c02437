//! Why there is no library to load.

use std::path::PathBuf;

use crate::files::FileError;
use crate::hint::Hint;

use super::pinned;

/// Why a library could not be found or installed.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The path that the user gave leads nowhere.
    #[error("`{}`, given by {by}, is not an ONNX Runtime library nor a folder that holds one", path.display())]
    Explicit {
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
    #[error("ONNX Runtime {version} is not installed")]
    NotInstalled {
        /// The version that was looked for.
        version: String,
    },
    /// It is in the cache, but not what was installed.
    #[error("the installed ONNX Runtime at `{}` is damaged: {reason}", path.display())]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The version has no pinned digest.
    #[error("ONNX Runtime {version} has no pinned digest here, so it cannot be installed")]
    Unpinned {
        /// The version.
        version: String,
    },
    /// ONNX Runtime publishes no wheel for this machine.
    #[error("there is no ONNX Runtime {version} for {platform}")]
    UnsupportedPlatform {
        /// The version.
        version: String,
        /// The machine.
        platform: String,
    },
    /// There is no cache folder to install into.
    #[error("there is no folder to install into: none of MLBUILD_CACHE_DIR, XDG_CACHE_HOME and HOME is set")]
    NoCacheFolder,
    /// There is no Python.
    #[error("`{python}` cannot be started, and ONNX Runtime is installed through its pip")]
    NoPython {
        /// What was tried.
        python: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Python has no pip.
    #[error("`{python}` has no pip, through which ONNX Runtime is installed")]
    NoPip {
        /// The interpreter.
        python: String,
    },
    /// The package index can't be reached.
    #[error("the package index cannot be reached: {detail}")]
    Offline {
        /// pip's words.
        detail: String,
    },
    /// The index does not offer the wheel.
    #[error("the package index does not offer `{wheel}`: {detail}")]
    NotOffered {
        /// The file.
        wheel: String,
        /// pip's words.
        detail: String,
    },
    /// pip failed in another way.
    #[error("pip failed ({status}): {detail}")]
    Pip {
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
        /// The file.
        wheel: String,
        /// What is wrong.
        detail: String,
    },
    /// The disk is full, here or for pip.
    #[error("the disk is full: ONNX Runtime needs about 60 MB in `{}`", folder.display())]
    DiskFull {
        /// Where it was to go.
        folder: PathBuf,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for LibraryError {
    fn hints(&self) -> Vec<String> {
        let own = "or give a library of your own with `--runtime-path /absolute/path/to/libonnxruntime.so`";
        match self {
            Self::Explicit { .. } => {
                vec!["it must be the shared library itself (`libonnxruntime.so`, `.dylib`, `onnxruntime.dll`) or its folder".to_owned()]
            }
            Self::Relative { path, .. } => match std::path::absolute(path) {
                Ok(absolute) => vec![format!("write `{}`", absolute.display())],
                Err(_) => Vec::new(),
            },
            Self::NotInstalled { version } => {
                vec![format!("`mlbuild runtime install --version {version}`"), own.to_owned()]
            }
            Self::Damaged { .. } => vec!["`mlbuild runtime install --force` replaces it".to_owned()],
            Self::Unpinned { .. } => {
                let versions: Vec<&str> = pinned::versions().collect();
                vec![
                    format!("set `runtime.version` to one of {}", versions.join(", ")),
                    own.to_owned(),
                ]
            }
            Self::UnsupportedPlatform { .. } => vec!["give a library of your own with `--runtime-path`".to_owned()],
            Self::NoCacheFolder => vec!["set MLBUILD_CACHE_DIR to a folder that may be written".to_owned()],
            Self::NoPython { .. } => vec![
                "install Python 3, or name another interpreter with `mlbuild runtime install --python`".to_owned(),
                own.to_owned(),
            ],
            Self::NoPip { python } => vec![
                format!("`{python} -m ensurepip`, or your system's package `python3-pip`"),
                own.to_owned(),
            ],
            Self::Offline { .. } => vec![
                "check the network, the proxy variables and pip's index settings (`pip config list`)".to_owned(),
                own.to_owned(),
            ],
            Self::NotOffered { .. } => vec![
                "pip's index settings (`pip config list`) lead to an index that lacks it or did not answer; PyPI has it".to_owned(),
                own.to_owned(),
            ],
            Self::WrongDigest { .. } => {
                vec!["the index served another file than the one published; nothing was installed".to_owned()]
            }
            Self::Pip { .. } | Self::Wheel { .. } => vec!["run it again; if it stays".to_owned() + ", " + own],
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
