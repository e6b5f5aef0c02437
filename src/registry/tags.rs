//! Tags: names that people give to builds.

use rusqlite::OptionalExtension as _;
use rusqlite::params;

use super::Registry;
use super::RegistryError;
use crate::digest::Digest;

const MAX_LENGTH: usize = 100;

impl Registry {
    /// Gives a build a name; a name that another build had moves to this one. The build must be there.
    pub fn tag(&mut self, name: &str, build: &Digest) -> Result<(), RegistryError> {
        check(name)?;
        let outcome = self.connection.execute(
            "INSERT INTO tags (name, build) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET build = excluded.build",
            params![name, build.as_str()],
        );
        outcome.map(|_| ()).map_err(|error| self.refused(error, build))
    }

    /// The tags of a build, sorted.
    pub fn tags(&self, build: &Digest) -> Result<Vec<String>, RegistryError> {
        self.names(
            "SELECT name FROM tags WHERE build = ?1 ORDER BY name",
            &[build.as_str()],
        )
    }

    /// The id of the build with that tag.
    pub(super) fn tagged(&self, name: &str) -> Result<Option<String>, RegistryError> {
        self.connection
            .query_row("SELECT build FROM tags WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .map_err(self.failed("read"))
    }

    /// The tag that is most like `text`, where one is like it.
    pub(super) fn nearest_tag(&self, text: &str) -> Result<Option<String>, RegistryError> {
        let names = self.names("SELECT name FROM tags ORDER BY name", &[])?;
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

fn check(name: &str) -> Result<(), RegistryError> {
    let refuse = |reason| {
        Err(RegistryError::BadTag {
            name: name.to_owned(),
            reason,
        })
    };
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
