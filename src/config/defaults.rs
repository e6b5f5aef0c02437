//! The one table of defaults, for the config and for flags alike.

use std::path::Path;
use std::time::Duration;

use crate::units::Percent;
use crate::units::Span;

use super::constraint::Constraints;
use super::target::DEFAULT_ONNXRUNTIME;
use super::target::Target;
use super::types::AccuracyGate;
use super::types::BaselineConfig;
use super::types::BaselineStore;
use super::types::CommentWhen;
use super::types::ExecutionMode;
use super::types::Gate;
use super::types::GraphOptimization;
use super::types::LatencyGate;
use super::types::LatencyMetric;
use super::types::Limit;
use super::types::MeasureConfig;
use super::types::Policy;
use super::types::RuntimeConfig;
use super::types::Sandbox;
use super::types::StaticGate;

/// How much slower is accepted.
pub const LATENCY_REGRESSION: Percent = Percent(5.0);
/// How much bigger is accepted.
pub const SIZE_REGRESSION: Percent = Percent(5.0);
/// How much more peak memory is accepted.
pub const MEMORY_REGRESSION: Percent = Percent(10.0);
/// By how much what is known without running may grow.
pub const STATIC_REGRESSION: Percent = Percent(5.0);
/// The least cosine similarity of outputs against the baseline's.
pub const COSINE: f64 = 0.99;
/// The least share of samples with the same highest output.
pub const TOP1: f64 = 0.99;
/// By how many percentage points labelled accuracy may drop.
pub const MAX_DROP: Percent = Percent(1.0);
/// The target of a model that names none: this machine's processor, by the engine that executes its format.
pub fn target(path: &Path) -> Target {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    match extension.as_deref().and_then(|extension| extension.to_str()) {
        Some("tflite" | "lite") => Target::GenericLinux,
        _ => Target::OnnxRuntimeCpu,
    }
}
/// The recipe of a model that names none: the model as it is.
pub const VARIANT: &str = "fp32";
/// How many samples of a dataset are used at most.
pub const SAMPLES: usize = 200;
/// How many samples a model is calibrated on at most.
pub const CALIBRATION_SAMPLES: usize = 128;
/// How many synthesized inputs the outputs of both sides are compared on where there is no dataset.
pub const SYNTHETIC_SAMPLES: u64 = 8;
/// After this a build command is stopped.
pub const BUILD_TIMEOUT: Span = Span(Duration::from_secs(30 * 60));
/// How many baselines are kept.
pub const KEEP: usize = 20;

impl Default for Gate {
    fn default() -> Self {
        Self {
            latency: LatencyGate {
                metric: LatencyMetric::default(),
                limit: relative(LATENCY_REGRESSION),
                p50: None,
                p95: None,
                p99: None,
                mean: None,
                std: None,
                throughput: None,
                load: None,
                first: None,
                stable: None,
            },
            size: relative(SIZE_REGRESSION),
            compressed_size: None,
            memory: relative(MEMORY_REGRESSION),
            memory_explicit: false,
            model_memory: None,
            static_facts: StaticGate::default(),
            accuracy: AccuracyGate {
                cosine: COSINE,
                top1: TOP1,
                max_drop: MAX_DROP,
                explicit: false,
                judged: true,
            },
            sources: Constraints::default(),
            on_inconclusive: Policy::Neutral,
            on_missing_baseline: Policy::Neutral,
            strict: false,
        }
    }
}

impl Default for MeasureConfig {
    fn default() -> Self {
        Self {
            time_budget: Span(Duration::from_secs(20)),
            total_budget: Span(Duration::from_secs(10 * 60)),
            threads: 1,
            seed: 0,
            worker_timeout: Span(Duration::from_secs(60)),
            strict_output: false,
            sandbox: Sandbox::default(),
            least_runs: 0,
            least_warmup: 0,
            samples: SYNTHETIC_SAMPLES,
            samples_seed: None,
        }
    }
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            version: DEFAULT_ONNXRUNTIME.to_owned(),
            graph_optimization: GraphOptimization::default(),
            execution_mode: ExecutionMode::default(),
            xnnpack: true,
        }
    }
}

impl Default for BaselineConfig {
    fn default() -> Self {
        Self {
            store: BaselineStore::Release,
            branches: Vec::new(),
            keep: KEEP,
        }
    }
}

/// Settings for models that no config describes.
pub(super) fn config(models: Vec<super::types::ModelConfig>) -> super::types::Config {
    super::types::Config {
        models,
        gate: Gate::default(),
        measure: MeasureConfig::default(),
        runtime: RuntimeConfig::default(),
        baseline: BaselineConfig::default(),
        comment: CommentWhen::default(),
    }
}

fn relative<T>(max_regression: Percent) -> Limit<T> {
    Limit {
        max_regression,
        budget: None,
    }
}
