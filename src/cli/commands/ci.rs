//! `mlbuild ci`: the gate at the desk, or in any CI that is not GitHub's.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::limits::LimitArgs;
use crate::cli::progress::Progress;
use crate::cli::sharding;
use crate::cli::sharding::Measuring;
use crate::cli::sharding::Shard;
use crate::cli::signals;
use crate::config::Config;
use crate::config::ModelConfig;
use crate::config::Overrides;
use crate::config::Target;
use crate::config::budget;
use crate::config::load::Loaded;
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
use crate::report::Report;

/// Measure every model of the config beside its baseline and judge what changed.
///
/// Needs no GitHub. The report is always written, to `.mlbuild/` beside the config.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild ci
  mlbuild ci --model models/mobilenet.onnx --baseline models/old.onnx
  mlbuild ci --latency-regression 10% --size-budget '8 MB' --json
  mlbuild ci --build 3f36810e --baseline main-mobilenet
  mlbuild ci --shard 2/4
  mlbuild ci --merge .mlbuild/shard-1-of-2.json .mlbuild/shard-2-of-2.json")]
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
    #[command(flatten)]
    limits: LimitArgs,
    /// Measure one part of the whole, such as `2/4`, and write down its samples; `--merge` judges all parts.
    #[arg(long, value_name = "I/N", value_parser = sharding::shard, conflicts_with_all = ["model", "build", "target"])]
    shard: Option<Shard>,
    /// The plan that `mlbuild plan --out` wrote; worked out from config and baseline where it is left out.
    #[arg(long, value_name = "FILE", requires = "shard")]
    plan: Option<PathBuf>,
    /// Where the shard's file goes; `.mlbuild/shard-I-of-N.json` by default.
    #[arg(long, value_name = "FILE", requires = "shard")]
    output: Option<PathBuf>,
    /// Judge what shards measured: their files, or folders that hold them.
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["shard", "model", "build", "target", "baseline"])]
    merge: Vec<PathBuf>,
    /// The commit that is measured, so that parts of different commits are never merged; the CI system's where it is left out.
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
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
            ..self.limits.overrides()
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    if let Some(shard) = args.shard {
        return sharding::measure(
            &Measuring {
                shard,
                plan: args.plan.as_deref(),
                output: args.output.as_deref(),
                baseline: args.baseline.as_deref(),
                commit: args.commit.as_deref(),
                limits: &args.limits,
                json: args.json,
            },
            context,
        );
    }
    if !args.merge.is_empty() {
        let (report, written) = sharding::merge(&args.merge, args.commit.as_deref(), &args.limits, context)?;
        show(args, context, &report, &written)?;
        return Ok(desk::exit(report.exit_code));
    }
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
    show(args, context, &outcome.report, &outcome.written)?;
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

fn show(args: &Args, context: &Context, report: &Report, written: &[PathBuf]) -> Result<(), CliError> {
    if args.json {
        let json = report::json::v2::to_json(report).map_err(ci::CiError::from)?;
        context.ui.json(&json)?;
        return Ok(());
    }
    let mut text = Vec::new();
    report::terminal::write(report, &mut text, context.ui.color())?;
    context.ui.data(&String::from_utf8_lossy(&text))?;
    let files: Vec<String> = written
        .iter()
        .map(|path| context.relative(path).display().to_string())
        .collect();
    context.ui.status(&format!("report: {}", files.join("  ")));
    Ok(())
}
