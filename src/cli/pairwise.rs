//! Two models side by side, each a file or a build: what `compare` and `ci-check` share.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::Config;
use crate::config::InputConfig;
use crate::config::LatencyMetric;
use crate::config::ModelConfig;
use crate::config::Policy;
use crate::config::defaults;
use crate::config::overrides;
use crate::digest::Digest;
use crate::machine::Fingerprint;
use crate::pipeline::baseline::resolve;
use crate::pipeline::ci;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::feed::shared_shapes;
use crate::pipeline::machinery;
use crate::pipeline::open;
use crate::pipeline::open::Found;
use crate::pipeline::recall;
use crate::pipeline::recall::Cache;
use crate::pipeline::subject;
use crate::report;
use crate::report::Report;
use crate::report::clean;
use crate::units::Percent;
use crate::units::Span;

use super::clock;
use super::context::Context;
use super::desk;
use super::error::CliError;
use super::exit::Exit;
use super::model_args::LiteRtArgs;
use super::model_args::ShapeArgs;
use super::model_args::TaskArgs;
use super::model_args::UnitArgs;
use super::model_args::span;
use super::progress::Progress;
use super::signals;

/// How many inputs outputs are compared on where `--check-accuracy` asks for it.
const ACCURACY_SAMPLES: u64 = 32;

/// The seed of these inputs.
const ACCURACY_SEED: u64 = 42;

/// What both commands take.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PairArgs {
    /// What to compare with: a model file, a tag, or the beginning of a build's id.
    #[arg(value_name = "A")]
    baseline: String,
    /// What is judged: a model file, a tag, or the beginning of a build's id.
    #[arg(value_name = "B")]
    candidate: String,
    /// Accepted growth on disk, in per cent of A; 5 by default.
    #[arg(long, value_name = "PERCENT", value_parser = overrides::percent)]
    size_threshold: Option<Percent>,
    /// The statistic of latency that decides: `p50`, `p95`, `p99` or `mean`.
    #[arg(long, value_name = "METRIC", default_value = "p50", value_parser = metric)]
    metric: LatencyMetric,
    /// Timed inferences of each side, at least; as many as it takes by default.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    runs: Option<u32>,
    /// Inferences after each fresh start that are not timed, at least.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    warmup: Option<u32>,
    /// Let the agreement of outputs decide too; without it they are compared and shown only.
    #[arg(long)]
    check_accuracy: bool,
    /// Inputs to compare outputs on; 32 by default.
    #[arg(long, value_name = "NUMBER", requires = "check_accuracy", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    accuracy_samples: Option<u64>,
    /// Seed of these inputs; 42 by default.
    #[arg(long, value_name = "NUMBER", requires = "check_accuracy")]
    accuracy_seed: Option<u64>,
    /// The least cosine similarity of outputs; 0.99 by default.
    #[arg(long, value_name = "SHARE", requires = "check_accuracy", value_parser = share)]
    cosine_threshold: Option<f64>,
    /// The least share of inputs with the same highest output; 0.99 by default.
    #[arg(long, value_name = "SHARE", requires = "check_accuracy", value_parser = share)]
    top1_threshold: Option<f64>,
    /// Use stored benchmarks of this machine where there are enough; measure anew otherwise, and say why.
    ///
    /// Each model needs two benchmarks on this machine, with the same engine version, settings and inputs: between two of them a
    /// machine's speed changes by more than any interval within one says, so the benchmark is the unit of evidence. Outputs are always
    /// compared by running both.
    #[arg(long)]
    use_cached: bool,
    #[command(flatten)]
    unit: UnitArgs,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// The recipe to derive from both before measuring, such as `fp16`.
    #[arg(long, value_name = "RECIPE", default_value = "fp32")]
    variant: String,
    /// How long it may take; 20 s by default.
    #[arg(long, value_name = "TIME", value_parser = span)]
    time_budget: Option<Span>,
    /// Threads inside an operator.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What tells the commands apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The accepted slowdown.
    pub(crate) latency: Percent,
    /// Any change for the worse beyond noise fails, and so does an undecided one.
    pub(crate) strict: bool,
    /// How to show the outcome.
    pub(crate) show: Show,
}

/// How to show the outcome where it is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Everything, for a person.
    Whole,
    /// The table and the verdict.
    Compact,
    /// The same without colours and progress, for a log.
    Log,
}

fn metric(text: &str) -> Result<LatencyMetric, String> {
    LatencyMetric::ALL
        .into_iter()
        .find(|metric| metric.name() == text)
        .ok_or_else(|| {
            let known: Vec<&str> = LatencyMetric::ALL.iter().map(|metric| metric.name()).collect();
            format!("expected one of {}", known.join(", "))
        })
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a share from 0 to 1; write 99 % as `0.99`".to_owned())
}

/// Measures B beside A and judges it.
pub(crate) fn run(args: &PairArgs, rules: Rules, context: &Context) -> Result<Exit, CliError> {
    let shapes = args.shapes.shapes()?;
    let project = desk::place(context)?;
    let find = |reference: &str| {
        let found = open::find(reference, &project.workspace, &context.working_folder)?;
        args.litert.enter(found, None)
    };
    let (baseline, candidate) = (find(&args.baseline)?, find(&args.candidate)?);
    let shapes = shared_shapes(&candidate.model, &baseline.model, &shapes);
    let config = config(args, &rules, &candidate, shapes, context);
    let mut notices = Vec::new();
    notices.extend(of_build("A", &baseline));
    notices.extend(of_build("B", &candidate));

    // What is derived lives in a folder of its own, gone afterwards: two models side by side leave no trace.
    let place = desk::temporary()?;
    let objects = place.workspace.objects();
    let name = model_name(&candidate, &args.candidate);
    let stored = BTreeMap::from([(name.clone(), subject::store_source(&candidate.model, objects)?)]);
    let baselines = resolve::of_files(&baseline.label, &name, subject::store_source(&baseline.model, objects)?);
    let machinery = desk::machinery(context, &config, &machinery::engines_in(&config))?;
    let interrupt = signals::interrupt();
    let machine = Fingerprint::of_this_machine().with_environment(&context.environment);
    let cache = cache(args, &config, &baseline, &candidate).map(|(baseline, candidate)| Cache {
        baseline,
        candidate,
        runtime_version: config
            .models
            .first()
            .and_then(|model| model.targets.first())
            .and_then(|target| machinery.library_of(target.engine()).version.clone()),
        machine: &machine,
        workspace: &project.workspace,
    });
    if args.use_cached && cache.is_none() {
        notices.push("measured anew: variants that are derived here have no stored benchmarks".to_owned());
    }
    let outcome = {
        let mut progress = (rules.show != Show::Log).then(|| Progress::new(&context.ui));
        ci::run(
            ci::Request {
                config: &config,
                gate: &config.gate,
                config_changes: Vec::new(),
                folder: &context.working_folder,
                lines: Vec::new(),
                shapes: ShapeSource::Flags,
                baselines: &baselines,
                machinery: &machinery,
                stored,
                workspace: &place.workspace,
                environment: &context.environment,
                interrupt: &interrupt,
                cache: cache.as_ref(),
                context: report::Context {
                    key: desk::KEY.to_owned(),
                    ..report::Context::default()
                },
                notices,
                now: clock::now(),
            },
            &mut |event| {
                if let Some(progress) = &mut progress {
                    progress.show(event);
                }
            },
        )?
    };
    show(args, &rules, context, &outcome.report)?;
    Ok(desk::exit(outcome.report.exit_code))
}

fn config(
    args: &PairArgs,
    rules: &Rules,
    candidate: &Found,
    shapes: BTreeMap<String, Vec<u64>>,
    context: &Context,
) -> Config {
    let mut config = Config::for_model(Path::new(&args.candidate));
    let gate = &mut config.gate;
    gate.latency.metric = args.metric;
    gate.latency.limit.max_regression = rules.latency;
    if let Some(limit) = args.size_threshold {
        gate.size.max_regression = limit;
    }
    if let Some(cosine) = args.cosine_threshold {
        gate.accuracy.cosine = cosine;
    }
    if let Some(top1) = args.top1_threshold {
        gate.accuracy.top1 = top1;
    }
    gate.accuracy.explicit |= args.check_accuracy;
    gate.accuracy.judged = args.check_accuracy;
    if rules.strict {
        gate.strict = true;
        gate.on_inconclusive = Policy::Fail;
    }
    let measure = &mut config.measure;
    measure.strict_output = context.global.strict_output;
    if let Some(budget) = args.time_budget {
        measure.time_budget = budget;
        measure.total_budget = measure.total_budget.max(budget);
    }
    if let Some(threads) = args.threads {
        measure.threads = usize::from(threads);
    }
    measure.least_runs = args.runs.unwrap_or(0);
    measure.least_warmup = args.warmup.unwrap_or(0);
    if args.check_accuracy {
        measure.samples = args.accuracy_samples.unwrap_or(ACCURACY_SAMPLES);
        measure.samples_seed = Some(args.accuracy_seed.unwrap_or(ACCURACY_SEED));
    }
    config.runtime = args.litert.runtime(config.runtime);
    let model = ModelConfig {
        name: model_name(candidate, &args.candidate),
        inputs: shapes
            .into_iter()
            .map(|(name, shape)| (name, InputConfig { shape }))
            .collect(),
        task: args.task.task(),
        signature: args.litert.signature().map(str::to_owned),
        variants: vec![args.variant.clone()],
        ..ModelConfig::of(Path::new(&args.candidate))
    };
    config.models = vec![ModelConfig {
        targets: args
            .unit
            .target()
            .map_or_else(|| model.targets.clone(), |target| vec![target]),
        ..model
    }];
    config
}

/// Where the registry has both sides; `None` where nothing stored is asked for, or can be of what is compared.
fn cache(args: &PairArgs, config: &Config, baseline: &Found, candidate: &Found) -> Option<(Digest, Digest)> {
    if !args.use_cached || args.variant != defaults::VARIANT {
        return None;
    }
    let id = |found: &Found| {
        let build = found.build.as_ref().map(|build| build.facts.id.as_str());
        recall::build_id(build, &found.model, config.measure.seed)
    };
    Some((id(baseline)?, id(candidate)?))
}

/// The model's name in the report.
fn model_name(found: &Found, reference: &str) -> String {
    match &found.build {
        Some(build) => build.facts.model.clone(),
        None => ModelConfig::of(Path::new(reference)).name,
    }
}

/// A build is measured as it was built, which its column's heading does not say.
fn of_build(side: &str, found: &Found) -> Option<String> {
    let build = found.build.as_ref()?;
    Some(format!(
        "{side} is the build {} of `{}`, as `{}`",
        build.facts.id.short(),
        build.facts.model,
        build.facts.recipe
    ))
}

fn show(args: &PairArgs, rules: &Rules, context: &Context, report: &Report) -> Result<(), CliError> {
    if args.json {
        let json = report::json::v2::to_json(report).map_err(ci::CiError::from)?;
        context.ui.json(&json)?;
        return Ok(());
    }
    let mut text = Vec::new();
    match rules.show {
        Show::Whole => report::terminal::write(report, &mut text, context.ui.color())?,
        Show::Compact => report::table::write(report, &mut text, context.ui.color())?,
        Show::Log => report::table::write(report, &mut text, false)?,
    }
    let notes = report.comparisons.iter().flat_map(|detail| &detail.warnings);
    for note in notes.filter(|_| rules.show != Show::Whole) {
        text.extend(format!("note: {}\n", clean::sentence(note, clean::PROSE_LENGTH)).bytes());
    }
    context.ui.data(&String::from_utf8_lossy(&text))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_named() {
        assert_eq!(metric("p99"), Ok(LatencyMetric::P99));
        assert!(metric("p42").unwrap_err().contains("p50, p95, p99, mean"));
    }

    #[test]
    fn shares_are_from_zero_to_one() {
        assert_eq!(share("0.99"), Ok(0.99));
        for bad in ["1.01", "-0.1", "99%", "nan", ""] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
