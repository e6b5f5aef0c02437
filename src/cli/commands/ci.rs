//! `mlbuild ci`: the gate at the desk, or in any CI that is not GitHub's.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::signals;
use crate::config::Config;
use crate::config::ModelConfig;
use crate::config::Overrides;
use crate::config::Target;
use crate::config::budget;
use crate::config::load::Loaded;
use crate::config::overrides;
use crate::machine::fingerprint::Fingerprint;
use crate::pipeline::baseline::resolve;
use crate::pipeline::baseline::resolve::Desk;
use crate::pipeline::ci;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::machinery;
use crate::pipeline::remember;
use crate::pipeline::workspace::Workspace;
use crate::registry::BuildFacts;
use crate::report;
use crate::units::Bytes;
use crate::units::Millis;
use crate::units::Percent;

/// Measure every model of the config beside its baseline and judge what changed.
///
/// Needs no GitHub. The report is always written, to `.mlbuild/` beside the config.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild ci
  mlbuild ci --model models/mobilenet.onnx --baseline models/old.onnx
  mlbuild ci --latency-regression 10% --size-budget '8 MB' --json
  mlbuild ci --build 3f36810e --baseline main-mobilenet")]
pub struct Args {
    /// Gate this model alone: a name or path of the config, or any model file.
    #[arg(long, value_name = "PATH", conflicts_with = "build")]
    model: Option<PathBuf>,
    /// Gate a build of the registry: a tag, or the beginning of its id.
    #[arg(long, value_name = "BUILD")]
    build: Option<String>,
    /// What to compare with: a model file, a baseline folder, a tag, a build or a release.
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// The only target to measure on, such as `onnxruntime_cpu`.
    #[arg(long, value_name = "TARGET", value_parser = target)]
    target: Option<Target>,
    /// Accepted slowdown, in per cent of the baseline.
    #[arg(long, value_name = "PERCENT", value_parser = overrides::percent)]
    latency_regression: Option<Percent>,
    /// Accepted growth on disk, in per cent of the baseline.
    #[arg(long, value_name = "PERCENT", value_parser = overrides::percent)]
    size_regression: Option<Percent>,
    /// The most an inference may take, whatever the baseline; milliseconds without a unit.
    #[arg(long, value_name = "TIME", value_parser = overrides::millis)]
    latency_budget: Option<Millis>,
    /// The most that the 95th percentile of inferences may take; milliseconds without a unit.
    #[arg(long, value_name = "TIME", value_parser = overrides::millis)]
    p95_budget: Option<Millis>,
    /// The most memory at its peak, beyond an empty session; megabytes without a unit.
    #[arg(long, value_name = "SIZE", value_parser = overrides::bytes)]
    memory_budget: Option<Bytes>,
    /// The most a model may take on disk, whatever the baseline; megabytes without a unit.
    #[arg(long, value_name = "SIZE", value_parser = overrides::bytes)]
    size_budget: Option<Bytes>,
    /// Samples to compare outputs on: an `.npz` file, or a folder of images or `.npy` files.
    #[arg(long, value_name = "PATH")]
    dataset: Option<PathBuf>,
    /// The least cosine similarity of outputs with the baseline's.
    #[arg(long, value_name = "SHARE")]
    cosine_threshold: Option<f64>,
    /// The least share of samples with the baseline's answer.
    #[arg(long, value_name = "SHARE")]
    top1_threshold: Option<f64>,
    /// Fail where there is no baseline.
    #[arg(long)]
    fail_on_missing_baseline: bool,
    /// Print the report as JSON instead of the table and the comment.
    #[arg(long)]
    json: bool,
}

fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Target::ALL.iter().map(|target| target.name()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

impl Args {
    fn overrides(&self) -> Overrides {
        Overrides {
            model: self.model.clone(),
            target: self.target,
            latency_regression: self.latency_regression,
            size_regression: self.size_regression,
            latency_budget: self.latency_budget,
            p95_budget: self.p95_budget,
            memory_budget: self.memory_budget,
            size_budget: self.size_budget,
            dataset: self.dataset.clone(),
            cosine_threshold: self.cosine_threshold,
            top1_threshold: self.top1_threshold,
            fail_on_missing_baseline: self.fail_on_missing_baseline,
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let loaded = load(args, context)?;
    let workspace = Workspace::open(&loaded.folder)?;
    let mut config = loaded.config.clone();
    if let Some(budget) = budget::load(&loaded.folder)? {
        config.gate.constrain(budget.constraints());
    }
    let mut stored = BTreeMap::new();
    let mut notices = Vec::new();
    if let Some(name) = &args.build {
        let (build, files) = resolve::find_build(name, &workspace)?;
        notices.push(format!(
            "what is judged is the build {} ({name})",
            build.facts.id.short()
        ));
        stored.insert(build.facts.model.clone(), files);
        config.models = vec![model_of(&build.facts, &config)];
    }
    let mut config = config.with(&args.overrides(), &loaded.folder, &context.working_folder)?;
    config.measure.strict_output |= context.global.strict_output;
    let github = desk::github(context)?;
    let mut baselines = resolve::resolve(
        args.baseline.as_deref(),
        &Desk {
            config: &config,
            folder: &loaded.folder,
            working_folder: &context.working_folder,
            workspace: &workspace,
            github: github.as_ref().map(|client| (client, desk::KEY)),
            key: desk::KEY,
            environment: &context.environment,
        },
    )?;
    if args.model.is_some() || args.build.is_some() || args.target.is_some() {
        baselines.narrow(&loaded.config, &config);
    }
    let machinery = desk::machinery(context, &config, &machinery::engines_in(&config))?;
    let interrupt = signals::interrupt();
    let now = clock::now();
    let config_path = loaded
        .path
        .as_ref()
        .map(|path| context.relative(path).display().to_string());
    let outcome = {
        let mut progress = Progress::new(&context.ui);
        ci::run(
            ci::Request {
                config: &config,
                gate: &config.gate,
                config_changes: Vec::new(),
                folder: &loaded.folder,
                lines: loaded.lines(&config),
                shapes: ShapeSource::Config,
                baselines: &baselines,
                machinery: &machinery,
                stored,
                workspace: &workspace,
                environment: &context.environment,
                interrupt: &interrupt,
                cache: None,
                context: report::Context {
                    key: desk::KEY.to_owned(),
                    config_path: config_path.unwrap_or_default(),
                    ..report::Context::default()
                },
                notices,
                now: now.clone(),
            },
            &mut |event| progress.show(event),
        )?
    };
    let machine = Fingerprint::of_this_machine().with_environment(&context.environment);
    if let Err(error) = remember::remember(&outcome.done, &config, &machine, &workspace, &now) {
        // The verdict stands; only the memory of it is lost.
        context.ui.warning(&format!("this run is not in the registry: {error}"));
    }
    show(args, context, &outcome)?;
    Ok(desk::exit(outcome.report.exit_code))
}

/// A build's model as the config has it, or else with defaults; only the build's own variant.
fn model_of(build: &BuildFacts, config: &Config) -> ModelConfig {
    let known = config.models.iter().find(|model| model.name == build.model).cloned();
    let mut model = known.unwrap_or_else(|| ModelConfig {
        name: build.model.clone(),
        ..ModelConfig::of(Path::new(&build.model))
    });
    model.variants = vec![build.recipe.clone()];
    model
}

/// The config, or one made of `--model` where there is none.
fn load(args: &Args, context: &Context) -> Result<Loaded, CliError> {
    match (&args.model, context.find_config()) {
        (Some(model), None) => Ok(Loaded::for_model(model, &context.working_folder)),
        _ if args.build.is_some() && context.find_config().is_none() => {
            Ok(Loaded::for_model(&PathBuf::from("model.onnx"), &context.working_folder))
        }
        _ => context.load_config(),
    }
}

fn show(args: &Args, context: &Context, outcome: &ci::Outcome) -> Result<(), CliError> {
    if args.json {
        let json = report::json::v2::to_json(&outcome.report).map_err(ci::CiError::from)?;
        context.ui.json(&json)?;
        return Ok(());
    }
    let mut text = Vec::new();
    report::terminal::write(&outcome.report, &mut text, context.ui.color())?;
    context.ui.data(&String::from_utf8_lossy(&text))?;
    let files: Vec<String> = outcome
        .written
        .iter()
        .map(|path| context.relative(path).display().to_string())
        .collect();
    context.ui.status(&format!("report: {}", files.join("  ")));
    Ok(())
}
