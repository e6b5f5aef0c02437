//! Everything that is recorded of a build, as plain data; its JSON form is what `--json` prints.

use serde::Serialize;

use crate::report::benchmark::Histogram;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// One build, everything around it, and what it comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When this was put together, ISO 8601 in UTC.
    pub generated_at: String,
    /// The version of mlbuild that did.
    pub tool_version: String,
    /// The build.
    pub build: BuildFacts,
    /// Whether to use it.
    pub recommendation: Recommendation,
    /// Machines that measured anything below, described; figures refer to them by place.
    pub machines: Vec<String>,
    /// What was measured of the build, the oldest first.
    pub measurements: Vec<Measured>,
    /// Older measurements that are not listed.
    pub measurements_left_out: usize,
    /// How the latencies of the newest measurement are spread.
    pub distribution: Option<Distribution>,
    /// The build's relatives and itself, in the order of the tree, the root first.
    pub lineage: Vec<Relative>,
    /// Relatives that are not listed.
    pub lineage_left_out: usize,
    /// Builds of the same source that have figures of one machine.
    pub variants: Vec<Variant>,
    /// That machine.
    pub variants_machine: Option<usize>,
    /// Builds of the same source without figures of it.
    pub variants_without: Vec<String>,
    /// Where the time goes.
    pub profile: Option<OperatorProfile>,
    /// How far outputs are from other builds', the oldest first.
    pub checks: Vec<Check>,
    /// What was written about it, the tool's own notes first.
    pub notes: Vec<Note>,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// What is known of the build itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildFacts {
    /// Its whole id.
    pub id: String,
    /// The name that people know it by.
    pub name: String,
    /// The model's name.
    pub model: String,
    /// How it was derived: `fp32`, `int8-static`.
    pub recipe: String,
    /// `onnx`.
    pub format: String,
    /// What kind of data it takes, where somebody looked.
    pub task: Option<String>,
    /// The file name of the source model, where known.
    pub file: Option<String>,
    /// Digest of the source model.
    pub source: String,
    /// What it was made for, where it was made for something.
    pub target: Option<String>,
    /// Bytes of all its files.
    pub size_bytes: u64,
    /// Its files, the model first.
    pub files: Vec<File>,
    /// When it was made, ISO 8601 in UTC.
    pub created_at: String,
    /// The version of mlbuild that made it.
    pub made_by: String,
    /// The build that it was derived from.
    pub parent: Option<Kin>,
    /// Since when it is protected.
    pub pinned_at: Option<String>,
    /// True where it was brought in as it is.
    pub imported: bool,
}

/// Another build.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kin {
    /// Its whole id.
    pub id: String,
    /// Its recipe.
    pub recipe: String,
    /// Bytes of all its files.
    pub size_bytes: u64,
}

/// One file of the build.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub digest: String,
}

/// Whether to use a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// It is the best of what was measured.
    Use,
    /// It has its place: the smallest of those that gain.
    Consider,
    /// Another one is better, or it gains nothing.
    Avoid,
    /// It is what others are compared with, and nothing better is known.
    Keep,
    /// It is what others are compared with, and one of them is better.
    Replace,
    /// Too little was measured to say.
    Unknown,
}

/// What to do with a build, in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommendation {
    /// The short of it.
    pub advice: Advice,
    /// A sentence.
    pub text: String,
    /// What it rests on, a sentence each.
    pub evidence: Vec<String>,
}

/// A figure with the ends of its 95 % interval, where there is enough to say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The best single figure.
    pub value: f64,
    /// The lower end.
    pub lower: Option<f64>,
    /// The upper end.
    pub upper: Option<f64>,
}

impl Figure {
    /// Both ends, where they are known.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.lower.zip(self.upper)
    }
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// When, ISO 8601 in UTC.
    pub created_at: String,
    /// Where: a place in [`BuildReport::machines`].
    pub machine: usize,
    /// On which target.
    pub target: String,
    /// The length of token sequences, where the model has any.
    pub sequence: Option<u64>,
    /// The version of the engine.
    pub runtime_version: String,
    /// How: alone or beside another build, with what settings. Only figures that were got the same way may be compared.
    pub how: String,
    /// The other tool that measured it, where it was one.
    pub origin: Option<String>,
    /// Inferences that were timed.
    pub inferences: u64,
    /// Fresh processes that were measured; `None` where only figures are kept.
    pub processes: Option<usize>,
    /// Median latency, milliseconds.
    pub p50_ms: Option<Figure>,
    /// 95th percentile of latency, milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile of latency, milliseconds.
    pub p99_ms: Option<f64>,
    /// Inferences a second.
    pub throughput: Option<f64>,
    /// Time to load, milliseconds.
    pub load_ms: Option<f64>,
    /// Peak memory above an empty session's, bytes.
    pub peak_bytes: Option<u64>,
    /// The machine's load average before measuring.
    pub load_average: Option<f64>,
    /// The cores that it was pinned to.
    pub cores: Option<Vec<usize>>,
}

/// How latencies are spread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// Which of the measurements: its place among those listed.
    pub measurement: usize,
    /// Counts.
    pub histogram: Histogram,
    /// Named percentiles of all samples, milliseconds.
    pub percentiles_ms: Vec<(String, f64)>,
    /// The shortest.
    pub min_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// A build of the same lineage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Relative {
    /// Its whole id.
    pub id: String,
    /// The name that people know it by.
    pub name: String,
    /// Its recipe.
    pub recipe: String,
    /// What it is to the build: `this build`, `root`, `parent`, `parent, root`, `sibling`, `child` or `relative`.
    pub relation: &'static str,
    /// Parents between it and the root.
    pub depth: usize,
    /// The branches before its name in the tree.
    pub branch: String,
    /// Bytes of all its files.
    pub size_bytes: u64,
    /// Its newest median latency, milliseconds.
    pub p50_ms: Option<f64>,
    /// The machine of that figure.
    pub machine: Option<usize>,
    /// True where it was removed.
    pub removed: bool,
}

/// A build of the same source, with figures that may be compared with the others'.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variant {
    /// Its whole id.
    pub id: String,
    /// Its recipe.
    pub recipe: String,
    /// Bytes of all its files.
    pub size_bytes: u64,
    /// Median latency, milliseconds.
    pub p50_ms: Figure,
    /// The cosine similarity of its outputs to its source's, where it was checked.
    pub cosine: Option<f64>,
    /// True where its outputs are too far from its source's to count.
    pub is_inaccurate: bool,
    /// True where no other one that counts is as fast and as small, and better in one of both.
    pub on_front: bool,
    /// True for the build of the report.
    pub is_own: bool,
    /// The word of the recommendation, where enough is known for one.
    pub word: Option<&'static str>,
    /// Why that one.
    pub reason: Option<String>,
}

/// Where the time of a run goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatorProfile {
    /// When it was profiled, ISO 8601 in UTC.
    pub created_at: String,
    /// Milliseconds of a profiled run.
    pub run_ms: f64,
    /// Runs that were profiled.
    pub runs: u64,
    /// The machine.
    pub machine: usize,
    /// Operators, the one with most time first.
    pub operators: Vec<Operator>,
    /// The slowest kernels, slowest first.
    pub kernels: Vec<Kernel>,
    /// Milliseconds between kernels.
    pub overhead_ms: f64,
}

/// All kernels of one operator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operator {
    /// Its name.
    pub name: String,
    /// How many kernels.
    pub kernels: usize,
    /// Milliseconds a run.
    pub ms: f64,
}

/// One kernel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// Its operator.
    pub operator: String,
    /// Milliseconds a run.
    pub ms: f64,
}

/// How far outputs are from another build's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The other build.
    pub against: String,
    /// Its recipe, where it is still there.
    pub against_recipe: Option<String>,
    /// On which target both ran.
    pub target: String,
    /// The version of the engine.
    pub runtime_version: String,
    /// When, ISO 8601 in UTC; `None` where that was not kept.
    pub created_at: Option<String>,
    /// The cosine similarity of all outputs.
    pub cosine: f64,
    /// That of the worst sample.
    pub lowest_cosine: f64,
    /// The largest difference.
    pub max_abs_error: f64,
    /// The share of samples with the same top class, where outputs are classes.
    pub top1_agreement: Option<f64>,
    /// Samples that were compared.
    pub samples: usize,
    /// True where they were real ones.
    pub real_samples: bool,
    /// What is odd about the outputs.
    pub warnings: Vec<String>,
}

/// Something that was written about a build.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Note {
    /// The text, as it was written.
    pub text: String,
    /// When, where that is known.
    pub created_at: Option<String>,
    /// True for what the tool noted when it made the build.
    pub by_tool: bool,
}
