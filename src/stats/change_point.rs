//! Where a series changes its level for good, beyond its noise.
//!
//! Binary segmentation: the split with the largest Student's t between the means of both sides counts where its t is beyond what the largest
//! of so many would be by chance (Bonferroni over the splits), and both sides are searched again (A. J. Scott and M. Knott, "A cluster
//! analysis method for grouping means in the analysis of variance", Biometrics 30 (1974)). Values are compared by their logarithms, as
//! latencies are skewed and their changes relative. A side needs two values, so that a single wild one is no change.

use crate::stats::interval::t_quantile;

/// How often a series without a change may seem to have one, at most.
const ALPHA: f64 = 0.01;

/// Smaller changes of level are no news, however sure: 1 %.
const LEAST_CHANGE: f64 = 0.01;

/// Values on each side.
const LEAST_SIDE: usize = 2;

/// Values that it takes to say anything.
pub const LEAST_VALUES: usize = 2 * LEAST_SIDE;

/// A new level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The first value of the new level.
    pub at: usize,
    /// The first value of the level before.
    pub from: usize,
    /// One beyond the last value of the new level.
    pub to: usize,
    /// The level before: the geometric mean.
    pub before: f64,
    /// The new level.
    pub after: f64,
}

impl Change {
    /// In per cent of the level before.
    pub fn percent(&self) -> f64 {
        100.0 * (self.after / self.before - 1.0)
    }
}

/// The changes of `values`, all above zero and in order of time. `noise` is the standard error of a single value relative to it, where that is
/// known: values that happen to lie close together are not believed beyond it.
pub fn changes(values: &[f64], noise: f64) -> Vec<Change> {
    if values.iter().any(|value| !value.is_finite() || *value <= 0.0) {
        return Vec::new();
    }
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let mut splits = Vec::new();
    split(&logs, 0, noise.max(0.0), &mut splits);
    splits.sort_unstable();
    described(&logs, &splits)
}

/// The changes of `values` that have no noise, such as sizes: every difference to the value before is one.
pub fn exact_changes(values: &[f64]) -> Vec<Change> {
    if values.iter().any(|value| !value.is_finite() || *value <= 0.0) {
        return Vec::new();
    }
    let splits: Vec<usize> = (1..values.len())
        .filter(|at| values.get(*at) != values.get(at - 1))
        .collect();
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    described(&logs, &splits)
}

fn described(logs: &[f64], splits: &[usize]) -> Vec<Change> {
    splits
        .iter()
        .enumerate()
        .filter_map(|(index, at)| {
            let from = index
                .checked_sub(1)
                .and_then(|before| splits.get(before))
                .copied()
                .unwrap_or(0);
            let to = splits.get(index + 1).copied().unwrap_or(logs.len());
            Some(Change {
                at: *at,
                from,
                to,
                before: mean(logs.get(from..*at)?).exp(),
                after: mean(logs.get(*at..to)?).exp(),
            })
        })
        .collect()
}

fn split(logs: &[f64], offset: usize, noise: f64, found: &mut Vec<usize>) {
    if logs.len() < LEAST_VALUES {
        return;
    }
    let candidates = logs.len() - LEAST_VALUES + 1;
    let best = (LEAST_SIDE..=logs.len() - LEAST_SIDE)
        .map(|at| {
            let (one, other) = logs.split_at(at);
            let shift = (mean(other) - mean(one)).abs();
            let spread = ((squares(one) + squares(other)) / (logs.len() - 2) as f64)
                .sqrt()
                .max(noise);
            let error = spread * (1.0 / one.len() as f64 + 1.0 / other.len() as f64).sqrt();
            // Values that are all equal on both sides have no spread: then any shift is beyond it.
            let t = if error > 0.0 { shift / error } else { f64::INFINITY };
            (t, shift, at)
        })
        .filter(|(_, shift, _)| shift.exp_m1() >= LEAST_CHANGE)
        .max_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let Some((t, _, at)) = best else { return };
    if t <= t_quantile(ALPHA / 2.0 / candidates as f64, logs.len() - 2) {
        return;
    }
    found.push(offset + at);
    let (one, other) = logs.split_at(at);
    split(one, offset, noise, found);
    split(other, offset + at, noise, found);
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn squares(values: &[f64]) -> f64 {
    let center = mean(values);
    values.iter().map(|value| (value - center).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64;

    use super::*;

    /// About normal, by the sum of twelve.
    fn noisy(random: &mut Pcg64, level: f64, spread: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| random.random::<f64>()).sum();
        level * (1.0 + spread * (sum - 6.0))
    }

    fn places(values: &[f64], noise: f64) -> Vec<usize> {
        changes(values, noise).into_iter().map(|change| change.at).collect()
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        let values = [4.00, 4.02, 3.99, 4.01, 4.33, 4.35, 4.34];
        let found = changes(&values, 0.002);
        assert_eq!((found.len(), found[0].at, found[0].from, found[0].to), (1, 4, 0, 7));
        assert!((found[0].percent() - 8.4).abs() < 0.3, "{found:?}");
        // The same step is nothing where single values are not known that well.
        assert!(places(&values, 0.05).is_empty());
    }

    #[test]
    fn wild_and_few_values_are_no_change() {
        assert!(places(&[4.0, 4.01, 9.0, 4.0, 4.02, 4.01], 0.0).is_empty());
        assert!(places(&[4.0, 4.0, 8.0], 0.0).is_empty());
        assert!(places(&[4.0, f64::NAN, 8.0, 8.0, 8.0], 0.0).is_empty());
        assert!(places(&[1.0, 1.0, 1.001, 1.001], 0.0).is_empty());
        assert!(places(&[], 0.0).is_empty());
    }

    #[test]
    fn equal_values_change_by_any_step() {
        assert_eq!(places(&[5.0, 5.0, 5.0, 6.0, 6.0, 6.0, 6.0], 0.0), [3]);
    }

    #[test]
    fn sizes_change_at_every_difference() {
        let found: Vec<usize> = exact_changes(&[10.0, 10.0, 11.0, 10.0])
            .iter()
            .map(|change| change.at)
            .collect();
        assert_eq!(found, [2, 3]);
        assert!(exact_changes(&[1.0]).is_empty());
    }

    #[test]
    fn noise_alone_seldom_seems_to_change() {
        let mut random = Pcg64::seed_from_u64(1);
        for count in [4, 6, 10, 20, 50] {
            let trials = 1000;
            let wrong = (0..trials)
                .filter(|_| {
                    let values: Vec<f64> = (0..count).map(|_| noisy(&mut random, 4.0, 0.02)).collect();
                    !changes(&values, 0.0).is_empty()
                })
                .count();
            assert!(wrong <= trials / 50, "{count} values: {wrong} of {trials}");
        }
    }

    #[test]
    fn a_change_of_five_spreads_is_found() {
        let mut random = Pcg64::seed_from_u64(2);
        let found = (0..200)
            .filter(|_| {
                let values: Vec<f64> = (0..16)
                    .map(|index| noisy(&mut random, if index < 9 { 4.0 } else { 4.4 }, 0.02))
                    .collect();
                changes(&values, 0.0).iter().any(|change| change.at.abs_diff(9) <= 1)
            })
            .count();
        assert!(found >= 190, "{found} of 200");
    }

    proptest! {
        #[test]
        fn levels_cover_the_series(values in prop::collection::vec(0.1_f64..100.0, 0..40), noise in 0.0_f64..0.2) {
            let found = changes(&values, noise);
            for pair in found.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].at);
                prop_assert_eq!(pair[1].from, pair[0].at);
            }
            for change in &found {
                prop_assert!(change.from + LEAST_SIDE <= change.at && change.at + LEAST_SIDE <= change.to);
            }
        }
    }
}
