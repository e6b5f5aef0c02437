//! What differs between two configs, for people: a pull request is judged by its base's limits, and readers should know when it
//! would like others.

use super::types::BaselineStore;
use super::types::Config;
use super::types::Limit;
use super::types::Policy;

/// Every limit, policy and setting of measuring that differs, as a sentence: "`gate.latency.max_regression`: 5 % → 20 %".
/// Models and their own settings are left out: they show as comparisons.
pub fn changes(base: &Config, head: &Config) -> Vec<String> {
    let before = settings(base);
    let after = settings(head);
    before
        .into_iter()
        .zip(after)
        .filter(|((_, before), (_, after))| before != after)
        .map(|((key, before), (_, after))| format!("`{key}`: {before} → {after}"))
        .collect()
}

/// All settings under their keys, in a fixed order and number.
fn settings(config: &Config) -> Vec<(&'static str, String)> {
    let gate = &config.gate;
    let latency = &gate.latency;
    let facts = &gate.static_facts;
    let accuracy = &gate.accuracy;
    let measure = &config.measure;
    vec![
        ("gate.latency.metric", latency.metric.name().to_owned()),
        ("gate.latency.max_regression", latency.limit.max_regression.to_string()),
        ("gate.latency.budget", budget(&latency.limit)),
        ("gate.latency.p50", limit(latency.p50.as_ref())),
        ("gate.latency.p95", limit(latency.p95.as_ref())),
        ("gate.latency.p99", limit(latency.p99.as_ref())),
        ("gate.latency.mean", limit(latency.mean.as_ref())),
        ("gate.latency.std", limit(latency.std.as_ref())),
        ("gate.latency.throughput", limit(latency.throughput.as_ref())),
        ("gate.latency.load", limit(latency.load.as_ref())),
        ("gate.latency.first", limit(latency.first.as_ref())),
        ("gate.latency.stable", limit(latency.stable.as_ref())),
        ("gate.size.max_regression", gate.size.max_regression.to_string()),
        ("gate.size.budget", budget(&gate.size)),
        ("gate.size.compressed", limit(gate.compressed_size.as_ref())),
        ("gate.memory.max_regression", gate.memory.max_regression.to_string()),
        ("gate.memory.budget", budget(&gate.memory)),
        ("gate.memory.model", limit(gate.model_memory.as_ref())),
        ("gate.static.macs", limit(facts.macs.as_ref())),
        ("gate.static.parameters", limit(facts.parameters.as_ref())),
        ("gate.static.operators", limit(facts.operators.as_ref())),
        ("gate.static.activation_peak", limit(facts.activation_peak.as_ref())),
        ("gate.accuracy.cosine", accuracy.cosine.to_string()),
        ("gate.accuracy.top1", accuracy.top1.to_string()),
        ("gate.accuracy.max_drop", accuracy.max_drop.to_string()),
        ("gate.on_inconclusive", policy(gate.on_inconclusive)),
        ("gate.on_missing_baseline", policy(gate.on_missing_baseline)),
        ("measure.time_budget", measure.time_budget.to_string()),
        ("measure.total_budget", measure.total_budget.to_string()),
        ("measure.threads", measure.threads.to_string()),
        ("measure.seed", measure.seed.to_string()),
        ("measure.worker_timeout", measure.worker_timeout.to_string()),
        ("measure.strict_output", measure.strict_output.to_string()),
        ("measure.sandbox", measure.sandbox.name().to_owned()),
        ("runtime.version", config.runtime.version.clone()),
        (
            "runtime.graph_optimization",
            config.runtime.graph_optimization.name().to_owned(),
        ),
        (
            "runtime.execution_mode",
            config.runtime.execution_mode.name().to_owned(),
        ),
        ("runtime.xnnpack", config.runtime.xnnpack.to_string()),
        (
            "baseline.store",
            match &config.baseline.store {
                BaselineStore::Release => "release".to_owned(),
                BaselineStore::Dir(path) => format!("dir ({})", path.display()),
                BaselineStore::S3(bucket) => {
                    let others = [&bucket.prefix, &bucket.region, &bucket.endpoint];
                    let parts: Vec<&str> = [bucket.bucket.as_str()]
                        .into_iter()
                        .chain(others.into_iter().flatten().map(String::as_str))
                        .collect();
                    format!("s3 ({})", parts.join(", "))
                }
            },
        ),
        ("baseline.branches", list(&config.baseline.branches)),
        ("baseline.keep", config.baseline.keep.to_string()),
    ]
}

fn budget<T: std::fmt::Display + Copy>(limit: &Limit<T>) -> String {
    limit
        .budget
        .map_or_else(|| "none".to_owned(), |budget| budget.to_string())
}

/// A limit that need not be there, in one phrase: `5 %, budget 10.0 ms`.
fn limit<T: std::fmt::Display + Copy>(limit: Option<&Limit<T>>) -> String {
    match limit {
        None => "not gated".to_owned(),
        Some(limit) => match limit.budget {
            None => limit.max_regression.to_string(),
            Some(budget) => format!("{}, budget {budget}", limit.max_regression),
        },
    }
}

fn list(branches: &[String]) -> String {
    if branches.is_empty() {
        "the default branch".to_owned()
    } else {
        branches.join(", ")
    }
}

fn policy(policy: Policy) -> String {
    policy.name().to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load::parse;

    #[test]
    fn tells_what_a_pull_request_would_like() {
        let base = "version: 1\nmodels: [{ path: a.onnx }]\n";
        let head = "version: 1\nmodels: [{ path: a.onnx }]\ngate:\n  latency: { max_regression: 20%, budget: 10 ms, p95: {} }\n  on_inconclusive: pass\nmeasure: { threads: 2 }\n";
        let config = |text| parse(text, Path::new(".mlbuild.yml")).unwrap().config;
        assert_eq!(
            changes(&config(base), &config(head)),
            [
                "`gate.latency.max_regression`: 5 % → 20 %",
                "`gate.latency.budget`: none → 10.0 ms",
                "`gate.latency.p95`: not gated → 5 %",
                "`gate.on_inconclusive`: neutral → pass",
                "`measure.threads`: 1 → 2",
            ]
        );
        assert!(changes(&config(head), &config(head)).is_empty());
    }
}
