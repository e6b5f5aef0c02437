//! Measurements that were kept before there were figures: lists know nothing of them until their samples are read once.

use super::Measurement;
use super::Registry;
use super::RegistryError;

impl Registry {
    /// The numbers of all measurements without figures, the oldest first.
    pub fn unfigured(&self) -> Result<Vec<i64>, RegistryError> {
        self.rows(
            "SELECT measurements.id FROM measurements
             LEFT JOIN figures ON figures.measurement = measurements.id
             WHERE figures.measurement IS NULL ORDER BY measurements.id",
            &[],
            |row| row.get(0),
        )
    }

    /// The measurement with this number, its samples too; `None` where there is none.
    pub fn measurement(&self, number: i64) -> Result<Option<Measurement>, RegistryError> {
        let found = self.rows(
            "SELECT build, target, sequence_length, runtime_version, machines.fingerprint, samples, created_at
             FROM measurements JOIN machines ON machines.id = measurements.machine WHERE measurements.id = ?1",
            &[&number],
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, Option<i64>>(2)?,
                    row.get::<_, String>(3)?,
                    row.get::<_, String>(4)?,
                    row.get::<_, String>(5)?,
                    row.get::<_, String>(6)?,
                ))
            },
        )?;
        let Some((build, target, sequence, runtime_version, machine, samples, created_at)) = found.into_iter().next()
        else {
            return Ok(None);
        };
        let broken = |error: serde_json::Error| self.damaged(format!("a measurement: {error}"));
        Ok(Some(Measurement {
            build: self.digest(build)?,
            target,
            sequence: sequence.and_then(|length| u64::try_from(length).ok()),
            runtime_version,
            machine: serde_json::from_str(&machine).map_err(broken)?,
            samples: serde_json::from_str(&samples).map_err(broken)?,
            created_at,
            figures: None,
        }))
    }
}
