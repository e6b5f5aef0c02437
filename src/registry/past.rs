//! Entries of the history that another tool wrote: they have ended, and how is not always known.

use rusqlite::params;
use serde_json::Value;

use super::HistoryEntry;
use super::Registry;
use super::RegistryError;

impl Registry {
    /// Writes entries down as they are, all or none; one whose id is known already stays as it was.
    pub fn insert_past_entries(&mut self, entries: &[HistoryEntry]) -> Result<(), RegistryError> {
        let failed = self.failed("write to");
        let transaction = self.connection.unchecked_transaction().map_err(&failed)?;
        for entry in entries {
            let made = transaction
                .prepare_cached(
                    "INSERT INTO history (id, command, arguments, started_at, ended_at, exit_code, machine, host, version)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        entry.id,
                        entry.command,
                        Value::from(entry.arguments.clone()).to_string(),
                        entry.started_at,
                        entry.ended_at,
                        entry.exit_code,
                        entry.machine,
                        entry.host,
                        entry.version,
                    ])
                })
                .map_err(&failed)?;
            for build in entry.builds.iter().filter(|_| made > 0) {
                transaction
                    .execute(
                        "INSERT OR IGNORE INTO history_builds (entry, build) VALUES (?1, ?2)",
                        params![entry.id, build],
                    )
                    .map_err(&failed)?;
            }
        }
        transaction.commit().map_err(&failed)
    }
}
