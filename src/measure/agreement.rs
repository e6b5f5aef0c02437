//! Do the candidate's outputs still say what the baseline's say? One sample at a time, nothing kept but sums.
//!
//! Cosine similarity is computed in double precision over all elements of an output; a sample counts with the lowest of its
//! outputs, a data set with the mean over samples. Floating-point outputs count; where a model has none, all numeric ones do. Errors
//! are absolute differences of elements that are finite in the baseline.

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
    /// The share of samples whose label is among the five highest scores of the baseline, 0 to 1; `None` without labels or with five
    /// classes or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_top5: Option<f64>,
    /// The same of the candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_top5: Option<f64>,
    /// How many samples had a label.
    pub labelled: usize,
    /// The mean absolute difference over all elements of all outputs.
    pub mean_abs_error: f64,
    /// The largest absolute difference of any element of any output.
    pub max_abs_error: f64,
    /// Signal-to-noise ratio in decibels, 10·log₁₀(Σx² / Σ(x−y)²), of the output where it is lowest, over all samples; `None` where all are
    /// equal to the last bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snr_db: Option<f64>,
    /// The same of each output that holds numbers, in the baseline's order.
    pub outputs: Vec<OutputAgreement>,
}

/// How well one output agrees, over all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputAgreement {
    /// The output's name.
    pub name: String,
    /// The mean cosine similarity over samples.
    pub cosine: f64,
    /// The lowest of any sample.
    pub lowest_cosine: f64,
    /// The mean absolute difference over all elements.
    pub mean_abs_error: f64,
    /// The largest absolute difference of any element.
    pub max_abs_error: f64,
    /// The share of rows whose highest value is at the same place; `None` where the output is no table of floats.
    pub top1_agreement: Option<f64>,
    /// True where it counts towards the overall cosine: integers beside floats don't.
    pub counts: bool,
}

/// Adds up agreement over samples.
#[derive(Debug)]
pub struct Agreement {
    samples: usize,
    cosines: f64,
    lowest_cosine: f64,
    outputs: Vec<Sums>,
    labelled: usize,
    baseline_right: usize,
    candidate_right: usize,
    /// Labelled samples with more than [`MANY`] classes on both sides.
    many_classes: usize,
    baseline_near: usize,
    candidate_near: usize,
}

/// A label among this many highest scores is nearly right.
const MANY: usize = 5;

/// What is kept of one output.
#[derive(Debug)]
struct Sums {
    name: String,
    counts: bool,
    float: bool,
    samples: usize,
    cosines: f64,
    lowest_cosine: f64,
    errors: f64,
    /// Sums of squares of the baseline's values and of the differences.
    signal: f64,
    noise: f64,
    elements: usize,
    max_abs_error: f64,
    rows: usize,
    agreeing: usize,
}

impl Default for Agreement {
    fn default() -> Self {
        Self::new()
    }
}

impl Agreement {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self {
            samples: 0,
            cosines: 0.0,
            lowest_cosine: f64::INFINITY,
            outputs: Vec::new(),
            labelled: 0,
            baseline_right: 0,
            candidate_right: 0,
            many_classes: 0,
            baseline_near: 0,
            candidate_near: 0,
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
            let Some(difference) = Difference::between(before, after) else {
                continue;
            };
            if difference.lost > 0 {
                return Err(MeasureError::NotFinite {
                    output: before.name.clone(),
                    sample: self.samples,
                });
            }
            if difference.elements == 0 && !before.is_empty() {
                return Err(MeasureError::NeverFinite {
                    output: before.name.clone(),
                    sample: self.samples,
                });
            }
            let sums = self.sums(before, floats);
            sums.add(&difference);
            sums.count_rows(before, after);
            if sums.counts {
                lowest = lowest.min(difference.cosine);
            }
        }
        if lowest.is_finite() {
            self.cosines += lowest;
            self.lowest_cosine = self.lowest_cosine.min(lowest);
        } else {
            // No numeric output at all: nothing says that they differ, and nothing that they agree.
            return Err(MeasureError::NothingToCompare);
        }
        self.count_label(baseline, candidate, label);
        self.samples += 1;
        Ok(())
    }

    /// What it came to; an error of no samples.
    pub fn finish(&self) -> Result<Accuracy, MeasureError> {
        if self.samples == 0 {
            return Err(MeasureError::NothingToCompare);
        }
        let outputs: Vec<OutputAgreement> = self.outputs.iter().map(Sums::finish).collect();
        let elements: usize = self.outputs.iter().map(|output| output.elements).sum();
        let errors: f64 = self.outputs.iter().map(|output| output.errors).sum();
        Ok(Accuracy {
            samples: self.samples,
            cosine: self.cosines / self.samples as f64,
            lowest_cosine: self.lowest_cosine,
            top1_agreement: self
                .class_scores()
                .and_then(|output| share(output.agreeing, output.rows)),
            baseline_top1: share(self.baseline_right, self.labelled),
            candidate_top1: share(self.candidate_right, self.labelled),
            baseline_top5: share(self.baseline_near, self.many_classes),
            candidate_top5: share(self.candidate_near, self.many_classes),
            labelled: self.labelled,
            mean_abs_error: errors / elements.max(1) as f64,
            max_abs_error: outputs.iter().fold(0.0, |most, output| most.max(output.max_abs_error)),
            snr_db: self
                .outputs
                .iter()
                .filter(|output| output.counts)
                .filter_map(Sums::decibels)
                .min_by(f64::total_cmp),
            outputs,
        })
    }

    fn sums(&mut self, output: &Tensor, floats: bool) -> &mut Sums {
        let place = self.outputs.iter().position(|sums| sums.name == output.name);
        let place = place.unwrap_or_else(|| {
            self.outputs.push(Sums::of(output, floats));
            self.outputs.len() - 1
        });
        &mut self.outputs[place]
    }

    /// The output that holds scores of classes: the only floating-point one. Beside others, such as hidden states, the place of the
    /// highest value may say nothing.
    fn class_scores(&self) -> Option<&Sums> {
        let mut floats = self.outputs.iter().filter(|output| output.float);
        floats.next().filter(|_| floats.next().is_none())
    }

    fn count_label(&mut self, baseline: &[Tensor], candidate: &[Tensor], label: Option<i64>) {
        let (Some(label), Some(old), Some(new)) = (label, answer(baseline), answer(candidate)) else {
            return;
        };
        self.labelled += 1;
        self.baseline_right += usize::from(old == label);
        self.candidate_right += usize::from(new == label);
        if let (Some(old), Some(new)) = (is_near(baseline, label), is_near(candidate, label)) {
            self.many_classes += 1;
            self.baseline_near += usize::from(old);
            self.candidate_near += usize::from(new);
        }
    }
}

impl Sums {
    fn of(output: &Tensor, floats: bool) -> Self {
        let float = output.element.is_float();
        Self {
            name: output.name.clone(),
            counts: float || !floats,
            float,
            samples: 0,
            cosines: 0.0,
            lowest_cosine: f64::INFINITY,
            errors: 0.0,
            signal: 0.0,
            noise: 0.0,
            elements: 0,
            max_abs_error: 0.0,
            rows: 0,
            agreeing: 0,
        }
    }

    fn add(&mut self, difference: &Difference) {
        self.samples += 1;
        self.cosines += difference.cosine;
        self.lowest_cosine = self.lowest_cosine.min(difference.cosine);
        self.errors += difference.errors;
        self.signal += difference.signal;
        self.noise += difference.noise;
        self.elements += difference.elements;
        self.max_abs_error = self.max_abs_error.max(difference.max_abs_error);
    }

    /// `None` without noise, or where the squares are too large for a number.
    fn decibels(&self) -> Option<f64> {
        let decibels = 10.0 * (self.signal.max(f64::MIN_POSITIVE).log10() - self.noise.log10());
        (self.noise > 0.0 && decibels.is_finite()).then_some(decibels)
    }

    /// Agreement of the highest score: where the output is a table of rows by classes.
    fn count_rows(&mut self, before: &Tensor, after: &Tensor) {
        let [rows, classes] = before.shape[..] else {
            return;
        };
        if classes < 2 || !before.element.is_float() {
            return;
        }
        let (Some(mut old), Some(mut new)) = (before.values(), after.values()) else {
            return;
        };
        let classes = classes as usize;
        for _ in 0..rows {
            self.rows += 1;
            let same = highest(old.by_ref().take(classes)) == highest(new.by_ref().take(classes));
            self.agreeing += usize::from(same);
        }
    }

    fn finish(&self) -> OutputAgreement {
        OutputAgreement {
            name: self.name.clone(),
            cosine: self.cosines / self.samples.max(1) as f64,
            lowest_cosine: self.lowest_cosine,
            mean_abs_error: self.errors / self.elements.max(1) as f64,
            max_abs_error: self.max_abs_error,
            top1_agreement: share(self.agreeing, self.rows),
            counts: self.counts,
        }
    }
}

fn share(count: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}

/// How one output of one sample differs.
#[derive(Debug, PartialEq)]
struct Difference {
    /// Elements that are finite on both sides.
    elements: usize,
    /// Elements that are finite in the baseline only.
    lost: usize,
    cosine: f64,
    /// The sum of absolute differences.
    errors: f64,
    /// The sum of squares of the baseline's values.
    signal: f64,
    /// The sum of squares of the differences.
    noise: f64,
    max_abs_error: f64,
}

impl Difference {
    /// Reads both twice and copies neither; `None` where one holds no numbers.
    ///
    /// Both are scaled by their largest magnitude first, so that squares neither overflow nor vanish.
    fn between(one: &Tensor, other: &Tensor) -> Option<Self> {
        let mut difference = Self {
            elements: 0,
            lost: 0,
            cosine: 1.0,
            errors: 0.0,
            signal: 0.0,
            noise: 0.0,
            max_abs_error: 0.0,
        };
        let mut largest = (0.0_f64, 0.0_f64);
        for (a, b) in one.values()?.zip(other.values()?) {
            match (a.is_finite(), b.is_finite()) {
                (true, true) => {
                    let error = (a - b).abs();
                    difference.elements += 1;
                    difference.errors += error;
                    difference.signal += a * a;
                    difference.noise += error * error;
                    difference.max_abs_error = difference.max_abs_error.max(error);
                    largest = (largest.0.max(a.abs()), largest.1.max(b.abs()));
                }
                (true, false) => difference.lost += 1,
                (false, _) => {}
            }
        }
        difference.cosine = match largest {
            (0.0, 0.0) => 1.0,
            (0.0, _) | (_, 0.0) => 0.0,
            _ => {
                let (mut dot, mut left, mut right) = (0.0, 0.0, 0.0);
                let finite = |(a, b): &(f64, f64)| a.is_finite() && b.is_finite();
                for (a, b) in one.values()?.zip(other.values()?).filter(finite) {
                    let (a, b) = (a / largest.0, b / largest.1);
                    dot += a * b;
                    left += a * a;
                    right += b * b;
                }
                (dot / (left * right).sqrt()).clamp(-1.0, 1.0)
            }
        };
        Some(difference)
    }
}

/// The class that a model answers with for one sample: the place of the highest score of its first floating-point output that is
/// a single row of at least two; `None` where there is no such output.
pub fn answer(outputs: &[Tensor]) -> Option<i64> {
    Some(highest(class_scores(outputs)?.values()?)? as i64)
}

/// The first floating-point output that is a single row of at least two scores.
fn class_scores(outputs: &[Tensor]) -> Option<&Tensor> {
    outputs.iter().find(|output| {
        let (Some(classes), rows) = (output.shape.last(), output.shape.iter().rev().skip(1).product::<u64>()) else {
            return false;
        };
        output.element.is_float() && *classes >= 2 && rows == 1
    })
}

/// True where `label` is among the [`MANY`] highest scores, the first of equals counting as higher; `None` where there are no more
/// scores than that.
fn is_near(outputs: &[Tensor], label: i64) -> Option<bool> {
    let scores = class_scores(outputs).filter(|scores| scores.len() > MANY)?;
    let Some(label) = usize::try_from(label).ok().filter(|label| *label < scores.len()) else {
        return Some(false);
    };
    let own = scores.values()?.nth(label)?;
    let before = scores
        .values()?
        .enumerate()
        .filter(|(index, score)| *score > own || (*score == own && *index < label))
        .count();
    Some(!own.is_nan() && before < MANY)
}

/// The first output that holds NaN or infinity.
pub fn not_finite(outputs: &[Tensor]) -> Option<&str> {
    outputs
        .iter()
        .filter(|output| output.element.is_float())
        .find(|output| {
            output
                .values()
                .is_some_and(|mut values| values.any(|value| !value.is_finite()))
        })
        .map(|output| output.name.as_str())
}

/// The place of the highest value, the first of equals; NaN is never the highest.
fn highest(values: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, value) in values.enumerate().filter(|(_, value)| !value.is_nan()) {
        if best.is_none_or(|(_, most)| value > most) {
            best = Some((index, value));
        }
    }
    best.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::tensor::ElementType;

    fn scores(values: &[f32]) -> Vec<Tensor> {
        vec![Tensor::from_f32("scores", &[1, values.len() as u64], values)]
    }

    /// Cosine similarity of two outputs in double precision.
    fn cosine(one: &[f64], other: &[f64]) -> f64 {
        let tensor = |values: &[f64]| Tensor {
            name: "x".to_owned(),
            element: ElementType::Double,
            shape: vec![values.len() as u64],
            data: values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect::<Vec<u8>>()
                .into(),
        };
        Difference::between(&tensor(one), &tensor(other)).unwrap().cosine
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
        assert_eq!((accuracy.mean_abs_error, accuracy.max_abs_error), (0.5, 1.0));
        // Squares of 1, 2, 1 and 2 over those of 1 and 1.
        assert!((accuracy.snr_db.unwrap() - 10.0 * 5.0_f64.log10()).abs() < 1e-9);
    }

    #[test]
    fn a_label_among_the_five_highest_is_nearly_right() {
        let mut agreement = Agreement::new();
        let before = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        let after = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        agreement.add(&scores(&before), &scores(&after), Some(5)).unwrap();
        agreement.add(&scores(&before), &scores(&after), Some(1)).unwrap();
        let accuracy = agreement.finish().unwrap();
        assert_eq!(
            (accuracy.baseline_top5, accuracy.candidate_top5),
            (Some(0.5), Some(1.0))
        );
        assert_eq!(is_near(&scores(&[1.0; 6]), 5), Some(false));
        assert_eq!(is_near(&scores(&[1.0; 6]), 4), Some(true));
        assert_eq!(is_near(&scores(&before), -1), Some(false));
        assert_eq!(is_near(&scores(&[1.0, 2.0, 3.0, 4.0, 5.0]), 1), None);
    }

    #[test]
    fn every_output_has_its_own_figures() {
        let outputs = |shift: f32| {
            vec![
                Tensor::from_f32("probabilities", &[2, 2], &[0.1, 0.9, 0.6 + shift, 0.4]),
                Tensor {
                    name: "label".to_owned(),
                    element: ElementType::Int64,
                    shape: vec![1],
                    data: 7_i64.to_le_bytes().to_vec().into(),
                },
            ]
        };
        let mut agreement = Agreement::new();
        agreement.add(&outputs(0.0), &outputs(-0.5), None).unwrap();
        agreement.add(&outputs(0.0), &outputs(0.0), None).unwrap();
        let accuracy = agreement.finish().unwrap();
        // The labels are no scores, and so the probabilities speak alone.
        assert_eq!(accuracy.top1_agreement, Some(0.75));
        let [scores, label] = &accuracy.outputs[..] else {
            panic!("{:?}", accuracy.outputs)
        };
        assert_eq!(
            (scores.name.as_str(), scores.top1_agreement, scores.counts),
            ("probabilities", Some(0.75), true)
        );
        assert!((scores.max_abs_error - 0.5).abs() < 1e-6 && (scores.mean_abs_error - 0.0625).abs() < 1e-6);
        assert_eq!(
            (label.cosine, label.max_abs_error, label.top1_agreement, label.counts),
            (1.0, 0.0, None, false)
        );
        assert!(
            (accuracy.mean_abs_error - 0.05).abs() < 1e-6,
            "{}",
            accuracy.mean_abs_error
        );
    }

    #[test]
    fn scores_beside_other_floats_say_nothing() {
        let outputs = [
            Tensor::from_f32("hidden", &[1, 2, 2], &[1.0; 4]),
            Tensor::from_f32("pooled", &[1, 2], &[1.0, 2.0]),
        ];
        let mut agreement = Agreement::new();
        agreement.add(&outputs, &outputs, None).unwrap();
        let accuracy = agreement.finish().unwrap();
        assert_eq!(accuracy.top1_agreement, None);
        assert_eq!(accuracy.outputs[1].top1_agreement, Some(1.0));
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
