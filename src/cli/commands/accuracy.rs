//! `mlbuild accuracy`: do two models answer alike?

use std::path::PathBuf;

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::LiteRtArgs;
use crate::cli::model_args::ShapeArgs;
use crate::cli::model_args::TaskArgs;
use crate::cli::signals;
use crate::config::DatasetConfig;
use crate::measure::outputs;
use crate::pipeline::agree;
use crate::pipeline::agree::Agreed;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Feed;
use crate::pipeline::agree::Pair;
use crate::pipeline::gate;
use crate::pipeline::open;
use crate::report::agreement;
use crate::report::agreement::Floors;

/// The least cosine similarity, and share of equal answers, that is accepted where nobody says otherwise.
pub(super) const THRESHOLD: f64 = 0.99;

/// Run two models on the same inputs and compare their outputs: cosine similarity, errors, top-1 agreement.
///
/// Inputs are made up from a seed unless a dataset is given; with labels, right answers are counted too. Exits with 1 where a
/// threshold is violated. One sample is in memory at a time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild accuracy fp32.onnx fp16.onnx
  mlbuild accuracy main-mobilenet 3f36810e --samples 64 --seed 7
  mlbuild accuracy a.onnx b.onnx --dataset val.npz --labels y --top1-threshold 0.97 --json")]
pub struct Args {
    /// The model to compare with: a file, or a build (a tag, or the beginning of its id).
    #[arg(value_name = "A")]
    baseline: String,
    /// The model that is judged, in the same way.
    #[arg(value_name = "B")]
    candidate: String,
    /// How many samples to run; of a dataset, at most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,
    /// Seed of made-up inputs.
    #[arg(long, value_name = "NUMBER", default_value_t = 42)]
    seed: u64,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    /// The most mean absolute error that is accepted.
    #[arg(long, value_name = "ERROR", value_parser = error)]
    mae_threshold: Option<f64>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// Print nothing, only exit with 0 or 1.
    #[arg(long, conflicts_with = "json")]
    ci: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Thresholds of agreement.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ThresholdArgs {
    /// The least cosine similarity of outputs; 0.99 by default.
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    cosine_threshold: Option<f64>,
    /// The least share of samples with the same answer, where outputs are class scores; 0.99 by default.
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    top1_threshold: Option<f64>,
}

impl ThresholdArgs {
    pub(super) fn floors(&self) -> Floors {
        Floors {
            cosine: Some(self.cosine_threshold.unwrap_or(THRESHOLD)),
            top1: Some(self.top1_threshold.unwrap_or(THRESHOLD)),
            top1_asked: self.top1_threshold.is_some(),
            mae: None,
        }
    }

    /// True where one was given.
    pub(super) fn is_given(&self) -> bool {
        self.cosine_threshold.is_some() || self.top1_threshold.is_some()
    }
}

/// Real samples.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DataArgs {
    /// Real samples: a `.npz` file, a folder of `.npy` files, or a folder of images.
    #[arg(long, value_name = "PATH")]
    pub(super) dataset: Option<PathBuf>,
    /// The array of a `.npz` file that holds the labels.
    #[arg(long, value_name = "NAME", requires = "dataset")]
    labels: Option<String>,
}

impl DataArgs {
    /// The dataset, of at most so many samples.
    pub(super) fn config(&self, samples: u32, context: &Context) -> Option<DatasetConfig> {
        let path = self.dataset.as_ref()?;
        Some(DatasetConfig {
            labels: self.labels.clone(),
            samples: samples as usize,
            ..DatasetConfig::of(context.relative(path))
        })
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "expected a number such as 0.99".to_owned())?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("expected a share between 0 and 1, such as 0.99".to_owned())
    }
}

fn error(text: &str) -> Result<f64, String> {
    let error: f64 = text.parse().map_err(|_| "expected a number such as 0.001".to_owned())?;
    if error.is_finite() && error > 0.0 {
        Ok(error)
    } else {
        Err("expected a number above 0, such as 0.001".to_owned())
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let (mut config, model) = desk::settings(context, &args.candidate)?;
    config.runtime = args.litert.runtime(config.runtime);
    let place = desk::place(context)?;
    let find = |reference: &str| open::find(reference, &place.workspace, &context.working_folder);
    let feed = Feed {
        dataset: args.data.config(args.samples, context),
        shapes: desk::shapes_of(model.as_ref(), args.shapes.shapes()?),
        task: args.task.or(model.as_ref()),
        samples: args.samples as usize,
        seed: args.seed,
    };
    let baseline = args.litert.enter_beside(find(&args.baseline)?, model.as_ref())?;
    let candidate = args.litert.enter(find(&args.candidate)?, model.as_ref())?;
    let pair = agree::pair(baseline, candidate, &feed, &place.workspace)?;
    let measure = &config.measure;
    let machinery = desk::machinery(context, &config, &desk::engines_of(pair.models()))?;
    let interrupt = signals::interrupt();
    let engine = Engine {
        machinery: &machinery,
        settings: gate::session_settings(&config, &machinery, pair.target()),
        timeout: measure.worker_timeout.0,
        stop: interrupt.stop(),
    };
    let agreed = {
        let spinner = context.ui.spinner(&format!(
            "comparing outputs on {} samples",
            pair.candidate.samples.len()
        ));
        let agreed = agree::run(&pair, &engine);
        spinner.finish_and_clear();
        agreed?
    };
    let floors = Floors {
        mae: args.mae_threshold,
        ..args.thresholds.floors()
    };
    show(args, &pair, &agreed, &floors, context)
}

fn show(args: &Args, pair: &Pair, agreed: &Agreed, floors: &Floors, context: &Context) -> Result<Exit, CliError> {
    let accuracy = &agreed.accuracy;
    let checks = agreement::judge(accuracy, floors);
    let mut failures = agreement::failures(&checks);
    if context.global.strict_output {
        failures.extend(outputs::failure(&agreed.anomalies));
    }
    let mut warnings = pair.candidate.opened.notices.clone();
    warnings.extend(agreed.anomalies.iter().map(ToString::to_string));
    if args.json {
        context.ui.json(&json!({
            "schema": 1,
            "baseline": { "model": pair.baseline.label, "build": pair.baseline.build },
            "candidate": { "model": pair.candidate.opened.label, "build": pair.candidate.opened.build },
            "dataset": args.data.dataset,
            "seed": (!pair.candidate.is_real).then_some(args.seed),
            "accuracy": accuracy,
            "thresholds": checks,
            "passed": failures.is_empty(),
            "failures": failures,
            "warnings": warnings,
        }))?;
    } else if !args.ci {
        for warning in &warnings {
            context.ui.warning(warning);
        }
        let fed = if pair.candidate.is_real {
            "samples"
        } else {
            "made-up samples"
        };
        let verdict = if failures.is_empty() {
            "they agree"
        } else {
            "they differ"
        };
        let mut text = format!(
            "{} and {} on {} {fed}\n\n{}\n\n{verdict}",
            pair.baseline.label,
            pair.candidate.opened.label,
            accuracy.samples,
            agreement::table(accuracy)
        );
        for failure in &failures {
            text.push_str(&format!("\n  {failure}"));
        }
        context.ui.data(&text)?;
    }
    Ok(if failures.is_empty() {
        Exit::Pass
    } else {
        Exit::Regression
    })
}
