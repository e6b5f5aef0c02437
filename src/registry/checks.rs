//! How builds were derived, so that they can be derived again, and checks: how far a build's outputs are from another build's.

use rusqlite::OptionalExtension as _;
use rusqlite::params;
use serde_json::Value;

use super::Registry;
use super::RegistryError;
use crate::digest::Digest;

/// What it takes to derive a build again, besides its source and recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct DerivationFacts {
    /// The build.
    pub build: Digest,
    /// What randomness was drawn from.
    pub seed: u64,
    /// What running models taught its passes, in the deriving stage's own format.
    pub evidence: Value,
    /// The digest of the calibration data; `None` where nothing was calibrated.
    pub calibration: Option<Digest>,
}

/// One check of a build against another.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What was checked.
    pub build: Digest,
    /// What it was compared with.
    pub against: Digest,
    /// Where both ran.
    pub target: String,
    /// The version of the runtime.
    pub runtime_version: String,
    /// What was found, in the checking stage's own format.
    pub result: Value,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
}

impl Registry {
    /// Remembers how a build was derived; what was known of it before stays. The build must be there ([`RegistryError::NotFound`]).
    pub fn insert_derivation(&mut self, facts: &DerivationFacts) -> Result<(), RegistryError> {
        let outcome = self.connection.execute(
            "INSERT INTO derivations (build, seed, evidence, calibration) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (build) DO NOTHING",
            params![
                facts.build.as_str(),
                facts.seed.to_string(),
                facts.evidence.to_string(),
                facts.calibration.as_ref().map(Digest::as_str),
            ],
        );
        outcome.map(|_| ()).map_err(|error| self.refused(error, &facts.build))
    }

    /// How a build was derived; `None` where that is not known.
    pub fn derivation(&self, build: &Digest) -> Result<Option<DerivationFacts>, RegistryError> {
        let row: Option<(String, String, Option<String>)> = self
            .connection
            .query_row(
                "SELECT seed, evidence, calibration FROM derivations WHERE build = ?1",
                [build.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()
            .map_err(self.failed("read"))?;
        let Some((seed, evidence, calibration)) = row else {
            return Ok(None);
        };
        let broken = |what: String| self.damaged(format!("derivation of {}: {what}", build.short()));
        Ok(Some(DerivationFacts {
            build: build.clone(),
            seed: seed.parse().map_err(|_| broken(format!("a seed of `{seed}`")))?,
            evidence: serde_json::from_str(&evidence).map_err(|error| broken(error.to_string()))?,
            calibration: calibration
                .map(Digest::try_from)
                .transpose()
                .map_err(|error| broken(error.to_string()))?,
        }))
    }

    /// Remembers a check. Both builds must be there ([`RegistryError::NotFound`]).
    pub fn insert_check(&mut self, check: &Check) -> Result<(), RegistryError> {
        let outcome = self.connection.execute(
            "INSERT INTO checks (build, against, target, runtime_version, result, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                check.build.as_str(),
                check.against.as_str(),
                check.target,
                check.runtime_version,
                check.result.to_string(),
                check.created_at,
            ],
        );
        outcome.map(|_| ()).map_err(|error| self.refused(error, &check.build))
    }

    /// All checks of a build, the oldest first.
    pub fn checks(&self, build: &Digest) -> Result<Vec<Check>, RegistryError> {
        let failed = self.failed("read");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT against, target, runtime_version, result, created_at FROM checks
                 WHERE build = ?1 ORDER BY created_at, id",
            )
            .map_err(&failed)?;
        let mut rows = statement.query([build.as_str()]).map_err(&failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let text = |index: usize| row.get::<_, String>(index).map_err(&failed);
            found.push(Check {
                build: build.clone(),
                against: Digest::try_from(text(0)?).map_err(|error| self.damaged(error.to_string()))?,
                target: text(1)?,
                runtime_version: text(2)?,
                result: serde_json::from_str(&text(3)?)
                    .map_err(|error| self.damaged(format!("a check of {}: {error}", build.short())))?,
                created_at: text(4)?,
            });
        }
        Ok(found)
    }
}
