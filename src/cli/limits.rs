//! Flags that stand above the gate's limits in the config; the same on every command that gates.

use std::path::PathBuf;

use crate::config::Overrides;
use crate::config::overrides;
use crate::units::Bytes;
use crate::units::Millis;
use crate::units::Percent;

/// What a flag says of a limit.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LimitArgs {
    /// Accepted slowdown, in per cent of the baseline.
    #[arg(long, value_name = "PERCENT", value_parser = overrides::percent)]
    latency_regression: Option<Percent>,
    /// Accepted growth on disk, in per cent of the baseline.
    #[arg(long, value_name = "PERCENT", value_parser = overrides::percent)]
    size_regression: Option<Percent>,
    /// The most an inference may take, whatever the baseline; milliseconds without a unit.
    #[arg(long, value_name = "TIME", value_parser = overrides::millis)]
    latency_budget: Option<Millis>,
    /// The most that the 95th percentile of inferences may take; milliseconds without a unit.
    #[arg(long, value_name = "TIME", value_parser = overrides::millis)]
    p95_budget: Option<Millis>,
    /// The most memory at its peak, beyond an empty session; megabytes without a unit.
    #[arg(long, value_name = "SIZE", value_parser = overrides::bytes)]
    memory_budget: Option<Bytes>,
    /// The most a model may take on disk, whatever the baseline; megabytes without a unit.
    #[arg(long, value_name = "SIZE", value_parser = overrides::bytes)]
    size_budget: Option<Bytes>,
    /// Samples to compare outputs on: an `.npz` file, or a folder of images or `.npy` files.
    #[arg(long, value_name = "PATH")]
    dataset: Option<PathBuf>,
    /// The least cosine similarity of outputs with the baseline's.
    #[arg(long, value_name = "SHARE")]
    cosine_threshold: Option<f64>,
    /// The least share of samples with the baseline's answer.
    #[arg(long, value_name = "SHARE")]
    top1_threshold: Option<f64>,
    /// Fail where there is no baseline.
    #[arg(long)]
    fail_on_missing_baseline: bool,
}

impl LimitArgs {
    /// What they override.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            model: None,
            target: None,
            latency_regression: self.latency_regression,
            size_regression: self.size_regression,
            latency_budget: self.latency_budget,
            p95_budget: self.p95_budget,
            memory_budget: self.memory_budget,
            size_budget: self.size_budget,
            dataset: self.dataset.clone(),
            cosine_threshold: self.cosine_threshold,
            top1_threshold: self.top1_threshold,
            fail_on_missing_baseline: self.fail_on_missing_baseline,
        }
    }
}
