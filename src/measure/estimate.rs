//! From raw samples to what they say: one value a restart, an interval over restarts, and whether a limit is decided.
//!
//! | quantity | a restart's value |
//! |---|---|
//! | p50, p95, p99, mean | median over its rounds of log(block statistic of the candidate / of the baseline); log of the ratio of the statistics of all its samples where a block is too short for it |
//! | std, throughput | log of the ratio of the statistics of all its samples |
//! | load, first inference, time to stable | log(candidate's / baseline's) |
//! | memory | candidate's − baseline's, over the baseline's mean beyond an empty session |
//! | an absolute time or throughput | log of the figure of all its samples |
//! | an absolute memory | what the process holds beyond an empty session |
//!
//! Changes go by blocks, not by all samples of a restart: on recorded noise the ratio of p95 taken over whole restarts spreads up
//! to ten times as much, as a burst that hits one side's block then shifts the whole restart.

use crate::measure::plan::Aim;
use crate::measure::quantity::Direction;
use crate::measure::quantity::Quantity;
use crate::measure::samples::Block;
use crate::measure::samples::LoneRestart;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Restart;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::Which;
use crate::measure::values::Values;
use crate::measure::values::log_ratio;
use crate::measure::values::shown;
use crate::stats::interval::Estimate;
use crate::stats::interval::Interval;
use crate::stats::sequential::TAIL;
use crate::stats::sequential::tail_at_last_look;
use crate::stats::summary::mean;
use crate::stats::summary::median;

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

    /// Centre and standard error in the scale that they are computed in; [`Self::read`] turns that into per cent or units.
    pub(crate) fn estimate(&self) -> Option<Estimate> {
        Estimate::of(&self.values)
    }

    /// The centre of every interval.
    fn center(&self) -> Option<f64> {
        self.interval(TAIL).map(|interval| interval.center)
    }

    /// The median over restarts, in the unit of [`Self::interval`].
    fn median(&self) -> Option<f64> {
        median(&self.values).map(|value| self.read(value))
    }

    /// A value of [`Self::estimate`]'s scale in the unit of [`Self::interval`].
    pub(crate) fn read(&self, value: f64) -> f64 {
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
    if !quantity.is_memory() {
        let values = restarts
            .iter()
            .map(|restart| log_ratio(restart, quantity))
            .collect::<Option<Vec<f64>>>()?;
        return Some(Evidence {
            values,
            reading: Reading::LogRatio,
        });
    }
    let level = level(restarts, empty, quantity)?;
    let held = |restart, which| Values::of(restart, which).figure(quantity);
    let values = restarts
        .iter()
        .map(|restart| Some((held(restart, Which::Candidate)? - held(restart, Which::Baseline)?) / level))
        .collect::<Option<Vec<f64>>>()?;
    Some(Evidence {
        values,
        reading: Reading::Share,
    })
}

/// One side's absolute figure in the quantity's unit; `None` where it could not be measured.
pub fn absolute(restarts: &[Restart], empty: Option<u64>, which: Which, quantity: Quantity) -> Option<Evidence> {
    figures(&sides(restarts, which), empty, quantity)
}

/// The absolute figure of a side measured alone, in the quantity's unit.
pub fn absolute_alone(restarts: &[LoneRestart], empty: Option<u64>, quantity: Quantity) -> Option<Evidence> {
    figures(&alone(restarts), empty, quantity)
}

fn sides(restarts: &[Restart], which: Which) -> Vec<Values<'_>> {
    restarts.iter().map(|restart| Values::of(restart, which)).collect()
}

fn alone(restarts: &[LoneRestart]) -> Vec<Values<'_>> {
    restarts.iter().map(Values::alone).collect()
}

fn figures(restarts: &[Values<'_>], empty: Option<u64>, quantity: Quantity) -> Option<Evidence> {
    let values = restarts.iter().map(|restart| restart.figure(quantity));
    if quantity.is_memory() {
        let empty = empty? as f64;
        return Some(Evidence {
            values: values
                .map(|value| Some((value? - empty).max(0.0)))
                .collect::<Option<_>>()?,
            reading: Reading::Plain,
        });
    }
    Some(Evidence {
        values: values
            .map(|value| Some(value?.ln()).filter(|value| value.is_finite()))
            .collect::<Option<_>>()?,
        reading: Reading::Log,
    })
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
    let figure = absolute(restarts, empty, Which::Baseline, quantity)?;
    if quantity.is_memory() {
        return Some(mean(&figure.values)?.max(LEAST_MEMORY));
    }
    figure.median().filter(|level| *level > 0.0)
}

/// The change for the worse that a relative limit accepts, in per cent of the baseline: `max_regression`, or the quantity's floor where
/// that is more.
pub fn accepted(restarts: &[Restart], empty: Option<u64>, quantity: Quantity, max_regression: f64) -> f64 {
    level(restarts, empty, quantity).map_or(max_regression, |level| {
        max_regression.max(quantity.floor_percent(level))
    })
}

/// The tails of both kinds of bound after some looks; finding them takes a numerical integration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tails {
    /// Of the shown interval, and for saying "within the limit": see [`Looks::tail`].
    pub shown: f64,
    /// For saying "beyond the limit" with one limit's share of the error.
    pub bound: f64,
}

impl Looks {
    /// Both tails.
    pub fn tails(&self) -> Tails {
        Tails {
            shown: self.tail(),
            bound: self.tail_of(self.share()),
        }
    }

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

/// True where the interval says on which side of `limit` the truth is; `limit` is turned as [`Direction::cost`] does.
fn decided(evidence: &Evidence, direction: Direction, limit: f64, tails: Tails) -> bool {
    let costs = |tail| evidence.interval(tail).map(|interval| direction.costs(interval));
    let within = costs(tails.shown).is_some_and(|interval| interval.upper <= limit);
    let beyond = costs(tails.bound).is_some_and(|interval| interval.lower > limit);
    within || beyond
}

/// True where every aim is decided. What cannot be measured here needs no more time.
pub fn pair_decided(restarts: &[Restart], empty: Option<u64>, aims: &[Aim], looks: &Looks) -> bool {
    let tails = looks.tails();
    aims.iter().all(|aim| {
        let direction = aim.quantity.direction();
        let relative = aim.fails_beyond().is_none_or(|limit| {
            change(restarts, empty, aim.quantity).is_none_or(|change| {
                let accepted = accepted(restarts, empty, aim.quantity, limit);
                decided(&change, direction, accepted, tails)
            })
        });
        let budget = aim.budget.is_none_or(|budget| {
            absolute(restarts, empty, Which::Candidate, aim.quantity)
                .is_none_or(|figure| decided(&figure, direction, direction.cost(budget), tails))
        });
        relative && budget
    })
}

/// True where every budget is decided for a side measured alone.
pub fn alone_decided(restarts: &[LoneRestart], empty: Option<u64>, aims: &[Aim], looks: &Looks) -> bool {
    let tails = looks.tails();
    aims.iter().all(|aim| {
        let direction = aim.quantity.direction();
        aim.budget.is_none_or(|budget| {
            absolute_alone(restarts, empty, aim.quantity)
                .is_none_or(|figure| decided(&figure, direction, direction.cost(budget), tails))
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

    /// One side's figure to show, in the quantity's unit: over all samples, untrimmed; the centre of the interval for memory.
    pub fn shown(&self, which: Which, quantity: Quantity) -> Option<f64> {
        shown(&sides(&self.restarts, which), quantity).or_else(|| self.absolute(which, quantity)?.center())
    }
}

impl SideMeasurement {
    /// The absolute figure.
    pub fn absolute(&self, quantity: Quantity) -> Option<Evidence> {
        absolute_alone(&self.restarts, self.empty_session_bytes, quantity)
    }

    /// The figure to show, in the quantity's unit: over all samples, untrimmed; the centre of the interval for memory.
    pub fn shown(&self, quantity: Quantity) -> Option<f64> {
        shown(&alone(&self.restarts), quantity).or_else(|| self.absolute(quantity)?.center())
    }
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
            loaded_bytes: None,
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
            round.baseline = block(vec![0.000_000_5; 3]);
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
            strict: false,
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
