//! How stored comparisons, metrics and variants come from the report's and become them again.

use super::Change;
use super::Comparison;
use super::Latencies;
use super::MetricComparison;
use super::Side;
use super::Variant;
use crate::measure::op_diff::OpDifference;
use crate::report;
use crate::report::json::operators::OperatorDifference;
use crate::verdict;

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
