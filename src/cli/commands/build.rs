//! `mlbuild build`: registers a model, and a quantized variant of it where one is asked for.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::commands::accuracy::DataArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::making;
use crate::cli::making::Making;
use crate::cli::making::MakingArgs;
use crate::cli::method_args::CalibrationArgs;
use crate::cli::method_args::Method;
use crate::variant::Recipe;

/// Put a model into the registry of builds, verified, and a quantized variant of it as its child.
///
/// The model is loaded, run and kept as it is. With `--quantize` the variant is derived from it, loaded, run beside it and kept with how
/// far its outputs are from the model's. Nothing that does not run is kept. The file itself is never changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild build --model model.onnx --name mobilenet
  mlbuild build --model model.onnx --target onnxruntime_cpu --quantize fp16 --output model.fp16.onnx
  mlbuild build --model model.onnx --quantize int8-static --calibration-data ./images/ --json")]
pub struct Args {
    /// The model file.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// What it is called in the registry; by default what the config calls it, or its file's name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How to quantize it: `fp16`, `int8`, `int8-static`, `int4` and what `mlbuild optimize --help` lists; `none` or `fp32` for not
    /// at all.
    #[arg(long, value_name = "METHOD", default_value = "none", value_parser = quantize)]
    quantize: Quantize,
    #[command(flatten)]
    calibration: CalibrationArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    making: MakingArgs,
}

/// A method, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quantize(Option<Method>);

fn quantize(text: &str) -> Result<Quantize, String> {
    if matches!(text, "none" | "fp32") {
        return Ok(Quantize(None));
    }
    Method::from_str(text, true)
        .map(|method| Quantize(Some(method)))
        .map_err(|_| {
            let known: Vec<String> = Method::value_variants()
                .iter()
                .filter_map(|method| Some(method.to_possible_value()?.get_name().to_owned()))
                .collect();
            format!("expected none or one of {}", known.join(", "))
        })
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let (recipe, notices) = match args.quantize.0 {
        Some(method) => args.calibration.recipe(method)?,
        None => {
            args.calibration.unused("--quantize")?;
            (Recipe::as_is(), Vec::new())
        }
    };
    let path = args.model.to_string_lossy();
    if !context.working_folder.join(&args.model).exists() {
        // A build's id is no file: `--model` names what is not there yet.
        return Err(CliError::usage(format!("no model file `{path}`"))
            .hint("give the path of an ONNX model; variants of builds are made by `mlbuild optimize`"));
    }
    let dataset = args
        .data
        .config(args.making.samples, context)
        .or_else(|| args.calibration.samples.as_dataset(args.making.samples, context));
    making::run(
        Making {
            reference: &path,
            name: args.name.as_deref(),
            recipe: &recipe,
            dataset,
            calibration: args.calibration.samples.config(context),
            notices,
        },
        &args.making,
        context,
    )
}
