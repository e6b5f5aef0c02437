//! Opening for reading: registries that cannot be written, because their folder, their file or the whole disk is read-only.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OpenFlags;

use super::Registry;
use super::RegistryError;
use super::schema::BUSY_TIMEOUT;
use super::schema::VERSION;

impl Registry {
    /// Opens the registry at `path`, which must be there, to read it. One of an older version is upgraded first, where it can be.
    ///
    /// Nothing is written otherwise, and a folder that cannot be written to is no reason to fail.
    pub fn open_for_reading(path: &Path) -> Result<Self, RegistryError> {
        let (registry, version) = match Self::read_only(path, false) {
            Err(RegistryError::Sqlite { source, .. }) if needs_a_journal(&source) && !has_journal(path) => {
                Self::read_only(path, true)?
            }
            outcome => outcome?,
        };
        if version == VERSION {
            return Ok(registry);
        }
        drop(registry);
        match Self::open(path) {
            Err(RegistryError::Sqlite { source, .. }) if is_read_only(&source) => Err(RegistryError::Outdated {
                path: path.to_owned(),
                found: version,
                known: VERSION,
            }),
            outcome => outcome,
        }
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
        let registry = Self {
            path: path.to_owned(),
            connection,
        };
        let version = registry.version_found()?;
        Ok((registry, version))
    }
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
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).is_ok_and(|metadata| metadata.len() > 0)
}

fn needs_a_journal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

fn is_read_only(error: &rusqlite::Error) -> bool {
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
