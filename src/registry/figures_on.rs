//! Figures with the machine that they were got on, and the builds of one source: what it takes to compare builds without reading samples.

use super::Build;
use super::Figured;
use super::Registry;
use super::RegistryError;
use super::figures;
use crate::digest::Digest;
use crate::machine::Fingerprint;

/// Figures, and where they hold.
#[derive(Debug, Clone, PartialEq)]
pub struct FiguredOn {
    /// The figures.
    pub figured: Figured,
    /// The machine. Figures of another one are no trend: [`Fingerprint::same_machine`].
    pub machine: Fingerprint,
    /// The version of the runtime.
    pub runtime_version: String,
}

impl Registry {
    /// The figures of a build's measurements with their machines, the newest first.
    pub fn figures_on_machines(&self, build: &Digest) -> Result<Vec<FiguredOn>, RegistryError> {
        let query = format!(
            "SELECT {}, machines.fingerprint, measurements.runtime_version FROM figures
             JOIN measurements ON measurements.id = figures.measurement
             JOIN machines ON machines.id = measurements.machine
             WHERE figures.build = ?1 ORDER BY figures.created_at DESC, figures.measurement DESC",
            figures::COLUMNS
        );
        let rows = self.rows(&query, &[&build.as_str()], |row| {
            Ok((
                figures::read(row, 0)?,
                row.get::<_, String>(14)?,
                row.get::<_, String>(15)?,
            ))
        })?;
        rows.into_iter()
            .map(|(figured, machine, runtime_version)| {
                Ok(FiguredOn {
                    figured,
                    machine: serde_json::from_str(&machine)
                        .map_err(|error| self.damaged(format!("a machine: {error}")))?,
                    runtime_version,
                })
            })
            .collect()
    }

    /// The builds of one source model that are not removed, the newest first.
    pub fn builds_of_source(&self, source: &Digest) -> Result<Vec<Build>, RegistryError> {
        self.select(
            "WHERE source = ?1 AND removed_at IS NULL ORDER BY builds.created_at DESC, builds.id",
            &[source.as_str()],
        )
    }
}
