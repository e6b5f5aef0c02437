//! The history of commands: what was typed, when, on which machine, about which builds, and how it ended.

use serde_json::Value;

use super::Registry;
use super::RegistryError;
use crate::digest::Digest;

/// A command that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The command and subcommand: `baseline set`.
    pub command: String,
    /// Everything after the program's name.
    pub arguments: Vec<String>,
    /// When it began, ISO 8601 in UTC with milliseconds.
    pub started_at: String,
    /// When it ended; `None` where it was killed, or still runs.
    pub ended_at: Option<String>,
    /// How it ended.
    pub exit_code: Option<i32>,
    /// A digest that tells machines apart.
    pub machine: String,
    /// The machine's name.
    pub host: String,
    /// The version of mlbuild.
    pub version: String,
    /// The builds that it was about, sorted; they may be gone.
    pub builds: Vec<String>,
}

/// Which entries. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// The command, with or without its subcommand: `baseline`, `baseline set`.
    pub command: Option<String>,
    /// Only what ended with another code than 0, or did not end.
    pub failed: bool,
    /// Begun at this time or later, ISO 8601 in UTC.
    pub since: Option<String>,
    /// Begun before this time, ISO 8601 in UTC.
    pub until: Option<String>,
    /// The beginning of the id of a build that it was about.
    pub build: Option<String>,
    /// At most so many.
    pub limit: Option<u64>,
}

impl Registry {
    /// Writes down that a command begins. Its end is not known yet, whatever `entry` says.
    pub fn begin_entry(&mut self, entry: &HistoryEntry) -> Result<(), RegistryError> {
        self.change(
            "INSERT INTO history (id, command, arguments, started_at, machine, host, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                &entry.id,
                &entry.command,
                &Value::from(entry.arguments.clone()).to_string(),
                &entry.started_at,
                &entry.machine,
                &entry.host,
                &entry.version,
            ],
        )
        .map(|_| ())
    }

    /// Writes down how a command ended, and what it was about.
    pub fn end_entry(
        &mut self,
        id: &str,
        ended_at: &str,
        exit_code: i32,
        builds: &[Digest],
    ) -> Result<(), RegistryError> {
        let failed = self.failed("write to");
        let transaction = self.connection.unchecked_transaction().map_err(&failed)?;
        let there = self.change(
            "UPDATE history SET ended_at = ?2, exit_code = ?3 WHERE id = ?1",
            &[&id, &ended_at, &exit_code],
        )?;
        // `history clear` takes itself away, too.
        for build in builds.iter().filter(|_| there > 0) {
            self.change(
                "INSERT OR IGNORE INTO history_builds (entry, build) VALUES (?1, ?2)",
                &[&id, &build.as_str()],
            )?;
        }
        transaction.commit().map_err(&failed)
    }

    /// The entries that `filter` lets through, the newest first.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, RegistryError> {
        let limit = filter
            .limit
            .map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.rows(
            "SELECT id, command, arguments, started_at, ended_at, exit_code, machine, host, version,
                    (SELECT json_group_array(build) FROM (SELECT build FROM history_builds WHERE entry = history.id ORDER BY build))
             FROM history
             WHERE (?1 IS NULL OR command = ?1 OR substr(command, 1, length(?1) + 1) = ?1 || ' ')
               AND (NOT ?2 OR exit_code IS NULL OR exit_code <> 0)
               AND (?3 IS NULL OR started_at >= ?3) AND (?4 IS NULL OR started_at < ?4)
               AND (?5 IS NULL OR id IN (SELECT entry FROM history_builds WHERE build >= ?5 AND build < ?5 || 'g'))
             ORDER BY started_at DESC, id LIMIT ?6",
            &[
                &filter.command,
                &filter.failed,
                &filter.since,
                &filter.until,
                &filter.build.as_ref().map(|build| build.to_ascii_lowercase()),
                &limit,
            ],
            |row| {
                let entry = HistoryEntry {
                    id: row.get(0)?,
                    command: row.get(1)?,
                    arguments: Vec::new(),
                    started_at: row.get(3)?,
                    ended_at: row.get(4)?,
                    exit_code: row.get(5)?,
                    machine: row.get(6)?,
                    host: row.get(7)?,
                    version: row.get(8)?,
                    builds: Vec::new(),
                };
                Ok((entry, row.get::<_, String>(2)?, row.get::<_, String>(9)?))
            },
        )?;
        rows.into_iter()
            .map(|(entry, arguments, builds)| {
                let list = |text: &str| {
                    serde_json::from_str(text)
                        .map_err(|error| self.damaged(format!("the history entry {}: {error}", entry.id)))
                };
                Ok(HistoryEntry {
                    arguments: list(&arguments)?,
                    builds: list(&builds)?,
                    ..entry
                })
            })
            .collect()
    }

    /// Forgets the one entry whose id starts with `prefix`, at least four hexadecimal digits; returns its id.
    pub fn delete_entry(&mut self, prefix: &str) -> Result<String, RegistryError> {
        let id = self.record_id("history", "history entry", prefix)?;
        self.change("DELETE FROM history WHERE id = ?1", &[&id])?;
        Ok(id)
    }

    /// Forgets all entries; returns how many.
    pub fn clear_history(&mut self) -> Result<usize, RegistryError> {
        self.change("DELETE FROM history", &[])
    }

    /// The id in `table` that starts with `prefix`, at least four hexadecimal digits.
    pub(super) fn record_id(&self, table: &str, kind: &'static str, prefix: &str) -> Result<String, RegistryError> {
        let missing = |found| RegistryError::NoRecord {
            kind,
            text: prefix.to_owned(),
            found,
        };
        let digits = prefix.to_ascii_lowercase();
        if digits.len() < 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(missing("no"));
        }
        let query = format!("SELECT id FROM {table} WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2");
        let mut found = self.rows(&query, &[&digits], |row| row.get::<_, String>(0))?;
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(missing("no")),
            (Some(id), true) => Ok(id),
            (Some(_), false) => Err(missing("more than one")),
        }
    }
}
