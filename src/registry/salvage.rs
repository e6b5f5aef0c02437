//! Saving what can be read of a damaged registry into a new one, row by row, in the order in which rows refer to each other.
//!
//! Each table is read from its beginning up to the first damaged page, then from its end backwards up to the last one: what lies between is
//! lost. A row that breaks a rule of the schema, or refers to one that is lost, is left out; a build whose parent is lost becomes a root.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::Registry;
use super::RegistryError;
use super::schema;
use crate::files::FileError;

/// Every table, those first that others refer to.
const TABLES: &[&str] = &[
    "builds",
    "artifacts",
    "machines",
    "measurements",
    "figures",
    "derivations",
    "checks",
    "tags",
    "tag_moves",
    "remarks",
    "history",
    "history_builds",
    "experiments",
    "runs",
    "run_params",
    "run_metrics",
    "run_builds",
    "remotes",
];

/// What was saved of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The table.
    pub table: &'static str,
    /// Rows that are in the new registry.
    pub rows: u64,
    /// True where something of it could not be read, or was left out.
    pub has_losses: bool,
}

/// Whether a registry can be used as it is.
#[derive(Debug)]
pub enum Health {
    /// It can.
    Sound,
    /// It cannot, and this is what SQLite says.
    Damaged(Vec<String>),
    /// It is not ours to repair: foreign, newer, locked or unreadable.
    Unusable(RegistryError),
}

/// Looks over the registry at `path`, which must be there.
pub fn health(path: &Path) -> Health {
    match Registry::open(path).and_then(|registry| registry.faults()) {
        Ok(faults) if faults.is_empty() => Health::Sound,
        Ok(faults) => Health::Damaged(faults),
        Err(error) if is_damage(path, &error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Health::Damaged(vec![cause.unwrap_or_else(|| error.to_string())])
        }
        Err(error) => Health::Unusable(error),
    }
}

fn is_damage(path: &Path, error: &RegistryError) -> bool {
    match error {
        RegistryError::Damaged { .. } => true,
        RegistryError::Sqlite { source, .. } => match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => true,
            // A table that a damaged list of tables does not have.
            Some(rusqlite::ErrorCode::Unknown) => true,
            _ => false,
        },
        // Whoever names a file `registry.db` and lost its header wants it back; a database with another mark belongs to others.
        RegistryError::Foreign { .. } => !has_header(path),
        _ => false,
    }
}

/// True where a file begins as SQLite's do.
fn has_header(path: &Path) -> bool {
    use std::io::Read as _;
    let mut start = [0_u8; 16];
    fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok()
        && start == *b"SQLite format 3\0"
}

/// Fills a new registry at `to`, which must not be there, with what can be read of the one at `from`, none of whose rows are changed.
pub fn salvage(from: &Path, to: &Path) -> Result<Vec<Saved>, RegistryError> {
    let failed = |source| RegistryError::Sqlite {
        action: "write to",
        path: to.to_owned(),
        source,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let old = Connection::open_with_flags(from, flags).ok();
    let version = old
        .as_ref()
        .and_then(|old| {
            old.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
                .ok()
        })
        .filter(|version| (1..=schema::VERSION).contains(version))
        .unwrap_or(schema::VERSION);
    let new = schema::empty(to, version)?;
    new.connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(failed)?;
    new.connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let mut saved = Vec::new();
    for table in TABLES {
        let columns = columns(&new.connection, table).map_err(failed)?;
        if columns.is_empty() {
            continue;
        }
        let (rows, is_whole) = match &old {
            Some(old) => read(old, table, &columns),
            None => (Vec::new(), false),
        };
        let found = rows.len();
        let kept = if *table == "builds" {
            insert_builds(&new.connection, &columns, rows)
        } else {
            rows.iter()
                .filter(|row| insert(&new.connection, table, &columns, row))
                .count()
        };
        saved.push(Saved {
            table,
            rows: kept as u64,
            has_losses: !is_whole || kept < found,
        });
    }
    new.connection
        .execute_batch(
            "WITH RECURSIVE line (id, root) AS (
                 SELECT id, id FROM builds WHERE parent IS NULL
                 UNION ALL
                 SELECT builds.id, line.root FROM line JOIN builds ON builds.parent = line.id
             )
             UPDATE builds SET root = (SELECT line.root FROM line WHERE line.id = builds.id);
             COMMIT;",
        )
        .map_err(failed)?;
    drop(new);
    // Older ones are brought up to date, and the write-ahead log is worked in when the last connection closes.
    drop(Registry::open(to)?);
    Ok(saved)
}

/// The names of a table's columns; empty where there is no such table.
fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?
        .query_map([table], |row| row.get(0))?
        .collect()
}

/// The rows of a table that can be read, and whether these are all.
fn read(old: &Connection, table: &str, columns: &[String]) -> (Vec<Vec<Value>>, bool) {
    let mut rows = Vec::new();
    let key = match table {
        "artifacts" => "build, position",
        "tags" | "remotes" => "name",
        "derivations" => "build",
        "history_builds" => "entry, build",
        "run_params" => "run, key",
        "run_builds" => "run, build",
        "figures" => "measurement",
        _ => "id",
    };
    let listed = columns.join(", ");
    let is_whole = scan(old, &format!("SELECT {listed} FROM {table} NOT INDEXED"), &mut rows);
    if !is_whole {
        let backwards: Vec<String> = key.split(", ").map(|column| format!("{column} DESC")).collect();
        let query = format!(
            "SELECT {listed} FROM {table} NOT INDEXED ORDER BY {}",
            backwards.join(", ")
        );
        scan(old, &query, &mut rows);
    }
    (rows, is_whole)
}

/// Reads until the end, or until something cannot be read; true where it was the end.
fn scan(connection: &Connection, query: &str, rows: &mut Vec<Vec<Value>>) -> bool {
    let Ok(mut statement) = connection.prepare(query) else {
        return false;
    };
    let count = statement.column_count();
    let Ok(mut found) = statement.query([]) else {
        return false;
    };
    loop {
        match found.next() {
            Ok(Some(row)) => {
                let values: rusqlite::Result<Vec<Value>> = (0..count).map(|index| row.get(index)).collect();
                // Text that is none any more.
                let Ok(values) = values else { continue };
                rows.push(values);
            }
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// True where the row is there afterwards, and was not before.
fn insert(new: &Connection, table: &str, columns: &[String], row: &[Value]) -> bool {
    let places = vec!["?"; columns.len()].join(", ");
    let statement = format!(
        "INSERT OR IGNORE INTO {table} ({}) VALUES ({places})",
        columns.join(", ")
    );
    new.prepare_cached(&statement)
        .and_then(|mut statement| statement.execute(params_from_iter(row)))
        .is_ok_and(|changed| changed > 0)
}

/// Inserts parents before their children; returns how many are there.
fn insert_builds(new: &Connection, columns: &[String], mut rows: Vec<Vec<Value>>) -> usize {
    let position = |name: &str| columns.iter().position(|column| column == name);
    let (Some(id), Some(parent)) = (position("id"), position("parent")) else {
        return 0;
    };
    let mut kept = 0;
    loop {
        let before = rows.len();
        rows.retain(|row| {
            let is_in = insert(new, "builds", columns, row);
            kept += usize::from(is_in);
            !is_in
        });
        if rows.len() < before {
            continue;
        }
        // Nothing fits any more: the first one that waits for a parent that is lost becomes a root.
        let known = |value: &Value| rows.iter().any(|row| row.get(id) == Some(value));
        let orphan = rows.iter().position(|row| {
            row.get(parent)
                .is_some_and(|value| *value != Value::Null && !known(value))
        });
        let Some(orphan) = orphan else { break };
        let mut row = rows.swap_remove(orphan);
        if let Some(value) = row.get_mut(parent) {
            *value = Value::Null;
        }
        if let (Some(own), Some(root)) = (row.get(id).cloned(), position("root"))
            && let Some(value) = row.get_mut(root)
        {
            *value = own;
        }
        kept += usize::from(insert(new, "builds", columns, &row));
    }
    kept
}

/// Puts the repaired registry at `new` in the place of the one at `path`, which is kept under another name; returns that name.
pub fn replace(path: &Path, new: &Path, stamp: &str) -> Result<PathBuf, RegistryError> {
    let named = |from: &Path, end: &str| {
        let mut name = from.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let aside = named(path, &format!(".damaged-{stamp}"));
    fs::copy(path, &aside).map_err(FileError::at("copy", path))?;
    // A log that belongs to the damaged file would be worked into the new one.
    let log = named(path, "-wal");
    if log.exists() {
        fs::rename(&log, named(&aside, "-wal")).map_err(FileError::at("move", &log))?;
    }
    let shared = named(path, "-shm");
    if shared.exists() {
        fs::remove_file(&shared).map_err(FileError::at("remove", &shared))?;
    }
    fs::rename(new, path).map_err(FileError::at("move", new))?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_saved_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        let registry = Registry::open(&path).unwrap();
        let mut known: Vec<String> = registry
            .rows(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
                &[],
                |row| row.get(0),
            )
            .unwrap();
        let mut listed: Vec<String> = TABLES.iter().map(|table| (*table).to_owned()).collect();
        known.sort();
        listed.sort();
        assert_eq!(known, listed);
        let rows = include_str!("migrations/0004_rows.sql");
        registry.connection.execute_batch(rows).unwrap();
        drop(registry);
        let saved = salvage(&path, &folder.path().join("new.db")).unwrap();
        assert!(
            saved.iter().all(|table| table.rows > 0 && !table.has_losses),
            "{saved:?}"
        );
        let new = Registry::open(&folder.path().join("new.db")).unwrap();
        assert!(new.faults().unwrap().is_empty());
        assert_eq!(new.builds().unwrap().len(), 2);
    }
}
