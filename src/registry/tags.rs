//! Tags: names that people give to builds.

use rusqlite::OptionalExtension as _;
use rusqlite::TransactionBehavior;
use rusqlite::params;

use super::Registry;
use super::RegistryError;
use crate::digest::Digest;

const MAX_LENGTH: usize = 100;

/// The tag that this desk's baseline build has.
pub const BASELINE: &str = "mlbuild-baseline";

/// What pinned builds seem to be tagged with; many builds have it, so it is no tag.
pub const PINNED: &str = "mlbuild-pinned";

/// A name of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The name.
    pub name: String,
    /// What has it.
    pub build: Digest,
    /// Since when, ISO 8601 in UTC; `None` where that was not kept.
    pub created_at: Option<String>,
}

/// One time that a tag was set, moved or taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagMove {
    /// The tag.
    pub name: String,
    /// What it was given to; `None` where it was taken away. The build may be gone since.
    pub build: Option<Digest>,
    /// When, ISO 8601 in UTC.
    pub at: String,
}

impl Registry {
    /// Gives a build a name; a name that another build had moves to this one. The build must be there.
    pub fn tag(&mut self, name: &str, build: &Digest, now: &str) -> Result<(), RegistryError> {
        check(name)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failed_to_write(&self.path, error))?;
        let had: Option<String> = transaction
            .query_row("SELECT build FROM tags WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .map_err(|error| failed_to_write(&self.path, error))?;
        if had.as_deref() == Some(build.as_str()) {
            return Ok(());
        }
        let outcome = transaction
            .execute(
                "INSERT INTO tags (name, build, created_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET build = excluded.build, created_at = excluded.created_at",
                params![name, build.as_str(), now],
            )
            .and_then(|_| {
                transaction.execute(
                    "INSERT INTO tag_moves (name, build, at) VALUES (?1, ?2, ?3)",
                    params![name, build.as_str(), now],
                )
            })
            .and_then(|_| transaction.commit());
        outcome.map_err(|error| self.refused(error, build))
    }

    /// Takes a name away; false where nothing has it.
    pub fn untag(&mut self, name: &str, now: &str) -> Result<bool, RegistryError> {
        let failed = self.failed("write to");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let taken = transaction
            .execute("DELETE FROM tags WHERE name = ?1", [name])
            .map_err(&failed)?;
        if taken > 0 {
            transaction
                .execute(
                    "INSERT INTO tag_moves (name, build, at) VALUES (?1, NULL, ?2)",
                    params![name, now],
                )
                .map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        Ok(taken > 0)
    }

    /// The tags of a build, sorted.
    pub fn tags(&self, build: &Digest) -> Result<Vec<String>, RegistryError> {
        self.names(
            "SELECT name FROM tags WHERE build = ?1 ORDER BY name",
            &[build.as_str()],
        )
    }

    /// All tags, sorted by name.
    pub fn all_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        let rows = self.rows("SELECT name, build, created_at FROM tags ORDER BY name", &[], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?))
        })?;
        rows.into_iter()
            .map(|(name, build, created_at)| {
                Ok(Tag {
                    name,
                    build: self.digest(build)?,
                    created_at,
                })
            })
            .collect()
    }

    /// Every time that the tag `name` was set, moved or taken away, the newest first. All tags' where there is no name.
    pub fn tag_moves(&self, name: Option<&str>) -> Result<Vec<TagMove>, RegistryError> {
        let rows = self.rows(
            "SELECT name, build, at FROM tag_moves WHERE ?1 IS NULL OR name = ?1 ORDER BY id DESC",
            &[&name],
            |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?, row.get(2)?)),
        )?;
        rows.into_iter()
            .map(|(name, build, at)| {
                Ok(TagMove {
                    name,
                    build: build.map(|build| self.digest(build)).transpose()?,
                    at,
                })
            })
            .collect()
    }

    /// The id of the build with that tag.
    pub(super) fn tagged(&self, name: &str) -> Result<Option<String>, RegistryError> {
        self.connection
            .query_row("SELECT build FROM tags WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .map_err(self.failed("read"))
    }

    /// The tag or name that is most like `text`, where one is like it.
    pub(super) fn nearest(&self, text: &str) -> Result<Option<String>, RegistryError> {
        let names = self.names(
            "SELECT name FROM tags UNION SELECT coalesce(name, model) FROM builds WHERE removed_at IS NULL ORDER BY 1",
            &[],
        )?;
        Ok(names
            .into_iter()
            .map(|name| (strsim::jaro_winkler(&name, text), name))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, name)| name))
    }

    fn names(&self, query: &str, parameters: &[&str]) -> Result<Vec<String>, RegistryError> {
        let failed = self.failed("read");
        let mut statement = self.connection.prepare_cached(query).map_err(&failed)?;
        let rows = statement
            .query_map(rusqlite::params_from_iter(parameters), |row| row.get(0))
            .map_err(&failed)?;
        rows.collect::<rusqlite::Result<Vec<String>>>().map_err(&failed)
    }
}

fn failed_to_write(path: &std::path::Path, source: rusqlite::Error) -> RegistryError {
    RegistryError::Sqlite {
        action: "write to",
        path: path.to_owned(),
        source,
    }
}

fn check(name: &str) -> Result<(), RegistryError> {
    let refuse = |reason| {
        Err(RegistryError::BadTag {
            name: name.to_owned(),
            reason,
        })
    };
    if name == PINNED {
        return refuse("it is what `mlbuild pin` stands for");
    }
    if name.is_empty() || name.len() > MAX_LENGTH {
        return refuse("it must have 1 to 100 characters");
    }
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return refuse("it does not start with a letter or digit");
    }
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/'))
    {
        return refuse("it has a character that tags don't have");
    }
    Ok(())
}
