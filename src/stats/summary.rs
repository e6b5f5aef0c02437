//! Summaries of samples: median, percentiles, mean, spread.

/// What a set of samples comes to, in the unit of the samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many samples.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The standard deviation, with n − 1 in the denominator; 0 of a single sample.
    pub std: f64,
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Summary {
    /// Summarizes `samples`, untrimmed; `None` of none.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let sorted = sorted(samples);
        Some(Self {
            count: sorted.len(),
            min: *sorted.first()?,
            max: *sorted.last()?,
            mean: mean(&sorted)?,
            std: standard_deviation(&sorted).unwrap_or(0.0),
            p50: percentile_of_sorted(&sorted, 0.50)?,
            p95: percentile_of_sorted(&sorted, 0.95)?,
            p99: percentile_of_sorted(&sorted, 0.99)?,
        })
    }
}

/// The quantile `fraction` (0 to 1) of `samples`; `None` of none.
///
/// Interpolates linearly between the order statistics around position `(n − 1) × fraction`: definition 7 of Hyndman and Fan,
/// "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996), which is also numpy's default.
pub fn percentile(samples: &[f64], fraction: f64) -> Option<f64> {
    percentile_of_sorted(&sorted(samples), fraction)
}

/// The median of `samples`; `None` of none.
pub fn median(samples: &[f64]) -> Option<f64> {
    percentile(samples, 0.5)
}

/// The arithmetic mean; `None` of none.
pub fn mean(samples: &[f64]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64)
}

/// The standard deviation with n − 1 in the denominator; `None` of fewer than two samples.
pub fn standard_deviation(samples: &[f64]) -> Option<f64> {
    if samples.len() < 2 {
        return None;
    }
    let center = mean(samples)?;
    let squares: f64 = samples.iter().map(|sample| (sample - center).powi(2)).sum();
    Some((squares / (samples.len() - 1) as f64).sqrt())
}

/// The median absolute deviation from the median, without a factor for normality; `None` of no samples.
pub fn median_absolute_deviation(samples: &[f64]) -> Option<f64> {
    let center = median(samples)?;
    let deviations: Vec<f64> = samples.iter().map(|sample| (sample - center).abs()).collect();
    median(&deviations)
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn percentile_of_sorted(sorted: &[f64], fraction: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = last as f64 * fraction.clamp(0.0, 1.0);
    let below = position.floor();
    let low = *sorted.get(below as usize)?;
    let high = *sorted.get(position.ceil() as usize)?;
    Some(low + (high - low) * (position - below))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_numpy() {
        let samples = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
        let summary = Summary::of(&samples).unwrap();
        assert_eq!(summary.p50, 3.5);
        assert!((summary.p95 - 7.95).abs() < 1e-12);
        assert!((summary.p99 - 8.79).abs() < 1e-12);
        assert!((summary.std - 2.748_376_143_938_713).abs() < 1e-12);
        assert_eq!((summary.min, summary.max, summary.mean), (1.0, 9.0, 3.875));
        assert_eq!(median_absolute_deviation(&samples), Some(2.0));
    }

    #[test]
    fn says_nothing_of_nothing() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(median(&[]), None);
        assert_eq!(standard_deviation(&[1.0]), None);
        assert_eq!(Summary::of(&[2.0]).unwrap().std, 0.0);
    }

    proptest! {
        #[test]
        fn percentiles_are_ordered_and_within(samples in prop::collection::vec(-1e6_f64..1e6, 1..50)) {
            let summary = Summary::of(&samples).unwrap();
            prop_assert!(summary.min <= summary.p50 && summary.p50 <= summary.p95);
            prop_assert!(summary.p95 <= summary.p99 && summary.p99 <= summary.max);
        }

        #[test]
        fn shifting_and_scaling_carry_through(
            samples in prop::collection::vec(-1e3_f64..1e3, 2..30), shift in -1e3_f64..1e3, scale in 0.1_f64..10.0,
        ) {
            let moved: Vec<f64> = samples.iter().map(|sample| sample * scale + shift).collect();
            let (before, after) = (Summary::of(&samples).unwrap(), Summary::of(&moved).unwrap());
            prop_assert!((before.p95 * scale + shift - after.p95).abs() < 1e-6);
            prop_assert!((before.std * scale - after.std).abs() < 1e-6);
        }
    }
}
