//! Flags that stand above the config: what `mlbuild ci --model … --latency-regression …` changes.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::hint::Hint;
use crate::units::Bytes;
use crate::units::Millis;
use crate::units::Percent;
use crate::units::UnitError;

use super::constraint::Constraint;
use super::constraint::Constraints;
use super::defaults;
use super::resolve;
use super::target::Target;
use super::types::Config;
use super::types::DatasetConfig;
use super::types::LatencyMetric;
use super::types::ModelConfig;
use super::types::Policy;
use super::types::Task;

/// Settings given by flags; what is `None` stays as the config has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// The only model to gate: the name or the path of one in the config, or another file. Relative to the working folder.
    pub model: Option<PathBuf>,
    /// The only target.
    pub target: Option<Target>,
    /// `gate.latency.max_regression`.
    pub latency_regression: Option<Percent>,
    /// `gate.size.max_regression`.
    pub size_regression: Option<Percent>,
    /// `gate.latency.budget`.
    pub latency_budget: Option<Millis>,
    /// The budget of p95.
    pub p95_budget: Option<Millis>,
    /// `gate.memory.budget`.
    pub memory_budget: Option<Bytes>,
    /// `gate.size.budget`.
    pub size_budget: Option<Bytes>,
    /// The dataset of every model that is gated. Relative to the working folder.
    pub dataset: Option<PathBuf>,
    /// `gate.accuracy.cosine`.
    pub cosine_threshold: Option<f64>,
    /// `gate.accuracy.top1`.
    pub top1_threshold: Option<f64>,
    /// `gate.on_missing_baseline: fail`.
    pub fail_on_missing_baseline: bool,
}

/// A flag that cannot be followed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{flag} {value}` is {fault}")]
pub struct OverrideError {
    flag: &'static str,
    value: String,
    fault: &'static str,
    hint: &'static str,
}

impl Hint for OverrideError {
    fn hints(&self) -> Vec<String> {
        vec![self.hint.to_owned()]
    }
}

impl ModelConfig {
    /// The model at `path` with defaults.
    pub fn of(path: &Path) -> Self {
        Self {
            name: resolve::default_name(path),
            path: path.to_owned(),
            build: None,
            signature: None,
            inputs: Default::default(),
            task: Task::Auto,
            targets: vec![defaults::target(path)],
            variants: vec![defaults::VARIANT.to_owned()],
            sequence_lengths: None,
            calibration: None,
            dataset: None,
        }
    }
}

impl Config {
    /// The settings for one model without a config: defaults.
    pub fn for_model(path: &Path) -> Self {
        defaults::config(vec![ModelConfig::of(path)])
    }

    /// These settings with flags above them. `folder` is what this config's paths are relative to, `working_folder` what those
    /// of flags are.
    pub fn with(mut self, flags: &Overrides, folder: &Path, working_folder: &Path) -> Result<Self, OverrideError> {
        flags.check()?;
        if let Some(wanted) = &flags.model {
            let file = resolved(&working_folder.join(wanted));
            let named = |model: &ModelConfig| {
                wanted.as_os_str() == model.name.as_str() || resolved(&folder.join(&model.path)) == file
            };
            match self.models.iter().position(named) {
                Some(index) => self.models = vec![self.models.swap_remove(index)],
                None => self.models = Self::for_model(&working_folder.join(wanted)).models,
            }
        }
        for model in &mut self.models {
            if let Some(target) = flags.target {
                model.targets = vec![target];
            }
            if let Some(path) = &flags.dataset {
                let path = working_folder.join(path);
                match &mut model.dataset {
                    Some(dataset) => dataset.path = path,
                    None => {
                        model.dataset = Some(DatasetConfig::of(path));
                    }
                }
            }
        }
        let gate = &mut self.gate;
        set(&mut gate.latency.limit.max_regression, flags.latency_regression);
        set(&mut gate.size.max_regression, flags.size_regression);
        gate.constrain(flags.constraints(gate.latency.metric)?);
        set(&mut gate.accuracy.cosine, flags.cosine_threshold);
        set(&mut gate.accuracy.top1, flags.top1_threshold);
        gate.accuracy.explicit |= flags.cosine_threshold.is_some() || flags.top1_threshold.is_some();
        if flags.fail_on_missing_baseline {
            gate.on_missing_baseline = Policy::Fail;
        }
        Ok(self)
    }
}

impl Overrides {
    /// The absolute limits. `--latency-budget` is on the statistic that decides, as `gate.latency.budget` is.
    fn constraints(&self, decisive: LatencyMetric) -> Result<Constraints, OverrideError> {
        let latency = Constraint::flag(self.latency_budget, "--latency-budget");
        let tail = Constraint::flag(self.p95_budget, "--p95-budget");
        let (max_latency, max_p95) = match (decisive, latency, tail) {
            (LatencyMetric::P50, latency, tail) => (latency, tail),
            (LatencyMetric::P95, Some(_), Some(tail)) => {
                return Err(OverrideError {
                    flag: "--p95-budget",
                    value: tail.limit.to_string(),
                    fault: "a second budget of p95, which `--latency-budget` limits already",
                    hint: "the config says `metric: p95`: give one of the two flags",
                });
            }
            (LatencyMetric::P95, latency, tail) => (None, latency.or(tail)),
            (LatencyMetric::P99 | LatencyMetric::Mean, Some(latency), _) => {
                return Err(OverrideError {
                    flag: "--latency-budget",
                    value: latency.limit.to_string(),
                    fault: "no limit of the statistic that decides here",
                    hint: "it limits p50 or p95: set `gate.latency.budget` in the config, or give `--p95-budget`",
                });
            }
            (LatencyMetric::P99 | LatencyMetric::Mean, None, tail) => (None, tail),
        };
        Ok(Constraints {
            max_latency,
            max_p95,
            max_memory: Constraint::flag(self.memory_budget, "--memory-budget"),
            max_size: Constraint::flag(self.size_budget, "--size-budget"),
        })
    }

    /// Flags obey the same bounds as the config.
    fn check(&self) -> Result<(), OverrideError> {
        for (flag, share) in [
            ("--cosine-threshold", self.cosine_threshold),
            ("--top1-threshold", self.top1_threshold),
        ] {
            if let Some(share) = share
                && !(0.0..=1.0).contains(&share)
            {
                return Err(OverrideError {
                    flag,
                    value: share.to_string(),
                    fault: "not between 0 and 1",
                    hint: "write 99 % as `0.99`",
                });
            }
        }
        let no_time = |budget: Option<Millis>| budget.is_some_and(|budget| budget.0 <= 0.0);
        let no_bytes = |budget: Option<Bytes>| budget.is_some_and(|budget| budget.0 == 0);
        let zero = [
            ("--latency-budget", no_time(self.latency_budget)),
            ("--p95-budget", no_time(self.p95_budget)),
            ("--memory-budget", no_bytes(self.memory_budget)),
            ("--size-budget", no_bytes(self.size_budget)),
        ];
        match zero.into_iter().find(|(_, zero)| *zero) {
            Some((flag, _)) => Err(OverrideError {
                flag,
                value: "0".to_owned(),
                fault: "no budget: nothing could ever stay within",
                hint: "leave the flag out where it should not limit anything",
            }),
            None => Ok(()),
        }
    }
}

fn set<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

/// The same file under the same path, where it exists.
fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Reads a percentage from a flag; a plain number is one.
pub fn percent(text: &str) -> Result<Percent, UnitError> {
    with_unit(text, "%").parse()
}

/// Reads a time from a flag; a plain number is milliseconds.
pub fn millis(text: &str) -> Result<Millis, UnitError> {
    with_unit(text, "ms").parse()
}

/// Reads a size from a flag; a plain number is megabytes.
pub fn bytes(text: &str) -> Result<Bytes, UnitError> {
    with_unit(text, "MB").parse()
}

fn with_unit(text: &str, unit: &str) -> String {
    match text.trim().parse::<f64>() {
        Ok(_) => format!("{} {unit}", text.trim()),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::parse;

    #[test]
    fn plain_numbers_have_the_usual_unit() {
        assert_eq!(percent("15"), Ok(Percent(15.0)));
        assert_eq!(percent("2.5 %"), Ok(Percent(2.5)));
        assert_eq!(millis("3.0"), Ok(Millis(3.0)));
        assert_eq!(millis("250us"), Ok(Millis(0.25)));
        assert_eq!(bytes("10"), Ok(Bytes(10_000_000)));
        assert!(percent("-5").is_err());
        assert!(millis("inf").is_err());
        assert!(bytes("10 ms").is_err());
    }

    #[test]
    fn flags_stand_above_the_config() {
        let folder = tempfile::tempdir().unwrap();
        let text = "version: 1\nmodels: [{ path: m/a.onnx, variants: [fp16] }, { path: m/b.onnx }]\ngate: { size: { max_regression: 1% } }\n";
        let config = parse(text, &folder.path().join(".mlbuild.yml")).unwrap().config;
        let flags = Overrides {
            model: Some("a.onnx".into()),
            latency_regression: Some(Percent(15.0)),
            fail_on_missing_baseline: true,
            ..Overrides::default()
        };
        let working_folder = folder.path().join("m");
        let changed = config.clone().with(&flags, folder.path(), &working_folder).unwrap();
        assert_eq!(changed.models.len(), 1);
        assert_eq!(changed.models[0].variants, ["fp16"]);
        assert_eq!(changed.gate.latency.limit.max_regression, Percent(15.0));
        assert_eq!(changed.gate.size.max_regression, Percent(1.0));
        assert_eq!(changed.gate.on_missing_baseline, Policy::Fail);

        let by_name = Overrides {
            model: Some("b".into()),
            ..Overrides::default()
        };
        let changed = config.clone().with(&by_name, folder.path(), &working_folder).unwrap();
        assert_eq!(changed.models[0].name, "b");

        let other = Overrides {
            model: Some("c.onnx".into()),
            ..Overrides::default()
        };
        let changed = config.clone().with(&other, folder.path(), &working_folder).unwrap();
        assert_eq!(changed.models[0].path, working_folder.join("c.onnx"));
        assert_eq!(changed.gate.size.max_regression, Percent(1.0));
    }

    #[test]
    fn flags_have_bounds_too() {
        let flags = Overrides {
            cosine_threshold: Some(99.0),
            ..Overrides::default()
        };
        let folder = Path::new("/");
        let error = Config::for_model(Path::new("a.onnx"))
            .with(&flags, folder, folder)
            .unwrap_err();
        assert_eq!(error.to_string(), "`--cosine-threshold 99` is not between 0 and 1");
    }

    #[test]
    fn budgets_of_flags_stand_above_all_others() {
        let folder = Path::new("/");
        let with = |text: &str, flags: &Overrides| {
            let config = parse(text, Path::new(".mlbuild.yml")).unwrap().config;
            let gate = config
                .with(flags, folder, folder)
                .map_err(|error| error.to_string())?
                .gate;
            let shown: Vec<String> = gate
                .constraints()
                .iter()
                .map(|(bound, limit, source)| format!("{} {} ({source})", bound.name(), bound.text(limit)))
                .collect();
            Ok::<_, String>(shown.join(", "))
        };
        let flags = Overrides {
            latency_budget: Some(Millis(9.0)),
            memory_budget: Some(Bytes(5_000_000)),
            ..Overrides::default()
        };
        let plain = "version: 1\nmodels: [{ path: a.onnx }]\n";
        let tail = format!("{plain}gate: {{ latency: {{ metric: p95, budget: 3 ms }} }}\n");
        assert_eq!(
            with(plain, &flags).unwrap(),
            "max-latency 9.00 ms (flag --latency-budget), max-memory 5.0 MB (flag --memory-budget)"
        );
        assert_eq!(
            with(&tail, &flags).unwrap(),
            "max-p95 9.00 ms (flag --latency-budget), max-memory 5.0 MB (flag --memory-budget)"
        );
        assert_eq!(
            with(&tail, &Overrides::default()).unwrap(),
            "max-p95 3.00 ms (.mlbuild.yml:3)"
        );
        let both = Overrides {
            p95_budget: Some(Millis(9.0)),
            ..flags
        };
        assert_eq!(
            with(&tail, &both).unwrap_err(),
            "`--p95-budget 9.00 ms` is a second budget of p95, which `--latency-budget` limits already"
        );
        let zero = Overrides {
            memory_budget: Some(Bytes(0)),
            ..Overrides::default()
        };
        assert!(
            with(plain, &zero)
                .unwrap_err()
                .starts_with("`--memory-budget 0` is no budget")
        );
    }
}
