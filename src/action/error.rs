//! Everything that can keep the Action from a verdict.

use std::path::Path;

use crate::action::inputs::InputError;
use crate::action::report::ReportingError;
use crate::bot::BotError;
use crate::config::ConfigError;
use crate::files::FileError;
use crate::github::GithubError;
use crate::github::event::EventError;
use crate::hint::Hint;
use crate::pipeline::baseline::dir::DirError;
use crate::pipeline::baseline::refresh::RefreshError;
use crate::pipeline::baseline::release::ReleaseError;
use crate::pipeline::baseline::resolve::ResolveError;
use crate::pipeline::build_command::BuildError;
use crate::pipeline::ci::CiError;
use crate::pipeline::explore::ExploreError;
use crate::pipeline::handover::WriteError;
use crate::pipeline::machinery::MachineryError;
use crate::pipeline::profile::ProfileError;
use crate::pipeline::sharding::measure::ShardError;
use crate::pipeline::sharding::merge::MergeError;
use crate::pipeline::sharding::plan::PlanError;
use crate::pipeline::workspace::WorkspaceError;
use crate::report::told::ToldError;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The workflow's inputs or the runner's variables.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The event's payload.
    #[error(transparent)]
    Event(#[from] EventError),
    /// An event that cannot be gated safely.
    #[error("the event `{0}` runs with the base's secrets and must not run a pull request's models")]
    UnsafeEvent(&'static str),
    /// A command's job on another event.
    #[error("the event `{0}` is no comment")]
    NoComment(String),
    /// A command names what there is not.
    #[error("{message}")]
    Selection {
        /// What is wrong, names in backticks.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A command in a comment.
    #[error(transparent)]
    Bot(#[from] BotError),
    /// A result on its way to another job.
    #[error(transparent)]
    Handover(#[from] WriteError),
    /// A table on its way to another job.
    #[error(transparent)]
    Told(#[from] ToldError),
    /// A command that makes a model.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A sweep.
    #[error(transparent)]
    Explore(#[from] ExploreError),
    /// A page.
    #[error("the page cannot be made: {0}")]
    Page(String),
    /// The config.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No config.
    #[error("no `.mlbuild.yml` in `{0}` or a folder above it")]
    NoConfig(String),
    /// The config lies outside the checkout.
    #[error("the config `{0}` lies outside the checked-out repository")]
    ConfigOutside(String),
    /// GitHub.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// Baseline releases.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// A baseline in a folder.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The baseline that the input names.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The engine.
    #[error(transparent)]
    Machinery(#[from] MachineryError),
    /// The workspace.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The run.
    #[error(transparent)]
    Ci(#[from] CiError),
    /// The refresh.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    /// Another workflow's result.
    #[error(transparent)]
    Reporting(#[from] ReportingError),
    /// The plan of a sharded gate.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// One shard of it.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// Its shards together.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// A job that publishes baselines was told to be a part of a gate.
    #[error("this event publishes a baseline, and the inputs `shards`, `shard` and `merge` are for gates")]
    ShardedBaseline,
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ActionError {
    /// True where somebody stopped the run.
    pub fn is_interrupt(&self) -> bool {
        match self {
            Self::Ci(CiError::Interrupted(_))
            | Self::Refresh(RefreshError::Interrupted(_))
            | Self::Shard(ShardError::Interrupted(_)) => true,
            Self::Reporting(error) => error.is_interrupt(),
            _ => false,
        }
    }

    /// The file and the line that are wrong, where it is the fault of the config or the budget.
    pub fn config_place(&self) -> Option<(&Path, u32)> {
        match self {
            Self::Config(error) => {
                let location = error.problems().first()?.location?;
                Some((error.path(), location.line))
            }
            _ => None,
        }
    }
}

impl Hint for ActionError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Input(error) => error.hints(),
            Self::Event(error) => error.hints(),
            Self::UnsafeEvent(_) => {
                vec!["use `on: pull_request`, as the workflow that `mlbuild init` writes does".to_owned()]
            }
            Self::NoComment(_) => {
                vec!["use the sub-action in a workflow with `on: issue_comment`, as in `examples/workflows`".to_owned()]
            }
            Self::Selection { hint, .. } => vec![hint.clone()],
            Self::Bot(error) => error.hints(),
            Self::Handover(error) => error.hints(),
            Self::Told(_) | Self::Page(_) => {
                vec!["this is a defect of mlbuild: please report it with the command that you wrote".to_owned()]
            }
            Self::Build(error) => error.hints(),
            Self::Profile(error) => error.hints(),
            Self::Explore(error) => error.hints(),
            Self::Config(error) => error
                .problems()
                .iter()
                .flat_map(|problem| problem.hints.clone())
                .collect(),
            Self::NoConfig(_) => vec![
                "run `mlbuild init` and commit what it writes, or name the file with the input `config`".to_owned(),
                "check that a step before this one checks the repository out".to_owned(),
            ],
            Self::ConfigOutside(_) => vec!["keep the config inside the repository".to_owned()],
            Self::Github(error) => error.hints(),
            Self::Release(error) => error.hints(),
            Self::Dir(error) => error.hints(),
            Self::Resolve(error) => error.hints(),
            Self::Machinery(error) => error.hints(),
            Self::Workspace(error) => error.hints(),
            Self::Ci(error) => error.hints(),
            Self::Refresh(error) => error.hints(),
            Self::Reporting(error) => error.hints(),
            Self::Plan(error) => error.hints(),
            Self::Shard(error) => error.hints(),
            Self::Merge(error) => error.hints(),
            Self::ShardedBaseline => vec![
                "publish baselines in a job of its own, and let the sharded jobs run `if: github.event_name != 'push'`"
                    .to_owned(),
            ],
            Self::File(error) => error.hints(),
        }
    }
}
