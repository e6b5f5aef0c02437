//! The measuring loop: restarts of alternating blocks, looked at by plan. Knows neither processes nor clocks.

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use crate::measure::estimate;
use crate::measure::event::Event;
use crate::measure::plan::MIN_RESTARTS;
use crate::measure::plan::Plan;
use crate::measure::plan::Rhythm;
use crate::measure::quantity::Quantity;
use crate::measure::samples::Block;
use crate::measure::samples::LoneRestart;
use crate::measure::samples::Looks;
use crate::measure::samples::Process;
use crate::measure::samples::Restart;
use crate::measure::samples::Round;
use crate::measure::samples::StopReason;
use crate::measure::samples::Which;
use crate::measure::subject::Started;
use crate::measure::subject::Subject;
use crate::stats::sequential::TAIL;
use crate::stats::summary::median;

/// Inferences that warm up the first restart; they tell how long the blocks should be.
const TRIAL: u32 = 3;

/// Rounds at the start of a session that are run and not kept: caches, page tables and clock speed settle.
const SETTLING_ROUNDS: usize = 1;

/// What the loop came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured<R> {
    /// All restarts.
    pub restarts: Vec<R>,
    /// The looks that were taken.
    pub looks: Looks,
    /// Why it ended.
    pub stopped: StopReason,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// The surroundings of a loop.
pub struct Setting<'a> {
    /// How to measure.
    pub plan: &'a Plan,
    /// Seconds since the measurement began.
    pub elapsed: &'a mut dyn FnMut() -> f64,
    /// Told of every step.
    pub observer: &'a mut dyn FnMut(Event),
    /// True where the side that waits is paused.
    pub pausing: bool,
    /// An empty session's peak memory in bytes.
    pub empty_session_bytes: Option<u64>,
}

/// Measures two sides in turns until every aim is decided, the plan is through or time is up.
pub fn measure_pair<S: Subject>(
    baseline: &mut S,
    candidate: &mut S,
    setting: &mut Setting<'_>,
) -> Result<Measured<Restart>, (Which, S::Error)> {
    let empty = setting.empty_session_bytes;
    let mut random = Pcg64::seed_from_u64(setting.plan.seed);
    let mut rhythm = None;
    let mut pair = Pair {
        baseline,
        candidate,
        pausing: setting.pausing,
    };
    let aims = setting.plan.aims.clone();
    let plan = setting.plan.clone();
    let measured = run(
        setting,
        || pair.restart(&plan, &mut rhythm, &mut random),
        |restarts, looks| estimate::pair_decided(restarts, empty, &aims, looks),
        |restarts| estimate::change(restarts, empty, Quantity::LatencyP50)?.interval(TAIL),
    );
    pair.baseline.stop();
    pair.candidate.stop();
    measured
}

/// Measures one side alone: its absolute figures.
pub fn measure_one<S: Subject>(subject: &mut S, setting: &mut Setting<'_>) -> Result<Measured<LoneRestart>, S::Error> {
    let empty = setting.empty_session_bytes;
    let mut rhythm = None;
    let aims = setting.plan.aims.clone();
    let plan = setting.plan.clone();
    let measured = run(
        setting,
        || restart_alone(subject, &plan, &mut rhythm),
        |restarts, looks| estimate::alone_decided(restarts, empty, &aims, looks),
        |_| None,
    );
    subject.stop();
    measured
}

/// Makes restarts until a planned look decides, the plan is through or time is up.
fn run<R, E>(
    setting: &mut Setting<'_>,
    mut restart: impl FnMut() -> Result<R, E>,
    decided: impl Fn(&[R], &Looks) -> bool,
    change: impl Fn(&[R]) -> Option<crate::stats::interval::Interval>,
) -> Result<Measured<R>, E> {
    let budget = setting.plan.time_budget.as_secs_f64();
    let mut restarts = Vec::new();
    let mut looks = Looks {
        taken: Vec::new(),
        planned: setting.plan.max_restarts,
        last_is_final: false,
        family: setting.plan.family,
    };
    let begun = (setting.elapsed)();
    let mut before = begun;
    let stopped = loop {
        restarts.push(restart()?);
        let done = restarts.len();
        let seconds = (setting.elapsed)();
        // The first restart warms up less than the others, and the machine may have become busier.
        let each = ((seconds - begun) / done as f64).max(seconds - before);
        before = seconds;
        if done == 1 {
            looks.planned = setting.plan.restarts(begun, each);
            (setting.observer)(Event::Planned {
                restarts: looks.planned,
                seconds: budget,
            });
        }
        (setting.observer)(Event::Restarted {
            done,
            planned: looks.planned,
            seconds,
            change: change(&restarts),
        });

        if setting.plan.stop.is_raised() {
            break StopReason::Budget;
        }
        let out_of_time = done >= MIN_RESTARTS && seconds + each > budget;
        looks.last_is_final = done >= looks.planned || out_of_time;
        if !looks.last_is_final && !Plan::looks_at(done, looks.planned) {
            continue;
        }
        looks.taken.push(done);
        if decided(&restarts, &looks) {
            break StopReason::Decided;
        }
        if done >= looks.planned {
            break StopReason::Planned;
        }
        if out_of_time {
            break StopReason::Budget;
        }
    };
    let seconds = (setting.elapsed)();
    (setting.observer)(Event::Finished {
        restarts: restarts.len(),
        seconds,
        reason: stopped,
    });
    Ok(Measured {
        restarts,
        looks,
        stopped,
        seconds,
    })
}

struct Pair<'a, S> {
    baseline: &'a mut S,
    candidate: &'a mut S,
    pausing: bool,
}

impl<S: Subject> Pair<'_, S> {
    fn restart(
        &mut self,
        plan: &Plan,
        rhythm: &mut Option<Rhythm>,
        random: &mut Pcg64,
    ) -> Result<Restart, (Which, S::Error)> {
        let first = draw(random);
        let warmup = warmup_of(*rhythm, plan);
        let one = self.start(first, warmup)?;
        let other = self.start(opposite(first), warmup)?;
        let rhythm = *rhythm.get_or_insert_with(|| {
            let seconds = f64::midpoint(settled(&one.1), settled(&other.1));
            let load = f64::midpoint(one.0.load_seconds, other.0.load_seconds);
            plan.rhythm(seconds, load, 2)
        });

        let mut rounds = self.rounds(rhythm, random)?;
        // The peak is that of one session: before a second one is built on what the first left behind.
        let (baseline, candidate) = in_order(first, one, other);
        let baseline = self.process(Which::Baseline, baseline)?;
        let candidate = self.process(Which::Candidate, candidate)?;
        for _ in 1..rhythm.sessions {
            let first = draw(random);
            self.awake(first, S::reload)?;
            self.awake(opposite(first), S::reload)?;
            rounds.extend(self.rounds(rhythm, random)?);
        }
        Ok(Restart {
            baseline,
            candidate,
            rounds,
        })
    }

    /// The rounds of one session a side.
    fn rounds(&mut self, rhythm: Rhythm, random: &mut Pcg64) -> Result<Vec<Round>, (Which, S::Error)> {
        let mut rounds = Vec::with_capacity(rhythm.rounds);
        for index in 0..SETTLING_ROUNDS + rhythm.rounds {
            let first = draw(random);
            let leading = self.block(first, rhythm.discard, rhythm.keep)?;
            let following = self.block(opposite(first), rhythm.discard, rhythm.keep)?;
            let (baseline, candidate) = in_order(first, leading, following);
            if index >= SETTLING_ROUNDS {
                rounds.push(Round {
                    first,
                    baseline,
                    candidate,
                });
            }
        }
        Ok(rounds)
    }

    /// Starts one side afresh, warms it up, and leaves it paused where sides that wait are.
    fn start(&mut self, which: Which, warmup: u32) -> Result<(Started, Block), (Which, S::Error)> {
        let pausing = self.pausing;
        let subject = self.subject(which);
        let mut act = || {
            let started = subject.start()?;
            let warmup = subject.block(0, warmup)?;
            if pausing {
                subject.pause()?;
            }
            Ok((started, warmup))
        };
        act().map_err(|error| (which, error))
    }

    fn block(&mut self, which: Which, discard: u32, keep: u32) -> Result<Block, (Which, S::Error)> {
        self.awake(which, |subject| subject.block(discard, keep))
    }

    fn process(&mut self, which: Which, begun: (Started, Block)) -> Result<Process, (Which, S::Error)> {
        let peak_bytes = self.awake(which, S::peak_memory)?;
        Ok(process(begun, peak_bytes))
    }

    fn awake<T>(
        &mut self,
        which: Which,
        action: impl FnOnce(&mut S) -> Result<T, S::Error>,
    ) -> Result<T, (Which, S::Error)> {
        let pausing = self.pausing;
        let subject = self.subject(which);
        let act = || {
            if !pausing {
                return action(subject);
            }
            subject.resume()?;
            let value = action(subject)?;
            subject.pause()?;
            Ok(value)
        };
        act().map_err(|error| (which, error))
    }

    fn subject(&mut self, which: Which) -> &mut S {
        match which {
            Which::Baseline => self.baseline,
            Which::Candidate => self.candidate,
        }
    }
}

fn restart_alone<S: Subject>(
    subject: &mut S,
    plan: &Plan,
    rhythm: &mut Option<Rhythm>,
) -> Result<LoneRestart, S::Error> {
    let started = subject.start()?;
    let warmup = subject.block(0, warmup_of(*rhythm, plan))?;
    let rhythm = *rhythm.get_or_insert_with(|| plan.rhythm(settled(&warmup), started.load_seconds, 1));
    let mut blocks = Vec::with_capacity(rhythm.sessions * rhythm.rounds);
    let mut peak_bytes = None;
    for session in 0..rhythm.sessions {
        if session > 0 {
            subject.reload()?;
        }
        for index in 0..SETTLING_ROUNDS + rhythm.rounds {
            let block = subject.block(rhythm.discard, rhythm.keep)?;
            if index >= SETTLING_ROUNDS {
                blocks.push(block);
            }
        }
        if session == 0 {
            peak_bytes = subject.peak_memory()?;
        }
    }
    Ok(LoneRestart {
        process: process((started, warmup), peak_bytes),
        blocks,
    })
}

/// Inferences right after the very first one.
fn warmup_of(rhythm: Option<Rhythm>, plan: &Plan) -> u32 {
    rhythm.map_or(TRIAL.max(plan.least_warmup), |rhythm| rhythm.warmup)
}

/// What an inference takes after the warm-up, in seconds, roughly.
fn settled(warmup: &Block) -> f64 {
    let own: Vec<f64> = warmup.own().collect();
    median(&own).unwrap_or(0.0)
}

fn process((started, warmup): (Started, Block), peak_bytes: Option<u64>) -> Process {
    Process {
        load_seconds: started.load_seconds,
        first_seconds: started.first_seconds,
        warmup: warmup.own().collect(),
        peak_bytes,
        loaded_bytes: started.loaded_bytes,
    }
}

fn draw(random: &mut Pcg64) -> Which {
    if random.random_bool(0.5) {
        Which::Baseline
    } else {
        Which::Candidate
    }
}

fn opposite(which: Which) -> Which {
    match which {
        Which::Baseline => Which::Candidate,
        Which::Candidate => Which::Baseline,
    }
}

/// Puts what came first and second back into (baseline, candidate).
fn in_order<T>(first: Which, leading: T, following: T) -> (T, T) {
    match first {
        Which::Baseline => (leading, following),
        Which::Candidate => (following, leading),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::measure::plan::Aim;
    use crate::runtime::Stop;

    /// A side whose latencies are written down; its time passes on a clock of its own.
    struct Scripted {
        clock: Rc<Cell<f64>>,
        start_seconds: f64,
        latency: f64,
        /// The spread between restarts, as log ratios, used in turn.
        layout: Vec<f64>,
        starts: usize,
        peak: Option<u64>,
        paused: bool,
        fails_at: Option<usize>,
        log: Rc<std::cell::RefCell<Vec<String>>>,
        name: &'static str,
    }

    impl Subject for Scripted {
        type Error = String;

        fn start(&mut self) -> Result<Started, String> {
            self.starts += 1;
            self.paused = false;
            if Some(self.starts) == self.fails_at {
                return Err("crashed".to_owned());
            }
            self.clock.set(self.clock.get() + self.start_seconds);
            Ok(Started {
                load_seconds: self.start_seconds,
                first_seconds: self.latency * 3.0,
                loaded_bytes: None,
            })
        }

        fn reload(&mut self) -> Result<(), String> {
            assert!(!self.paused, "a paused side was asked to reload");
            self.log.borrow_mut().push(format!("{} reload", self.name));
            self.clock.set(self.clock.get() + self.start_seconds);
            Ok(())
        }

        fn block(&mut self, discard: u32, keep: u32) -> Result<Block, String> {
            assert!(!self.paused, "a paused side was asked to run");
            self.log.borrow_mut().push(format!("{} {discard}+{keep}", self.name));
            let latency = self.latency * self.layout[(self.starts - 1) % self.layout.len()].exp();
            self.clock.set(self.clock.get() + latency * f64::from(discard + keep));
            Ok(Block {
                wall: vec![latency; keep as usize],
                stolen: Vec::new(),
            })
        }

        fn peak_memory(&mut self) -> Result<Option<u64>, String> {
            assert!(!self.paused);
            Ok(self.peak)
        }

        fn pause(&mut self) -> Result<(), String> {
            self.paused = true;
            Ok(())
        }

        fn resume(&mut self) -> Result<(), String> {
            self.paused = false;
            Ok(())
        }

        fn stop(&mut self) {
            self.log.borrow_mut().push(format!("{} stop", self.name));
        }
    }

    struct Stage {
        clock: Rc<Cell<f64>>,
        log: Rc<std::cell::RefCell<Vec<String>>>,
        events: Vec<Event>,
        plan: Plan,
    }

    impl Stage {
        fn new(seconds: f64) -> Self {
            Self {
                clock: Rc::default(),
                log: Rc::default(),
                events: Vec::new(),
                plan: Plan {
                    aims: vec![Aim {
                        quantity: Quantity::LatencyP50,
                        max_regression: Some(5.0),
                        budget: None,
                        strict: false,
                    }],
                    family: 2,
                    time_budget: Duration::from_secs_f64(seconds),
                    max_restarts: 60,
                    seed: 7,
                    worker_timeout: Duration::from_secs(60),
                    memory_limit: None,
                    empty_session_bytes: None,
                    least_runs: 0,
                    least_warmup: 0,
                    stop: Default::default(),
                },
            }
        }

        fn side(&self, name: &'static str, latency: f64, layout: &[f64]) -> Scripted {
            Scripted {
                clock: self.clock.clone(),
                start_seconds: 0.05,
                latency,
                layout: layout.to_vec(),
                starts: 0,
                peak: Some(30_000_000),
                paused: false,
                fails_at: None,
                log: self.log.clone(),
                name,
            }
        }

        fn pair(
            &mut self,
            mut baseline: Scripted,
            mut candidate: Scripted,
            pausing: bool,
        ) -> Result<Measured<Restart>, (Which, String)> {
            let clock = self.clock.clone();
            let events = &mut self.events;
            let mut setting = Setting {
                plan: &self.plan,
                elapsed: &mut || clock.get(),
                observer: &mut |event| events.push(event),
                pausing,
                empty_session_bytes: Some(20_000_000),
            };
            measure_pair(&mut baseline, &mut candidate, &mut setting)
        }
    }

    const STEADY: [f64; 3] = [0.003, -0.004, 0.001];
    const WILD: [f64; 4] = [0.2, -0.3, 0.25, -0.1];

    #[test]
    fn stops_at_the_first_look_that_decides() {
        let mut stage = Stage::new(20.0);
        let (one, other) = (
            stage.side("baseline", 0.0005, &STEADY),
            stage.side("candidate", 0.0005, &[0.0]),
        );
        let measured = stage.pair(one, other, false).unwrap();
        assert_eq!(measured.stopped, StopReason::Decided);
        assert_eq!(measured.restarts.len(), 5);
        assert_eq!(measured.looks.taken, [5]);
        // One session: a second one of 50 ms a side would not fit into a restart's share of the time.
        assert_eq!(measured.restarts[0].rounds.len(), 40);
        assert_eq!(measured.restarts[0].rounds[0].baseline.wall.len(), 4);
        assert!(matches!(stage.events[0], Event::Planned { restarts: 60, .. }));
        assert!(matches!(
            stage.events[1],
            Event::Restarted {
                done: 1,
                change: None,
                ..
            }
        ));
        assert!(matches!(
            stage.events[2],
            Event::Restarted {
                done: 2,
                change: Some(_),
                ..
            }
        ));
        assert!(matches!(
            stage.events[6],
            Event::Finished {
                restarts: 5,
                reason: StopReason::Decided,
                ..
            }
        ));
        assert_eq!(stage.events.len(), 7);
    }

    #[test]
    fn both_orders_are_drawn_and_the_seed_repeats_them() {
        let run = |seed| {
            let mut stage = Stage::new(20.0);
            stage.plan.seed = seed;
            let (one, other) = (
                stage.side("baseline", 0.001, &STEADY),
                stage.side("candidate", 0.001, &STEADY),
            );
            let measured = stage.pair(one, other, false).unwrap();
            let firsts: Vec<Which> = measured.restarts[0].rounds.iter().map(|round| round.first).collect();
            let log = stage.log.borrow().clone();
            (firsts, log)
        };
        let (firsts, log) = run(7);
        assert!(firsts.contains(&Which::Baseline) && firsts.contains(&Which::Candidate));
        assert_eq!(run(7), (firsts.clone(), log.clone()));
        assert_ne!(run(8).0, firsts);
        assert_eq!(log[log.len() - 2..], ["baseline stop", "candidate stop"]);
    }

    #[test]
    fn models_that_load_fast_get_several_sessions_a_process() {
        let mut stage = Stage::new(20.0);
        let mut sides = (
            stage.side("baseline", 0.0005, &STEADY),
            stage.side("candidate", 0.0005, &[0.0]),
        );
        sides.0.start_seconds = 0.001;
        sides.1.start_seconds = 0.001;
        let measured = stage.pair(sides.0, sides.1, true).unwrap();
        assert_eq!(measured.restarts[0].rounds.len(), 3 * 20);
        let reloads = |name: &str| {
            stage
                .log
                .borrow()
                .iter()
                .filter(|entry| **entry == format!("{name} reload"))
                .count()
        };
        assert_eq!(reloads("baseline"), 2 * measured.restarts.len());
        assert_eq!(reloads("candidate"), 2 * measured.restarts.len());
    }

    #[test]
    fn goes_on_while_undecided_and_ends_with_the_plan() {
        let mut stage = Stage::new(1000.0);
        let (one, other) = (
            stage.side("baseline", 0.001, &WILD),
            stage.side("candidate", 0.001, &[0.05]),
        );
        let measured = stage.pair(one, other, false).unwrap();
        assert_eq!(measured.stopped, StopReason::Planned);
        assert_eq!(measured.looks.taken, crate::measure::plan::LOOKS);
        assert!(measured.looks.last_is_final);
    }

    #[test]
    fn time_bounds_the_plan_but_some_restarts_are_always_made() {
        let mut stage = Stage::new(2.0);
        let (one, other) = (
            stage.side("baseline", 0.001, &WILD),
            stage.side("candidate", 0.001, &[0.05]),
        );
        let measured = stage.pair(one, other, false).unwrap();
        assert!(measured.seconds <= 2.0, "{}", measured.seconds);
        assert!(measured.looks.last_is_final);
        assert_eq!(measured.looks.taken.last(), Some(&measured.restarts.len()));

        let mut stage = Stage::new(0.01);
        let (one, other) = (
            stage.side("baseline", 1.0, &WILD),
            stage.side("candidate", 1.0, &[0.05]),
        );
        assert_eq!(stage.pair(one, other, false).unwrap().restarts.len(), MIN_RESTARTS);
    }

    #[test]
    fn begins_no_restart_after_somebody_wanted_it_to_end() {
        let mut stage = Stage::new(10.0);
        stage.plan.stop = Stop::of(Arc::new(AtomicBool::new(true)));
        let (one, other) = (
            stage.side("baseline", 0.001, &STEADY),
            stage.side("candidate", 0.001, &WILD),
        );
        assert_eq!(stage.pair(one, other, false).unwrap().restarts.len(), 1);
    }

    #[test]
    fn restarts_that_turn_out_slower_than_the_first_end_early_with_a_look() {
        let mut stage = Stage::new(10.0);
        // The second and later restarts take e² times as long as the first.
        let (one, other) = (
            stage.side("baseline", 0.02, &[0.0, 2.0, 2.2, 1.9, 2.1, 2.0, 2.0, 2.1]),
            stage.side("candidate", 0.02, &[0.0, 2.1, 2.0, 2.2, 1.8, 2.1, 2.0, 1.9]),
        );
        let measured = stage.pair(one, other, false).unwrap();
        assert_eq!(measured.stopped, StopReason::Budget);
        assert!(measured.looks.last_is_final);
        assert_eq!(measured.looks.taken.last(), Some(&measured.restarts.len()));
    }

    #[test]
    fn the_waiting_side_is_paused() {
        // `Scripted` refuses to run while paused.
        let mut stage = Stage::new(20.0);
        let (one, other) = (
            stage.side("baseline", 0.001, &STEADY),
            stage.side("candidate", 0.001, &STEADY),
        );
        assert!(stage.pair(one, other, true).is_ok());
    }

    #[test]
    fn a_failure_names_its_side() {
        let mut stage = Stage::new(20.0);
        let (one, mut other) = (
            stage.side("baseline", 0.001, &STEADY),
            stage.side("candidate", 0.001, &STEADY),
        );
        other.fails_at = Some(2);
        assert_eq!(
            stage.pair(one, other, false).unwrap_err(),
            (Which::Candidate, "crashed".to_owned())
        );
        assert!(stage.log.borrow().iter().any(|entry| entry == "baseline stop"));
    }

    #[test]
    fn one_side_alone_stops_when_its_budget_is_decided() {
        let mut stage = Stage::new(20.0);
        stage.plan.aims[0].budget = Some(2.0);
        let mut subject = stage.side("candidate", 0.001, &STEADY);
        let clock = stage.clock.clone();
        let events = &mut stage.events;
        let mut setting = Setting {
            plan: &stage.plan,
            elapsed: &mut || clock.get(),
            observer: &mut |event| events.push(event),
            pausing: false,
            empty_session_bytes: Some(20_000_000),
        };
        let measured = measure_one(&mut subject, &mut setting).unwrap();
        assert_eq!((measured.stopped, measured.restarts.len()), (StopReason::Decided, 5));
    }
}
