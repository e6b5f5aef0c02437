//! Everything about one build at once, as it goes to a remote and comes from one: read whole, and taken in whole or not at all.

use rusqlite::OptionalExtension as _;
use rusqlite::params;

use super::BuildFacts;
use super::Check;
use super::DerivationFacts;
use super::Measurement;
use super::Registry;
use super::RegistryError;
use super::Remark;
use super::figures;
use super::figures::insert_figures;
use crate::digest::Digest;

/// A build and all that is known of it, but for its tags, its protection and its removal, which are each registry's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// What was known when it was made.
    pub facts: BuildFacts,
    /// The name that a person gave it.
    pub name: Option<String>,
    /// How it was derived.
    pub derivation: Option<DerivationFacts>,
    /// Its measurements with their figures, the oldest first.
    pub measurements: Vec<Measurement>,
    /// Its checks against other builds, the oldest first.
    pub checks: Vec<Check>,
    /// What people wrote about it, the oldest first.
    pub remarks: Vec<Remark>,
}

impl Registry {
    /// Everything about the build with that id, removed or not; `None` where it is not there.
    pub fn shared(&self, id: &Digest) -> Result<Option<Shared>, RegistryError> {
        let Some(build) = self.select("WHERE builds.id = ?1", &[id.as_str()])?.pop() else {
            return Ok(None);
        };
        Ok(Some(Shared {
            derivation: self.derivation(id)?,
            measurements: self.measurements_with_figures(id)?,
            checks: self.checks(id)?,
            remarks: self.remarks(id)?,
            facts: build.facts,
            name: build.name,
        }))
    }

    fn measurements_with_figures(&self, id: &Digest) -> Result<Vec<Measurement>, RegistryError> {
        let query = format!(
            "SELECT measurements.target, runtime_version, machines.fingerprint, samples, measurements.created_at,
                    measurements.sequence_length, figures.measurement IS NOT NULL, {}
             FROM measurements JOIN machines ON machines.id = measurements.machine
             LEFT JOIN figures ON figures.measurement = measurements.id
             WHERE measurements.build = ?1 ORDER BY measurements.created_at, measurements.id",
            figures::COLUMNS
        );
        let rows = self.rows(&query, &[&id.as_str()], |row| {
            let known: bool = row.get(6)?;
            Ok((
                (
                    row.get(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, String>(3)?,
                ),
                (row.get(4)?, row.get::<_, Option<i64>>(5)?),
                known.then(|| figures::read(row, 7)).transpose()?,
            ))
        })?;
        let broken = |error: serde_json::Error| self.damaged(format!("a measurement of {}: {error}", id.short()));
        rows.into_iter()
            .map(
                |((target, runtime_version, machine, samples), (created_at, sequence), figured)| {
                    Ok(Measurement {
                        build: id.clone(),
                        target,
                        sequence: sequence.and_then(|length| u64::try_from(length).ok()),
                        runtime_version,
                        machine: serde_json::from_str(&machine).map_err(broken)?,
                        samples: serde_json::from_str(&samples).map_err(broken)?,
                        created_at,
                        figures: figured.map(|figured| figured.figures),
                    })
                },
            )
            .collect()
    }

    /// Takes in what others know of a build, all of it or nothing. What is here already stays as it is, unless `replace` says that the
    /// build's own facts are to be theirs; a build that was removed is back. Its parent must be here ([`RegistryError::NotFound`]).
    /// Checks against builds that are not here are left out.
    pub fn take_in(&mut self, shared: &Shared, replace: bool) -> Result<(), RegistryError> {
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(self.failed("write to"))?;
        let outcome = self
            .take_in_open(shared, replace)
            .and_then(|()| self.connection.execute_batch("COMMIT").map_err(self.failed("write to")));
        if outcome.is_err() {
            // A commit that failed may have ended the transaction already.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        outcome
    }

    fn take_in_open(&mut self, shared: &Shared, replace: bool) -> Result<(), RegistryError> {
        let id = &shared.facts.id;
        let is_new = self.put_build(&shared.facts)?;
        if replace && !is_new {
            self.replace_facts(&shared.facts)?;
        }
        let about = &shared.facts.about;
        self.change(
            "UPDATE builds SET name = coalesce(name, ?2), task = coalesce(task, ?3), file = coalesce(file, ?4),
                               graph = coalesce(graph, ?5) WHERE id = ?1",
            &[
                &id.as_str(),
                &shared.name,
                &about.task,
                &about.file,
                &about.graph.as_ref().map(Digest::as_str),
            ],
        )?;
        if let Some(derivation) = &shared.derivation {
            self.insert_derivation(derivation)?;
        }
        let here = match is_new {
            true => Vec::new(),
            false => self.measurements(id)?,
        };
        for measurement in &shared.measurements {
            if !here.iter().any(|known| is_same_measurement(known, measurement)) {
                self.put_measurement(measurement)?;
            }
        }
        let here = self.checks(id)?;
        for check in &shared.checks {
            if !here.contains(check) && self.has_build(&check.against)? {
                self.insert_check(check)?;
            }
        }
        let here = self.remarks(id)?;
        for remark in shared.remarks.iter().filter(|remark| !here.contains(remark)) {
            self.remark(id, &remark.text, &remark.created_at)?;
        }
        Ok(())
    }

    fn replace_facts(&mut self, facts: &BuildFacts) -> Result<(), RegistryError> {
        let size: u64 = facts.artifacts.iter().map(|artifact| artifact.size.0).sum();
        self.change(
            "UPDATE builds SET source = ?2, recipe = ?3, format = ?4, size = ?5 WHERE id = ?1",
            &[
                &facts.id.as_str(),
                &facts.source.as_str(),
                &facts.recipe,
                &facts.about.format,
                &i64::try_from(size).unwrap_or(i64::MAX),
            ],
        )?;
        self.change("DELETE FROM artifacts WHERE build = ?1", &[&facts.id.as_str()])?;
        self.put_artifacts(facts)
    }

    fn put_measurement(&mut self, measurement: &Measurement) -> Result<(), RegistryError> {
        let machine = self.remember_machine(&measurement.machine)?;
        self.connection
            .execute(
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
            )
            .map_err(|error| self.refused(error, &measurement.build))?;
        if let Some(figures) = &measurement.figures {
            let number = self.connection.last_insert_rowid();
            insert_figures(&self.connection, number, measurement, figures).map_err(self.failed("write to"))?;
        }
        Ok(())
    }

    /// What a build's parent is; `None` where it has none or is not there.
    pub fn parent(&self, id: &Digest) -> Result<Option<Digest>, RegistryError> {
        let parent: Option<Option<String>> = self
            .connection
            .query_row("SELECT parent FROM builds WHERE id = ?1", [id.as_str()], |row| {
                row.get(0)
            })
            .optional()
            .map_err(self.failed("read"))?;
        parent.flatten().map(|parent| self.digest(parent)).transpose()
    }
}

/// Two records of one measurement: nobody takes the same samples twice. The machine's description may have grown meanwhile.
fn is_same_measurement(one: &Measurement, other: &Measurement) -> bool {
    one.created_at == other.created_at
        && one.target == other.target
        && one.sequence == other.sequence
        && one.runtime_version == other.runtime_version
        && one.samples == other.samples
}
