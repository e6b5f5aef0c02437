//! Where a baseline comes from, and what it offers each model: its source, to derive and measure beside the candidate.

mod at_base;
pub mod at_commit;
pub mod bucket;
pub mod committed;
pub mod dir;
pub mod for_commit;
pub mod manifest;
pub mod refresh;
pub mod release;
pub mod resolve;
pub mod search;
pub mod standing;
pub mod tag;

pub use at_base::repository_path;

use std::collections::BTreeMap;

use crate::config::Config;
use crate::digest::Digest;
use crate::machine::Fingerprint;
use crate::pipeline::baseline::manifest::Entry;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::verdict::ComparisonKey;

/// The baseline of a run: one answer a model.
#[derive(Debug, Clone)]
pub struct Baselines {
    /// Where it came from, for people: `dir: baseline/`.
    pub label: String,
    /// The release's tag, where it is one.
    pub tag: Option<String>,
    /// The commit it stands for, where known.
    pub commit: Option<String>,
    /// Answers by model name.
    pub models: BTreeMap<String, ModelBaseline>,
    /// The answer for every model that has none of its own.
    pub otherwise: ModelBaseline,
    /// Every comparison that the base has, where that is known better than from the entries of its models.
    pub named: Option<Vec<ComparisonKey>>,
    /// What the reader should know: commits between base and baseline, fall-backs.
    pub notices: Vec<String>,
    /// What a new tool or runtime changed since.
    pub drift: Vec<String>,
    /// The machines that measured this baseline and those before it, oldest first; empty where it was never measured.
    pub machines: Vec<Fingerprint>,
}

fn names(config: &Config, key: &ComparisonKey) -> bool {
    config.models.iter().any(|model| {
        model.name == key.model
            && model.targets.iter().any(|target| target.name() == key.target)
            && model.variants.contains(&key.variant)
    })
}

/// Whether a narrowed run says anything about a comparison.
fn is_within(whole: &Config, narrowed: &Config, key: &ComparisonKey) -> bool {
    let has_model = narrowed.models.iter().any(|model| model.name == key.model);
    names(narrowed, key) || (has_model && !names(whole, key))
}

/// What the baseline has of one model.
#[derive(Debug, Clone)]
pub enum ModelBaseline {
    /// Its source model, in the object store.
    Source(Source),
    /// The base never had this model: nothing to compare with, and nothing wrong.
    Never {
        /// Why that is certain.
        reason: String,
    },
    /// The base should have it, and it is missing or refused.
    Missing {
        /// What happened.
        reason: String,
        /// What to do.
        hints: Vec<String>,
    },
}

/// A source model of the baseline.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its files in the object store, the model first.
    pub files: Vec<StoredFile>,
    /// What the baseline's manifest says of its comparisons; empty where the baseline is a bare file.
    pub entries: Vec<Entry>,
    /// What the base's config would measure a bare file with, by comparison; only where no dataset takes part, whose contents
    /// the config does not tell.
    pub settings: BTreeMap<ComparisonKey, Digest>,
    /// Where it came from, for people.
    pub label: String,
    /// Its commit, where known.
    pub commit: Option<String>,
}

impl Baselines {
    /// A baseline that has nothing, for the given reason.
    pub fn never(label: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::of(label, ModelBaseline::Never { reason: reason.into() })
    }

    /// A baseline that should be there and is not.
    pub fn missing(label: impl Into<String>, reason: impl Into<String>, hints: Vec<String>) -> Self {
        Self::of(
            label,
            ModelBaseline::Missing {
                reason: reason.into(),
                hints,
            },
        )
    }

    /// A baseline with one answer for every model.
    pub fn of(label: impl Into<String>, otherwise: ModelBaseline) -> Self {
        Self {
            label: label.into(),
            tag: None,
            commit: None,
            models: BTreeMap::new(),
            otherwise,
            named: None,
            notices: Vec::new(),
            drift: Vec::new(),
            machines: Vec::new(),
        }
    }

    /// Forgets what a run that flags narrowed says nothing about: comparisons that `whole` names and `narrowed` does not, and
    /// models that `narrowed` does not have at all.
    pub fn narrow(&mut self, whole: &Config, narrowed: &Config) {
        if let Some(named) = &mut self.named {
            named.retain(|key| is_within(whole, narrowed, key));
        }
        for answer in self.models.values_mut() {
            if let ModelBaseline::Source(source) = answer {
                source.entries.retain(|entry| is_within(whole, narrowed, &entry.key));
            }
        }
    }

    /// The answer for the model `name`.
    pub fn model(&self, name: &str) -> &ModelBaseline {
        self.models.get(name).unwrap_or(&self.otherwise)
    }

    /// What the stored figures of this baseline and of those before it are worth on `here`, where there are several.
    pub fn history(&self, here: &Fingerprint) -> Option<String> {
        let machines: Vec<&Fingerprint> = self.machines.iter().collect();
        let baselines = machines.len();
        if baselines < 2 {
            return None;
        }
        let several = Fingerprint::group(&machines)
            .into_iter()
            .max()
            .map_or(0, |last| last + 1);
        let own = machines
            .iter()
            .filter(|machine| here.same_machine(machine).is_ok())
            .count();
        let own = match own {
            0 => "none of them on this one",
            all if all == baselines => "this one",
            _ => "some of them on this one",
        };
        Some(match several {
            1 => format!("{baselines} baselines on one machine, {own}"),
            _ => format!(
                "{baselines} baselines on {several} machines, {own}; figures of different machines are not comparable"
            ),
        })
    }

    /// Every comparison that the base has: what is no longer named is removed.
    pub fn keys(&self) -> Vec<&ComparisonKey> {
        if let Some(named) = &self.named {
            return named.iter().collect();
        }
        self.models
            .values()
            .filter_map(|model| match model {
                ModelBaseline::Source(source) => Some(source),
                ModelBaseline::Never { .. } | ModelBaseline::Missing { .. } => None,
            })
            .flat_map(|source| source.entries.iter().map(|entry| &entry.key))
            .collect()
    }
}
