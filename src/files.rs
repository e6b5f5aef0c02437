//! Writing files so that an interrupted run never leaves half of one.

use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// A file or folder that could not be read or written; names the path and what was tried.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct FileError {
    /// What was tried, as a verb phrase: `read`, `write`, `create the folder`.
    pub action: &'static str,
    /// The path that it was tried on.
    pub path: PathBuf,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// Returns a closure for `map_err`.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

impl crate::hint::Hint for FileError {
    fn hints(&self) -> Vec<String> {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded => {
                vec![
                    "the disk, a quota or a limit is full: free some space and run again; nothing was half-written"
                        .to_owned(),
                ]
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                vec![
                    "that disk is read-only: what is on it can be looked at, and nothing can be added or changed"
                        .to_owned(),
                ]
            }
            io::ErrorKind::PermissionDenied => vec![format!("check the permissions of `{}`", self.path.display())],
            io::ErrorKind::NotFound => vec![
                "check the path; it is taken relative to the folder of the config, or to the working folder for a flag"
                    .to_owned(),
            ],
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                vec![format!(
                    "a file is where a folder is needed: move `{}` away",
                    self.path.display()
                )]
            }
            _ => Vec::new(),
        }
    }
}

/// `path` as seen from `folder`, without the `./` of the current one, as people write it.
pub fn beneath(folder: &Path, path: &Path) -> PathBuf {
    if folder == Path::new(".") {
        path.to_owned()
    } else {
        folder.join(path)
    }
}

/// True where the file at `path` can be changed, and others made beside it; nothing is tried out.
#[cfg(unix)]
pub fn is_writable(path: &Path) -> bool {
    let may_write = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    may_write(path) && may_write(parent_of(path))
}

/// True where the file at `path` can be changed, as far as its attributes tell; nothing is tried out.
#[cfg(not(unix))]
pub fn is_writable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.permissions().readonly())
}

/// Whether what is written must survive a crash of the whole machine, which costs a wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It must: there is no other way of telling that it was lost.
    Synced,
    /// It need not: its name says what it must hold, so that a loss is found out when it is read.
    Checked,
}

/// Writes `bytes` to `path` through a temporary file beside it and a rename, creating parent folders.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write(path, bytes, Durability::Synced)
}

/// As [`write_atomic`], for content that is checked whenever it is read, or is gone with this process.
pub fn write_checked(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write(path, bytes, Durability::Checked)
}

fn write(path: &Path, bytes: &[u8], durability: Durability) -> Result<(), FileError> {
    let parent = parent_of(path);
    fs::create_dir_all(parent).map_err(FileError::at("create the folder", parent))?;
    place(path, durability, |file| file.write_all(bytes))
}

/// Copies the file `from` to `to` through a temporary file beside it and a rename; the folder of `to` must be there.
pub fn copy_atomic(from: &Path, to: &Path, durability: Durability) -> Result<(), FileError> {
    let mut source = fs::File::open(from).map_err(FileError::at("read", from))?;
    place(to, durability, |file| io::copy(&mut source, file).map(drop))
}

fn parent_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn place(
    path: &Path,
    durability: Durability,
    fill: impl FnOnce(&mut fs::File) -> io::Result<()>,
) -> Result<(), FileError> {
    let mut temporary = tempfile::Builder::new()
        .prefix(".mlbuild-")
        .tempfile_in(parent_of(path))
        .map_err(FileError::at("write", path))?;
    // The file itself, as the wrapper's errors name the temporary file, which is nobody's business.
    fill(temporary.as_file_mut())
        .and_then(|()| match durability {
            Durability::Synced => temporary.as_file().sync_data(),
            Durability::Checked => Ok(()),
        })
        .and_then(|()| set_default_mode(temporary.as_file()))
        .map_err(FileError::at("write", path))?;
    temporary.persist(path).map(|_| ()).map_err(|error| FileError {
        action: "write",
        path: path.to_owned(),
        source: error.error,
    })
}

/// Temporary files are private; what is written for a person is readable like any other file.
#[cfg(unix)]
fn set_default_mode(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_default_mode(_file: &fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_files_and_makes_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn copies_whole_files_and_makes_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        write_atomic(&from, b"one").unwrap();
        let to = folder.path().join("to");
        copy_atomic(&from, &to, Durability::Synced).unwrap();
        copy_atomic(&from, &to, Durability::Synced).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(copy_atomic(&from, &folder.path().join("none/to"), Durability::Checked).is_err());
    }

    #[test]
    fn names_the_path_that_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::File::create(folder.path().join("file")).unwrap();
        let error = write_atomic(&folder.path().join("file/inside"), b"x").unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
