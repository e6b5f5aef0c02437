//! Adds up the error of one tensor over samples: sums of squares and products, never the tensors themselves.

/// Sums over all elements that are finite on both sides, in double precision.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sums {
    /// Numbers that were compared.
    pub(super) elements: u64,
    signal: f64,
    other: f64,
    noise: f64,
    product: f64,
    /// The largest absolute difference.
    pub(super) largest: f64,
    /// Numbers that are finite on the first side only.
    pub(super) not_finite: u64,
}

impl Sums {
    /// Adds the numbers of one sample; `false` where the two sides have not equally many.
    pub(super) fn add(&mut self, before: &[f64], after: &[f64]) -> bool {
        if before.len() != after.len() {
            return false;
        }
        for (before, after) in before.iter().copied().zip(after.iter().copied()) {
            if !before.is_finite() {
                continue;
            }
            if !after.is_finite() {
                self.not_finite += 1;
                continue;
            }
            let error = before - after;
            self.elements += 1;
            self.signal += before * before;
            self.other += after * after;
            self.noise += error * error;
            self.product += before * after;
            self.largest = self.largest.max(error.abs());
        }
        true
    }

    /// 10·log₁₀ of signal power over noise power; `None` without noise. A signal of nothing but zeros counts as the smallest number,
    /// so that the figure stays finite.
    pub(super) fn decibels(&self) -> Option<f64> {
        (self.noise > 0.0).then(|| 10.0 * (self.signal.max(f64::MIN_POSITIVE).log10() - self.noise.log10()))
    }

    /// Cosine similarity; 1 where both are all zero, 0 where only one is.
    pub(super) fn cosine(&self) -> f64 {
        match (self.signal > 0.0, self.other > 0.0) {
            (false, false) => 1.0,
            (true, true) => (self.product / (self.signal.sqrt() * self.other.sqrt())).clamp(-1.0, 1.0),
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wide(values: &[f32]) -> Vec<f64> {
        values.iter().copied().map(f64::from).collect()
    }

    fn sums(before: &[f32], after: &[f32]) -> Sums {
        let mut sums = Sums::default();
        assert!(sums.add(&wide(before), &wide(after)));
        sums
    }

    #[test]
    fn decibels_are_ten_for_each_power_of_ten() {
        // Signal power 100, noise power 1.
        assert!((sums(&[10.0, 0.0], &[9.0, 0.0]).decibels().unwrap() - 20.0).abs() < 1e-9);
        assert_eq!(sums(&[1.0, 2.0], &[1.0, 2.0]).decibels(), None);
        assert!(sums(&[0.0], &[1.0]).decibels().unwrap().is_finite());
    }

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let sums = sums(&[1.0, f32::NAN, 3.0], &[f32::INFINITY, 1.0, 3.0]);
        assert_eq!((sums.not_finite, sums.elements), (1, 1));
        assert_eq!(sums.decibels(), None);
        assert!(!Sums::default().add(&[1.0], &[1.0, 1.0]));
    }

    proptest! {
        #[test]
        fn samples_add_up(values in prop::collection::vec((-1e3_f32..1e3, -1.0_f32..1.0), 2..40), cut in 1_usize..39) {
            let cut = cut.min(values.len() - 1);
            let before: Vec<f32> = values.iter().map(|(value, _)| *value).collect();
            let after: Vec<f32> = values.iter().map(|(value, error)| value + error).collect();
            let whole = sums(&before, &after);
            let mut parts = sums(&before[..cut], &after[..cut]);
            prop_assert!(parts.add(&wide(&before[cut..]), &wide(&after[cut..])));
            prop_assert_eq!(whole.elements, parts.elements);
            prop_assert!((whole.signal - parts.signal).abs() <= 1e-9 * whole.signal.max(1.0));
            prop_assert!((-1.0..=1.0).contains(&whole.cosine()));
            prop_assert_eq!(whole.largest, parts.largest);
        }
    }
}
