//! Measuring, engine and store.

use crate::config::defaults;
use crate::config::nearest::quoted;
use crate::config::raw;
use crate::config::types::BaselineConfig;
use crate::config::types::BaselineStore;
use crate::config::types::BucketConfig;
use crate::config::types::ExecutionMode;
use crate::config::types::GraphOptimization;
use crate::config::types::MeasureConfig;
use crate::config::types::RuntimeConfig;
use crate::config::types::Sandbox;

use super::Resolver;

/// The most threads that a config may ask for.
const MOST_THREADS: u64 = 1024;

impl Resolver<'_> {
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
            sandbox: match measure.sandbox {
                None => default.sandbox,
                Some(raw::Sandbox::BestEffort) => Sandbox::BestEffort,
                Some(raw::Sandbox::Require) => Sandbox::Require,
            },
            ..default
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
            xnnpack: runtime.xnnpack.unwrap_or(default.xnnpack),
        }
    }

    pub(super) fn baseline(&mut self, baseline: raw::Baseline) -> BaselineConfig {
        let store = self.store(&baseline);
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

    fn store(&mut self, baseline: &raw::Baseline) -> BaselineStore {
        let kind = baseline.store.unwrap_or(raw::Store::Release);
        if baseline.path.is_some() && !matches!(kind, raw::Store::Dir) {
            self.key(
                "baseline.path",
                "`baseline.path` without `store: dir`".to_owned(),
                "only a folder has a path",
                "add `store: dir`, or remove `path` to keep baselines in GitHub releases",
            );
        }
        let of_bucket = [
            ("bucket", &baseline.bucket),
            ("prefix", &baseline.prefix),
            ("region", &baseline.region),
            ("endpoint", &baseline.endpoint),
        ];
        for (name, value) in of_bucket {
            if value.is_some() && !matches!(kind, raw::Store::S3) {
                self.key(
                    &format!("baseline.{name}"),
                    format!("`baseline.{name}` without `store: s3`"),
                    "only a bucket has one",
                    "add `store: s3`, or remove it",
                );
            }
        }
        match (kind, &baseline.path, &baseline.bucket) {
            (raw::Store::Dir, Some(path), _) => BaselineStore::Dir(self.path("baseline.path", path.clone())),
            (raw::Store::Dir, None, _) => {
                self.value(
                    "baseline.store",
                    "`store: dir` without a `path`".to_owned(),
                    "which folder?",
                    "add `path: baseline`, relative to the folder of the config",
                );
                BaselineStore::Release
            }
            (raw::Store::S3, _, Some(bucket)) => BaselineStore::S3(BucketConfig {
                bucket: bucket.clone(),
                prefix: baseline.prefix.clone(),
                region: baseline.region.clone(),
                endpoint: baseline.endpoint.clone(),
            }),
            (raw::Store::S3, _, None) => {
                self.value(
                    "baseline.store",
                    "`store: s3` without a `bucket`".to_owned(),
                    "which bucket?",
                    "add `bucket: team-models`; credentials come from the environment or `~/.aws`, never from here",
                );
                BaselineStore::Release
            }
            (raw::Store::Release, ..) => BaselineStore::Release,
        }
    }
}
