//! Few planned looks: when to stop measuring without fooling oneself.
//!
//! Looking at a 95 % interval after every restart and stopping as soon as it decides calls far more than 2.5 % wrong (9 to 18 % at
//! the limit). So the looks are planned, and a spending function says how much of the error may be used up by the time a fraction
//! of the restarts has been seen: K. K. G. Lan and D. L. DeMets, "Discrete sequential boundaries for clinical trials", Biometrika
//! 70 (1983). The boundaries follow by numerical integration over the looks (P. Armitage, C. K. McPherson, B. C. Rowe, "Repeated
//! significance tests on accumulating data", JRSS A 132 (1969)) for a normal statistic; with few restarts each boundary's tail
//! probability is used for Student's t in place of the normal (C. Jennison and B. W. Turnbull, *Group Sequential Methods*, 2000, §3.8).
//! Bounds at a look are then repeated confidence bounds (the same, ch. 9): they hold together over all looks, whatever the rule to stop.
//!
//! The spending function is `alpha × fraction^1.5` (K. Kim and D. L. DeMets, Biometrika 74 (1987)). On recorded noise it stops A/A and a
//! +10 % slowdown after 9 to 10 restarts on average, O'Brien and Fleming's after 14 to 18; Pocock's is no faster and spends more
//! of the error on the first looks, where it is least well known.

use statrs::distribution::ContinuousCDF;
use statrs::distribution::Normal;

/// The error accepted on each side: a regression is called wrongly, or passed wrongly, with at most this probability. Both together
/// make the shown interval a 95 % one.
pub const TAIL: f64 = 0.025;

/// The exponent of the spending function.
const SPENDING_EXPONENT: f64 = 1.5;

/// Points of the integration grid a look.
const GRID: usize = 200;

/// Below this the normal density counts as nothing, in standard deviations.
const FAR: f64 = 8.0;

/// Halvings of the search for a boundary.
const HALVINGS: usize = 45;

/// How much of `alpha` may be spent after `fraction` (0 to 1) of the planned restarts.
fn spending(alpha: f64, fraction: f64) -> f64 {
    alpha * fraction.clamp(0.0, 1.0).powf(SPENDING_EXPONENT)
}

/// The tail probability to use at the last of the `looks` taken so far (restarts seen at each, rising), out of `planned` restarts.
///
/// `last_is_final` says that no further look comes, because the plan is through or time is up: that look spends what is left.
/// Ending early for want of time is not a peek at the data, so nothing is lost by it. Returns 0 (nothing can be said) without looks.
pub fn tail_at_last_look(looks: &[usize], planned: usize, last_is_final: bool, alpha: f64) -> f64 {
    tails(looks, planned, last_is_final, alpha)
        .last()
        .copied()
        .unwrap_or(0.0)
}

/// The tail probability of each look; see [`tail_at_last_look`].
fn tails(looks: &[usize], planned: usize, last_is_final: bool, alpha: f64) -> Vec<f64> {
    let planned = planned.max(1) as f64;
    let spent: Vec<f64> = looks
        .iter()
        .enumerate()
        .map(|(index, look)| {
            if last_is_final && index + 1 == looks.len() {
                alpha
            } else {
                spending(alpha, *look as f64 / planned)
            }
        })
        .collect();
    let information: Vec<f64> = looks.iter().map(|look| *look as f64).collect();
    boundaries(&information, &spent)
        .into_iter()
        .map(normal_survival)
        .collect()
}

/// One-sided boundaries for a standard normal statistic at rising `information`, so that the chance of having crossed by look `k` is
/// `spent[k]`. In standard deviations.
fn boundaries(information: &[f64], spent: &[f64]) -> Vec<f64> {
    let mut boundaries = Vec::with_capacity(information.len());
    let mut state: Option<State> = None;
    let mut before = 0.0;
    for (now, total) in information.iter().zip(spent) {
        let share = (total - before).max(0.0);
        before = total.max(before);
        let next = match &state {
            None => State::first(*now, share),
            Some(state) => state.next(*now, share),
        };
        boundaries.push(next.boundary / now.sqrt());
        state = Some(next);
    }
    boundaries
}

/// The density of the running sum at one look over the paths that have not crossed yet, up to the boundary.
struct State {
    information: f64,
    boundary: f64,
    points: Vec<f64>,
    /// Density × trapezoid weight.
    mass: Vec<f64>,
}

impl State {
    fn first(information: f64, share: f64) -> Self {
        let scale = information.sqrt();
        let boundary = scale * normal_quantile(1.0 - share).clamp(-FAR, FAR);
        Self::on_grid(information, boundary, |point| normal_density(point / scale) / scale)
    }

    fn next(&self, information: f64, share: f64) -> Self {
        let scale = (information - self.information).max(f64::MIN_POSITIVE).sqrt();
        let crossing = |boundary: f64| -> f64 {
            self.paths()
                .map(|(point, mass)| mass * normal_survival((boundary - point) / scale))
                .sum()
        };
        let (mut low, mut high) = (-FAR * information.sqrt(), FAR * information.sqrt());
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if crossing(middle) > share {
                low = middle;
            } else {
                high = middle;
            }
        }
        Self::on_grid(information, high, |point| {
            self.paths()
                .map(|(from, mass)| mass * normal_density((point - from) / scale) / scale)
                .sum()
        })
    }

    fn on_grid(information: f64, boundary: f64, density: impl Fn(f64) -> f64) -> Self {
        let start = -FAR * information.sqrt();
        let step = (boundary - start).max(0.0) / GRID as f64;
        let points: Vec<f64> = (0..=GRID).map(|index| start + step * index as f64).collect();
        let mass = points
            .iter()
            .enumerate()
            .map(|(index, point)| {
                let weight = if index == 0 || index == GRID { 0.5 } else { 1.0 };
                weight * step * density(*point)
            })
            .collect();
        Self {
            information,
            boundary,
            points,
            mass,
        }
    }

    fn paths(&self) -> impl Iterator<Item = (f64, f64)> {
        self.points.iter().copied().zip(self.mass.iter().copied())
    }
}

fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn normal_survival(z: f64) -> f64 {
    Normal::standard().sf(z)
}

fn normal_quantile(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIVE: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-3, "{found} for {expected}");
        }
    }

    #[test]
    fn agrees_with_the_published_boundaries() {
        // Lan and DeMets' spending functions after O'Brien-Fleming and Pocock, one-sided 0.025, five equal looks; the constants are
        // those of the program `ld98` of the University of Wisconsin.
        let obrien_fleming: Vec<f64> = FIVE
            .iter()
            .map(|fraction: &f64| 2.0 * normal_survival(normal_quantile(1.0 - 0.0125) / fraction.sqrt()))
            .collect();
        assert_close(
            &boundaries(&FIVE, &obrien_fleming),
            &[4.8769, 3.3569, 2.6803, 2.2898, 2.0310],
        );
        let pocock: Vec<f64> = FIVE
            .iter()
            .map(|fraction| 0.025 * (1.0 + (std::f64::consts::E - 1.0) * fraction).ln())
            .collect();
        assert_close(&boundaries(&FIVE, &pocock), &[2.4380, 2.4268, 2.4101, 2.3966, 2.3859]);
    }

    #[test]
    fn one_look_spends_everything() {
        assert!((tail_at_last_look(&[5], 60, true, TAIL) - TAIL).abs() < 1e-9);
        assert_eq!(tail_at_last_look(&[], 60, true, TAIL), 0.0);
    }

    #[test]
    fn early_looks_spend_little() {
        let early = tail_at_last_look(&[5], 60, false, TAIL);
        assert!((early - TAIL * (5.0_f64 / 60.0).powf(1.5)).abs() < 1e-9);
        let last = tail_at_last_look(&[5, 8, 12, 18, 28, 42, 60], 60, true, TAIL);
        assert!(last > 0.010 && last < TAIL, "{last}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_look_spends_more_than_is_left(steps in prop::collection::vec(1_usize..12, 1..5), share in 1_usize..6) {
            let looks: Vec<usize> = steps.iter().scan(3, |sum, step| { *sum += step; Some(*sum) }).collect();
            let planned = looks[looks.len() - 1];
            let alpha = TAIL / share as f64;
            for tail in tails(&looks, planned, true, alpha) {
                prop_assert!(tail > 0.0 && tail <= alpha * 1.001);
            }
        }

        #[test]
        fn a_smaller_alpha_has_smaller_tails(share in 0.05_f64..0.95) {
            let looks = [5, 8, 12, 18];
            let (small, large) = (tails(&looks, 28, false, TAIL * share), tails(&looks, 28, false, TAIL));
            prop_assert!(small.iter().zip(&large).all(|(small, large)| small < large));
        }
    }
}
