//! `mlbuild compare`: two model files side by side, without a config.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::ShapeArgs;
use crate::cli::progress::Progress;
use crate::cli::signals;
use crate::config::InputConfig;
use crate::config::Overrides;
use crate::config::load::Loaded;
use crate::config::overrides;
use crate::pipeline::baseline::resolve;
use crate::pipeline::baseline::resolve::Desk;
use crate::pipeline::ci;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::workspace::Workspace;
use crate::report;
use crate::units::Percent;
use crate::units::Span;

/// Measure two models side by side: is B slower, bigger, hungrier or different?
///
/// Both are fed the same inputs and measured in turns on the same cores, restart after restart, until the answer is beyond noise
/// or the time is up. Nothing is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild compare old.onnx new.onnx
  mlbuild compare old.onnx new.onnx --threshold 2% --time-budget '60 s'
  mlbuild compare a.onnx b.onnx --variant fp16 --json")]
pub struct Args {
    /// The model to compare with.
    #[arg(value_name = "A")]
    baseline: PathBuf,
    /// The model that is judged.
    #[arg(value_name = "B")]
    candidate: PathBuf,
    /// Accepted slowdown, in per cent of A.
    #[arg(long, value_name = "PERCENT", value_parser = overrides::percent)]
    threshold: Option<Percent>,
    /// Accepted growth on disk, in per cent of A.
    #[arg(long, value_name = "PERCENT", value_parser = overrides::percent)]
    size_threshold: Option<Percent>,
    /// The recipe to derive from both before measuring, such as `fp16`.
    #[arg(long, value_name = "RECIPE", default_value = "fp32")]
    variant: String,
    #[command(flatten)]
    shapes: ShapeArgs,
    /// How long it may take.
    #[arg(long, value_name = "TIME")]
    time_budget: Option<String>,
    /// Threads inside an operator.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let shapes = args.shapes.shapes()?;
    let loaded = Loaded::for_model(&args.candidate, &context.working_folder);
    let flags = Overrides {
        latency_regression: args.threshold,
        size_regression: args.size_threshold,
        ..Overrides::default()
    };
    let mut config = loaded.config.with(&flags, &loaded.folder, &context.working_folder)?;
    if let Some(text) = &args.time_budget {
        config.measure.time_budget = text
            .parse::<Span>()
            .map_err(|error| CliError::usage(format!("`--time-budget`: {error}")))?;
        config.measure.total_budget = config.measure.total_budget.max(config.measure.time_budget);
    }
    if let Some(threads) = args.threads {
        config.measure.threads = usize::from(threads);
    }
    for model in &mut config.models {
        model.variants = vec![args.variant.clone()];
        model.inputs = shapes
            .iter()
            .map(|(name, shape)| (name.clone(), InputConfig { shape: shape.clone() }))
            .collect();
    }
    // What is derived lives in a folder of its own, gone afterwards: two files side by side leave no trace.
    let folder =
        tempfile::tempdir().map_err(|error| CliError::usage(format!("cannot make a temporary folder: {error}")))?;
    let workspace = Workspace::open(folder.path())?;
    let baselines = resolve::resolve_file(
        &context.working_folder.join(&args.baseline),
        &args.baseline.display().to_string(),
        &Desk {
            config: &config,
            folder: &loaded.folder,
            working_folder: &context.working_folder,
            workspace: &workspace,
            github: None,
        },
    )?;
    let machinery = desk::machinery(context, &config.runtime.version)?;
    let interrupt = signals::interrupt();
    let outcome = {
        let mut progress = Progress::new(&context.ui);
        ci::run(
            ci::Request {
                config: &config,
                gate: &config.gate,
                config_changes: Vec::new(),
                folder: &loaded.folder,
                lines: Vec::new(),
                shapes: ShapeSource::Flags,
                baselines: &baselines,
                machinery: &machinery,
                stored: BTreeMap::new(),
                workspace: &workspace,
                environment: &context.environment,
                interrupt: &interrupt,
                context: report::Context {
                    key: desk::KEY.to_owned(),
                    ..report::Context::default()
                },
                notices: Vec::new(),
                now: clock::now(),
            },
            &mut |event| progress.show(event),
        )?
    };
    if args.json {
        let json = report::json::v1::to_json(&outcome.report).map_err(ci::CiError::from)?;
        context.ui.json(&json)?;
    } else {
        let mut text = Vec::new();
        report::terminal::write(&outcome.report, &mut text, context.ui.color())?;
        context.ui.data(&String::from_utf8_lossy(&text))?;
    }
    Ok(desk::exit(outcome.report.exit_code))
}
