//! Which range of a tensor's values to quantize, out of a histogram of them: outliers cost every other value precision.
//!
//! All three narrow the range of the values and never widen it: a range that starts at 0 or above, as after a `Relu`, still does.

use super::BINS;
use super::Histogram;

/// The share of values that the percentile keeps, as `onnxruntime.quantization` has it (`CalibrationMethod.Percentile`).
pub const KEPT: f64 = 0.999_99;

/// Integers of an 8-bit type.
const LEVELS: usize = 256;

/// Thresholds that the searches try.
const TRIALS: usize = 256;

/// Rounds of narrowing one end after the other.
const ROUNDS: usize = 2;

/// What the quantized distribution has at least where the true one has anything, so that their divergence is finite.
const FLOOR: f64 = 1e-6;

/// The range of the [`KEPT`] smallest magnitudes: to the end of the bin where that share is reached, and within the values. `None` where
/// no value counts.
pub fn percentile(histogram: &Histogram) -> Option<(f32, f32)> {
    let wanted = KEPT * histogram.extremes().counted as f64;
    let mut seen = histogram.zeros() as f64;
    let mut threshold = 0.0;
    for (bin, count) in magnitudes(histogram).into_iter().enumerate() {
        if seen >= wanted {
            break;
        }
        seen += count;
        threshold = (bin + 1) as f64 * histogram.width();
    }
    within(histogram, threshold)
}

/// The range whose quantized distribution diverges least from the true one (Kullback–Leibler), after S. Migacz, "8-bit inference with
/// TensorRT" (GTC 2017): magnitudes beyond a threshold count as the threshold's. Values of both signs share the 256 levels, so that 128
/// are left for magnitudes; values of one sign have them all. Zeros don't count: they are exact in any case. `None` where no value counts.
pub fn entropy(histogram: &Histogram) -> Option<(f32, f32)> {
    let (min, max) = histogram.extremes().range()?;
    let magnitudes = magnitudes(histogram);
    let used = magnitudes
        .iter()
        .rposition(|count| *count > 0.0)
        .map_or(0, |last| last + 1);
    let levels = if min < 0.0 && max > 0.0 { LEVELS / 2 } else { LEVELS };
    let mut best = (f64::INFINITY, used);
    let step = (used / TRIALS).max(1);
    // From the widest range, which wins where nothing is gained by another.
    let mut end = used;
    while end > levels {
        let found = divergence(&magnitudes, end, levels);
        if found < best.0 {
            best = (found, end);
        }
        end = end.saturating_sub(step);
    }
    within(histogram, best.1 as f64 * histogram.width())
}

/// How far the first `end` bins, what lies beyond them added to the last one, are from what `levels` can tell of them.
fn divergence(magnitudes: &[f64], end: usize, levels: usize) -> f64 {
    let (kept, beyond) = magnitudes.split_at(end.min(magnitudes.len()));
    let outliers: f64 = beyond.iter().sum();
    let inside: f64 = kept.iter().sum();
    let total = inside + outliers;
    if inside <= 0.0 {
        return f64::INFINITY;
    }
    let mut divergence = 0.0;
    for level in 0..levels {
        let (from, to) = (level * end / levels, (level + 1) * end / levels);
        let Some(bins) = kept.get(from..to) else { continue };
        let last = level + 1 == levels;
        // The true count of a bin, outliers at the last one.
        let truth = |place: usize, count: f64| {
            if last && place + 1 == bins.len() {
                count + outliers
            } else {
                count
            }
        };
        let filled = bins
            .iter()
            .enumerate()
            .filter(|(place, count)| truth(*place, **count) > 0.0)
            .count();
        let even = (bins.iter().sum::<f64>() / inside / filled.max(1) as f64).max(FLOOR);
        for (place, count) in bins.iter().enumerate() {
            let share = truth(place, *count) / total;
            if share > 0.0 {
                divergence += share * (share / even).ln();
            }
        }
    }
    divergence
}

/// The range with the least mean squared error of 8-bit quantization, clipped values included; each end is narrowed on its own. `None`
/// where no value counts.
pub fn mean_squared_error(histogram: &Histogram) -> Option<(f32, f32)> {
    let (min, max) = histogram.extremes().range()?;
    let width = histogram.width();
    let (positive, negative) = histogram.signs();
    // Each bin stands for its middle.
    let middles = |counts: &[u64], sign: f64| -> Vec<(f64, f64)> {
        let filled = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled
            .map(|(bin, count)| (sign * (bin as f64 + 0.5) * width, *count as f64))
            .collect()
    };
    let mut values = middles(negative, -1.0);
    values.extend(middles(positive, 1.0));
    let (floor, ceiling) = (f64::from(min).min(0.0), f64::from(max).max(0.0));
    let (mut low, mut high) = (floor, ceiling);
    let mut least = squared_error(&values, low, high);
    for _ in 0..ROUNDS {
        for trial in (1..TRIALS).rev() {
            let tried = ceiling * trial as f64 / TRIALS as f64;
            let error = squared_error(&values, low, tried);
            if error < least {
                (least, high) = (error, tried);
            }
        }
        for trial in (1..TRIALS).rev() {
            let tried = floor * trial as f64 / TRIALS as f64;
            let error = squared_error(&values, tried, high);
            if error < least {
                (least, low) = (error, tried);
            }
        }
    }
    Some(((low as f32).max(min).min(max), (high as f32).min(max).max(min)))
}

/// The sum of squared errors of values, each with its count, in a range of 256 levels around 0.
fn squared_error(values: &[(f64, f64)], low: f64, high: f64) -> f64 {
    let step = (high - low) / (LEVELS - 1) as f64;
    if step <= 0.0 {
        return f64::INFINITY;
    }
    // The range's ends move by up to half a step, so that 0 is a level.
    let zero = (-low / step).round_ties_even();
    let (lowest, highest) = (-zero, (LEVELS - 1) as f64 - zero);
    let reciprocal = step.recip();
    values
        .iter()
        .map(|(value, count)| {
            let error = (value * reciprocal).round_ties_even().clamp(lowest, highest) * step - value;
            error * error * count
        })
        .sum()
}

/// Counts by magnitude, both signs together.
fn magnitudes(histogram: &Histogram) -> Vec<f64> {
    let (positive, negative) = histogram.signs();
    let counts = positive.iter().zip(negative).take(BINS);
    counts.map(|(one, other)| *one as f64 + *other as f64).collect()
}

/// The values' range, cut at ±`threshold`.
fn within(histogram: &Histogram, threshold: f64) -> Option<(f32, f32)> {
    let (min, max) = histogram.extremes().range()?;
    let threshold = threshold as f32;
    // A range that lies beyond the threshold as a whole keeps the end that is nearer to 0.
    Some((min.max(-threshold).min(max), max.min(threshold).max(min)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Estimator = fn(&Histogram) -> Option<(f32, f32)>;

    const ALL: [Estimator; 3] = [percentile, entropy, mean_squared_error];

    fn histogram(values: &[f32]) -> Histogram {
        let mut histogram = Histogram::default();
        histogram.add(values);
        histogram
    }

    /// Sums of twelve uniform numbers: nearly normal, always the same.
    fn bell(count: usize) -> Vec<f32> {
        let mut state = 1_u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 24) as f32
        };
        (0..count)
            .map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0)
            .collect()
    }

    #[test]
    fn a_lone_outlier_is_cut_off() {
        let mut values = bell(200_000);
        values.push(100.0);
        let histogram = histogram(&values);
        for estimate in [percentile, entropy] {
            let (min, max) = estimate(&histogram).unwrap();
            assert!((3.0..10.0).contains(&max), "{max}");
            assert!((-10.0..=-2.0).contains(&min), "{min}");
        }
        // A square weighs it more, and still less than everything else.
        let (_, max) = mean_squared_error(&histogram).unwrap();
        assert!((10.0..90.0).contains(&max), "{max}");
    }

    #[test]
    fn entropy_searches_and_does_not_just_keep_everything() {
        // A thin tail: 0.1 % of the values between 4 and 40.
        let mut values = bell(100_000);
        values.extend((0..100).map(|number| 4.0 + 0.36 * number as f32));
        let (_, max) = entropy(&histogram(&values)).unwrap();
        assert!((3.0..30.0).contains(&max), "{max}");
        // An even distribution loses by any cut.
        let even: Vec<f32> = (0..100_000).map(|number| number as f32 / 1e5).collect();
        let (min, max) = entropy(&histogram(&even)).unwrap();
        assert!(min == 0.0 && max > 0.95, "{min} {max}");
    }

    #[test]
    fn the_percentile_keeps_its_share() {
        let values: Vec<f32> = (0..1_000_000).map(|number| number as f32 / 1e6).collect();
        let (min, max) = percentile(&histogram(&values)).unwrap();
        assert!(min == 0.0 && (0.99999..=0.9999991).contains(&max), "{min} {max}");
        // Too few values to leave one out.
        let values = [1.0, -7.0, 5.0, 0.5];
        assert_eq!(percentile(&histogram(&values)), Some((-7.0, 5.0)));
    }

    #[test]
    fn the_error_that_is_minimized_is_that_of_quantizing() {
        let mut values = bell(50_000);
        values.push(30.0);
        let error = |(min, max): (f32, f32)| {
            let (low, high) = (f64::from(min).min(0.0), f64::from(max).max(0.0));
            let values: Vec<(f64, f64)> = values.iter().map(|value| (f64::from(*value), 1.0)).collect();
            squared_error(&values, low, high)
        };
        let histogram = histogram(&values);
        let best = error(mean_squared_error(&histogram).unwrap());
        for other in [
            percentile(&histogram),
            entropy(&histogram),
            histogram.extremes().range(),
        ] {
            assert!(best <= 1.02 * error(other.unwrap()), "{other:?}");
        }
    }

    #[test]
    fn nothing_has_no_range() {
        for estimate in ALL {
            assert_eq!(estimate(&histogram(&[])), None);
            assert_eq!(estimate(&histogram(&[f32::NAN, -3e38])), None);
            assert_eq!(estimate(&histogram(&[0.0; 9])), Some((0.0, 0.0)));
        }
    }

    proptest! {
        #[test]
        fn no_range_is_wider_than_the_values(values in prop::collection::vec(-1e6_f32..1e6, 1..300), positive: bool) {
            let values: Vec<f32> = values.into_iter().map(|value| if positive { value.abs() } else { value }).collect();
            let histogram = histogram(&values);
            let (least, greatest) = histogram.extremes().range().unwrap();
            for estimate in ALL {
                let (min, max) = estimate(&histogram).unwrap();
                prop_assert!(least <= min && min <= max && max <= greatest, "{} {}", min, max);
            }
        }

        #[test]
        fn counts_of_any_size_are_survived(counts in prop::collection::vec(any::<u64>(), 0..64), exponent in -130_i32..140) {
            let extremes = super::super::Extremes { min: -1.0, max: 2.0, counted: u64::MAX, ignored: u64::MAX };
            if let Some(histogram) = Histogram::from_parts(exponent, extremes, &counts) {
                for estimate in ALL {
                    let (min, max) = estimate(&histogram).unwrap();
                    prop_assert!(-1.0 <= min && min <= max && max <= 2.0);
                }
            }
        }
    }
}
