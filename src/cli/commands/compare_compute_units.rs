//! `mlbuild compare-compute-units`: one model on every processor that this machine's engine has.

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::ShapeArgs;
use crate::cli::model_args::TaskArgs;
use crate::cli::model_args::span;
use crate::cli::signals;
use crate::config::Target;
use crate::pipeline::agree;
use crate::pipeline::agree::Engine;
use crate::pipeline::compute_units;
use crate::pipeline::gate;
use crate::pipeline::open;
use crate::report;
use crate::report::compute_units::Units;
use crate::units::Span;

/// Measure one model on the CPU and on every other processor that this machine's ONNX Runtime has (CUDA, Core ML), in turns.
///
/// It applies where there is more than one: on a machine whose engine has the CPU alone it says so and ends with 2. Core ML models of their own
/// are not run by this version.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild compare-compute-units 3f36810e
  mlbuild compare-compute-units model.onnx --time-budget '60 s' --json")]
pub struct Args {
    /// A model file, a tag, or the beginning of a build's id.
    #[arg(value_name = "BUILD")]
    build: String,
    /// Timed inferences of each side, at least; as many as it takes by default.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    runs: Option<u32>,
    /// Inferences after each fresh start that are not timed, at least.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    warmup: Option<u32>,
    /// How long each pair may take; 20 s by default.
    #[arg(long, value_name = "TIME", value_parser = span)]
    time_budget: Option<Span>,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let (config, model) = desk::settings(context, &args.build)?;
    let mut measure = config.measure;
    measure.least_runs = args.runs.unwrap_or(measure.least_runs);
    measure.least_warmup = args.warmup.unwrap_or(measure.least_warmup);
    if let Some(budget) = args.time_budget {
        measure.time_budget = budget;
    }
    let place = desk::place(context)?;
    let opened = open::open(
        &open::Request {
            reference: &args.build,
            signature: None,
            shapes: desk::shapes_of(model.as_ref(), args.shapes.shapes()?),
            task: args.task.or(model.as_ref()),
            seed: measure.seed,
            sequence: None,
            batch: None,
        },
        &place.workspace,
        &context.working_folder,
    )?;
    let machinery = desk::machinery(context, &config, &[])?;
    let interrupt = signals::interrupt();
    let engine = Engine {
        machinery: &machinery,
        settings: gate::session_settings(&config, &machinery, Target::OnnxRuntimeCpu),
        timeout: measure.worker_timeout.0,
        stop: interrupt.stop(),
    };
    let side = agree::side(&opened, &engine);
    let spinner = context.ui.spinner("looking which compute units there are");
    let rows = compute_units::run(&side, &engine, &measure, &mut |target, _| {
        spinner.set_message(format!("{target} beside the CPU"));
    });
    spinner.finish_and_clear();
    let units = Units {
        schema: report::compute_units::SCHEMA,
        model: opened.label.clone(),
        units: rows?,
    };
    if args.json {
        context.ui.json(&units)?;
    } else {
        context.ui.data(&report::compute_units::text(&units))?;
    }
    Ok(Exit::Pass)
}
