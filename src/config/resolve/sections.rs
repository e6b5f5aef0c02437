//! Limits, measuring, engine and store: every section but the models.

use std::time::Duration;

use crate::config::defaults;
use crate::config::nearest::quoted;
use crate::config::raw;
use crate::config::types::AccuracyGate;
use crate::config::types::BaselineConfig;
use crate::config::types::BaselineStore;
use crate::config::types::ExecutionMode;
use crate::config::types::Gate;
use crate::config::types::GraphOptimization;
use crate::config::types::LatencyGate;
use crate::config::types::LatencyMetric;
use crate::config::types::Limit;
use crate::config::types::MeasureConfig;
use crate::config::types::Policy;
use crate::config::types::RuntimeConfig;
use crate::units::Bytes;
use crate::units::Millis;
use crate::units::Percent;
use crate::units::Span;

use super::Resolver;

/// The most threads that a config may ask for.
const MOST_THREADS: u64 = 1024;

/// Anything that may be zero and must not be.
pub(super) trait Quantity: Copy {
    fn is_zero(self) -> bool;
}

impl Quantity for Millis {
    fn is_zero(self) -> bool {
        self.0 <= 0.0
    }
}

impl Quantity for Bytes {
    fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Quantity for Span {
    fn is_zero(self) -> bool {
        self.0 == Duration::ZERO
    }
}

impl Resolver<'_> {
    /// A quantity that is more than nothing, where there is one.
    pub(super) fn positive<T: Quantity>(&mut self, at: &str, quantity: Option<T>) -> Option<T> {
        if quantity.is_some_and(Quantity::is_zero) {
            let hint = "leave it out where it should not limit anything";
            self.value(at, format!("`{at}` is zero"), "nothing could ever stay within", hint);
        }
        quantity
    }

    fn limit<T: Quantity>(
        &mut self,
        at: &str,
        max_regression: Option<Percent>,
        budget: Option<T>,
        default: Percent,
    ) -> Limit<T> {
        Limit {
            max_regression: max_regression.unwrap_or(default),
            budget: self.positive(&format!("{at}.budget"), budget),
        }
    }

    pub(super) fn gate(&mut self, gate: raw::Gate) -> Gate {
        let default = Gate::default();
        let policy = |policy: Option<raw::Policy>, default| match policy {
            None => default,
            Some(raw::Policy::Pass) => Policy::Pass,
            Some(raw::Policy::Neutral) => Policy::Neutral,
            Some(raw::Policy::Fail) => Policy::Fail,
        };
        Gate {
            latency: gate.latency.map_or(default.latency, |latency| self.latency(&latency)),
            size: gate.size.map_or(default.size, |size| {
                self.limit("gate.size", size.max_regression, size.budget, defaults::SIZE_REGRESSION)
            }),
            memory: gate.memory.map_or(default.memory, |memory| {
                self.limit(
                    "gate.memory",
                    memory.max_regression,
                    memory.budget,
                    defaults::MEMORY_REGRESSION,
                )
            }),
            accuracy: gate
                .accuracy
                .map_or(default.accuracy, |accuracy| self.accuracy(&accuracy)),
            above: default.above,
            on_inconclusive: policy(gate.on_inconclusive, default.on_inconclusive),
            on_missing_baseline: policy(gate.on_missing_baseline, default.on_missing_baseline),
        }
    }

    fn latency(&mut self, latency: &raw::Latency) -> LatencyGate {
        let metric = match latency.metric {
            None | Some(raw::LatencyMetric::P50) => LatencyMetric::P50,
            Some(raw::LatencyMetric::P95) => LatencyMetric::P95,
        };
        if metric == LatencyMetric::P95 && latency.p95.is_some() {
            self.key(
                "gate.latency.p95",
                "p95 is limited twice".to_owned(),
                "here and by `metric: p95`",
                "remove `metric: p95` to gate p50 and p95, or remove this",
            );
        }
        let default = defaults::LATENCY_REGRESSION;
        LatencyGate {
            metric,
            limit: self.limit("gate.latency", latency.max_regression, latency.budget, default),
            p95: latency
                .p95
                .as_ref()
                .map(|tail| self.limit("gate.latency.p95", tail.max_regression, tail.budget, default)),
        }
    }

    fn accuracy(&mut self, accuracy: &raw::Accuracy) -> AccuracyGate {
        for (key, share) in [("cosine", accuracy.cosine), ("top1", accuracy.top1)] {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                let at = format!("gate.accuracy.{key}");
                self.value(
                    &at,
                    format!("`{at}` is not between 0 and 1"),
                    "0 to 1",
                    "write 99 % as `0.99`",
                );
            }
        }
        if accuracy.max_drop.is_some_and(|drop| drop.0 > 100.0) {
            let at = "gate.accuracy.max_drop";
            self.value(at, format!("`{at}` is more than 100 %"), "at most 100%", "");
        }
        AccuracyGate {
            cosine: accuracy.cosine.unwrap_or(defaults::COSINE),
            top1: accuracy.top1.unwrap_or(defaults::TOP1),
            max_drop: accuracy.max_drop.unwrap_or(defaults::MAX_DROP),
            explicit: accuracy.cosine.is_some() || accuracy.top1.is_some(),
        }
    }

    pub(super) fn measure(&mut self, measure: &raw::Measure) -> MeasureConfig {
        let default = MeasureConfig::default();
        let time_budget = self.positive("measure.time_budget", measure.time_budget);
        let total_budget = self.positive("measure.total_budget", measure.total_budget);
        let worker_timeout = self.positive("measure.worker_timeout", measure.worker_timeout);
        let resolved = MeasureConfig {
            time_budget: time_budget.unwrap_or(default.time_budget),
            total_budget: total_budget.unwrap_or(default.total_budget),
            threads: measure.threads.map_or(default.threads, |threads| threads as usize),
            seed: measure.seed.unwrap_or(default.seed),
            worker_timeout: worker_timeout.unwrap_or(default.worker_timeout),
            strict_output: measure.strict_output.unwrap_or(default.strict_output),
        };
        if measure
            .threads
            .is_some_and(|threads| !(1..=MOST_THREADS).contains(&threads))
        {
            let message = format!("`measure.threads` is not between 1 and {MOST_THREADS}");
            self.value("measure.threads", message, "", "");
        }
        if resolved.total_budget < resolved.time_budget {
            let at = if total_budget.is_some() {
                "measure.total_budget"
            } else {
                "measure.time_budget"
            };
            self.value(
                at,
                format!(
                    "`measure.total_budget` ({}) is less than `measure.time_budget` ({})",
                    resolved.total_budget, resolved.time_budget
                ),
                "not even one comparison would fit",
                "`time_budget` is for one comparison, `total_budget` for all of a run",
            );
        }
        resolved
    }

    pub(super) fn runtime(&mut self, runtime: raw::Runtime) -> RuntimeConfig {
        let default = RuntimeConfig::default();
        let version = runtime.version.unwrap_or(default.version);
        let numbers = version
            .split('.')
            .filter(|part| !part.is_empty() && part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit()));
        if numbers.count() != 3 || version.matches('.').count() != 2 {
            self.value(
                "runtime.version",
                format!("{} is not a version of ONNX Runtime", quoted(&version)),
                "expected three numbers, such as `1.31.1`",
                "",
            );
        }
        RuntimeConfig {
            version,
            graph_optimization: match runtime.graph_optimization {
                None => default.graph_optimization,
                Some(raw::GraphOptimization::Disabled) => GraphOptimization::Disabled,
                Some(raw::GraphOptimization::Basic) => GraphOptimization::Basic,
                Some(raw::GraphOptimization::Extended) => GraphOptimization::Extended,
                Some(raw::GraphOptimization::All) => GraphOptimization::All,
            },
            execution_mode: match runtime.execution_mode {
                None => default.execution_mode,
                Some(raw::ExecutionMode::Sequential) => ExecutionMode::Sequential,
                Some(raw::ExecutionMode::Parallel) => ExecutionMode::Parallel,
            },
        }
    }

    pub(super) fn baseline(&mut self, baseline: raw::Baseline) -> BaselineConfig {
        let store = match (baseline.store.unwrap_or(raw::Store::Release), baseline.path) {
            (raw::Store::Release, None) => BaselineStore::Release,
            (raw::Store::Release, Some(_)) => {
                self.key(
                    "baseline.path",
                    "`baseline.path` without `store: dir`".to_owned(),
                    "only a folder has a path",
                    "add `store: dir`, or remove `path` to keep baselines in GitHub releases",
                );
                BaselineStore::Release
            }
            (raw::Store::Dir, Some(path)) => BaselineStore::Dir(self.path("baseline.path", path)),
            (raw::Store::Dir, None) => {
                self.value(
                    "baseline.store",
                    "`store: dir` without a `path`".to_owned(),
                    "which folder?",
                    "add `path: baseline`, relative to the folder of the config",
                );
                BaselineStore::Release
            }
        };
        let branches = baseline.branches.unwrap_or_default();
        if self.spans.place("baseline.branches").is_some() && branches.is_empty() {
            let hint = "name one, or leave it out: the repository's default branch is the default";
            self.value("baseline.branches", "`baseline.branches` is empty".to_owned(), "", hint);
        }
        for (index, _) in branches
            .iter()
            .enumerate()
            .filter(|(_, branch)| branch.trim().is_empty())
        {
            let at = format!("baseline.branches[{index}]");
            self.value(&at, "a branch without a name".to_owned(), "empty", "");
        }
        let keep = baseline.keep.unwrap_or(defaults::KEEP as u64);
        if keep == 0 {
            self.value("baseline.keep", "`baseline.keep` is 0".to_owned(), "at least 1", "");
        }
        BaselineConfig {
            store,
            branches,
            keep: usize::try_from(keep).unwrap_or(usize::MAX),
        }
    }
}
