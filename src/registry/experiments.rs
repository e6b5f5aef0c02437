//! Experiments and their runs: parameters, metrics over time, and the builds that came of them.

use super::Registry;
use super::RegistryError;
use crate::digest::Digest;

/// A name under which runs are gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Unique.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
    /// How many runs it has.
    pub runs: u64,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// It has not ended.
    Running,
    /// It ended well.
    Completed,
    /// It ended badly.
    Failed,
    /// It was given up.
    Cancelled,
}

impl RunStatus {
    /// As it is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Running, Self::Completed, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|status| status.word() == word)
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The experiment's name.
    pub experiment: String,
    /// Its own name.
    pub name: Option<String>,
    /// How it stands.
    pub status: RunStatus,
    /// When, ISO 8601 in UTC.
    pub started_at: String,
    /// When, ISO 8601 in UTC.
    pub ended_at: Option<String>,
}

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct RunMetric {
    /// Its name.
    pub key: String,
    /// The value; finite.
    pub value: f64,
    /// When, ISO 8601 in UTC.
    pub at: String,
}

/// What was logged of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunLog {
    /// Parameters, sorted by name.
    pub params: Vec<(String, String)>,
    /// Metrics, sorted by name, then in the order of logging.
    pub metrics: Vec<RunMetric>,
    /// Builds, sorted.
    pub builds: Vec<Digest>,
}

const RUNS: &str = "SELECT runs.id, experiments.name, runs.name, status, started_at, ended_at
    FROM runs JOIN experiments ON experiments.id = runs.experiment";

impl Registry {
    /// Makes an experiment of a new name.
    pub fn create_experiment(
        &mut self,
        id: &str,
        name: &str,
        description: Option<&str>,
        now: &str,
    ) -> Result<(), RegistryError> {
        let made = self.change(
            "INSERT INTO experiments (id, name, description, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO NOTHING",
            &[&id, &name, &description, &now],
        )?;
        if made > 0 {
            return Ok(());
        }
        Err(RegistryError::Taken {
            article: "an",
            kind: "experiment",
            name: name.to_owned(),
        })
    }

    /// All experiments, the newest first.
    pub fn experiments(&self) -> Result<Vec<Experiment>, RegistryError> {
        self.rows(
            "SELECT id, name, description, created_at, (SELECT count(*) FROM runs WHERE experiment = experiments.id)
             FROM experiments ORDER BY created_at DESC, name",
            &[],
            |row| {
                Ok(Experiment {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    description: row.get(2)?,
                    created_at: row.get(3)?,
                    runs: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
                })
            },
        )
    }

    /// The experiment of that name, or whose id starts so.
    pub fn experiment(&self, text: &str) -> Result<Experiment, RegistryError> {
        let all = self.experiments()?;
        if let Some(named) = all.iter().find(|experiment| experiment.name == text) {
            return Ok(named.clone());
        }
        let id = self.record_id("experiments", "experiment", text)?;
        all.into_iter()
            .find(|experiment| experiment.id == id)
            .ok_or(RegistryError::NoRecord {
                kind: "experiment",
                text: text.to_owned(),
                found: "no",
            })
    }

    /// Forgets an experiment with its runs.
    pub fn delete_experiment(&mut self, id: &str) -> Result<(), RegistryError> {
        self.change("DELETE FROM experiments WHERE id = ?1", &[&id]).map(|_| ())
    }

    /// Begins a run of the experiment with that id.
    pub fn start_run(
        &mut self,
        id: &str,
        experiment: &str,
        name: Option<&str>,
        now: &str,
    ) -> Result<(), RegistryError> {
        self.change(
            "INSERT INTO runs (id, experiment, name, status, started_at) VALUES (?1, ?2, ?3, 'running', ?4)",
            &[&id, &experiment, &name, &now],
        )
        .map(|_| ())
    }

    /// Runs, the newest first: of one experiment's id, or of all.
    pub fn runs(&self, experiment: Option<&str>) -> Result<Vec<Run>, RegistryError> {
        self.runs_where(
            "WHERE ?1 IS NULL OR experiment = ?1 ORDER BY started_at DESC, runs.id",
            experiment,
        )
    }

    /// The run whose id starts so.
    pub fn run(&self, prefix: &str) -> Result<Run, RegistryError> {
        let id = self.record_id("runs", "run", prefix)?;
        self.runs_where("WHERE runs.id = ?1", Some(&id))?
            .pop()
            .ok_or(RegistryError::NoRecord {
                kind: "run",
                text: prefix.to_owned(),
                found: "no",
            })
    }

    /// The run that was begun last and has not ended.
    pub fn current_run(&self) -> Result<Option<Run>, RegistryError> {
        let found = self.runs_where(
            "WHERE status = 'running' AND ?1 IS NULL ORDER BY started_at DESC, runs.id LIMIT 1",
            None,
        )?;
        Ok(found.into_iter().next())
    }

    /// Ends a run that has not ended; false where it had.
    pub fn end_run(&mut self, id: &str, status: RunStatus, now: &str) -> Result<bool, RegistryError> {
        let changed = self.change(
            "UPDATE runs SET status = ?2, ended_at = ?3 WHERE id = ?1 AND status = 'running'",
            &[&id, &status.word(), &now],
        )?;
        Ok(changed > 0)
    }

    /// Sets a parameter of a run.
    pub fn log_param(&mut self, run: &str, key: &str, value: &str) -> Result<(), RegistryError> {
        self.change(
            "INSERT INTO run_params (run, key, value) VALUES (?1, ?2, ?3) ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
            &[&run, &key, &value],
        )
        .map(|_| ())
    }

    /// Adds a value to a metric of a run.
    pub fn log_metric(&mut self, run: &str, metric: &RunMetric) -> Result<(), RegistryError> {
        self.change(
            "INSERT INTO run_metrics (run, key, value, at) VALUES (?1, ?2, ?3, ?4)",
            &[&run, &metric.key, &metric.value, &metric.at],
        )
        .map(|_| ())
    }

    /// Says that a build came of a run.
    pub fn attach_build(&mut self, run: &str, build: &Digest) -> Result<(), RegistryError> {
        self.change(
            "INSERT OR IGNORE INTO run_builds (run, build) VALUES (?1, ?2)",
            &[&run, &build.as_str()],
        )
        .map(|_| ())
    }

    /// What was logged of a run.
    pub fn run_log(&self, run: &str) -> Result<RunLog, RegistryError> {
        let builds = self.rows(
            "SELECT build FROM run_builds WHERE run = ?1 ORDER BY build",
            &[&run],
            |row| row.get::<_, String>(0),
        )?;
        Ok(RunLog {
            params: self.rows(
                "SELECT key, value FROM run_params WHERE run = ?1 ORDER BY key",
                &[&run],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?,
            metrics: self.rows(
                "SELECT key, value, at FROM run_metrics WHERE run = ?1 ORDER BY key, id",
                &[&run],
                |row| {
                    Ok(RunMetric {
                        key: row.get(0)?,
                        value: row.get(1)?,
                        at: row.get(2)?,
                    })
                },
            )?,
            builds: builds
                .into_iter()
                .map(|build| self.digest(build))
                .collect::<Result<_, _>>()?,
        })
    }

    fn runs_where(&self, clause: &str, parameter: Option<&str>) -> Result<Vec<Run>, RegistryError> {
        let rows = self.rows(&format!("{RUNS} {clause}"), &[&parameter], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get::<_, String>(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        })?;
        rows.into_iter()
            .map(|(id, experiment, name, status, started_at, ended_at)| {
                Ok(Run {
                    id,
                    experiment,
                    name,
                    status: RunStatus::of(&status).ok_or_else(|| self.damaged(format!("a run that is `{status}`")))?,
                    started_at,
                    ended_at,
                })
            })
            .collect()
    }
}
