//! What is found out about one comparison by making its sides ready and measuring them: all that its verdict and its report need, and
//! no model.
//!
//! A verdict is a pure function of this and the gate's limits. So it comes out the same wherever it is worked out: in the run that
//! measured, or in one that reads what others measured.
//!
//! It is stored in shards' files ([`crate::pipeline::sharding::partial`]); whoever changes its shape raises their version.

use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Gate;
use crate::config::Target;
use crate::digest::Digest;
use crate::measure::accuracy::Accuracy;
use crate::measure::op_diff::OpDifference;
use crate::measure::outputs;
use crate::measure::outputs::Anomaly;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::SideMeasurement;
use crate::pipeline::plan::BaselineOrigin;
use crate::pipeline::plan::Job;
use crate::pipeline::plan::Work;
use crate::pipeline::recall::Sessions;
use crate::pipeline::subject::Prepared;
use crate::pipeline::trouble::relative;
use crate::verdict;
use crate::verdict::Comparison;
use crate::verdict::ComparisonKey;
use crate::verdict::ExactFacts;
use crate::verdict::Verdict;
use crate::verdict::undecided;

/// One comparison as it was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Which one.
    pub key: ComparisonKey,
    /// The target that it ran on.
    pub target: Target,
    /// What it was compared with, where both sides were made ready.
    pub baseline: Option<FoundSide>,
    /// What is judged, where it could be made ready.
    pub candidate: Option<FoundSide>,
    /// Where the baseline came from.
    pub origin: Option<BaselineOrigin>,
    /// What it is judged by.
    pub evidence: Evidence,
    /// True where it was to be measured, whatever came of it: it takes part in the family that shares the error.
    pub in_family: bool,
    /// What is odd about the candidate's outputs.
    pub anomalies: Vec<Anomaly>,
    /// What the reader should know of how the sides were made.
    pub notes: Vec<String>,
    /// What the reader should know of how the inputs were made.
    pub feed_notes: Vec<String>,
    /// The operators that explain a changed latency.
    pub operators: Option<OpDifference>,
}

/// One side of a comparison, without its model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundSide {
    /// The variant's identity.
    pub id: Digest,
    /// Digest of the model that it was derived from.
    pub source: Digest,
    /// True where it is that very model.
    pub is_source: bool,
    /// Bytes on disk, external data included.
    pub size_bytes: u64,
    /// What is known without running it; only of sides that were measured.
    pub facts: Option<ExactFacts>,
}

/// What a comparison is judged by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Evidence {
    /// Both sides, measured side by side.
    Pair {
        /// The raw samples.
        measurement: Box<PairMeasurement>,
        /// How well the outputs agree.
        accuracy: Box<Accuracy>,
    },
    /// Benchmarks that this machine made of each side before; never stored again.
    #[serde(skip)]
    Stored {
        /// The raw samples.
        sessions: Box<Sessions>,
        /// How well the outputs agree.
        accuracy: Box<Accuracy>,
    },
    /// The candidate alone: there was nothing to compare with, or only budgets were left to judge.
    Alone {
        /// The raw samples.
        measurement: Box<SideMeasurement>,
        /// The candidate's share of right answers, where the dataset has labels.
        top1: Option<f64>,
        /// What the comparison is apart from budgets: [`Verdict::NoBaseline`] or [`Verdict::Skipped`].
        otherwise: Verdict,
        /// Why.
        reason: String,
    },
    /// Nothing was measured.
    Settled {
        /// What it is.
        verdict: Verdict,
        /// Why.
        reason: String,
        /// What to do about it.
        hints: Vec<String>,
    },
}

impl FoundSide {
    fn of(prepared: &Prepared) -> Self {
        Self {
            id: prepared.id.clone(),
            source: prepared.source.clone(),
            is_source: prepared.recipe.steps.is_empty(),
            size_bytes: prepared.size_bytes(),
            facts: None,
        }
    }
}

impl Evidence {
    /// A comparison without any figure.
    pub fn settled(comparison: &Comparison) -> Self {
        Self::Settled {
            verdict: comparison.verdict,
            reason: comparison.reason.clone().unwrap_or_default(),
            hints: comparison.hints.clone(),
        }
    }

    /// The same, with files beneath `folder` named as its config names them: a runner's own folders say nothing to who reads a comment.
    pub(super) fn within(mut self, folder: &Path) -> Self {
        match &mut self {
            Self::Settled { reason, hints, .. } => {
                *reason = relative(reason, folder);
                for hint in hints {
                    *hint = relative(hint, folder);
                }
            }
            Self::Alone { reason, .. } => *reason = relative(reason, folder),
            Self::Pair { .. } | Self::Stored { .. } => {}
        }
        self
    }
}

impl Found {
    /// What is known of a job before anything is measured.
    pub fn of(job: &Job) -> Self {
        let (baseline, origin) = match &job.work {
            Work::Pair { baseline, source, .. } => (Some(FoundSide::of(baseline)), Some(source.clone())),
            Work::Alone { source, .. } => (None, source.clone()),
            Work::Settled(_) => (None, None),
        };
        let evidence = match &job.work {
            Work::Settled(comparison) => Evidence::settled(comparison),
            Work::Pair { .. } | Work::Alone { .. } => Evidence::Settled {
                verdict: Verdict::Error,
                reason: "never measured".to_owned(),
                hints: Vec::new(),
            },
        };
        Self {
            key: job.key.clone(),
            target: job.target,
            baseline,
            candidate: job.candidate.as_ref().map(FoundSide::of),
            origin,
            evidence,
            in_family: !matches!(job.work, Work::Settled(_)),
            anomalies: Vec::new(),
            notes: job.notes.clone(),
            feed_notes: match &job.work {
                Work::Pair { feed, .. } | Work::Alone { feed, .. } => feed.notes.clone(),
                Work::Settled(_) => Vec::new(),
            },
            operators: None,
        }
    }

    /// Both sides' raw samples, where they were measured side by side.
    pub fn pair(&self) -> Option<&PairMeasurement> {
        match &self.evidence {
            Evidence::Pair { measurement, .. } => Some(measurement),
            Evidence::Stored { .. } | Evidence::Alone { .. } | Evidence::Settled { .. } => None,
        }
    }

    /// The candidate's raw samples, where it was measured alone.
    pub fn alone(&self) -> Option<&SideMeasurement> {
        match &self.evidence {
            Evidence::Alone { measurement, .. } => Some(measurement),
            Evidence::Pair { .. } | Evidence::Stored { .. } | Evidence::Settled { .. } => None,
        }
    }

    /// True for what the baseline has and the config no longer names.
    pub fn is_removed(&self) -> bool {
        matches!(&self.evidence, Evidence::Settled { verdict, .. } if *verdict == Verdict::Removed)
    }

    /// The version that the engine told.
    pub fn runtime_version(&self) -> Option<&str> {
        let pair = self.pair().map(|pair| pair.runtime_version.as_str());
        pair.or(self.alone().map(|alone| alone.runtime_version.as_str()))
    }

    /// What it means by itself.
    pub fn judge(&self, gate: &Gate) -> Comparison {
        let facts = |side: &Option<FoundSide>| side.as_ref().and_then(|side| side.facts);
        let both = facts(&self.baseline).zip(facts(&self.candidate));
        let key = &self.key;
        match (&self.evidence, both, facts(&self.candidate)) {
            (Evidence::Settled { verdict, reason, hints }, _, _) => {
                undecided(key, *verdict, reason.clone(), hints.clone())
            }
            (Evidence::Pair { measurement, accuracy }, Some((before, after)), _) => {
                verdict::judge(key, measurement, (&before, &after), Some(accuracy), gate)
            }
            (Evidence::Stored { sessions, accuracy }, Some((before, after)), _) => verdict::judge_sessions(
                key,
                &sessions.baseline,
                &sessions.candidate,
                (&before, &after),
                Some(accuracy),
                gate,
            ),
            (
                Evidence::Alone {
                    measurement,
                    top1,
                    otherwise,
                    reason,
                },
                _,
                Some(facts),
            ) => {
                let mut comparison = match otherwise {
                    Verdict::Skipped => verdict::judge_unchanged(key, Some(measurement), &facts, gate),
                    _ => verdict::judge_alone(key, measurement, &facts, *top1, gate),
                };
                if comparison.verdict == *otherwise {
                    comparison.reason = Some(reason.clone());
                }
                comparison
            }
            (Evidence::Pair { .. } | Evidence::Stored { .. } | Evidence::Alone { .. }, _, _) => undecided(
                key,
                Verdict::Error,
                "it was measured, and what it was measured on is not known".to_owned(),
                Vec::new(),
            ),
        }
    }
}

/// What the comparisons of a run mean together: `comparisons[i]` is what `found[i]` means by itself. In strict mode an odd output fails.
pub fn settle(found: &[&Found], comparisons: &mut [Comparison], gate: &Gate, strict_output: bool) {
    let measurements: Vec<Option<&PairMeasurement>> = found.iter().map(|entry| entry.pair()).collect();
    verdict::judge_family(comparisons, &measurements, gate);
    if strict_output {
        for (entry, comparison) in found.iter().zip(comparisons) {
            fail_anomalies(&entry.anomalies, comparison);
        }
    }
}

/// An odd output is a violation, whatever the figures say.
fn fail_anomalies(anomalies: &[Anomaly], comparison: &mut Comparison) {
    let Some(reason) = outputs::failure(anomalies) else {
        return;
    };
    if comparison.verdict >= Verdict::Regression {
        comparison.reason = Some(match comparison.reason.take() {
            Some(known) => format!("{known}; {reason}"),
            None => reason,
        });
    } else {
        comparison.verdict = Verdict::Regression;
        comparison.reason = Some(reason);
    }
    comparison
        .hints
        .push("without `--strict-output` (`measure.strict_output`) this is a warning only".to_owned());
}
