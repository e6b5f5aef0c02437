//! Where the running program lies, and whether it is ours to replace.

use std::path::Path;
use std::path::PathBuf;

use crate::files::FileError;

use super::error::UpgradeError;

const REBUILD: &str = "pull the sources and build again: `cargo build --release`";
const MANAGER: &str =
    "let the package manager that installed it upgrade it; whatever else replaces its files, it undoes or trips over";
const CARGO: &str = "let cargo upgrade it: `cargo install --locked --force --git` with the repository's address";
const ACTION: &str =
    "move the version in the workflow's `uses:` line; the action checks the binary that belongs to it by digest";

/// Folders that belong to somebody, by a folder's name on the way to the program.
const OWNED_BELOW: &[(&str, &str)] = &[
    ("Cellar", "Homebrew's"),
    ("node_modules", "npm's"),
    ("site-packages", "pip's"),
    ("dist-packages", "pip's"),
    ("scoop", "Scoop's"),
    ("chocolatey", "Chocolatey's"),
    ("WindowsApps", "the Microsoft Store's"),
];

/// Folders that belong to the system's package manager.
const OWNED_PLACES: &[&str] = &[
    "/usr/bin",
    "/bin",
    "/usr/sbin",
    "/nix/store",
    "/gnu/store",
    "/snap",
    "/opt/homebrew",
    "/home/linuxbrew",
];

/// The program's file, which may be replaced as far as its place tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
}

impl Place {
    /// The place of the program at `path`, links followed.
    ///
    /// # Errors
    ///
    /// Where it belongs to a build folder, a package manager or the Action.
    pub fn of(path: &Path) -> Result<Self, UpgradeError> {
        let path = path.canonicalize().map_err(FileError::at("find", path))?;
        match owner(&path, &|path| path.exists()) {
            Some((owner, advice)) => Err(UpgradeError::NotOurs { path, owner, advice }),
            None => Ok(Self { path }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

/// Whose the program is, where it is not the user's own, and what to do.
fn owner(path: &Path, exists: &dyn Fn(&Path) -> bool) -> Option<(&'static str, &'static str)> {
    let folder = path.parent()?;
    // Cargo leaves these beside what it builds.
    if exists(&folder.join(".cargo-lock")) || exists(&folder.join(".fingerprint")) {
        return Some(("in the target folder of a cargo build", REBUILD));
    }
    let above = folder.parent();
    if folder.ends_with("bin") && above.is_some_and(|home| exists(&home.join(".crates.toml"))) {
        return Some(("installed by cargo", CARGO));
    }
    if path.components().any(|part| part.as_os_str() == "mlbuild-action") {
        return Some(("the Action's own", ACTION));
    }
    if above.is_some_and(|prefix| exists(&prefix.join("conda-meta"))) {
        return Some(("installed by conda", MANAGER));
    }
    if above.is_some_and(|prefix| exists(&prefix.join("pyvenv.cfg"))) {
        return Some(("installed by pip", MANAGER));
    }
    let named = |name: &str| path.components().any(|part| part.as_os_str() == name);
    if OWNED_BELOW.iter().any(|(name, _)| named(name)) || OWNED_PLACES.iter().any(|place| path.starts_with(place)) {
        return Some(("where a package manager puts its files", MANAGER));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(path: &str, there: &[&str]) -> Option<&'static str> {
        owner(Path::new(path), &|path| there.iter().any(|one| Path::new(one) == path)).map(|(owner, _)| owner)
    }

    #[test]
    fn a_file_of_the_users_own_is_theirs() {
        for path in [
            "/home/a/bin/mlbuild",
            "/usr/local/bin/mlbuild",
            "/opt/tools/mlbuild",
            "/home/a/target/release/mlbuild",
        ] {
            assert_eq!(whose(path, &[]), None, "{path}");
        }
    }

    #[test]
    fn a_file_of_somebody_elses_is_left_alone() {
        for (path, there) in [
            ("/home/a/p/target/debug/mlbuild", "/home/a/p/target/debug/.cargo-lock"),
            (
                "/home/a/p/target/x/release/mlbuild",
                "/home/a/p/target/x/release/.fingerprint",
            ),
            ("/home/a/.cargo/bin/mlbuild", "/home/a/.cargo/.crates.toml"),
            ("/home/a/conda/bin/mlbuild", "/home/a/conda/conda-meta"),
            ("/home/a/venv/bin/mlbuild", "/home/a/venv/pyvenv.cfg"),
            ("/usr/bin/mlbuild", ""),
            ("/nix/store/abc/bin/mlbuild", ""),
            ("/opt/homebrew/Cellar/mlbuild/1/bin/mlbuild", ""),
            ("/home/a/x/node_modules/.bin/mlbuild", ""),
            ("/runner/_temp/mlbuild-action/downloaded/mlbuild", ""),
        ] {
            assert!(whose(path, &[there]).is_some(), "{path}");
        }
    }
}
