//! Verdicts and comparisons as plain data: the vocabulary of every report. `docs/glossary.md` explains it to readers.

use serde::Deserialize;
use serde::Serialize;

use crate::config::LatencyMetric;
use crate::measure::quantity::Direction;
use crate::measure::quantity::Quantity;

/// The answer to "did this get worse?". Ordered from best to worst for rolling up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Equal to the baseline in everything that matters, so not measured.
    Skipped,
    /// Measured, and better than the baseline beyond noise by more than the limit.
    Improvement,
    /// Measured, and within the limit beyond noise.
    Pass,
    /// The base never had this comparison; measured, nothing to compare with.
    NoBaseline,
    /// The baseline has this comparison and the candidate's config no longer names it.
    Removed,
    /// Measured, and the interval holds the limit: no decision.
    Inconclusive,
    /// Measured, and beyond the limit or budget beyond noise.
    Regression,
    /// Could not be measured or compared.
    Error,
}

impl Verdict {
    /// The word in reports, JSON and outputs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Improvement => "improvement",
            Self::Pass => "pass",
            Self::NoBaseline => "no-baseline",
            Self::Removed => "removed",
            Self::Inconclusive => "inconclusive",
            Self::Regression => "regression",
            Self::Error => "error",
        }
    }
}

/// A quantity that is compared. Ordered as reports show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Median latency of one inference, milliseconds.
    LatencyP50,
    /// 95th percentile of latency, milliseconds.
    LatencyP95,
    /// 99th percentile of latency, milliseconds.
    LatencyP99,
    /// Mean latency, milliseconds.
    LatencyMean,
    /// Standard deviation of latency, milliseconds.
    LatencyStd,
    /// Inferences a second, one after the other; more is better.
    Throughput,
    /// From the model's bytes to a session, milliseconds.
    Load,
    /// The very first inference, milliseconds.
    FirstInference,
    /// From the start of loading until latency has settled, milliseconds.
    TimeToStable,
    /// Bytes on disk, external data included.
    Size,
    /// Bytes of all files deflated.
    CompressedSize,
    /// Peak memory beyond an empty session, bytes.
    PeakMemory,
    /// Memory of a session before its first inference, beyond an empty session, bytes.
    ModelMemory,
    /// Multiply-accumulate operations of one inference.
    Macs,
    /// Elements of weights.
    Parameters,
    /// Operators in the file.
    Operators,
    /// The most bytes of activations that live at once, one operator after the other.
    ActivationPeak,
    /// Cosine similarity of outputs against the baseline's: the mean over samples of the lowest over outputs, 1 = equal.
    Cosine,
    /// Share of samples on which the highest output is the same as the baseline's, 0 to 1.
    Top1Agreement,
    /// Share of samples whose highest output is the label, 0 to 1.
    Top1Accuracy,
}

impl Metric {
    /// All of them, in order.
    pub const ALL: [Self; 20] = [
        Self::LatencyP50,
        Self::LatencyP95,
        Self::LatencyP99,
        Self::LatencyMean,
        Self::LatencyStd,
        Self::Throughput,
        Self::Load,
        Self::FirstInference,
        Self::TimeToStable,
        Self::Size,
        Self::CompressedSize,
        Self::PeakMemory,
        Self::ModelMemory,
        Self::Macs,
        Self::Parameters,
        Self::Operators,
        Self::ActivationPeak,
        Self::Cosine,
        Self::Top1Agreement,
        Self::Top1Accuracy,
    ];

    /// The word in reports and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::CompressedSize => "compressed size",
            Self::Macs => "MACs",
            Self::Parameters => "parameters",
            Self::Operators => "operators",
            Self::ActivationPeak => "activation peak",
            Self::Cosine => "cosine",
            Self::Top1Agreement => "top-1 agreement",
            Self::Top1Accuracy => "top-1 accuracy",
            Self::LatencyP50
            | Self::LatencyP95
            | Self::LatencyP99
            | Self::LatencyMean
            | Self::LatencyStd
            | Self::Throughput
            | Self::Load
            | Self::FirstInference
            | Self::TimeToStable
            | Self::PeakMemory
            | Self::ModelMemory => self.quantity().map_or("", Quantity::name),
        }
    }

    /// The noisy quantity behind it; `None` for what is exact.
    pub fn quantity(self) -> Option<Quantity> {
        Some(match self {
            Self::LatencyP50 => Quantity::LatencyP50,
            Self::LatencyP95 => Quantity::LatencyP95,
            Self::LatencyP99 => Quantity::LatencyP99,
            Self::LatencyMean => Quantity::LatencyMean,
            Self::LatencyStd => Quantity::LatencyStd,
            Self::Throughput => Quantity::Throughput,
            Self::Load => Quantity::Load,
            Self::FirstInference => Quantity::FirstInference,
            Self::TimeToStable => Quantity::TimeToStable,
            Self::PeakMemory => Quantity::PeakMemory,
            Self::ModelMemory => Quantity::ModelMemory,
            Self::Size
            | Self::CompressedSize
            | Self::Macs
            | Self::Parameters
            | Self::Operators
            | Self::ActivationPeak
            | Self::Cosine
            | Self::Top1Agreement
            | Self::Top1Accuracy => return None,
        })
    }

    /// Which way is better.
    pub fn direction(self) -> Direction {
        match self {
            Self::Throughput | Self::Cosine | Self::Top1Agreement | Self::Top1Accuracy => Direction::HigherIsBetter,
            _ => Direction::LowerIsBetter,
        }
    }
}

impl From<Quantity> for Metric {
    fn from(quantity: Quantity) -> Self {
        match quantity {
            Quantity::LatencyP50 => Self::LatencyP50,
            Quantity::LatencyP95 => Self::LatencyP95,
            Quantity::LatencyP99 => Self::LatencyP99,
            Quantity::LatencyMean => Self::LatencyMean,
            Quantity::LatencyStd => Self::LatencyStd,
            Quantity::Throughput => Self::Throughput,
            Quantity::Load => Self::Load,
            Quantity::FirstInference => Self::FirstInference,
            Quantity::TimeToStable => Self::TimeToStable,
            Quantity::PeakMemory => Self::PeakMemory,
            Quantity::ModelMemory => Self::ModelMemory,
        }
    }
}

impl From<LatencyMetric> for Metric {
    fn from(statistic: LatencyMetric) -> Self {
        match statistic {
            LatencyMetric::P50 => Self::LatencyP50,
            LatencyMetric::P95 => Self::LatencyP95,
            LatencyMetric::P99 => Self::LatencyP99,
            LatencyMetric::Mean => Self::LatencyMean,
        }
    }
}

/// A change with its 95 % interval, all in per cent of the baseline; positive is more (slower, bigger; for throughput, faster).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The best single figure.
    pub percent: f64,
    /// The lower end of the interval; equal to `percent` for exact metrics.
    pub lower: f64,
    /// The upper end of the interval; equal to `percent` for exact metrics.
    pub upper: f64,
}

impl Change {
    /// Half the interval's width, what stands behind the `±`.
    pub fn half_width(&self) -> f64 {
        (self.upper - self.lower) / 2.0
    }

    /// A change without noise.
    pub fn exact(percent: f64) -> Self {
        Self {
            percent,
            lower: percent,
            upper: percent,
        }
    }
}

/// One metric of one comparison, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricComparison {
    /// What was compared.
    pub metric: Metric,
    /// The baseline's value, in the metric's unit; `None` without a baseline, and for metrics that are themselves a comparison.
    pub baseline: Option<f64>,
    /// The candidate's value, in the metric's unit.
    pub candidate: Option<f64>,
    /// The change; `None` without a baseline and for cosine and top-1 agreement.
    pub change: Option<Change>,
    /// The accepted regression in per cent, a loss for throughput; for cosine and top-1 agreement the least value; for top-1 accuracy the accepted drop in
    /// percentage points. `None` where the metric only informs.
    pub limit: Option<f64>,
    /// The absolute budget in the metric's unit: the most, or the least for throughput.
    pub budget: Option<f64>,
    /// Where the budget was given: a flag, or a file and a line.
    pub budget_source: Option<String>,
    /// True where the metric counts towards the comparison's verdict.
    pub gated: bool,
    /// What it means.
    pub verdict: Verdict,
    /// Why, where the figures don't say it: an undershot floor, a violated budget, a missing measurement.
    pub reason: Option<String>,
}

/// Which comparison: model × target × variant, and the length of sequences where there are several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ComparisonKey {
    /// The model's name in the config.
    pub model: String,
    /// The target's name.
    pub target: String,
    /// The recipe's name.
    pub variant: String,
    /// The length of token sequences that it was measured with, where the model is measured with several; `None` for all others.
    #[serde(default)]
    pub sequence: Option<u64>,
}

impl ComparisonKey {
    /// The variant, and the length of sequences where there are several: `fp32 @ 128`.
    pub fn variant_label(&self) -> String {
        match self.sequence {
            Some(length) => format!("{} @ {length}", self.variant),
            None => self.variant.clone(),
        }
    }

    /// The same model, target and variant, at whatever length.
    pub fn is_sibling(&self, other: &Self) -> bool {
        self.model == other.model && self.target == other.target && self.variant == other.variant
    }
}

/// One model × target × variant, at one length of sequences, judged over all its metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Which one.
    pub key: ComparisonKey,
    /// Its metrics, gated ones first.
    pub metrics: Vec<MetricComparison>,
    /// The worst of the gated metrics, or the reason why nothing was measured.
    pub verdict: Verdict,
    /// Why, in one sentence fragment; always there for `skipped`, `removed`, `no-baseline` and `error`.
    pub reason: Option<String>,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl Comparison {
    /// The named metric, where it was compared.
    pub fn metric(&self, metric: Metric) -> Option<&MetricComparison> {
        self.metrics.iter().find(|entry| entry.metric == metric)
    }
}

/// The worst verdict of many; `Skipped` of none.
pub fn roll_up(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    verdicts.into_iter().max().unwrap_or(Verdict::Skipped)
}
