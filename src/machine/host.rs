//! The files in which Linux tells about itself, read from a root that tests can replace.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// `/proc` and `/sys`, or a copy of them.
#[derive(Debug, Clone)]
pub(super) struct Host {
    root: PathBuf,
}

impl Host {
    /// The machine that this process runs on.
    pub(super) fn this() -> Self {
        Self::at(Path::new("/"))
    }

    /// A copy beneath `root`.
    pub(super) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The text of an absolute path, without white space around it; `None` where it cannot be read.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.path(path)).ok()?;
        Some(text.trim().to_owned())
    }

    /// A whole number.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// True where something is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

#[cfg(test)]
pub(super) mod testing {
    use std::fs;

    use super::Host;

    /// A host with these files.
    pub(in crate::machine) fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let host = Host::at(folder.path());
        (folder, host)
    }
}
