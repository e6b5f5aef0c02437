//! The parts of the stored report's version 1, and how they come from and become the report's own.

use serde::Deserialize;
use serde::Serialize;

use super::operators::OperatorDifference;
use crate::measure::op_diff::OpDifference;
use crate::report;
use crate::verdict;

/// An enum of the stored format with the same names as one of the judge's: a closed list, checked by the compiler both ways.
macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(super) enum $name {
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
        pub(super) struct $name {
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

mirror! {
    /// What was compared with what.
    Context = report::Context {
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

/// Absolute latencies of both sides, milliseconds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Latencies {
    p50: Latency,
    p95: Latency,
    p99: Latency,
    mean: Latency,
    std: Latency,
    min: Latency,
    load: Latency,
    first: Latency,
}

/// One model × target × variant.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Comparison {
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
pub(super) struct Variant {
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

impl From<&report::LatencyTable> for Latencies {
    fn from(table: &report::LatencyTable) -> Self {
        let report::LatencyTable {
            p50,
            p95,
            p99,
            mean,
            std,
            min,
            load,
            first,
        } = table;
        Self {
            p50: p50.into(),
            p95: p95.into(),
            p99: p99.into(),
            mean: mean.into(),
            std: std.into(),
            min: min.into(),
            load: load.into(),
            first: first.into(),
        }
    }
}

impl From<Latencies> for report::LatencyTable {
    fn from(table: Latencies) -> Self {
        let Latencies {
            p50,
            p95,
            p99,
            mean,
            std,
            min,
            load,
            first,
        } = table;
        Self {
            p50: p50.into(),
            p95: p95.into(),
            p99: p99.into(),
            mean: mean.into(),
            std: std.into(),
            min: min.into(),
            load: load.into(),
            first: first.into(),
        }
    }
}

impl From<&report::Detail> for Comparison {
    fn from(detail: &report::Detail) -> Self {
        let report::Detail {
            comparison,
            baseline,
            candidate,
            latency,
            restarts,
            seconds,
            config_line,
            warnings,
            disturbances,
            operators,
        } = detail;
        let verdict::Comparison {
            key,
            metrics,
            verdict,
            reason,
            hints,
        } = comparison;
        let verdict::ComparisonKey {
            model,
            target,
            variant,
            sequence,
        } = key;
        Self {
            model: model.clone(),
            target: target.clone(),
            variant: variant.clone(),
            sequence_length: *sequence,
            result: (*verdict).into(),
            reason: reason.clone(),
            hints: hints.clone(),
            metrics: metrics.iter().map(MetricComparison::from).collect(),
            baseline: baseline.as_ref().map(Side::from),
            candidate: candidate.as_ref().map(Side::from),
            latency_ms: latency.as_ref().map(Latencies::from),
            restarts: *restarts,
            seconds: if seconds.is_finite() { *seconds } else { 0.0 },
            config_line: *config_line,
            warnings: warnings.clone(),
            disturbances: disturbances.clone(),
            operators: operators.as_ref().map(OperatorDifference::from),
        }
    }
}

impl From<Comparison> for report::Detail {
    fn from(stored: Comparison) -> Self {
        let Comparison {
            model,
            target,
            variant,
            sequence_length,
            result,
            reason,
            hints,
            metrics,
            baseline,
            candidate,
            latency_ms,
            restarts,
            seconds,
            config_line,
            warnings,
            disturbances,
            operators,
        } = stored;
        Self {
            comparison: verdict::Comparison {
                key: verdict::ComparisonKey {
                    model,
                    target,
                    variant,
                    sequence: sequence_length,
                },
                metrics: metrics.into_iter().map(verdict::MetricComparison::from).collect(),
                verdict: result.into(),
                reason,
                hints,
            },
            baseline: baseline.map(report::SideFacts::from),
            candidate: candidate.map(report::SideFacts::from),
            latency: latency_ms.map(report::LatencyTable::from),
            restarts,
            seconds,
            config_line,
            warnings,
            disturbances,
            operators: operators.map(OpDifference::from),
        }
    }
}

impl From<&verdict::MetricComparison> for MetricComparison {
    fn from(judged: &verdict::MetricComparison) -> Self {
        let verdict::MetricComparison {
            metric,
            baseline,
            candidate,
            change,
            limit,
            budget,
            budget_source,
            gated,
            verdict,
            reason,
        } = judged;
        Self {
            metric: (*metric).into(),
            baseline: *baseline,
            candidate: *candidate,
            change: change.as_ref().map(Change::from),
            limit: *limit,
            budget: *budget,
            budget_source: budget_source.clone(),
            gated: *gated,
            result: (*verdict).into(),
            reason: reason.clone(),
        }
    }
}

impl From<MetricComparison> for verdict::MetricComparison {
    fn from(stored: MetricComparison) -> Self {
        let MetricComparison {
            metric,
            baseline,
            candidate,
            change,
            limit,
            budget,
            budget_source,
            gated,
            result,
            reason,
        } = stored;
        Self {
            metric: metric.into(),
            baseline,
            candidate,
            change: change.map(verdict::Change::from),
            limit,
            budget,
            budget_source,
            gated,
            verdict: result.into(),
            reason,
        }
    }
}

impl From<&verdict::Change> for Change {
    fn from(change: &verdict::Change) -> Self {
        let verdict::Change { percent, lower, upper } = change;
        let finite = |value: &f64| Some(*value).filter(|value| value.is_finite());
        Self {
            percent: finite(percent),
            lower: finite(lower),
            upper: finite(upper),
        }
    }
}

impl From<Change> for verdict::Change {
    fn from(stored: Change) -> Self {
        let Change { percent, lower, upper } = stored;
        Self {
            percent: percent.unwrap_or(f64::NAN),
            lower: lower.unwrap_or(f64::NEG_INFINITY),
            upper: upper.unwrap_or(f64::INFINITY),
        }
    }
}

impl From<&report::VariantRow> for Variant {
    fn from(row: &report::VariantRow) -> Self {
        let report::VariantRow {
            key,
            size_bytes,
            fp32_size_bytes,
            p50_ms,
            fp32_p50_ms,
            cosine,
        } = row;
        let verdict::ComparisonKey {
            model,
            target,
            variant,
            sequence,
        } = key;
        Self {
            model: model.clone(),
            target: target.clone(),
            variant: variant.clone(),
            sequence_length: *sequence,
            size_bytes: *size_bytes,
            fp32_size_bytes: *fp32_size_bytes,
            p50_ms: *p50_ms,
            fp32_p50_ms: *fp32_p50_ms,
            cosine: *cosine,
        }
    }
}

impl From<Variant> for report::VariantRow {
    fn from(stored: Variant) -> Self {
        let Variant {
            model,
            target,
            variant,
            sequence_length,
            size_bytes,
            fp32_size_bytes,
            p50_ms,
            fp32_p50_ms,
            cosine,
        } = stored;
        Self {
            key: verdict::ComparisonKey {
                model,
                target,
                variant,
                sequence: sequence_length,
            },
            size_bytes,
            fp32_size_bytes,
            p50_ms,
            fp32_p50_ms,
            cosine,
        }
    }
}
