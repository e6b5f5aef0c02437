//! Absolute figures of one or several settings for a person at the desk: fresh processes, warmed up, then timed.
//!
//! The settings take turns, process by process, so that a machine that gets slower meanwhile makes all of them slower.

use std::time::Duration;
use std::time::Instant;

use serde::Deserialize;
use serde::Serialize;

use crate::machine::activity::Reading;
use crate::measure::compare::Surroundings;
use crate::measure::plan::MIN_RESTARTS;
use crate::measure::plan::Plan;
use crate::measure::samples::Block;
use crate::measure::samples::LoneRestart;
use crate::measure::samples::Looks;
use crate::measure::samples::Process;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::StopReason;
use crate::measure::side::Side;
use crate::measure::side::WorkerSubject;
use crate::measure::subject::Subject;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerError;

/// A block lasts about this long, so that a slow model's worker answers in time.
const BLOCK_SECONDS: f64 = 0.01;

/// Each process times inferences for at least this long, however few were asked for: more of a fast model costs nothing.
const LEAST_SECONDS: f64 = 0.1;

/// More inferences of one process than these, unless they were asked for, say nothing more.
const MOST_UNASKED: u32 = 1000;

/// Inferences that each process times even where the time is up.
const LEAST_INFERENCES: u32 = 3;

/// Warming up takes at most this share of a process' time.
const WARMUP_SHARE: f64 = 0.25;

/// How much to measure of each setting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Timed inferences at least, over all processes.
    pub runs: u32,
    /// Inferences at the start of each process that are not timed; at most so many, as they end where they eat the time.
    pub warmup: u32,
    /// Fresh processes.
    pub restarts: usize,
    /// For all settings together; afterwards no process is begun beyond the third of each.
    pub time_budget: Duration,
}

impl Course {
    /// Seconds that one process of `settings` may take.
    fn allotment(&self, settings: usize) -> f64 {
        self.time_budget.as_secs_f64() / (self.restarts.max(1) * settings.max(1)) as f64
    }

    /// Timed inferences of one process.
    fn each(&self) -> u32 {
        self.runs
            .div_ceil(u32::try_from(self.restarts.max(1)).unwrap_or(u32::MAX))
            .max(1)
    }
}

/// A process has been measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Processes done, of all settings.
    pub done: usize,
    /// Processes planned.
    pub planned: usize,
}

/// A setting that could not be measured.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct BenchError {
    /// Its place in the list.
    pub setting: usize,
    /// What its worker said.
    pub source: WorkerError,
}

/// Measures every side in `sides` in turns.
pub fn bench(
    sides: &[Side],
    command: &WorkerCommand,
    plan: &Plan,
    course: &Course,
    observer: &mut dyn FnMut(Step),
) -> Result<Vec<SideMeasurement>, BenchError> {
    let begun = Instant::now();
    let mut surroundings = Vec::with_capacity(sides.len());
    for (setting, side) in sides.iter().enumerate() {
        let found = Surroundings::find(side, command, plan).map_err(|source| BenchError { setting, source })?;
        let reading = Reading::now(found.cores.as_deref());
        surroundings.push((found, reading));
    }
    let mut subjects: Vec<WorkerSubject<'_>> = sides
        .iter()
        .zip(&surroundings)
        .map(|(side, (around, _))| WorkerSubject::new(side, command, around.options.clone()))
        .collect();
    let taken = run(&mut subjects, course, &mut || begun.elapsed().as_secs_f64(), observer)
        .map_err(|(setting, source)| BenchError { setting, source })?;
    let seconds = begun.elapsed().as_secs_f64();
    let measured = subjects.iter().zip(surroundings).zip(taken);
    Ok(measured
        .map(|((subject, (around, reading)), restarts)| SideMeasurement {
            looks: Looks {
                taken: vec![restarts.len()],
                planned: restarts.len(),
                last_is_final: true,
                family: 1,
            },
            stopped: if restarts.len() >= course.restarts {
                StopReason::Planned
            } else {
                StopReason::Budget
            },
            restarts,
            seconds,
            activity: reading.until(&Reading::now(around.cores.as_deref())),
            cores: around.cores,
            runtime_version: subject.runtime_version().to_owned(),
            empty_session_bytes: around.empty_session_bytes,
            load_average: around.load_average,
            warnings: around.warnings,
        })
        .collect())
}

fn run<S: Subject>(
    subjects: &mut [S],
    course: &Course,
    elapsed: &mut dyn FnMut() -> f64,
    observer: &mut dyn FnMut(Step),
) -> Result<Vec<Vec<LoneRestart>>, (usize, S::Error)> {
    let allotment = course.allotment(subjects.len());
    let begun = elapsed();
    let mut taken: Vec<Vec<LoneRestart>> = subjects.iter().map(|_| Vec::new()).collect();
    let planned = course.restarts * subjects.len();
    for turn in 0..course.restarts {
        let spent = elapsed() - begun;
        let each = spent / turn.max(1) as f64;
        if turn >= MIN_RESTARTS && spent + each > course.time_budget.as_secs_f64() {
            break;
        }
        for (setting, (subject, taken)) in subjects.iter_mut().zip(&mut taken).enumerate() {
            taken.push(restart(subject, course, allotment).map_err(|error| (setting, error))?);
        }
        observer(Step {
            done: (turn + 1) * taken.len(),
            planned,
        });
    }
    Ok(taken)
}

/// One fresh process: the first inference, the warm-up, the timed inferences.
fn restart<S: Subject>(subject: &mut S, course: &Course, allotment: f64) -> Result<LoneRestart, S::Error> {
    let started = subject.start()?;
    let mut warmup = Series::default();
    while warmup.count < course.warmup && warmup.seconds < allotment * WARMUP_SHARE {
        let keep = warmup.next(started.first_seconds).min(course.warmup - warmup.count);
        warmup.push(subject.block(0, keep)?);
    }
    let guess = warmup.last().unwrap_or(started.first_seconds);
    let asked = course.each();
    let mut timed = Series::default();
    loop {
        let wanted = timed.count < asked || (timed.seconds < LEAST_SECONDS && timed.count < MOST_UNASKED);
        let affordable = timed.count < LEAST_INFERENCES || timed.seconds < allotment;
        if !wanted || !affordable {
            break;
        }
        let most = if timed.count < asked {
            asked - timed.count
        } else {
            MOST_UNASKED - timed.count
        };
        let keep = timed.next(guess).min(most);
        timed.push(subject.block(0, keep)?);
    }
    let restart = LoneRestart {
        process: Process {
            load_seconds: started.load_seconds,
            first_seconds: started.first_seconds,
            loaded_bytes: started.loaded_bytes,
            warmup: warmup.blocks.iter().flat_map(Block::own).collect(),
            peak_bytes: subject.peak_memory()?,
        },
        blocks: timed.blocks,
    };
    subject.stop();
    Ok(restart)
}

/// Blocks of one process, one after the other.
#[derive(Default)]
struct Series {
    blocks: Vec<Block>,
    count: u32,
    seconds: f64,
}

impl Series {
    fn push(&mut self, block: Block) {
        self.count += u32::try_from(block.wall.len()).unwrap_or(u32::MAX);
        self.seconds += block.wall.iter().sum::<f64>();
        self.blocks.push(block);
    }

    /// Seconds of the last inference.
    fn last(&self) -> Option<f64> {
        self.blocks.last().and_then(|block| block.wall.last()).copied()
    }

    /// How many inferences the next block should have; `guess` is the seconds of one where nothing is known yet.
    fn next(&self, guess: f64) -> u32 {
        let each = self.last().unwrap_or(guess).max(1e-9);
        ((BLOCK_SECONDS / each) as u32).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::measure::subject::Started;

    /// A model whose inferences take `seconds`, ten times that at first; notes who was asked in which order.
    struct Scripted<'a> {
        name: char,
        seconds: f64,
        cold: bool,
        log: &'a std::cell::RefCell<String>,
    }

    impl Subject for Scripted<'_> {
        type Error = Infallible;

        fn start(&mut self) -> Result<Started, Infallible> {
            self.log.borrow_mut().push(self.name);
            self.cold = true;
            Ok(Started {
                load_seconds: 0.5,
                first_seconds: 10.0 * self.seconds,
                loaded_bytes: Some(1),
            })
        }

        fn block(&mut self, discard: u32, keep: u32) -> Result<Block, Infallible> {
            assert_eq!(discard, 0);
            assert!(keep > 0);
            let first = if self.cold { 5.0 } else { 1.0 };
            self.cold = false;
            let seconds = |index| if index == 0 { first * self.seconds } else { self.seconds };
            Ok(Block {
                wall: (0..keep).map(seconds).collect(),
                stolen: Vec::new(),
            })
        }

        fn peak_memory(&mut self) -> Result<Option<u64>, Infallible> {
            Ok(Some(1))
        }

        fn pause(&mut self) -> Result<(), Infallible> {
            Ok(())
        }

        fn resume(&mut self) -> Result<(), Infallible> {
            Ok(())
        }

        fn reload(&mut self) -> Result<(), Infallible> {
            Ok(())
        }

        fn stop(&mut self) {
            self.log.borrow_mut().push('.');
        }
    }

    fn course() -> Course {
        Course {
            runs: 100,
            warmup: 20,
            restarts: 4,
            time_budget: Duration::from_secs(60),
        }
    }

    fn taken(seconds: &[f64], course: &Course) -> (Vec<Vec<LoneRestart>>, String) {
        let log = std::cell::RefCell::new(String::new());
        let mut subjects: Vec<Scripted<'_>> = ('a'..)
            .zip(seconds)
            .map(|(name, seconds)| Scripted {
                name,
                seconds: *seconds,
                cold: false,
                log: &log,
            })
            .collect();
        let taken = run(&mut subjects, course, &mut || 0.0, &mut |_| {}).unwrap();
        drop(subjects);
        (taken, log.into_inner())
    }

    fn inferences(restart: &LoneRestart) -> usize {
        restart.blocks.iter().map(|block| block.wall.len()).sum()
    }

    #[test]
    fn settings_take_turns() {
        let (taken, log) = taken(&[0.001, 0.002], &course());
        assert_eq!(log, "a.b.a.b.a.b.a.b.");
        assert!(taken.iter().all(|taken| taken.len() == 4));
    }

    #[test]
    fn at_least_what_was_asked_for_is_timed_and_warm_ups_are_not() {
        for seconds in [0.000_01, 0.001, 0.05, 0.3] {
            let (taken, _) = taken(&[seconds], &course());
            for restart in &taken[0] {
                let warmup = &restart.process.warmup;
                assert!(inferences(restart) >= 25, "{seconds}");
                assert!(inferences(restart) <= 1000, "{seconds}");
                assert!((3..=20).contains(&warmup.len()), "{seconds}: {}", warmup.len());
                assert_eq!(warmup[0], 5.0 * seconds);
                let timed = restart.blocks.iter().flat_map(|block| &block.wall);
                assert!(timed.clone().all(|timed| *timed == seconds));
            }
        }
        let fast = taken(&[0.000_2], &course()).0;
        assert!(inferences(&fast[0][0]) >= 500, "a tenth of a second at least");
    }

    #[test]
    fn many_runs_are_made_where_many_are_asked_for() {
        let course = Course {
            runs: 50_000,
            ..course()
        };
        let (taken, _) = taken(&[0.000_1], &course);
        let all: usize = taken[0].iter().map(inferences).sum();
        assert_eq!(all, 50_000);
    }

    #[test]
    fn time_ends_a_process_but_not_before_its_third_inference() {
        let course = Course {
            time_budget: Duration::from_secs(4),
            ..course()
        };
        let (taken, _) = taken(&[5.0], &course);
        for restart in &taken[0] {
            let warmup = &restart.process.warmup;
            assert_eq!(inferences(restart), 3);
            assert_eq!(warmup.len(), 1);
        }
    }

    #[test]
    fn time_ends_the_course_but_not_before_the_third_process() {
        let log = std::cell::RefCell::new(String::new());
        let mut subjects = [Scripted {
            name: 'a',
            seconds: 0.001,
            cold: false,
            log: &log,
        }];
        let mut clock = 0.0;
        let mut steps = Vec::new();
        let taken = run(
            &mut subjects,
            &Course {
                restarts: 10,
                ..course()
            },
            &mut || {
                clock += 25.0;
                clock
            },
            &mut |step| steps.push(step.done),
        )
        .unwrap();
        assert_eq!(taken[0].len(), 3);
        assert_eq!(steps, [1, 2, 3]);
    }

    #[test]
    fn without_warm_up_the_first_timed_inference_is_cold() {
        let course = Course { warmup: 0, ..course() };
        let (taken, _) = taken(&[0.001], &course);
        assert!(taken[0].iter().all(|restart| restart.process.warmup.is_empty()));
        assert_eq!(taken[0][0].blocks[0].wall[0], 0.005);
    }
}
