//! `mlbuild experiment`: names under which runs are gathered.

use clap::Subcommand;
use clap::ValueEnum;

use crate::chance;
use crate::cli::clock;
use crate::cli::confirm;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::shelf::Shelf;
use crate::pipeline::experiments;
use crate::pipeline::naming;
use crate::report;
use crate::report::desk;
use crate::report::desk::count;

/// Gather tries under a name: parameters, metrics over time, and the builds that came of them (`mlbuild run`).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild experiment create quantization-search --description 'how small can it get'
  mlbuild experiment list
  mlbuild experiment show quantization-search --json
  mlbuild experiment delete quantization-search --yes")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum SortBy {
    /// By name, from A.
    Name,
    /// By time, the newest first.
    CreatedAt,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an experiment.
    Create {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the experiments.
    List {
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
        /// `name` or `created_at`.
        #[arg(long, value_name = "FIELD", value_enum, default_value_t = SortBy::CreatedAt, hide_possible_values = true)]
        sort_by: SortBy,
        /// The other way round.
        #[arg(long)]
        reverse: bool,
        /// Only those whose names begin so.
        #[arg(long, value_name = "TEXT")]
        name_prefix: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show an experiment with its runs.
    Show {
        /// Its name, or the beginning of its id.
        #[arg(value_name = "EXPERIMENT")]
        experiment: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete an experiment with its runs for good; builds stay.
    Delete {
        /// Its name, or the beginning of its id.
        #[arg(value_name = "EXPERIMENT")]
        experiment: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Create {
            name,
            description,
            json,
        } => create(name, description.as_deref(), *json, context),
        Command::List {
            limit,
            sort_by,
            reverse,
            name_prefix,
            json,
        } => {
            let shelf = Shelf::open(context)?;
            let mut all = shelf.registry.experiments()?;
            if let Some(prefix) = name_prefix {
                all.retain(|experiment| experiment.name.starts_with(prefix.as_str()));
            }
            if *sort_by == SortBy::Name {
                all.sort_by(|one, other| one.name.cmp(&other.name));
            }
            if *reverse {
                all.reverse();
            }
            let rows: Vec<_> = all.iter().take(*limit).map(experiments::experiment_row).collect();
            if *json {
                context.ui.json(&serde_json::json!({
                    "schema": report::experiments::SCHEMA,
                    "total": all.len(),
                    "experiments": rows,
                }))?;
            } else {
                context.ui.data(&report::experiments::experiments(&rows, all.len()))?;
            }
            Ok(Exit::Pass)
        }
        Command::Show { experiment, json } => {
            let shelf = Shelf::open(context)?;
            let found = shelf.registry.experiment(experiment)?;
            let whole = experiments::whole_experiment(&shelf.registry, &found)?;
            if *json {
                context.ui.json(&whole)?;
            } else {
                context.ui.data(&report::experiments::experiment(&whole))?;
            }
            Ok(Exit::Pass)
        }
        Command::Delete { experiment, yes, json } => delete(experiment, *yes, *json, context),
    }
}

fn create(name: &str, description: Option<&str>, json: bool, context: &Context) -> Result<Exit, CliError> {
    naming::check("an experiment", name)?;
    let mut shelf = Shelf::open_or_make(context)?;
    let id = chance::word();
    shelf
        .registry
        .create_experiment(&id, name, description, &clock::now())?;
    if json {
        let made = experiments::experiment_row(&shelf.registry.experiment(&id)?);
        context
            .ui
            .json(&serde_json::json!({ "schema": report::experiments::SCHEMA, "experiment": made }))?;
    } else {
        context.ui.data(&format!(
            "experiment {} {}\nnext: mlbuild run start --experiment {}",
            desk::short(&id),
            desk::name(name),
            desk::short(&id)
        ))?;
    }
    Ok(Exit::Pass)
}

fn delete(text: &str, yes: bool, json: bool, context: &Context) -> Result<Exit, CliError> {
    let mut shelf = Shelf::open(context)?;
    let found = shelf.registry.experiment(text)?;
    let row = experiments::experiment_row(&found);
    let runs = count(usize::try_from(found.runs).unwrap_or(usize::MAX), "run");
    if !yes {
        let question = format!(
            "delete the experiment {} with its {runs} for good?",
            desk::name(&found.name)
        );
        if !confirm::confirmed(context, "deleting an experiment", &question, "add `--yes`")? {
            return Ok(Exit::Pass);
        }
    }
    shelf.registry.delete_experiment(&found.id)?;
    if json {
        context
            .ui
            .json(&serde_json::json!({ "schema": report::experiments::SCHEMA, "deleted": row }))?;
    } else {
        context
            .ui
            .data(&format!("deleted {} with its {runs}", desk::name(&found.name)))?;
    }
    Ok(Exit::Pass)
}
