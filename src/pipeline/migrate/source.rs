//! Their workspace: `registry.db` (SQLite, schemas 6 to 9) and what lies beside it, read from a copy, so that not even a journal of
//! theirs changes.

use std::fs;
use std::io;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;

use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use tempfile::TempDir;

use crate::files::FileError;

use super::error::MigrateError;

/// Their registry's file.
const REGISTRY: &str = "registry.db";

/// Folders that it may be in, beneath one that was named.
const PLACES: [&str; 3] = ["", ".mlbuild", ".mlbuild-python"];

/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// What ours has in its header (`mlbd`, four bytes from 68 on).
const OURS: [u8; 4] = *b"mlbd";

const SCHEMAS: std::ops::RangeInclusive<i64> = 6..=9;

/// Their workspace, open.
#[derive(Debug)]
pub struct Source {
    folder: PathBuf,
    version: i64,
    connection: Connection,
    // Dropped after the connection to what is in it.
    _copy: TempDir,
}

/// A build as they have it. Texts are as written.
#[derive(Debug, Clone)]
pub(super) struct TheirBuild {
    pub(super) id: String,
    pub(super) artifact_hash: String,
    pub(super) source_hash: String,
    pub(super) name: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) created_at: String,
    pub(super) deleted_at: Option<String>,
    pub(super) source_path: String,
    pub(super) target: String,
    pub(super) format: String,
    pub(super) quantization: String,
    pub(super) artifact_path: String,
    pub(super) size: u64,
    pub(super) task: Option<String>,
    pub(super) parent: Option<String>,
    pub(super) method: Option<String>,
    pub(super) graph_path: Option<String>,
    pub(super) has_cached: bool,
}

/// Finds their workspace: `folder` itself, or `.mlbuild` or `.mlbuild-python` in it.
///
/// # Errors
///
/// Where there is none, it is ours, or it cannot be read.
pub fn find(folder: &Path) -> Result<Source, MigrateError> {
    let mut ours = None;
    for place in PLACES {
        let candidate = folder.join(place);
        match kind(&candidate.join(REGISTRY))? {
            Kind::Other => return Source::open(&candidate),
            Kind::Ours => {
                ours.get_or_insert(candidate);
            }
            Kind::Nothing => {}
        }
    }
    Err(match ours {
        Some(folder) => MigrateError::Ours { folder },
        None => MigrateError::Nothing {
            folder: folder.to_owned(),
        },
    })
}

/// True where `folder` has a registry that is not ours.
pub(super) fn is_theirs(folder: &Path) -> Result<bool, MigrateError> {
    // A registry of ours that was never closed has its mark in the journal only.
    let other = matches!(kind(&folder.join(REGISTRY))?, Kind::Other);
    Ok(other && !matches!(Source::open(folder), Err(MigrateError::Nothing { .. })))
}

enum Kind {
    Nothing,
    Ours,
    Other,
}

/// Whose the file is, by its content.
fn kind(path: &Path) -> Result<Kind, MigrateError> {
    let mut head = Vec::new();
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Kind::Nothing);
        }
        Err(error) => return Err(FileError::at("read", path)(error).into()),
    };
    file.take(100)
        .read_to_end(&mut head)
        .map_err(FileError::at("read", path))?;
    Ok(if !head.starts_with(SQLITE) {
        Kind::Nothing
    } else if head.get(68..72) == Some(OURS.as_slice()) {
        Kind::Ours
    } else {
        Kind::Other
    })
}

/// Size and time of change; `None` where there is no such file.
fn stamp(path: &Path) -> Option<(u64, Option<SystemTime>)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()))
}

impl Source {
    fn open(folder: &Path) -> Result<Self, MigrateError> {
        let folder = folder.canonicalize().map_err(FileError::at("read", folder))?;
        let path = folder.join(REGISTRY);
        let log = folder.join("registry.db-wal");
        let copy = tempfile::tempdir().map_err(MigrateError::Temporary)?;
        let before = (stamp(&path), stamp(&log));
        for from in [&path, &log] {
            if from.is_file()
                && let Some(name) = from.file_name()
            {
                fs::copy(from, copy.path().join(name)).map_err(FileError::at("read", from))?;
            }
        }
        // A copy of two moments would be a registry that never was.
        if (stamp(&path), stamp(&log)) != before {
            return Err(MigrateError::Busy { path });
        }
        let unreadable = |source| MigrateError::Unreadable {
            path: path.clone(),
            source,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(copy.path().join(REGISTRY), flags).map_err(unreadable)?;
        let health: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(unreadable)?;
        if health != "ok" {
            return Err(MigrateError::Damaged { path, what: health });
        }
        let has = |table: &str| {
            let query = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
            connection
                .query_row(query, [table], |row| row.get::<_, bool>(0))
                .map_err(unreadable)
        };
        if !has("builds")? || !has("schema_version")? {
            return Err(MigrateError::Nothing { folder });
        }
        let version: i64 = connection
            .query_row("SELECT version FROM schema_version", [], |row| row.get(0))
            .map_err(unreadable)?;
        if !SCHEMAS.contains(&version) {
            return Err(MigrateError::Schema { path, found: version });
        }
        Ok(Self {
            folder,
            version,
            connection,
            _copy: copy,
        })
    }

    /// Their workspace's folder, absolute.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The version of their schema.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Where a file of theirs is: as registered, or where it must be now that the folder was moved.
    pub(super) fn locate(&self, registered: &str) -> Option<PathBuf> {
        let below = registered
            .rsplit_once(".mlbuild/")
            .map(|(_, below)| self.folder.join(below));
        // The folder that was named comes first: another one may have taken its old place.
        let moved =
            below.filter(|path| path.exists() && path.canonicalize().is_ok_and(|path| path.starts_with(&self.folder)));
        moved.or_else(|| Some(PathBuf::from(registered)).filter(|path| path.is_absolute() && path.exists()))
    }

    /// The text of a file beside the registry; `None` where there is none.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, MigrateError> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(MigrateError::Settings {
                    path,
                    reason: "it is not UTF-8".to_owned(),
                }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::at("read", &path)(error).into()),
        }
    }

    /// Every row of a table, in the order of `order`; none where their schema has no such table.
    pub(super) fn rows<T>(
        &self,
        table: &str,
        order: &str,
        mut read: impl FnMut(&Columns<'_>) -> Option<T>,
    ) -> Result<Vec<T>, MigrateError> {
        let path = self.folder.join(REGISTRY);
        let unreadable = |source| MigrateError::Unreadable {
            path: path.clone(),
            source,
        };
        let known = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
        if !self
            .connection
            .query_row(known, [table], |row| row.get(0))
            .map_err(unreadable)?
        {
            return Ok(Vec::new());
        }
        let mut statement = self
            .connection
            .prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))
            .map_err(unreadable)?;
        let names: Vec<String> = statement.column_names().map(ToString::to_string).collect();
        let mut rows = statement.query([]).map_err(unreadable)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(unreadable)? {
            let columns = Columns { names: &names, row };
            match read(&columns) {
                Some(one) => found.push(one),
                None => {
                    return Err(MigrateError::Damaged {
                        path: self.folder.join(REGISTRY),
                        what: format!("a row of `{table}` lacks what every row must have"),
                    });
                }
            }
        }
        Ok(found)
    }

    /// All builds, deleted ones too, the oldest first.
    pub(super) fn builds(&self) -> Result<Vec<TheirBuild>, MigrateError> {
        self.rows("builds", "created_at, build_id", |row| {
            Some(TheirBuild {
                id: row.text("build_id")?,
                artifact_hash: row.text("artifact_hash")?,
                source_hash: row.text("source_hash")?,
                name: row.text("name").filter(|name| !name.is_empty()),
                notes: row.text("notes").filter(|notes| !notes.trim().is_empty()),
                created_at: row.text("created_at")?,
                deleted_at: row.text("deleted_at"),
                source_path: row.text("source_path")?,
                target: row.text("target_device")?,
                format: row.text("format")?,
                quantization: row.text("quantization")?,
                artifact_path: row.text("artifact_path")?,
                size: row.integer("size_bytes").and_then(|size| u64::try_from(size).ok())?,
                task: row.text("task_type"),
                parent: row.text("parent_build_id"),
                method: row.text("optimization_method"),
                graph_path: row.text("graph_path").filter(|path| !path.is_empty()),
                has_cached: row.real("cached_latency_p50_ms").is_some(),
            })
        })
    }
}

/// A row, by names of columns; those that an older schema lacks are `None`.
pub(super) struct Columns<'a> {
    names: &'a [String],
    row: &'a Row<'a>,
}

impl Columns<'_> {
    fn value(&self, name: &str) -> Option<ValueRef<'_>> {
        let at = self.names.iter().position(|own| own == name)?;
        self.row.get_ref(at).ok()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            ValueRef::Integer(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn real(&self, name: &str) -> Option<f64> {
        match self.value(name)? {
            ValueRef::Real(number) => Some(number).filter(|number| number.is_finite()),
            ValueRef::Integer(number) => Some(number as f64),
            _ => None,
        }
    }
}
