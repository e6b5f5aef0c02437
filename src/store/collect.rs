//! Looking over the blobs that are there, and taking away those that nobody needs.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use super::Objects;
use super::StoreError;
use super::hold::Exclusive;
use super::set_read_only;
use crate::digest::Digest;
use crate::files::FileError;

/// How temporary files begin.
const TEMPORARY: &str = ".mlbuild-";

/// A blob that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob {
    /// Its name.
    pub digest: Digest,
    /// Its length.
    pub bytes: u64,
}

/// A temporary file that an interrupted process left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// The right to take blobs away; others wait meanwhile.
#[derive(Debug)]
pub struct Collector<'a> {
    objects: &'a Objects,
    _lock: Exclusive,
}

impl Objects {
    /// The right to take blobs away. `None` where another process uses some, and has for a second: then try again later.
    pub fn collector(&self) -> Option<Collector<'_>> {
        Some(Collector {
            objects: self,
            _lock: self.hold.exclude(&self.root)?,
        })
    }

    /// Every blob that is there, sorted; unchecked.
    pub fn list(&self) -> Result<Vec<Blob>, StoreError> {
        let mut found = Vec::new();
        for (name, path) in entries(&self.root)? {
            if let Ok(digest) = name.parse::<Digest>() {
                found.push(Blob {
                    digest,
                    bytes: length(&path),
                });
            }
        }
        found.sort();
        Ok(found)
    }
}

impl Collector<'_> {
    /// Takes a blob away, and returns its length; 0 where it is not there.
    pub fn remove(&self, digest: &Digest) -> Result<u64, StoreError> {
        match self.objects.path(digest) {
            Some(path) => Ok(remove(&path)?),
            None => Ok(0),
        }
    }

    /// Takes a temporary file away, and returns its length.
    pub fn sweep(&self, leftover: &Leftover) -> Result<u64, StoreError> {
        Ok(remove(&leftover.path)?)
    }
}

/// Temporary files in `folder`, sorted; none where there is no such folder.
pub fn leftovers(folder: &Path) -> Result<Vec<Leftover>, FileError> {
    let mut found: Vec<Leftover> = entries(folder)?
        .into_iter()
        .filter(|(name, _)| name.starts_with(TEMPORARY))
        .map(|(_, path)| Leftover {
            bytes: length(&path),
            path,
        })
        .collect();
    found.sort();
    Ok(found)
}

/// The regular files of a folder, by name.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, FileError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        outcome => outcome.map_err(FileError::at("read the folder", folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(FileError::at("read the folder", folder))?;
        if entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(name) = entry.file_name().into_string()
        {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

fn length(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) -> Result<u64, FileError> {
    let bytes = length(path);
    // Where read-only files cannot be removed (Windows).
    if cfg!(windows) {
        let _ = set_read_only(path, false);
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(FileError::at("remove", path)(error)),
        Ok(()) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::write_atomic;

    #[test]
    fn nothing_is_taken_while_another_keeps() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("objects");
        let (keeper, collector) = (Objects::open(&root).unwrap(), Objects::open(&root).unwrap());
        let digest = keeper.put(b"abc").unwrap();
        assert!(collector.collector().is_none());
        drop(keeper);
        let right = collector.collector().unwrap();
        assert_eq!(right.remove(&digest).unwrap(), 3);
        assert_eq!(right.remove(&digest).unwrap(), 0);
        // Somebody who keeps meanwhile waits until the blobs are taken, and then keeps his own.
        std::thread::scope(|scope| {
            let late = scope.spawn(|| Objects::open(&root).unwrap().put(b"abc").unwrap());
            std::thread::sleep(std::time::Duration::from_millis(100));
            assert!(!late.is_finished());
            drop(right);
            assert_eq!(late.join().unwrap(), digest);
        });
        assert!(collector.verify(&digest).is_ok());
    }

    #[test]
    fn one_that_keeps_may_collect_and_keeps_on_holding() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("objects");
        let (one, other) = (Objects::open(&root).unwrap(), Objects::open(&root).unwrap());
        let digest = one.put(b"abc").unwrap();
        one.collector().unwrap().remove(&digest).unwrap();
        assert!(other.collector().is_none());
    }

    #[test]
    fn lists_blobs_and_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(&folder.path().join("objects")).unwrap();
        let digest = objects.put(b"abc").unwrap();
        write_atomic(&folder.path().join("objects/.mlbuild-x1"), b"half").unwrap();
        write_atomic(&folder.path().join("objects/README"), b"").unwrap();
        assert_eq!(objects.list().unwrap(), [Blob { digest, bytes: 3 }]);
        let left = leftovers(&folder.path().join("objects")).unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(objects.collector().unwrap().sweep(&left[0]).unwrap(), 4);
        assert!(leftovers(&folder.path().join("none")).unwrap().is_empty());
    }
}
