//! Looking at a registry as a whole: every build, and whether the database is sound.

use super::Build;
use super::Registry;
use super::RegistryError;
use crate::digest::Digest;

/// So many faults of a database are listed.
const FAULTS: usize = 20;

impl Registry {
    /// All builds, removed ones too, the newest first.
    pub fn every_build(&self) -> Result<Vec<Build>, RegistryError> {
        self.select("ORDER BY builds.created_at DESC, builds.id", &[])
    }

    /// Builds that have a file with that content, or were made of a model with that digest as it is; the newest first, without removed ones.
    pub fn builds_of_content(&self, digest: &Digest) -> Result<Vec<Build>, RegistryError> {
        self.select(
            "WHERE removed_at IS NULL AND ((source = ?1 AND parent IS NULL)
                 OR id IN (SELECT build FROM artifacts WHERE digest = ?1 AND position = 0))
             ORDER BY builds.created_at DESC, builds.id",
            &[digest.as_str()],
        )
    }

    /// What SQLite finds wrong with the database: damaged pages, indexes that don't fit, rows that refer to nothing. Empty where it is sound.
    pub fn faults(&self) -> Result<Vec<String>, RegistryError> {
        let mut faults = self.rows(
            "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok' LIMIT ?1",
            &[&(FAULTS as i64)],
            |row| row.get::<_, String>(0),
        )?;
        let dangling = self.rows(
            "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2 ORDER BY 1, 2",
            &[],
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, i64>(2)?,
                ))
            },
        )?;
        faults.extend(dangling.into_iter().map(|(table, parent, count)| {
            let rows = if count == 1 { "row refers" } else { "rows refer" };
            format!("{count} {rows} from `{table}` to nothing in `{parent}`")
        }));
        Ok(faults)
    }
}
