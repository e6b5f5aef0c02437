//! `mlbuild plan`: the gate's comparisons dealt out over several machines.

use std::path::PathBuf;

use crate::action::outputs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::limits::LimitArgs;
use crate::cli::sharding::Project;
use crate::files;
use crate::pipeline::sharding::plan;
use crate::pipeline::sharding::plan::ShardPlan;
use crate::pipeline::sharding::shown;
use crate::registry::Registry;

/// Deal the gate's comparisons out over several machines, so that all take about equally long.
///
/// What each takes is known from the baseline's measurements, or else estimated from the model's operations and size. A comparison's
/// two sides always stay together, and so does a model that a command builds. `mlbuild ci --shard i/N` measures a part, `mlbuild ci
/// --merge` judges the whole. With `--json` it prints a matrix for GitHub Actions.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild plan --shards 4
  mlbuild plan --shards 4 --json
  mlbuild plan --shards 4 --github-output matrix
  mlbuild plan --shards 2 --from-registry --out plan.json")]
pub struct Args {
    /// Over how many machines, at most; fewer where there are fewer comparisons.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=i64::from(plan::MOST_SHARDS)))]
    shards: u32,
    /// What to compare with: a model file, a baseline folder, a tag, a build or a release.
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// Also append the matrix to the file at `GITHUB_OUTPUT`, as the step's output of this name.
    #[arg(long, value_name = "NAME", value_parser = output_name)]
    github_output: Option<String>,
    /// Write the plan to a file, for `mlbuild ci --shard i/N --plan FILE`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Take times from this machine's earlier comparisons first. The shards cannot know those and must be given the plan.
    #[arg(long, requires = "out")]
    from_registry: bool,
    #[command(flatten)]
    limits: LimitArgs,
    /// Print the matrix as JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// What may stand before `=` in a step's outputs.
fn output_name(text: &str) -> Result<String, String> {
    let mut characters = text.chars();
    let begins = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if begins && characters.all(|other| other.is_ascii_alphanumeric() || matches!(other, '_' | '-')) {
        Ok(text.to_owned())
    } else {
        Err("expected letters, digits, `_` and `-`, the first a letter or `_`".to_owned())
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let project = Project::open(&args.limits, context)?;
    let baselines = project.baselines(args.baseline.as_deref(), context)?;
    let registry = if args.from_registry {
        Some(Registry::open_for_reading(&project.workspace.registry_path())?)
    } else {
        None
    };
    let request = plan::Request {
        config: &project.config,
        gate: &project.config.gate,
        folder: &project.loaded.folder,
        baselines: &baselines,
        registry: registry.as_ref(),
    };
    let plan = ShardPlan::fitting(&request, args.shards)?;
    let planned = shown::planned(&plan, args.shards);
    if let Some(path) = &args.out {
        files::write_atomic(&context.working_folder.join(path), &plan.to_bytes()?)?;
    }
    if let Some(name) = &args.github_output {
        let path = context.environment.non_empty("GITHUB_OUTPUT").ok_or_else(|| {
            CliError::usage("`--github-output` was given, and `GITHUB_OUTPUT` is not set")
                .hint("it is for a step of a GitHub workflow; elsewhere use `--json`")
        })?;
        let matrix = serde_json::to_string(&planned.matrix()).map_err(plan::PlanError::from)?;
        outputs::set(Some(path.as_ref()), name, &matrix)?;
    }
    if args.json {
        context.ui.json(&planned.matrix())?;
    } else {
        context.ui.data(&planned.text())?;
    }
    Ok(Exit::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_has_a_plain_name() {
        for name in ["matrix", "_a", "a-b_9"] {
            assert!(output_name(name).is_ok(), "{name}");
        }
        for name in ["", "9a", "a=b", "a\nb", "a b", "é"] {
            assert!(output_name(name).is_err(), "{name}");
        }
    }
}
