//! The loop: restarts of turns until the limit is decided, the plan is through, time is up, or the phone stays too warm. Knows neither
//! phones nor clocks.

use std::time::Duration;

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use crate::device::facts::Condition;
use crate::measure::estimate;
use crate::measure::on_device::course::Course;
use crate::measure::on_device::course::Rhythm;
use crate::measure::on_device::course::TRIAL;
use crate::measure::on_device::heat::Heat;
use crate::measure::on_device::output::Run;
use crate::measure::on_device::samples::DeviceMeasurement;
use crate::measure::on_device::samples::DeviceRestart;
use crate::measure::on_device::samples::Turn;
use crate::measure::plan::MIN_RESTARTS;
use crate::measure::plan::Plan;
use crate::measure::quantity::Quantity;
use crate::measure::samples::Looks;
use crate::measure::samples::StopReason;
use crate::measure::samples::Which;
use crate::stats::interval::Interval;
use crate::stats::sequential::TAIL;

/// After so many restarts one after the other that were too warm it is no use to go on.
const PATIENCE: usize = 3;

/// How often a resting phone is looked at.
const GLANCE: Duration = Duration::from_secs(2);

/// What the loop has to do with the world.
pub struct Stage<'a, E> {
    /// Makes one run.
    pub run: &'a mut dyn FnMut(Which, Rhythm) -> Result<Run, E>,
    /// Reads battery and temperatures.
    pub condition: &'a mut dyn FnMut() -> Result<Condition, E>,
    /// Waits.
    pub rest: &'a mut dyn FnMut(Duration) -> Result<(), E>,
    /// Seconds since some moment before.
    pub elapsed: &'a mut dyn FnMut() -> f64,
    /// Told of every step.
    pub observer: &'a mut dyn FnMut(&Step),
}

/// A step of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A restart is done.
    Restarted {
        /// Restarts that count.
        done: usize,
        /// Restarts planned.
        planned: usize,
        /// The change so far in per cent, with a plain 95 % interval that decides nothing.
        change: Option<Interval>,
    },
    /// A restart does not count, for this reason; the phone is left to cool.
    TooWarm(String),
}

/// How it went: all that was measured, also where it broke off.
#[derive(Debug)]
pub struct Ended<E> {
    /// What was measured.
    pub measurement: DeviceMeasurement,
    /// Why it broke off, and on whose run where it was one's.
    pub failure: Option<(Option<Which>, E)>,
}

/// Measures two sides in turns.
pub fn measure_pair<E>(course: &Course, stage: &mut Stage<'_, E>) -> Ended<E> {
    measure(course, stage, true)
}

/// Measures the candidate alone.
pub fn measure_alone<E>(course: &Course, stage: &mut Stage<'_, E>) -> Ended<E> {
    measure(course, stage, false)
}

fn measure<E>(course: &Course, stage: &mut Stage<'_, E>, is_pair: bool) -> Ended<E> {
    let mut going = Going {
        course,
        is_pair,
        random: Pcg64::seed_from_u64(course.seed),
        rhythm: TRIAL,
        measurement: DeviceMeasurement {
            restarts: Vec::new(),
            looks: Looks {
                taken: Vec::new(),
                planned: course.restarts.max(MIN_RESTARTS),
                last_is_final: false,
                family: course.aims.len().max(1),
            },
            stopped: StopReason::Budget,
            seconds: 0.0,
            inferences: (0, 0),
            warnings: Vec::new(),
        },
    };
    let begun = (stage.elapsed)();
    let failure = going.all(stage, begun).err();
    going.measurement.seconds = (stage.elapsed)() - begun;
    Ended {
        measurement: going.measurement,
        failure,
    }
}

struct Going<'a> {
    course: &'a Course,
    is_pair: bool,
    random: Pcg64,
    rhythm: Rhythm,
    measurement: DeviceMeasurement,
}

type Failed<E> = (Option<Which>, E);

impl Going<'_> {
    fn all<E>(&mut self, stage: &mut Stage<'_, E>, begun: f64) -> Result<(), Failed<E>> {
        let begin = (stage.condition)().map_err(|error| (None, error))?;
        self.settle(stage)?;
        let mut before = (stage.condition)().map_err(|error| (None, error))?;
        let mut warm_in_a_row = 0;
        let settled = (stage.elapsed)();
        let mut last = settled;
        loop {
            let restart = self.restart(stage, before)?;
            before = restart.after.clone();
            let heat = restart.heat.clone();
            self.measurement.restarts.push(restart);
            let now = (stage.elapsed)();
            let made = self.measurement.restarts.len();
            if made == 1 {
                self.measurement.looks.planned = self.course.planned(settled - begun, now - settled);
            }
            if let Heat::TooWarm(reason) = heat {
                (stage.observer)(&Step::TooWarm(reason));
                warm_in_a_row += 1;
                if warm_in_a_row == PATIENCE {
                    self.measurement.warnings.push(format!(
                        "the phone was too warm {PATIENCE} times in a row; it was not measured any longer"
                    ));
                    return Ok(());
                }
                before = self.cool(stage, &begin)?;
                last = (stage.elapsed)();
                if last - begun > self.course.time_budget.as_secs_f64() && self.measurement.counted() >= MIN_RESTARTS {
                    self.look_for_the_last_time();
                    return Ok(());
                }
                continue;
            }
            warm_in_a_row = 0;
            if self.is_over(stage, begun, now, (now - last).max(0.0)) {
                return Ok(());
            }
            last = now;
        }
    }

    /// A short run of each side that nobody keeps: caches and clocks settle, and it tells how long inferences are.
    fn settle<E>(&mut self, stage: &mut Stage<'_, E>) -> Result<(), Failed<E>> {
        let sides: &[Which] = if self.is_pair {
            &[Which::Baseline, Which::Candidate]
        } else {
            &[Which::Candidate]
        };
        let mut total = 0.0;
        for side in sides {
            let run = (stage.run)(*side, TRIAL).map_err(|error| (Some(*side), error))?;
            total += run.timed.typical();
        }
        self.rhythm = self.course.rhythm(total / sides.len() as f64);
        self.measurement.inferences = (self.rhythm.warmup, self.rhythm.runs);
        Ok(())
    }

    fn restart<E>(&mut self, stage: &mut Stage<'_, E>, before: Condition) -> Result<DeviceRestart, Failed<E>> {
        let (one, other) = (Which::Baseline, Which::Candidate);
        let order: &[Which] = match (self.is_pair, self.random.random_bool(0.5)) {
            (false, _) => &[other, other],
            (true, false) => &[one, other, other, one],
            (true, true) => &[other, one, one, other],
        };
        let mut turns = Vec::with_capacity(order.len());
        for side in order {
            let run = (stage.run)(*side, self.rhythm).map_err(|error| (Some(*side), error))?;
            turns.push(Turn { side: *side, run });
        }
        let after = (stage.condition)().map_err(|error| (None, error))?;
        Ok(DeviceRestart {
            heat: self.course.heat.judge(&before, &after),
            turns,
            before,
            after,
        })
    }

    /// Waits until the phone is about as cool as in the beginning, or no longer; how it is then.
    fn cool<E>(&self, stage: &mut Stage<'_, E>, begin: &Condition) -> Result<Condition, Failed<E>> {
        let limits = self.course.heat;
        let until = (stage.elapsed)() + limits.cool_down.as_secs_f64();
        loop {
            let now = (stage.condition)().map_err(|error| (None, error))?;
            let left = until - (stage.elapsed)();
            if limits.is_cool(begin, &now) || left <= 0.0 {
                return Ok(now);
            }
            let wait = GLANCE.min(Duration::from_secs_f64(left.max(0.001)));
            (stage.rest)(wait).map_err(|error| (None, error))?;
        }
    }

    /// Looks where a look is planned; true where that was the end.
    fn is_over<E>(&mut self, stage: &mut Stage<'_, E>, begun: f64, now: f64, each: f64) -> bool {
        let pair = self.measurement.as_pair();
        let done = self.measurement.counted();
        (stage.observer)(&Step::Restarted {
            done,
            planned: self.measurement.looks.planned,
            change: estimate::change(&pair.restarts, None, Quantity::LatencyP50)
                .filter(|_| self.is_pair)
                .and_then(|evidence| evidence.interval(TAIL)),
        });
        let looks = &mut self.measurement.looks;
        let is_out_of_time = done >= MIN_RESTARTS && now - begun + each > self.course.time_budget.as_secs_f64();
        let is_through = done >= looks.planned;
        looks.last_is_final = is_through || is_out_of_time;
        if !looks.last_is_final && !Plan::looks_at(done, looks.planned) {
            return false;
        }
        looks.taken.push(done);
        let decided =
            self.is_pair && estimate::pair_decided(&pair.restarts, None, &self.course.aims, &self.measurement.looks);
        self.measurement.stopped = match (decided, is_through) {
            (true, _) => StopReason::Decided,
            (false, true) => StopReason::Planned,
            (false, false) => StopReason::Budget,
        };
        decided || is_through || is_out_of_time
    }

    /// Time went by while the phone was cooling: what there is has to do.
    fn look_for_the_last_time(&mut self) {
        let done = self.measurement.counted();
        let looks = &mut self.measurement.looks;
        looks.last_is_final = true;
        if looks.taken.last() != Some(&done) {
            looks.taken.push(done);
        }
        self.measurement.stopped = StopReason::Budget;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::facts::Kind;
    use crate::device::facts::Sensor;
    use crate::device::facts::Status;
    use crate::measure::on_device::heat::Limits;
    use crate::measure::on_device::output::Statistics;
    use crate::measure::plan::Aim;

    fn run(seconds: f64) -> Run {
        let statistics = Statistics {
            count: 5,
            first: seconds,
            last: seconds,
            least: seconds,
            most: seconds,
            mean: seconds,
            deviation: 0.0,
            median: None,
        };
        Run {
            init_seconds: 0.01,
            first_seconds: seconds,
            warmup: statistics,
            timed: statistics,
            grown_megabytes: None,
            peak_megabytes: None,
        }
    }

    fn course() -> Course {
        Course {
            aims: vec![Aim {
                quantity: Quantity::LatencyP50,
                max_regression: Some(5.0),
                budget: None,
                strict: false,
            }],
            restarts: 12,
            time_budget: Duration::from_secs(60),
            runs: None,
            seed: 7,
            heat: Limits::default(),
        }
    }

    fn at(celsius: f64, status: Status) -> Condition {
        let mut condition = Condition::default();
        condition.thermal.status = Some(status);
        condition.thermal.sensors.push(Sensor {
            name: "SKIN".to_owned(),
            kind: Kind::Skin,
            celsius,
        });
        condition
    }

    /// A phone that becomes slower by a fixed share with every run, with its temperatures and failures written down.
    struct Phone {
        ratio: f64,
        drift: f64,
        runs: usize,
        fails_at: Option<usize>,
        conditions: Box<dyn Fn(usize) -> Condition>,
        order: Vec<Which>,
        rested: Duration,
    }

    impl Phone {
        fn new(ratio: f64, drift: f64) -> Self {
            Self {
                ratio,
                drift,
                runs: 0,
                fails_at: None,
                conditions: Box::new(|_| at(30.0, Status::None)),
                order: Vec::new(),
                rested: Duration::ZERO,
            }
        }

        fn measure(&mut self, course: &Course) -> (Ended<String>, Vec<Step>) {
            let phone = std::cell::RefCell::new(self);
            let mut steps = Vec::new();
            let ended = measure_pair(
                course,
                &mut Stage {
                    run: &mut |side, _| {
                        let mut phone = phone.borrow_mut();
                        phone.runs += 1;
                        phone.order.push(side);
                        if Some(phone.runs) == phone.fails_at {
                            return Err("vanished".to_owned());
                        }
                        let slow = 1.0 + phone.drift * phone.runs as f64;
                        let side = if side == Which::Candidate { phone.ratio } else { 1.0 };
                        Ok(run(0.01 * slow * side))
                    },
                    condition: &mut || {
                        let phone = phone.borrow();
                        Ok((phone.conditions)(phone.runs))
                    },
                    rest: &mut |wait| {
                        phone.borrow_mut().rested += wait;
                        Ok(())
                    },
                    elapsed: &mut || {
                        let phone = phone.borrow();
                        phone.runs as f64 * 0.5 + phone.rested.as_secs_f64()
                    },
                    observer: &mut |step| steps.push(step.clone()),
                },
            );
            (ended, steps)
        }
    }

    #[test]
    fn sides_take_turns_that_mirror_each_other() {
        let mut phone = Phone::new(1.0, 0.0);
        let (ended, steps) = phone.measure(&course());
        assert!(ended.failure.is_none());
        let measurement = ended.measurement;
        assert_eq!(measurement.stopped, StopReason::Decided);
        assert_eq!(measurement.counted(), 5);
        assert_eq!(steps.len(), 5);
        assert_eq!(measurement.inferences, (10, 25));
        assert_eq!(phone.order.len(), 2 + 4 * 5);
        for turns in phone.order[2..].chunks(4) {
            assert_eq!((turns[0], turns[1]), (turns[3], turns[2]));
            assert_ne!(turns[0], turns[1]);
        }
    }

    #[test]
    fn even_slowing_down_falls_on_both_alike() {
        let mut phone = Phone::new(1.0, 0.01);
        let (ended, _) = phone.measure(&course());
        let change = ended.measurement.as_pair().change(Quantity::LatencyP50).unwrap();
        let center = change.interval(TAIL).unwrap().center;
        assert!(center.abs() < 0.02, "{center}");
        // Of turns that do not mirror each other it would be a per cent or two.
    }

    #[test]
    fn a_slower_side_is_seen() {
        let (ended, _) = Phone::new(1.2, 0.001).measure(&course());
        let change = ended.measurement.as_pair().change(Quantity::LatencyP50).unwrap();
        assert!((change.interval(TAIL).unwrap().center - 20.0).abs() < 0.5);
    }

    #[test]
    fn what_was_too_warm_is_kept_and_does_not_count() {
        let mut phone = Phone::new(1.0, 0.0);
        // The first restart heats it up; then it has cooled.
        phone.conditions = Box::new(|runs| at(if runs == 6 { 40.0 } else { 30.0 }, Status::None));
        // Time to cool down and for all restarts after that.
        let patient = Course {
            time_budget: Duration::from_secs(600),
            ..course()
        };
        let (ended, steps) = phone.measure(&patient);
        assert_eq!(ended.measurement.restarts.len(), 6);
        assert_eq!(ended.measurement.counted(), 5);
        assert_eq!(ended.measurement.as_pair().restarts.len(), 5);
        assert!(matches!(&steps[0], Step::TooWarm(reason) if reason.contains("10.0 °C")));
        assert!(
            phone.rested >= Duration::from_secs(60),
            "it waits as long as it may: {:?}",
            phone.rested
        );
    }

    #[test]
    fn a_phone_that_stays_hot_is_left_alone() {
        let mut phone = Phone::new(1.0, 0.0);
        phone.conditions = Box::new(|_| at(45.0, Status::Severe));
        let (ended, _) = phone.measure(&course());
        assert_eq!(ended.measurement.restarts.len(), PATIENCE);
        assert_eq!(ended.measurement.counted(), 0);
        assert!(ended.measurement.warnings[0].contains("too warm 3 times"));
        assert!(ended.failure.is_none());
    }

    #[test]
    fn what_breaks_off_keeps_what_there_was() {
        let mut phone = Phone::new(1.0, 0.0);
        phone.fails_at = Some(2 + 4 * 3 + 2);
        let (ended, _) = phone.measure(&course());
        assert_eq!(ended.measurement.restarts.len(), 3);
        let (side, error) = ended.failure.unwrap();
        assert_eq!(error, "vanished");
        assert_eq!(side, Some(phone.order[15]));
    }

    #[test]
    fn the_time_is_kept() {
        let mut short = course();
        short.time_budget = Duration::from_secs(3);
        let mut phone = Phone::new(1.0, 0.0);
        let (ended, _) = phone.measure(&short);
        assert_eq!(ended.measurement.counted(), MIN_RESTARTS);
        assert!(ended.measurement.looks.last_is_final);
    }
}
