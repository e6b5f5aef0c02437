//! From what was written to what it means: defaults filled in, impossible combinations refused, all of them at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::units::Bytes;
use crate::units::Millis;
use crate::units::Percent;
use crate::units::Span;

use super::defaults;
use super::error::MOST_PROBLEMS;
use super::error::Problem;
use super::nearest::nearest;
use super::nearest::quoted;
use super::raw;
use super::source::Source;
use super::spans::Spans;
use super::types::AccuracyGate;
use super::types::BaselineConfig;
use super::types::BaselineStore;
use super::types::BuildCommand;
use super::types::CommentWhen;
use super::types::Config;
use super::types::DatasetConfig;
use super::types::ExecutionMode;
use super::types::Gate;
use super::types::GraphOptimization;
use super::types::InputConfig;
use super::types::LatencyGate;
use super::types::LatencyMetric;
use super::types::Limit;
use super::types::MeasureConfig;
use super::types::ModelConfig;
use super::types::Policy;
use super::types::RuntimeConfig;
use super::types::Target;
use super::types::Task;

/// The most threads that a config may ask for.
const MOST_THREADS: u64 = 1024;
/// The longest name of a model, in characters.
const LONGEST_NAME: usize = 100;

/// Fills in defaults; collects every problem.
pub(super) fn resolve(file: raw::File, source: &Source, spans: &Spans) -> Result<Config, Vec<Problem>> {
    let mut resolver = Resolver {
        source,
        spans,
        problems: Vec::new(),
    };
    let config = resolver.file(file);
    if resolver.problems.is_empty() {
        Ok(config)
    } else {
        Err(resolver.problems)
    }
}

/// Anything that may be zero and must not be.
trait Quantity: Copy {
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

struct Resolver<'a> {
    source: &'a Source,
    spans: &'a Spans,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    /// Notes a problem with the value at `path`, or with the key where `of_key`.
    fn note(&mut self, path: &str, of_key: bool, message: String, label: &str, hint: &str) {
        let place = self.spans.place(path);
        let node = place.map(|place| {
            if of_key {
                place.key.unwrap_or(place.value)
            } else {
                place.value
            }
        });
        let mut problem = match node {
            Some(node) if self.problems.len() < MOST_PROBLEMS => self.source.problem(node, message),
            _ => Problem::whole(message),
        };
        if !label.is_empty() {
            problem = problem.label(label);
        }
        if !hint.is_empty() {
            problem = problem.hint(hint);
        }
        self.problems.push(problem);
    }

    fn value(&mut self, path: &str, message: String, label: &str, hint: &str) {
        self.note(path, false, message, label, hint);
    }

    fn key(&mut self, path: &str, message: String, label: &str, hint: &str) {
        self.note(path, true, message, label, hint);
    }

    fn file(&mut self, file: raw::File) -> Config {
        if file.models.is_empty() {
            self.value(
                "models",
                "`models` names no model".to_owned(),
                "empty",
                "name at least one, such as `- path: models/mobilenet.onnx`",
            );
        }
        let models: Vec<ModelConfig> = file
            .models
            .into_iter()
            .enumerate()
            .map(|(index, model)| self.model(index, model))
            .collect();
        self.unique_names(&models);
        let mut config = defaults::config(models);
        if let Some(gate) = file.gate {
            config.gate = self.gate(gate);
        }
        if let Some(measure) = file.measure {
            config.measure = self.measure(&measure);
        }
        if let Some(runtime) = file.runtime {
            config.runtime = self.runtime(runtime);
        }
        if let Some(baseline) = file.baseline {
            config.baseline = self.baseline(baseline);
        }
        config.comment = match file.comment.and_then(|comment| comment.when) {
            None | Some(raw::When::Always) => CommentWhen::Always,
            Some(raw::When::Changed) => CommentWhen::Changed,
            Some(raw::When::Regression) => CommentWhen::Regression,
            Some(raw::When::Never) => CommentWhen::Never,
        };
        config
    }

    fn unique_names(&mut self, models: &[ModelConfig]) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, model) in models.iter().enumerate() {
            if self.problems.len() >= MOST_PROBLEMS {
                return;
            }
            let Some(first) = seen.get(model.name.as_str()) else {
                seen.insert(&model.name, index);
                continue;
            };
            let named = format!("models[{index}].name");
            let path = if self.spans.place(&named).is_some() {
                named
            } else {
                format!("models[{index}].path")
            };
            let line = self
                .spans
                .line_of(&format!("models[{first}]"))
                .map(|location| location.line);
            let other = line.map_or_else(String::new, |line| format!("; the other one is on line {line}"));
            self.value(
                &path,
                format!("two models are named {}", quoted(&model.name)),
                "the second one",
                &format!("give one of them another `name`{other}"),
            );
        }
    }

    fn model(&mut self, index: usize, model: raw::Model) -> ModelConfig {
        let at = |key: &str| format!("models[{index}].{key}");
        let path = self.path(&at("path"), model.path);
        let named = model.name.is_some();
        let name = model.name.unwrap_or_else(|| default_name(&path));
        let fit = !name.trim().is_empty()
            && name.trim() == name
            && name.chars().count() <= LONGEST_NAME
            && !name.chars().any(char::is_control);
        if !fit {
            self.value(
                &at(if named { "name" } else { "path" }),
                format!("{} is no name for a model", quoted(&name)),
                "",
                &format!("a `name` is one line of 1 to {LONGEST_NAME} characters without spaces at its ends"),
            );
        }
        let inputs = self.inputs(&at("inputs"), model.inputs.unwrap_or_default());
        ModelConfig {
            build: model.build.map(|build| self.build(&at("build"), build)),
            inputs,
            task: match model.task.unwrap_or(raw::Task::Auto) {
                raw::Task::Auto => Task::Auto,
                raw::Task::Vision => Task::Vision,
                raw::Task::Nlp => Task::Nlp,
                raw::Task::Audio => Task::Audio,
                raw::Task::Tabular => Task::Tabular,
                raw::Task::Unknown => Task::Unknown,
            },
            targets: self.targets(&at("targets"), model.targets),
            variants: self.variants(&at("variants"), model.variants),
            calibration: model.calibration.map(|path| self.path(&at("calibration"), path)),
            dataset: model.dataset.map(|dataset| self.dataset(&at("dataset"), dataset)),
            name,
            path,
        }
    }

    fn path(&mut self, at: &str, path: String) -> PathBuf {
        if path.trim().is_empty() || path.contains('\0') {
            self.value(at, format!("`{at}` names no file"), "empty", raw::meaning("path"));
        }
        PathBuf::from(path)
    }

    fn build(&mut self, at: &str, build: raw::Build) -> BuildCommand {
        if build.command.trim().is_empty() {
            self.value(
                at,
                format!("`{at}` names no command"),
                "empty",
                "leave `build` out where the model is committed",
            );
        }
        if build.command.contains('\0') {
            self.value(at, format!("`{at}` holds a NUL character"), "", "");
        }
        BuildCommand {
            timeout: self
                .positive(&format!("{at}.timeout"), build.timeout)
                .unwrap_or(defaults::BUILD_TIMEOUT),
            command: build.command,
        }
    }

    fn inputs(&mut self, at: &str, inputs: BTreeMap<String, raw::Input>) -> BTreeMap<String, InputConfig> {
        let mut resolved = BTreeMap::new();
        for (name, input) in inputs {
            for (index, _) in input.shape.iter().enumerate().filter(|(_, size)| **size == 0) {
                self.value(
                    &format!("{at}.{name}.shape[{index}]"),
                    format!("input {} has a dimension of 0", quoted(&name)),
                    "at least 1",
                    "give every dimension the size that is used in production, such as a batch of 1",
                );
            }
            resolved.insert(name, InputConfig { shape: input.shape });
        }
        resolved
    }

    fn targets(&mut self, at: &str, targets: Option<Vec<String>>) -> Vec<Target> {
        let Some(names) = targets else {
            return vec![defaults::TARGET];
        };
        self.filled(at, &names, "targets", defaults::TARGET.name());
        let mut resolved = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let here = format!("{at}[{index}]");
            let known = Target::ALL.map(Target::name);
            let list = format!("the targets are {}", known.join(", "));
            match Target::parse(name) {
                Some(target) if resolved.contains(&target) => {
                    self.value(&here, format!("target {} stands here twice", quoted(name)), "again", "");
                }
                Some(target) => resolved.push(target),
                None if raw::target_not_yet(&name.replace('-', "_")) => {
                    self.value(
                        &here,
                        format!("target {} is not supported yet", quoted(name)),
                        "not yet",
                        &list,
                    );
                }
                None => {
                    let near = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
                    let label = near.as_deref().unwrap_or("unknown");
                    self.value(&here, format!("unknown target {}", quoted(name)), label, &list);
                }
            }
        }
        resolved
    }

    fn variants(&mut self, at: &str, variants: Option<Vec<String>>) -> Vec<String> {
        let Some(names) = variants else {
            return vec![defaults::VARIANT.to_owned()];
        };
        self.filled(at, &names, "variants", defaults::VARIANT);
        for (index, name) in names.iter().enumerate() {
            let here = format!("{at}[{index}]");
            if name.trim().is_empty() {
                self.value(&here, "a variant without a name".to_owned(), "empty", "");
            } else if names[..index].contains(name) {
                self.value(
                    &here,
                    format!("variant {} stands here twice", quoted(name)),
                    "again",
                    "",
                );
            }
        }
        names
    }

    fn filled(&mut self, at: &str, names: &[String], what: &str, default: &str) {
        if names.is_empty() {
            let hint = format!("name one, or leave `{what}` out: `{default}` is the default");
            self.value(at, format!("`{at}` is empty"), "nothing would be gated", &hint);
        }
    }

    fn dataset(&mut self, at: &str, dataset: raw::Dataset) -> DatasetConfig {
        let key = format!("{at}.path");
        let written = self.spans.place(&key).is_some();
        let samples = dataset.samples.unwrap_or(defaults::SAMPLES as u64);
        if samples == 0 {
            self.value(
                &format!("{at}.samples"),
                format!("`{at}.samples` is 0"),
                "at least 1",
                "",
            );
        }
        if dataset.labels.as_ref().is_some_and(|labels| labels.trim().is_empty()) {
            self.value(
                &format!("{at}.labels"),
                format!("`{at}.labels` names no array"),
                "empty",
                "",
            );
        }
        DatasetConfig {
            path: self.path(if written { &key } else { at }, dataset.path),
            labels: dataset.labels,
            samples: usize::try_from(samples).unwrap_or(usize::MAX),
        }
    }

    /// A quantity that is more than nothing, where there is one.
    fn positive<T: Quantity>(&mut self, at: &str, quantity: Option<T>) -> Option<T> {
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

    fn gate(&mut self, gate: raw::Gate) -> Gate {
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

    fn measure(&mut self, measure: &raw::Measure) -> MeasureConfig {
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

    fn runtime(&mut self, runtime: raw::Runtime) -> RuntimeConfig {
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

    fn baseline(&mut self, baseline: raw::Baseline) -> BaselineConfig {
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

/// A model's name where the config gives none: the file's, without its extension and what no name may hold.
pub(super) fn default_name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let name: String = stem.chars().filter(|character| !character.is_control()).collect();
    let name: String = name.trim().chars().take(LONGEST_NAME).collect();
    match name.trim_end() {
        "" => "model".to_owned(),
        name => name.to_owned(),
    }
}
