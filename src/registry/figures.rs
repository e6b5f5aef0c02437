//! Figures: what a measurement's samples come to, kept beside them so that a list of builds need not read samples.

use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::params;

use super::Measurement;
use super::Registry;
use super::RegistryError;
use crate::digest::Digest;

/// What samples come to. Everything but the count may be unknown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Inferences that were timed.
    pub inferences: u64,
    /// Median latency, milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile of latency, milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile of latency, milliseconds.
    pub p99_ms: Option<f64>,
    /// Mean latency, milliseconds.
    pub mean_ms: Option<f64>,
    /// Standard deviation of latency, milliseconds.
    pub std_ms: Option<f64>,
    /// Inferences a second.
    pub throughput: Option<f64>,
    /// Time to load, milliseconds.
    pub load_ms: Option<f64>,
    /// Peak memory above an empty session's, bytes.
    pub peak_bytes: Option<u64>,
    /// The other tool that measured it; its figures are history, never evidence.
    pub origin: Option<String>,
}

/// Figures with what they are of.
#[derive(Debug, Clone, PartialEq)]
pub struct Figured {
    /// The measurement's number in this registry.
    pub measurement: i64,
    /// When it was measured, ISO 8601 in UTC.
    pub created_at: String,
    /// On which target.
    pub target: String,
    /// The length of token sequences, for a model that is measured with several.
    pub sequence: Option<u64>,
    /// What it came to.
    pub figures: Figures,
}

/// What [`read`] reads.
pub(super) const COLUMNS: &str =
    "figures.measurement, figures.created_at, figures.target, figures.sequence_length, inferences,
    p50_ms, p95_ms, p99_ms, mean_ms, std_ms, throughput, load_ms, peak_bytes, origin";

impl Registry {
    /// The figures of a build's measurements, the newest first.
    pub fn figures(&self, build: &Digest) -> Result<Vec<Figured>, RegistryError> {
        let query =
            format!("SELECT {COLUMNS} FROM figures WHERE build = ?1 ORDER BY created_at DESC, measurement DESC");
        self.rows(&query, &[&build.as_str()], |row| read(row, 0))
    }

    /// The newest figures of a build.
    pub fn latest_figures(&self, build: &Digest) -> Result<Option<Figured>, RegistryError> {
        let query = format!(
            "SELECT {COLUMNS} FROM figures WHERE build = ?1 ORDER BY created_at DESC, measurement DESC LIMIT 1"
        );
        Ok(self.rows(&query, &[&build.as_str()], |row| read(row, 0))?.pop())
    }

    /// The newest figures of all builds that are not removed, with their build.
    pub fn newest_figures(&self) -> Result<Option<(Digest, Figured)>, RegistryError> {
        let query = format!(
            "SELECT figures.build, {COLUMNS} FROM figures JOIN builds ON builds.id = figures.build AND removed_at IS NULL
             ORDER BY figures.created_at DESC, measurement DESC LIMIT 1"
        );
        let found = self.rows(&query, &[], |row| Ok((row.get::<_, String>(0)?, read(row, 1)?)))?;
        found
            .into_iter()
            .next()
            .map(|(build, figured)| Ok((self.digest(build)?, figured)))
            .transpose()
    }

    /// Gives a measurement that was kept without figures what its samples come to.
    pub fn set_figures(
        &mut self,
        number: i64,
        measurement: &Measurement,
        figures: &Figures,
    ) -> Result<(), RegistryError> {
        insert_figures(&self.connection, number, measurement, figures).map_err(self.failed("write to"))
    }
}

pub(super) fn insert_figures(
    connection: &Connection,
    number: i64,
    measurement: &Measurement,
    figures: &Figures,
) -> rusqlite::Result<()> {
    let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    // SQLite keeps no NaN, and infinity is no figure.
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    connection
        .prepare_cached(
            "INSERT INTO figures (measurement, build, created_at, target, sequence_length, inferences, p50_ms, p95_ms, p99_ms,
                                  mean_ms, std_ms, throughput, load_ms, peak_bytes, origin)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT (measurement) DO NOTHING",
        )?
        .execute(params![
            number,
            measurement.build.as_str(),
            measurement.created_at,
            measurement.target,
            measurement.sequence.map(whole),
            whole(figures.inferences),
            finite(figures.p50_ms),
            finite(figures.p95_ms),
            finite(figures.p99_ms),
            finite(figures.mean_ms),
            finite(figures.std_ms),
            finite(figures.throughput),
            finite(figures.load_ms),
            figures.peak_bytes.map(whole),
            figures.origin,
        ])
        .map(|_| ())
}

/// The columns of [`COLUMNS`], the first of them at `first`.
pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Figured> {
    let whole = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    Ok(Figured {
        measurement: row.get(first)?,
        created_at: row.get(first + 1)?,
        target: row.get(first + 2)?,
        sequence: whole(row.get(first + 3)?),
        figures: Figures {
            inferences: whole(row.get(first + 4)?).unwrap_or(0),
            p50_ms: row.get(first + 5)?,
            p95_ms: row.get(first + 6)?,
            p99_ms: row.get(first + 7)?,
            mean_ms: row.get(first + 8)?,
            std_ms: row.get(first + 9)?,
            throughput: row.get(first + 10)?,
            load_ms: row.get(first + 11)?,
            peak_bytes: whole(row.get(first + 12)?),
            origin: row.get(first + 13)?,
        },
    })
}
