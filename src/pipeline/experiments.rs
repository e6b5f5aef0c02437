//! Experiments and runs as reports show them, and which run a command means.

use crate::hint::Hint;
use crate::pipeline::prune;
use crate::registry::Experiment;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Run;
use crate::registry::RunStatus;
use crate::report::desk;
use crate::report::experiments::ExperimentRow;
use crate::report::experiments::MetricRow;
use crate::report::experiments::ParamRow;
use crate::report::experiments::RunRow;
use crate::report::experiments::SCHEMA;
use crate::report::experiments::WholeExperiment;
use crate::report::experiments::WholeRun;

/// Why no run is meant.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nothing is running.
    #[error("no run is open")]
    NoneOpen,
    /// It has ended.
    #[error("the run {} has ended: it is {status}", desk::short(id))]
    Ended {
        /// Its id.
        id: String,
        /// How.
        status: &'static str,
    },
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Hint for RunError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoneOpen => {
                vec!["`mlbuild run start --experiment NAME` begins one; `--run-id` names another".to_owned()]
            }
            Self::Ended { .. } => vec!["`mlbuild run start --experiment NAME` begins another".to_owned()],
            Self::Registry(error) => error.hints(),
        }
    }
}

/// The open run that `id` names, or the newest open one; and how many more are open where none was named.
pub fn open_run(registry: &Registry, id: Option<&str>) -> Result<(Run, usize), RunError> {
    if let Some(id) = id {
        let run = registry.run(id)?;
        return match run.status {
            RunStatus::Running => Ok((run, 0)),
            ended => Err(RunError::Ended {
                id: run.id,
                status: ended.word(),
            }),
        };
    }
    let mut open = registry.runs(None)?.into_iter();
    let mut open = open.by_ref().filter(|run| run.status == RunStatus::Running);
    let newest = open.next().ok_or(RunError::NoneOpen)?;
    Ok((newest, open.count()))
}

/// An experiment in a list.
pub fn experiment_row(experiment: &Experiment) -> ExperimentRow {
    ExperimentRow {
        id: experiment.id.clone(),
        name: experiment.name.clone(),
        description: experiment.description.clone(),
        created_at: experiment.created_at.clone(),
        runs: experiment.runs,
    }
}

/// A run in a list.
pub fn run_row(run: &Run) -> RunRow {
    RunRow {
        id: run.id.clone(),
        experiment: run.experiment.clone(),
        name: run.name.clone(),
        status: run.status.word().to_owned(),
        started_at: run.started_at.clone(),
        ended_at: run.ended_at.clone(),
    }
}

/// Everything of a run.
pub fn whole_run(registry: &Registry, run: &Run) -> Result<WholeRun, RegistryError> {
    let log = registry.run_log(&run.id)?;
    let mut builds = Vec::new();
    for id in &log.builds {
        builds.extend(registry.with_prefix(id.as_str())?.iter().map(prune::row));
    }
    Ok(WholeRun {
        schema: SCHEMA,
        run: run_row(run),
        params: log
            .params
            .into_iter()
            .map(|(key, value)| ParamRow { key, value })
            .collect(),
        metrics: log
            .metrics
            .into_iter()
            .map(|metric| MetricRow {
                key: metric.key,
                value: metric.value,
                at: metric.at,
            })
            .collect(),
        builds,
    })
}

/// Everything of an experiment.
pub fn whole_experiment(registry: &Registry, experiment: &Experiment) -> Result<WholeExperiment, RegistryError> {
    let runs = registry.runs(Some(&experiment.id))?;
    Ok(WholeExperiment {
        schema: SCHEMA,
        experiment: experiment_row(experiment),
        runs: runs
            .iter()
            .map(|run| whole_run(registry, run))
            .collect::<Result<_, _>>()?,
    })
}
