//! How long inferences of several sides take beside each other: for choosing among candidates, not for judging them.

use crate::measure::samples::Block;
use crate::measure::side::Side;
use crate::measure::side::WorkerSubject;
use crate::measure::subject::Subject as _;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerError;
use crate::runtime::WorkerOptions;

/// Fresh processes of each side.
const RESTARTS: usize = 3;

/// Blocks of each process.
const ROUNDS: usize = 8;

/// A block lasts about this long.
const BLOCK_SECONDS: f64 = 0.02;

/// The latency of each side as a multiple of the first one's: the median over rounds, in each of which all sides take turns. An error
/// names the side that failed.
pub fn relative(
    sides: &[Side],
    command: &WorkerCommand,
    options: &WorkerOptions,
) -> Result<Vec<f64>, (usize, WorkerError)> {
    let mut ratios: Vec<Vec<f64>> = sides.iter().map(|_| Vec::new()).collect();
    for _ in 0..RESTARTS {
        let mut subjects: Vec<WorkerSubject<'_>> = sides
            .iter()
            .map(|side| WorkerSubject::new(side, command, options.clone()))
            .collect();
        let mut keep = 1;
        for (index, subject) in subjects.iter_mut().enumerate() {
            let failed = |source| (index, source);
            subject.start().map_err(failed)?;
            let block = subject.block(2, 3).map_err(failed)?;
            if index == 0 {
                keep = (BLOCK_SECONDS / fastest(&block).max(1e-6)).clamp(1.0, 1000.0) as u32;
            }
            subject.pause().map_err(failed)?;
        }
        for _ in 0..ROUNDS {
            let mut first = None;
            for (index, subject) in subjects.iter_mut().enumerate() {
                let failed = |source| (index, source);
                subject.resume().map_err(failed)?;
                let seconds = fastest(&subject.block(1, keep).map_err(failed)?);
                subject.pause().map_err(failed)?;
                let first = *first.get_or_insert(seconds);
                if let Some(ratios) = ratios.get_mut(index)
                    && first > 0.0
                {
                    ratios.push(seconds / first);
                }
            }
        }
    }
    Ok(ratios.into_iter().map(median).collect())
}

/// The fastest inference of a block: others may have been disturbed.
fn fastest(block: &Block) -> f64 {
    block.own().fold(f64::INFINITY, f64::min)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
