//! Values that stand apart: single ones, and two groups where there should be one.

use crate::stats::summary::median;
use crate::stats::summary::median_absolute_deviation;

/// The median absolute deviation of a normal distribution is this part of its standard deviation.
const NORMAL_DEVIATION: f64 = 0.6745;

/// How many robust standard deviations each value lies from the median: B. Iglewicz and D. C. Hoaglin, *How to Detect and Handle
/// Outliers* (1993), who call a value beyond 3.5 an outlier. All 0 where more than half of the values are equal.
pub fn robust_scores(values: &[f64]) -> Vec<f64> {
    let (Some(center), Some(deviation)) = (median(values), median_absolute_deviation(values)) else {
        return Vec::new();
    };
    values
        .iter()
        .map(|value| {
            if deviation > 0.0 {
                NORMAL_DEVIATION * (value - center) / deviation
            } else {
                0.0
            }
        })
        .collect()
}

/// Values in two groups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Mean of the upper group minus mean of the lower, in the unit of the values.
    pub gap: f64,
    /// Share of the values in the upper group, 0 to 1.
    pub upper_share: f64,
    /// Ashman's D: the gap in standard deviations of the groups. Above 2 two known groups are clearly apart; the best split of
    /// one normal group has 2.7, of an even spread 3.5.
    pub separation: f64,
}

impl Split {
    /// The split that leaves the least variance within both groups, of those with at least `least_share` of the values in each:
    /// N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9 (1979); how far apart they are after
    /// K. A. Ashman, C. M. Bird and S. E. Zepf, "Detecting bimodality in astronomical datasets", Astronomical Journal 108 (1994).
    /// `None` of fewer than four values.
    pub fn of(values: &[f64], least_share: f64) -> Option<Self> {
        if values.len() < 4 {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let least = ((count as f64 * least_share).ceil() as usize).max(2);
        let mut best: Option<(f64, Self)> = None;
        for cut in least..=count.saturating_sub(least) {
            let (lower, upper) = sorted.split_at(cut);
            let (low, high) = (moments(lower), moments(upper));
            let between = (lower.len() * upper.len()) as f64 * (high.0 - low.0).powi(2);
            if best.is_none_or(|(other, _)| between > other) {
                let spread = ((low.1 + high.1) / 2.0).sqrt();
                let gap = high.0 - low.0;
                best = Some((
                    between,
                    Self {
                        gap,
                        upper_share: upper.len() as f64 / count as f64,
                        separation: if gap > 0.0 { gap / spread } else { 0.0 },
                    },
                ));
            }
        }
        best.map(|(_, split)| split)
    }
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let center = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    (center, squares / count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64;

    use super::*;

    #[test]
    fn finds_the_one_that_stands_apart() {
        let mut values: Vec<f64> = (0..11).map(|index| f64::from(index) / 10.0).collect();
        assert!(robust_scores(&values).iter().all(|score| score.abs() < 3.5));
        values[4] = 9.0;
        let scores = robust_scores(&values);
        assert!(scores[4] > 3.5);
        assert_eq!(scores.iter().filter(|score| score.abs() > 3.5).count(), 1);
        assert_eq!(robust_scores(&[1.0, 1.0, 1.0, 5.0]), [0.0; 4]);
        assert!(robust_scores(&[]).is_empty());
    }

    #[test]
    fn finds_two_groups() {
        let values = [1.0, 1.1, 0.9, 3.0, 3.1, 2.9, 1.0, 3.0];
        let split = Split::of(&values, 0.1).unwrap();
        assert!((split.gap - 2.0).abs() < 1e-12);
        assert_eq!(split.upper_share, 0.5);
        assert!(split.separation > 20.0, "{split:?}");
        assert_eq!(Split::of(&values[..3], 0.1), None);
        assert_eq!(Split::of(&[2.0; 8], 0.1).unwrap().separation, 0.0);
    }

    #[test]
    fn one_even_group_is_not_two() {
        let mut random = Pcg64::seed_from_u64(3);
        let values: Vec<f64> = (0..2000).map(|_| random.random_range(0.0..1.0)).collect();
        let split = Split::of(&values, 0.1).unwrap();
        assert!((split.separation - 3.46).abs() < 0.1, "{split:?}");
    }

    proptest! {
        #[test]
        fn the_split_moves_with_the_values(values in prop::collection::vec(-1.0_f64..1.0, 4..40), shift in -5.0_f64..5.0) {
            let moved: Vec<f64> = values.iter().map(|value| value + shift).collect();
            let (one, other) = (Split::of(&values, 0.1).unwrap(), Split::of(&moved, 0.1).unwrap());
            prop_assert!((one.gap - other.gap).abs() < 1e-6 || (one.separation - other.separation).abs() < 1e-3);
        }
    }
}
