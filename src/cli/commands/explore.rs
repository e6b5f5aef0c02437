//! `mlbuild explore`: every variant of a model measured beside it, with a verdict for each.

use std::path::Path;
use std::path::PathBuf;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::desk::Place;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::LiteRtArgs;
use crate::cli::model_args::ShapeArgs;
use crate::cli::model_args::TaskArgs;
use crate::cli::model_args::span;
use crate::cli::progress::Exploring;
use crate::cli::signals;
use crate::config::DatasetConfig;
use crate::config::Target;
use crate::files;
use crate::machine::Fingerprint;
use crate::pipeline::benchmark::Surroundings;
use crate::pipeline::explore;
use crate::pipeline::workspace::Workspace;
use crate::report;
use crate::report::explore::Explored;
use crate::units::Span;
use crate::variant::Recipe;

/// The engine that variants run on.
const BACKEND: &str = "onnxruntime";

/// Engines of the same idea elsewhere, which are not to be had here.
const OTHER_BACKENDS: [&str; 2] = ["coreml", "tflite"];

/// Samples that outputs are compared on where they are made up.
const SAMPLES: u64 = 16;

/// The page's name in the workspace.
const PAGE: &str = "explore.html";

/// Which variant is worth having? Derives every one that suits the model, measures each beside it, and says which.
///
/// Every variant is loaded, run and compared with the model before it counts, and measured in pairs with it, turn by turn. `recommended`
/// has the best score of latency and size among those that are accurate and not slower, `aggressive` is the smallest of the others. Other
/// settings of the engine are tried on the model and on the best variant. What was measured is kept: after Ctrl-C, or with more
/// time, the next run goes on from there. An interrupted run ends in exit code 2.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild explore model.onnx
  mlbuild explore model.onnx --calibration-data data/calibration --budget 5m
  mlbuild explore model.onnx --recipes fp16,int8-static,prune-0.50+int8
  mlbuild explore model.onnx --fast --json")]
pub struct Args {
    /// A model file, a tag, or the beginning of a build's id.
    #[arg(value_name = "MODEL")]
    model: String,
    /// Where it will run.
    #[arg(long, value_name = "TARGET", value_parser = target)]
    target: Option<Target>,
    /// Only `fp16`, and a short budget.
    #[arg(long)]
    fast: bool,
    /// A variant whose outputs are below the threshold has failed; they are compared and shown in any case.
    #[arg(long)]
    check_accuracy: bool,
    /// The least cosine similarity of outputs with the model's.
    #[arg(long, value_name = "SHARE", default_value_t = 0.99, value_parser = share)]
    cosine_threshold: f64,
    /// Real samples to calibrate static quantization with: a folder of images or `.npy` files, or a `.npz` file.
    #[arg(long, value_name = "PATH")]
    calibration_data: Option<PathBuf>,
    /// How many of them at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calibration_samples: u32,
    /// Engines to run on.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = BACKEND)]
    backends: Vec<String>,
    /// Recipes to try instead of those that suit the model.
    #[arg(long, value_name = "RECIPES", value_delimiter = ',')]
    recipes: Vec<String>,
    /// How long everything may take; `2 min 30 s`, with `--fast` 20 s.
    #[arg(long, value_name = "TIME", value_parser = budget)]
    budget: Option<Span>,
    /// Threads inside an operator.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Measure everything anew, whatever earlier runs measured.
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Write the result as JSON, to the file where one is named and to stdout otherwise.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = false)]
    output_json: Option<Option<PathBuf>>,
    /// Where the page with the plot goes; `explore.html` in the workspace by default.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Target::ALL.iter().map(|target| target.name()).collect();
        format!("no such target here; expected one of {}", known.join(", "))
    })
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a number from 0 to 1, such as `0.99`".to_owned())
}

/// Reads a time; `5m` is five minutes.
fn budget(text: &str) -> Result<Span, String> {
    match text.trim().strip_suffix('m') {
        Some(minutes) => span(&format!("{minutes}min")),
        None => span(text),
    }
}

/// Errors where an engine is named that is not to be had.
fn check_backends(backends: &[String]) -> Result<(), CliError> {
    for backend in backends {
        let name = backend.trim().to_ascii_lowercase();
        if name == BACKEND {
            continue;
        }
        let what = if OTHER_BACKENDS.contains(&name.as_str()) {
            "is not available in this version"
        } else {
            "is not known"
        };
        return Err(CliError::usage(format!("the backend `{backend}` {what}"))
            .hint(format!("leave `--backends` out, or write `--backends {BACKEND}`")));
    }
    Ok(())
}

fn recipes(texts: &[String]) -> Result<Vec<Recipe>, CliError> {
    let mut recipes = Vec::with_capacity(texts.len());
    for text in texts {
        let recipe = Recipe::parse(text)?;
        // The model itself is measured in any case.
        if !recipe.steps.is_empty() && !recipes.contains(&recipe) {
            recipes.push(recipe);
        }
    }
    if recipes.is_empty() && !texts.is_empty() {
        return Err(
            CliError::usage("`--recipes` names no variant: `fp32` is what variants are compared with")
                .hint("name at least one other recipe, or leave `--recipes` out"),
        );
    }
    Ok(recipes)
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    check_backends(&args.backends)?;
    let recipes = recipes(&args.recipes)?;
    if args.fast && !recipes.is_empty() {
        return Err(
            CliError::usage("`--fast` tries `fp16` only, and `--recipes` names others")
                .hint("leave one of them out; `--budget` makes any sweep short"),
        );
    }
    let shapes = args.shapes.shapes()?;
    let (config, model) = desk::settings(context, &args.model)?;
    let workspace = workspace(context)?;
    let machinery = desk::machinery(context, &config, &desk::engines_at(context, &workspace, &[&args.model]))?;
    let interrupt = signals::interrupt();
    let machine = Fingerprint::of_this_machine().with_environment(&context.environment);
    let mut measure = config.measure;
    measure.samples = SAMPLES;
    if let Some(threads) = args.threads {
        measure.threads = usize::from(threads);
    }
    let calibration = args.calibration_data.as_ref().map(|path| DatasetConfig {
        samples: args.calibration_samples as usize,
        ..DatasetConfig::for_calibration(context.working_folder.join(path))
    });
    let configured = |dataset: Option<&DatasetConfig>| dataset.map(|dataset| beside_config(dataset.clone(), context));
    let calibration = calibration.or_else(|| configured(model.as_ref()?.calibration.as_ref()));
    let dataset = configured(model.as_ref().and_then(|model| model.dataset.as_ref()));
    let litert = args.litert.settings(&config.runtime, model.as_ref());
    let request = explore::Request {
        reference: &args.model,
        signature: litert.signature,
        shapes: desk::shapes_of(model.as_ref(), shapes),
        task: args.task.or(model.as_ref()),
        recipes,
        fast: args.fast,
        check_accuracy: args.check_accuracy,
        min_cosine: args.cosine_threshold,
        calibration,
        dataset,
        budget: args.budget.unwrap_or(Span(if args.fast {
            explore::FAST_BUDGET
        } else {
            explore::BUDGET
        })),
        target: args.target,
        runtime: args.litert.runtime(config.runtime),
        measure,
        fresh: args.fresh,
        now: clock::now(),
    };
    let explored = {
        let mut progress = Exploring::new(&context.ui);
        explore::run(
            &request,
            &Surroundings {
                workspace: &workspace,
                working_folder: &context.working_folder,
                machinery: &machinery,
                machine: &machine,
                interrupt: &interrupt,
            },
            &mut |event| progress.show(event),
        )?
    };
    show(args, context, &explored, &workspace)?;
    if explored.interrupted {
        context.ui.error("interrupted before everything was measured");
        context.ui.hint("run it again: what was measured counts");
        return Ok(Exit::Error);
    }
    Ok(Exit::Pass)
}

/// Paths of the config start at its folder.
fn beside_config(dataset: DatasetConfig, context: &Context) -> DatasetConfig {
    let folder = desk::project(context);
    DatasetConfig {
        path: folder.join(&dataset.path),
        ..dataset
    }
}

/// The project's workspace, made where there is none: variants, the page and what was measured are kept in it.
fn workspace(context: &Context) -> Result<Workspace, CliError> {
    let place = desk::place(context)?;
    if place.is_kept() {
        let Place { workspace, .. } = place;
        return Ok(workspace);
    }
    Ok(Workspace::open(&desk::project(context))?)
}

fn show(args: &Args, context: &Context, explored: &Explored, workspace: &Workspace) -> Result<(), CliError> {
    let page = report::explore::render(explored)?;
    let path = match &args.html {
        Some(path) => context.working_folder.join(path),
        None => workspace.root().join(PAGE),
    };
    files::write_atomic(&path, page.as_bytes())?;
    let plot = context.relative(&path).display().to_string();
    for warning in &explored.warnings {
        context.ui.warning(warning);
    }
    if let Some(Some(path)) = &args.output_json {
        write_json(explored, &context.working_folder.join(path))?;
        context.ui.status(&format!("wrote {}", path.display()));
    }
    if args.json || args.output_json == Some(None) {
        context.ui.json(explored)?;
        context.ui.status(&format!("plot: {plot}"));
        return Ok(());
    }
    let mut text = Vec::new();
    report::explore::write(explored, Some(&plot), &mut text, context.ui.color())?;
    context.ui.data(&String::from_utf8_lossy(&text))?;
    Ok(())
}

fn write_json(explored: &Explored, path: &Path) -> Result<(), CliError> {
    let mut text = serde_json::to_string_pretty(explored).map_err(std::io::Error::from)?;
    text.push('\n');
    Ok(files::write_atomic(path, text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn minutes_have_a_short_form() {
        assert_eq!(budget("5m"), Ok(Span(Duration::from_secs(300))));
        assert_eq!(budget("1.5 m"), Ok(Span(Duration::from_secs(90))));
        assert_eq!(budget("90 s"), Ok(Span(Duration::from_secs(90))));
        assert_eq!(budget("2 min"), Ok(Span(Duration::from_secs(120))));
        assert_eq!(budget("250ms"), Ok(Span(Duration::from_millis(250))));
        assert!(budget("m").is_err() && budget("0m").is_err() && budget("5").is_err());
    }

    #[test]
    fn only_one_backend_is_available() {
        let check = |name: &str| check_backends(&[name.to_owned()]);
        assert!(check("onnxruntime").is_ok() && check("ONNXRuntime").is_ok());
        assert!(check("coreml").unwrap_err().message().contains("not available"));
        assert!(check("tpu").unwrap_err().message().contains("not known"));
    }
}
