//! `ci_report.json`, version 1: at the top the worst comparison in the fields that dashboards already read, below it everything.
//!
//! The shape is this file's own, so that a change elsewhere changes no stored format: each conversion takes its source apart
//! whole, and a field that is added there does not compile until it is decided on here.

use serde::Deserialize;
use serde::Serialize;

use crate::report;
use crate::report::Report;
use crate::report::ReportError;
use crate::report::builder::check_comparisons;
use crate::report::builder::check_outcome;
use crate::report::figures;
use crate::report::headline;
use crate::report::json::v2_parts as parts;
use crate::verdict;
use crate::verdict::Metric;

/// What kind of file it is.
pub const SCHEMA: &str = "mlbuild-ci-report";

/// The version that this module writes and reads.
pub const VERSION: u32 = 2;

/// A stored report that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or not an object with `schema` and `version`.
    #[error("not a report: expected JSON with `schema` and `version`")]
    NotAReport(#[source] serde_json::Error),
    /// JSON of another kind.
    #[error("not a report: its schema is `{0}`, expected `{SCHEMA}`")]
    OtherSchema(String),
    /// Written by another version of this tool.
    #[error("the report has version {0}, and this mlbuild reads version {VERSION}")]
    OtherVersion(u32),
    /// A field is missing, unknown or of the wrong kind.
    #[error("cannot read the report")]
    Malformed(#[source] serde_json::Error),
    /// It contradicts itself.
    #[error("the report contradicts itself")]
    Contradiction(#[source] ReportError),
}

impl crate::hint::Hint for ReadError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotAReport(_) | Self::OtherSchema(_) => {
                vec!["`mlbuild ci` writes the report to `.mlbuild/ci_report.json`".to_owned()]
            }
            Self::OtherVersion(_) => vec!["use the mlbuild that wrote it, or write it again with this one".to_owned()],
            Self::Malformed(_) | Self::Contradiction(_) => vec!["write the report again with `mlbuild ci`".to_owned()],
        }
    }
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: Option<String>,
    baseline: WorstBaseline,
    candidate: WorstCandidate,
    delta: WorstDelta,
    thresholds: WorstThresholds,
    result: parts::Verdict,
    violations: Vec<String>,
    schema: String,
    version: u32,
    tool_version: String,
    generated_at: String,
    exit_code: i32,
    summary: String,
    context: parts::Context,
    comparisons: Vec<parts::Comparison>,
    variants: Vec<parts::Variant>,
    environment: parts::Environment,
    limits: parts::Limits,
    config_changes: Vec<String>,
    drift: Vec<String>,
    notices: Vec<String>,
}

/// The baseline of the worst comparison.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorstBaseline {
    tag: Option<String>,
    build_id: Option<String>,
    latency_ms: Option<f64>,
    size_mb: Option<f64>,
}

/// The candidate of the worst comparison.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorstCandidate {
    build_id: Option<String>,
    variant: Option<String>,
    parent_build_id: Option<String>,
    latency_ms: Option<f64>,
    size_mb: Option<f64>,
}

/// The changes of the worst comparison, per cent.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorstDelta {
    latency_pct: Option<f64>,
    size_pct: Option<f64>,
}

/// The limits of latency and size.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorstThresholds {
    latency_regression_pct: f64,
    size_regression_pct: f64,
    latency_budget_ms: Option<f64>,
    size_budget_mb: Option<f64>,
}

/// What tells a report from other files, whatever its version.
#[derive(Deserialize)]
struct Header {
    schema: String,
    version: u32,
}

/// The report as a JSON value.
pub fn to_json(report: &Report) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(File::from(report))
}

/// The report as text, indented, its fields in the order of the documentation, ending in a line break.
pub fn to_text(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&File::from(report)).map(|text| text + "\n")
}

/// Reads a stored report. The fields at the top that repeat the worst comparison are checked for their kind and not used.
pub fn from_json(text: &str) -> Result<Report, ReadError> {
    let header: Header = serde_json::from_str(text).map_err(ReadError::NotAReport)?;
    if header.schema != SCHEMA {
        return Err(ReadError::OtherSchema(report::clean::line(
            &header.schema,
            report::clean::NAME_LENGTH,
        )));
    }
    if header.version != VERSION {
        return Err(ReadError::OtherVersion(header.version));
    }
    let file: File = serde_json::from_str(text).map_err(ReadError::Malformed)?;
    let report = Report::from(file);
    check_comparisons(&report.comparisons)
        .and_then(|()| check_outcome(&report.comparisons, report.result, report.exit_code))
        .map_err(ReadError::Contradiction)?;
    Ok(report)
}

impl From<&Report> for File {
    fn from(report: &Report) -> Self {
        let Report {
            tool_version,
            generated_at,
            context,
            comparisons,
            variants,
            environment,
            thresholds,
            config_changes,
            drift,
            notices,
            result,
            exit_code,
        } = report;
        let worst = headline::worst(report);
        Self {
            model: worst.map(|detail| detail.comparison.key.model.clone()),
            baseline: worst.map(|detail| worst_baseline(report, detail)).unwrap_or_default(),
            candidate: worst.map(|detail| worst_candidate(report, detail)).unwrap_or_default(),
            delta: worst.map(|detail| worst_delta(report, detail)).unwrap_or_default(),
            thresholds: WorstThresholds {
                latency_regression_pct: thresholds.latency_regression_percent,
                size_regression_pct: thresholds.size_regression_percent,
                latency_budget_ms: thresholds.latency_budget_ms,
                size_budget_mb: thresholds.size_budget_bytes.map(|bytes| megabytes(bytes as f64)),
            },
            result: (*result).into(),
            violations: worst.map(|detail| violations(&detail.comparison)).unwrap_or_default(),
            schema: SCHEMA.to_owned(),
            version: VERSION,
            tool_version: tool_version.clone(),
            generated_at: generated_at.clone(),
            exit_code: *exit_code,
            summary: headline::of(report).sentence,
            context: context.into(),
            comparisons: comparisons.iter().map(parts::Comparison::from).collect(),
            variants: variants.iter().map(parts::Variant::from).collect(),
            environment: environment.into(),
            limits: thresholds.into(),
            config_changes: config_changes.clone(),
            drift: drift.clone(),
            notices: notices.clone(),
        }
    }
}

impl From<File> for Report {
    fn from(file: File) -> Self {
        let File {
            model: _,
            baseline: _,
            candidate: _,
            delta: _,
            thresholds: _,
            result,
            violations: _,
            schema: _,
            version: _,
            tool_version,
            generated_at,
            exit_code,
            summary: _,
            context,
            comparisons,
            variants,
            environment,
            limits,
            config_changes,
            drift,
            notices,
        } = file;
        Self {
            tool_version,
            generated_at,
            context: context.into(),
            comparisons: comparisons.into_iter().map(report::Detail::from).collect(),
            variants: variants.into_iter().map(report::VariantRow::from).collect(),
            environment: environment.into(),
            thresholds: limits.into(),
            config_changes,
            drift,
            notices,
            result: result.into(),
            exit_code,
        }
    }
}

fn megabytes(bytes: f64) -> f64 {
    bytes / 1e6
}

fn gated_latency<'a>(report: &Report, detail: &'a report::Detail) -> Option<&'a verdict::MetricComparison> {
    detail.comparison.metric(report.thresholds.latency_metric)
}

fn size_mb(side: Option<&report::SideFacts>, metric: Option<f64>) -> Option<f64> {
    side.map(|side| side.size_bytes as f64).or(metric).map(megabytes)
}

fn worst_baseline(report: &Report, detail: &report::Detail) -> WorstBaseline {
    let size = detail
        .comparison
        .metric(Metric::Size)
        .and_then(|metric| metric.baseline);
    WorstBaseline {
        tag: report.context.baseline_tag.clone(),
        build_id: detail.baseline.as_ref().map(|side| side.build_id.clone()),
        latency_ms: gated_latency(report, detail).and_then(|metric| metric.baseline),
        size_mb: size_mb(detail.baseline.as_ref(), size),
    }
}

fn worst_candidate(report: &Report, detail: &report::Detail) -> WorstCandidate {
    let size = detail
        .comparison
        .metric(Metric::Size)
        .and_then(|metric| metric.candidate);
    WorstCandidate {
        build_id: detail.candidate.as_ref().map(|side| side.build_id.clone()),
        variant: Some(detail.comparison.key.variant.clone()),
        parent_build_id: detail.candidate.as_ref().and_then(|side| side.parent_build_id.clone()),
        latency_ms: gated_latency(report, detail).and_then(|metric| metric.candidate),
        size_mb: size_mb(detail.candidate.as_ref(), size),
    }
}

fn worst_delta(report: &Report, detail: &report::Detail) -> WorstDelta {
    let percent = |metric: &verdict::MetricComparison| metric.change.map(|change| change.percent);
    WorstDelta {
        latency_pct: gated_latency(report, detail).and_then(percent),
        size_pct: detail.comparison.metric(Metric::Size).and_then(percent),
    }
}

fn violations(comparison: &verdict::Comparison) -> Vec<String> {
    let violated = |metric: &&verdict::MetricComparison| metric.gated && metric.verdict == verdict::Verdict::Regression;
    comparison
        .metrics
        .iter()
        .filter(violated)
        .map(figures::violation)
        .collect()
}
