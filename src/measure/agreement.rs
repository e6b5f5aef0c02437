//! Do the candidate's outputs still say what the baseline's say? One sample at a time, nothing kept but sums.
//!
//! Cosine similarity is computed in double precision over all elements of an output; a sample counts with the lowest of its
//! outputs, a data set with the mean over samples. Floating-point outputs count; where a model has none, all numeric ones do.

use serde::Deserialize;
use serde::Serialize;

use crate::measure::error::MeasureError;
use crate::model::tensor::Tensor;

/// How well two models agree, over all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// How many samples were run.
    pub samples: usize,
    /// The mean over samples of the lowest cosine similarity over outputs, −1 to 1; 1 where an output is all zero on both sides, 0
    /// where only on one.
    pub cosine: f64,
    /// The lowest cosine similarity of any sample.
    pub lowest_cosine: f64,
    /// The share of rows whose highest score is at the same place, 0 to 1; `None` where the outputs are no class scores.
    pub top1_agreement: Option<f64>,
    /// The share of samples whose highest score of the baseline is at the label, 0 to 1; `None` without labels or class scores.
    pub baseline_top1: Option<f64>,
    /// The same of the candidate.
    pub candidate_top1: Option<f64>,
    /// How many samples had a label.
    pub labelled: usize,
    /// The largest absolute difference of any element of any output.
    pub max_abs_error: f64,
}

/// Adds up agreement over samples.
#[derive(Debug, Default)]
pub struct Agreement {
    samples: usize,
    cosines: f64,
    lowest_cosine: f64,
    max_abs_error: f64,
    rows: usize,
    agreeing: usize,
    labelled: usize,
    baseline_right: usize,
    candidate_right: usize,
}

impl Agreement {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self {
            lowest_cosine: f64::INFINITY,
            ..Self::default()
        }
    }

    /// Adds the outputs of both sides for one sample.
    ///
    /// Errors where the candidate's outputs have other names or shapes, or hold NaN or infinity where the baseline's don't.
    pub fn add(&mut self, baseline: &[Tensor], candidate: &[Tensor], label: Option<i64>) -> Result<(), MeasureError> {
        let floats = baseline.iter().any(|output| output.element.is_float());
        let mut lowest = f64::INFINITY;
        for before in baseline {
            let after = candidate
                .iter()
                .find(|output| output.name == before.name)
                .ok_or_else(|| MeasureError::OutputMissing {
                    output: before.name.clone(),
                    found: candidate.iter().map(|output| output.name.clone()).collect(),
                })?;
            if before.shape != after.shape {
                return Err(MeasureError::ShapesDiffer {
                    output: before.name.clone(),
                    baseline: before.shape.clone(),
                    candidate: after.shape.clone(),
                });
            }
            let (Some(old), Some(new)) = (before.to_f64(), after.to_f64()) else {
                continue;
            };
            if old
                .iter()
                .zip(&new)
                .any(|(old, new)| old.is_finite() && !new.is_finite())
            {
                return Err(MeasureError::NotFinite {
                    output: before.name.clone(),
                    sample: self.samples,
                });
            }
            if !old.is_empty()
                && !old
                    .iter()
                    .zip(&new)
                    .any(|(old, new)| old.is_finite() && new.is_finite())
            {
                return Err(MeasureError::NeverFinite {
                    output: before.name.clone(),
                    sample: self.samples,
                });
            }
            for (old, new) in old.iter().zip(&new).filter(|(old, _)| old.is_finite()) {
                self.max_abs_error = self.max_abs_error.max((old - new).abs());
            }
            if before.element.is_float() || !floats {
                lowest = lowest.min(cosine(&old, &new));
            }
        }
        if lowest.is_finite() {
            self.cosines += lowest;
            self.lowest_cosine = self.lowest_cosine.min(lowest);
        } else {
            // No numeric output at all: nothing says that they differ, and nothing that they agree.
            return Err(MeasureError::NothingToCompare);
        }
        self.count_rows(baseline, candidate);
        self.count_label(baseline, candidate, label);
        self.samples += 1;
        Ok(())
    }

    /// What it came to; an error of no samples.
    pub fn finish(&self) -> Result<Accuracy, MeasureError> {
        if self.samples == 0 {
            return Err(MeasureError::NothingToCompare);
        }
        let share = |count: usize, of: usize| (of > 0).then(|| count as f64 / of as f64);
        Ok(Accuracy {
            samples: self.samples,
            cosine: self.cosines / self.samples as f64,
            lowest_cosine: self.lowest_cosine,
            top1_agreement: share(self.agreeing, self.rows),
            baseline_top1: share(self.baseline_right, self.labelled),
            candidate_top1: share(self.candidate_right, self.labelled),
            labelled: self.labelled,
            max_abs_error: self.max_abs_error,
        })
    }

    /// Agreement of the highest score: where the one output is a table of rows by classes.
    fn count_rows(&mut self, baseline: &[Tensor], candidate: &[Tensor]) {
        let ([before], [after]) = (baseline, candidate) else {
            return;
        };
        let [rows, classes] = before.shape[..] else {
            return;
        };
        if classes < 2 || !before.element.is_float() {
            return;
        }
        let (Some(old), Some(new)) = (before.to_f64(), after.to_f64()) else {
            return;
        };
        let classes = classes as usize;
        self.rows += rows as usize;
        self.agreeing += old
            .chunks_exact(classes)
            .zip(new.chunks_exact(classes))
            .filter(|(old, new)| highest(old) == highest(new))
            .count();
    }

    fn count_label(&mut self, baseline: &[Tensor], candidate: &[Tensor], label: Option<i64>) {
        let (Some(label), Some(old), Some(new)) = (label, answer(baseline), answer(candidate)) else {
            return;
        };
        self.labelled += 1;
        self.baseline_right += usize::from(old == label);
        self.candidate_right += usize::from(new == label);
    }
}

/// The class that a model answers with for one sample: the place of the highest score of its first floating-point output that is
/// a single row of at least two; `None` where there is no such output.
pub fn answer(outputs: &[Tensor]) -> Option<i64> {
    let scores = outputs.iter().find(|output| {
        let (Some(classes), rows) = (output.shape.last(), output.shape.iter().rev().skip(1).product::<u64>()) else {
            return false;
        };
        output.element.is_float() && *classes >= 2 && rows == 1
    })?;
    Some(highest(&scores.to_f64()?)? as i64)
}

/// The first output that holds NaN or infinity.
pub fn not_finite(outputs: &[Tensor]) -> Option<&str> {
    outputs
        .iter()
        .filter(|output| output.element.is_float())
        .find(|output| {
            output
                .to_f64()
                .is_some_and(|values| values.iter().any(|value| !value.is_finite()))
        })
        .map(|output| output.name.as_str())
}

/// The place of the highest value, the first of equals; NaN is never the highest.
fn highest(values: &[f64]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        if best.is_none_or(|(_, most)| *value > most) {
            best = Some((index, *value));
        }
    }
    best.map(|(index, _)| index)
}

/// Cosine similarity over the elements that are finite on both sides.
///
/// Both are scaled by their largest magnitude first, so that squares neither overflow nor vanish.
fn cosine(one: &[f64], other: &[f64]) -> f64 {
    let finite = || one.iter().zip(other).filter(|(a, b)| a.is_finite() && b.is_finite());
    let largest = finite().fold((0.0_f64, 0.0_f64), |(most, more), (a, b)| {
        (most.max(a.abs()), more.max(b.abs()))
    });
    match largest {
        (0.0, 0.0) => return 1.0,
        (0.0, _) | (_, 0.0) => return 0.0,
        _ => {}
    }
    let (mut dot, mut left, mut right) = (0.0, 0.0, 0.0);
    for (a, b) in finite() {
        let (a, b) = (a / largest.0, b / largest.1);
        dot += a * b;
        left += a * a;
        right += b * b;
    }
    (dot / (left * right).sqrt()).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scores(values: &[f32]) -> Vec<Tensor> {
        vec![Tensor::from_f32("scores", &[1, values.len() as u64], values)]
    }

    #[test]
    fn counts_agreement_and_labels() {
        let mut agreement = Agreement::new();
        agreement
            .add(&scores(&[1.0, 2.0]), &scores(&[1.0, 2.0]), Some(1))
            .unwrap();
        agreement
            .add(&scores(&[1.0, 2.0]), &scores(&[2.0, 1.0]), Some(0))
            .unwrap();
        let accuracy = agreement.finish().unwrap();
        assert_eq!((accuracy.samples, accuracy.labelled), (2, 2));
        assert_eq!(accuracy.top1_agreement, Some(0.5));
        assert_eq!(
            (accuracy.baseline_top1, accuracy.candidate_top1),
            (Some(0.5), Some(1.0))
        );
        assert!((accuracy.cosine - 0.9).abs() < 1e-9);
        assert!((accuracy.lowest_cosine - 0.8).abs() < 1e-9);
        assert_eq!(accuracy.max_abs_error, 1.0);
    }

    #[test]
    fn the_worst_output_speaks_for_a_sample() {
        let outputs = |second: f32| {
            vec![
                Tensor::from_f32("same", &[2], &[1.0, 0.0]),
                Tensor::from_f32("other", &[2], &[1.0, second]),
            ]
        };
        let mut agreement = Agreement::new();
        agreement.add(&outputs(0.0), &outputs(1.0), None).unwrap();
        let accuracy = agreement.finish().unwrap();
        assert!((accuracy.cosine - 0.5_f64.sqrt()).abs() < 1e-9);
        assert_eq!((accuracy.top1_agreement, accuracy.candidate_top1), (None, None));
    }

    #[test]
    fn zero_vectors_have_a_similarity() {
        assert_eq!(cosine(&[0.0, 0.0], &[0.0, 0.0]), 1.0);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
        assert_eq!(cosine(&[], &[]), 1.0);
        assert_eq!(cosine(&[1e300, 1e300], &[1e-300, 1e-300]), 1.0);
    }

    #[test]
    fn a_new_nan_names_its_output() {
        let mut agreement = Agreement::new();
        agreement.add(&scores(&[1.0, 2.0]), &scores(&[1.0, 2.0]), None).unwrap();
        let error = agreement
            .add(&scores(&[1.0, 2.0]), &scores(&[1.0, f32::NAN]), None)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the candidate's output `scores` holds NaN or infinity at sample 1, where the baseline's does not"
        );
        assert_eq!(not_finite(&scores(&[0.0, f32::INFINITY])), Some("scores"));
        // What the baseline has too is no news, unless it is all there is.
        let mut agreement = Agreement::new();
        agreement
            .add(&scores(&[1.0, f32::NAN]), &scores(&[1.0, f32::NAN]), None)
            .unwrap();
        assert_eq!(agreement.finish().unwrap().cosine, 1.0);
        let error = agreement
            .add(&scores(&[f32::NAN]), &scores(&[f32::NAN]), None)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "output `scores` holds nothing but NaN or infinity at sample 1, on both sides"
        );
    }

    #[test]
    fn other_outputs_are_not_compared() {
        let mut agreement = Agreement::new();
        let error = agreement.add(&scores(&[1.0]), &scores(&[1.0, 2.0]), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "output `scores` has the shape [1, 1] in the baseline and [1, 2] in the candidate"
        );
        let renamed = vec![Tensor::from_f32("y", &[1, 1], &[1.0])];
        let error = agreement.add(&scores(&[1.0]), &renamed, None).unwrap_err();
        assert_eq!(error.to_string(), "the candidate has no output `scores`, only `y`");
        assert!(agreement.finish().is_err());
    }

    proptest! {
        #[test]
        fn cosine_is_symmetric_and_blind_to_scale(
            pairs in prop::collection::vec((-1e3_f64..1e3, -1e3_f64..1e3), 1..20), scale in 1e-3_f64..1e3,
        ) {
            let (one, other): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let scaled: Vec<f64> = one.iter().map(|value| value * scale).collect();
            prop_assert!((cosine(&one, &other) - cosine(&other, &one)).abs() < 1e-9);
            prop_assert!((cosine(&scaled, &other) - cosine(&one, &other)).abs() < 1e-9);
            prop_assert!((cosine(&one, &scaled) - 1.0).abs() < 1e-9);
        }
    }
}
