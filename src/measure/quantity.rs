//! The noisy quantities: their names, units, which way is worse, and the change that is too small to matter.
//!
//! | quantity | of one restart |
//! |---|---|
//! | p50, p95, p99, mean | the statistic of the latencies of a block, or of all of the restart's where blocks are too short for it |
//! | std | the standard deviation of all latencies of the restart |
//! | throughput | inferences a second, one after the other: one over the untrimmed mean of all latencies of the restart |
//! | load | from the model's bytes in memory to a session |
//! | first inference | the very first one, which allocates and packs what later ones reuse |
//! | time to stable | from the start of loading until latency has settled, see [`crate::measure::warmup`] |
//! | peak memory | the most that the process held at any time, beyond an empty session |
//! | model memory | what the process holds with the session built and before the first inference, beyond an empty session |

use crate::measure::plan::LATENCY_FLOOR_MS;
use crate::measure::plan::MEMORY_FLOOR_BYTES;
use crate::stats::interval::Interval;

/// Slack below which a relative change of a start-up figure is no regression: 1 ms, in milliseconds. There is one start a restart
/// and nothing to take a median of, and what it does beside the model (mapping files, starting threads, page faults) comes and
/// goes by tenths of a millisecond; nobody waits for less.
pub const START_FLOOR_MS: f64 = 1.0;

/// A noisy quantity that a limit can be set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// Median latency, milliseconds.
    LatencyP50,
    /// 95th percentile of latency, milliseconds.
    LatencyP95,
    /// 99th percentile of latency, milliseconds.
    LatencyP99,
    /// Mean latency, milliseconds.
    LatencyMean,
    /// Standard deviation of latency, milliseconds.
    LatencyStd,
    /// Inferences a second, one after the other.
    Throughput,
    /// From the model's bytes to a session, milliseconds.
    Load,
    /// The very first inference, milliseconds.
    FirstInference,
    /// From the start of loading until latency has settled, milliseconds.
    TimeToStable,
    /// Peak memory beyond an empty session, bytes.
    PeakMemory,
    /// Memory of a session before its first inference, beyond an empty session, bytes.
    ModelMemory,
}

/// What a quantity is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A number each second.
    PerSecond,
    /// Bytes.
    Bytes,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More is worse, as for a time.
    LowerIsBetter,
    /// Less is worse, as for throughput.
    HigherIsBetter,
}

impl Quantity {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::LatencyP50,
        Self::LatencyP95,
        Self::LatencyP99,
        Self::LatencyMean,
        Self::LatencyStd,
        Self::Throughput,
        Self::Load,
        Self::FirstInference,
        Self::TimeToStable,
        Self::PeakMemory,
        Self::ModelMemory,
    ];

    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::LatencyP50 => "p50",
            Self::LatencyP95 => "p95",
            Self::LatencyP99 => "p99",
            Self::LatencyMean => "mean",
            Self::LatencyStd => "std",
            Self::Throughput => "throughput",
            Self::Load => "load",
            Self::FirstInference => "first inference",
            Self::TimeToStable => "time to stable",
            Self::PeakMemory => "peak memory",
            Self::ModelMemory => "model memory",
        }
    }

    /// What its figures and budgets are counted in.
    pub fn unit(self) -> Unit {
        match self {
            Self::Throughput => Unit::PerSecond,
            Self::PeakMemory | Self::ModelMemory => Unit::Bytes,
            Self::LatencyP50
            | Self::LatencyP95
            | Self::LatencyP99
            | Self::LatencyMean
            | Self::LatencyStd
            | Self::Load
            | Self::FirstInference
            | Self::TimeToStable => Unit::Milliseconds,
        }
    }

    /// Which way is better.
    pub fn direction(self) -> Direction {
        match self {
            Self::Throughput => Direction::HigherIsBetter,
            _ => Direction::LowerIsBetter,
        }
    }

    /// The absolute change up to which no relative limit is violated: milliseconds, or bytes for memory. Throughput has the floor
    /// of the mean latency that it comes from, in milliseconds an inference.
    pub fn floor(self) -> f64 {
        match self {
            Self::LatencyP50
            | Self::LatencyP95
            | Self::LatencyP99
            | Self::LatencyMean
            | Self::LatencyStd
            | Self::Throughput => LATENCY_FLOOR_MS,
            Self::Load | Self::FirstInference | Self::TimeToStable => START_FLOOR_MS,
            Self::PeakMemory | Self::ModelMemory => MEMORY_FLOOR_BYTES,
        }
    }

    /// [`Self::floor`] as a share of the baseline's figure `level`, in the direction that is worse and in per cent; `level` is in the
    /// quantity's unit and above zero.
    pub fn floor_percent(self, level: f64) -> f64 {
        match self {
            // What a mean latency longer by the floor takes from the throughput.
            Self::Throughput => {
                let mean = 1e3 / level;
                100.0 * self.floor() / (mean + self.floor())
            }
            _ => 100.0 * self.floor() / level,
        }
    }

    /// True for what is read out of the latencies of inferences.
    pub fn is_latency(self) -> bool {
        matches!(
            self,
            Self::LatencyP50
                | Self::LatencyP95
                | Self::LatencyP99
                | Self::LatencyMean
                | Self::LatencyStd
                | Self::Throughput
        )
    }

    /// True for memory of a process.
    pub fn is_memory(self) -> bool {
        self.unit() == Unit::Bytes
    }
}

impl Direction {
    /// A figure turned so that more is worse.
    pub fn cost(self, value: f64) -> f64 {
        match self {
            Self::LowerIsBetter => value,
            Self::HigherIsBetter => -value,
        }
    }

    /// An interval of figures, turned so that more is worse.
    pub fn costs(self, interval: Interval) -> Interval {
        match self {
            Self::LowerIsBetter => interval,
            Self::HigherIsBetter => Interval {
                center: -interval.center,
                lower: -interval.upper,
                upper: -interval.lower,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_quantity_stands_once_and_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> = Quantity::ALL.iter().map(|quantity| quantity.name()).collect();
        assert_eq!(names.len(), Quantity::ALL.len());
        assert!(Quantity::ALL.is_sorted());
    }

    #[test]
    fn a_floor_of_throughput_is_that_of_the_mean() {
        // 10 µs an inference are 100 000 a second; with 0.1 µs more each they are 99 010.
        let percent = Quantity::Throughput.floor_percent(100_000.0);
        let expected = 100.0 * (1.0 - 0.010 / (0.010 + LATENCY_FLOOR_MS));
        assert!((percent - expected).abs() < 1e-9, "{percent}");
    }

    proptest! {
        #[test]
        fn a_floor_is_a_share_that_shrinks_with_the_level(level in 1e-3_f64..1e9, more in 1.0_f64..10.0) {
            for quantity in Quantity::ALL {
                let (small, large) = (quantity.floor_percent(level), quantity.floor_percent(level * more));
                prop_assert!(small > 0.0);
                match quantity.direction() {
                    Direction::LowerIsBetter => prop_assert!(large <= small),
                    Direction::HigherIsBetter => prop_assert!(large >= small && large < 100.0),
                }
            }
        }
    }
}
