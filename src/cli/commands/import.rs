//! `mlbuild import`: a model that was made elsewhere, kept as it is.

use std::path::Path;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::LiteRtArgs;
use crate::cli::model_args::ShapeArgs;
use crate::cli::model_args::TaskArgs;
use crate::cli::signals;
use crate::config::ModelConfig;
use crate::config::Target;
use crate::model::Model;
use crate::model::compatible;
use crate::model::format;
use crate::model::format::Format;
use crate::pipeline::agree::Engine;
use crate::pipeline::gate;
use crate::pipeline::import;
use crate::pipeline::prune;
use crate::report;
use crate::report::imported::FileRow;
use crate::report::imported::Imported;

/// Put a model into the registry of builds as it is: ONNX, TensorFlow Lite, Core ML.
///
/// ONNX models are scanned, checked, and loaded and run once by the engine. The format is told by the content, and the target must be one of
/// the format's. A model that is there already is the same build, whatever its file is called; a new name or new notes are taken. The file itself is
/// never changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Targets:
  ONNX     onnxruntime_cpu onnxruntime_gpu onnxruntime_ane
  TFLite   android_arm64 android_arm32 android_x86 raspberry_pi coral_tpu generic_linux
  Core ML  apple_m1 apple_m2 apple_m3 apple_a15 apple_a16 apple_a17

Examples:
  mlbuild import --model model.onnx --target onnxruntime_cpu
  mlbuild import --model model.tflite --target android_arm64 --quantize int8 --name vendor-v2 --notes 'from the vendor'
  mlbuild import --model model.mlpackage --target apple_m1 --graph model.onnx --json")]
pub struct Args {
    /// The model: a `.onnx`, `.tflite` or `.mlmodel` file, or a `.mlpackage` folder.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// What it is to run on; see below. Hyphens are accepted.
    #[arg(long, value_name = "TARGET")]
    target: String,
    /// What its numbers are: `fp32`, `fp16` or `int8`. Found out of an ONNX graph, and checked against it.
    #[arg(long, value_name = "PRECISION", value_enum, hide_possible_values = true)]
    quantize: Option<Precision>,
    /// What the build is called; by default what the config calls the model, or its file's name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What there is to say of it.
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// The ONNX graph that a TFLite or Core ML model came from; it is kept beside it.
    #[arg(long, value_name = "FILE")]
    graph: Option<PathBuf>,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// Do not load it in the engine: for machines that have none.
    #[arg(long)]
    no_verify: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What numbers a model computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Precision {
    Fp32,
    Fp16,
    Int8,
}

impl Precision {
    fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Int8 => "int8",
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    // As a person here would write it, so that messages name it so.
    let path = context.relative(&args.model);
    let format = format::detect(&path)?;
    let target = compatible::target(&args.target, format)?;
    let mut source = import::read(&path)?;
    let graph = args
        .graph
        .as_deref()
        .map(|path| Model::load(&context.relative(path)))
        .transpose()?;
    let reference = path.to_string_lossy();
    let (mut config, model) = desk::settings(context, &reference)?;
    config.runtime = args.litert.runtime(config.runtime);
    source = args.litert.enter_source(source, model.as_ref())?;
    let name = match &model {
        Some(model) => model.name.clone(),
        None => ModelConfig::of(&path).name,
    };
    let machinery = match compatible::engine_of(format) {
        Some(engine) if !args.no_verify => Some(desk::machinery(context, &config, &[engine])?),
        _ => None,
    };
    let interrupt = signals::interrupt();
    let engine = machinery.as_ref().map(|machinery| Engine {
        machinery,
        settings: gate::session_settings(
            &config,
            machinery,
            Target::parse(target).unwrap_or(compatible::usual_target(format)),
        ),
        timeout: config.measure.worker_timeout.0,
        stop: interrupt.stop(),
    });
    let workspace = desk::lasting_place(context)?;
    let imported = import::run(&import::Request {
        source: &source,
        path: Path::new(&path),
        target,
        precision: args.quantize.map(Precision::name),
        model_name: &name,
        name: args.name.as_deref(),
        notes: args.notes.as_deref(),
        graph: graph.as_ref(),
        task: args.task.or(model.as_ref()),
        shapes: desk::shapes_of(model.as_ref(), args.shapes.shapes()?),
        seed: config.measure.seed,
        engine: engine.as_ref(),
        workspace: &workspace,
        now: &clock::now(),
    })?;
    let shown = shown(imported, format);
    for warning in shown.warnings.iter().filter(|_| !args.json) {
        context.ui.warning(warning);
    }
    if args.json {
        context.ui.json(&shown)?;
    } else {
        context.ui.data(&report::imported::text(&shown))?;
    }
    Ok(Exit::Pass)
}

fn shown(imported: import::Imported, format: Format) -> Imported {
    let facts = &imported.build.facts;
    Imported {
        schema: report::imported::SCHEMA,
        build: prune::row(&imported.build),
        task: facts.about.task.clone(),
        file: facts.about.file.clone(),
        imported: facts.about.imported,
        graph: facts.about.graph.clone().map(String::from),
        artifacts: facts
            .artifacts
            .iter()
            .map(|file| FileRow {
                name: file.name.clone(),
                sha256: file.digest.to_string(),
                bytes: file.size.0,
            })
            .collect(),
        new: imported.is_new,
        changes: imported.changes,
        runnable: compatible::engine_of(format).is_some(),
        verified: imported.is_verified,
        warnings: imported.warnings,
    }
}
