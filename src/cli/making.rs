//! Making a variant and showing it: what `build` and `optimize` share.

use std::path::Path;
use std::path::PathBuf;

use indicatif::ProgressBar;

use crate::config::DatasetConfig;
use crate::config::ModelConfig;
use crate::config::Target;
use crate::measure::outputs;
use crate::model::compatible;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Feed;
use crate::pipeline::deliver;
use crate::pipeline::derivation;
use crate::pipeline::gate;
use crate::pipeline::method;
use crate::pipeline::open;
use crate::pipeline::optimize;
use crate::pipeline::optimize::Optimized;
use crate::pipeline::optimize::Stage;
use crate::pipeline::workspace::Workspace;
use crate::registry::Build;
use crate::report::optimized;
use crate::report::optimized::LeftNode;
use crate::report::optimized::Made;
use crate::report::optimized::Named;
use crate::report::optimized::Timings;
use crate::variant::Recipe;

use super::clock;
use super::context::Context;
use super::desk;
use super::error::CliError;
use super::exit::Exit;
use super::model_args::LiteRtArgs;
use super::model_args::ShapeArgs;
use super::model_args::TaskArgs;
use super::signals;
use super::stage_clock::StageClock;

/// A variant that is larger by less is told by its figure only: conversions move a few bytes.
const NOTABLY: f64 = 1.01;

/// Below this cosine similarity a person should look.
const LOOK_BELOW: f64 = 0.99;

/// How both commands are told where results go and what models are verified on.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MakingArgs {
    /// Where it is to run; this machine's processor by default. An ONNX model becomes a TensorFlow Lite model where only these run, on
    /// `generic_linux` for instance.
    #[arg(long, value_name = "TARGET", value_parser = target)]
    pub(crate) target: Option<Target>,
    /// Write the result to this file too; external data goes beside it. The model itself is never overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How many samples the outputs are compared on; of a dataset, at most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) samples: u32,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// List every node that was left as it is.
    #[arg(long)]
    verbose: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads a target's name.
pub(crate) fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Target::ALL.iter().map(|target| target.name()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// What is to be made.
pub(crate) struct Making<'a> {
    /// A model file or a build.
    pub(crate) reference: &'a str,
    /// What the model is called in the registry.
    pub(crate) name: Option<&'a str>,
    /// What is done to it.
    pub(crate) recipe: &'a Recipe,
    /// What outputs are compared on, where it is real.
    pub(crate) dataset: Option<DatasetConfig>,
    /// What ranges are found on, where it is real.
    pub(crate) calibration: Option<DatasetConfig>,
    /// What the reader should know of how the flags were understood.
    pub(crate) notices: Vec<String>,
}

/// Derives, verifies, registers, writes and shows.
pub(crate) fn run(making: Making<'_>, args: &MakingArgs, context: &Context) -> Result<Exit, CliError> {
    let mut clock = StageClock::start();
    let (mut config, model) = desk::settings(context, making.reference)?;
    config.runtime = args.litert.runtime(config.runtime);
    // Found first, so that a mistyped name makes no workspace.
    let found = {
        let place = desk::place(context)?;
        let found = open::find(making.reference, &place.workspace, &context.working_folder)?;
        args.litert.enter(found, model.as_ref())?
    };
    let output = args.output.as_deref().map(|path| context.relative(path));
    if let Some(output) = &output {
        deliver::check(output, &found.model)?;
    }
    let target = args.target.unwrap_or(compatible::usual_target(found.model.format));
    method::check(making.recipe, target)?;
    let workspace = desk::lasting_place(context)?;
    let is_path = found.build.is_none();
    let name = making.name.map(str::to_owned).unwrap_or_else(|| match &model {
        Some(model) => model.name.clone(),
        None => ModelConfig::of(Path::new(making.reference)).name,
    });
    let shapes = desk::shapes_of(model.as_ref(), args.shapes.shapes()?);
    // What the config knows of the model counts where no flag says otherwise.
    let of_config = |settings: Option<&DatasetConfig>| settings.map(|settings| desk::beside_config(context, settings));
    let calibration = making
        .calibration
        .or_else(|| of_config(model.as_ref()?.calibration.as_ref()));
    let dataset = making.dataset.or_else(|| {
        let settings = of_config(model.as_ref()?.dataset.as_ref())?;
        Some(DatasetConfig {
            samples: settings.samples.min(args.samples as usize),
            ..settings
        })
    });
    let feed = Feed {
        dataset,
        shapes,
        task: args.task.or(model.as_ref()),
        samples: args.samples as usize,
        seed: config.measure.seed,
    };
    let mut engines = desk::engines_of([&found.model]);
    engines.push(target.engine());
    let machinery = desk::machinery(context, &config, &engines)?;
    let interrupt = signals::interrupt();
    let engine = Engine {
        machinery: &machinery,
        settings: gate::session_settings(&config, &machinery, target),
        timeout: config.measure.worker_timeout.0,
        stop: interrupt.stop(),
    };
    let made = {
        let spinner = context.ui.spinner("deriving");
        let mut bar: Option<ProgressBar> = None;
        let made = optimize::run(
            optimize::Request {
                found,
                name: &name,
                recipe: making.recipe,
                feed: &feed,
                calibration: calibration.as_ref(),
                seed: config.measure.seed,
                engine: &engine,
                machinery: &machinery,
                runtime_version: machinery
                    .library_of(target.engine())
                    .version
                    .as_deref()
                    .unwrap_or(optimize::UNKNOWN_VERSION),
                workspace: &workspace,
                now: &clock::now(),
            },
            &mut |stage| {
                clock.note(&stage);
                match stage {
                    Stage::Deriving => spinner.set_message(format!("deriving {}", making.recipe)),
                    Stage::Calibrating(derivation::Progress::Calibrating { step, done, of }) => {
                        let bar =
                            bar.get_or_insert_with(|| context.ui.bar(of as u64, &format!("{step}: running the model")));
                        bar.set_length(of as u64);
                        bar.set_position(done as u64);
                    }
                    Stage::Verifying => {
                        if let Some(bar) = bar.take() {
                            bar.finish_and_clear();
                        }
                        spinner.set_message(format!("comparing outputs on up to {} samples", feed.samples));
                    }
                }
            },
        );
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        spinner.finish_and_clear();
        made?
    };
    context.touch(&made.root.facts.id);
    context.touch(&made.build.facts.id);
    clock.writing();
    let stored = open::stored_files(&made.build);
    let files = match &output {
        Some(output) => deliver::deliver(&stored, workspace.objects(), output, &made.model)?,
        None => stored
            .iter()
            .filter_map(|file| workspace.objects().path(&file.digest))
            .collect(),
    };
    let files = files.iter().map(|file| context.relative(file).display().to_string());
    let mut notices = making.notices;
    if is_path && making.name.is_some_and(|name| name != made.root.facts.model) {
        notices.push(format!(
            "this model is in the registry as `{}` already, and keeps that name",
            made.root.facts.model
        ));
    }
    let files: Vec<String> = files.collect();
    let timings = clock.stop();
    let report = Made {
        timings,
        ..report(&made, making.recipe, target, files, notices)
    };
    show(&made, &report, args, &workspace, making.reference, context)?;
    let failure = outputs::failure(&made.verified.anomalies).filter(|_| context.global.strict_output);
    Ok(if failure.is_some() {
        Exit::Regression
    } else {
        Exit::Pass
    })
}

fn named(build: &Build) -> Named {
    Named {
        id: build.facts.id.to_string(),
        model: build.facts.model.clone(),
        recipe: build.facts.recipe.clone(),
        size_bytes: build.size().0,
    }
}

fn report(made: &Optimized, recipe: &Recipe, target: Target, files: Vec<String>, notices: Vec<String>) -> Made {
    let (build, root) = (named(&made.build), named(&made.root));
    let size_ratio = build.size_bytes as f64 / root.size_bytes.max(1) as f64;
    let verified = &made.verified;
    let mut warnings = notices;
    warnings.extend(made.notices.iter().cloned());
    warnings.extend(made.calibration_warning.clone());
    warnings.extend(verified.warnings());
    let whole = Recipe::parse(&made.build.facts.recipe);
    warnings.extend(method::advice(
        whole.as_ref().unwrap_or(recipe),
        target,
        std::env::consts::ARCH,
    ));
    if size_ratio > NOTABLY {
        warnings.push("the variant is larger than the model".to_owned());
    }
    let cosine = verified.accuracy.cosine;
    if cosine < LOOK_BELOW {
        warnings.push(format!(
            "the outputs are not what they were: cosine {} (below {LOOK_BELOW})",
            optimized::cosine(cosine)
        ));
    }
    let left = made.account.left.iter().map(|left| LeftNode {
        node: left.node.clone(),
        op_type: left.op_type.clone(),
        reason: left.reason.clone(),
    });
    Made {
        schema: optimized::SCHEMA,
        parent: named(&made.parent),
        build,
        root,
        target: target.name().to_owned(),
        reused: !made.is_new,
        size_ratio,
        changed: made.account.changed,
        left: left.collect(),
        // What is a warning already needs no note.
        notes: made
            .account
            .notes
            .iter()
            .filter(|note| {
                !made
                    .calibration_warning
                    .as_ref()
                    .is_some_and(|warning| note.ends_with(warning))
            })
            .cloned()
            .collect(),
        warnings,
        accuracy: verified.accuracy.clone(),
        is_real: verified.is_real,
        files,
        timings: Timings::default(),
    }
}

fn show(
    made: &Optimized,
    report: &Made,
    args: &MakingArgs,
    workspace: &Workspace,
    reference: &str,
    context: &Context,
) -> Result<(), CliError> {
    let ui = &context.ui;
    if made.is_new_root {
        let registry = context.relative(&workspace.registry_path());
        ui.status(&format!(
            "registered `{reference}` as {} in {}",
            report.root.label(),
            registry.display()
        ));
    }
    if report.reused && report.build.id != report.root.id {
        ui.status(&format!(
            "{} is in the registry already: nothing new was made",
            report.build.label()
        ));
    }
    if args.json {
        ui.json(report)?;
        return Ok(());
    }
    for warning in &report.warnings {
        ui.warning(warning);
    }
    let mut text = optimized::text(report, args.verbose);
    let (root, build) = (report.root.short(), report.build.short());
    text.push_str(&if build == root {
        format!("\nnext: mlbuild optimize {build} --pass quantize --method int8\n      mlbuild explore {build}\n")
    } else {
        format!("\nnext: mlbuild compare {root} {build}\n      mlbuild compare-quantization {root} {build}\n")
    });
    ui.data(&text)?;
    Ok(())
}
