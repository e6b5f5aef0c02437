//! What a deep profile holds.

use crate::config::Engine;
use serde::Deserialize;
use serde::Serialize;

/// A deep profile of one model on one set of inputs.
///
/// The times of kernels, and [`Profile::overhead_seconds`], are interquartile means over the profiled runs, each one's own: what
/// disturbs a kernel now and then counts nowhere. Together they make [`Profile::run_seconds`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Profiled runs.
    pub runs: u32,
    /// Runs before them that were not counted.
    pub warmup: u32,
    /// What executed it.
    pub engine: Engine,
    /// The engine's version.
    pub runtime_version: String,
    /// Threads inside an operator.
    pub threads: usize,
    /// Every kernel that ran, in the order in which they first did. Kernels of one loop body are one entry.
    pub kernels: Vec<Kernel>,
    /// What a run took beyond its kernels: dispatch, allocation, and writing the profile itself.
    pub overhead_seconds: f64,
    /// A profiled run that nothing disturbs: the sum of all kernels and the overhead.
    pub run_seconds: f64,
    /// The median of plain runs of the same process, without profiling.
    pub plain_seconds: f64,
    /// Live activations along the run.
    pub memory: MemoryFlow,
    /// From nothing to steady runs, without profiling.
    pub cold: ColdStart,
    /// What this machine can do; `None` where it was not measured.
    pub roofline: Option<Roofline>,
    /// Kernels that stand for more than one node.
    pub fusions: Vec<Fusion>,
    /// What became of every node of the model: the main graph's in their order, then those in loops and branches.
    pub nodes: Vec<NodeFate>,
    /// Known patterns that were left apart.
    pub missed: Vec<MissedFusion>,
    /// The run whose length is nearest to `run_seconds`, kernel by kernel, in order of start.
    pub timeline: Vec<Span>,
    /// What could not be found out, in sentences.
    pub warnings: Vec<String>,
}

impl Profile {
    /// How many times longer a run takes while it is profiled.
    pub fn inflation(&self) -> f64 {
        self.run_seconds / self.plain_seconds
    }
}

/// One kernel: a node of the optimized graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    /// The engine's name of its node.
    pub name: String,
    /// Its operator: `Conv`, `FusedMatMul`.
    pub op_type: String,
    /// The operator's domain, empty for ONNX itself; `com.microsoft` for the engine's own.
    pub domain: String,
    /// Who executes it: `CPUExecutionProvider`.
    pub provider: String,
    /// Nodes of the model that are computed in it, by label (see [`NodeFate::label`]), in the model's order; empty where the
    /// engine added it (a change of layout) or where it could not be traced.
    pub nodes: Vec<String>,
    /// Seconds a run, without the kernels within it.
    pub seconds: f64,
    /// Of [`Profile::run_seconds`], 0 to 1.
    pub share: f64,
    /// Calls a run: more than one within a loop.
    pub calls: u32,
    /// The loop or branch that it runs within, as an index into [`Profile::kernels`].
    pub parent: Option<usize>,
    /// Multiply-accumulate operations a run; `None` where they cannot be told.
    pub macs: Option<u64>,
    /// Bytes of inputs, weights and outputs a run; `None` where a shape is not known.
    pub bytes: Option<u64>,
    /// What limits it on this machine; `None` without roofline, multiply-accumulates or bytes.
    pub bound: Option<Bound>,
    /// Bytes of its outputs, of the largest call.
    pub output_bytes: Option<u64>,
}

/// What a kernel's time depends on, by its arithmetic intensity against the machine's balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Arithmetic.
    Compute,
    /// Moving data.
    Memory,
}

impl Bound {
    /// `compute` or `memory`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
        }
    }
}

/// Activations that are alive while each kernel of the main graph runs: what it reads, what it writes, and what later ones need.
/// Weights do not count, nor what the engine saves by computing in place.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MemoryFlow {
    /// One a kernel of the main graph, in order of execution.
    pub steps: Vec<MemoryStep>,
    /// The step with most, as an index into `steps`; `None` where there is none.
    pub peak: Option<usize>,
    /// Bytes of weights that the kernels of the main graph read.
    pub weight_bytes: u64,
    /// Tensors whose size is not known, and which count as nothing.
    pub unknown_tensors: u32,
}

/// Memory while one kernel runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryStep {
    /// Index into [`Profile::kernels`].
    pub kernel: usize,
    /// Bytes of living activations, its outputs included.
    pub live_bytes: u64,
    /// Bytes of its outputs.
    pub output_bytes: u64,
}

/// From starting a process to steady runs; medians over fresh processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColdStart {
    /// Fresh processes that were started.
    pub processes: u32,
    /// From spawning a process to its greeting.
    pub process_seconds: f64,
    /// Loading the engine's library and reading the model's files.
    pub library_seconds: f64,
    /// From the model's bytes to a session.
    pub session_seconds: f64,
    /// Parsing the model; by the engine's own events while the profiled session was built, `None` where it tells none. With
    /// `initialize_seconds` it is about `session_seconds`, which is of other processes.
    pub parse_seconds: Option<f64>,
    /// Optimizing the graph, choosing kernels and packing weights; by the engine's own events.
    pub initialize_seconds: Option<f64>,
    /// The very first inference.
    pub first_seconds: f64,
    /// Of the first process, the inferences that follow the first one.
    pub warmup: Vec<f64>,
    /// A steady inference: the median of the last half of `warmup`.
    pub steady_seconds: f64,
    /// How many inferences, the first one included, come before the first of three in a row that take at most 1.1 times a steady
    /// one; `None` where none do.
    pub runs_to_stable: Option<u32>,
    /// From starting the process to the first steady inference; `None` where `runs_to_stable` is.
    pub stable_seconds: Option<f64>,
}

/// What this machine can do with the threads of the profile, measured just before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Roofline {
    /// Single-precision floating-point operations a second, in thousand millions; a multiply-accumulate is two.
    pub gflops: f64,
    /// Bytes a second between processor and memory, in thousand millions.
    pub gigabytes: f64,
    /// Threads that ran it.
    pub threads: usize,
    /// How it was measured, in words.
    pub method: String,
}

impl Roofline {
    /// Floating-point operations a byte above which arithmetic is the limit.
    pub fn ridge(&self) -> f64 {
        self.gflops / self.gigabytes
    }
}

/// A kernel that computes more than one node of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fusion {
    /// Index into [`Profile::kernels`].
    pub kernel: usize,
    /// Operators of the nodes, in the model's order: `MatMul + Add`.
    pub pattern: String,
}

/// What became of a node of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeFate {
    /// Its name; for a node without one, its operator and its place, such as `Relu #12`.
    pub label: String,
    /// Its operator.
    pub op_type: String,
    /// The node that it stands within: a loop, a branch.
    pub within: Option<String>,
    /// What the engine did with it.
    pub fate: Fate,
    /// The kernel that computes it, as an index into [`Profile::kernels`].
    pub kernel: Option<usize>,
}

/// What an engine does with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is a kernel of its own.
    Executed,
    /// It is computed in a kernel together with others, or by one of another operator.
    Fused,
    /// It became a constant before the first run.
    Folded,
    /// It computes nothing that is needed: an identity, or a pair that undoes itself.
    Eliminated,
    /// It is in the optimized graph, and did not run on these inputs.
    Skipped,
    /// It could not be found again.
    Untraced,
}

/// A pattern that engines can compute at once, left as several kernels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissedFusion {
    /// `MatMul + Add`, `layer normalization`, `Gelu`.
    pub pattern: String,
    /// Its kernels, as indices into [`Profile::kernels`].
    pub kernels: Vec<usize>,
    /// Seconds a run that they take together.
    pub seconds: f64,
    /// Why, or what would help, as far as is known.
    pub reason: String,
}

/// One execution in the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Index into [`Profile::kernels`].
    pub kernel: usize,
    /// Seconds since the run's start.
    pub start: f64,
    /// Seconds that it took, the kernels within it included.
    pub seconds: f64,
    /// 0 in the main graph, 1 in a loop's body, and so on.
    pub depth: u32,
}
