//! The digest of what decides a measurement, and the names of settings as they stand in files.

use serde_json::Value;
use serde_json::json;

use crate::digest::Digest;

use super::target::Engine;
use super::target::Target;
use super::types::CommentWhen;
use super::types::DatasetConfig;
use super::types::ExecutionMode;
use super::types::GraphOptimization;
use super::types::ImageConfig;
use super::types::MeasureConfig;
use super::types::ModelConfig;
use super::types::Policy;
use super::types::RuntimeConfig;
use super::types::Sandbox;
use super::types::Task;

/// Raised when the meaning of a setting changes, so that old digests no longer agree.
const SCHEMA: u32 = 1;

impl ModelConfig {
    /// Of everything in the config that decides what measuring this model on `target` gives: inputs, task, dataset, calibration,
    /// measuring and runtime settings. Not of the gate's limits, not of the model file, not of the contents of datasets.
    pub fn settings_digest(&self, target: Target, measure: &MeasureConfig, runtime: &RuntimeConfig) -> Digest {
        let inputs: serde_json::Map<String, Value> = self
            .inputs
            .iter()
            .map(|(name, input)| (name.clone(), json!(input.shape)))
            .collect();
        let mut settings = json!({
            "schema": SCHEMA,
            "inputs": inputs,
            "task": self.task.name(),
            "sequence_lengths": self.sequence_lengths,
            "target": target.name(),
            "calibration": self.calibration.as_ref().map(calibration),
            "dataset": self.dataset.as_ref().map(dataset),
            "measure": {
                "time_budget_ms": measure.time_budget.0.as_secs_f64() * 1000.0,
                "threads": measure.threads,
                "seed": measure.seed,
            },
            "runtime": {
                "version": runtime.version,
                "graph_optimization": runtime.graph_optimization.name(),
                "execution_mode": runtime.execution_mode.name(),
            },
        });
        // Only where it is off, so that digests from before it could be are the same.
        if target.engine() == Engine::LiteRt && !runtime.xnnpack {
            settings["runtime"]["xnnpack"] = json!(false);
        }
        if let Some(signature) = &self.signature {
            settings["signature"] = json!(signature);
        }
        Digest::of(settings.to_string().as_bytes())
    }
}

/// A path alone where nothing else is set, as in digests from before there was anything else.
fn calibration(calibration: &DatasetConfig) -> Value {
    if *calibration == DatasetConfig::for_calibration(calibration.path.clone()) {
        json!(slashed(&calibration.path))
    } else {
        dataset(calibration)
    }
}

/// What a dataset's files don't say. How images are read stands in it only where it differs from the default, so that digests from
/// before there were images still agree.
fn dataset(dataset: &DatasetConfig) -> Value {
    let mut settings = json!({
        "path": slashed(&dataset.path),
        "labels": dataset.labels,
        "samples": dataset.samples,
    });
    if let Some(array) = &dataset.array {
        settings["array"] = json!(array);
    }
    let images = &dataset.images;
    if *images != ImageConfig::default() {
        settings["images"] = json!({ "mean": images.mean, "std": images.std, "resize": images.resize.name() });
    }
    settings
}

/// The same on every system.
fn slashed(path: &std::path::Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

impl Task {
    /// The word in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Vision => "vision",
            Self::Nlp => "nlp",
            Self::Audio => "audio",
            Self::Tabular => "tabular",
            Self::Unknown => "unknown",
        }
    }
}

impl Policy {
    /// The word in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Neutral => "neutral",
            Self::Fail => "fail",
        }
    }
}

impl GraphOptimization {
    /// The word in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Basic => "basic",
            Self::Extended => "extended",
            Self::All => "all",
        }
    }
}

impl Sandbox {
    /// The word in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::BestEffort => "best-effort",
            Self::Require => "require",
        }
    }
}

impl ExecutionMode {
    /// The word in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Parallel => "parallel",
        }
    }
}

impl CommentWhen {
    /// The word in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Changed => "changed",
            Self::Regression => "regression",
            Self::Never => "never",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load::parse;

    fn digest(text: &str) -> Digest {
        let config = parse(&format!("version: 1\n{text}"), Path::new(".mlbuild.yml"))
            .unwrap()
            .config;
        config.models[0].settings_digest(config.models[0].targets[0], &config.measure, &config.runtime)
    }

    #[test]
    fn follows_what_decides_a_measurement_only() {
        let plain = digest("models: [{ path: a.onnx }]");
        assert_eq!(
            plain,
            digest("models: [{ path: b.onnx, name: c, variants: [fp16] }]\ngate: { size: { max_regression: 1% } }")
        );
        assert_eq!(
            plain,
            digest("models: [{ path: a.onnx, targets: [onnxruntime-cpu] }]\nmeasure: { total_budget: 1 h }")
        );
        assert_ne!(
            plain,
            digest("models: [{ path: a.onnx, inputs: { x: { shape: [1] } } }]")
        );
        assert_ne!(plain, digest("models: [{ path: a.onnx, dataset: { path: d.npz } }]"));
        assert_ne!(
            digest("models: [{ path: a.onnx, dataset: d.npz }]"),
            digest("models: [{ path: a.onnx, dataset: { path: d.npz, labels: y } }]")
        );
        assert_eq!(
            digest("models: [{ path: a.onnx, dataset: images }]"),
            digest("models: [{ path: a.onnx, dataset: { path: images, resize: stretch } }]")
        );
        assert_ne!(
            digest("models: [{ path: a.onnx, dataset: images }]"),
            digest("models: [{ path: a.onnx, dataset: { path: images, mean: [0.5] } }]")
        );
        assert_ne!(plain, digest("models: [{ path: a.onnx, calibration: c.npz }]"));
        assert_eq!(
            digest("models: [{ path: a.onnx, calibration: c.npz }]"),
            digest("models: [{ path: a.onnx, calibration: { path: c.npz, samples: 128 } }]")
        );
        assert_ne!(
            digest("models: [{ path: a.onnx, calibration: c.npz }]"),
            digest("models: [{ path: a.onnx, calibration: { path: c.npz, array: x_calib } }]")
        );
        assert_ne!(plain, digest("models: [{ path: a.onnx, targets: [onnxruntime_gpu] }]"));
        assert_ne!(plain, digest("models: [{ path: a.onnx }]\nmeasure: { threads: 2 }"));
        assert_ne!(
            plain,
            digest("models: [{ path: a.onnx }]\nruntime: { graph_optimization: basic }")
        );
    }
}
