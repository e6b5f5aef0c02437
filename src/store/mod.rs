//! Blobs kept by the SHA-256 of their content, one read-only file each: `objects/<sha256>`.
//!
//! Putting is idempotent and safe when several processes put the same content at once: each writes its own temporary file and the
//! last rename wins with equal bytes. What is read is verified first, since anything may have happened to the file in between; so a blob
//! need not be waited for until it is on the disk.
//!
//! A process that keeps or uses blobs holds a lock from the first one on, and nobody takes blobs away meanwhile: whoever keeps blobs
//! writes the rows that name them before it lets the folder go.
//!
//! [`remote`] has the same blobs in a bucket or a shared folder.

mod collect;
mod hold;
pub mod remote;

pub use collect::Blob;
pub use collect::Collector;
pub use collect::Leftover;
pub use collect::leftovers;

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::files::Durability;
use crate::files::FileError;
use crate::files::copy_atomic;
use crate::files::write_checked;
use crate::hint::Hint;

/// A blob that could not be kept or given back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such blob.
    #[error("no object {} in `{}`", digest.short(), root.display())]
    Missing {
        /// What was asked for.
        digest: Digest,
        /// The folder of blobs.
        root: PathBuf,
    },
    /// The file's content is not what its name says.
    #[error("`{}` is damaged: its content has the digest {}", path.display(), found.short())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The digest of what it holds now.
        found: Digest,
    },
}

impl Hint for StoreError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Missing { .. } => vec!["derive the variant or fetch the baseline again".to_owned()],
            Self::Damaged { path, .. } => {
                vec![format!(
                    "delete `{}`; it is made again when it is needed",
                    path.display()
                )]
            }
        }
    }
}

/// A folder of blobs.
#[derive(Debug, Clone)]
pub struct Objects {
    root: PathBuf,
    hold: hold::Hold,
}

impl Objects {
    /// Opens the folder `root` (by convention `.mlbuild/objects`), creating it where it is missing.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(root).map_err(FileError::at("create the folder", root))?;
        Ok(Self {
            root: root.to_owned(),
            hold: hold::Hold::default(),
        })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Keeps `bytes` and returns their digest. Content that is there already is left alone; a damaged file is replaced.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        self.keep(&digest, bytes)?;
        Ok(digest)
    }

    /// Keeps `bytes`, whose digest the caller has computed, and returns their file.
    pub fn keep(&self, digest: &Digest, bytes: &[u8]) -> Result<PathBuf, StoreError> {
        self.place(digest, |path| write_checked(path, bytes))
    }

    /// Keeps the content of the file `from`, whose digest the caller has computed; the file system copies it where it can. A file that
    /// changes meanwhile makes a damaged blob, which nobody is given.
    pub fn keep_file(&self, digest: &Digest, from: &Path) -> Result<PathBuf, StoreError> {
        self.place(digest, |path| copy_atomic(from, path, Durability::Checked))
    }

    /// The file of a blob that is there, sound, or that `write` makes.
    fn place(
        &self,
        digest: &Digest,
        write: impl FnOnce(&Path) -> Result<(), FileError>,
    ) -> Result<PathBuf, StoreError> {
        match self.verify(digest) {
            Err(StoreError::Missing { .. }) => {}
            Err(StoreError::Damaged { path, .. }) => set_read_only(&path, false)?,
            answer => return answer,
        }
        let path = self.root.join(digest.as_str());
        if let Err(error) = write(&path) {
            // Where a read-only file cannot be replaced (Windows), another process that put the same content first has won.
            return self.verify(digest).map_err(|_| error.into());
        }
        set_read_only(&path, true)?;
        Ok(path)
    }

    /// The file of a blob that is there, its content unchecked.
    pub fn path(&self, digest: &Digest) -> Option<PathBuf> {
        let path = self.root.join(digest.as_str());
        fs::symlink_metadata(&path)
            .is_ok_and(|metadata| metadata.is_file())
            .then_some(path)
    }

    /// Where a blob is gathered that comes piece by piece; no blob has such a name.
    pub fn part_path(&self, digest: &Digest) -> PathBuf {
        self.hold.take(&self.root);
        self.root.join(format!(".mlbuild-part-{digest}"))
    }

    /// Keeps a file of this folder whose content the caller has verified, by renaming it.
    pub fn adopt(&self, digest: &Digest, part: &Path) -> Result<PathBuf, StoreError> {
        let path = self.root.join(digest.as_str());
        set_read_only(part, true)?;
        fs::rename(part, &path).map_err(FileError::at("write", &path))?;
        Ok(path)
    }

    /// The file of a blob, after reading all of it and comparing its digest. It is not taken away before this process ends or lets the
    /// folder go.
    pub fn verify(&self, digest: &Digest) -> Result<PathBuf, StoreError> {
        self.hold.take(&self.root);
        self.examine(digest)
    }

    /// As [`Objects::verify`], for somebody who only looks: it may be taken away any time.
    pub fn examine(&self, digest: &Digest) -> Result<PathBuf, StoreError> {
        let missing = || StoreError::Missing {
            digest: digest.clone(),
            root: self.root.clone(),
        };
        let path = self.path(digest).ok_or_else(missing)?;
        let found = match Digest::of_file(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
            Err(error) => return Err(FileError::at("read", &path)(error).into()),
        };
        if found == *digest {
            Ok(path)
        } else {
            Err(StoreError::Damaged { path, found })
        }
    }
}

/// Guards a blob against being edited in place, or lifts the guard before replacing it.
fn set_read_only(path: &Path, read_only: bool) -> Result<(), FileError> {
    let change = || {
        let mut permissions = fs::metadata(path)?.permissions();
        set_permission(&mut permissions, read_only);
        fs::set_permissions(path, permissions)
    };
    change().map_err(FileError::at("change the permissions of", path))
}

#[cfg(unix)]
fn set_permission(permissions: &mut fs::Permissions, read_only: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    permissions.set_mode(if read_only { 0o444 } else { 0o644 });
}

#[cfg(not(unix))]
fn set_permission(permissions: &mut fs::Permissions, read_only: bool) {
    permissions.set_readonly(read_only);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::write_atomic;

    fn objects() -> (tempfile::TempDir, Objects) {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(&folder.path().join("objects")).unwrap();
        (folder, objects)
    }

    #[test]
    fn keeps_content_once_under_its_digest() {
        let (folder, objects) = objects();
        let digest = objects.put(b"abc").unwrap();
        assert_eq!(objects.put(b"abc").unwrap(), digest);
        let path = objects.verify(&digest).unwrap();
        assert_eq!(path, folder.path().join("objects").join(Digest::of(b"abc").as_str()));
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn keeps_files_under_their_digest_and_gives_no_damaged_one() {
        let (folder, objects) = objects();
        let from = folder.path().join("model.onnx");
        write_atomic(&from, b"abc").unwrap();
        let digest = Digest::of(b"abc");
        let path = objects.keep_file(&digest, &from).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(objects.verify(&digest).unwrap(), path);
        // Changed after its digest was taken.
        let changed = Digest::of(b"before");
        objects.keep_file(&changed, &from).unwrap();
        assert!(matches!(objects.verify(&changed), Err(StoreError::Damaged { .. })));
        assert_eq!(fs::read(objects.keep(&changed, b"before").unwrap()).unwrap(), b"before");
    }

    #[test]
    fn says_what_is_missing() {
        let (_folder, objects) = objects();
        let absent = Digest::of(b"absent");
        assert!(objects.path(&absent).is_none());
        let error = objects.verify(&absent).unwrap_err();
        assert!(matches!(error, StoreError::Missing { .. }));
        assert!(error.to_string().contains(absent.short()), "{error}");
    }

    #[test]
    fn refuses_damaged_content_and_heals_it() {
        let (_folder, objects) = objects();
        let digest = objects.put(b"content").unwrap();
        let path = objects.path(&digest).unwrap();
        set_read_only(&path, false).unwrap();
        write_atomic(&path, b"tampered").unwrap();
        let error = objects.verify(&digest).unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
        assert!(!error.hints().is_empty());
        objects.put(b"content").unwrap();
        assert_eq!(fs::read(objects.verify(&digest).unwrap()).unwrap(), b"content");
    }

    #[cfg(unix)]
    #[test]
    fn does_not_follow_a_link_that_stands_in_a_blobs_place() {
        let (folder, objects) = objects();
        let elsewhere = folder.path().join("elsewhere");
        write_atomic(&elsewhere, b"abc").unwrap();
        let digest = Digest::of(b"abc");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join("objects").join(digest.as_str())).unwrap();
        assert!(objects.verify(&digest).is_err());
        objects.put(b"abc").unwrap();
        assert!(
            fs::symlink_metadata(objects.verify(&digest).unwrap())
                .unwrap()
                .is_file()
        );
        assert!(!fs::metadata(&elsewhere).unwrap().permissions().readonly());
    }

    #[test]
    fn takes_the_same_content_from_many_at_once() {
        let (_folder, objects) = objects();
        let content = vec![7_u8; 300_000];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| objects.put(&content).unwrap());
            }
        });
        let path = objects.verify(&Digest::of(&content)).unwrap();
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
