//! Cold start: what passes between starting a process and steady runs.

use std::time::Instant;

use crate::measure::profile::types::ColdStart;
use crate::measure::side::Side;
use crate::runtime::Timed;
use crate::runtime::Worker;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerError;
use crate::runtime::WorkerOptions;
use crate::stats::summary::median;

/// A run that takes at most this many times a steady one is steady.
const STEADY: f64 = 1.1;

/// So many steady runs in a row are no accident.
const IN_A_ROW: usize = 3;

/// One fresh process.
struct Start {
    process: f64,
    library: f64,
    session: f64,
    first: f64,
}

/// Starts `processes` fresh ones, at least one; the first runs `warmup` times more.
pub(super) fn measure(
    side: &Side,
    command: &WorkerCommand,
    options: &WorkerOptions,
    processes: u32,
    warmup: u32,
    done: &mut dyn FnMut(u32),
) -> Result<ColdStart, WorkerError> {
    let mut starts = Vec::new();
    let mut warm = Vec::new();
    for number in 0..processes.max(1) {
        let begun = Instant::now();
        let mut worker = Worker::spawn(command, options)?;
        let process = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let loaded = worker.load(&side.artifact, &side.settings, &side.inputs)?;
        let library = begun.elapsed().as_secs_f64() - loaded.load_seconds - loaded.first_seconds;
        starts.push(Start {
            process,
            library: library.max(0.0),
            session: loaded.load_seconds,
            first: loaded.first_seconds,
        });
        if number == 0 {
            warm = worker.block(0, warmup.max(1))?.into_iter().map(Timed::own).collect();
        }
        done(number + 1);
    }
    Ok(summarize(&starts, warm))
}

fn summarize(starts: &[Start], warmup: Vec<f64>) -> ColdStart {
    let over = |part: fn(&Start) -> f64| median(&starts.iter().map(part).collect::<Vec<f64>>()).unwrap_or_default();
    let first_seconds = over(|start| start.first);
    let before_first = over(|start| start.process) + over(|start| start.library) + over(|start| start.session);
    let steady_seconds = median(&warmup[warmup.len() / 2..]).unwrap_or(first_seconds);
    let runs: Vec<f64> = std::iter::once(first_seconds).chain(warmup.iter().copied()).collect();
    let stable = runs
        .windows(IN_A_ROW)
        .position(|window| window.iter().all(|seconds| *seconds <= STEADY * steady_seconds));
    ColdStart {
        processes: starts.len() as u32,
        process_seconds: over(|start| start.process),
        library_seconds: over(|start| start.library),
        session_seconds: over(|start| start.session),
        parse_seconds: None,
        initialize_seconds: None,
        first_seconds,
        warmup,
        steady_seconds,
        runs_to_stable: stable.map(|count| count as u32),
        stable_seconds: stable.map(|count| before_first + runs[..=count].iter().sum::<f64>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(seconds: f64) -> Start {
        Start {
            process: seconds,
            library: 2.0 * seconds,
            session: 3.0 * seconds,
            first: 4.0 * seconds,
        }
    }

    #[test]
    fn parts_are_medians_and_the_steady_run_is_found() {
        let starts = [start(0.1), start(0.3), start(90.0)];
        let cold = summarize(&starts, vec![0.5, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]);
        assert!((cold.first_seconds - 1.2).abs() < 1e-12);
        assert_eq!(cold.runs_to_stable, Some(3));
        let expected = 0.3 + 0.6 + 0.9 + 1.2 + 0.5 + 0.2 + 0.1;
        assert!((cold.stable_seconds.unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn what_never_settles_has_no_time_to_stable() {
        let cold = summarize(&[start(0.1)], vec![1.0, 9.0, 1.0, 9.0, 1.0, 9.0, 1.0, 9.0]);
        assert_eq!(cold.runs_to_stable, None);
        assert_eq!(cold.stable_seconds, None);
    }
}
