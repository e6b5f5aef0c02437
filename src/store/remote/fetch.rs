//! Bringing a blob: into a file beside its place, hashed while it comes, renamed when its digest is right.
//!
//! The file's name says which blob it is, so that a later run goes on where a broken or killed one stopped. It is locked while it is
//! written; who finds it locked fetches into a file of its own, and the last rename wins with equal bytes.

use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::Broken;
use super::Progress;
use super::Remote;
use super::blob_name;
use super::error::RemoteError;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files::FileError;
use crate::store::Objects;

/// How often a broken download goes on without having got any further.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(300);
const PIECE: usize = 1 << 20;

pub(super) fn fetch(
    remote: &Remote,
    objects: &Objects,
    digest: &Digest,
    size: u64,
    progress: &Progress<'_>,
) -> Result<(), RemoteError> {
    let mut part = Part::open(&objects.part_path(digest))?;
    let outcome = part.fill(remote, digest, size, progress);
    match outcome {
        Ok(()) => {
            objects.adopt(digest, &part.path)?;
            Ok(())
        }
        // What is wrong is not kept; what only broke off is, for the next time.
        Err(error) => {
            if part.is_own || matches!(error, RemoteError::Damaged { .. } | RemoteError::Missing { .. }) {
                part.discard();
            }
            Err(error)
        }
    }
}

/// A blob that is not whole yet.
struct Part {
    path: PathBuf,
    file: File,
    /// Nobody else knows its name.
    is_own: bool,
}

impl Part {
    fn open(shared: &Path) -> Result<Self, RemoteError> {
        let open = |path: &Path| {
            File::options()
                .create(true)
                .read(true)
                .write(true)
                .truncate(false)
                .open(path)
                .map_err(FileError::at("write", path))
        };
        let file = open(shared)?;
        match file.try_lock() {
            Ok(()) if is_the_same(&file, shared) => {
                return Ok(Self {
                    path: shared.to_owned(),
                    file,
                    is_own: false,
                });
            }
            // Another process renamed or discarded it between our two steps, or holds it.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // No locks on this disk: nobody shares.
            Err(TryLockError::Error(_)) => {}
        }
        let folder = shared.parent().unwrap_or(Path::new("."));
        let (file, path) = tempfile::Builder::new()
            .prefix(".mlbuild-")
            .tempfile_in(folder)
            .and_then(|file| Ok(file.keep()?))
            .map_err(FileError::at("write", folder))?;
        Ok(Self {
            path,
            file,
            is_own: true,
        })
    }

    fn discard(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    fn fill(
        &mut self,
        remote: &Remote,
        digest: &Digest,
        size: u64,
        progress: &Progress<'_>,
    ) -> Result<(), RemoteError> {
        let name = blob_name(digest);
        let (mut hasher, mut have) = self.there_already(size)?;
        progress(have);
        let mut began_with = have;
        let mut tries = 0;
        while have < size || (size == 0 && tries == 0) {
            let before = have;
            let path = &self.path;
            let mut file = &self.file;
            let outcome = remote.read_from(&name, have, &mut |bytes| {
                have += bytes.len() as u64;
                if have > size {
                    return Err(damaged(remote, &name, format!("it has more than its {size} bytes")));
                }
                file.write_all(bytes).map_err(FileError::at("write", path))?;
                hasher.update(bytes);
                progress(bytes.len() as u64);
                Ok(())
            });
            match outcome {
                Ok(()) if have < size => {
                    return Err(damaged(remote, &name, format!("it has {have} of its {size} bytes")));
                }
                Ok(()) => {}
                Err(Broken::GoOn(error)) => {
                    tries = if have > before { 1 } else { tries + 1 };
                    if tries >= TRIES {
                        return Err(error);
                    }
                    thread::sleep(FIRST_WAIT * 2_u32.pow(tries));
                    continue;
                }
                // A server that refuses a range, as one does whose object is shorter than what is there: from the start, once.
                Err(Broken::Final(RemoteError::Refused { .. })) if before > 0 && have == before && began_with > 0 => {
                    began_with = 0;
                    have = 0;
                    hasher = self.empty()?;
                    continue;
                }
                Err(Broken::Final(error)) => return Err(error),
            }
            tries = tries.max(1);
        }
        let found = hasher.finish();
        if found == *digest {
            return Ok(());
        }
        // What was there from before may have been the wrong half.
        if began_with > 0 {
            self.empty()?;
            return self.fill(remote, digest, size, &|_| ());
        }
        Err(damaged(
            remote,
            &name,
            format!("its content has the digest {}", found.short()),
        ))
    }

    /// The hash and the number of bytes of what came before; the next byte goes behind them.
    fn there_already(&mut self, size: u64) -> Result<(Hasher, u64), RemoteError> {
        let failed = |error: io::Error| FileError::at("read", &self.path)(error);
        let length = self.file.metadata().map_err(failed)?.len();
        if length > size {
            return Ok((self.empty()?, 0));
        }
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; PIECE];
        let mut have = 0;
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        loop {
            let read = self.file.read(&mut buffer).map_err(failed)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                return Ok((hasher, have));
            };
            hasher.update(bytes);
            have += read as u64;
        }
    }

    fn empty(&mut self) -> Result<Hasher, RemoteError> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .map_err(FileError::at("write", &self.path))?;
        Ok(Hasher::new())
    }
}

fn damaged(remote: &Remote, name: &str, what: String) -> RemoteError {
    RemoteError::Damaged {
        name: name.to_owned(),
        place: remote.place().to_owned(),
        what,
    }
}

/// The file that was opened is still the one with that name.
#[cfg(unix)]
fn is_the_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(one), Ok(other)) => one.ino() == other.ino() && one.dev() == other.dev(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_the_same(_file: &File, path: &Path) -> bool {
    path.exists()
}
