//! `mlbuild run`: one try of an experiment.

use clap::Subcommand;
use clap::ValueEnum;

use crate::chance;
use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::shelf::Shelf;
use crate::pipeline::experiments;
use crate::pipeline::naming;
use crate::pipeline::prune;
use crate::registry::Run;
use crate::registry::RunMetric;
use crate::registry::RunStatus;
use crate::report;
use crate::report::clean;
use crate::report::desk;

/// Log one try of an experiment: parameters, metrics, and the builds that came of it.
///
/// Subcommands that log mean the run that was started last and is open, unless `--run-id` names another.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild run start --experiment quantization-search --name int8
  mlbuild run log-param quantization int8
  mlbuild run log-metric latency_p50 5.6
  mlbuild run attach-build 3f36810e
  mlbuild run end
  mlbuild run list --experiment quantization-search")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum End {
    #[default]
    Completed,
    Failed,
    Cancelled,
}

/// Which run is meant.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// The run, by the beginning of its id; the newest open one by default.
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Begin a run.
    Start {
        /// The experiment: its name, or the beginning of its id.
        #[arg(long, value_name = "EXPERIMENT")]
        experiment: String,
        /// What the run is called.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set a parameter; a later value takes the place of an earlier one.
    LogParam {
        /// Its name.
        #[arg(value_name = "KEY")]
        key: String,
        /// Its value.
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
        #[command(flatten)]
        which: Which,
    },
    /// Add a value to a metric.
    LogMetric {
        /// Its name.
        #[arg(value_name = "KEY")]
        key: String,
        /// The value, a finite number.
        #[arg(value_name = "VALUE", allow_hyphen_values = true, value_parser = finite)]
        value: f64,
        #[command(flatten)]
        which: Which,
    },
    /// Say that a build came of the run.
    AttachBuild {
        /// The build: a tag, the beginning of its id, its name, or the path of its model.
        #[arg(value_name = "BUILD")]
        build: String,
        #[command(flatten)]
        which: Which,
    },
    /// List runs, the newest first.
    List {
        /// Those of one experiment.
        #[arg(long, value_name = "EXPERIMENT")]
        experiment: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 20)]
        limit: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a run with everything that was logged; the newest one by default.
    Show {
        /// The run, by the beginning of its id.
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a run.
    End {
        /// How it ended: `completed`, `failed` or `cancelled`.
        #[arg(
            long,
            value_name = "STATUS",
            value_enum,
            default_value_t,
            hide_possible_values = true
        )]
        status: End,
        #[command(flatten)]
        which: Which,
    },
}

fn finite(text: &str) -> Result<f64, String> {
    text.trim()
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .ok_or_else(|| "expected a finite number, such as `5.6`".to_owned())
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Start { experiment, name, json } => start(experiment, name.as_deref(), *json, context),
        Command::LogParam { key, value, which } => {
            naming::check("a parameter", key)?;
            let (mut shelf, run) = meant(which, context)?;
            shelf.registry.log_param(&run.id, key, value)?;
            let said = format!("{} = {}", desk::name(key), clean::line(value, 80));
            logged(&shelf, &run, &said, which.json, context)
        }
        Command::LogMetric { key, value, which } => {
            naming::check("a metric", key)?;
            let (mut shelf, run) = meant(which, context)?;
            let metric = RunMetric {
                key: key.clone(),
                value: *value,
                at: clock::now_millis(),
            };
            shelf.registry.log_metric(&run.id, &metric)?;
            logged(
                &shelf,
                &run,
                &format!("{} = {value}", desk::name(key)),
                which.json,
                context,
            )
        }
        Command::AttachBuild { build, which } => {
            let (mut shelf, run) = meant(which, context)?;
            let build = shelf.build(build, context)?;
            shelf.registry.attach_build(&run.id, &build.facts.id)?;
            logged(&shelf, &run, &prune::row(&build).label(), which.json, context)
        }
        Command::List {
            experiment,
            limit,
            json,
        } => {
            let shelf = Shelf::open(context)?;
            let id = match experiment {
                Some(text) => Some(shelf.registry.experiment(text)?.id),
                None => None,
            };
            let all = shelf.registry.runs(id.as_deref())?;
            let rows: Vec<_> = all.iter().take(*limit).map(experiments::run_row).collect();
            if *json {
                context.ui.json(&serde_json::json!({
                    "schema": report::experiments::SCHEMA,
                    "total": all.len(),
                    "runs": rows,
                }))?;
            } else {
                context.ui.data(&report::experiments::runs(&rows, all.len()))?;
            }
            Ok(Exit::Pass)
        }
        Command::Show { run, json } => {
            let shelf = Shelf::open(context)?;
            let run = match run {
                Some(text) => shelf.registry.run(text)?,
                None => shelf.registry.runs(None)?.into_iter().next().ok_or_else(|| {
                    CliError::usage("there are no runs").hint("`mlbuild run start --experiment NAME` begins one")
                })?,
            };
            show(&shelf, &run, *json, context)
        }
        Command::End { status, which } => {
            let (mut shelf, run) = meant(which, context)?;
            let status = match status {
                End::Completed => RunStatus::Completed,
                End::Failed => RunStatus::Failed,
                End::Cancelled => RunStatus::Cancelled,
            };
            shelf.registry.end_run(&run.id, status, &clock::now_millis())?;
            let run = shelf.registry.run(&run.id)?;
            show(&shelf, &run, which.json, context)
        }
    }
}

/// The run that is meant; where several are open, which one was taken is said.
fn meant(which: &Which, context: &Context) -> Result<(Shelf, Run), CliError> {
    let shelf = Shelf::open(context)?;
    let (run, others) = experiments::open_run(&shelf.registry, which.run_id.as_deref())?;
    if others > 0 {
        context.ui.warning(&format!(
            "{} runs are open: this one is {} of {}, the newest; `--run-id` names another",
            others + 1,
            desk::short(&run.id),
            desk::name(&run.experiment)
        ));
    }
    Ok((shelf, run))
}

fn start(experiment: &str, name: Option<&str>, json: bool, context: &Context) -> Result<Exit, CliError> {
    if let Some(name) = name {
        naming::check("a run", name)?;
    }
    let mut shelf = Shelf::open(context)?;
    let experiment = shelf.registry.experiment(experiment)?;
    let open = shelf.registry.current_run()?;
    let id = chance::word();
    shelf
        .registry
        .start_run(&id, &experiment.id, name, &clock::now_millis())?;
    if let Some(open) = open {
        context.ui.warning(&format!(
            "the run {} of {} is still open; what is logged goes to the new one, unless `--run-id` names it",
            desk::short(&open.id),
            desk::name(&open.experiment)
        ));
    }
    let run = shelf.registry.run(&id)?;
    if json {
        return show(&shelf, &run, true, context);
    }
    context.ui.data(&format!(
        "run {} of {} is open",
        desk::short(&id),
        desk::name(&experiment.name)
    ))?;
    Ok(Exit::Pass)
}

fn logged(shelf: &Shelf, run: &Run, said: &str, json: bool, context: &Context) -> Result<Exit, CliError> {
    if json {
        return show(shelf, run, true, context);
    }
    context.ui.data(&format!("run {}: {said}", desk::short(&run.id)))?;
    Ok(Exit::Pass)
}

fn show(shelf: &Shelf, run: &Run, json: bool, context: &Context) -> Result<Exit, CliError> {
    let whole = experiments::whole_run(&shelf.registry, run)?;
    if json {
        context.ui.json(&whole)?;
    } else {
        context.ui.data(&report::experiments::run(&whole))?;
    }
    Ok(Exit::Pass)
}
