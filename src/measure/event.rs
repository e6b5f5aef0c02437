//! What measuring tells while it goes on; whoever asked for the measurement decides how to show it.

use crate::measure::samples::StopReason;
use crate::stats::interval::Interval;

/// A step of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The first restart is done and tells how many there will be at most.
    Planned {
        /// Restarts at most.
        restarts: usize,
        /// Seconds they may take together.
        seconds: f64,
    },
    /// A pair of processes (or one alone) has been measured.
    Restarted {
        /// Restarts done.
        done: usize,
        /// Restarts planned.
        planned: usize,
        /// Seconds since the start.
        seconds: f64,
        /// The change of median latency so far in per cent, with a plain 95 % interval that decides nothing; `None` of a single
        /// restart and of a side measured alone.
        change: Option<Interval>,
    },
    /// Measuring is over.
    Finished {
        /// Restarts done.
        restarts: usize,
        /// Seconds that everything took.
        seconds: f64,
        /// Why it ended.
        reason: StopReason,
    },
}
