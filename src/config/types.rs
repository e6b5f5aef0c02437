//! The shape of `.mlbuild.yml`, after defaults: one documented type a section.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::units::Bytes;
use crate::units::Count;
use crate::units::Millis;
use crate::units::PerSecond;
use crate::units::Percent;
use crate::units::Span;

use super::constraint::Constraints;
use super::target::Target;

/// The whole configuration, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The models to gate; at least one, no two of one name.
    pub models: Vec<ModelConfig>,
    /// What is judged, and against which limits.
    pub gate: Gate,
    /// How to measure.
    pub measure: MeasureConfig,
    /// Which engine, and how it is set up.
    pub runtime: RuntimeConfig,
    /// Where baselines are kept.
    pub baseline: BaselineConfig,
    /// When the pull request gets a comment.
    pub comment: CommentWhen,
}

/// One model and how to feed it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Its name in reports; the file stem by default.
    pub name: String,
    /// The model file, relative to the folder of the config (or absolute).
    pub path: PathBuf,
    /// A command that produces `path`, run before reading it.
    pub build: Option<BuildCommand>,
    /// Shapes of inputs with dynamic dimensions, by input name.
    pub inputs: BTreeMap<String, InputConfig>,
    /// Which entry point of a TensorFlow Lite model with several is run; the first where `None`.
    pub signature: Option<String>,
    /// What kind of data it takes.
    pub task: Task,
    /// The lengths that a model of token sequences is measured with, rising; the model's own where `None`.
    pub sequence_lengths: Option<Vec<u64>>,
    /// What it must run on.
    pub targets: Vec<Target>,
    /// The recipes to derive and gate, as written: `fp32`, `fp16`, `prune-0.50+int8`.
    pub variants: Vec<String>,
    /// Samples for calibration, where a recipe needs them; they have no labels.
    pub calibration: Option<DatasetConfig>,
    /// Labelled or unlabelled samples for the accuracy gate.
    pub dataset: Option<DatasetConfig>,
}

/// A shell command that produces a model.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildCommand {
    /// Passed to `sh -c` (`cmd /C` on Windows) in the folder of the config.
    pub command: String,
    /// After this it is stopped; default 30 min.
    pub timeout: Span,
}

/// What one input looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct InputConfig {
    /// Every dimension, all at least 1.
    pub shape: Vec<u64>,
}

/// The kind of data a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Task {
    /// Found out from the model.
    #[default]
    Auto,
    /// Images.
    Vision,
    /// Token ids.
    Nlp,
    /// Waveforms or spectrograms.
    Audio,
    /// Rows of features.
    Tabular,
    /// None of these; inputs are zeros.
    Unknown,
}

/// Samples to compare outputs on.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetConfig {
    /// A `.npz` file, or a folder of images or `.npy` files; relative to the folder of the config.
    pub path: PathBuf,
    /// The array of the `.npz` file that holds the samples, where it is named; only for models with one input.
    pub array: Option<String>,
    /// The array of the `.npz` file, or the file in the folder, that holds the labels, where it is named.
    pub labels: Option<String>,
    /// How many samples at most; default 200.
    pub samples: usize,
    /// How images become inputs.
    pub images: ImageConfig,
}

impl DatasetConfig {
    /// The dataset at `path` with defaults.
    pub fn of(path: PathBuf) -> Self {
        Self {
            path,
            array: None,
            labels: None,
            samples: super::defaults::SAMPLES,
            images: ImageConfig::default(),
        }
    }

    /// The samples at `path` for calibration, with defaults.
    pub fn for_calibration(path: PathBuf) -> Self {
        Self {
            samples: super::defaults::CALIBRATION_SAMPLES,
            ..Self::of(path)
        }
    }
}

/// How images become inputs: resized, brought to 0 to 1, then normalized by channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageConfig {
    /// Subtracted from values of 0 to 1: one number for all channels, or one a channel; nothing by default.
    pub mean: Option<Vec<f64>>,
    /// What the difference is divided by, all above 0: one number for all channels, or one a channel; 1 by default.
    pub std: Option<Vec<f64>>,
    /// What happens to the aspect ratio.
    pub resize: Resize,
}

/// How an image gets the size of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resize {
    /// Scaled to width and height, each on its own.
    #[default]
    Stretch,
    /// Scaled as a whole until it covers the input, then cut at the middle.
    Crop,
}

impl Resize {
    /// The word in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stretch => "stretch",
            Self::Crop => "crop",
        }
    }
}

/// What is judged, and against which limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Time of one inference.
    pub latency: LatencyGate,
    /// Bytes on disk.
    pub size: Limit<Bytes>,
    /// Bytes of all files deflated, where the config gates them (`gate.size.compressed`).
    pub compressed_size: Option<Limit<Bytes>>,
    /// Peak memory of the process beyond an empty session.
    pub memory: Limit<Bytes>,
    /// True where `gate.memory` stands in the config: a system that doesn't tell a process' memory is an error then, as the gate was
    /// asked for.
    pub memory_explicit: bool,
    /// Memory of a session before its first inference, where the config gates it (`gate.memory.model`).
    pub model_memory: Option<Limit<Bytes>>,
    /// What is known without running, as far as the config gates it (`gate.static`).
    pub static_facts: StaticGate,
    /// Outputs against the baseline's, and labels.
    pub accuracy: AccuracyGate,
    /// Where the absolute limits were given: here, in `.mlbuild/budget.toml` or by flag. [`Gate::constrain`] sets both.
    pub sources: Constraints,
    /// Any change for the worse beyond noise fails, however small the limit says it is; the limits then say how precisely a pass has
    /// to be known. Only flags set it.
    pub strict: bool,
    /// What an undecided comparison means for the check.
    pub on_inconclusive: Policy,
    /// What a comparison that has no baseline yet means for the check.
    pub on_missing_baseline: Policy,
}

/// A relative limit and an absolute budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit<T> {
    /// How much worse than the baseline is still accepted.
    pub max_regression: Percent,
    /// What the candidate must stay under, whatever the baseline.
    pub budget: Option<T>,
}

impl<T> Limit<T> {
    /// A budget alone: whatever the baseline, and however much it changes.
    pub fn of_budget(budget: T) -> Self {
        Self {
            max_regression: Percent(f64::INFINITY),
            budget: Some(budget),
        }
    }

    /// The accepted regression in per cent; `None` where only the budget counts.
    pub fn relative(&self) -> Option<f64> {
        Some(self.max_regression.0).filter(|percent| percent.is_finite())
    }
}

/// The latency gate: one statistic that always decides, and others with limits of their own where the config gives them some.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatencyGate {
    /// The statistic that decides.
    pub metric: LatencyMetric,
    /// Its limits.
    pub limit: Limit<Millis>,
    /// The median's own limit; never together with `metric: p50`, and so for each statistic below.
    pub p50: Option<Limit<Millis>>,
    /// The 95th percentile's own limit.
    pub p95: Option<Limit<Millis>>,
    /// The 99th percentile's own limit.
    pub p99: Option<Limit<Millis>>,
    /// The mean's own limit.
    pub mean: Option<Limit<Millis>>,
    /// The standard deviation's limit.
    pub std: Option<Limit<Millis>>,
    /// Throughput's limit; its budget is the least.
    pub throughput: Option<Limit<PerSecond>>,
    /// The limit of loading.
    pub load: Option<Limit<Millis>>,
    /// The limit of the first inference.
    pub first: Option<Limit<Millis>>,
    /// The limit of the time until latency has settled.
    pub stable: Option<Limit<Millis>>,
}

impl LatencyGate {
    /// The limits of a statistic, whether it is the one that decides or has its own.
    pub fn limit_of(&self, metric: LatencyMetric) -> Option<Limit<Millis>> {
        if metric == self.metric {
            return Some(self.limit);
        }
        match metric {
            LatencyMetric::P50 => self.p50,
            LatencyMetric::P95 => self.p95,
            LatencyMetric::P99 => self.p99,
            LatencyMetric::Mean => self.mean,
        }
    }
}

/// Limits of what is known about a model without running it; without noise.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StaticGate {
    /// Multiply-accumulate operations of one inference.
    pub macs: Option<Limit<Count>>,
    /// Elements of weights.
    pub parameters: Option<Limit<Count>>,
    /// Operators in the file.
    pub operators: Option<Limit<Count>>,
    /// The most bytes of activations that live at once, one operator after the other.
    pub activation_peak: Option<Limit<Bytes>>,
}

/// A statistic of latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LatencyMetric {
    /// The median.
    #[default]
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The arithmetic mean.
    Mean,
}

impl LatencyMetric {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [Self::P50, Self::P95, Self::P99, Self::Mean];

    /// `p50`, `p95`, `p99` or `mean`.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Mean => "mean",
        }
    }
}

/// The accuracy gate. A limit that the config leaves out is `None` in the file and filled by default here, except
/// `explicit`, which remembers that the agreement limits were written by a person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccuracyGate {
    /// The least cosine similarity of outputs against the baseline's.
    pub cosine: f64,
    /// The least share of samples on which the highest output is the same.
    pub top1: f64,
    /// By how many percentage points labelled accuracy may drop.
    pub max_drop: Percent,
    /// True where `cosine` or `top1` stand in the config or came by flag. Where they don't and the dataset has labels, labelled
    /// accuracy judges alone: a retrained model answers differently, and that is no fault.
    pub explicit: bool,
    /// False where the agreement of outputs only informs, as a flag may say.
    pub judged: bool,
}

/// What a comparison without a decision means for the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Counts as passed.
    Pass,
    /// Neither passes nor fails.
    Neutral,
    /// Fails.
    Fail,
}

/// How to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasureConfig {
    /// For one comparison; default 20 s.
    pub time_budget: Span,
    /// For all comparisons of a run; default 10 min.
    pub total_budget: Span,
    /// Threads inside an operator; default 1.
    pub threads: usize,
    /// Seed of inputs and of the order of blocks; default 0.
    pub seed: u64,
    /// After this much silence a worker is stopped; default 60 s.
    pub worker_timeout: Span,
    /// Fails a candidate whose outputs hold NaN or infinity, are constant, or have another shape than declared; default off. It is
    /// a limit like the gate's: in a pull request the base's counts too.
    pub strict_output: bool,
    /// Whether models run where the system cannot confine them; default best effort. In a pull request the base's `require` counts too.
    pub sandbox: Sandbox,
    /// Timed inferences of each side, at least; 0 by default, as the limits say how many it takes.
    pub least_runs: u32,
    /// Inferences after each fresh start that are not timed, at least; 0 by default, as the model's latency says how many it takes.
    pub least_warmup: u32,
    /// How many synthesized inputs outputs are compared on where there is no dataset; default 8.
    pub samples: u64,
    /// Seed of these inputs; that of all other inputs by default.
    pub samples_seed: Option<u64>,
}

/// What to do where the system cannot keep a model from files, the network and other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// Run it with what the system has, and say what it lacks.
    #[default]
    BestEffort,
    /// Run nothing.
    Require,
}

/// Which engine, and how it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// The version of ONNX Runtime; default [`DEFAULT_ONNXRUNTIME`].
    pub version: String,
    /// How much the engine rewrites the graph.
    pub graph_optimization: GraphOptimization,
    /// Whether independent branches run at once.
    pub execution_mode: ExecutionMode,
    /// Whether XNNPACK computes what it can of a TensorFlow Lite model; otherwise LiteRT's own kernels compute everything.
    pub xnnpack: bool,
}

/// How much the engine rewrites the graph before running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphOptimization {
    /// Nothing.
    Disabled,
    /// Rewrites that keep standard operators.
    Basic,
    /// Fusions too.
    Extended,
    /// Layout changes too.
    #[default]
    All,
}

/// Whether independent branches of a graph run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionMode {
    /// One operator after the other.
    #[default]
    Sequential,
    /// Several at once.
    Parallel,
}

/// Where baselines are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineConfig {
    /// The kind of store.
    pub store: BaselineStore,
    /// Branches whose pushes publish a baseline; the repository's default branch where empty.
    pub branches: Vec<String>,
    /// How many baselines to keep; default 20.
    pub keep: usize,
}

/// A place for baselines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaselineStore {
    /// GitHub releases of the repository.
    Release,
    /// A folder, relative to the folder of the config.
    Dir(PathBuf),
    /// A bucket.
    S3(BucketConfig),
}

/// A bucket of AWS S3 or a server that speaks as it does. Credentials are no setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketConfig {
    /// Its name.
    pub bucket: String,
    /// What every name in it begins with; `None` for the default.
    pub prefix: Option<String>,
    /// Its region; `None` for the environment's.
    pub region: Option<String>,
    /// The server's address; `None` for AWS.
    pub endpoint: Option<String>,
}

/// When the pull request gets a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommentWhen {
    /// On every run.
    #[default]
    Always,
    /// When some model changed.
    Changed,
    /// When something got worse, or could not be measured.
    Regression,
    /// Not at all.
    Never,
}
