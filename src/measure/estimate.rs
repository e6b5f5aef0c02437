//! From raw samples to what they say: one value a restart, an interval over restarts, and whether a limit is decided.
//!
//! | quantity | a restart's value |
//! |---|---|
//! | p50, p95 | median over its rounds of log(block statistic of the candidate / of the baseline) |
//! | peak memory | candidate's peak − baseline's peak, over the baseline's mean peak beyond an empty session |
//! | an absolute latency | log of the statistic of all its samples |
//! | an absolute peak | the process' peak beyond an empty session |
//!
//! Changes go by blocks, not by all samples of a restart: on recorded noise the ratio of p95 taken over whole restarts spreads up
//! to ten times as much, as a burst that hits one side's block then shifts the whole restart.

use crate::measure::plan::Aim;
use crate::measure::plan::Quantity;
use crate::measure::samples::Block;
use crate::measure::samples::LoneRestart;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Restart;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::Which;
use crate::stats::interval::Estimate;
use crate::stats::interval::Interval;
use crate::stats::sequential::TAIL;
use crate::stats::sequential::tail_at_last_look;
use crate::stats::summary::mean;
use crate::stats::summary::median;
use crate::stats::summary::percentile;

const MILLISECONDS: f64 = 1e3;

/// The least memory beyond an empty session that a change is related to: one page.
const LEAST_MEMORY: f64 = 4096.0;

/// One value a restart, and how to read an interval of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    values: Vec<f64>,
    reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    /// Log ratios, read as per cent of change.
    LogRatio,
    /// Logarithms, read as what they are of: times are positive and skewed, and so is their interval.
    Log,
    /// Shares of the baseline, read as per cent of change.
    Share,
    /// Read as they are.
    Plain,
}

impl Evidence {
    /// The interval that leaves `tail` outside on each side; per cent for a change, the quantity's unit for an absolute figure.
    /// `None` of fewer than two restarts.
    pub fn interval(&self, tail: f64) -> Option<Interval> {
        let interval = Estimate::of(&self.values)?.interval(tail);
        Some(Interval {
            center: self.read(interval.center),
            lower: self.read(interval.lower),
            upper: self.read(interval.upper),
        })
    }

    /// The median over restarts, in the unit of [`Self::interval`].
    fn median(&self) -> Option<f64> {
        median(&self.values).map(|value| self.read(value))
    }

    fn read(&self, value: f64) -> f64 {
        match self.reading {
            Reading::LogRatio => 100.0 * value.exp_m1(),
            Reading::Log => value.exp(),
            Reading::Share => 100.0 * value,
            Reading::Plain => value,
        }
    }
}

/// How much the candidate differs from the baseline; `None` where the quantity could not be measured.
/// `empty` is an empty session's peak memory in bytes.
pub fn change(restarts: &[Restart], empty: Option<u64>, quantity: Quantity) -> Option<Evidence> {
    if quantity == Quantity::PeakMemory {
        let level = level(restarts, empty, quantity)?;
        let values = restarts
            .iter()
            .map(|restart| Some((peak(restart, Which::Candidate)? - peak(restart, Which::Baseline)?) / level))
            .collect::<Option<Vec<f64>>>()?;
        return Some(Evidence {
            values,
            reading: Reading::Share,
        });
    }
    let values = restarts
        .iter()
        .map(|restart| {
            let ratios = restart
                .rounds
                .iter()
                .map(|round| {
                    let candidate = statistic(&own(&round.candidate), quantity)?;
                    let baseline = statistic(&own(&round.baseline), quantity)?;
                    let ratio = (candidate / baseline).ln();
                    ratio.is_finite().then_some(ratio)
                })
                .collect::<Option<Vec<f64>>>()?;
            median(&ratios)
        })
        .collect::<Option<Vec<f64>>>()?;
    Some(Evidence {
        values,
        reading: Reading::LogRatio,
    })
}

/// One side's absolute figure, in milliseconds or bytes; `None` where it could not be measured.
pub fn absolute(restarts: &[Restart], empty: Option<u64>, which: Which, quantity: Quantity) -> Option<Evidence> {
    match quantity {
        Quantity::PeakMemory => Some(plain(peaks(restarts, empty, which)?)),
        Quantity::LatencyP50 | Quantity::LatencyP95 => restarts
            .iter()
            .map(|restart| {
                let samples: Vec<f64> = restart
                    .rounds
                    .iter()
                    .flat_map(|round| round.block(which).own())
                    .collect();
                statistic(&samples, quantity)
            })
            .collect::<Option<Vec<f64>>>()
            .and_then(latency),
    }
}

fn plain(values: Vec<f64>) -> Evidence {
    Evidence {
        values,
        reading: Reading::Plain,
    }
}

/// Latencies given in seconds, as evidence in milliseconds; `None` where one is no positive time.
fn latency(seconds: Vec<f64>) -> Option<Evidence> {
    let values = seconds
        .into_iter()
        .map(|second| Some((second * MILLISECONDS).ln()).filter(|value| value.is_finite()))
        .collect::<Option<Vec<f64>>>()?;
    Some(Evidence {
        values,
        reading: Reading::Log,
    })
}

/// The absolute figure of a side measured alone, in milliseconds or bytes.
pub fn absolute_alone(restarts: &[LoneRestart], empty: Option<u64>, quantity: Quantity) -> Option<Evidence> {
    match quantity {
        Quantity::PeakMemory => restarts
            .iter()
            .map(|restart| Some((restart.process.peak_bytes? as f64 - empty? as f64).max(0.0)))
            .collect::<Option<Vec<f64>>>()
            .map(plain),
        Quantity::LatencyP50 | Quantity::LatencyP95 => restarts
            .iter()
            .map(|restart| {
                let samples: Vec<f64> = restart.blocks.iter().flat_map(Block::own).collect();
                statistic(&samples, quantity)
            })
            .collect::<Option<Vec<f64>>>()
            .and_then(latency),
    }
}

/// All latencies of one side in milliseconds, untrimmed: what absolute figures are made of.
pub fn latencies(restarts: &[Restart], which: Which) -> Vec<f64> {
    restarts
        .iter()
        .flat_map(|restart| &restart.rounds)
        .flat_map(|round| round.block(which).own())
        .map(|seconds| seconds * MILLISECONDS)
        .collect()
}

/// All latencies of a side measured alone, in milliseconds.
pub fn latencies_alone(restarts: &[LoneRestart]) -> Vec<f64> {
    restarts
        .iter()
        .flat_map(|restart| &restart.blocks)
        .flat_map(Block::own)
        .map(|seconds| seconds * MILLISECONDS)
        .collect()
}

/// What a change is related to: the baseline's figure in the quantity's unit, above zero.
fn level(restarts: &[Restart], empty: Option<u64>, quantity: Quantity) -> Option<f64> {
    if quantity == Quantity::PeakMemory {
        return Some(mean(&peaks(restarts, empty, Which::Baseline)?)?.max(LEAST_MEMORY));
    }
    absolute(restarts, empty, Which::Baseline, quantity)?
        .median()
        .filter(|level| *level > 0.0)
}

/// The change that a relative limit accepts, in per cent of the baseline: `max_regression`, or the quantity's floor where that is
/// more.
pub fn accepted(restarts: &[Restart], empty: Option<u64>, quantity: Quantity, max_regression: f64) -> f64 {
    level(restarts, empty, quantity).map_or(max_regression, |level| {
        max_regression.max(100.0 * quantity.floor() / level)
    })
}

impl Looks {
    /// The tail outside each bound of the shown interval, and for saying "within the limit".
    ///
    /// Not shared over the family: a run passes only if every comparison does, and such an intersection needs no correction
    /// (R. L. Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24 (1982)).
    pub fn tail(&self) -> f64 {
        self.tail_of(TAIL)
    }

    /// The tail for saying "beyond the limit" when that claim's share of the error is `alpha`.
    pub fn tail_of(&self, alpha: f64) -> f64 {
        tail_at_last_look(&self.taken, self.planned, self.last_is_final, alpha)
    }

    /// The share of the error of one of the family's limits: Bonferroni's, which [`crate::stats::holm`] can only widen.
    pub fn share(&self) -> f64 {
        TAIL / self.family.max(1) as f64
    }
}

/// True where the interval says on which side of `limit` the truth is.
fn decided(evidence: &Evidence, limit: f64, looks: &Looks) -> bool {
    let within = evidence
        .interval(looks.tail())
        .is_some_and(|interval| interval.upper <= limit);
    let beyond = evidence
        .interval(looks.tail_of(looks.share()))
        .is_some_and(|interval| interval.lower > limit);
    within || beyond
}

/// True where every aim is decided. What cannot be measured here needs no more time.
pub fn pair_decided(restarts: &[Restart], empty: Option<u64>, aims: &[Aim], looks: &Looks) -> bool {
    aims.iter().all(|aim| {
        let relative = aim.max_regression.is_none_or(|limit| {
            change(restarts, empty, aim.quantity)
                .is_none_or(|change| decided(&change, accepted(restarts, empty, aim.quantity, limit), looks))
        });
        let budget = aim.budget.is_none_or(|budget| {
            absolute(restarts, empty, Which::Candidate, aim.quantity)
                .is_none_or(|figure| decided(&figure, budget, looks))
        });
        relative && budget
    })
}

/// True where every budget is decided for a side measured alone.
pub fn alone_decided(restarts: &[LoneRestart], empty: Option<u64>, aims: &[Aim], looks: &Looks) -> bool {
    aims.iter().all(|aim| {
        aim.budget.is_none_or(|budget| {
            absolute_alone(restarts, empty, aim.quantity).is_none_or(|figure| decided(&figure, budget, looks))
        })
    })
}

impl PairMeasurement {
    /// How much the candidate differs from the baseline.
    pub fn change(&self, quantity: Quantity) -> Option<Evidence> {
        change(&self.restarts, self.empty_session_bytes, quantity)
    }

    /// The change that a relative limit accepts, its floor included, in per cent of the baseline.
    pub fn accepted(&self, quantity: Quantity, max_regression: f64) -> f64 {
        accepted(&self.restarts, self.empty_session_bytes, quantity, max_regression)
    }

    /// One side's absolute figure.
    pub fn absolute(&self, which: Which, quantity: Quantity) -> Option<Evidence> {
        absolute(&self.restarts, self.empty_session_bytes, which, quantity)
    }
}

impl SideMeasurement {
    /// The absolute figure.
    pub fn absolute(&self, quantity: Quantity) -> Option<Evidence> {
        absolute_alone(&self.restarts, self.empty_session_bytes, quantity)
    }
}

/// A block's latencies in seconds, without what other processes took.
fn own(block: &Block) -> Vec<f64> {
    block.own().collect()
}

/// What a latency is of some samples, in their unit.
fn statistic(samples: &[f64], quantity: Quantity) -> Option<f64> {
    match quantity {
        Quantity::LatencyP50 => median(samples),
        Quantity::LatencyP95 => percentile(samples, 0.95),
        Quantity::PeakMemory => None,
    }
}

fn peak(restart: &Restart, which: Which) -> Option<f64> {
    restart.process(which).peak_bytes.map(|bytes| bytes as f64)
}

/// One side's peaks beyond an empty session, in bytes.
fn peaks(restarts: &[Restart], empty: Option<u64>, which: Which) -> Option<Vec<f64>> {
    let empty = empty? as f64;
    restarts
        .iter()
        .map(|restart| Some((peak(restart, which)? - empty).max(0.0)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::samples::Process;
    use crate::measure::samples::Round;

    const EMPTY: Option<u64> = Some(20_000_000);

    fn block(wall: Vec<f64>) -> Block {
        Block {
            wall,
            stolen: Vec::new(),
        }
    }

    fn restart(ratio: f64, peaks: (u64, u64)) -> Restart {
        let process = |peak| Process {
            load_seconds: 0.1,
            first_seconds: 0.01,
            warmup: Vec::new(),
            peak_bytes: Some(peak),
        };
        Restart {
            baseline: process(peaks.0),
            candidate: process(peaks.1),
            rounds: vec![
                Round {
                    first: Which::Baseline,
                    baseline: block(vec![0.001, 0.001, 0.002]),
                    candidate: block(vec![0.001 * ratio, 0.001 * ratio, 0.004]),
                };
                3
            ],
        }
    }

    #[test]
    fn a_ratio_reads_as_per_cent() {
        let restarts = vec![restart(1.1, (30_000_000, 31_000_000)); 3];
        let change = change(&restarts, EMPTY, Quantity::LatencyP50).unwrap();
        let interval = change.interval(TAIL).unwrap();
        assert!((interval.center - 10.0).abs() < 1e-9);
        assert!((interval.upper - interval.lower).abs() < 1e-9);
        let p50 = absolute(&restarts, EMPTY, Which::Candidate, Quantity::LatencyP50).unwrap();
        assert!((p50.interval(TAIL).unwrap().center - 1.1).abs() < 1e-9);
        assert_eq!(latencies(&restarts, Which::Baseline).len(), 27);
    }

    #[test]
    fn memory_counts_beyond_the_empty_session() {
        let restarts = vec![restart(1.0, (30_000_000, 31_000_000)); 3];
        let evidence = change(&restarts, EMPTY, Quantity::PeakMemory).unwrap();
        assert!((evidence.interval(TAIL).unwrap().center - 10.0).abs() < 1e-9);
        let figure = absolute(&restarts, EMPTY, Which::Candidate, Quantity::PeakMemory).unwrap();
        assert_eq!(figure.interval(TAIL).unwrap().center, 11_000_000.0);
        assert_eq!(change(&restarts, None, Quantity::PeakMemory), None);
    }

    #[test]
    fn a_floor_widens_the_limit_of_tiny_models() {
        let mut restarts = vec![restart(1.0, (30_000_000, 31_000_000)); 3];
        assert_eq!(accepted(&restarts, EMPTY, Quantity::LatencyP50, 5.0), 5.0);
        assert_eq!(accepted(&restarts, EMPTY, Quantity::PeakMemory, 5.0), 10.0);
        for round in restarts.iter_mut().flat_map(|restart| &mut restart.rounds) {
            round.baseline = block(vec![0.000_005; 3]);
        }
        let wider = accepted(&restarts, EMPTY, Quantity::LatencyP50, 5.0);
        assert!((wider - 20.0).abs() < 1e-9, "{wider}");
        // A baseline that needs nothing beyond an empty session excuses no growth beyond the floor.
        let restarts = vec![restart(1.0, (20_000_000, 31_000_000)); 3];
        let grown = change(&restarts, EMPTY, Quantity::PeakMemory)
            .unwrap()
            .interval(TAIL)
            .unwrap();
        assert!(grown.lower > accepted(&restarts, EMPTY, Quantity::PeakMemory, 5.0));
    }

    #[test]
    fn decides_only_when_all_aims_are() {
        let restarts = vec![restart(1.0, (40_000_000, 40_000_000)); 5];
        let looks = Looks {
            taken: vec![5],
            planned: 60,
            last_is_final: false,
            family: 2,
        };
        let aim = |quantity| Aim {
            quantity,
            max_regression: Some(5.0),
            budget: None,
        };
        let both = [aim(Quantity::LatencyP50), aim(Quantity::PeakMemory)];
        assert!(pair_decided(&restarts, EMPTY, &both, &looks));
        // Peaks that swing by far more than the limit and the floor decide nothing.
        let mut noisy = restarts.clone();
        for (index, restart) in noisy.iter_mut().enumerate() {
            restart.candidate.peak_bytes = Some(30_000_000 + 5_000_000 * index as u64);
        }
        assert!(!pair_decided(&noisy, EMPTY, &both, &looks));
        // No memory figures on this system: nothing to wait for.
        assert!(pair_decided(&noisy, None, &both, &looks));
    }
}
