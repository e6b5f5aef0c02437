//! Which of the Action's jobs an event asks for, and what both have in common.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::action::error::ActionError;
use crate::action::gate;
use crate::action::gate::Gate;
use crate::action::inputs::Inputs;
use crate::action::inputs::Sharding;
use crate::action::outputs;
use crate::action::refresh;
use crate::action::shards;
use crate::config::Config;
use crate::config::load;
use crate::config::load::Loaded;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::event;
use crate::github::event::Event;
use crate::github::event::PullRequest;
use crate::github::workflow_run;
use crate::github::workflow_run::RepositoryFacts;
use crate::pipeline::baseline;
use crate::pipeline::event::Observer;
use crate::pipeline::gate::Machinery;
use crate::pipeline::interrupt::Interrupt;
use crate::pipeline::machinery;
use crate::runtime::library::InstallEvent;

/// What the front end hands in: the environment, the clock, and where to show progress and workflow commands.
pub struct Surroundings<'a> {
    /// Read once, at the edge.
    pub environment: &'a BTreeMap<String, String>,
    /// Raised by a signal.
    pub interrupt: &'a Interrupt,
    /// Fails what is odd about outputs, whatever the config says.
    pub strict_output: bool,
    /// Now, ISO 8601.
    pub now: String,
    /// Shows what a run tells.
    pub observer: &'a mut Observer<'a>,
    /// Shows what an installation tells.
    pub installing: &'a mut dyn FnMut(InstallEvent),
    /// Writes one line to the job's log.
    pub log: &'a mut dyn FnMut(&str),
}

/// A commit to gate, and what it is compared with.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The commit that gets the check run.
    pub head: CommitSha,
    /// The commit to compare with; without one, the newest baseline before `head`.
    pub base: Option<CommitSha>,
    /// The pull request, where it is one.
    pub pull: Option<PullRequest>,
}

enum Asked {
    Gate(Proposal),
    Refresh { branch: String, commit: CommitSha },
    Nothing(String),
}

/// The config, and where it lies in the repository.
pub(crate) struct Located {
    pub(crate) loaded: Loaded,
    /// Relative to the repository's root, forward slashes.
    pub(crate) path: String,
    /// Its folder, likewise; empty for the root.
    pub(crate) folder: String,
}

/// Does what the event asks for and returns the process' exit code.
pub fn run(surroundings: &mut Surroundings<'_>) -> Result<i32, ActionError> {
    let inputs = Inputs::read(surroundings.environment)?;
    let event = Event::read(&inputs.run.event_name, &inputs.run.event_path)?;
    let client = Client::new(&inputs.run.api_url, None, &inputs.token, inputs.run.repository.clone())?;
    let facts = std::cell::OnceCell::new();
    let repository = || -> Result<RepositoryFacts, ActionError> {
        if let Some(facts) = facts.get() {
            return Ok(RepositoryFacts::clone(facts));
        }
        let found = match event::repository(&inputs.run.event_path) {
            Some(found) => found,
            None => workflow_run::repository(&client)?,
        };
        Ok(facts.get_or_init(|| found).clone())
    };
    match asked(&event, &inputs, &repository)? {
        Asked::Nothing(reason) => {
            (surroundings.log)(&format!("::notice title=mlbuild::{}", outputs::escape(&reason)));
            outputs::set(inputs.run.output.as_deref(), "result", "skipped")?;
            Ok(0)
        }
        Asked::Gate(proposal) => match &inputs.sharding {
            None | Some(Sharding::Merge(_)) => gate::run(&inputs, &client, &proposal, &repository, surroundings),
            Some(Sharding::Plan(shards)) => {
                let gate = Gate::new(&inputs, &client, &proposal, &repository);
                shards::plan(&gate, *shards, surroundings)
            }
            Some(Sharding::Measure { shard, of }) => {
                let gate = Gate::new(&inputs, &client, &proposal, &repository);
                shards::measure(&gate, (*shard, *of), surroundings)
            }
        },
        Asked::Refresh { .. } if inputs.sharding.is_some() => Err(ActionError::ShardedBaseline),
        Asked::Refresh { branch, commit } => {
            refresh::run(&inputs, &client, &branch, &commit, &repository, surroundings)
        }
    }
}

fn asked(
    event: &Event,
    inputs: &Inputs,
    repository: &dyn Fn() -> Result<RepositoryFacts, ActionError>,
) -> Result<Asked, ActionError> {
    match event {
        Event::PullRequest(pull) if pull.target => Err(ActionError::UnsafeEvent("pull_request_target")),
        Event::PullRequest(pull) => Ok(Asked::Gate(Proposal {
            head: pull.head_sha.clone(),
            base: Some(pull.base_sha.clone()),
            pull: Some(pull.clone()),
        })),
        Event::MergeGroup(group) => Ok(Asked::Gate(Proposal {
            head: group.head_sha.clone(),
            base: Some(group.base_sha.clone()),
            pull: None,
        })),
        Event::Push(push) => {
            if push.deleted {
                return Ok(Asked::Nothing("a branch was deleted: nothing to measure".to_owned()));
            }
            match push.branch() {
                Some(branch) if is_baseline_branch(branch, &push.default_branch, inputs) => Ok(Asked::Refresh {
                    branch: branch.to_owned(),
                    commit: push.sha.clone(),
                }),
                _ => Ok(Asked::Nothing(format!(
                    "`{}` publishes no baseline: only pushes to `baseline.branches` (by default `{}`) do",
                    push.reference, push.default_branch
                ))),
            }
        }
        Event::Schedule | Event::WorkflowDispatch { .. } => {
            let default_branch = repository()?.default_branch;
            if is_baseline_branch(&inputs.run.ref_name, &default_branch, inputs) {
                Ok(Asked::Refresh {
                    branch: inputs.run.ref_name.clone(),
                    commit: inputs.run.sha.clone(),
                })
            } else {
                Ok(Asked::Gate(Proposal {
                    head: inputs.run.sha.clone(),
                    base: None,
                    pull: None,
                }))
            }
        }
        Event::WorkflowRun(_) => Ok(Asked::Nothing(
            "the event `workflow_run` is not gated; use `pull_request`, `merge_group` and `push`".to_owned(),
        )),
        Event::IssueComment(_) => Ok(Asked::Nothing(
            "the event `issue_comment` is not gated; comments are answered by the sub-action `command`".to_owned(),
        )),
        Event::Other(name) => Ok(Asked::Nothing(format!(
            "the event `{name}` is not gated; use `pull_request`, `merge_group` and `push`"
        ))),
    }
}

/// The config's branches; where there is no readable config, the default branch alone, and what follows says what is wrong.
fn is_baseline_branch(branch: &str, default_branch: &str, inputs: &Inputs) -> bool {
    match locate(inputs) {
        Ok(located) if !located.loaded.config.baseline.branches.is_empty() => located
            .loaded
            .config
            .baseline
            .branches
            .iter()
            .any(|named| named == branch),
        _ => branch == default_branch,
    }
}

/// Finds and reads the config.
pub(crate) fn locate(inputs: &Inputs) -> Result<Located, ActionError> {
    let path = config_path(inputs)?;
    let loaded = load::load(&path)?;
    let outside = || ActionError::ConfigOutside(path.display().to_string());
    let relative = path.strip_prefix(&inputs.run.workspace).map_err(|_| outside())?;
    let relative = baseline::repository_path("", relative).ok_or_else(outside)?;
    let folder = relative
        .rsplit_once('/')
        .map_or(String::new(), |(folder, _)| folder.to_owned());
    Ok(Located {
        loaded,
        path: relative,
        folder,
    })
}

/// Where the config is, or where it would be.
pub(crate) fn config_path(inputs: &Inputs) -> Result<PathBuf, ActionError> {
    match &inputs.config {
        Some(path) if path.is_dir() => Ok(path.join(load::FILE_NAME)),
        Some(path) => Ok(path.clone()),
        None => load::find(&inputs.working_folder)
            .ok_or_else(|| ActionError::NoConfig(inputs.working_folder.display().to_string())),
    }
}

/// The engine, installed where it has to be.
pub(crate) fn machinery(
    inputs: &Inputs,
    config: &Config,
    surroundings: &mut Surroundings<'_>,
) -> Result<Machinery, ActionError> {
    let wanted = machinery::Wanted {
        version: &config.runtime.version,
        sandbox: config.measure.sandbox,
        explicit: inputs.runtime_path.as_deref(),
        explicit_litert: None,
        engines: &machinery::engines_in(config),
    };
    Ok(machinery::ready(
        wanted,
        surroundings.environment,
        surroundings.installing,
    )?)
}
