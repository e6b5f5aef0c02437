//! Does a series rise or fall? By signs and medians, so that single wild values say nothing.
//!
//! The test is Mann's and Kendall's: S is the number of pairs that rise minus those that fall, about normal from eight values on
//! (H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945); M. G. Kendall, *Rank Correlation Methods*, 1975, with
//! its correction for ties). Several short series of one kind are tested together by adding their S and variances (R. M. Hirsch,
//! J. R. Slack and R. A. Smith, "Techniques of trend analysis for monthly water quality data", Water Resources Research 18
//! (1982)). How steep: the median slope of all pairs (P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau",
//! JASA 63 (1968)).

use crate::stats::summary::median;

/// What a series does over its length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Standard deviations that S lies from that of a series without a trend; positive where it rises.
    pub z: f64,
    /// Kendall's tau, −1 (falls all the way) to 1 (rises all the way).
    pub tau: f64,
    /// The median slope times the length: the change from the first to the last value, in the unit of the values.
    pub total: f64,
}

impl Trend {
    /// The trend of one series; `None` of fewer than three values.
    pub fn of(values: &[f64]) -> Option<Self> {
        Self::of_all(&[values])
    }

    /// The common trend of several series: tests them together, and takes the median of what each does. Those of fewer than three
    /// values are left out.
    pub fn of_all(series: &[&[f64]]) -> Option<Self> {
        let mut sign = 0.0;
        let mut variance = 0.0;
        let mut pairs = 0.0;
        let mut totals = Vec::new();
        for values in series.iter().filter(|values| values.len() >= 3) {
            let count = values.len() as f64;
            let mut slopes = Vec::with_capacity(values.len() * (values.len() - 1) / 2);
            for (first, one) in values.iter().enumerate() {
                for (distance, another) in values[first + 1..].iter().enumerate() {
                    let rise = another - one;
                    sign += if rise > 0.0 {
                        1.0
                    } else if rise < 0.0 {
                        -1.0
                    } else {
                        0.0
                    };
                    slopes.push(rise / (distance + 1) as f64);
                }
            }
            pairs += slopes.len() as f64;
            variance += (count * (count - 1.0) * (2.0 * count + 5.0) - ties(values)) / 18.0;
            totals.push(median(&slopes)? * (count - 1.0));
        }
        let corrected = if sign > 0.0 {
            sign - 1.0
        } else if sign < 0.0 {
            sign + 1.0
        } else {
            0.0
        };
        Some(Self {
            z: if variance > 0.0 {
                corrected / variance.sqrt()
            } else {
                0.0
            },
            tau: sign / pairs,
            total: median(&totals)?,
        })
    }
}

/// What equal values take away from the variance, times 18.
fn ties(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .chunk_by(|a, b| a == b)
        .map(|group| {
            let count = group.len() as f64;
            count * (count - 1.0) * (2.0 * count + 5.0)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_a_worked_example() {
        // Gilbert, Statistical Methods for Environmental Pollution Monitoring (1987), example 16.1's arithmetic: S = 10 of 5 rising.
        let trend = Trend::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let variance = 5.0 * 4.0 * 15.0 / 18.0_f64;
        assert!((trend.z - 9.0 / variance.sqrt()).abs() < 1e-12);
        assert_eq!((trend.tau, trend.total), (1.0, 4.0));
        let tied = Trend::of(&[1.0, 1.0, 2.0, 2.0]).unwrap();
        let variance = (4.0 * 3.0 * 13.0 - 2.0 * (2.0 * 9.0)) / 18.0_f64;
        assert!((tied.z - 3.0 / variance.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_wild_value_makes_no_trend() {
        let mut values = vec![1.0; 20];
        values[19] = 1000.0;
        let trend = Trend::of(&values).unwrap();
        assert_eq!(trend.total, 0.0);
        assert!(trend.z.abs() < 1.8, "{trend:?}");
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(Trend::of(&[1.0, 2.0]), None);
        assert_eq!(Trend::of_all(&[]), None);
        assert_eq!(Trend::of(&[2.0; 9]).unwrap().z, 0.0);
    }

    #[test]
    fn many_short_series_add_up() {
        let short = [1.0, 1.1, 1.2, 1.3];
        let alone = Trend::of(&short).unwrap();
        let together = Trend::of_all(&[short.as_slice(); 12]).unwrap();
        assert!(alone.z < 2.0 && together.z > 5.0, "{alone:?} {together:?}");
        assert!((together.total - alone.total).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn backwards_it_is_the_opposite(values in prop::collection::vec(-1.0_f64..1.0, 3..40)) {
            let reversed: Vec<f64> = values.iter().rev().copied().collect();
            let (one, other) = (Trend::of(&values).unwrap(), Trend::of(&reversed).unwrap());
            prop_assert!((one.z + other.z).abs() < 1e-9);
            prop_assert!((one.total + other.total).abs() < 1e-9);
        }

        #[test]
        fn scaling_changes_the_size_and_not_the_test(values in prop::collection::vec(-1.0_f64..1.0, 3..40), scale in 0.5_f64..8.0) {
            let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
            let (one, other) = (Trend::of(&values).unwrap(), Trend::of(&scaled).unwrap());
            prop_assert!((one.z - other.z).abs() < 1e-9);
            prop_assert!((one.total * scale - other.total).abs() < 1e-9);
        }
    }
}
