//! Model files in a repository, as `mlbuild init` looks for them.

use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

/// How many folders deep models are looked for.
const DEEPEST: usize = 8;
/// How many files and folders are looked at, at most.
const MOST_ENTRIES: usize = 200_000;
/// Folders that hold what tools put there.
const SKIPPED: &[&str] = &[
    "node_modules",
    "target",
    "venv",
    "env",
    "__pycache__",
    "site-packages",
    "build",
    "dist",
];
/// How a Git LFS pointer starts: the text of its specification, version 1.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// A model file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Relative to the folder that was searched, with `/` between its parts.
    pub path: String,
    /// True where the file is a Git LFS pointer: the model itself has not been fetched.
    pub pointer: bool,
}

/// The `.onnx` files beneath `root`, by path. Hidden folders, links and folders of other tools are passed over; what cannot be read too.
pub fn models(root: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let mut entries = 0;
    let mut folders = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        let Ok(children) = fs::read_dir(&folder) else {
            continue;
        };
        for child in children.flatten() {
            entries += 1;
            if entries > MOST_ENTRIES {
                break;
            }
            let (Ok(kind), Ok(name)) = (child.file_type(), child.file_name().into_string()) else {
                continue;
            };
            if kind.is_dir() && depth < DEEPEST && !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                folders.push((child.path(), format!("{prefix}{name}/"), depth + 1));
            } else if kind.is_file() && name.to_lowercase().ends_with(".onnx") && !name.starts_with('.') {
                found.push(Found {
                    path: format!("{prefix}{name}"),
                    pointer: is_pointer(&child.path()),
                });
            }
        }
    }
    found.sort();
    found
}

/// True where the file holds a Git LFS pointer in place of its content.
pub fn is_pointer(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LFS_POINTER.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == LFS_POINTER
}

/// True where git attributes at the root hand `.onnx` files to Git LFS.
pub fn stores_in_lfs(root: &Path) -> bool {
    let attributes = fs::read_to_string(root.join(".gitattributes")).unwrap_or_default();
    attributes
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#') && line.contains("filter=lfs"))
        .any(|line| {
            line.split_whitespace()
                .next()
                .is_some_and(|pattern| pattern.contains(".onnx"))
        })
}

/// The folder of the git repository that holds `start`; `None` outside of one.
pub fn repository(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

/// The default branch as far as the checkout knows it: what `origin` calls its head, else the current branch where it has one of the
/// usual names, else `main`.
pub fn default_branch(repository: &Path) -> String {
    let read = |name: &str, prefix: &str| {
        let text = fs::read_to_string(repository.join(".git").join(name)).ok()?;
        text.trim().strip_prefix(prefix).map(str::to_owned)
    };
    read("refs/remotes/origin/HEAD", "ref: refs/remotes/origin/")
        .or_else(|| {
            read("HEAD", "ref: refs/heads/")
                .filter(|branch| ["main", "master", "trunk", "develop"].contains(&branch.as_str()))
        })
        .filter(|branch| !branch.is_empty())
        .unwrap_or_else(|| "main".to_owned())
}
