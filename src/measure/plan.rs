//! How to measure: how long a block is, how many rounds a restart has, when to look, when to stop.

use std::time::Duration;

use crate::config::Gate;
use crate::config::LatencyMetric;
use crate::config::Limit;
use crate::config::MeasureConfig;
use crate::measure::quantity::Quantity;
use crate::runtime::Stop;
use crate::units::Bytes;
use crate::units::Millis;

/// Fewer restarts than these have no interval worth showing; they are made even where the time is up.
pub const MIN_RESTARTS: usize = 3;

/// Restarts at which the limits are looked at, as far as they fit into the time.
pub const LOOKS: [usize; 11] = [5, 6, 8, 10, 13, 17, 22, 28, 36, 47, 60];

/// A block lasts about this long: long against a context switch, short against the bursts of a busy machine.
const BLOCK_SECONDS: f64 = 0.002;

/// More inferences than these a block say nothing more and fill the disk.
const MAX_BLOCK: u32 = 40;

/// From this length on the first inference of a block pays little for what the other side left in the caches.
const SLOW_INFERENCE_SECONDS: f64 = 0.050;

/// A process is warmed up for about this long,
const WARMUP_SECONDS: f64 = 0.030;

/// but by so many inferences at least
const MIN_WARMUP: u32 = 2;

/// and at most.
const MAX_WARMUP: u32 = 15;

/// What a restart measures takes about this share of the time budget (0.35 s of 20 s), so that enough restarts fit in even where half
/// of the time goes to other processes.
const RESTART_SHARE: f64 = 1.0 / 57.0;

/// Rounds a session where there are several, or where one is all that fits.
const ROUNDS: usize = 20;

/// Rounds of a single session at most. Beyond this a restart says little more about itself; another restart does.
const MANY_ROUNDS: usize = 40;

/// Rounds a restart for the slowest models.
const MIN_ROUNDS: usize = 3;

/// Sessions a process at most. Each lays its weights out anew, which averages away much of what sets one restart apart from the next:
/// with four sessions the spread between restarts fell from 3.4 to 1.5 % (digits_cnn) and from 2.2 to 0.4 % (digits_vit) beside
/// endless loops, for twice the time.
const MAX_SESSIONS: usize = 4;

/// Slack below which a relative change of latency is no regression: 1 µs, in milliseconds.
pub const LATENCY_FLOOR_MS: f64 = 0.001;

/// Slack below which a relative change of peak memory is no regression: 1 MB.
pub const MEMORY_FLOOR_BYTES: f64 = 1e6;

/// A limit that measuring has to decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aim {
    /// What the limit is on.
    pub quantity: Quantity,
    /// The accepted regression, in per cent of the baseline; `None` where only the budget counts.
    pub max_regression: Option<f64>,
    /// What the candidate must stay under, or reach where higher is better, in the quantity's unit.
    pub budget: Option<f64>,
    /// Any change for the worse beyond noise fails, even within `max_regression`.
    pub strict: bool,
}

impl Aim {
    /// The change for the worse beyond which it is a regression, in per cent of the baseline.
    pub fn fails_beyond(&self) -> Option<f64> {
        self.max_regression.map(|limit| if self.strict { 0.0 } else { limit })
    }
}

/// The noisy limits of a gate, in the order of reports.
pub fn aims(gate: &Gate) -> Vec<Aim> {
    let latency = &gate.latency;
    let time =
        |limit: Option<Limit<Millis>>| limit.map(|limit| (limit.relative(), limit.budget.map(|budget| budget.0)));
    let bytes =
        |limit: Option<Limit<Bytes>>| limit.map(|limit| (limit.relative(), limit.budget.map(|budget| budget.0 as f64)));
    Quantity::ALL
        .into_iter()
        .filter_map(|quantity| {
            let (max_regression, budget) = match quantity {
                Quantity::LatencyP50 => time(latency.limit_of(LatencyMetric::P50)),
                Quantity::LatencyP95 => time(latency.limit_of(LatencyMetric::P95)),
                Quantity::LatencyP99 => time(latency.limit_of(LatencyMetric::P99)),
                Quantity::LatencyMean => time(latency.limit_of(LatencyMetric::Mean)),
                Quantity::LatencyStd => time(latency.std),
                Quantity::Throughput => latency
                    .throughput
                    .map(|limit| (limit.relative(), limit.budget.map(|budget| budget.0))),
                Quantity::Load => time(latency.load),
                Quantity::FirstInference => time(latency.first),
                Quantity::TimeToStable => time(latency.stable),
                Quantity::PeakMemory => bytes(Some(gate.memory)),
                Quantity::ModelMemory => bytes(gate.model_memory),
            }?;
            Some(Aim {
                quantity,
                max_regression,
                budget,
                strict: gate.strict,
            })
        })
        .collect()
}

/// How many noisy limits `gate` sets on one comparison; the family of a run is this many for each of its comparisons.
pub fn limits(gate: &Gate) -> usize {
    aims(gate)
        .iter()
        .map(|aim| usize::from(aim.max_regression.is_some()) + usize::from(aim.budget.is_some()))
        .sum()
}

/// How one comparison is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The limits to decide; measuring stops when all are.
    pub aims: Vec<Aim>,
    /// Over how many limits of the whole run the error of calling a regression is shared; at least 1.
    pub family: usize,
    /// After this no restart is begun, beyond the first [`MIN_RESTARTS`].
    pub time_budget: Duration,
    /// At most this many restarts.
    pub max_restarts: usize,
    /// Seeds the order of the sides.
    pub seed: u64,
    /// After this much silence a worker is stopped.
    pub worker_timeout: Duration,
    /// What a worker may use, in bytes.
    pub memory_limit: Option<u64>,
    /// The peak memory of an empty session where an earlier comparison of the same run has measured it.
    pub empty_session_bytes: Option<u64>,
    /// Timed inferences of each side, at least.
    pub least_runs: u32,
    /// Inferences after each fresh start that are not timed, at least.
    pub least_warmup: u32,
    /// Ends the measurement early.
    pub stop: Stop,
}

impl Plan {
    /// The plan for one of `comparisons` comparisons of a run.
    pub fn new(gate: &Gate, measure: &MeasureConfig, comparisons: usize) -> Self {
        Self {
            aims: aims(gate),
            family: (limits(gate) * comparisons).max(1),
            time_budget: measure.time_budget.0,
            max_restarts: LOOKS[LOOKS.len() - 1],
            seed: measure.seed,
            worker_timeout: measure.worker_timeout.0,
            memory_limit: None,
            empty_session_bytes: None,
            least_runs: measure.least_runs,
            least_warmup: measure.least_warmup,
            stop: Stop::default(),
        }
    }

    /// The pattern of a restart for sides whose inferences take `seconds` and whose sessions take `load` seconds on average, `sides` of
    /// them taking turns.
    pub fn rhythm(&self, seconds: f64, load: f64, sides: usize) -> Rhythm {
        let seconds = seconds.max(1e-9);
        let keep = ((BLOCK_SECONDS / seconds).round() as u32).clamp(1, MAX_BLOCK);
        let discard = u32::from(seconds < SLOW_INFERENCE_SECONDS);
        let round = seconds * f64::from(keep + discard) * sides as f64;
        let target = self.time_budget.as_secs_f64() * RESTART_SHARE;
        let session = load * sides as f64 + round * (ROUNDS + 1) as f64;
        let sessions = ((target / session) as usize).clamp(1, MAX_SESSIONS);
        let most = if sessions > 1 { ROUNDS } else { MANY_ROUNDS };
        let least = self.least_runs.div_ceil(keep) as usize;
        Rhythm {
            warmup: ((WARMUP_SECONDS / seconds) as u32)
                .clamp(MIN_WARMUP, MAX_WARMUP)
                .max(self.least_warmup),
            sessions,
            discard,
            keep,
            rounds: ((target / round) as usize)
                .clamp(MIN_ROUNDS, most)
                .max(least.div_ceil(MIN_RESTARTS)),
        }
    }

    /// How many restarts to plan, when `spent` seconds went before the first restart and it took `each`.
    pub fn restarts(&self, spent: f64, each: f64) -> usize {
        let fitting = (self.time_budget.as_secs_f64() - spent) / each.max(1e-9);
        let most = self.max_restarts.max(MIN_RESTARTS);
        (fitting.max(0.0) as usize).clamp(MIN_RESTARTS, most)
    }

    /// True where the limits are looked at after `done` of `planned` restarts.
    pub fn looks_at(done: usize, planned: usize) -> bool {
        done >= planned || LOOKS.contains(&done)
    }
}

/// The pattern of one restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// Inferences right after the very first one, kept apart: how a cold start ends.
    pub warmup: u32,
    /// Sessions a process, one after the other.
    pub sessions: usize,
    /// Inferences at the start of a block that are not kept.
    pub discard: u32,
    /// Inferences of a block that are kept.
    pub keep: u32,
    /// Rounds a session, of one block a side.
    pub rounds: usize,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(seconds: u64) -> Plan {
        Plan {
            aims: Vec::new(),
            family: 1,
            time_budget: Duration::from_secs(seconds),
            max_restarts: 60,
            seed: 0,
            worker_timeout: Duration::from_secs(60),
            memory_limit: None,
            empty_session_bytes: None,
            least_runs: 0,
            least_warmup: 0,
            stop: Stop::default(),
        }
    }

    #[test]
    fn blocks_and_sessions_adapt_to_the_model() {
        let rhythm = |seconds, load| {
            let rhythm = plan(20).rhythm(seconds, load, 2);
            assert!((MIN_WARMUP..=MAX_WARMUP).contains(&rhythm.warmup));
            (rhythm.sessions, rhythm.discard, rhythm.keep, rhythm.rounds)
        };
        assert_eq!(rhythm(0.000_005, 0.002), (4, 1, 40, 20));
        assert_eq!(rhythm(0.000_04, 0.003), (4, 1, 40, 20));
        assert_eq!(rhythm(0.000_5, 0.020), (2, 1, 4, 20));
        // A session that loads slowly is not worth a second one.
        assert_eq!(rhythm(0.000_5, 0.200), (1, 1, 4, 40));
        assert_eq!(rhythm(0.004, 0.040), (1, 1, 1, 21));
        assert_eq!(rhythm(0.100, 0.1), (1, 0, 1, 3));
        assert_eq!(rhythm(2.0, 1.0), (1, 0, 1, 3));
    }

    #[test]
    fn restarts_fit_into_the_time() {
        assert_eq!(plan(20).restarts(0.2, 0.2), 60);
        assert_eq!(plan(20).restarts(1.0, 1.0), 19);
        assert_eq!(plan(1).restarts(5.0, 5.0), MIN_RESTARTS);
    }

    proptest! {
        #[test]
        fn every_plan_ends_with_a_look(budget in 0_u64..1000, spent in 0.0_f64..100.0, each in 0.0_f64..100.0) {
            let planned = plan(budget).restarts(spent, each);
            prop_assert!((MIN_RESTARTS..=60).contains(&planned));
            prop_assert!(Plan::looks_at(planned, planned));
        }
    }
}
