//! Outputs of whole data sets: feeds workers one sample at a time and sums up what [`crate::measure::agreement`] says of each.

use std::panic::resume_unwind;
use std::thread;

use crate::measure::agreement::Agreement;
use crate::measure::agreement::answer;
use crate::measure::agreement::not_finite;
use crate::measure::error::MeasureError;
use crate::measure::outputs::Inspector;
use crate::measure::samples::Which;
use crate::measure::side::Side;
use crate::measure::side::WorkerSubject;
use crate::model::Samples;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerOptions;

pub use crate::measure::agreement::Accuracy;

/// Runs every sample through both sides, one at a time and both sides at once, as nothing is timed, and says how well the outputs agree.
/// `inspector` looks at the candidate's.
pub fn agreement(
    baseline: &Side,
    candidate: &Side,
    samples: &Samples,
    inspector: &mut Inspector<'_>,
    command: &WorkerCommand,
    options: &WorkerOptions,
) -> Result<Accuracy, MeasureError> {
    let mut one = WorkerSubject::new(baseline, command, options.clone());
    let mut other = WorkerSubject::new(candidate, command, options.clone());
    let failed = |side| move |source| MeasureError::Worker { side, source };
    let mut agreement = Agreement::new();
    for index in 0..samples.len() {
        let sample = samples.sample(index)?;
        let (before, after) = at_once(|| one.infer(&sample), || other.infer(&sample));
        let before = before.map_err(failed(Which::Baseline))?;
        let after = after.map_err(failed(Which::Candidate))?;
        inspector.add(&sample, &after);
        agreement.add(&before, &after, samples.label(index))?;
    }
    agreement.finish()
}

/// Both at the same time; a panic of either goes on here.
fn at_once<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        match other.join() {
            Ok(other) => (one, other),
            Err(panic) => resume_unwind(panic),
        }
    })
}

/// Runs every sample through one side: the share of right answers, where there are labels and class scores. An error where an
/// output holds NaN or infinity. `inspector` looks at every output.
pub fn labelled_accuracy(
    side: &Side,
    samples: &Samples,
    inspector: &mut Inspector<'_>,
    command: &WorkerCommand,
    options: &WorkerOptions,
) -> Result<Option<f64>, MeasureError> {
    let mut subject = WorkerSubject::new(side, command, options.clone());
    let (mut right, mut answered) = (0_usize, 0_usize);
    for index in 0..samples.len() {
        let sample = samples.sample(index)?;
        let outputs = subject.infer(&sample).map_err(|source| MeasureError::Worker {
            side: Which::Candidate,
            source,
        })?;
        inspector.add(&sample, &outputs);
        if let Some(output) = not_finite(&outputs) {
            return Err(MeasureError::Alone {
                output: output.to_owned(),
                sample: index,
            });
        }
        if let (Some(label), Some(answer)) = (samples.label(index), answer(&outputs)) {
            answered += 1;
            right += usize::from(answer == label);
        }
    }
    Ok((answered > 0).then(|| right as f64 / answered as f64))
}
