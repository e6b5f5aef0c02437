//! What people do with builds: naming, pinning, remarks, removing and purging.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::TransactionBehavior;
use rusqlite::params;

use super::Registry;
use super::RegistryError;
use crate::digest::Digest;

/// What a person wrote about a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The text, as it was written.
    pub text: String,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
}

/// Fewer unused bytes than this are left in the file.
const WORTH_SHRINKING: i64 = 16 << 20;

impl Registry {
    /// Gives a build another name for people; `None` gives it the model's again. Nothing else changes.
    pub fn rename(&mut self, build: &Digest, name: Option<&str>) -> Result<(), RegistryError> {
        let changed = self.change("UPDATE builds SET name = ?2 WHERE id = ?1", &[&build.as_str(), &name])?;
        self.found(changed, build)
    }

    /// Says what kind of data a build takes, where nobody had looked.
    pub fn set_task(&mut self, build: &Digest, task: &str) -> Result<(), RegistryError> {
        let changed = self.change("UPDATE builds SET task = ?2 WHERE id = ?1", &[&build.as_str(), &task])?;
        self.found(changed, build)
    }

    /// Protects builds from pruning, all or none; returns how many were not protected before.
    pub fn pin(&mut self, builds: &[Digest], now: &str) -> Result<usize, RegistryError> {
        self.each(
            builds,
            "UPDATE builds SET pinned_at = coalesce(pinned_at, ?2) WHERE id = ?1",
            Some(now),
        )
    }

    /// Takes the protection away, from all or none; returns how many were protected before.
    pub fn unpin(&mut self, builds: &[Digest]) -> Result<usize, RegistryError> {
        self.each(builds, "UPDATE builds SET pinned_at = NULL WHERE id = ?1", None)
    }

    /// Hides builds, all or none; nothing of them is lost.
    pub fn remove(&mut self, builds: &[Digest], now: &str) -> Result<(), RegistryError> {
        self.each(
            builds,
            "UPDATE builds SET removed_at = coalesce(removed_at, ?2) WHERE id = ?1",
            Some(now),
        )
        .map(|_| ())
    }

    /// Brings removed builds back, all or none.
    pub fn restore(&mut self, builds: &[Digest]) -> Result<(), RegistryError> {
        self.each(builds, "UPDATE builds SET removed_at = NULL WHERE id = ?1", None)
            .map(|_| ())
    }

    /// Forgets builds and everything about them for good, all or none. Their children become children of their parents, or roots of
    /// their own lineages. Returns the blobs that no build refers to any more; their files are still there.
    pub fn purge(&mut self, builds: &[Digest]) -> Result<Vec<Digest>, RegistryError> {
        let failed = self.failed("write to");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let blobs = purge(&transaction, builds).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        blobs.into_iter().map(|blob| self.digest(blob)).collect()
    }

    /// Every blob that a build refers to, removed ones too.
    pub fn referenced_blobs(&self) -> Result<BTreeSet<Digest>, RegistryError> {
        self.rows(
            "SELECT DISTINCT digest FROM artifacts UNION SELECT graph FROM builds WHERE graph IS NOT NULL",
            &[],
            |row| row.get::<_, String>(0),
        )?
        .into_iter()
        .map(|blob| self.digest(blob))
        .collect()
    }

    /// Writes something about a build. It must be there.
    pub fn remark(&mut self, build: &Digest, text: &str, now: &str) -> Result<(), RegistryError> {
        self.connection
            .execute(
                "INSERT INTO remarks (build, text, created_at) VALUES (?1, ?2, ?3)",
                params![build.as_str(), text, now],
            )
            .map(|_| ())
            .map_err(|error| self.refused(error, build))
    }

    /// What people wrote about a build, the oldest first.
    pub fn remarks(&self, build: &Digest) -> Result<Vec<Remark>, RegistryError> {
        self.rows(
            "SELECT text, created_at FROM remarks WHERE build = ?1 ORDER BY id",
            &[&build.as_str()],
            |row| {
                Ok(Remark {
                    text: row.get(0)?,
                    created_at: row.get(1)?,
                })
            },
        )
    }

    /// Gives back the disk that deleted rows took, where they took more than half of the file: it is written anew without them, which costs
    /// as much as what stays. Otherwise, and while others use the registry, the room is left to what comes next.
    pub fn shrink(&mut self) -> Result<(), RegistryError> {
        let failed = self.failed("read");
        let count = |name: &str| {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .map_err(&failed)
        };
        let (free, all, size) = (count("freelist_count")?, count("page_count")?, count("page_size")?);
        if free * 2 > all && free.saturating_mul(size) > WORTH_SHRINKING {
            // Refused while somebody reads.
            let _ = self.connection.execute_batch("VACUUM");
        }
        Ok(())
    }

    /// Runs a statement for each of some builds, all of which must be there; returns how many it changed.
    fn each(&mut self, builds: &[Digest], statement: &str, now: Option<&str>) -> Result<usize, RegistryError> {
        let failed = self.failed("write to");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let mut changed = 0;
        for build in builds {
            let before = state(&transaction, build).map_err(&failed)?;
            match now {
                Some(now) => transaction.execute(statement, params![build.as_str(), now]),
                None => transaction.execute(statement, params![build.as_str()]),
            }
            .map_err(&failed)?;
            let after = state(&transaction, build).map_err(&failed)?;
            if after.is_none() {
                return Err(RegistryError::NotFound {
                    text: build.to_string(),
                    nearest: None,
                });
            }
            changed += usize::from(before != after);
        }
        transaction.commit().map_err(&failed)?;
        Ok(changed)
    }

    fn found(&self, changed: usize, build: &Digest) -> Result<(), RegistryError> {
        if changed > 0 {
            return Ok(());
        }
        Err(RegistryError::NotFound {
            text: build.to_string(),
            nearest: None,
        })
    }
}

/// Pinned and removed.
type State = (Option<String>, Option<String>);

fn state(connection: &Connection, build: &Digest) -> rusqlite::Result<Option<State>> {
    use rusqlite::OptionalExtension as _;
    connection
        .prepare_cached("SELECT pinned_at, removed_at FROM builds WHERE id = ?1")?
        .query_row([build.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn purge(connection: &Connection, builds: &[Digest]) -> rusqlite::Result<Vec<String>> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS going (id TEXT PRIMARY KEY) WITHOUT ROWID; DELETE FROM going;",
    )?;
    {
        let mut going = connection.prepare("INSERT OR IGNORE INTO going (id) VALUES (?1)")?;
        for build in builds {
            going.execute([build.as_str()])?;
        }
    }
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS loose (digest TEXT PRIMARY KEY) WITHOUT ROWID; DELETE FROM loose;
         INSERT INTO loose
             SELECT digest FROM artifacts WHERE build IN (SELECT id FROM going)
             UNION SELECT graph FROM builds WHERE id IN (SELECT id FROM going) AND graph IS NOT NULL;",
    )?;
    adopt(connection)?;
    // What a build takes along is deleted table by table: through the keys it would be row by row, which takes twice as long.
    connection.execute_batch(
        "INSERT INTO tag_moves (name, build, at)
             SELECT name, NULL, strftime('%Y-%m-%dT%H:%M:%SZ', 'now') FROM tags WHERE build IN (SELECT id FROM going);
         DELETE FROM figures WHERE build IN (SELECT id FROM going);
         DELETE FROM measurements WHERE build IN (SELECT id FROM going);
         DELETE FROM artifacts WHERE build IN (SELECT id FROM going);
         DELETE FROM builds WHERE id IN (SELECT id FROM going);
         DELETE FROM machines WHERE id NOT IN (SELECT machine FROM measurements);",
    )?;
    connection
        .prepare(
            "SELECT digest FROM loose EXCEPT SELECT digest FROM artifacts
             EXCEPT SELECT graph FROM builds WHERE graph IS NOT NULL ORDER BY digest",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Gives the children of what is going to their nearest ancestor that stays, and sets the roots of what is beneath.
fn adopt(connection: &Connection) -> rusqlite::Result<()> {
    loop {
        let moved = connection.execute(
            "UPDATE builds SET parent = (SELECT parent FROM builds AS gone WHERE gone.id = builds.parent)
             WHERE parent IN (SELECT id FROM going) AND id NOT IN (SELECT id FROM going)",
            [],
        )?;
        if moved == 0 {
            break;
        }
    }
    connection.execute_batch(
        "WITH RECURSIVE line (id, root) AS (
             SELECT id, id FROM builds WHERE parent IS NULL AND root IN (SELECT id FROM going)
             UNION ALL
             SELECT builds.id, line.root FROM line JOIN builds ON builds.parent = line.id
         )
         UPDATE builds SET root = (SELECT line.root FROM line WHERE line.id = builds.id)
         WHERE id IN (SELECT id FROM line) AND id NOT IN (SELECT id FROM going);
         UPDATE builds SET parent = NULL, root = id WHERE id IN (SELECT id FROM going);",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_given_back_where_most_of_the_file_is_unused() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("registry.db");
        let mut registry = Registry::open(&path).unwrap();
        let fill = |registry: &Registry, bytes: i64| {
            let text = format!("CREATE TABLE filler AS SELECT zeroblob({bytes}) AS room");
            registry.connection.execute_batch(&text).unwrap();
        };
        let pages = |registry: &Registry| -> i64 {
            registry
                .connection
                .pragma_query_value(None, "page_count", |row| row.get(0))
                .unwrap()
        };
        let empty = pages(&registry);
        fill(&registry, WORTH_SHRINKING + 4096);
        let full = pages(&registry);
        registry.shrink().unwrap();
        assert_eq!(pages(&registry), full);
        registry.connection.execute_batch("DROP TABLE filler").unwrap();
        assert_eq!(pages(&registry), full);
        registry.shrink().unwrap();
        assert!(pages(&registry) <= empty, "{} of {full}", pages(&registry));
        // What is little is left to what comes next.
        fill(&registry, 1 << 20);
        let filled = pages(&registry);
        registry.connection.execute_batch("DROP TABLE filler").unwrap();
        registry.shrink().unwrap();
        assert_eq!(pages(&registry), filled);
    }
}
