//! What the commands about shards share: which shard, of which commit, and the config as every shard and the merge must see it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Config;
use crate::config::budget;
use crate::config::load::Loaded;
use crate::files::FileError;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::resolve;
use crate::pipeline::ci;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::machinery;
use crate::pipeline::remember;
use crate::pipeline::sharding::measure;
use crate::pipeline::sharding::merge;
use crate::pipeline::sharding::plan;
use crate::pipeline::sharding::plan::ShardPlan;
use crate::pipeline::sharding::shown;
use crate::pipeline::workspace::Workspace;
use crate::report;
use crate::report::Report;

use super::clock;
use super::context::Context;
use super::desk;
use super::error::CliError;
use super::exit::Exit;
use super::limits::LimitArgs;
use super::progress::Progress;
use super::signals;

/// Where CI systems say which commit they run on.
const COMMIT_VARIABLES: [&str; 2] = ["GITHUB_SHA", "CI_COMMIT_SHA"];

/// Which shard of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    /// From 1.
    pub(crate) number: u32,
    /// How many there are.
    pub(crate) of: u32,
}

/// Reads `2/4`.
pub(crate) fn shard(text: &str) -> Result<Shard, String> {
    match plan::parse_shard(text) {
        Some((number, of)) => Ok(Shard { number, of }),
        None => Err(format!(
            "expected a shard such as `2/4`, the second of four, of at most {}",
            plan::MOST_SHARDS
        )),
    }
}

/// A project whose gate is dealt out.
pub(crate) struct Project {
    pub(crate) loaded: Loaded,
    pub(crate) workspace: Workspace,
    /// With budgets and flags.
    pub(crate) config: Config,
}

impl Project {
    pub(crate) fn open(limits: &LimitArgs, context: &Context) -> Result<Self, CliError> {
        let loaded = context.load_config()?;
        let workspace = Workspace::open(&loaded.folder)?;
        let mut config = loaded.config.clone();
        if let Some(budget) = budget::load(&loaded.folder)? {
            config.gate.constrain(budget.constraints());
        }
        let mut config = config.with(&limits.overrides(), &loaded.folder, &context.working_folder)?;
        config.measure.strict_output |= context.global.strict_output;
        Ok(Self {
            loaded,
            workspace,
            config,
        })
    }

    /// What is compared with.
    pub(crate) fn baselines(&self, named: Option<&str>, context: &Context) -> Result<Baselines, CliError> {
        let github = desk::github(context)?;
        Ok(resolve::resolve(
            named,
            &resolve::Desk {
                config: &self.config,
                folder: &self.loaded.folder,
                working_folder: &context.working_folder,
                workspace: &self.workspace,
                github: github.as_ref().map(|client| (client, desk::KEY)),
                key: desk::KEY,
                environment: &context.environment,
            },
        )?)
    }

    fn report_context(&self, context: &Context, commit: Option<&str>) -> report::Context {
        let path = self.loaded.path.as_ref();
        report::Context {
            key: desk::KEY.to_owned(),
            config_path: path
                .map(|path| context.relative(path).display().to_string())
                .unwrap_or_default(),
            head_commit: commit.map(str::to_owned),
            ..report::Context::default()
        }
    }
}

/// The commit that is measured: as a flag says, or the CI system.
pub(crate) fn commit(flag: Option<&str>, context: &Context) -> Option<String> {
    let variables = COMMIT_VARIABLES.into_iter();
    let known = variables.filter_map(|name| context.environment.non_empty(name));
    flag.into_iter().chain(known).next().map(str::to_owned)
}

/// What `ci --shard` was asked.
pub(crate) struct Measuring<'a> {
    pub(crate) shard: Shard,
    pub(crate) plan: Option<&'a Path>,
    pub(crate) output: Option<&'a Path>,
    pub(crate) baseline: Option<&'a str>,
    pub(crate) commit: Option<&'a str>,
    pub(crate) limits: &'a LimitArgs,
    pub(crate) json: bool,
}

/// Measures one shard.
pub(crate) fn measure(asked: &Measuring<'_>, context: &Context) -> Result<Exit, CliError> {
    let project = Project::open(asked.limits, context)?;
    let config = &project.config;
    let plan = asked.plan.map(read_plan).transpose()?;
    let baselines = project.baselines(asked.baseline, context)?;
    let machinery = desk::machinery(context, config, &machinery::engines_in(config))?;
    let interrupt = signals::interrupt();
    let now = clock::now();
    let commit = commit(asked.commit, context);
    let request = measure::Request {
        run: ci::Request {
            config,
            gate: &config.gate,
            config_changes: Vec::new(),
            folder: &project.loaded.folder,
            lines: Vec::new(),
            shapes: ShapeSource::Config,
            baselines: &baselines,
            machinery: &machinery,
            stored: BTreeMap::new(),
            workspace: &project.workspace,
            environment: &context.environment,
            interrupt: &interrupt,
            cache: None,
            context: project.report_context(context, commit.as_deref()),
            notices: Vec::new(),
            now: now.clone(),
        },
        shard: asked.shard.number,
        of: asked.shard.of,
        plan,
        commit,
        workflow_run: None,
        output: asked.output,
    };
    let outcome = {
        let mut progress = Progress::new(&context.ui);
        measure::run(&request, &mut |event| progress.show(event))?
    };
    let machine = &outcome.partial.machine;
    if let Err(error) = remember::remember(&outcome.done, config, machine, &project.workspace, &now) {
        context.ui.warning(&format!("this run is not in the registry: {error}"));
    }
    let measured = shown::measured(&outcome.partial, &context.relative(&outcome.path));
    if asked.json {
        context.ui.json(&measured)?;
    } else {
        context.ui.data(&measured.text())?;
    }
    Ok(Exit::Pass)
}

/// Reads a plan, no more of it than a plan can have.
fn read_plan(path: &Path) -> Result<ShardPlan, CliError> {
    let file = fs::File::open(path).map_err(FileError::at("read", path))?;
    let mut bytes = Vec::new();
    file.take(plan::MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(FileError::at("read", path))?;
    Ok(ShardPlan::parse(&bytes)?)
}

/// Judges what shards measured; returns the report and the files that were written.
pub(crate) fn merge(
    paths: &[PathBuf],
    flag: Option<&str>,
    limits: &LimitArgs,
    context: &Context,
) -> Result<(Report, Vec<PathBuf>), CliError> {
    let project = Project::open(limits, context)?;
    let commit = commit(flag, context);
    let request = merge::Request {
        config: &project.config,
        gate: &project.config.gate,
        config_changes: Vec::new(),
        lines: project.loaded.lines(&project.config),
        context: project.report_context(context, commit.as_deref()),
        commit,
        workflow_run: None,
        notices: Vec::new(),
        now: clock::now(),
    };
    forget_report(&project.workspace)?;
    Ok(merge::run(merge::read(paths)?, request, &project.workspace)?)
}

/// What an earlier run judged must not be taken for this one's, should this one fail.
fn forget_report(workspace: &Workspace) -> Result<(), CliError> {
    for path in [workspace.report_path(), workspace.comment_path()] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::at("remove", &path)(error).into());
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_one_of_some() {
        assert_eq!(shard("2/4"), Ok(Shard { number: 2, of: 4 }));
        assert_eq!(shard("256/256"), Ok(Shard { number: 256, of: 256 }));
        for wrong in [
            "", "2", "0/4", "5/4", "1/0", "1/257", "-1/2", "1/2/3", "a/b", " 1/2", "1 / 2", "+/+",
        ] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }
}
