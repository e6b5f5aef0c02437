//! Judges a handed-over result by the base's config, which the pull request cannot change. What it says can only get worse by that: no
//! figure in it is known to be true, so none of them earns anything.

use std::path::Path;

use crate::config::Config;
use crate::config::Gate;
use crate::config::budget;
use crate::config::load;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::GithubError;
use crate::github::contents;
use crate::pipeline::baseline;
use crate::pipeline::baseline::search;
use crate::report::Detail;
use crate::report::Thresholds;
use crate::report::handover::Judged;
use crate::verdict;
use crate::verdict::Comparison;
use crate::verdict::ComparisonKey;
use crate::verdict::Outcome;
use crate::verdict::Verdict;

/// A config or budget of this size is refused: no one wrote it.
const MAX_CONFIG_BYTES: u64 = 256 * 1024;

/// How many comparisons that a result keeps silent about are named.
const MOST_NAMED: usize = 10;

/// What a base branch asks for.
#[derive(Debug)]
pub enum Base {
    /// Its config, and its limits with those of its budget.
    Known {
        /// The config.
        config: Box<Config>,
        /// The limits.
        gate: Box<Gate>,
    },
    /// There is no such config, or no base is known.
    Absent,
    /// There is one that this version cannot read.
    Unreadable,
}

impl Base {
    /// What the base at `commit` asks for by the config at `path` (relative to the repository's root, forward slashes).
    pub fn read(client: &Client, path: &str, commit: &CommitSha) -> Result<Self, GithubError> {
        let text = |path: &str| -> Result<Option<Option<String>>, GithubError> {
            let found = contents::at(client, path, commit, MAX_CONFIG_BYTES)?;
            Ok(found.map(|found| String::from_utf8(found.bytes).ok()))
        };
        let Some(found) = text(path)? else {
            return Ok(Self::Absent);
        };
        let Some(loaded) = found.and_then(|text| load::parse(&text, Path::new(path)).ok()) else {
            return Ok(Self::Unreadable);
        };
        let config = loaded.config;
        let mut gate = config.gate.clone();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if let Some(path) = baseline::repository_path(folder, Path::new(budget::PLACE))
            && let Some(found) = text(&path)?
        {
            match found.and_then(|text| budget::parse(&text, Path::new(&path)).ok()) {
                Some(loaded) => gate.constrain(loaded.constraints()),
                None => return Ok(Self::Unreadable),
            }
        }
        Ok(Self::Known {
            config: Box::new(config),
            gate: Box::new(gate),
        })
    }

    /// The config, where it is known.
    pub fn config(&self) -> Option<&Config> {
        match self {
            Self::Known { config, .. } => Some(config),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// Judges `judged` by what `base` asks for, too. Returns what readers should know of it.
pub fn rejudge(judged: &mut Judged, base: &Base) -> Vec<String> {
    let (config, gate) = match base {
        Base::Known { config, gate } => (config, gate),
        Base::Absent => {
            return unvouched(
                judged,
                "the base branch has no such config, so that the limits are those of the pull request",
            );
        }
        Base::Unreadable => {
            return unvouched(
                judged,
                "the base branch's config cannot be read by this version, so that the limits are those of the pull request",
            );
        }
    };
    let mut notices = Vec::new();
    let worse: Vec<String> = judged
        .report
        .comparisons
        .iter_mut()
        .filter_map(|detail| verdict::again(&mut detail.comparison, gate).then(|| name(&detail.comparison.key)))
        .collect();
    if !worse.is_empty() {
        notices.push(format!(
            "by the base branch's limits these are worse than the run said: {}",
            few(worse)
        ));
    }
    let silent = add_silent(judged, config);
    if !silent.is_empty() {
        notices.push(format!(
            "the run says nothing of what the base branch gates: {}",
            few(silent)
        ));
    }
    judged.report.thresholds = Thresholds::from(gate.as_ref());
    settle(judged, gate);
    notices
}

/// Without a base's limits nothing says that a pass is one.
fn unvouched(judged: &mut Judged, why: &str) -> Vec<String> {
    judged.outcome = judged.outcome.max(Outcome::Neutral);
    vec![why.to_owned()]
}

/// Adds an error for each comparison that the base names and the result does not.
fn add_silent(judged: &mut Judged, config: &Config) -> Vec<String> {
    let silent: Vec<ComparisonKey> = search::comparisons(config)
        .into_iter()
        .filter(|key| {
            let said = judged.report.comparisons.iter();
            !said
                .map(|detail| &detail.comparison.key)
                .any(|said| said.is_sibling(key))
        })
        .collect();
    for key in &silent {
        judged
            .report
            .comparisons
            .push(Detail::without_figures(verdict::undecided(
                key,
                Verdict::Error,
                "the base branch gates it, and the run that measured says nothing of it".to_owned(),
                vec!["let the gate run on the whole config; a model that goes is reported as removed".to_owned()],
            )));
    }
    silent.iter().map(name).collect()
}

/// Brings result, outcome and exit code in line with the comparisons; none gets better.
fn settle(judged: &mut Judged, gate: &Gate) {
    let comparisons: Vec<Comparison> = judged
        .report
        .comparisons
        .iter()
        .map(|detail| detail.comparison.clone())
        .collect();
    let report = &mut judged.report;
    report.result = report.result.max(verdict::overall(&comparisons));
    judged.outcome = judged.outcome.max(verdict::outcome(&comparisons, gate));
    report.exit_code = report.exit_code.max(verdict::exit_code(&comparisons, gate));
}

fn name(key: &ComparisonKey) -> String {
    format!("{} {} {}", key.model, key.variant_label(), key.target)
}

fn few(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
