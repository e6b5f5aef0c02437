//! What a comparison is expected to take: out of what it took before, or else out of the model's work and size.
//!
//! Only the balance between shards depends on it, never a verdict.

use crate::config::Config;
use crate::config::ModelConfig;
use crate::files;
use crate::measure::plan::MIN_RESTARTS;
use crate::measure::samples::SideMeasurement;
use crate::model::Model;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::ModelBaseline;
use crate::pipeline::baseline::manifest::Entry;
use crate::pipeline::subject;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::variant::Recipe;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

/// Restarts after which most comparisons are decided.
const USUAL_RESTARTS: f64 = 8.0;

/// Reading a model, deriving both sides and comparing their outputs, in seconds.
const PREPARING: f64 = 1.0;

/// Deriving a variant that has to learn by running models, in seconds.
const LEARNING: f64 = 3.0;

/// What is neither derived twice nor measured, in seconds.
const LOOKING: f64 = 0.3;

/// Starting a worker, in seconds.
const STARTING: f64 = 0.05;

/// Bytes of a model that are loaded in a second.
const LOADED_PER_SECOND: f64 = 300e6;

/// Multiply-accumulate operations of one core in a second, by guess.
const MACS_PER_SECOND: f64 = 5e9;

/// Inferences of each side in one restart, by guess.
const RUNS: f64 = 160.0;

/// The share of the time of one comparison that measuring within one restart takes at most.
const RESTART_SHARE: f64 = 1.0 / 57.0;

/// What an expectation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The baseline's own measurement.
    Baseline,
    /// The last comparison of it that the registry remembers.
    Registry,
    /// The model's operations and size.
    Estimate,
    /// The model is the baseline's, so that little is left to do.
    Unchanged,
    /// Nothing is known before the model is built.
    Unknown,
    /// The config no longer names it; there is nothing to do but to say so.
    Removed,
}

impl Basis {
    /// The word in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Registry => "registry",
            Self::Estimate => "estimate",
            Self::Unchanged => "unchanged",
            Self::Unknown => "unknown",
            Self::Removed => "removed",
        }
    }
}

/// What is expected of a model × target × variant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expectation {
    /// How many comparisons it is: one, or one a length of sequences.
    pub comparisons: u32,
    /// How many of them are measured, as far as can be told.
    pub measured: u32,
    /// Seconds of all of them.
    pub seconds: f64,
    /// Where that comes from.
    pub basis: Basis,
}

/// What expectations are made of.
pub struct Costs<'a> {
    /// How everything is measured.
    pub config: &'a Config,
    /// The config's folder.
    pub folder: &'a Path,
    /// What is compared with.
    pub baselines: &'a Baselines,
    /// True where even unchanged models are measured, for their budgets.
    pub judge_unchanged: bool,
    /// Earlier comparisons, where they count.
    pub registry: Option<&'a Registry>,
}

impl Costs<'_> {
    /// The model as it lies in the checkout. What a command builds is not looked at: it may be left over from another time.
    pub fn model(&self, config: &ModelConfig) -> Option<Model> {
        if config.build.is_some() {
            return None;
        }
        Model::load(&files::beneath(self.folder, &config.path)).ok()
    }

    /// What is expected of `variant` of the model on `target`. `model` is its file, where that can be read.
    pub fn of(
        &self,
        config: &ModelConfig,
        model: Option<&Model>,
        target: &str,
        variant: &str,
    ) -> Result<Expectation, RegistryError> {
        let entries = self.entries(&config.name, target, variant);
        let wished = config.sequence_lengths.as_ref().map_or(1, Vec::len);
        let comparisons = wished.max(entries.len()).max(1);
        let is_unchanged = |entry: &&Entry| model.is_some_and(|model| model.digest == entry.source);
        let many = u32::try_from(comparisons).unwrap_or(u32::MAX);
        let known = |seconds: f64, basis: Basis| Expectation {
            comparisons: many,
            measured: many,
            seconds: seconds + PREPARING + self.learning(variant),
            basis,
        };
        if !entries.is_empty() && entries.iter().all(is_unchanged) {
            let alone: f64 = entries.iter().map(|entry| entry.measurement.seconds).sum();
            let seconds = if self.judge_unchanged { alone } else { 0.0 };
            return Ok(Expectation {
                comparisons: many,
                measured: if self.judge_unchanged { many } else { 0 },
                seconds: seconds + LOOKING,
                basis: Basis::Unchanged,
            });
        }
        if let Some(seconds) = self.remembered(&config.name, target, variant)? {
            return Ok(known(seconds * comparisons as f64, Basis::Registry));
        }
        if !entries.is_empty() {
            let pairs: f64 = entries.iter().map(|entry| self.pair_of(&entry.measurement)).sum();
            let each = pairs / entries.len() as f64;
            return Ok(known(each * comparisons as f64, Basis::Baseline));
        }
        let (seconds, basis) = match model {
            Some(model) => (self.guess(model, config), Basis::Estimate),
            None => (self.budget() / 2.0, Basis::Unknown),
        };
        Ok(known(seconds * comparisons as f64, basis))
    }

    /// The baseline's comparisons of it.
    fn entries(&self, model: &str, target: &str, variant: &str) -> Vec<&Entry> {
        let ModelBaseline::Source(source) = self.baselines.model(model) else {
            return Vec::new();
        };
        let entries = source.entries.iter();
        entries
            .filter(|entry| entry.key.model == model && entry.key.target == target && entry.key.variant == variant)
            .collect()
    }

    /// Seconds of the last comparison of it that was measured side by side.
    fn remembered(&self, model: &str, target: &str, variant: &str) -> Result<Option<f64>, RegistryError> {
        let (Some(registry), Ok(recipe)) = (self.registry, Recipe::parse(variant)) else {
            return Ok(None);
        };
        let mut newest: Option<(String, f64)> = None;
        for build in registry.builds()? {
            if build.facts.model != model || build.facts.recipe != recipe.name() {
                continue;
            }
            for measurement in registry.measurements(&build.facts.id)? {
                let is_pair = measurement.samples.pointer("/restarts/0/rounds").is_some();
                let seconds = measurement.samples.get("seconds").and_then(serde_json::Value::as_f64);
                let is_newer = newest.as_ref().is_none_or(|(when, _)| *when <= measurement.created_at);
                if let Some(seconds) = seconds.filter(|_| is_pair && is_newer && measurement.target == target) {
                    newest = Some((measurement.created_at, seconds));
                }
            }
        }
        Ok(newest.map(|(_, seconds)| seconds))
    }

    /// What two sides take of which one took this long alone.
    fn pair_of(&self, alone: &SideMeasurement) -> f64 {
        let restarts = alone.restarts.len().max(1) as f64;
        self.bounded(2.0 * alone.seconds / restarts)
    }

    /// What two sides of this model take, by guess.
    fn guess(&self, model: &Model, config: &ModelConfig) -> f64 {
        let macs = model.work(&subject::shape_overrides(&config.inputs)).macs;
        let external = model.external.iter().map(|file| file.bytes.len());
        let bytes = external.fold(model.bytes.len(), usize::saturating_add) as f64;
        // Weights of four bytes, each used some times: what no shape tells.
        let macs = macs.map_or(bytes / 4.0 * 10.0, |macs| macs as f64);
        let measuring = (RUNS * macs / MACS_PER_SECOND).min(self.budget() * RESTART_SHARE);
        self.bounded(2.0 * (STARTING + bytes / LOADED_PER_SECOND + measuring))
    }

    /// What a comparison takes whose restarts take so many seconds.
    fn bounded(&self, restart: f64) -> f64 {
        let usual = (USUAL_RESTARTS * restart).min(self.budget());
        usual.max(MIN_RESTARTS as f64 * restart)
    }

    fn budget(&self) -> f64 {
        self.config.measure.time_budget.0.as_secs_f64()
    }

    fn learning(&self, variant: &str) -> f64 {
        let learns = Recipe::parse(variant).is_ok_and(|recipe| recipe.learns());
        if learns { LEARNING } else { 0.0 }
    }
}
