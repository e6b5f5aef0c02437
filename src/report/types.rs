//! Everything a renderer may need, as plain data without I/O, and the builder that refuses an incomplete report.

use std::collections::BTreeSet;

use crate::config::Gate;
use crate::config::LatencyMetric;
use crate::verdict::Comparison;
use crate::verdict::ComparisonKey;
use crate::verdict::Metric;
use crate::verdict::Verdict;
use crate::verdict::roll_up;

/// One run of the gate: what was compared with what, on which machine, and what came of it. Made by [`Report::builder`].
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The version of this tool that judged.
    pub tool_version: String,
    /// When, ISO 8601 in UTC.
    pub generated_at: String,
    /// What was compared with what, and where the rest can be read.
    pub context: Context,
    /// One entry for each model × target × variant, in the config's order.
    pub comparisons: Vec<Detail>,
    /// What each variant gains over `fp32`; never part of the verdict.
    pub variants: Vec<VariantRow>,
    /// The machine and the engine.
    pub environment: Environment,
    /// The limits that were used.
    pub thresholds: Thresholds,
    /// Settings of the gate that the pull request changes, one sentence fragment each. They were not used.
    pub config_changes: Vec<String>,
    /// What changed because of a new tool or runtime, one sentence fragment each. Never blamed on the pull request.
    pub drift: Vec<String>,
    /// What the reader should know about this run: fall-backs taken, permissions that lacked.
    pub notices: Vec<String>,
    /// The verdict over all comparisons.
    pub result: Verdict,
    /// What the process returns, policies applied.
    pub exit_code: i32,
}

/// What was compared with what, and where the rest can be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Context {
    /// The commit of the baseline.
    pub base_commit: Option<String>,
    /// The commit that was judged.
    pub head_commit: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// The forge's web address, such as `https://github.com`. Only addresses beneath it are linked; none where it is not known.
    pub server_url: Option<String>,
    /// The check run's page.
    pub check_url: Option<String>,
    /// The page that has the whole report: job summary or artifact.
    pub report_url: Option<String>,
    /// What keeps the runs of a monorepo or matrix apart.
    pub key: String,
    /// The config, relative to the repository's root, with forward slashes.
    pub config_path: String,
    /// Where the baseline came from, for people: ``dir: baseline/``, ``the model at the base commit``.
    pub baseline_label: String,
    /// The tag of the baseline, where it has one.
    pub baseline_tag: Option<String>,
    /// The shell lines that repeat this run at a desk; no fold is shown where empty.
    pub reproduce: Vec<String>,
}

/// One model × target × variant with its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The judged metrics.
    pub comparison: Comparison,
    /// What it was compared with.
    pub baseline: Option<SideFacts>,
    /// What was judged.
    pub candidate: Option<SideFacts>,
    /// Absolute latencies.
    pub latency: Option<LatencyTable>,
    /// How many times both workers were started.
    pub restarts: usize,
    /// Wall-clock seconds spent on it.
    pub seconds: f64,
    /// The line of the model in the config, from 1.
    pub config_line: Option<u32>,
    /// What disturbed the measurement.
    pub warnings: Vec<String>,
}

impl Detail {
    /// A comparison without figures, as for one that was skipped or failed.
    pub fn without_figures(comparison: Comparison) -> Self {
        Self {
            comparison,
            baseline: None,
            candidate: None,
            latency: None,
            restarts: 0,
            seconds: 0.0,
            config_line: None,
            warnings: Vec::new(),
        }
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SideFacts {
    /// The variant's identity, hexadecimal.
    pub build_id: String,
    /// The identity of the build that it was derived from; `None` for a source model.
    pub parent_build_id: Option<String>,
    /// SHA-256 of the source model.
    pub source_digest: String,
    /// The commit that the source came from.
    pub commit: Option<String>,
    /// Bytes on disk, external data included.
    pub size_bytes: u64,
    /// What people call it: a path, a tag.
    pub label: String,
}

/// A latency of both sides in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LatencyRow {
    /// The baseline's.
    pub baseline: Option<f64>,
    /// The candidate's.
    pub candidate: Option<f64>,
}

/// Absolute latencies of both sides in milliseconds, out of the samples that the verdict comes from, untrimmed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LatencyTable {
    /// Median.
    pub p50: LatencyRow,
    /// 95th percentile.
    pub p95: LatencyRow,
    /// 99th percentile.
    pub p99: LatencyRow,
    /// Arithmetic mean.
    pub mean: LatencyRow,
    /// Standard deviation.
    pub std: LatencyRow,
    /// The fastest inference.
    pub min: LatencyRow,
    /// Making a session.
    pub load: LatencyRow,
    /// The first inference after that.
    pub first: LatencyRow,
}

/// What a variant gains over `fp32` on one target.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantRow {
    /// Which one.
    pub key: ComparisonKey,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Bytes on disk of `fp32`.
    pub fp32_size_bytes: u64,
    /// Median latency, milliseconds.
    pub p50_ms: Option<f64>,
    /// Median latency of `fp32`, milliseconds.
    pub fp32_p50_ms: Option<f64>,
    /// Cosine of its outputs against those of `fp32`.
    pub cosine: Option<f64>,
}

/// The machine and the engine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Environment {
    /// Operating system and its version.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Processor model as it calls itself.
    pub cpu_model: String,
    /// Instruction-set extensions that matter to kernels.
    pub isa: Vec<String>,
    /// Physical cores.
    pub cores_physical: usize,
    /// Logical cores.
    pub cores_logical: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Whether it is a virtual machine, where that can be told.
    pub virtualized: Option<bool>,
    /// The engine: `onnxruntime`.
    pub runtime: String,
    /// The engine's version; `None` where it was never loaded.
    pub runtime_version: Option<String>,
    /// Threads inside an operator.
    pub threads: usize,
    /// The cores that the workers were pinned to; `None` where the system has no affinity.
    pub cores: Option<Vec<usize>>,
    /// One-minute load average before measuring.
    pub load_average: Option<f64>,
    /// The smallest change of latency in per cent that this run could tell from nothing.
    pub noise_floor_percent: Option<f64>,
}

/// The limits that were used.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// The latency statistic that decides.
    pub latency_metric: Metric,
    /// Accepted slowdown, per cent.
    pub latency_regression_percent: f64,
    /// Accepted growth on disk, per cent.
    pub size_regression_percent: f64,
    /// Accepted growth of peak memory, per cent.
    pub memory_regression_percent: f64,
    /// The most milliseconds, whatever the baseline.
    pub latency_budget_ms: Option<f64>,
    /// The most bytes on disk, whatever the baseline.
    pub size_budget_bytes: Option<u64>,
    /// The most bytes of peak memory, whatever the baseline.
    pub memory_budget_bytes: Option<u64>,
    /// The least cosine of outputs.
    pub cosine: f64,
    /// The least share of samples with the same highest output.
    pub top1: f64,
    /// Accepted drop of labelled accuracy, percentage points.
    pub max_drop_points: f64,
}

impl From<&Gate> for Thresholds {
    fn from(gate: &Gate) -> Self {
        Self {
            latency_metric: match gate.latency.metric {
                LatencyMetric::P50 => Metric::LatencyP50,
                LatencyMetric::P95 => Metric::LatencyP95,
            },
            latency_regression_percent: gate.latency.limit.max_regression.0,
            size_regression_percent: gate.size.max_regression.0,
            memory_regression_percent: gate.memory.max_regression.0,
            latency_budget_ms: gate.latency.limit.budget.map(|budget| budget.0),
            size_budget_bytes: gate.size.budget.map(|budget| budget.0),
            memory_budget_bytes: gate.memory.budget.map(|budget| budget.0),
            cosine: gate.accuracy.cosine,
            top1: gate.accuracy.top1,
            max_drop_points: gate.accuracy.max_drop.0,
        }
    }
}

/// A report that lacks a part or contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// A part was never given.
    #[error("the report lacks its {0}")]
    Missing(&'static str),
    /// A verdict that explains nothing.
    #[error("the comparison `{0}` is `{1}` without a reason")]
    NoReason(String, &'static str),
    /// Two verdicts on one thing.
    #[error("the comparison `{0}` stands twice in the report")]
    Twice(String),
    /// The whole is better than its worst part.
    #[error("the result is `{result}` although a comparison is `{worst}`")]
    TooGood {
        /// What was claimed.
        result: &'static str,
        /// What is there.
        worst: &'static str,
    },
    /// A failure that the process would not report.
    #[error("the result is `{0}` and the exit code 0")]
    SilentFailure(&'static str),
    /// A pass over nothing.
    #[error("the result is `{0}` and nothing was compared")]
    NothingMeasured(&'static str),
}

impl crate::hint::Hint for ReportError {
    fn hints(&self) -> Vec<String> {
        vec!["this is a defect of mlbuild: please report it with the command that you ran".to_owned()]
    }
}

/// Collects the parts of a [`Report`].
#[derive(Debug, Clone, Default)]
pub struct ReportBuilder {
    generated_at: Option<String>,
    context: Option<Context>,
    comparisons: Vec<Detail>,
    variants: Vec<VariantRow>,
    environment: Option<Environment>,
    thresholds: Option<Thresholds>,
    config_changes: Vec<String>,
    drift: Vec<String>,
    notices: Vec<String>,
    outcome: Option<(Verdict, i32)>,
}

impl Report {
    /// An empty builder.
    pub fn builder() -> ReportBuilder {
        ReportBuilder::default()
    }
}

impl ReportBuilder {
    /// When, ISO 8601 in UTC.
    pub fn generated_at(mut self, time: impl Into<String>) -> Self {
        self.generated_at = Some(time.into());
        self
    }

    /// What was compared with what.
    pub fn context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }

    /// Adds one comparison.
    pub fn comparison(mut self, detail: Detail) -> Self {
        self.comparisons.push(detail);
        self
    }

    /// Adds several comparisons.
    pub fn comparisons(mut self, details: impl IntoIterator<Item = Detail>) -> Self {
        self.comparisons.extend(details);
        self
    }

    /// What the variants gain over `fp32`; [`gains_over_fp32`] finds it in the comparisons.
    pub fn variants(mut self, rows: Vec<VariantRow>) -> Self {
        self.variants = rows;
        self
    }

    /// The machine and the engine.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// The limits that were used.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = Some(thresholds);
        self
    }

    /// What the pull request changes in the gate's settings.
    pub fn config_changes(mut self, changes: Vec<String>) -> Self {
        self.config_changes = changes;
        self
    }

    /// What a new tool or runtime changed.
    pub fn drift(mut self, drift: Vec<String>) -> Self {
        self.drift = drift;
        self
    }

    /// What the reader should know about this run.
    pub fn notices(mut self, notices: Vec<String>) -> Self {
        self.notices = notices;
        self
    }

    /// The verdict over all comparisons and the exit code, policies applied.
    pub fn outcome(mut self, result: Verdict, exit_code: i32) -> Self {
        self.outcome = Some((result, exit_code));
        self
    }

    /// The report, or what is missing or contradictory in it.
    pub fn build(self) -> Result<Report, ReportError> {
        let (result, exit_code) = self.outcome.ok_or(ReportError::Missing("outcome"))?;
        check_comparisons(&self.comparisons)?;
        check_outcome(&self.comparisons, result, exit_code)?;
        Ok(Report {
            tool_version: crate::VERSION.to_owned(),
            generated_at: self.generated_at.ok_or(ReportError::Missing("time"))?,
            context: self.context.ok_or(ReportError::Missing("context"))?,
            comparisons: self.comparisons,
            variants: self.variants,
            environment: self.environment.ok_or(ReportError::Missing("environment"))?,
            thresholds: self.thresholds.ok_or(ReportError::Missing("thresholds"))?,
            config_changes: self.config_changes,
            drift: self.drift,
            notices: self.notices,
            result,
            exit_code,
        })
    }
}

/// Every comparison stands once, and explains itself where figures don't.
pub(crate) fn check_comparisons(comparisons: &[Detail]) -> Result<(), ReportError> {
    let mut seen = BTreeSet::new();
    for Detail { comparison, .. } in comparisons {
        let name = || {
            format!(
                "{} {} {}",
                comparison.key.model, comparison.key.target, comparison.key.variant
            )
        };
        if !seen.insert(&comparison.key) {
            return Err(ReportError::Twice(name()));
        }
        let unexplained = comparison
            .reason
            .as_deref()
            .is_none_or(|reason| reason.trim().is_empty());
        let needs_reason = matches!(
            comparison.verdict,
            Verdict::Skipped | Verdict::Removed | Verdict::NoBaseline | Verdict::Error
        );
        if needs_reason && unexplained {
            return Err(ReportError::NoReason(name(), comparison.verdict.word()));
        }
    }
    Ok(())
}

/// Only measured things pass, and no failure is silent.
pub(crate) fn check_outcome(comparisons: &[Detail], result: Verdict, exit_code: i32) -> Result<(), ReportError> {
    let worst = roll_up(comparisons.iter().map(|detail| detail.comparison.verdict));
    if result < worst {
        return Err(ReportError::TooGood {
            result: result.word(),
            worst: worst.word(),
        });
    }
    if exit_code == 0 && matches!(result, Verdict::Regression | Verdict::Error) {
        return Err(ReportError::SilentFailure(result.word()));
    }
    if comparisons.is_empty() && matches!(result, Verdict::Pass | Verdict::Improvement) {
        return Err(ReportError::NothingMeasured(result.word()));
    }
    Ok(())
}

/// What each variant gains over `fp32` of the same model and target, from the candidates' own figures. Both were measured in this
/// run, though not in pairs: good for an order of magnitude, never for a verdict.
pub fn gains_over_fp32(comparisons: &[Detail]) -> Vec<VariantRow> {
    let p50 = |detail: &Detail| detail.latency.and_then(|latency| latency.p50.candidate);
    comparisons
        .iter()
        .filter(|detail| detail.comparison.key.variant != "fp32")
        .filter_map(|detail| {
            let key = &detail.comparison.key;
            let reference = comparisons.iter().find(|other| {
                let other = &other.comparison.key;
                other.variant == "fp32" && other.model == key.model && other.target == key.target
            })?;
            Some(VariantRow {
                key: key.clone(),
                size_bytes: detail.candidate.as_ref()?.size_bytes,
                fp32_size_bytes: reference.candidate.as_ref()?.size_bytes,
                p50_ms: p50(detail),
                fp32_p50_ms: p50(reference),
                cosine: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(variant: &str, verdict: Verdict, reason: Option<&str>) -> Detail {
        Detail::without_figures(Comparison {
            key: ComparisonKey {
                model: "m".to_owned(),
                target: "t".to_owned(),
                variant: variant.to_owned(),
            },
            metrics: Vec::new(),
            verdict,
            reason: reason.map(str::to_owned),
            hints: Vec::new(),
        })
    }

    fn thresholds() -> Thresholds {
        Thresholds {
            latency_metric: Metric::LatencyP50,
            latency_regression_percent: 5.0,
            size_regression_percent: 5.0,
            memory_regression_percent: 10.0,
            latency_budget_ms: None,
            size_budget_bytes: None,
            memory_budget_bytes: None,
            cosine: 0.99,
            top1: 0.99,
            max_drop_points: 1.0,
        }
    }

    fn complete() -> ReportBuilder {
        Report::builder()
            .generated_at("2026-01-02T03:04:05Z")
            .context(Context::default())
            .environment(Environment::default())
            .thresholds(thresholds())
    }

    #[test]
    fn names_the_part_that_is_missing() {
        let error = Report::builder().outcome(Verdict::Skipped, 0).build().unwrap_err();
        assert_eq!(error, ReportError::Missing("time"));
        assert_eq!(complete().build().unwrap_err(), ReportError::Missing("outcome"));
        assert!(complete().outcome(Verdict::Skipped, 0).build().is_ok());
    }

    #[test]
    fn refuses_what_contradicts_itself() {
        let refused =
            |builder: ReportBuilder, result, exit_code| builder.outcome(result, exit_code).build().unwrap_err();
        let regressed = || complete().comparison(detail("fp32", Verdict::Regression, None));
        assert!(matches!(
            refused(regressed(), Verdict::Pass, 0),
            ReportError::TooGood {
                worst: "regression",
                ..
            }
        ));
        assert!(matches!(
            refused(regressed(), Verdict::Regression, 0),
            ReportError::SilentFailure("regression")
        ));
        assert!(matches!(
            refused(complete(), Verdict::Pass, 0),
            ReportError::NothingMeasured("pass")
        ));
        assert!(matches!(
            refused(
                regressed().comparison(detail("fp32", Verdict::Pass, None)),
                Verdict::Regression,
                1
            ),
            ReportError::Twice(_)
        ));
        assert!(matches!(
            refused(
                complete().comparison(detail("fp32", Verdict::Error, None)),
                Verdict::Error,
                2
            ),
            ReportError::NoReason(_, "error")
        ));
    }

    #[test]
    fn gains_need_an_fp32_of_the_same_model() {
        let mut details = [detail("fp32", Verdict::Pass, None), detail("fp16", Verdict::Pass, None)];
        for (index, entry) in details.iter_mut().enumerate() {
            entry.candidate = Some(SideFacts {
                size_bytes: 100 - 40 * index as u64,
                ..SideFacts::default()
            });
        }
        let rows = gains_over_fp32(&details);
        assert_eq!((rows[0].size_bytes, rows[0].fp32_size_bytes), (60, 100));
        assert!(gains_over_fp32(&details[1..]).is_empty());
    }
}
