//! `mlbuild benchmark`: absolute figures of one model, in one setting or a sweep.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::LiteRtArgs;
use crate::cli::model_args::ShapeArgs;
use crate::cli::model_args::TaskArgs;
use crate::cli::model_args::UnitArgs;
use crate::cli::model_args::span;
use crate::config::RuntimeConfig;
use crate::machine::Fingerprint;
use crate::measure::bench::Course;
use crate::measure::bench::Step;
use crate::measure::outputs;
use crate::measure::plan::Plan;
use crate::pipeline::benchmark;
use crate::pipeline::benchmark::Surroundings;
use crate::pipeline::recall;
use crate::report;
use crate::units::Span;

/// Everything together takes at most about this long where nothing else is said.
const TIME_BUDGET: Span = Span(Duration::from_secs(60));

/// How fast is it here? Latency, start-up and memory of one model, each with its interval.
///
/// The model is started afresh several times, warmed up and then timed, since two starts of one model differ more than two
/// inferences do; the figures' intervals are over these starts. Lists of batches, threads or lengths make a sweep, whose settings
/// take turns. Figures of two models are best compared by `mlbuild compare`, which measures both side by side.
/// What other processes took of the core is not counted.
///
/// With a config around, its engine, threads and seed apply, and shapes and task of the model where it names the file; flags stand above
/// them. Where the workspace has a registry, the samples are kept there with the machine's fingerprint. Fewer inferences than asked for,
/// a busy machine, an unsure task and implausible outputs are warnings. A device that the engine does not have is an error: nothing
/// falls back to the CPU.
///
/// In a sweep, thread efficiency is the gain in throughput over the fewest threads, shared over the threads (100 % is perfect); batch
/// gain is samples a second over the smallest batch's.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild benchmark model.onnx
  mlbuild benchmark model.onnx --batch 1,4,8 --threads 1,2
  mlbuild benchmark bert.onnx --seq-len 16,128 --json
  mlbuild benchmark 3f36810e --runs 1000")]
pub struct Args {
    /// A model file, a tag, or the beginning of a build's id.
    #[arg(value_name = "MODEL")]
    model: String,
    /// Timed inferences at least, over all fresh starts; a fast model is timed for longer.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    runs: u32,
    /// Inferences after each start that are not timed; fewer where they would take a quarter of the time.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    warmup: u32,
    /// Fresh starts.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u16).range(3..=1000))]
    restarts: u16,
    #[command(flatten)]
    task: TaskArgs,
    /// Samples in one inference; several make a sweep.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    batch: Vec<u64>,
    /// Threads inside an operator; several make a sweep.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,
    /// Lengths of sequences; for a language model 16, 64, 128 and 256 by default, as far as it holds them.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    seq_len: Vec<u64>,
    #[command(flatten)]
    unit: UnitArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// How long everything may take; by default a minute.
    #[arg(long, value_name = "TIME", value_parser = span)]
    time_budget: Option<Span>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let shapes = args.shapes.shapes()?;
    let (config, model) = desk::settings(context, &args.model)?;
    let place = desk::place(context)?;
    let machinery = desk::machinery(
        context,
        &config,
        &desk::engines_at(context, &place.workspace, &[&args.model]),
    )?;
    let interrupt = crate::cli::signals::interrupt();
    let machine = Fingerprint::of_this_machine().with_environment(&context.environment);
    let now = clock::now();
    let threads: Vec<usize> = match args.threads.as_slice() {
        [] => vec![config.measure.threads],
        given => sorted(given).into_iter().map(usize::from).collect(),
    };
    let course = Course {
        runs: args.runs,
        warmup: args.warmup,
        restarts: usize::from(args.restarts),
        time_budget: args.time_budget.unwrap_or(TIME_BUDGET).0,
    };
    let litert = args.litert.settings(&config.runtime, model.as_ref());
    let request = benchmark::Request {
        reference: &args.model,
        shapes: desk::shapes_of(model.as_ref(), shapes),
        task: args.task.or(model.as_ref()),
        sequences: sorted(&args.seq_len),
        batches: sorted(&args.batch),
        threads,
        signature: litert.signature,
        target: args.unit.target(),
        runtime: RuntimeConfig {
            xnnpack: litert.xnnpack,
            ..config.runtime.clone()
        },
        course,
        plan: Plan::new(&config.gate, &config.measure, 1),
        now: now.clone(),
    };
    let mut outcome = {
        let mut bar: Option<ProgressBar> = None;
        let outcome = benchmark::run(
            &request,
            &Surroundings {
                workspace: &place.workspace,
                working_folder: &context.working_folder,
                machinery: &machinery,
                machine: &machine,
                interrupt: &interrupt,
            },
            &mut |Step { done, planned }| {
                let bar = bar.get_or_insert_with(|| context.ui.bar(planned as u64, &args.model));
                bar.set_position(done as u64);
            },
        );
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        outcome?
    };
    if place.is_kept() {
        match recall::keep(&outcome, config.measure.seed, &machine, &place.workspace, &now) {
            Ok(id) => {
                outcome.benchmark.stored = id.is_some();
                outcome.benchmark.build_id = id.map(|id| id.to_string());
            }
            // The figures stand; only the memory of them is lost.
            Err(error) => context
                .ui
                .warning(&format!("this benchmark is not in the registry: {error}")),
        }
    }
    show(args, context, &outcome.benchmark)?;
    let strict = context.global.strict_output || config.measure.strict_output;
    match outputs::failure(&outcome.benchmark.anomalies) {
        Some(reason) if strict => {
            context.ui.error(&reason);
            context.ui.hint("without `--strict-output` this is a warning only");
            Ok(Exit::Regression)
        }
        _ => Ok(Exit::Pass),
    }
}

/// Rising, each once: a sweep has no use for the same setting twice.
fn sorted<T: Ord + Copy>(given: &[T]) -> Vec<T> {
    let mut sorted = given.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

fn show(args: &Args, context: &Context, benchmark: &report::benchmark::Benchmark) -> Result<(), CliError> {
    for anomaly in &benchmark.anomalies {
        context.ui.warning(&anomaly.to_string());
    }
    for warning in &benchmark.warnings {
        context.ui.warning(warning);
    }
    if args.json {
        context.ui.json(benchmark)?;
        return Ok(());
    }
    let mut text = Vec::new();
    report::benchmark::write(benchmark, &mut text, context.ui.color())?;
    context.ui.data(&String::from_utf8_lossy(&text))?;
    if let Some(id) = benchmark.build_id.as_ref().filter(|_| benchmark.stored) {
        context.ui.status(&format!(
            "kept as a measurement of build {}",
            id.get(..12).unwrap_or(id)
        ));
    }
    Ok(())
}
