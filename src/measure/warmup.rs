//! Cold starts: when latency has settled after loading, and how it got there.
//!
//! **Stable** is the first inference from which on the median of [`WINDOW`] inferences in a row stays within [`TOLERANCE`] of the
//! steady latency, which is the median of everything that the restart measured afterwards. Only what is slower counts as
//! unsettled. The median of three forgives a single inference that something else interrupted, but for the very first, which is
//! slow for reasons of its own. A process that is still slower at the end of its warm-up has settled when measuring begins, as what
//! is measured there is what it settles to: its time is the whole warm-up.

use crate::measure::samples::Process;
use crate::stats::summary::median;

/// Inferences whose median is looked at.
const WINDOW: usize = 3;

/// How much slower than steady still counts as settled. Models differ from one inference to the next by a few per cent; first
/// inferences, which allocate and pack, by a factor.
const TOLERANCE: f64 = 0.10;

/// How many inferences, counted from the very first one, come before latency has settled. `inferences` are the first ones of a
/// process in order and `steady` is what it settles to, in one unit.
pub fn settled_after(inferences: &[f64], steady: f64) -> usize {
    let limit = steady * (1.0 + TOLERANCE);
    let unsettled = inferences
        .windows(WINDOW.min(inferences.len()).max(1))
        .rposition(|window| median(window).is_none_or(|middle| middle > limit));
    let after_first = usize::from(inferences.first().is_some_and(|first| *first > limit));
    match unsettled {
        None => after_first,
        // The window's own slow inferences are what makes it unsettled: it has settled after the last of them.
        Some(at) => {
            let mut window = inferences.iter().enumerate().skip(at).take(WINDOW);
            let last = window.rfind(|(_, seconds)| **seconds > limit);
            last.map_or(at, |(index, _)| index + 1)
        }
    }
}

impl Process {
    /// Seconds of its first inferences, the very first one included.
    pub fn first_inferences(&self) -> Vec<f64> {
        std::iter::once(self.first_seconds)
            .chain(self.warmup.iter().copied())
            .collect()
    }

    /// Seconds from the start of loading until latency has settled at `steady` seconds an inference: loading, and every inference
    /// before the first settled one.
    pub fn seconds_to_stable(&self, steady: f64) -> f64 {
        let inferences = self.first_inferences();
        let before = settled_after(&inferences, steady);
        self.load_seconds + inferences.iter().take(before).sum::<f64>()
    }
}

/// How latency settles, over several starts: the median of the very first inferences, of the second ones, and so on, as far as most
/// starts go.
pub fn profile<'a>(processes: impl IntoIterator<Item = &'a Process>) -> Vec<f64> {
    let starts: Vec<Vec<f64>> = processes.into_iter().map(Process::first_inferences).collect();
    (0..)
        .map(|index| starts.iter().filter_map(|start| start.get(index).copied()).collect())
        .take_while(|seconds: &Vec<f64>| !seconds.is_empty() && 2 * seconds.len() > starts.len())
        .filter_map(|seconds| median(&seconds))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn process(first: f64, warmup: &[f64]) -> Process {
        Process {
            load_seconds: 0.5,
            first_seconds: first,
            warmup: warmup.to_vec(),
            peak_bytes: None,
            loaded_bytes: None,
        }
    }

    #[test]
    fn settles_where_the_median_of_three_stays_near() {
        for (inferences, expected) in [
            (&[1.0, 1.0, 1.0, 1.0][..], 0),
            (&[9.0, 1.0, 1.0, 1.0], 1),
            (&[9.0, 4.0, 1.0, 1.0, 1.0], 2),
            (&[9.0, 4.0, 2.0, 1.5, 1.0, 1.05, 1.0], 4),
            // One that was interrupted is forgiven, a relapse is not.
            (&[9.0, 4.0, 1.0, 1.0, 7.0, 1.0, 1.0], 2),
            (&[9.0, 4.0, 1.0, 1.0, 2.0, 2.0, 1.0, 1.0], 6),
            (&[9.0, 8.0, 7.0, 6.0], 4),
            (&[9.0], 1),
            (&[9.0, 1.0], 1),
            (&[], 0),
        ] {
            assert_eq!(settled_after(inferences, 1.0), expected, "{inferences:?}");
        }
    }

    #[test]
    fn counts_loading_and_what_came_before() {
        let cold = process(0.009, &[0.004, 0.001, 0.001, 0.001]);
        assert!((cold.seconds_to_stable(0.001) - 0.513).abs() < 1e-12);
        assert_eq!(process(0.001, &[0.001, 0.001]).seconds_to_stable(0.001), 0.5);
    }

    #[test]
    fn a_profile_is_a_median_for_each_place() {
        let starts = [
            process(9.0, &[3.0, 1.0]),
            process(7.0, &[2.0, 1.0]),
            process(8.0, &[2.5]),
        ];
        assert_eq!(profile(&starts), [8.0, 2.5, 1.0]);
        assert_eq!(profile(&starts[1..]), [7.5, 2.25]);
        assert!(profile([]).is_empty());
    }

    proptest! {
        #[test]
        fn what_follows_the_stable_point_is_steady(inferences in prop::collection::vec(0.5_f64..3.0, 0..20)) {
            let from = settled_after(&inferences, 1.0);
            prop_assert!(from <= inferences.len());
            for window in inferences[from..].windows(WINDOW) {
                prop_assert!(median(window).unwrap() <= 1.0 + TOLERANCE);
            }
        }

        #[test]
        fn a_slower_steady_state_is_reached_no_later(inferences in prop::collection::vec(0.5_f64..3.0, 0..20), more in 1.0_f64..2.0) {
            prop_assert!(settled_after(&inferences, more) <= settled_after(&inferences, 1.0));
        }
    }
}
