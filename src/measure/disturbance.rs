//! What disturbed a measurement, found in its raw samples by stated rules, and said in a sentence each.
//!
//! | finding | rule |
//! |---|---|
//! | load | other processes had the cores in 5 % of the measured time or more |
//! | steal | the hypervisor gave away 2 % of the cores' time or more |
//! | quota | the control group's quota stopped the processes for 2 % of the time or more |
//! | throttling | the processor counted heat events, or both sides together slowed down by 5 % or more in a steady trend |
//! | drift | both sides together moved by 4 % or more over the restarts, or by 6 % inside them (Mann and Kendall, p < 0.001) |
//! | ratio drift | the difference itself moved by 2 % or more over the restarts (the same test) |
//! | outliers | restarts more than 3.5 robust standard deviations and 3 % off the centre (Iglewicz and Hoaglin) |
//! | two levels | a side's latencies fall into two groups 5 % apart, each of 15 % or more of them (Otsu; Ashman's D of 6) |
//!
//! A rule needs evidence (a test or a robust score) *and* a size that matters beside a limit of a few per cent: with many samples
//! everything is significant. On recordings of quiet machines with both sides on one core, as the gate measures, and their restarts in
//! random order, so that no trend over them is real: a trend over restarts is found in 0 of 600 draws of 8 or 15, outliers in 2, drift
//! inside restarts in 13 (all of one recording, which does settle by 5 %). `tests/it/disturbances.rs` repeats that.

mod words;

use crate::machine::Activity;
use crate::measure::samples::Block;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::Which;
use crate::stats::groups::Split;
use crate::stats::groups::robust_scores;
use crate::stats::summary::median;
use crate::stats::trend::Trend;

/// Two-sided p of 0.001 for a normal statistic.
const SIGNIFICANT: f64 = 3.29;

/// The test's normal approximation holds from so many values on; fewer restarts say nothing about a trend.
const LEAST_RESTARTS: usize = 8;

/// Fewer restarts fall into two groups by accident.
const LEAST_GROUPED: usize = 12;

/// Shares of the time.
const LOAD: f64 = 0.05;
const STEAL: f64 = 0.02;
const QUOTA: f64 = 0.02;

/// Changes, as logarithms.
const DRIFT: f64 = 0.04;
const DRIFT_INSIDE: f64 = 0.06;
const RATIO_DRIFT: f64 = 0.02;
const THROTTLING: f64 = 0.05;
const OUTLYING: f64 = 0.03;
const LEVELS_APART: f64 = 0.05;

/// A steady slowdown: of all pairs of restarts three quarters or more go up.
const STEADY: f64 = 0.5;

/// Robust standard deviations.
const OUTLYING_SCORE: f64 = 3.5;

/// Clear of every single group: an even spread cut in two has 3.5.
const SEPARATION: f64 = 6.0;

/// Fewer samples than these in a group may be accidents.
const GROUP_SHARE: f64 = 0.15;

/// Something that disturbed a measurement. Shares go from 0 to 1, changes are in per cent.
#[derive(Debug, Clone, PartialEq)]
pub enum Disturbance {
    /// Other processes took the cores.
    Load {
        /// Share of the measured time.
        share: f64,
    },
    /// The host gave the cores to other virtual machines.
    Steal {
        /// Share of the cores' time.
        share: f64,
    },
    /// The control group's quota was used up.
    Quota {
        /// Share of the time.
        share: f64,
    },
    /// The processor slowed down: heat, or power.
    Throttling {
        /// How much slower both sides were at the end than at the beginning; `None` where only the counter tells.
        percent: Option<f64>,
        /// How often the processor says that it was too hot.
        events: Option<u64>,
        /// The clock before and after, MHz, where it fell.
        clock: Option<(f64, f64)>,
    },
    /// Everything got slower or faster while it was measured.
    Drift {
        /// Over all restarts, or over one.
        percent: f64,
        /// How many restarts.
        restarts: usize,
        /// True where it happened inside each restart.
        inside: bool,
    },
    /// The difference between the sides changed while it was measured.
    RatioDrift {
        /// Over all restarts.
        percent: f64,
        /// How many restarts.
        restarts: usize,
    },
    /// Some restarts stand apart from the others.
    Outliers {
        /// Which ones, from 1.
        restarts: Vec<usize>,
        /// Of how many.
        of: usize,
        /// How far the worst is from the centre.
        percent: f64,
    },
    /// Latencies fall into two groups.
    TwoLevels {
        /// Whose; `None` where one side was measured alone.
        side: Option<Which>,
        /// How far apart.
        percent: f64,
        /// Share of the slow ones.
        slow_share: f64,
        /// True where whole restarts are slow or fast, false where it changes inside them.
        whole_restarts: bool,
    },
}

/// What disturbed a comparison, the worst first.
pub fn find(pair: &PairMeasurement) -> Vec<Disturbance> {
    let side = |which: Which| Side {
        name: Some(which),
        restarts: pair
            .restarts
            .iter()
            .map(|restart| restart.rounds.iter().map(|round| round.block(which)).collect())
            .collect(),
    };
    let sides = [side(Which::Baseline), side(Which::Candidate)];
    let mut found = common(&sides, &pair.activity, pair.seconds);
    let [baseline, candidate] = sides.map(|side| side.levels());
    let ratios: Vec<f64> = candidate
        .iter()
        .zip(&baseline)
        .filter_map(|(candidate, baseline)| {
            let ratios: Vec<f64> = candidate.iter().zip(baseline).map(|(one, other)| one - other).collect();
            median(&ratios)
        })
        .collect();
    found.extend(ratio_drift(&ratios));
    found.extend(outliers(&ratios));
    found
}

/// What disturbed a side measured alone, the worst first.
pub fn find_alone(side: &SideMeasurement) -> Vec<Disturbance> {
    let sides = [Side {
        name: None,
        restarts: side
            .restarts
            .iter()
            .map(|restart| restart.blocks.iter().collect())
            .collect(),
    }];
    let mut found = common(&sides, &side.activity, side.seconds);
    let levels: Vec<f64> = sides[0].levels().iter().filter_map(|rounds| median(rounds)).collect();
    found.extend(outliers(&levels));
    found
}

/// One side's blocks by restart.
struct Side<'a> {
    name: Option<Which>,
    restarts: Vec<Vec<&'a Block>>,
}

impl Side<'_> {
    /// Logarithms of the blocks' own medians, by restart.
    fn levels(&self) -> Vec<Vec<f64>> {
        let level = |block: &&Block| {
            let own: Vec<f64> = block.own().collect();
            median(&own).map(f64::ln).filter(|level| level.is_finite())
        };
        self.restarts
            .iter()
            .map(|blocks| blocks.iter().filter_map(level).collect())
            .collect()
    }
}

fn common(sides: &[Side<'_>], activity: &Activity, seconds: f64) -> Vec<Disturbance> {
    let mut found: Vec<Disturbance> = load(sides).into_iter().collect();
    found.extend(
        activity
            .steal_share
            .filter(|share| *share >= STEAL)
            .map(|share| Disturbance::Steal { share }),
    );
    found.extend(
        activity
            .quota_seconds
            .map(|stopped| stopped / seconds.max(1e-9))
            .filter(|share| *share >= QUOTA)
            .map(|share| Disturbance::Quota { share: share.min(1.0) }),
    );
    let levels: Vec<Vec<Vec<f64>>> = sides.iter().map(Side::levels).collect();
    found.extend(drift(&together(&levels), activity));
    found.extend(
        sides
            .iter()
            .zip(&levels)
            .filter_map(|(side, levels)| two_levels(side.name, levels))
            .max_by(|a, b| apart(a).total_cmp(&apart(b))),
    );
    found
}

/// The mean of the sides' levels, round by round: what both share.
fn together(sides: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let Some((first, others)) = sides.split_first() else {
        return Vec::new();
    };
    first
        .iter()
        .enumerate()
        .map(|(restart, rounds)| {
            let mut sum = rounds.clone();
            for other in others {
                let other = other.get(restart).map_or(&[][..], Vec::as_slice);
                sum = sum.iter().zip(other).map(|(one, another)| one + another).collect();
            }
            sum.iter().map(|sum| sum / sides.len() as f64).collect()
        })
        .collect()
}

fn load(sides: &[Side<'_>]) -> Option<Disturbance> {
    let blocks = || sides.iter().flat_map(|side| side.restarts.iter().flatten());
    let wall: f64 = blocks().flat_map(|block| &block.wall).sum();
    let stolen: f64 = blocks().flat_map(|block| &block.stolen).sum();
    let share = stolen / wall;
    (wall > 0.0 && share >= LOAD).then_some(Disturbance::Load { share })
}

/// Throttling where it looks like that, or else drift over the restarts, or else drift inside them.
fn drift(levels: &[Vec<f64>], activity: &Activity) -> Option<Disturbance> {
    let restarts: Vec<f64> = levels.iter().filter_map(|rounds| median(rounds)).collect();
    let over = Trend::of(&restarts)
        .filter(|trend| restarts.len() >= LEAST_RESTARTS && trend.z.abs() >= SIGNIFICANT && trend.total.abs() >= DRIFT);
    let events = activity.throttle_events.filter(|events| *events > 0);
    let slower = over.filter(|trend| trend.total >= THROTTLING && trend.tau >= STEADY);
    if events.is_some() || slower.is_some() {
        return Some(Disturbance::Throttling {
            percent: slower.map(|trend| percent(trend.total)),
            events,
            clock: activity
                .mhz_before
                .zip(activity.mhz_after)
                .filter(|(before, after)| after < before),
        });
    }
    if let Some(trend) = over {
        return Some(Disturbance::Drift {
            percent: percent(trend.total),
            restarts: restarts.len(),
            inside: false,
        });
    }
    let inside: Vec<&[f64]> = levels.iter().map(Vec::as_slice).collect();
    let trend =
        Trend::of_all(&inside).filter(|trend| trend.z.abs() >= SIGNIFICANT && trend.total.abs() >= DRIFT_INSIDE)?;
    Some(Disturbance::Drift {
        percent: percent(trend.total),
        restarts: restarts.len(),
        inside: true,
    })
}

fn ratio_drift(ratios: &[f64]) -> Option<Disturbance> {
    let trend = Trend::of(ratios).filter(|trend| {
        ratios.len() >= LEAST_RESTARTS && trend.z.abs() >= SIGNIFICANT && trend.total.abs() >= RATIO_DRIFT
    })?;
    Some(Disturbance::RatioDrift {
        percent: percent(trend.total),
        restarts: ratios.len(),
    })
}

fn outliers(values: &[f64]) -> Option<Disturbance> {
    if values.len() < LEAST_RESTARTS {
        return None;
    }
    let center = median(values)?;
    let restarts: Vec<usize> = robust_scores(values)
        .iter()
        .zip(values)
        .enumerate()
        .filter(|(_, (score, value))| score.abs() > OUTLYING_SCORE && (*value - center).abs() >= OUTLYING)
        .map(|(index, _)| index + 1)
        .collect();
    let worst = restarts
        .iter()
        .filter_map(|restart| values.get(restart - 1))
        .map(|value| value - center)
        .max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    Some(Disturbance::Outliers {
        restarts,
        of: values.len(),
        percent: percent(worst),
    })
}

fn two_levels(side: Option<Which>, levels: &[Vec<f64>]) -> Option<Disturbance> {
    let clear = |split: &Split| split.separation >= SEPARATION && split.gap >= LEVELS_APART;
    let restarts: Vec<f64> = levels.iter().filter_map(|rounds| median(rounds)).collect();
    let whole = Split::of(&restarts, GROUP_SHARE).filter(|split| restarts.len() >= LEAST_GROUPED && clear(split));
    let blocks: Vec<f64> = levels.iter().flatten().copied().collect();
    let split = whole.or_else(|| Split::of(&blocks, GROUP_SHARE).filter(clear))?;
    Some(Disturbance::TwoLevels {
        side,
        percent: percent(split.gap),
        slow_share: split.upper_share,
        whole_restarts: whole.is_some(),
    })
}

fn apart(disturbance: &Disturbance) -> f64 {
    match disturbance {
        Disturbance::TwoLevels { percent, .. } => *percent,
        _ => 0.0,
    }
}

/// A logarithm as per cent of change.
fn percent(logarithm: f64) -> f64 {
    100.0 * logarithm.exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::samples::LoneRestart;
    use crate::measure::samples::Looks;
    use crate::measure::samples::Process;
    use crate::measure::samples::Restart;
    use crate::measure::samples::Round;
    use crate::measure::samples::StopReason;

    fn process() -> Process {
        Process {
            load_seconds: 0.1,
            loaded_bytes: None,
            first_seconds: 0.01,
            warmup: Vec::new(),
            peak_bytes: None,
        }
    }

    fn block(own: f64, stolen: f64) -> Block {
        Block {
            wall: vec![own + stolen; 3],
            stolen: if stolen > 0.0 { vec![stolen; 3] } else { Vec::new() },
        }
    }

    fn looks(restarts: usize) -> Looks {
        Looks {
            taken: vec![restarts],
            planned: restarts,
            last_is_final: true,
            family: 1,
        }
    }

    /// A pair whose blocks come from (restart, round, side).
    fn pair(restarts: usize, blocks: impl Fn(usize, usize, Which) -> Block) -> PairMeasurement {
        let restarts: Vec<Restart> = (0..restarts)
            .map(|restart| Restart {
                baseline: process(),
                candidate: process(),
                rounds: (0..10)
                    .map(|round| Round {
                        first: Which::Baseline,
                        baseline: blocks(restart, round, Which::Baseline),
                        candidate: blocks(restart, round, Which::Candidate),
                    })
                    .collect(),
            })
            .collect();
        PairMeasurement {
            looks: looks(restarts.len()),
            restarts,
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

    /// Small differences without any pattern.
    fn noise(restart: usize, round: usize) -> f64 {
        1.0 + ((restart * 37 + round * 11 + restart * round * 5) % 17) as f64 * 1e-4
    }

    fn said(pair: &PairMeasurement) -> Vec<String> {
        find(pair).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn says_nothing_of_a_calm_measurement() {
        let calm = pair(20, |restart, round, _| block(0.001 * noise(restart, round), 0.0));
        assert_eq!(find(&calm), []);
        assert_eq!(find(&pair(0, |_, _, _| block(0.001, 0.0))), []);
    }

    #[test]
    fn names_other_processes_the_host_and_the_quota() {
        let mut busy = pair(9, |restart, round, _| {
            block(
                0.001 * noise(restart, round),
                0.001 * noise(restart, round) * 48.0 / 52.0,
            )
        });
        busy.activity.steal_share = Some(0.031);
        busy.activity.quota_seconds = Some(2.5);
        assert_eq!(
            said(&busy),
            [
                "other processes took 48 % of the time",
                "the host of this virtual machine gave 3.1 % of its cores' time to others",
                "the container's CPU quota stopped the processes for 25 % of the time",
            ]
        );
    }

    #[test]
    fn names_heat() {
        let mut hot = pair(12, |restart, round, _| {
            block(0.001 * (1.0 + 0.01 * restart as f64) * noise(restart, round), 0.0)
        });
        assert_eq!(
            said(&hot),
            ["the processor slowed down: both sides lost 11 % while measuring"]
        );
        hot.activity.mhz_before = Some(3400.0);
        hot.activity.mhz_after = Some(2900.0);
        hot.activity.throttle_events = Some(4);
        assert_eq!(
            said(&hot),
            [
                "the processor slowed down: both sides lost 11 % while measuring, its clock fell from 3400 to 2900 MHz, too hot 4 times"
            ]
        );
        let mut counted = pair(5, |restart, round, _| block(0.001 * noise(restart, round), 0.0));
        counted.activity.throttle_events = Some(1);
        assert_eq!(said(&counted), ["the processor slowed itself down, too hot once"]);
    }

    #[test]
    fn names_drift_of_the_level_and_of_the_difference() {
        let faster = pair(12, |restart, round, _| {
            block(0.001 * (1.0 - 0.005 * restart as f64) * noise(restart, round), 0.0)
        });
        assert_eq!(
            said(&faster),
            ["everything got faster while measuring, by 5.5 % over 12 restarts"]
        );
        let settling = pair(12, |restart, round, _| {
            block(0.001 * (1.0 - 0.01 * round as f64) * noise(restart, round), 0.0)
        });
        assert_eq!(said(&settling), ["inside each restart everything got faster, by 9.0 %"]);
        let parting = pair(12, |restart, round, which| {
            let drift = if which == Which::Candidate {
                0.003 * restart as f64
            } else {
                0.0
            };
            block(0.001 * (1.0 + drift) * noise(restart, round), 0.0)
        });
        assert_eq!(
            said(&parting),
            ["the difference between the sides moved by 3.3 % over 12 restarts"]
        );
    }

    #[test]
    fn names_restarts_that_stand_apart() {
        let odd = pair(12, |restart, round, which| {
            let layout = if restart == 6 && which == Which::Candidate {
                1.12
            } else {
                1.0
            };
            let own = if which == Which::Candidate { restart * 7 % 12 } else { 0 } as f64 * 1e-4;
            block(0.001 * (layout + own) * noise(restart, round), 0.0)
        });
        let found = find(&odd);
        assert!(
            matches!(&found[..], [Disturbance::Outliers { restarts, of: 12, .. }] if *restarts == [7]),
            "{found:?}"
        );
        assert_eq!(
            found[0].to_string(),
            "1 of 12 restarts stands apart from the others, by up to 12 %"
        );
    }

    #[test]
    fn names_two_levels() {
        let two = pair(16, |restart, round, which| {
            let slow = which == Which::Baseline && [1, 4, 5, 11, 14].contains(&restart);
            block(0.001 * if slow { 1.2 } else { 1.0 } * noise(restart, round), 0.0)
        });
        let told = said(&two);
        assert!(
            told.contains(
                &"the baseline's latency has two levels 20 % apart: 31 % of the restarts are slow".to_owned()
            ),
            "{told:?}"
        );
        let inside = pair(6, |restart, round, _| {
            let slow = (restart + round) % 3 == 0;
            block(0.001 * if slow { 1.2 } else { 1.0 } * noise(restart, round), 0.0)
        });
        assert!(said(&inside).iter().any(|said| said.contains("of the blocks are slow")));
    }

    #[test]
    fn finds_the_same_in_a_side_measured_alone() {
        let restarts: Vec<LoneRestart> = (0..10)
            .map(|restart| LoneRestart {
                process: process(),
                blocks: (0..10)
                    .map(|round| block(0.001 * (1.0 + 0.01 * restart as f64) * noise(restart, round), 0.0002))
                    .collect(),
            })
            .collect();
        let alone = SideMeasurement {
            looks: looks(10),
            restarts,
            stopped: StopReason::Planned,
            seconds: 5.0,
            cores: None,
            runtime_version: "1.31.0".to_owned(),
            empty_session_bytes: None,
            load_average: None,
            activity: Activity::default(),
            warnings: Vec::new(),
        };
        let kinds: Vec<&str> = find_alone(&alone).iter().map(Disturbance::kind).collect();
        assert_eq!(kinds, ["load", "throttling"]);
    }
}
