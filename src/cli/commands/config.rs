//! `mlbuild config`: check the config, print its schema.

use clap::Subcommand;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::config::BaselineStore;
use crate::config::BucketConfig;
use crate::config::Config;
use crate::config::DatasetConfig;
use crate::config::LatencyMetric;
use crate::config::Limit;
use crate::config::budget;
use crate::config::load::Loaded;
use crate::config::schema;
use crate::units::Bytes;
use crate::units::Count;
use crate::units::Millis;
use crate::units::PerSecond;

/// Check the config, or print the JSON Schema by which editors complete it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild config check
  mlbuild config check --json
  mlbuild config schema > mlbuild.schema.json")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the config and say what it comes to, defaults filled in; measure nothing.
    Check {
        /// Print the settings as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the config.
    Schema,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match args.command {
        Command::Check { json } => {
            let mut loaded = context.load_config()?;
            let budget = budget::load(&loaded.folder)?;
            if let Some(budget) = &budget {
                loaded.config.gate.constrain(budget.constraints());
            }
            if json {
                context.ui.json(&summary(&loaded))?;
            } else {
                context.ui.data(&table(&loaded, budget.is_some()))?;
            }
        }
        Command::Schema => context.ui.data(&schema::text())?,
    }
    Ok(Exit::Pass)
}

/// The resolved settings for people.
fn table(loaded: &Loaded, has_budget: bool) -> String {
    let config = &loaded.config;
    let mut lines = Vec::new();
    if let Some(path) = &loaded.path {
        lines.push(format!("{} is valid", path.display()));
    }
    if has_budget {
        lines.push(format!("{} is valid, and counts below", budget::PLACE));
    }
    let comparisons: usize = config
        .models
        .iter()
        .map(|model| model.targets.len() * model.variants.len())
        .sum();
    lines.push(format!(
        "models: {} ({})",
        config.models.len(),
        if comparisons == 1 {
            "1 comparison".to_owned()
        } else {
            format!("{comparisons} comparisons")
        }
    ));
    for model in &config.models {
        let targets: Vec<&str> = model.targets.iter().map(|target| target.name()).collect();
        lines.push(format!(
            "  {}: {} · {} · {}",
            model.name,
            model.path.display(),
            targets.join(", "),
            model.variants.join(", ")
        ));
        if let Some(build) = &model.build {
            lines.push(format!("    built by `{}`, within {}", build.command, build.timeout));
        }
        for (name, input) in &model.inputs {
            lines.push(format!("    input {name}: {:?}", input.shape));
        }
        if let Some(dataset) = &model.dataset {
            let labels = dataset
                .labels
                .as_ref()
                .map(|labels| format!(", labels in `{labels}`"))
                .unwrap_or_default();
            lines.push(format!(
                "    dataset {}, at most {} samples{labels}",
                dataset.path.display(),
                dataset.samples
            ));
        }
    }
    lines.extend(gate_lines(config));
    let measure = &config.measure;
    lines.push("measure:".to_owned());
    lines.push(format!(
        "  {} a comparison, {} in all; threads {}, seed {}",
        measure.time_budget, measure.total_budget, measure.threads, measure.seed
    ));
    let runtime = &config.runtime;
    lines.push(format!(
        "runtime: onnxruntime {}, graph optimization {}, {}{}",
        runtime.version,
        runtime.graph_optimization.name(),
        runtime.execution_mode.name(),
        if runtime.xnnpack { "" } else { ", without XNNPACK" }
    ));
    lines.push(format!(
        "baseline: {}, the newest {} are kept",
        store(config),
        config.baseline.keep
    ));
    lines.push(format!("comment: {}", config.comment.name()));
    lines.join("\n")
}

fn gate_lines(config: &Config) -> Vec<String> {
    let gate = &config.gate;
    let mut lines = vec!["gate:".to_owned()];
    let latency = &gate.latency;
    for metric in LatencyMetric::ALL {
        let limits = latency.limit_of(metric);
        lines.extend(limits.map(|limits| format!("  latency {}: {}", metric.name(), limit(&limits))));
    }
    let mut optional = |name: &str, limits: Option<String>| {
        lines.extend(limits.map(|limits| format!("  {name}: {limits}")));
    };
    optional("latency std", latency.std.as_ref().map(limit));
    optional("throughput", latency.throughput.as_ref().map(least));
    optional("load", latency.load.as_ref().map(limit));
    optional("first inference", latency.first.as_ref().map(limit));
    optional("time to stable", latency.stable.as_ref().map(limit));
    optional("size", Some(limit(&gate.size)));
    optional("compressed size", gate.compressed_size.as_ref().map(limit));
    optional("peak memory", Some(limit(&gate.memory)));
    optional("model memory", gate.model_memory.as_ref().map(limit));
    optional("MACs", gate.static_facts.macs.as_ref().map(limit));
    optional("parameters", gate.static_facts.parameters.as_ref().map(limit));
    optional("operators", gate.static_facts.operators.as_ref().map(limit));
    optional("activation peak", gate.static_facts.activation_peak.as_ref().map(limit));
    let accuracy = &gate.accuracy;
    lines.push(format!(
        "  accuracy: cosine at least {}, top-1 agreement at least {}, labelled accuracy at most {} lower",
        accuracy.cosine, accuracy.top1, accuracy.max_drop
    ));
    lines.push(format!(
        "  inconclusive: {}; no baseline: {}",
        gate.on_inconclusive.name(),
        gate.on_missing_baseline.name()
    ));
    lines
}

/// The limit of what should not fall.
fn least(limit: &Limit<PerSecond>) -> String {
    let budget = limit
        .budget
        .map(|budget| format!(", budget at least {budget}"))
        .unwrap_or_default();
    format!("at most −{}{budget}", limit.max_regression)
}

fn limit<T: std::fmt::Display>(limit: &Limit<T>) -> String {
    let budget = limit
        .budget
        .as_ref()
        .map(|budget| format!(", budget {budget}"))
        .unwrap_or_default();
    format!("at most +{}{budget}", limit.max_regression)
}

fn store(config: &Config) -> String {
    match &config.baseline.store {
        BaselineStore::Release => "GitHub releases".to_owned(),
        BaselineStore::Dir(path) => format!("folder {}", path.display()),
        BaselineStore::S3(bucket) => match &bucket.endpoint {
            Some(endpoint) => format!("bucket {} at {endpoint}", bucket.bucket),
            None => format!("bucket {}", bucket.bucket),
        },
    }
}

fn time(limit: Option<Limit<Millis>>) -> Option<serde_json::Value> {
    limit.map(|limit| {
        json!({
            "max_regression_percent": limit.relative(),
            "budget_ms": limit.budget.map(|budget| budget.0),
        })
    })
}

fn bytes(limit: Option<Limit<Bytes>>) -> Option<serde_json::Value> {
    limit.map(|limit| {
        json!({
            "max_regression_percent": limit.relative(),
            "budget_bytes": limit.budget.map(|budget| budget.0),
        })
    })
}

fn count(limit: Option<Limit<Count>>) -> Option<serde_json::Value> {
    limit.map(|limit| {
        json!({
            "max_regression_percent": limit.relative(),
            "budget": limit.budget.map(|budget| budget.0),
        })
    })
}

/// The resolved settings for programs: units spelled out in the keys, everything present.
fn summary(loaded: &Loaded) -> serde_json::Value {
    let config = &loaded.config;
    let gate = &config.gate;
    let models: Vec<serde_json::Value> = config
        .models
        .iter()
        .map(|model| {
            let inputs: serde_json::Map<String, serde_json::Value> = model
                .inputs
                .iter()
                .map(|(name, input)| (name.clone(), json!(input.shape)))
                .collect();
            json!({
                "name": model.name,
                "path": model.path,
                "build": model.build.as_ref().map(|build| json!({
                    "command": build.command,
                    "timeout_seconds": build.timeout.0.as_secs_f64(),
                })),
                "inputs": inputs,
                "task": model.task.name(),
                "sequence_lengths": model.sequence_lengths,
                "targets": model.targets.iter().map(|target| target.name()).collect::<Vec<_>>(),
                "variants": model.variants,
                "calibration": model.calibration.as_ref().map(dataset),
                "dataset": model.dataset.as_ref().map(dataset),
            })
        })
        .collect();
    json!({
        "schema": 1,
        "config": loaded.path,
        "digest": loaded.digest,
        "models": models,
        "gate": {
            "latency": {
                "metric": gate.latency.metric.name(),
                "max_regression_percent": gate.latency.limit.max_regression.0,
                "budget_ms": gate.latency.limit.budget.map(|budget| budget.0),
                "p50": time(gate.latency.p50),
                "p95": time(gate.latency.p95),
                "p99": time(gate.latency.p99),
                "mean": time(gate.latency.mean),
                "std": time(gate.latency.std),
                "throughput": gate.latency.throughput.map(|limit| json!({
                    "max_regression_percent": limit.relative(),
                    "budget_per_second": limit.budget.map(|budget| budget.0),
                })),
                "load": time(gate.latency.load),
                "first": time(gate.latency.first),
                "stable": time(gate.latency.stable),
            },
            "size": {
                "max_regression_percent": gate.size.max_regression.0,
                "budget_bytes": gate.size.budget.map(|budget| budget.0),
                "compressed": bytes(gate.compressed_size),
            },
            "memory": {
                "max_regression_percent": gate.memory.max_regression.0,
                "budget_bytes": gate.memory.budget.map(|budget| budget.0),
                "model": bytes(gate.model_memory),
            },
            "static": {
                "macs": count(gate.static_facts.macs),
                "parameters": count(gate.static_facts.parameters),
                "operators": count(gate.static_facts.operators),
                "activation_peak": bytes(gate.static_facts.activation_peak),
            },
            "accuracy": {
                "cosine": gate.accuracy.cosine,
                "top1": gate.accuracy.top1,
                "max_drop_percent": gate.accuracy.max_drop.0,
            },
            "on_inconclusive": gate.on_inconclusive.name(),
            "on_missing_baseline": gate.on_missing_baseline.name(),
        },
        "measure": {
            "time_budget_seconds": config.measure.time_budget.0.as_secs_f64(),
            "total_budget_seconds": config.measure.total_budget.0.as_secs_f64(),
            "threads": config.measure.threads,
            "seed": config.measure.seed,
            "worker_timeout_seconds": config.measure.worker_timeout.0.as_secs_f64(),
            "strict_output": config.measure.strict_output,
            "sandbox": config.measure.sandbox.name(),
        },
        "runtime": {
            "version": config.runtime.version,
            "graph_optimization": config.runtime.graph_optimization.name(),
            "execution_mode": config.runtime.execution_mode.name(),
            "xnnpack": config.runtime.xnnpack,
        },
        "baseline": {
            "store": match &config.baseline.store {
                BaselineStore::Release => json!("release"),
                BaselineStore::Dir(_) => json!("dir"),
                BaselineStore::S3(_) => json!("s3"),
            },
            "path": match &config.baseline.store {
                BaselineStore::Release | BaselineStore::S3(_) => None,
                BaselineStore::Dir(path) => Some(path),
            },
            "bucket": bucket(config, |bucket| Some(&bucket.bucket)),
            "prefix": bucket(config, |bucket| bucket.prefix.as_ref()),
            "region": bucket(config, |bucket| bucket.region.as_ref()),
            "endpoint": bucket(config, |bucket| bucket.endpoint.as_ref()),
            "branches": config.baseline.branches,
            "keep": config.baseline.keep,
        },
        "comment": { "when": config.comment.name() },
    })
}

/// A setting of the bucket, where baselines are in one.
fn bucket<'a>(config: &'a Config, setting: impl FnOnce(&'a BucketConfig) -> Option<&'a String>) -> Option<&'a String> {
    match &config.baseline.store {
        BaselineStore::S3(bucket) => setting(bucket),
        BaselineStore::Release | BaselineStore::Dir(_) => None,
    }
}

/// Samples, and how they are read.
fn dataset(dataset: &DatasetConfig) -> serde_json::Value {
    json!({
        "path": dataset.path,
        "array": dataset.array,
        "labels": dataset.labels,
        "samples": dataset.samples,
        "mean": dataset.images.mean,
        "std": dataset.images.std,
        "resize": dataset.images.resize.name(),
    })
}
