//! Which shard measures what: models × targets × variants dealt out so that all shards take about equally long.
//!
//! The longest goes first, each to the shard that has the least to do (R. L. Graham, "Bounds on multiprocessing timing anomalies", SIAM
//! Journal on Applied Mathematics 17 (1969)). Equal inputs give equal plans, so that every shard can work out its own part.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::config::CommentWhen;
use crate::config::Config;
use crate::config::Constraints;
use crate::config::Gate;
use crate::config::Policy;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::hint::Hint;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::ModelBaseline;
use crate::pipeline::ci;
use crate::pipeline::part::Part;
use crate::pipeline::sharding::cost::Basis;
use crate::pipeline::sharding::cost::Costs;
use crate::registry::Registry;
use crate::registry::RegistryError;

/// The form of a plan.
pub const SCHEMA: u32 = 1;

/// No more: GitHub starts at most so many jobs for one matrix.
pub const MOST_SHARDS: u32 = 256;

/// A plan of more bytes than this is refused unread.
pub const MAX_BYTES: u64 = 16_000_000;

/// Who measures what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardPlan {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of mlbuild that made it.
    pub tool_version: String,
    /// How many shards there are.
    pub shards: u32,
    /// Of the config and the limits.
    pub config: Digest,
    /// Of what is compared with.
    pub baseline: Digest,
    /// Everything that is measured, in the config's order; what is no longer named comes last, sorted.
    pub units: Vec<Unit>,
}

/// One model × target × variant, with all lengths of sequences that it is measured with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The model's name.
    pub model: String,
    /// The target's name.
    pub target: String,
    /// The variant, as the config writes it.
    pub variant: String,
    /// How many comparisons are expected of it.
    pub comparisons: u32,
    /// How many of them are expected to be measured.
    pub measured: u32,
    /// Seconds that are expected of it.
    pub seconds: f64,
    /// What they come from.
    pub basis: Basis,
    /// Its shard, from 1.
    pub shard: u32,
}

/// What a plan is made of.
pub struct Request<'a> {
    /// What to measure.
    pub config: &'a Config,
    /// The limits: the base's, in a pull request.
    pub gate: &'a Gate,
    /// The config's folder.
    pub folder: &'a Path,
    /// What to compare with.
    pub baselines: &'a Baselines,
    /// Earlier comparisons, where they count.
    pub registry: Option<&'a Registry>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Too few or too many shards.
    #[error("{0} shards: expected 1 to {MOST_SHARDS}")]
    Shards(u32),
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Not a plan.
    #[error("not a plan of shards: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Too large to be one.
    #[error("the plan has {0} bytes, more than the {MAX_BYTES} that are accepted")]
    TooLarge(u64),
    /// It contradicts itself.
    #[error("not a plan of shards: {0}")]
    Contradiction(String),
    /// Another version made it.
    #[error("mlbuild {0} made the plan, and this is {version}", version = crate::VERSION)]
    OtherTool(String),
    /// Something else than what is in front of us was planned.
    #[error("the plan is of {0}")]
    Other(&'static str),
    /// The shard is not one of the plan's.
    #[error("there is no shard {shard}/{of}: the plan has {shards}")]
    NoShard {
        /// Which one.
        shard: u32,
        /// Of how many.
        of: u32,
        /// How many there are.
        shards: u32,
    },
}

impl Hint for PlanError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Shards(_) => vec!["GitHub starts at most 256 jobs for one matrix".to_owned()],
            Self::Registry(error) => error.hints(),
            Self::Malformed(_) | Self::TooLarge(_) | Self::Contradiction(_) => {
                vec!["`mlbuild plan --shards N --out plan.json` writes one".to_owned()]
            }
            Self::OtherTool(_) => vec!["plan, measure and merge with one version of mlbuild".to_owned()],
            Self::Other(_) | Self::NoShard { .. } => {
                vec!["make the plan anew, from the same commit and with the same flags: `mlbuild plan`".to_owned()]
            }
        }
    }
}

impl ShardPlan {
    /// Deals everything out over exactly `shards` shards, of which some have nothing to do where there are fewer comparisons.
    pub fn make(request: &Request<'_>, shards: u32) -> Result<Self, PlanError> {
        if !(1..=MOST_SHARDS).contains(&shards) {
            return Err(PlanError::Shards(shards));
        }
        let (mut units, groups) = units(request)?;
        deal(&mut units, &groups, shards);
        Ok(Self {
            schema: SCHEMA,
            tool_version: crate::VERSION.to_owned(),
            shards,
            config: config_digest(request.config, request.gate),
            baseline: baseline_digest(request.config, request.baselines),
            units,
        })
    }

    /// Deals everything out over `shards` shards, or fewer where there is less to deal out.
    pub fn fitting(request: &Request<'_>, shards: u32) -> Result<Self, PlanError> {
        let whole = Self::make(request, shards)?;
        let used: BTreeSet<u32> = whole.units.iter().map(|unit| unit.shard).collect();
        let most = u32::try_from(used.len()).unwrap_or(shards).max(1);
        if most == shards {
            Ok(whole)
        } else {
            Self::make(request, most)
        }
    }

    /// Reads a plan that [`ShardPlan::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, PlanError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(PlanError::TooLarge(bytes.len() as u64));
        }
        let plan: Self = serde_json::from_slice(bytes)?;
        if plan.tool_version != crate::VERSION {
            return Err(PlanError::OtherTool(plan.tool_version));
        }
        plan.check().map_err(PlanError::Contradiction)?;
        Ok(plan)
    }

    /// The bytes to store.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PlanError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Refuses a plan of something else than `request`, or without the shard `shard` of `of`.
    pub fn check_for(&self, request: &Request<'_>, shard: u32, of: u32) -> Result<(), PlanError> {
        if self.config != config_digest(request.config, request.gate) {
            return Err(PlanError::Other("another config or other limits"));
        }
        if self.baseline != baseline_digest(request.config, request.baselines) {
            return Err(PlanError::Other("another baseline"));
        }
        if self.names() != names(request.config) {
            return Err(PlanError::Other("other models, targets or variants"));
        }
        self.check_shard(shard, of)
    }

    /// Refuses a shard that is not the plan's.
    pub fn check_shard(&self, shard: u32, of: u32) -> Result<(), PlanError> {
        if of == self.shards && (1..=of).contains(&shard) {
            return Ok(());
        }
        Err(PlanError::NoShard {
            shard,
            of,
            shards: self.shards,
        })
    }

    /// What is wrong with it, where something is.
    pub fn check(&self) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!(
                "it has schema {}, and this version reads {SCHEMA}",
                self.schema
            ));
        }
        if !(1..=MOST_SHARDS).contains(&self.shards) {
            return Err(format!("it has {} shards, expected 1 to {MOST_SHARDS}", self.shards));
        }
        let mut seen = BTreeSet::new();
        for unit in &self.units {
            if !seen.insert((&unit.model, &unit.target, &unit.variant)) {
                return Err(format!("it has `{}` twice", unit.label()));
            }
            if !(1..=self.shards).contains(&unit.shard) {
                return Err(format!("it gives `{}` to shard {}", unit.label(), unit.shard));
            }
            if !(0.0..=1e9).contains(&unit.seconds) {
                return Err(format!("it expects {} seconds of `{}`", unit.seconds, unit.label()));
            }
        }
        Ok(())
    }

    /// Tells it from other plans.
    pub fn digest(&self) -> Result<Digest, PlanError> {
        Ok(Digest::of(&serde_json::to_vec(self)?))
    }

    /// What the shard measures.
    pub fn part(&self, shard: u32) -> Part {
        let mut part = Part::default();
        for unit in self.of_shard(shard) {
            part.take(&unit.model, &unit.target, &unit.variant);
        }
        part
    }

    /// The units of a shard.
    pub fn of_shard(&self, shard: u32) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(move |unit| unit.shard == shard)
    }

    /// Seconds that are expected of a shard.
    pub fn seconds_of(&self, shard: u32) -> f64 {
        self.of_shard(shard).map(|unit| unit.seconds).sum()
    }

    /// How many comparisons are expected to be measured by the other shards.
    pub fn elsewhere(&self, shard: u32) -> usize {
        let others = self.units.iter().filter(|unit| unit.shard != shard);
        others.map(|unit| unit.measured as usize).sum()
    }

    /// Everything that is to be measured, as the config names it.
    pub fn names(&self) -> Vec<(String, String, String)> {
        let named = self.units.iter().filter(|unit| unit.basis != Basis::Removed);
        named.map(Unit::name).collect()
    }
}

impl Unit {
    /// Model, target and variant.
    pub fn name(&self) -> (String, String, String) {
        (self.model.clone(), self.target.clone(), self.variant.clone())
    }

    /// For people.
    pub fn label(&self) -> String {
        format!("{} · {} · {}", self.model, self.target, self.variant)
    }
}

/// Reads `2/4`: the second shard of four.
pub fn parse_shard(text: &str) -> Option<(u32, u32)> {
    let (number, of) = text.split_once('/')?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(number) || !plain(of) {
        return None;
    }
    let (number, of): (u32, u32) = (number.parse().ok()?, of.parse().ok()?);
    ((1..=MOST_SHARDS).contains(&of) && (1..=of).contains(&number)).then_some((number, of))
}

/// Every model × target × variant that a config names, in its order.
pub fn names(config: &Config) -> Vec<(String, String, String)> {
    let mut names = Vec::new();
    for model in &config.models {
        for target in &model.targets {
            for variant in &model.variants {
                names.push((model.name.clone(), target.name().to_owned(), variant.clone()));
            }
        }
    }
    names
}

/// Everything to deal out, and what must stay together: the numbers of the units of each group.
fn units(request: &Request<'_>) -> Result<(Vec<Unit>, Vec<Vec<usize>>), PlanError> {
    let costs = Costs {
        config: request.config,
        folder: request.folder,
        baselines: request.baselines,
        judge_unchanged: ci::judges_unchanged(request.config, request.gate),
        registry: request.registry,
    };
    let mut units = Vec::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for model in &request.config.models {
        let file = costs.model(model);
        // A model that a command builds is built once: two builds of it need not be one model.
        let mut together = Vec::new();
        for target in &model.targets {
            for variant in &model.variants {
                let expected = costs.of(model, file.as_ref(), target.name(), variant)?;
                let number = units.len();
                units.push(Unit {
                    model: model.name.clone(),
                    target: target.name().to_owned(),
                    variant: variant.clone(),
                    comparisons: expected.comparisons,
                    measured: expected.measured,
                    seconds: (expected.seconds * 100.0).round() / 100.0,
                    basis: expected.basis,
                    shard: 1,
                });
                if model.build.is_some() {
                    together.push(number);
                } else {
                    groups.push(vec![number]);
                }
            }
        }
        if !together.is_empty() {
            groups.push(together);
        }
    }
    let named: BTreeSet<(String, String, String)> = units.iter().map(Unit::name).collect();
    let mut gone: BTreeMap<(String, String, String), u32> = BTreeMap::new();
    for key in request.baselines.keys() {
        let name = (key.model.clone(), key.target.clone(), key.variant.clone());
        if !named.contains(&name) {
            *gone.entry(name).or_default() += 1;
        }
    }
    units.extend(gone.into_iter().map(|((model, target, variant), comparisons)| Unit {
        model,
        target,
        variant,
        comparisons,
        measured: 0,
        seconds: 0.0,
        basis: Basis::Removed,
        shard: 1,
    }));
    Ok((units, groups))
}

/// Gives every group a shard.
fn deal(units: &mut [Unit], groups: &[Vec<usize>], shards: u32) {
    let seconds = |group: &[usize]| -> f64 {
        let members = group.iter().filter_map(|number| units.get(*number));
        members.map(|unit| unit.seconds).sum()
    };
    let mut order: Vec<(f64, &Vec<usize>)> = groups.iter().map(|group| (seconds(group), group)).collect();
    // Stable, so that equally long ones stay in the config's order.
    order.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let mut loads: Vec<(u32, f64, usize)> = (1..=shards).map(|shard| (shard, 0.0, 0)).collect();
    for (seconds, group) in order {
        let least = loads
            .iter_mut()
            .min_by(|one, other| one.1.total_cmp(&other.1).then(one.2.cmp(&other.2)));
        let Some((shard, load, held)) = least else { return };
        *load += seconds;
        *held += 1;
        for number in group {
            if let Some(unit) = units.get_mut(*number) {
                unit.shard = *shard;
            }
        }
    }
}

/// Of everything in config and limits that decides what is measured and what a figure means. What only the verdict's consequences
/// depend on, and where a limit was written, is left out.
pub fn config_digest(config: &Config, gate: &Gate) -> Digest {
    let config = Config {
        gate: plain(&config.gate),
        comment: CommentWhen::Always,
        ..config.clone()
    };
    let mut hasher = Hasher::new();
    // The same version of the same program writes both, so that its own way of writing them down is good enough.
    hasher.part(format!("{config:?}").as_bytes());
    hasher.part(format!("{:?}", plain(gate)).as_bytes());
    hasher.finish()
}

fn plain(gate: &Gate) -> Gate {
    Gate {
        sources: Constraints::default(),
        on_inconclusive: Policy::Neutral,
        on_missing_baseline: Policy::Neutral,
        ..gate.clone()
    }
}

/// Of what is compared with, wherever its files lie.
pub fn baseline_digest(config: &Config, baselines: &Baselines) -> Digest {
    let mut hasher = Hasher::new();
    hasher.part(baselines.tag.as_deref().unwrap_or_default().as_bytes());
    hasher.part(baselines.commit.as_deref().unwrap_or_default().as_bytes());
    let named = config.models.iter().map(|model| &model.name);
    let all: BTreeSet<&String> = named.chain(baselines.models.keys()).collect();
    for name in all {
        hasher.part(name.as_bytes());
        match baselines.model(name) {
            ModelBaseline::Never { .. } => hasher.part(b"never"),
            ModelBaseline::Missing { .. } => hasher.part(b"missing"),
            ModelBaseline::Source(source) => {
                for file in &source.files {
                    hasher.part(file.name.as_bytes());
                    hasher.part(file.digest.as_str().as_bytes());
                }
            }
        }
    }
    let mut keys = baselines.keys();
    keys.sort();
    for key in keys {
        hasher.part(format!("{key:?}").as_bytes());
    }
    hasher.finish()
}
