//! Where a figure stands against its limit: the one rule behind every verdict.
//!
//! A limit is tested from both sides, after the manner of non-inferiority trials: **regression** where the whole interval is
//! beyond the limit, **pass** where the whole interval is within, **inconclusive** where the interval holds the limit. A difference
//! that is merely significant is no regression; an interval that is merely wide is no pass.
//!
//! **Improvement** is a pass whose whole interval is below zero by at least the limit itself (and by the floor): what would be a
//! regression if the sides were swapped.
//!
//! Relative limits have absolute floors, so that tiny models don't cry wolf: the accepted change is the limit or the floor,
//! whichever is more.

use crate::stats::interval::Interval;
use crate::verdict::types::Verdict;

/// Slack below which a relative change of size is no regression: 64 KB.
pub const SIZE_FLOOR_BYTES: f64 = 64e3;

/// Where an interval stands against a limit; more is worse. `bound` is the lower bound that decides a regression, which may stand
/// further out than the shown one where several limits share the error.
pub fn against(shown: Interval, bound: f64, limit: f64) -> Verdict {
    if bound > limit {
        Verdict::Regression
    } else if shown.upper <= limit {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    }
}

/// Where a change in per cent stands against a relative limit, of which `accepted` includes the floor.
pub fn change_against(shown: Interval, bound: f64, accepted: f64) -> Verdict {
    match against(shown, bound, accepted) {
        Verdict::Pass if shown.upper < 0.0 && shown.upper <= -accepted => Verdict::Improvement,
        verdict => verdict,
    }
}

/// The worse of two answers about one metric; an improvement that keeps its budget stays one.
pub fn worse(relative: Verdict, budget: Option<Verdict>) -> Verdict {
    match budget {
        None | Some(Verdict::Pass) => relative,
        Some(budget) => relative.max(budget),
    }
}

/// A relative answer that there is none of, and a budget that may be violated all the same.
pub fn without_baseline(relative: Verdict, budget: Option<Verdict>) -> Verdict {
    match budget {
        Some(Verdict::Pass) | None => relative,
        Some(budget) => budget,
    }
}

/// An exact figure as an interval without width.
pub fn exact(value: f64) -> Interval {
    Interval {
        center: value,
        lower: value,
        upper: value,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interval(lower: f64, upper: f64) -> Interval {
        Interval {
            center: f64::midpoint(lower, upper),
            lower,
            upper,
        }
    }

    #[test]
    fn the_interval_decides() {
        for (lower, upper, expected) in [
            (-1.0, 1.0, Verdict::Pass),
            (1.0, 3.0, Verdict::Pass),
            (4.0, 5.0, Verdict::Pass),
            (4.0, 6.0, Verdict::Inconclusive),
            (5.0, 6.0, Verdict::Inconclusive),
            (5.1, 6.0, Verdict::Regression),
            (-9.0, 9.0, Verdict::Inconclusive),
            (-8.0, -4.0, Verdict::Pass),
            (-8.0, -5.0, Verdict::Improvement),
        ] {
            assert_eq!(
                change_against(interval(lower, upper), lower, 5.0),
                expected,
                "{lower} to {upper}"
            );
        }
    }

    #[test]
    fn a_limit_of_zero_needs_a_real_gain_to_improve() {
        assert_eq!(change_against(exact(0.0), 0.0, 0.0), Verdict::Pass);
        assert_eq!(change_against(exact(-0.1), -0.1, 0.0), Verdict::Improvement);
        assert_eq!(change_against(exact(0.1), 0.1, 0.0), Verdict::Regression);
    }

    #[test]
    fn a_corrected_bound_may_leave_it_open() {
        assert_eq!(change_against(interval(5.5, 7.0), 4.9, 5.0), Verdict::Inconclusive);
    }

    #[test]
    fn a_kept_budget_hides_no_gain_and_a_broken_one_counts() {
        assert_eq!(worse(Verdict::Improvement, Some(Verdict::Pass)), Verdict::Improvement);
        assert_eq!(
            worse(Verdict::Improvement, Some(Verdict::Regression)),
            Verdict::Regression
        );
        assert_eq!(worse(Verdict::Pass, Some(Verdict::Inconclusive)), Verdict::Inconclusive);
    }

    proptest! {
        #[test]
        fn a_larger_limit_never_makes_it_worse(lower in -20.0_f64..20.0, width in 0.0_f64..20.0, limit in 0.0_f64..10.0, more in 0.0_f64..10.0) {
            let shown = interval(lower, lower + width);
            let rank = |verdict| match verdict {
                Verdict::Improvement | Verdict::Pass => 0,
                Verdict::Inconclusive => 1,
                _ => 2,
            };
            prop_assert!(rank(change_against(shown, lower, limit + more)) <= rank(change_against(shown, lower, limit)));
        }
    }
}
