//! One variant's way through a sweep: derived, checked beside its source, measured in pairs with it. What fails on the way is the row's
//! reason and never the sweep's end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Gate;
use crate::digest::Digest;
use crate::hint::Hint;
use crate::measure::Quantity;
use crate::measure::Side;
use crate::measure::compare::compare_pair;
use crate::measure::error::MeasureError;
use crate::measure::event::Event as Measured;
use crate::measure::plan::Aim;
use crate::measure::plan::MIN_RESTARTS;
use crate::measure::plan::Plan;
use crate::measure::samples::PairMeasurement;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::derivation;
use crate::pipeline::derivation::DerivationError;
use crate::pipeline::derivation::Deriving;
use crate::pipeline::derivation::Progress;
use crate::pipeline::explore::sweep::Sweep;
use crate::pipeline::explore::time::Alarm;
use crate::pipeline::subject::SubjectError;
use crate::pipeline::trouble::Trouble;
use crate::pipeline::verify;
use crate::pipeline::verify::Source;
use crate::pipeline::verify::Verified;
use crate::runtime::Artifact;
use crate::stats::sequential::TAIL;
use crate::store::Objects;
use crate::store::StoreError;
use crate::units::Span;
use crate::variant::Evidence;
use crate::variant::Recipe;
use crate::variant::VariantError;

/// Beyond this change of latency in per cent, with all of the interval, a variant gets the fewest restarts: nobody needs to know more
/// exactly how slow it is.
const HOPELESS: f64 = 50.0;

/// Searching takes this part of the time for deriving.
const SEARCHING: f64 = 0.6;

/// Restarts at most: looks fall on 5, 6, 8, 10 and 13.
const RESTARTS: usize = 13;

/// A variant that was made and checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    /// Its identity.
    pub(super) id: Digest,
    /// Its files in the object store, the model first.
    pub(super) files: Vec<StoredFile>,
    /// Nodes or weights that were changed.
    pub(super) changed: usize,
    /// Nodes that were left as they are.
    pub(super) left: usize,
    /// The most frequent reason for that.
    pub(super) left_because: Option<String>,
    /// What a person should know of it.
    pub(super) notes: Vec<String>,
    /// Seconds that deriving took.
    pub(super) seconds: f64,
    /// What is known of its outputs.
    pub(super) verified: Verified,
    /// What had to be learned by running models.
    pub(super) evidence: Vec<Evidence>,
}

impl Made {
    /// Bytes on disk.
    pub(super) fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// What the engine loads; an error where a file is gone or damaged.
    pub(super) fn artifact(&self, objects: &Objects) -> Result<Artifact, StoreError> {
        let mut paths: Vec<(String, PathBuf)> = Vec::with_capacity(self.files.len());
        for file in &self.files {
            paths.push((file.name.clone(), objects.verify(&file.digest)?));
        }
        let mut paths = paths.into_iter();
        let (_, model) = paths.next().unwrap_or_default();
        Ok(Artifact {
            model,
            external: paths.collect(),
        })
    }
}

/// What became of one recipe.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) recipe: Recipe,
    pub(super) made: Option<Made>,
    pub(super) pair: Option<PairMeasurement>,
    pub(super) failure: Option<Trouble>,
    /// True where the failure is that there is nothing to do, which is no fault.
    pub(super) is_pointless: bool,
    /// True where the pair was measured by an earlier run.
    pub(super) is_reused: bool,
}

impl Trial {
    pub(super) fn of(recipe: &Recipe) -> Self {
        Self {
            recipe: recipe.clone(),
            made: None,
            pair: None,
            failure: None,
            is_pointless: false,
            is_reused: false,
        }
    }

    /// Ends it with a reason.
    pub(super) fn fail(&mut self, reason: impl Into<String>) {
        self.failure = Some(Trouble {
            reason: reason.into(),
            hints: Vec::new(),
        });
    }

    /// Derives the variant, for at most about `time`, and checks it beside its source.
    pub(super) fn make(&mut self, sweep: &Sweep<'_>, time: Duration, observer: &mut dyn FnMut(Progress)) {
        let begun = Instant::now();
        let alarm = Alarm::after(time);
        let around = Deriving {
            machinery: sweep.around.machinery,
            settings: sweep.engine.settings.clone(),
            timeout: sweep.engine.timeout,
            // What a search found by then is still to be applied and checked.
            search_budget: time.mul_f64(SEARCHING),
            stop: sweep.engine.stop.or(alarm.flag()),
            objects: sweep.around.workspace.objects(),
        };
        let seed = sweep.request.measure.seed;
        let model = &sweep.source.opened.model;
        let prepared = derivation::derive(
            model,
            &self.recipe,
            seed,
            derivation::Fed {
                calibration: sweep.calibration.as_ref(),
                shapes: &sweep.request.shapes,
            },
            &around,
            observer,
        );
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(_) if alarm.is_raised() => {
                let text = format!(
                    "deriving it takes longer than {}; give more with `--budget`",
                    Span(time)
                );
                self.fail(text);
                return;
            }
            Err(error) => {
                self.is_pointless = is_pointless(&error);
                self.failure = Some(Trouble::of(&error).within(sweep.around.working_folder));
                return;
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        let side = sweep.side();
        match verify::verify(Source::of(&sweep.source, &side), &prepared, &sweep.engine) {
            Ok(verified) => {
                let mut notes = prepared.account.notes.clone();
                notes.extend(verified.warnings());
                self.made = Some(Made {
                    id: prepared.id,
                    files: prepared.files,
                    changed: prepared.account.changed,
                    left: prepared.account.left.len(),
                    left_because: most_frequent(prepared.account.left.iter().map(|left| left.reason.as_str())),
                    notes,
                    seconds,
                    verified,
                    evidence: prepared.evidence,
                });
            }
            Err(error) => self.failure = Some(Trouble::of(&error).within(sweep.around.working_folder)),
        }
    }

    /// Measures the variant in pairs with its source, for at most about `time`.
    pub(super) fn measure(&mut self, sweep: &Sweep<'_>, time: Duration, observer: &mut dyn FnMut(Measured)) {
        let Some(made) = &self.made else {
            return;
        };
        let artifact = match made.artifact(sweep.around.workspace.objects()) {
            Ok(artifact) => artifact,
            Err(error) => {
                self.failure = Some(Trouble::of(&error).within(sweep.around.working_folder));
                return;
            }
        };
        let baseline = sweep.side();
        let candidate = Side {
            artifact,
            ..baseline.clone()
        };
        match pair(&baseline, &candidate, sweep, time, observer) {
            Ok(pair) => self.pair = Some(pair),
            Err(trouble) => self.failure = Some(trouble),
        }
    }
}

/// Measures `candidate` beside `baseline` until it is known which is faster, or the time is up.
pub(super) fn pair(
    baseline: &Side,
    candidate: &Side,
    sweep: &Sweep<'_>,
    time: Duration,
    observer: &mut dyn FnMut(Measured),
) -> Result<PairMeasurement, Trouble> {
    let is_hopeless = Arc::new(AtomicBool::new(false));
    let plan = Plan {
        aims: vec![Aim {
            quantity: Quantity::LatencyP50,
            max_regression: Some(0.0),
            budget: None,
            strict: false,
        }],
        family: 1,
        time_budget: time,
        max_restarts: RESTARTS,
        empty_session_bytes: sweep.empty_session_bytes.get(),
        // Raised between restarts only, so that no request is cut off.
        stop: sweep.around.interrupt.stop().or(Arc::clone(&is_hopeless)),
        ..Plan::new(&Gate::default(), &sweep.request.measure, 1)
    };
    let measured = compare_pair(
        baseline,
        candidate,
        &sweep.around.machinery.worker,
        &plan,
        &mut |event| {
            if let Measured::Restarted {
                done,
                change: Some(change),
                ..
            } = &event
                && *done >= MIN_RESTARTS
                && change.lower > HOPELESS
            {
                is_hopeless.store(true, Ordering::SeqCst);
            }
            observer(event);
        },
    );
    // A worker that the same signal ended says nothing about its model.
    if sweep.around.interrupt.is_raised() && measured.as_ref().map_or(0, |pair| pair.restarts.len()) < MIN_RESTARTS {
        return Err(interrupted());
    }
    let pair = measured.map_err(|error| trouble(&error))?;
    sweep.empty_session_bytes.set(pair.empty_session_bytes);
    Ok(pair)
}

/// True where measuring ended because a variant is so much slower that its exact latency does not matter.
pub(super) fn is_hopeless(pair: &PairMeasurement) -> bool {
    let change = pair.change(Quantity::LatencyP50);
    let change = change.and_then(|change| change.interval(TAIL));
    pair.restarts.len() >= MIN_RESTARTS && change.is_some_and(|change| change.lower > HOPELESS)
}

/// Why nothing was measured after an interrupt.
pub(super) fn interrupted() -> Trouble {
    Trouble {
        reason: "not measured: interrupted".to_owned(),
        hints: Vec::new(),
    }
}

/// True where a pass found nothing to do, which is no fault.
fn is_pointless(error: &DerivationError) -> bool {
    matches!(
        error,
        DerivationError::Subject(SubjectError::Variant {
            source: VariantError::NothingToDo { .. },
            ..
        })
    )
}

/// A failed run in a row: the side that failed needs no naming where it is the row's own.
fn trouble(error: &MeasureError) -> Trouble {
    match error {
        MeasureError::Worker { source, .. } => Trouble::of(source),
        error => Trouble {
            reason: error.explanation(),
            hints: error.hints(),
        },
    }
}

/// The text that comes most often; of equals the first in alphabetical order.
fn most_frequent<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut counts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let (text, _) = counts
        .into_iter()
        .reduce(|most, next| if next.1 > most.1 { next } else { most })?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_reason_counts() {
        assert_eq!(most_frequent(["b", "a", "b"].into_iter()).as_deref(), Some("b"));
        assert_eq!(most_frequent(["b", "a"].into_iter()).as_deref(), Some("a"));
        assert_eq!(most_frequent([].into_iter()), None);
    }
}
