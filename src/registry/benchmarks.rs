//! Measurements without their samples: where, with what and when, and what they came to.

use super::Registry;
use super::RegistryError;
use super::figures;
use super::figures::Figured;
use crate::digest::Digest;
use crate::machine::Fingerprint;

/// A measurement without its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// What it came to; nothing but its count may be known of one that an older version kept.
    pub figured: Figured,
    /// The version of the runtime.
    pub runtime_version: String,
    /// The machine; `None` where its description is of a form that is not known.
    pub machine: Option<Fingerprint>,
}

impl Registry {
    /// All measurements of a build, the newest first.
    pub fn benchmarks(&self, build: &Digest) -> Result<Vec<Benchmark>, RegistryError> {
        // Columns behind the samples are only read where there are no figures: SQLite would have to go through all of the samples.
        let query = "SELECT runtime_version, machines.fingerprint, measurements.id,
                    coalesce(figures.created_at, measurements.created_at), coalesce(figures.target, measurements.target),
                    CASE WHEN figures.measurement IS NULL THEN measurements.sequence_length ELSE figures.sequence_length END,
                    inferences, p50_ms, p95_ms, p99_ms, mean_ms, std_ms, throughput, load_ms, peak_bytes, origin
             FROM measurements JOIN machines ON machines.id = measurements.machine
                  LEFT JOIN figures ON figures.measurement = measurements.id
             WHERE measurements.build = ?1 ORDER BY 4 DESC, 3 DESC";
        self.rows(query, &[&build.as_str()], |row| {
            Ok(Benchmark {
                runtime_version: row.get(0)?,
                machine: serde_json::from_str(&row.get::<_, String>(1)?).ok(),
                figured: figures::read(row, 2)?,
            })
        })
    }
}
