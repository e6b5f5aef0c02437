//! Everything a renderer may need, as plain data without I/O. [`super::builder`] puts it together.

use crate::config::Gate;
use crate::measure::op_diff::OpDifference;
use crate::verdict::Acceptance;
use crate::verdict::Comparison;
use crate::verdict::ComparisonKey;
use crate::verdict::Metric;
use crate::verdict::Verdict;

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
    /// Somebody took the result as it is.
    pub accepted: Option<Acceptance>,
    /// Whether commands in comments are answered in this repository, so that the comment may name them.
    pub answers_commands: bool,
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
    /// What a reader should know of how it was measured.
    pub warnings: Vec<String>,
    /// What disturbed the measurement, the worst first, a sentence each.
    pub disturbances: Vec<String>,
    /// The operators that explain a changed latency; `None` where it did not change or no profile could be had. Never part of the
    /// verdict.
    pub operators: Option<OpDifference>,
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
            disturbances: Vec::new(),
            operators: None,
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
    /// The most memory that a process held at any time, nothing subtracted, in bytes: the median over restarts. `None` where nothing
    /// was measured, or the system doesn't tell.
    pub process_peak_bytes: Option<f64>,
    /// Milliseconds of the first inferences after loading, the very first one first: medians over restarts.
    pub warmup_ms: Vec<f64>,
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
    /// How far apart in per cent two median latencies must be for this machine to tell them apart, in the time of one comparison.
    pub noise_floor_percent: Option<f64>,
    /// How far beyond its limit, in per cent, a regression of median latency must be to be called with a probability of 80 %.
    pub detectable_percent: Option<f64>,
    /// The kernel's version.
    pub kernel: Option<String>,
    /// Logical cores that this process may use.
    pub cores_allowed: usize,
    /// Processor time that the control group allows, in cores; `None` where there is no limit.
    pub cpu_quota: Option<f64>,
    /// Bytes that the control group allows; `None` where there is no limit.
    pub memory_limit_bytes: Option<u64>,
    /// What governs the clock; `None` where the kernel does not tell.
    pub governor: Option<String>,
    /// The clock's upper limit, MHz.
    pub max_mhz: Option<f64>,
    /// Whether the processor may go beyond its rated clock.
    pub turbo: Option<bool>,
    /// The kind of container; `None` where there is no sign of one.
    pub container: Option<String>,
    /// Whose virtual machine, where it says so.
    pub hypervisor: Option<String>,
    /// Image and version of a hosted runner.
    pub ci_image: Option<String>,
    /// SHA-256 of the host's name: equal hardware is not the same machine.
    pub host_digest: Option<String>,
    /// What models were confined with, and what they could do for want of more; `None` where it was not looked at.
    pub sandbox: Option<String>,
    /// On how many machines the baseline and those before it were measured; `None` where there is only one.
    pub history: Option<String>,
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
            latency_metric: gate.latency.metric.into(),
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
                other.variant == "fp32"
                    && other.model == key.model
                    && other.target == key.target
                    && other.sequence == key.sequence
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
