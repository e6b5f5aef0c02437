//! `.mlbuild.yml` as people write it: nothing filled in, nothing checked but its shape. The JSON Schema in `docs/` is generated
//! from these types, so their comments are what editors show.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::units::Bytes;
use crate::units::Count;
use crate::units::Millis;
use crate::units::PerSecond;
use crate::units::Percent;
use crate::units::Span;

use super::schema;

/// The settings of mlbuild, a gate for machine-learning models. Everything but `version` and `models` has a default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = ".mlbuild.yml")]
pub struct File {
    /// The version of this format: 1.
    #[schemars(extend("const" = 1))]
    pub version: u64,
    /// The models to gate.
    #[schemars(length(min = 1))]
    pub models: Vec<Model>,
    /// What is judged, and against which limits. A pull request is judged by the limits of its base branch.
    pub gate: Option<Gate>,
    /// How to measure.
    pub measure: Option<Measure>,
    /// Which engine, and how it is set up.
    pub runtime: Option<Runtime>,
    /// Where baselines are kept.
    pub baseline: Option<Baseline>,
    /// The comment on the pull request.
    pub comment: Option<Comment>,
}

/// One model and how to feed it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name in reports; the file's name without extension by default.
    pub name: Option<String>,
    /// The model file, relative to the folder of this config.
    pub path: String,
    /// A command that produces `path`. It runs in the folder of this config, without any token in its environment.
    #[serde(default)]
    #[schemars(schema_with = "schema::text_or::<Build>")]
    pub build: Option<Build>,
    /// Shapes of the inputs that have dynamic dimensions, by input name.
    pub inputs: Option<BTreeMap<String, Input>>,
    /// Which entry point of a TensorFlow Lite model with several is run: the name of its signature; the first one by default.
    pub signature: Option<String>,
    /// What kind of data the model takes: `auto` finds out.
    pub task: Option<Task>,
    /// The lengths, in tokens, that a model of token sequences is measured with, each gated on its own; 16, 64, 128 and 256 by
    /// default, as far as the model holds them.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub sequence_lengths: Option<Vec<u64>>,
    /// What the model must run on; `onnxruntime_cpu` by default.
    #[serde(default)]
    #[schemars(schema_with = "schema::targets")]
    pub targets: Option<Vec<String>>,
    /// The recipes to derive and gate, such as `fp32` and `fp16`; `fp32`, the model as it is, by default.
    #[schemars(length(min = 1))]
    pub variants: Option<Vec<String>>,
    /// Samples for calibration, where a recipe needs to know which values a model's tensors take.
    #[serde(default)]
    #[schemars(schema_with = "schema::text_or::<Calibration>")]
    pub calibration: Option<Calibration>,
    /// Samples on which outputs are compared.
    #[serde(default)]
    #[schemars(schema_with = "schema::text_or::<Dataset>")]
    pub dataset: Option<Dataset>,
}

/// A shell command that produces a model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The command, for `sh -c`.
    pub command: String,
    /// After this it is stopped; 30 min by default.
    pub timeout: Option<Span>,
}

/// What one input looks like.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Every dimension, each at least 1.
    #[schemars(inner(range(min = 1)))]
    pub shape: Vec<u64>,
}

/// The kind of data a model takes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Found out from the model.
    Auto,
    /// Images.
    Vision,
    /// Token ids.
    Nlp,
    /// Waveforms or spectrograms.
    Audio,
    /// Rows of features.
    Tabular,
    /// None of these: inputs are zeros.
    Unknown,
}

/// Samples on which outputs are compared.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// A `.npz` file with one array an input, or a folder of images or of `.npy` files; relative to the folder of this config.
    pub path: String,
    /// The array of the `.npz` file that holds the samples, for models with one input; found by the input's name without it.
    pub array: Option<String>,
    /// The array of the `.npz` file, or the file in the folder, that holds the labels. In a folder `labels.csv`, `labels.npy` and
    /// subfolders, one a class, are found without it.
    pub labels: Option<String>,
    /// How many samples are used at most; 200 by default.
    #[schemars(range(min = 1))]
    pub samples: Option<u64>,
    /// Of images: subtracted from values of 0 to 1, one number for all channels or one a channel; nothing by default.
    #[schemars(length(min = 1, max = 3))]
    pub mean: Option<Vec<f64>>,
    /// Of images: what the difference is divided by, one number for all channels or one a channel; 1 by default.
    #[schemars(length(min = 1, max = 3))]
    pub std: Option<Vec<f64>>,
    /// How images get the size of the input: `stretch` by default.
    pub resize: Option<Resize>,
}

/// Samples on which a model is observed before it is quantized.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// A `.npz` file with one array an input, or a folder of images or of `.npy` files; relative to the folder of this config.
    pub path: String,
    /// The array of the `.npz` file, for models with one input; found by the input's name, or by `calib` in its own, without it.
    pub array: Option<String>,
    /// How many samples are used at most; 128 by default.
    #[schemars(range(min = 1))]
    pub samples: Option<u64>,
    /// Of images: subtracted from values of 0 to 1, one number for all channels or one a channel; nothing by default.
    #[schemars(length(min = 1, max = 3))]
    pub mean: Option<Vec<f64>>,
    /// Of images: what the difference is divided by, one number for all channels or one a channel; 1 by default.
    #[schemars(length(min = 1, max = 3))]
    pub std: Option<Vec<f64>>,
    /// How images get the size of the input: `stretch` by default.
    pub resize: Option<Resize>,
}

/// How an image gets the size of the input.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// Scaled to width and height, each on its own.
    Stretch,
    /// Scaled as a whole until it covers the input, then cut at the middle.
    Crop,
}

/// What is judged, and against which limits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Time of one inference.
    pub latency: Option<Latency>,
    /// Bytes on disk.
    pub size: Option<Size>,
    /// Peak memory beyond that of an empty session.
    pub memory: Option<Memory>,
    /// What is known about the model without running it; not gated by default.
    #[serde(rename = "static")]
    pub static_facts: Option<Static>,
    /// Outputs against the baseline's, and against labels.
    pub accuracy: Option<Accuracy>,
    /// What an undecided comparison means for the check; `neutral` by default.
    pub on_inconclusive: Option<Policy>,
    /// What a comparison that never had a baseline means for the check; `neutral` by default.
    pub on_missing_baseline: Option<Policy>,
}

/// The latency gate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The statistic that decides; `p50` by default.
    pub metric: Option<LatencyMetric>,
    /// How much slower than the baseline is accepted; 5% by default.
    pub max_regression: Option<Percent>,
    /// What the model must stay under, whatever the baseline.
    pub budget: Option<Millis>,
    /// Gates the median too, where `metric` names another statistic.
    pub p50: Option<TimeLimit>,
    /// Gates the 95th percentile too.
    pub p95: Option<TimeLimit>,
    /// Gates the 99th percentile too.
    pub p99: Option<TimeLimit>,
    /// Gates the mean too.
    pub mean: Option<TimeLimit>,
    /// Gates the standard deviation too.
    pub std: Option<TimeLimit>,
    /// Gates throughput too: inferences a second, one after the other.
    pub throughput: Option<RateLimit>,
    /// Gates loading too: from the model's bytes in memory to a session.
    pub load: Option<TimeLimit>,
    /// Gates the very first inference too.
    pub first: Option<TimeLimit>,
    /// Gates the time from the start of loading until latency has settled too.
    pub stable: Option<TimeLimit>,
}

/// Limits of a time.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeLimit {
    /// How much slower than the baseline is accepted; 5% by default.
    pub max_regression: Option<Percent>,
    /// What the model must stay under, whatever the baseline.
    pub budget: Option<Millis>,
}

/// Limits of throughput.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How much less than the baseline is accepted; 5% by default.
    pub max_regression: Option<Percent>,
    /// What the model must reach, whatever the baseline.
    pub budget: Option<PerSecond>,
}

/// Limits of a number of bytes.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BytesLimit {
    /// How much more than the baseline is accepted.
    pub max_regression: Option<Percent>,
    /// What the model must stay under, whatever the baseline.
    pub budget: Option<Bytes>,
}

/// Limits of a count.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountLimit {
    /// How much more than the baseline is accepted; 5% by default.
    pub max_regression: Option<Percent>,
    /// What the model must stay under, whatever the baseline.
    pub budget: Option<Count>,
}

/// What is known about a model without running it. It has no noise, so that every difference counts.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Static {
    /// Gates multiply-accumulate operations of one inference.
    pub macs: Option<CountLimit>,
    /// Gates the number of weights.
    pub parameters: Option<CountLimit>,
    /// Gates the number of operators in the file.
    pub operators: Option<CountLimit>,
    /// Gates the most bytes of activations that live at once; 5% by default.
    pub activation_peak: Option<BytesLimit>,
}

/// A statistic of latency.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LatencyMetric {
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The arithmetic mean.
    Mean,
}

/// The size gate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// How much bigger than the baseline is accepted; 5% by default.
    pub max_regression: Option<Percent>,
    /// What the model must stay under, whatever the baseline.
    pub budget: Option<Bytes>,
    /// Gates the size of all files deflated too; 5% by default.
    pub compressed: Option<BytesLimit>,
}

/// The memory gate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// How much more than the baseline is accepted; 10% by default.
    pub max_regression: Option<Percent>,
    /// What the model must stay under, whatever the baseline.
    pub budget: Option<Bytes>,
    /// Gates the memory of a session before its first inference too; 10% by default.
    pub model: Option<BytesLimit>,
}

/// The accuracy gate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// The least cosine similarity of outputs against the baseline's, up to 1; 0.99 by default.
    #[schemars(range(min = 0, max = 1))]
    pub cosine: Option<f64>,
    /// The least share of samples whose highest output is the baseline's, up to 1; 0.99 by default.
    #[schemars(range(min = 0, max = 1))]
    pub top1: Option<f64>,
    /// By how many percentage points labelled accuracy may drop; 1% by default.
    pub max_drop: Option<Percent>,
}

/// What a comparison without a decision means for the check.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Counts as passed.
    Pass,
    /// Neither passes nor fails.
    Neutral,
    /// Fails.
    Fail,
}

/// How to measure.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Time for one comparison; 20 s by default.
    pub time_budget: Option<Span>,
    /// Time for all comparisons of a run; 10 min by default.
    pub total_budget: Option<Span>,
    /// Threads inside an operator; 1 by default.
    #[schemars(range(min = 1))]
    pub threads: Option<u64>,
    /// Seed of inputs and of the order of blocks; 0 by default.
    pub seed: Option<u64>,
    /// After this much silence a worker is stopped; 60 s by default.
    pub worker_timeout: Option<Span>,
    /// Fails a model whose outputs hold NaN or infinity, are constant, or have another shape than it declares; a warning by
    /// default.
    pub strict_output: Option<bool>,
    /// What to do where the system cannot keep models from files and the network: run them all the same with a warning, by
    /// default, or not.
    pub sandbox: Option<Sandbox>,
}

/// What to do where the system cannot confine a model.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// Run it with what the system has, and warn.
    BestEffort,
    /// Run nothing.
    Require,
}

/// Which engine, and how it is set up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// The version of ONNX Runtime, such as `1.31.1`.
    #[schemars(pattern(r"^\d+\.\d+\.\d+$"))]
    pub version: Option<String>,
    /// How much the engine rewrites the graph; `all` by default.
    pub graph_optimization: Option<GraphOptimization>,
    /// Whether independent branches run at once; `sequential` by default.
    pub execution_mode: Option<ExecutionMode>,
    /// Whether XNNPACK computes what it can of a TensorFlow Lite model; `true` by default, as LiteRT is shipped.
    pub xnnpack: Option<bool>,
}

/// How much the engine rewrites the graph before running it.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GraphOptimization {
    /// Nothing.
    Disabled,
    /// Rewrites that keep standard operators.
    Basic,
    /// Fusions too.
    Extended,
    /// Layout changes too.
    All,
}

/// Whether independent branches of a graph run at once.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionMode {
    /// One operator after the other.
    Sequential,
    /// Several at once.
    Parallel,
}

/// Where baselines are kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The kind of store; `release` by default.
    pub store: Option<Store>,
    /// The folder of the store `dir`, relative to the folder of this config.
    pub path: Option<String>,
    /// The bucket of the store `s3`. Credentials are looked up where AWS's own tools do, never in here.
    pub bucket: Option<String>,
    /// What every name in the bucket begins with; `mlbuild/` by default.
    pub prefix: Option<String>,
    /// The bucket's region; the environment's or the profile's by default.
    pub region: Option<String>,
    /// The address of an S3 server that is not AWS, such as `https://ACCOUNT.r2.cloudflarestorage.com`.
    pub endpoint: Option<String>,
    /// Branches whose pushes publish a baseline; the repository's default branch by default.
    pub branches: Option<Vec<String>>,
    /// How many baselines to keep; 20 by default.
    #[schemars(range(min = 1))]
    pub keep: Option<u64>,
}

/// A kind of store.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// GitHub releases of the repository.
    Release,
    /// A folder.
    Dir,
    /// A bucket of AWS S3 or a server that speaks as it does.
    S3,
}

/// The comment on the pull request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// When there is one; `always` by default.
    pub when: Option<When>,
}

/// When the pull request gets a comment.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// On every run.
    Always,
    /// When some model changed.
    Changed,
    /// When something got worse, or could not be measured.
    Regression,
    /// Not at all.
    Never,
}

/// The key that a plain text stands for: `build: make model` is `build: { command: make model }`.
pub(super) fn short_form(type_name: &str) -> Option<&'static str> {
    match type_name {
        "Build" => Some("command"),
        "Dataset" | "Calibration" => Some("path"),
        _ => None,
    }
}

/// What a key is for, where it must be there.
pub(super) fn meaning(key: &str) -> &'static str {
    match key {
        "version" => "write `version: 1` as the first line",
        "models" => "a config names at least one model, such as `- path: models/mobilenet.onnx`",
        "path" => "it names a file, relative to the folder of the config",
        "command" => "it is what `sh -c` runs",
        "shape" => "it lists every dimension, such as `[1, 3, 224, 224]`",
        _ => "it has no default",
    }
}

/// Keys that have their place in the format and nothing behind them yet, with what to do meanwhile.
pub(super) fn key_not_yet(path: &str, key: &str) -> Option<&'static str> {
    match (path, key) {
        ("gate.latency", "min") => Some("it is reported, not gated: the fastest inference says little about the rest"),
        _ => None,
    }
}

/// Values that have their place in the format and nothing behind them yet, with what to do meanwhile.
pub(super) fn value_not_yet(path: &str, value: &str) -> Option<&'static str> {
    match (path, value) {
        ("baseline.store", "gcs" | "azure") => {
            Some("use `store: release`, `store: s3`, or `store: dir` with a `path` that another tool synchronizes")
        }
        ("gate.latency.metric", "std" | "throughput" | "load" | "first" | "stable") => Some(
            "it cannot decide alone; give it limits of its own beside `metric`, such as `load: { max_regression: 5% }`",
        ),
        ("gate.latency.metric", "min") => {
            Some("it is reported, not gated: the fastest inference says little about the rest")
        }
        _ => None,
    }
}

/// Targets that have a name and no engine yet.
pub(super) fn target_not_yet(name: &str) -> bool {
    ["apple_", "coreml", "reference"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}
