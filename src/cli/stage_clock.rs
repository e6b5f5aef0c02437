//! How long the stages of making a variant take.

use std::time::Instant;

use crate::pipeline::derivation::Progress;
use crate::pipeline::optimize::Stage;
use crate::report::optimized::Timings;
use crate::runtime;

/// What is going on between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Read,
    Derive,
    Calibrate,
    Verify,
    Write,
}

/// Adds what passes between events to the stage that they end.
#[derive(Debug)]
pub(crate) struct StageClock {
    phase: Phase,
    since: Instant,
    timings: Timings,
}

impl StageClock {
    /// Starts with reading.
    pub(crate) fn start() -> Self {
        Self {
            phase: Phase::Read,
            since: Instant::now(),
            timings: Timings::default(),
        }
    }

    /// Takes note of what begins or ends.
    pub(crate) fn note(&mut self, stage: &Stage) {
        self.turn(match stage {
            Stage::Calibrating(Progress::Calibrating { done, of, .. }) if done < of => Phase::Calibrate,
            Stage::Deriving | Stage::Calibrating(_) => Phase::Derive,
            Stage::Verifying => Phase::Verify,
        });
    }

    /// The variant is sound, and is written where it was asked for.
    pub(crate) fn writing(&mut self) {
        self.turn(Phase::Write);
    }

    /// All of it.
    pub(crate) fn stop(mut self) -> Timings {
        self.turn(Phase::Read);
        Timings {
            engine: runtime::engine_time().as_secs_f64(),
            ..self.timings
        }
    }

    fn turn(&mut self, phase: Phase) {
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.since);
        *self.of_phase() += passed.as_secs_f64();
        (self.phase, self.since) = (phase, now);
    }

    fn of_phase(&mut self) -> &mut f64 {
        match self.phase {
            Phase::Read => &mut self.timings.read,
            Phase::Derive => &mut self.timings.derive,
            Phase::Calibrate => &mut self.timings.calibrate,
            Phase::Verify => &mut self.timings.verify,
            Phase::Write => &mut self.timings.write,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_stage_gets_its_own_time() {
        let mut clock = StageClock::start();
        let calibrating = |done| {
            Stage::Calibrating(Progress::Calibrating {
                step: "int8-static".to_owned(),
                done,
                of: 2,
            })
        };
        for (stage, phase) in [
            (Stage::Deriving, Phase::Derive),
            (calibrating(0), Phase::Calibrate),
            (calibrating(1), Phase::Calibrate),
            (calibrating(2), Phase::Derive),
            (Stage::Verifying, Phase::Verify),
        ] {
            clock.note(&stage);
            assert_eq!(clock.phase, phase);
            std::thread::sleep(Duration::from_millis(2));
        }
        clock.writing();
        let timings = clock.stop();
        assert!(timings.calibrate > 0.003 && timings.derive > 0.003 && timings.verify > 0.001);
    }
}
