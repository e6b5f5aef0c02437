//! `mlbuild compare-quantization`: what a quantized build gains and costs, and which of the two to serve.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::cli::commands::accuracy::DataArgs;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::LiteRtArgs;
use crate::cli::model_args::ShapeArgs;
use crate::cli::model_args::TaskArgs;
use crate::cli::model_args::UnitArgs;
use crate::cli::model_args::span;
use crate::cli::signals;
use crate::measure::plan::Plan;
use crate::measure::quantity::Quantity;
use crate::pipeline::agree;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Feed;
use crate::pipeline::agree::Pair;
use crate::pipeline::compare_quantization;
use crate::pipeline::compare_quantization::Compared;
use crate::pipeline::compare_quantization::Stage;
use crate::pipeline::gate;
use crate::pipeline::open;
use crate::pipeline::open::Opened;
use crate::report::quantization;
use crate::report::quantization::Quantization;
use crate::report::quantization::Side;
use crate::units::Span;

/// How long both are timed where nobody says otherwise.
const TIME_BUDGET: Span = Span(Duration::from_secs(10));

/// Compare a quantized build with the model that it was made from: size, latency, memory, outputs, layers.
///
/// Both run side by side, in turns; a difference of latency comes with its interval. Layers are compared on the same inputs, the one that is
/// computed least exactly first. At the end it says which of the two to serve: never one that is slower beyond noise, and never one whose
/// outputs differ (cosine below 0.99, or more than one point fewer right answers). The exit code is 0 whatever it recommends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild compare-quantization model.onnx model.int8.onnx
  mlbuild compare-quantization 3f36810e 9c01ab2d --accuracy-samples 100
  mlbuild compare-quantization fp32.onnx int8.onnx --dataset val.npz --labels y --json")]
pub struct Args {
    /// The model to compare with: a file, or a build (a tag, or the beginning of its id).
    #[arg(value_name = "A")]
    baseline: String,
    /// The quantized one, in the same way.
    #[arg(value_name = "B")]
    candidate: String,
    /// How many samples outputs are compared on; of a dataset, at most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    accuracy_samples: u32,
    /// Layers to list.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    layers: u32,
    /// How long both are timed; 10 s by default.
    #[arg(long, value_name = "TIME", value_parser = span)]
    time_budget: Option<Span>,
    /// Threads inside an operator.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    unit: UnitArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let (mut config, model) = desk::settings(context, &args.baseline)?;
    config.runtime = args.litert.runtime(config.runtime);
    let place = desk::place(context)?;
    let find = |reference: &str| open::find(reference, &place.workspace, &context.working_folder);
    let feed = Feed {
        dataset: args.data.config(args.accuracy_samples, context),
        shapes: desk::shapes_of(model.as_ref(), args.shapes.shapes()?),
        task: args.task.or(model.as_ref()),
        samples: args.accuracy_samples as usize,
        seed: config.measure.seed,
    };
    let baseline = args.litert.enter(find(&args.baseline)?, model.as_ref())?;
    let candidate = args.litert.enter_beside(find(&args.candidate)?, model.as_ref())?;
    let pair = agree::pair(baseline, candidate, &feed, &place.workspace)?;
    let machinery = desk::machinery(context, &config, &desk::engines_of(pair.models()))?;
    let interrupt = signals::interrupt();
    config.measure.time_budget = args.time_budget.unwrap_or(TIME_BUDGET);
    config.measure.total_budget = config.measure.total_budget.max(config.measure.time_budget);
    if let Some(threads) = args.threads {
        config.measure.threads = usize::from(threads);
    }
    let engine = Engine {
        machinery: &machinery,
        settings: gate::session_settings(&config, &machinery, args.unit.target().unwrap_or(pair.target())),
        timeout: config.measure.worker_timeout.0,
        stop: interrupt.stop(),
    };
    let plan = Plan::new(&config.gate, &config.measure, 1);
    let compared = {
        let spinner = context.ui.spinner("comparing outputs");
        let mut bar: Option<ProgressBar> = None;
        let compared = compare_quantization::run(&pair, &engine, plan, &mut |stage| match stage {
            Stage::Outputs => spinner.set_message("comparing outputs"),
            Stage::Layers => spinner.set_message("comparing layers"),
            Stage::Timing { done, of } => {
                let bar = bar.get_or_insert_with(|| context.ui.bar(of as u64, "timing both in turns"));
                bar.set_length(of as u64);
                bar.set_position(done as u64);
            }
        });
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        spinner.finish_and_clear();
        compared?
    };
    let found = found(&pair, compared);
    if args.json {
        context.ui.json(&found)?;
    } else {
        for warning in &found.warnings {
            context.ui.warning(warning);
        }
        context.ui.data(&quantization::text(&found, args.layers as usize))?;
    }
    Ok(Exit::Pass)
}

fn side(opened: &Opened) -> Side {
    Side {
        label: opened.label.clone(),
        build: opened.build.clone(),
        size_bytes: opened.model.size().0,
    }
}

fn found(pair: &Pair, compared: Compared) -> Quantization {
    let (baseline, candidate) = (side(&pair.baseline), side(&pair.candidate.opened));
    let size_percent = 100.0 * (candidate.size_bytes as f64 / baseline.size_bytes.max(1) as f64 - 1.0);
    let latency = quantization::change(&compared.measured, Quantity::LatencyP50);
    let accuracy = compared.agreed.accuracy;
    let mut warnings = pair.candidate.opened.notices.clone();
    warnings.extend(compared.agreed.anomalies.iter().map(ToString::to_string));
    warnings.extend(compared.measured.warnings.iter().cloned());
    let (layers, no_layers) = match compared.layers {
        Ok(found) => (found.layers, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    Quantization {
        schema: quantization::SCHEMA,
        baseline,
        candidate,
        size_percent,
        recommendation: quantization::recommend(size_percent, latency, &accuracy),
        latency,
        memory: quantization::change(&compared.measured, Quantity::PeakMemory),
        accuracy,
        is_real: pair.candidate.is_real,
        layers,
        no_layers,
        warnings,
    }
}
