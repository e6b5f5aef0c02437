//! Opens registries: makes new ones, upgrades old ones, refuses foreign and newer ones.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::TransactionBehavior;

use super::Registry;
use super::RegistryError;
use super::reading;
use crate::files::FileError;

/// From version n to n + 1, each as it was when it was released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_machines_and_lengths.sql"),
    include_str!("migrations/0003_derivations_and_checks.sql"),
    include_str!("migrations/0004_workspace.sql"),
    include_str!("migrations/0005_indices.sql"),
];

/// The version that this mlbuild writes.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// Marks the file as ours in its header (`mlbd`).
pub(super) const APPLICATION_ID: i32 = 0x6d6c_6264;

/// How long to wait for other processes.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

impl Registry {
    /// Opens the registry at `path`, making it and its folder where they are missing and upgrading it where it is older. One that is there and
    /// cannot be written is opened all the same: it can be read, and every change fails.
    pub fn open(path: &Path) -> Result<Self, RegistryError> {
        match Self::open_to_write(path) {
            Err(RegistryError::Sqlite { source, .. }) if reading::is_read_only(&source) && path.is_file() => {
                Self::open_for_reading(path)
            }
            outcome => outcome,
        }
    }

    /// As [`Self::open`], but that one which cannot be written is an error.
    pub(super) fn open_to_write(path: &Path) -> Result<Self, RegistryError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        if !folder.as_os_str().is_empty() {
            fs::create_dir_all(folder).map_err(FileError::at("create the folder", folder))?;
        }
        let failed = |source: rusqlite::Error| Self::not_opened(path, source);
        let connection = Connection::open(path).map_err(failed)?;
        let mut registry = Self::of(path, connection);
        registry
            .prepare()
            .map_err(failed)
            .and_then(|known| registry.judge(known))?;
        registry.share().map_err(failed)?;
        registry.migrate(MIGRATIONS)?;
        Ok(registry)
    }

    /// Why a registry could not be opened.
    pub(super) fn not_opened(path: &Path, source: rusqlite::Error) -> RegistryError {
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => RegistryError::Foreign { path: path.to_owned() },
            _ => RegistryError::Sqlite {
                action: "open",
                path: path.to_owned(),
                source,
            },
        }
    }

    /// The version of the file; files of others and of newer versions are refused. 0 for an empty one.
    pub(super) fn version_found(&self) -> Result<i64, RegistryError> {
        let found = header(&self.connection).map_err(|source| Self::not_opened(&self.path, source))?;
        let version = found.version;
        self.judge(found)?;
        Ok(version)
    }

    /// Sets up the connection, and reads whose file this is and its version.
    fn prepare(&self) -> rusqlite::Result<Header> {
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        self.connection.pragma_update(None, "foreign_keys", true)?;
        header(&self.connection)
    }

    /// Refuses files of others and of newer versions.
    fn judge(&self, header: Header) -> Result<(), RegistryError> {
        let path = self.path.clone();
        match header {
            Header { empty: true, .. } => Ok(()),
            Header { application, .. } if application != APPLICATION_ID => Err(RegistryError::Foreign { path }),
            Header { version, .. } if version > VERSION => Err(RegistryError::Newer {
                path,
                found: version,
                known: VERSION,
            }),
            _ => Ok(()),
        }
    }

    /// Lets others read while one writes (write-ahead log).
    fn share(&self) -> rusqlite::Result<()> {
        let mode: String = self
            .connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if mode == "wal" {
            return Ok(());
        }
        // Switching needs the file alone, and does not wait for it by itself.
        let mut tries = 0;
        loop {
            match self
                .connection
                .pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
            {
                Err(error) if is_busy(&error) && tries < 200 => tries += 1,
                outcome => return outcome,
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Applies what is missing of `migrations`, all or nothing.
    fn migrate(&mut self, migrations: &[&str]) -> Result<(), RegistryError> {
        let failed = |source| RegistryError::Sqlite {
            action: "upgrade",
            path: self.path.clone(),
            source,
        };
        let current = header(&self.connection).map_err(failed)?;
        if !current.empty && current.version == migrations.len() as i64 {
            return Ok(());
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        // Another process may have done it meanwhile.
        let version = header(&transaction).map_err(failed)?.version;
        for migration in migrations.iter().skip(usize::try_from(version).unwrap_or(0)) {
            transaction.execute_batch(migration).map_err(failed)?;
        }
        if version < migrations.len() as i64 {
            transaction
                .pragma_update(None, "application_id", APPLICATION_ID)
                .map_err(failed)?;
            transaction
                .pragma_update(None, "user_version", migrations.len() as i64)
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// An error of SQLite, with what was tried.
    pub(super) fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> RegistryError + use<> {
        let path = self.path.clone();
        move |source| RegistryError::Sqlite {
            action,
            path: path.clone(),
            source,
        }
    }

    /// A value that is not what it should be.
    pub(super) fn damaged(&self, what: String) -> RegistryError {
        RegistryError::Damaged {
            path: self.path.clone(),
            what,
        }
    }
}

/// A new registry at `path` as `version` made it, where nothing is yet.
pub(super) fn empty(path: &Path, version: i64) -> Result<Registry, RegistryError> {
    let connection = Connection::open(path).map_err(|source| RegistryError::Sqlite {
        action: "open",
        path: path.to_owned(),
        source,
    })?;
    let mut registry = Registry::of(path, connection);
    let upto = usize::try_from(version).unwrap_or(0).min(MIGRATIONS.len());
    registry.migrate(MIGRATIONS.get(..upto).unwrap_or(MIGRATIONS))?;
    Ok(registry)
}

/// What a database file says of itself.
struct Header {
    application: i32,
    version: i64,
    empty: bool,
}

fn header(connection: &Connection) -> rusqlite::Result<Header> {
    // One statement, so that all three are of one moment.
    connection.query_row(
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
                NOT EXISTS (SELECT 1 FROM sqlite_schema)",
        [],
        |row| {
            Ok(Header {
                application: row.get(0)?,
                version: row.get(1)?,
                empty: row.get(2)?,
            })
        },
    )
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as each version wrote them.
    const ROWS: &[&str] = &[
        include_str!("migrations/0001_rows.sql"),
        include_str!("migrations/0002_rows.sql"),
        include_str!("migrations/0003_rows.sql"),
        include_str!("migrations/0004_rows.sql"),
        include_str!("migrations/0005_rows.sql"),
    ];

    #[test]
    fn every_version_has_rows_to_upgrade() {
        assert_eq!(ROWS.len(), MIGRATIONS.len());
    }

    #[test]
    fn rows_of_every_version_survive_the_upgrade() {
        for (index, rows) in ROWS.iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("registry.db");
            let mut old = Registry::of(&path, Connection::open(&path).unwrap());
            old.migrate(&MIGRATIONS[..=index]).unwrap();
            old.connection.execute_batch(rows).unwrap();
            drop(old);
            let registry = Registry::open(&path).unwrap();
            assert_eq!(header(&registry.connection).unwrap().version, VERSION);
            let tagged = registry.resolve("release").unwrap();
            assert_eq!(
                (tagged.facts.model.as_str(), tagged.facts.recipe.as_str()),
                ("digits", "fp16")
            );
            assert_eq!(tagged.facts.artifacts.len(), 1);
            assert_eq!(registry.lineage(&tagged.facts.id).unwrap().len(), 2);
            let measurements = registry.measurements(&tagged.facts.id).unwrap();
            assert_eq!(measurements.len(), 1);
            assert_eq!(measurements[0].machine.arch, "x86_64");
            assert_eq!(measurements[0].machine.version, (index as u32 + 1).min(2));
            let derivation = registry.derivation(&tagged.facts.id).unwrap();
            assert_eq!(derivation.map(|facts| facts.seed), (index >= 2).then_some(u64::MAX));
            assert_eq!(
                registry.checks(&tagged.facts.id).unwrap().len(),
                usize::from(index >= 2)
            );
            let problems: i64 = registry
                .connection
                .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
                .unwrap();
            assert_eq!(problems, 0);
        }
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut registry = Registry::open(&folder.path().join("registry.db")).unwrap();
        let broken = [MIGRATIONS, &["CREATE TABLE more (id TEXT) STRICT; CREATE NONSENSE;"]].concat();
        let error = registry.migrate(&broken).unwrap_err();
        assert!(error.to_string().starts_with("cannot upgrade the registry"), "{error}");
        let tables: i64 = registry
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'more'", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!((tables, header(&registry.connection).unwrap().version), (0, VERSION));
    }
}
