//! The workspace `.mlbuild/` beside the config: artifacts by digest, the registry, and what the last run wrote.

use std::path::Path;
use std::path::PathBuf;

use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::store::Objects;
use crate::store::StoreError;

/// The folder's name.
pub const FOLDER: &str = ".mlbuild";

/// The folder of the desk's baseline.
const BASELINE: &str = "baseline";

/// The registry's file.
const REGISTRY: &str = "registry.db";

/// True where the project in `folder` has a registry of builds.
pub fn has_registry(folder: &Path) -> bool {
    folder.join(FOLDER).join(REGISTRY).is_file()
}

/// The registry's database of the project in `folder`, there or not.
pub fn registry_in(folder: &Path) -> PathBuf {
    files::beneath(folder, Path::new(FOLDER)).join(REGISTRY)
}

/// An open workspace.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    objects: Objects,
}

/// Why a workspace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Its folder cannot be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its object store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Hint for WorkspaceError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Store(error) => error.hints(),
        }
    }
}

impl Workspace {
    /// Opens the workspace of the project in `folder`, making it where it is missing.
    pub fn open(folder: &Path) -> Result<Self, WorkspaceError> {
        let root = Self::folder_in(folder);
        let ignore = root.join(".gitignore");
        if !ignore.exists() {
            // Everything in here can be made anew, except the budget that a team commits.
            files::write_atomic(&ignore, b"*\n!budget.toml\n")?;
        }
        let objects = Objects::open(&root.join("objects"))?;
        Ok(Self { root, objects })
    }

    /// The folder of the workspace of the project in `folder`, whether it is there or not.
    pub fn folder_in(folder: &Path) -> PathBuf {
        files::beneath(folder, Path::new(FOLDER))
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Blobs by digest.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The registry's database.
    pub fn registry_path(&self) -> PathBuf {
        self.root.join(REGISTRY)
    }

    /// The baseline of this desk, which `mlbuild-baseline` names.
    pub fn local_baseline(&self) -> PathBuf {
        Self::local_baseline_in(&self.root)
    }

    /// The baseline of the desk whose workspace is the folder `root`.
    pub fn local_baseline_in(root: &Path) -> PathBuf {
        root.join(BASELINE)
    }

    /// The machine-readable report of the last run.
    pub fn report_path(&self) -> PathBuf {
        self.root.join("ci_report.json")
    }

    /// The comment of the last run, as a pull request would show it.
    pub fn comment_path(&self) -> PathBuf {
        self.root.join("comment.md")
    }
}
