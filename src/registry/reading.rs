//! Opening for reading: registries that cannot be written, because their folder, their file or the whole disk is read-only.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite::ffi;

use super::Registry;
use super::RegistryError;
use super::schema::APPLICATION_ID;
use super::schema::BUSY_TIMEOUT;
use super::schema::VERSION;
use crate::files;
use crate::files::Durability;
use crate::files::FileError;

/// How long the history waits for other processes.
const MOMENT: Duration = Duration::from_millis(200);

impl Registry {
    /// Opens the registry at `path`, which must be there, to read it. One of an older version is upgraded first, where it can be.
    ///
    /// Nothing is written otherwise, and a folder that cannot be written to is no reason to fail.
    pub fn open_for_reading(path: &Path) -> Result<Self, RegistryError> {
        let (registry, version) = match Self::read_only(path, false) {
            Err(RegistryError::Sqlite { source, .. }) if needs_a_journal(&source) => {
                if has_journal(path) {
                    Self::of_copy(path)?
                } else {
                    Self::read_only(path, true)?
                }
            }
            outcome => outcome?,
        };
        if version == VERSION {
            return Ok(registry);
        }
        drop(registry);
        match Self::open_to_write(path) {
            Err(RegistryError::Sqlite { source, .. }) if is_read_only(&source) => Err(RegistryError::Outdated {
                path: path.to_owned(),
                found: version,
                known: VERSION,
            }),
            outcome => outcome,
        }
    }

    /// Opens the registry at `path` to write the history down, or not at all: where it is not there, of another version, read-only, or
    /// in use for longer than a moment.
    pub fn open_to_record(path: &Path) -> Option<Self> {
        if !is_ours(path) {
            return None;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).ok()?;
        connection.busy_timeout(MOMENT).ok()?;
        connection.pragma_update(None, "foreign_keys", true).ok()?;
        // An entry that a crash of the whole machine takes away is no loss that anyone should wait for.
        connection.pragma_update(None, "synchronous", "normal").ok()?;
        let registry = Self::of(path, connection);
        let read_only = registry.connection.is_readonly(rusqlite::MAIN_DB).unwrap_or(true);
        (!read_only && registry.version_found().ok()? == VERSION).then_some(registry)
    }

    /// Closes the registry without waiting for the disk; what was written stays in the write-ahead log until another one is closed.
    pub fn close_at_once(self) {
        // Without it, closing takes a moment longer.
        let _ = self
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }

    /// `alone`: nobody can change the file while it is open, so there is neither lock nor journal.
    fn read_only(path: &Path, alone: bool) -> Result<(Self, i64), RegistryError> {
        let failed = |source: rusqlite::Error| Self::not_opened(path, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = if alone {
            Connection::open_with_flags(unchanging(path), flags | OpenFlags::SQLITE_OPEN_URI)
        } else {
            Connection::open_with_flags(path, flags)
        };
        let connection = connection.map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        let registry = Self::of(path, connection);
        let version = registry.version_found()?;
        Ok((registry, version))
    }

    /// What was written last stands in the write-ahead log, and SQLite needs to write beside that to read it: both are copied to where it can.
    fn of_copy(path: &Path) -> Result<(Self, i64), RegistryError> {
        let failed = |source: rusqlite::Error| Self::not_opened(path, source);
        let folder = tempfile::tempdir().map_err(FileError::at("make a temporary folder", Path::new("TMPDIR")))?;
        let copied = folder.path().join("registry.db");
        // The log first: what is put from it into the file meanwhile is in both.
        for (from, to) in [
            (journal_of(path), journal_of(&copied)),
            (path.to_owned(), copied.clone()),
        ] {
            files::copy_atomic(&from, &to, Durability::Checked)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&copied, flags).map_err(failed)?;
        // A change of the copy would be lost.
        connection.pragma_update(None, "query_only", true).map_err(failed)?;
        let mut registry = Self::of(path, connection);
        registry.copy = Some(folder);
        let version = registry.version_found()?;
        Ok((registry, version))
    }
}

/// True where the header of the file names mlbuild (byte 68, "Application ID", of SQLite's file format). Opening a database of others to find
/// out could change it: their write-ahead log would be put into it.
fn is_ours(path: &Path) -> bool {
    let mut header = [0; 72];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.ends_with(&APPLICATION_ID.to_be_bytes())
}

/// SQLite's address of a file that does not change.
fn unchanging(path: &Path) -> PathBuf {
    let escaped: String = path
        .to_string_lossy()
        .chars()
        .map(|character| match character {
            '%' => "%25".to_owned(),
            '?' => "%3f".to_owned(),
            '#' => "%23".to_owned(),
            other => other.to_string(),
        })
        .collect();
    format!("file:{escaped}?immutable=1").into()
}

/// What was written last is still in the write-ahead log.
fn has_journal(path: &Path) -> bool {
    fs::metadata(journal_of(path)).is_ok_and(|metadata| metadata.len() > 0)
}

fn journal_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// The log, or the index of it that every reader shares, cannot be made: the folder is read-only, or the disk is full.
fn needs_a_journal(error: &rusqlite::Error) -> bool {
    const INDEX: [i32; 3] = [
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMMAP,
    ];
    let is_index = error
        .sqlite_error()
        .is_some_and(|error| INDEX.contains(&error.extended_code));
    is_index
        || matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
        )
}

pub(super) fn is_read_only(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_without_writing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a ?#%.db");
        Registry::open(&path).unwrap().tag_moves(None).unwrap();
        let before = fs::read(&path).unwrap();
        for (registry, version) in [
            Registry::read_only(&path, false).unwrap(),
            Registry::read_only(&path, true).unwrap(),
        ] {
            assert_eq!(version, VERSION);
            assert_eq!(registry.builds().unwrap(), []);
            assert!(registry.change("DELETE FROM builds", &[]).is_err());
        }
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn refuses_what_is_no_registry_and_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        assert!(Registry::open_for_reading(&path).is_err());
        assert!(!path.exists());
        fs::write(&path, "something else, and more than a header of it").unwrap();
        assert!(matches!(
            Registry::open_for_reading(&path),
            Err(RegistryError::Foreign { .. })
        ));
    }
}
