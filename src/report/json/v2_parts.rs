//! The parts of the stored report's version 2. How those that are not the report's own field for field come and go is in `convert`.

use serde::Deserialize;
use serde::Serialize;

mod convert;

use super::operators::OperatorDifference;
use crate::report;
use crate::verdict;

/// An enum of the stored format with the same names as one of the judge's: a closed list, checked by the compiler both ways.
macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(in crate::report) enum $name {
            $($variant),+
        }

        impl From<verdict::$name> for $name {
            fn from(value: verdict::$name) -> Self {
                match value {
                    $(verdict::$name::$variant => Self::$variant),+
                }
            }
        }

        impl From<$name> for verdict::$name {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => Self::$variant),+
                }
            }
        }
    };
}

closed_list! {
    /// Every result that there is.
    Verdict {
        Skipped,
        Improvement,
        Pass,
        NoBaseline,
        Removed,
        Inconclusive,
        Regression,
        Error,
    }
}

closed_list! {
    /// Every quantity that is compared.
    Metric {
        LatencyP50,
        LatencyP95,
        LatencyP99,
        LatencyMean,
        LatencyStd,
        Throughput,
        Load,
        FirstInference,
        TimeToStable,
        Size,
        CompressedSize,
        PeakMemory,
        ModelMemory,
        Macs,
        Parameters,
        Operators,
        ActivationPeak,
        Cosine,
        Top1Agreement,
        Top1Accuracy,
    }
}

/// A struct of the stored format with the same fields as one of the report's: both ways take their source apart whole.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident = $source:path { $($field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(in crate::report) struct $name {
            $($field: $kind),+
        }

        impl From<&$source> for $name {
            fn from(value: &$source) -> Self {
                let $source { $($field),+ } = value;
                Self { $($field: $field.clone().into()),+ }
            }
        }

        impl From<$name> for $source {
            fn from(value: $name) -> Self {
                let $name { $($field),+ } = value;
                Self { $($field: $field.into()),+ }
            }
        }
    };
}

/// What was compared with what.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::report) struct Context {
    base_commit: Option<String>,
    head_commit: Option<String>,
    repository: Option<String>,
    server_url: Option<String>,
    check_url: Option<String>,
    report_url: Option<String>,
    key: String,
    config_path: String,
    baseline_label: String,
    baseline_tag: Option<String>,
    reproduce: Vec<String>,
}

impl From<&report::Context> for Context {
    fn from(value: &report::Context) -> Self {
        let report::Context {
            base_commit,
            head_commit,
            repository,
            server_url,
            check_url,
            report_url,
            key,
            config_path,
            baseline_label,
            baseline_tag,
            reproduce,
            // What is said of the result afterwards is no part of it; a notice tells it.
            accepted: _,
            answers_commands: _,
        } = value.clone();
        Self {
            base_commit,
            head_commit,
            repository,
            server_url,
            check_url,
            report_url,
            key,
            config_path,
            baseline_label,
            baseline_tag,
            reproduce,
        }
    }
}

impl From<Context> for report::Context {
    fn from(value: Context) -> Self {
        let Context {
            base_commit,
            head_commit,
            repository,
            server_url,
            check_url,
            report_url,
            key,
            config_path,
            baseline_label,
            baseline_tag,
            reproduce,
        } = value;
        Self {
            base_commit,
            head_commit,
            repository,
            server_url,
            check_url,
            report_url,
            key,
            config_path,
            baseline_label,
            baseline_tag,
            reproduce,
            accepted: None,
            answers_commands: false,
        }
    }
}

mirror! {
    /// The machine and the engine.
    Environment = report::Environment {
        os: String,
        arch: String,
        cpu_model: String,
        isa: Vec<String>,
        cores_physical: usize,
        cores_logical: usize,
        memory_bytes: u64,
        virtualized: Option<bool>,
        runtime: String,
        runtime_version: Option<String>,
        threads: usize,
        cores: Option<Vec<usize>>,
        load_average: Option<f64>,
        noise_floor_percent: Option<f64>,
        detectable_percent: Option<f64>,
        kernel: Option<String>,
        cores_allowed: usize,
        cpu_quota: Option<f64>,
        memory_limit_bytes: Option<u64>,
        governor: Option<String>,
        max_mhz: Option<f64>,
        turbo: Option<bool>,
        container: Option<String>,
        hypervisor: Option<String>,
        ci_image: Option<String>,
        host_digest: Option<String>,
        sandbox: Option<String>,
        history: Option<String>,
    }
}

mirror! {
    /// The limits that were used.
    Limits = report::Thresholds {
        latency_metric: Metric,
        latency_regression_percent: f64,
        size_regression_percent: f64,
        memory_regression_percent: f64,
        latency_budget_ms: Option<f64>,
        size_budget_bytes: Option<u64>,
        memory_budget_bytes: Option<u64>,
        cosine: f64,
        top1: f64,
        max_drop_points: f64,
    }
}

mirror! {
    /// One side of a comparison.
    Side = report::SideFacts {
        build_id: String,
        parent_build_id: Option<String>,
        source_digest: String,
        commit: Option<String>,
        size_bytes: u64,
        label: String,
        process_peak_bytes: Option<f64>,
        warmup_ms: Vec<f64>,
    }
}

mirror! {
    /// A latency of both sides, milliseconds.
    Latency = report::LatencyRow {
        baseline: Option<f64>,
        candidate: Option<f64>,
    }
}

impl From<report::LatencyRow> for Latency {
    fn from(row: report::LatencyRow) -> Self {
        Self::from(&row)
    }
}

mirror! {
    /// Absolute latencies of both sides, milliseconds.
    Latencies = report::LatencyTable {
        p50: Latency,
        p95: Latency,
        p99: Latency,
        mean: Latency,
        std: Latency,
        min: Latency,
        load: Latency,
        first: Latency,
    }
}

/// One model × target × variant.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::report) struct Comparison {
    model: String,
    target: String,
    variant: String,
    #[serde(default)]
    sequence_length: Option<u64>,
    result: Verdict,
    reason: Option<String>,
    hints: Vec<String>,
    metrics: Vec<MetricComparison>,
    baseline: Option<Side>,
    candidate: Option<Side>,
    latency_ms: Option<Latencies>,
    restarts: usize,
    seconds: f64,
    config_line: Option<u32>,
    warnings: Vec<String>,
    disturbances: Vec<String>,
    operators: Option<OperatorDifference>,
}

/// One judged metric.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricComparison {
    metric: Metric,
    baseline: Option<f64>,
    candidate: Option<f64>,
    change: Option<Change>,
    limit: Option<f64>,
    budget: Option<f64>,
    /// Where the budget was given; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_source: Option<String>,
    gated: bool,
    result: Verdict,
    reason: Option<String>,
}

/// A change and its 95 % interval, per cent. An end that is open, and a figure that does not exist, is `null`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    percent: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
}

/// What a variant gains over `fp32`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::report) struct Variant {
    model: String,
    target: String,
    variant: String,
    #[serde(default)]
    sequence_length: Option<u64>,
    size_bytes: u64,
    fp32_size_bytes: u64,
    p50_ms: Option<f64>,
    fp32_p50_ms: Option<f64>,
    cosine: Option<f64>,
}
