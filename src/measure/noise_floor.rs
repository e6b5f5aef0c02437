//! How small a difference this machine can see: from the spread between restarts that its own comparisons showed.
//!
//! A comparison that uses all of its time has `n` restarts and the standard error `s / √n`. It tells ± `t(tail) × s / √n` apart at its
//! last look, and it calls a true regression with probability `power` where that lies at least `(t(tail) + t(1 − power)) × s / √n`
//! beyond the limit: the minimum detectable effect (H. S. Bloom, "Minimum detectable effects: a simple way to report the
//! statistical power of experimental designs", Evaluation Review 19 (1995)), with Student's t for the few restarts and the tails of
//! the planned looks ([`crate::stats::sequential`]). The spread of several comparisons is pooled by its degrees of freedom.

use crate::measure::plan::Plan;
use crate::measure::quantity::Quantity;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::stats::interval::Estimate;

/// What a machine can see of one quantity, in per cent of the baseline.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct NoiseFloor {
    /// Standard deviation between restarts.
    pub spread_percent: f64,
    /// Restarts that fit into the time of one comparison.
    pub restarts: usize,
    /// Half the width of the 95 % interval after all of them.
    pub half_width_percent: f64,
    /// How far beyond a limit a regression must be to be called with a probability of 80 %.
    pub detectable_80_percent: f64,
    /// The same with a probability of 90 %.
    pub detectable_90_percent: f64,
}

impl NoiseFloor {
    /// Pools what `pairs` tell of `quantity`; `None` where none of them measured it with at least two restarts.
    pub fn of(pairs: &[&PairMeasurement], quantity: Quantity) -> Option<Self> {
        let mut variance = 0.0;
        let mut degrees = 0;
        let mut planned = Vec::new();
        let mut looks: Option<&Looks> = None;
        let mut read = None;
        for pair in pairs {
            let Some(evidence) = pair.change(quantity) else {
                continue;
            };
            let Some(estimate) = evidence.estimate() else { continue };
            // Of as many values as went into the centre.
            variance += estimate.degrees as f64 * estimate.standard_error.powi(2) * (estimate.degrees + 1) as f64;
            degrees += estimate.degrees;
            planned.push(pair.looks.planned.max(pair.restarts.len()));
            looks = looks
                .filter(|other| other.family >= pair.looks.family)
                .or(Some(&pair.looks));
            read = Some(move |value| evidence.read(value));
        }
        let (read, looks) = (read?, looks?);
        planned.sort_unstable();
        let restarts = *planned.get(planned.len() / 2)?;
        let spread = (variance / degrees as f64).sqrt();
        let error = Estimate {
            center: 0.0,
            standard_error: spread / (restarts as f64).sqrt(),
            degrees: restarts.saturating_sub(1).max(1),
        };
        let all = Looks {
            taken: (1..=restarts).filter(|done| Plan::looks_at(*done, restarts)).collect(),
            planned: restarts,
            last_is_final: true,
            family: looks.family,
        };
        let beyond = |tail: f64| error.interval(tail).upper;
        let detectable = |power: f64| read(beyond(all.tail_of(all.share())) + beyond(1.0 - power));
        Some(Self {
            spread_percent: read(spread),
            restarts,
            half_width_percent: read(beyond(all.tail())),
            detectable_80_percent: detectable(0.8),
            detectable_90_percent: detectable(0.9),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::machine::Activity;
    use crate::measure::samples::Block;
    use crate::measure::samples::Process;
    use crate::measure::samples::Restart;
    use crate::measure::samples::Round;
    use crate::measure::samples::StopReason;
    use crate::measure::samples::Which;

    /// A pair whose restarts have these log ratios.
    fn pair(ratios: &[f64], planned: usize, family: usize) -> PairMeasurement {
        let process = || Process {
            load_seconds: 0.1,
            loaded_bytes: None,
            first_seconds: 0.01,
            loaded_bytes: None,
            warmup: Vec::new(),
            peak_bytes: None,
        };
        let block = |seconds: f64| Block {
            wall: vec![seconds; 3],
            stolen: Vec::new(),
        };
        PairMeasurement {
            restarts: ratios
                .iter()
                .map(|ratio| Restart {
                    baseline: process(),
                    candidate: process(),
                    rounds: vec![Round {
                        first: Which::Baseline,
                        baseline: block(0.001),
                        candidate: block(0.001 * ratio.exp()),
                    }],
                })
                .collect(),
            looks: Looks {
                taken: vec![ratios.len()],
                planned,
                last_is_final: true,
                family,
            },
            stopped: StopReason::Planned,
            seconds: 10.0,
            cores: None,
            runtime_version: "1.31.0".to_owned(),
            empty_session_bytes: None,
            load_average: None,
            activity: Activity::default(),
            warnings: Vec::new(),
        }
    }

    const STEADY: [f64; 5] = [0.004, -0.004, 0.002, -0.003, 0.001];

    #[test]
    fn agrees_with_the_formula() {
        let pair = pair(&STEADY, 5, 1);
        let floor = NoiseFloor::of(&[&pair], Quantity::LatencyP50).unwrap();
        // Standard deviation of five values around 0, and Student's t with four degrees at 2.5 %, 20 % and 10 %.
        let spread = (4.6e-5_f64 / 4.0).sqrt();
        let error = spread / 5.0_f64.sqrt();
        assert!(
            (floor.spread_percent - 100.0 * spread.exp_m1()).abs() < 1e-9,
            "{floor:?}"
        );
        assert_eq!(floor.restarts, 5);
        let expected = |t: f64| 100.0 * (t * error).exp_m1();
        assert!(
            (floor.half_width_percent - expected(2.776_445)).abs() < 1e-3,
            "{floor:?}"
        );
        assert!(
            (floor.detectable_80_percent - expected(2.776_445 + 0.940_965)).abs() < 1e-3,
            "{floor:?}"
        );
        assert!(
            (floor.detectable_90_percent - expected(2.776_445 + 1.533_206)).abs() < 1e-3,
            "{floor:?}"
        );
    }

    #[test]
    fn more_time_and_fewer_limits_see_more() {
        let see = |planned, family| {
            let pair = pair(&STEADY, planned, family);
            NoiseFloor::of(&[&pair], Quantity::LatencyP50)
                .unwrap()
                .detectable_80_percent
        };
        assert!(see(60, 1) < see(12, 1));
        assert!(see(12, 1) < see(12, 8));
    }

    #[test]
    fn comparisons_are_pooled() {
        let wild: Vec<f64> = STEADY.iter().map(|value| value * 7.0).collect();
        let (calm, wild) = (pair(&STEADY, 5, 1), pair(&wild, 5, 1));
        let spread = |pairs: &[&PairMeasurement]| NoiseFloor::of(pairs, Quantity::LatencyP50).unwrap().spread_percent;
        let pooled = spread(&[&calm, &wild]);
        assert!(spread(&[&calm]) < pooled && pooled < spread(&[&wild]));
        assert!((spread(&[&calm, &calm]) - spread(&[&calm])).abs() < 1e-9);
    }

    #[test]
    fn says_nothing_of_what_was_not_measured() {
        assert_eq!(NoiseFloor::of(&[], Quantity::LatencyP50), None);
        let one = pair(&STEADY[..1], 5, 1);
        assert_eq!(NoiseFloor::of(&[&one], Quantity::LatencyP50), None);
        assert_eq!(NoiseFloor::of(&[&pair(&STEADY, 5, 1)], Quantity::PeakMemory), None);
    }

    proptest! {
        #[test]
        fn certainty_has_its_price(ratios in prop::collection::vec(-0.1_f64..0.1, 3..12), planned in 3_usize..60) {
            let floor = NoiseFloor::of(&[&pair(&ratios, planned, 2)], Quantity::LatencyP50).unwrap();
            prop_assert!(floor.half_width_percent <= floor.detectable_80_percent);
            prop_assert!(floor.detectable_80_percent <= floor.detectable_90_percent);
        }
    }
}
