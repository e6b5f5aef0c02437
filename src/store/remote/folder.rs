//! A folder in a bucket's place: a shared disk, or a test. Writes are whole or not at all; a lock file orders those that depend on what is there.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use super::Broken;
use super::Condition;
use super::Listed;
use super::Progress;
use super::Read;
use super::Stat;
use super::Written;
use super::error::RemoteError;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files::FileError;
use crate::files::write_atomic;

/// Names that begin so are not objects: files on their way, and the lock.
const OWN: &str = ".mlbuild-";
const LOCK: &str = ".mlbuild-lock";
/// What a killed process left on its way is deleted after this.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
const PIECE: usize = 1 << 20;

pub(super) struct Folder {
    root: PathBuf,
    place: String,
}

impl Folder {
    /// The folder must be there, so that a disk that is not mounted is not taken for an empty remote. What is beneath it is made.
    pub(super) fn open(root: &Path) -> Result<Self, RemoteError> {
        if !root.is_dir() {
            return Err(RemoteError::NoFolder(root.to_owned()));
        }
        Ok(Self {
            root: root.to_owned(),
            place: format!("`{}`", root.display()),
        })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn path(&self, name: &str) -> PathBuf {
        name.split('/').fold(self.root.clone(), |path, part| path.join(part))
    }

    pub(super) fn stat(&self, name: &str) -> Result<Option<Stat>, RemoteError> {
        let path = self.path(name);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(Stat {
                size: metadata.len(),
                digest: None,
            })),
            Ok(_) => Ok(None),
            Err(error) => absent(error, &path),
        }
    }

    pub(super) fn list(&self, folder: &str) -> Result<Vec<Listed>, RemoteError> {
        let mut found = Vec::new();
        let mut folders = vec![(self.path(folder), String::new())];
        while let Some((path, beneath)) = folders.pop() {
            let Some(entries) = fs::read_dir(&path).map(Some).or_else(|error| absent(error, &path))? else {
                continue;
            };
            for entry in entries {
                let entry = entry.map_err(FileError::at("read", &path))?;
                let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                    continue;
                };
                let whole = format!("{beneath}{name}");
                let Some(metadata) = entry
                    .metadata()
                    .map(Some)
                    .or_else(|error| absent(error, &entry.path()))?
                else {
                    continue;
                };
                if metadata.is_dir() {
                    folders.push((entry.path(), format!("{whole}/")));
                } else if metadata.is_file() && !name.starts_with(OWN) {
                    found.push(Listed {
                        name: whole,
                        size: metadata.len(),
                    });
                }
            }
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Read>, RemoteError> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) => return absent(error, &path),
        };
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(FileError::at("read", &path))?;
        if bytes.len() as u64 > limit {
            return Err(RemoteError::Damaged {
                name: name.to_owned(),
                place: self.place.clone(),
                what: format!("it has more than the {limit} bytes that are read"),
            });
        }
        let version = Some(Digest::of(&bytes).to_string());
        Ok(Some(Read { bytes, version }))
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8], condition: &Condition) -> Result<Written, RemoteError> {
        let path = self.path(name);
        let lock = self.lock(&path)?;
        let holds = match condition {
            Condition::Any => true,
            Condition::Absent => !path.exists(),
            Condition::Unchanged(version) => match fs::read(&path) {
                Ok(bytes) => Digest::of(&bytes).as_str() == version,
                Err(error) => absent::<()>(error, &path)?.is_some(),
            },
        };
        if !holds {
            return Ok(Written::Refused);
        }
        write_atomic(&path, bytes)?;
        drop(lock);
        Ok(Written::Done)
    }

    /// Others that write in the same folder wait until it is dropped.
    fn lock(&self, path: &Path) -> Result<File, RemoteError> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(FileError::at("create the folder", folder))?;
        let path = folder.join(LOCK);
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(FileError::at("write", &path))?;
        match file.lock() {
            Ok(()) => Ok(file),
            // Some network disks have no locks. What is written stays whole; of two writers at the same instant the later one wins.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
            Err(error) => Err(FileError::at("lock", &path)(error).into()),
        }
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), RemoteError> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(FileError::at("delete", &path)(error).into()),
        }
    }

    pub(super) fn send(
        &self,
        name: &str,
        digest: &Digest,
        file: &Path,
        progress: &Progress<'_>,
    ) -> Result<(), RemoteError> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(FileError::at("create the folder", folder))?;
        tidy(folder);
        let mut source = File::open(file).map_err(FileError::at("read", file))?;
        let mut target = tempfile::Builder::new()
            .prefix(OWN)
            .tempfile_in(folder)
            .map_err(FileError::at("write", &path))?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; PIECE];
        loop {
            let read = source.read(&mut buffer).map_err(FileError::at("read", file))?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            hasher.update(bytes);
            target
                .as_file_mut()
                .write_all(bytes)
                .map_err(FileError::at("write", &path))?;
            progress(read as u64);
        }
        let found = hasher.finish();
        if found != *digest {
            return Err(RemoteError::Changed {
                path: file.to_owned(),
                found,
            });
        }
        target
            .as_file()
            .sync_data()
            .and_then(|()| readable(target.as_file()))
            .map_err(FileError::at("write", &path))?;
        target
            .persist(&path)
            .map_err(|error| FileError::at("write", &path)(error.error))?;
        Ok(())
    }

    pub(super) fn read_from(
        &self,
        name: &str,
        offset: u64,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), RemoteError>,
    ) -> Result<(), Broken> {
        let path = self.path(name);
        let failed = |error| Broken::Final(FileError::at("read", &path)(error).into());
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Broken::Final(RemoteError::Missing {
                    name: name.to_owned(),
                    place: self.place.clone(),
                }));
            }
            Err(error) => return Err(failed(error)),
        };
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let mut buffer = vec![0; PIECE];
        loop {
            let read = file.read(&mut buffer).map_err(failed)?;
            match buffer.get(..read).filter(|bytes| !bytes.is_empty()) {
                Some(bytes) => sink(bytes).map_err(Broken::Final)?,
                None => return Ok(()),
            }
        }
    }
}

/// `None` where the file is not there.
fn absent<T>(error: io::Error, path: &Path) -> Result<Option<T>, RemoteError> {
    if error.kind() == io::ErrorKind::NotFound {
        Ok(None)
    } else {
        Err(FileError::at("read", path)(error).into())
    }
}

/// Deletes what killed processes left on its way long ago. Nobody minds where that fails.
fn tidy(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let now = SystemTime::now();
    for entry in entries.flatten() {
        let is_own = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(OWN) && name != LOCK);
        let is_stale = || {
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok()?;
            Some(now.duration_since(modified).ok()? > STALE)
        };
        if is_own && is_stale().unwrap_or(false) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Temporary files are private; what is shared is not.
#[cfg(unix)]
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_file: &File) -> io::Result<()> {
    Ok(())
}
