//! How to measure on a phone: how many inferences a run has, how many restarts there are, what heat is too much.

use std::time::Duration;

use crate::measure::on_device::heat::Limits;
use crate::measure::plan::Aim;
use crate::measure::plan::LOOKS;
use crate::measure::plan::MIN_RESTARTS;

/// The timed inferences of a run last about this long: long against the clock's microsecond and the governor's steps, short against the
/// minutes in which a phone heats up.
const RUN_SECONDS: f64 = 0.25;

/// Inferences of a run, at least and at most.
const RUNS: (u32, u32) = (3, 500);

/// The warm-up lasts about this long: a governor needs some hundredths of a second to raise the clock.
const WARMUP_SECONDS: f64 = 0.1;

/// Inferences of a warm-up, at least and at most.
const WARMUPS: (u32, u32) = (1, 200);

/// Inferences of the very first run of a side, which tells how long they are and is not kept.
pub(super) const TRIAL: Rhythm = Rhythm { warmup: 1, runs: 5 };

/// How one measurement goes.
#[derive(Debug, Clone)]
pub struct Course {
    /// What decides; nothing where a side is measured alone.
    pub aims: Vec<Aim>,
    /// Restarts at most.
    pub restarts: usize,
    /// After this no restart is begun, beyond the first few.
    pub time_budget: Duration,
    /// Timed inferences of a run; by default as many as last a quarter of a second.
    pub runs: Option<u32>,
    /// Draws which side comes first.
    pub seed: u64,
    /// How warm is too warm.
    pub heat: Limits,
}

/// Inferences of each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// Before the timed ones.
    pub warmup: u32,
    /// Timed.
    pub runs: u32,
}

impl Course {
    /// For inferences of `seconds`; both sides get the same.
    pub(super) fn rhythm(&self, seconds: f64) -> Rhythm {
        let fitting = |target: f64, (least, most): (u32, u32)| ((target / seconds.max(1e-9)) as u32).clamp(least, most);
        Rhythm {
            warmup: fitting(WARMUP_SECONDS, WARMUPS),
            runs: self.runs.unwrap_or_else(|| fitting(RUN_SECONDS, RUNS)),
        }
    }

    /// How many restarts to plan when `spent` seconds went before the first one, which took `each`.
    pub(super) fn planned(&self, spent: f64, each: f64) -> usize {
        let fitting = (self.time_budget.as_secs_f64() - spent) / each.max(1e-9);
        let most = self.restarts.max(MIN_RESTARTS);
        (fitting.max(0.0) as usize).clamp(MIN_RESTARTS, most)
    }
}

/// The most restarts that are looked at before the last.
pub const MOST_RESTARTS: usize = LOOKS[LOOKS.len() - 1];

#[cfg(test)]
mod tests {
    use super::*;

    fn course(seconds: u64) -> Course {
        Course {
            aims: Vec::new(),
            restarts: 20,
            time_budget: Duration::from_secs(seconds),
            runs: None,
            seed: 0,
            heat: Limits::default(),
        }
    }

    #[test]
    fn a_run_lasts_a_quarter_of_a_second() {
        let rhythm = |seconds| {
            let rhythm = course(60).rhythm(seconds);
            (rhythm.warmup, rhythm.runs)
        };
        assert_eq!(rhythm(0.000_01), (200, 500));
        assert_eq!(rhythm(0.004), (25, 62));
        assert_eq!(rhythm(0.1), (1, 3));
        assert_eq!(rhythm(3.0), (1, 3));
        assert_eq!(rhythm(0.0), (200, 500));
    }

    #[test]
    fn restarts_fit_into_the_time() {
        assert_eq!(course(60).planned(2.0, 2.0), 20);
        assert_eq!(course(60).planned(6.0, 6.0), 9);
        assert_eq!(course(1).planned(6.0, 6.0), MIN_RESTARTS);
    }
}
