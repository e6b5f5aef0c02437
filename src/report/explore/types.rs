//! A sweep as plain data; its JSON form is what `--json` prints and `--output-json` writes.

use serde::Deserialize;
use serde::Serialize;

use crate::machine::Fingerprint;
use crate::stats::interval::Interval;
use crate::verdict::tradeoff;
use crate::verdict::tradeoff::Word;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// A whole sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explored {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The model that variants were derived from.
    pub model: Model,
    /// The target's name.
    pub target: String,
    /// The engine's version.
    pub runtime_version: String,
    /// This tool's version.
    pub tool_version: String,
    /// The machine.
    pub machine: Fingerprint,
    /// When it was measured, ISO 8601.
    pub measured_at: String,
    /// What was asked for.
    pub asked: Asked,
    /// The baseline first, then every recipe in the order in which it was tried.
    pub variants: Vec<Row>,
    /// Names of the variants on the Pareto front over latency, size and accuracy, fastest first.
    pub front: Vec<String>,
    /// Recipes of the default sweep that were not tried, with the reason.
    pub left_out: Vec<LeftOut>,
    /// Other settings of the engine, each against the same variant with the settings that everything else was measured with.
    pub options: Vec<OptionRow>,
    /// Seconds that everything took.
    pub seconds: f64,
    /// True where somebody ended it early: what was not measured says so.
    pub interrupted: bool,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// The model that variants were derived from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// The path, or a build's model, recipe and short id.
    pub name: String,
    /// What names it on a command line.
    pub reference: String,
    /// Its digest.
    pub digest: String,
    /// Shapes of the inputs that it was measured with, by name.
    pub inputs: std::collections::BTreeMap<String, Vec<u64>>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// Seconds for everything.
    pub budget_seconds: f64,
    /// The recipes that were named; empty for the default sweep.
    pub recipes: Vec<String>,
    /// True where only `fp16` was tried, in a short time.
    pub fast: bool,
    /// True where a variant below the threshold counts as failed.
    pub check_accuracy: bool,
    /// The least cosine similarity of outputs.
    pub cosine_threshold: f64,
    /// Threads inside an operator.
    pub threads: usize,
    /// How the engine was set up otherwise.
    pub options: Options,
    /// Seeds inputs and the order of measuring.
    pub seed: u64,
    /// Samples that outputs were compared on.
    pub accuracy_samples: usize,
    /// True where these are real ones.
    pub real_samples: bool,
    /// The calibration data, as given.
    pub calibration: Option<String>,
}

/// How the engine is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Threads inside an operator.
    pub threads: usize,
    /// How much the engine rewrites the graph: `disabled`, `basic`, `extended` or `all`.
    pub graph_optimization: String,
    /// Whether activations' memory is kept from one inference to the next.
    pub arena: bool,
}

/// The word for a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// What the others are compared with.
    Baseline,
    /// The highest score.
    Recommended,
    /// The smallest of the other candidates.
    Aggressive,
    /// Not worth having.
    Skip,
    /// It could not be made, does not run, is not accurate enough where that was asked for, or was not measured.
    Failed,
}

impl From<Word> for Verdict {
    fn from(word: Word) -> Self {
        match word {
            Word::Baseline => Self::Baseline,
            Word::Recommended => Self::Recommended,
            Word::Aggressive => Self::Aggressive,
            Word::Skip => Self::Skip,
        }
    }
}

/// One variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// How it was derived.
    pub recipe: String,
    /// The build's whole id, where it was made.
    pub build_id: Option<String>,
    /// The word.
    pub verdict: Verdict,
    /// Why it is skipped or failed.
    pub reason: Option<String>,
    /// What to do about a failure.
    pub hints: Vec<String>,
    /// `0.6 × (baseline's latency / variant's) + 0.4 × (baseline's size / variant's)`.
    pub score: Option<f64>,
    /// True where no other accurate variant is as good in everything and better in something.
    pub on_front: bool,
    /// Bytes on disk, external data included.
    pub size_bytes: Option<u64>,
    /// Change of size against the baseline, in per cent.
    pub size_change_percent: Option<f64>,
    /// Its latency, and what it is beside the baseline's.
    pub latency: Option<Latency>,
    /// Its memory, and what it is beside the baseline's.
    pub memory: Option<Memory>,
    /// How well its outputs agree with the baseline's.
    pub accuracy: Option<Accuracy>,
    /// Nodes or weights that were changed.
    pub changed: Option<usize>,
    /// Nodes that were left as they are, though they are of the kind that the recipe changes.
    pub left: Option<usize>,
    /// The most frequent reason for that.
    pub left_because: Option<String>,
    /// What else the passes noted.
    pub notes: Vec<String>,
    /// Seconds that deriving took.
    pub derive_seconds: Option<f64>,
    /// True where the figures are those of an earlier run with the same settings on this machine.
    pub reused: bool,
}

/// A figure with its 95 % interval over restarts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The best single figure.
    pub value: f64,
    /// The lower end of the interval.
    pub lower: f64,
    /// The upper end of the interval.
    pub upper: f64,
}

impl From<Interval> for Figure {
    fn from(interval: Interval) -> Self {
        Self {
            value: interval.center,
            lower: interval.lower,
            upper: interval.upper,
        }
    }
}

impl From<Figure> for Interval {
    fn from(figure: Figure) -> Self {
        Self {
            center: figure.value,
            lower: figure.lower,
            upper: figure.upper,
        }
    }
}

/// Latency of something beside what it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Median, milliseconds.
    pub p50_ms: f64,
    /// Median of what it was measured beside, in the same minutes, milliseconds.
    pub beside_p50_ms: f64,
    /// Median over the other's median, from pairs: 1 is equally fast. The baseline's own is 1.
    pub ratio: Figure,
    /// Pairs of fresh processes.
    pub restarts: usize,
}

/// Peak memory beyond an empty session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Bytes.
    pub peak_bytes: f64,
    /// Change against what it was measured beside, in per cent.
    pub change_percent: Option<Figure>,
}

/// Agreement of outputs with the baseline's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// The mean over samples of the lowest cosine similarity over outputs.
    pub cosine: f64,
    /// The lowest of any sample.
    pub lowest_cosine: f64,
    /// The largest absolute difference of any element.
    pub max_abs_error: f64,
    /// The share of rows whose highest score is at the same place; `None` where outputs are no class scores.
    pub top1_agreement: Option<f64>,
    /// The share of right answers, where samples are labelled.
    pub top1: Option<f64>,
    /// The baseline's share of right answers.
    pub baseline_top1: Option<f64>,
    /// Samples.
    pub samples: usize,
}

/// A recipe that was not tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The recipe.
    pub recipe: String,
    /// Why, as a sentence fragment.
    pub reason: String,
}

/// Which of two is faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speed {
    /// All of the interval is faster.
    Faster,
    /// No difference beyond noise.
    Same,
    /// All of the interval is slower.
    Slower,
}

impl From<tradeoff::Speed> for Speed {
    fn from(speed: tradeoff::Speed) -> Self {
        match speed {
            tradeoff::Speed::Faster => Self::Faster,
            tradeoff::Speed::Same => Self::Same,
            tradeoff::Speed::Slower => Self::Slower,
        }
    }
}

/// One variant with one other setting of the engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptionRow {
    /// The variant.
    pub recipe: String,
    /// What is set otherwise, in words: `2 threads`, `no arena`.
    pub setting: String,
    /// All settings.
    pub options: Options,
    /// Whether it is faster; `None` where it was not measured.
    pub speed: Option<Speed>,
    /// Its latency beside that of the same variant with the settings of the sweep.
    pub latency: Option<Latency>,
    /// Its memory.
    pub memory: Option<Memory>,
    /// Why there are no figures.
    pub reason: Option<String>,
    /// True where the figures are those of an earlier run.
    pub reused: bool,
}

impl Explored {
    /// The baseline's row.
    pub fn baseline(&self) -> Option<&Row> {
        self.variants.iter().find(|row| row.verdict == Verdict::Baseline)
    }

    /// The row of a verdict that at most one has.
    pub fn with(&self, verdict: Verdict) -> Option<&Row> {
        self.variants.iter().find(|row| row.verdict == verdict)
    }
}
