//! Measurements: raw samples of one build on one runtime on one machine.

use rusqlite::params;
use serde_json::Value;

use super::Registry;
use super::RegistryError;
use super::figures::Figures;
use super::figures::insert_figures;
use crate::digest::Digest;
use crate::machine::Fingerprint;

/// One measurement, its samples as they were taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// What was measured.
    pub build: Digest,
    /// On which target.
    pub target: String,
    /// The length of token sequences, for a model that is measured with several.
    pub sequence: Option<u64>,
    /// The version of the runtime.
    pub runtime_version: String,
    /// The machine. Its figures are not another machine's: [`Fingerprint::same_machine`].
    pub machine: Fingerprint,
    /// Raw samples, in the measuring stage's own format.
    pub samples: Value,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
    /// What the samples come to, for lists. Not read back with the samples: [`Registry::figures`] has it.
    pub figures: Option<Figures>,
}

impl Registry {
    /// Remembers a measurement and returns its number. Its build must be there ([`RegistryError::NotFound`]).
    pub fn insert_measurement(&mut self, measurement: &Measurement) -> Result<i64, RegistryError> {
        let machine = self.remember_machine(&measurement.machine)?;
        let transaction = self
            .connection
            .unchecked_transaction()
            .map_err(self.failed("write to"))?;
        let outcome = transaction.execute(
            "INSERT INTO measurements (build, target, runtime_version, machine, samples, created_at, sequence_length)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                measurement.build.as_str(),
                measurement.target,
                measurement.runtime_version,
                machine,
                measurement.samples.to_string(),
                measurement.created_at,
                measurement.sequence.and_then(|length| i64::try_from(length).ok()),
            ],
        );
        outcome.map_err(|error| self.refused(error, &measurement.build))?;
        let number = transaction.last_insert_rowid();
        if let Some(figures) = &measurement.figures {
            insert_figures(&transaction, number, measurement, figures).map_err(self.failed("write to"))?;
        }
        transaction.commit().map_err(self.failed("write to"))?;
        Ok(number)
    }

    /// The number of a machine, which is told apart from others by everything that is known of it.
    pub(super) fn remember_machine(&self, machine: &Fingerprint) -> Result<i64, RegistryError> {
        let text = serde_json::to_string(machine)
            .map_err(|error| self.damaged(format!("the machine cannot be written as JSON: {error}")))?;
        self.connection
            .query_row(
                "INSERT INTO machines (fingerprint) VALUES (?1)
                 ON CONFLICT (fingerprint) DO UPDATE SET fingerprint = excluded.fingerprint RETURNING id",
                [text],
                |row| row.get(0),
            )
            .map_err(self.failed("write to"))
    }

    /// The measurements of a build that were made on `machine`, the oldest first, and how many were made elsewhere: figures of
    /// different machines are not comparable, so whoever shows stored ones shows these.
    pub fn measurements_on(
        &self,
        build: &Digest,
        machine: &Fingerprint,
    ) -> Result<(Vec<Measurement>, usize), RegistryError> {
        let (here, elsewhere): (Vec<_>, Vec<_>) = self
            .measurements(build)?
            .into_iter()
            .partition(|measurement| machine.same_machine(&measurement.machine).is_ok());
        Ok((here, elsewhere.len()))
    }

    /// All measurements of a build, the oldest first, whatever machine they were made on.
    pub fn measurements(&self, build: &Digest) -> Result<Vec<Measurement>, RegistryError> {
        let failed = self.failed("read");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT target, runtime_version, machines.fingerprint, samples, created_at, sequence_length
                 FROM measurements JOIN machines ON machines.id = measurements.machine
                 WHERE build = ?1 ORDER BY created_at, measurements.id",
            )
            .map_err(&failed)?;
        let mut rows = statement.query([build.as_str()]).map_err(&failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let text = |index: usize| row.get::<_, String>(index).map_err(&failed);
            let broken = |error: serde_json::Error| self.damaged(format!("a measurement: {error}"));
            found.push(Measurement {
                build: build.clone(),
                target: row.get(0).map_err(&failed)?,
                sequence: row
                    .get::<_, Option<i64>>(5)
                    .map_err(&failed)?
                    .and_then(|length| u64::try_from(length).ok()),
                runtime_version: row.get(1).map_err(&failed)?,
                machine: serde_json::from_str(&text(2)?).map_err(broken)?,
                samples: serde_json::from_str(&text(3)?).map_err(broken)?,
                created_at: row.get(4).map_err(&failed)?,
                figures: None,
            });
        }
        Ok(found)
    }

    /// The error of a row that refers to `build`.
    pub(super) fn refused(&self, error: rusqlite::Error, build: &Digest) -> RegistryError {
        match error.sqlite_error() {
            Some(code) if code.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
                RegistryError::NotFound {
                    text: build.to_string(),
                    nearest: None,
                }
            }
            _ => self.failed("write to")(error),
        }
    }
}
