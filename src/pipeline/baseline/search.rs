//! What the search for a commit's baseline is given, and where every search begins.

use crate::config::Config;
use crate::github::Client;
use crate::github::CommitSha;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::release::Trust;
use crate::store::Objects;
use crate::verdict::ComparisonKey;

/// What the search needs to know.
pub struct Search<'a> {
    /// GitHub.
    pub client: &'a Client,
    /// Tells this gate's baselines from others'.
    pub key: &'a str,
    /// Who may have published.
    pub trust: &'a Trust,
    /// The commit to compare with.
    pub base: &'a CommitSha,
    /// The config that is judged.
    pub config: &'a Config,
    /// The config at `base`.
    pub base_config: &'a BaseConfig,
    /// The config's folder, relative to the repository's root, forward slashes; empty for the root.
    pub folder: &'a str,
    /// Where files are put.
    pub objects: &'a Objects,
    /// False where `base` is only the judged commit itself, for want of another: then only an earlier release will do.
    pub is_base_exact: bool,
}

/// The config at the base commit.
#[derive(Debug)]
pub enum BaseConfig {
    /// What the base names.
    Known(Box<Config>),
    /// The base has no config, or there is no base.
    Absent,
    /// The base has one that this version cannot read, so that nobody knows what it names.
    Unreadable,
}

impl BaseConfig {
    /// The config, where it is known.
    pub fn known(&self) -> Option<&Config> {
        match self {
            Self::Known(config) => Some(config),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// No model has an answer, and the base's config says what there should be.
pub(super) fn nothing_yet(search: &Search<'_>, label: String) -> Baselines {
    let mut baselines = Baselines::missing(label, "the baseline has no such model".to_owned(), Vec::new());
    baselines.commit = Some(search.base.as_str().to_owned());
    baselines.named = search.base_config.known().map(comparisons);
    baselines
}

/// Everything that `config` compares.
pub(in crate::pipeline) fn comparisons(config: &Config) -> Vec<ComparisonKey> {
    let mut keys = Vec::new();
    for model in &config.models {
        for target in &model.targets {
            keys.extend(model.variants.iter().map(|variant| ComparisonKey {
                model: model.name.clone(),
                target: target.name().to_owned(),
                variant: variant.clone(),
                sequence: None,
            }));
        }
    }
    keys
}
