//! `mlbuild sensitivity`: which layers quantization costs most, each tried alone.

use std::path::Path;

use clap::ValueEnum;
use indicatif::ProgressBar;

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::method_args::SampleArgs;
use crate::cli::model_args::LiteRtArgs;
use crate::cli::model_args::ShapeArgs;
use crate::cli::model_args::TaskArgs;
use crate::cli::signals;
use crate::config::Target;
use crate::config::defaults::CALIBRATION_SAMPLES;
use crate::pipeline::agree;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Fed;
use crate::pipeline::agree::Feed;
use crate::pipeline::calibration::CalibrationData;
use crate::pipeline::gate;
use crate::pipeline::layers;
use crate::pipeline::open;
use crate::report;
use crate::report::layers::Row;

/// Find the layers that quantization costs most: each is quantized alone, and the model's outputs are compared.
///
/// Layers with a low signal-to-noise ratio are the ones to keep in floats; `--pass quantize --method mixed` of `mlbuild optimize` finds out
/// how many. Ctrl-C shows what was tried until then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild sensitivity model.onnx --calibration-data ./images/
  mlbuild sensitivity model.tflite --limit 5
  mlbuild sensitivity 3f36810e --samples 32 --json")]
pub struct Args {
    /// A model file, or a build: a tag or the beginning of its id.
    #[arg(value_name = "MODEL|BUILD")]
    model: String,
    /// How layers are quantized.
    #[arg(long, value_name = "METHOD", value_enum, default_value_t)]
    method: Method,
    #[command(flatten)]
    calibration: SampleArgs,
    /// Samples that outputs are compared on: of the calibration data, or made up.
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    samples: u32,
    /// Layers to list.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// Print JSON, with every layer.
    #[arg(long)]
    json: bool,
}

/// Methods that can be applied to a single layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Method {
    /// 8-bit integers, activations in ranges found on calibration data.
    #[default]
    #[value(alias = "int8_static")]
    Int8Static,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let Method::Int8Static = args.method;
    let (mut config, model) = desk::settings(context, &args.model)?;
    config.runtime = args.litert.runtime(config.runtime);
    let place = desk::place(context)?;
    let found = open::find(&args.model, &place.workspace, &context.working_folder)?;
    let found = args.litert.enter(found, model.as_ref())?;
    let build = found.build.as_ref().map(|build| build.facts.id.to_string());
    let feed = Feed {
        dataset: args.calibration.as_dataset(args.samples, context),
        shapes: desk::shapes_of(model.as_ref(), args.shapes.shapes()?),
        task: args.task.or(model.as_ref()),
        samples: args.samples as usize,
        seed: config.measure.seed,
    };
    let fed = agree::feed(found, &feed, &place.workspace)?;
    let calibration = calibration(args, &fed, &feed, context)?;
    let engines = desk::engines_of([&fed.opened.model]);
    let machinery = desk::machinery(context, &config, &engines)?;
    let interrupt = signals::interrupt();
    let engine = Engine {
        machinery: &machinery,
        settings: gate::session_settings(&config, &machinery, Target::OnnxRuntimeCpu),
        timeout: config.measure.worker_timeout.0,
        stop: interrupt.stop(),
    };
    let tried = {
        let mut bar: Option<(String, ProgressBar)> = None;
        let tried = layers::run(
            &layers::Request {
                fed: &fed,
                calibration: &calibration,
                seed: config.measure.seed,
                engine: &engine,
            },
            &mut |stage, done, of| {
                if bar.as_ref().is_none_or(|(shown, _)| shown != stage) {
                    if let Some((_, bar)) = bar.take() {
                        bar.finish_and_clear();
                    }
                    bar = Some((stage.to_owned(), context.ui.bar(of as u64, stage)));
                }
                if let Some((_, bar)) = &bar {
                    bar.set_position(done as u64);
                }
            },
        );
        if let Some((_, bar)) = bar {
            bar.finish_and_clear();
        }
        tried?
    };
    let found = report(&fed, build, &calibration, tried);
    if args.json {
        context.ui.json(&found)?;
        return Ok(Exit::Pass);
    }
    for warning in &found.warnings {
        context.ui.warning(warning);
    }
    let data = args.calibration.calibration_data.as_ref();
    let data = data.map_or_else(String::new, |path| format!(" --calibration-data {}", path.display()));
    let mut text = report::layers::text(&found, args.limit as usize);
    text.push_str(&format!(
        "\nnext: mlbuild optimize {} --pass quantize --method mixed{data}\n",
        args.model
    ));
    context.ui.data(&text)?;
    Ok(Exit::Pass)
}

/// What ranges are found on.
fn calibration(args: &Args, fed: &Fed, feed: &Feed, context: &Context) -> Result<CalibrationData, CliError> {
    let model = &fed.opened.model;
    Ok(match args.calibration.config(context) {
        Some(settings) => CalibrationData::open(&settings, Path::new("."), model, &feed.shapes)?,
        None => CalibrationData::made_up(model, feed.task, &feed.shapes, feed.seed, CALIBRATION_SAMPLES)?,
    })
}

fn report(
    fed: &Fed,
    build: Option<String>,
    calibration: &CalibrationData,
    tried: layers::Layers,
) -> report::layers::Layers {
    let mut rows: Vec<Row> = tried
        .layers
        .into_iter()
        .map(|layer| {
            let (outputs, failed) = match layer.outputs {
                Ok(outputs) => (Some(outputs), None),
                Err(reason) => (None, Some(reason)),
            };
            Row {
                node: layer.node,
                op_type: layer.op_type,
                cosine: outputs.as_ref().map(|outputs| outputs.cosine),
                snr_db: outputs.as_ref().and_then(|outputs| outputs.snr_db),
                max_abs_error: outputs.as_ref().map(|outputs| outputs.max_abs_error),
                saved_bytes: layer.saved_bytes,
                failed,
            }
        })
        .collect();
    report::layers::sort(&mut rows);
    let mut warnings = fed.opened.notices.clone();
    warnings.extend(calibration.warning.clone());
    if let Err(reason) = &tried.whole {
        warnings.push(format!("with all layers in integers it does not work: {reason}"));
    }
    report::layers::Layers {
        schema: report::layers::SCHEMA,
        model: fed.opened.label.clone(),
        build,
        method: "int8-static".to_owned(),
        calibration: calibration.about.clone(),
        samples: fed.samples.len(),
        is_real: fed.is_real,
        layers: rows,
        planned: tried.planned,
        whole: tried.whole.ok(),
        sizes: tried.sizes,
        warnings,
    }
}
