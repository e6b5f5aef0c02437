//! What one restart says about one quantity: a figure of each side, and how far apart the sides are.

use crate::measure::quantity::Quantity;
use crate::measure::samples::LoneRestart;
use crate::measure::samples::Process;
use crate::measure::samples::Restart;
use crate::measure::samples::Which;
use crate::stats::summary::mean;
use crate::stats::summary::median;
use crate::stats::summary::percentile;
use crate::stats::summary::standard_deviation;

const MILLISECONDS: f64 = 1e3;

/// One side of a restart.
pub(crate) struct Values<'a> {
    process: &'a Process,
    /// Seconds of each inference without what other processes took, block by block.
    blocks: Vec<Vec<f64>>,
}

impl<'a> Values<'a> {
    /// One side of a restart of both.
    pub(crate) fn of(restart: &'a Restart, which: Which) -> Self {
        Self {
            process: restart.process(which),
            blocks: restart
                .rounds
                .iter()
                .map(|round| round.block(which).own().collect())
                .collect(),
        }
    }

    /// A restart of a side alone.
    pub(crate) fn alone(restart: &'a LoneRestart) -> Self {
        Self {
            process: &restart.process,
            blocks: restart.blocks.iter().map(|block| block.own().collect()).collect(),
        }
    }

    /// The figure in the quantity's unit; memory as the process holds it, an empty session included. `None` where it was not
    /// measured.
    pub(crate) fn figure(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::Load => Some(self.process.load_seconds * MILLISECONDS),
            Quantity::FirstInference => Some(self.process.first_seconds * MILLISECONDS),
            Quantity::TimeToStable => {
                let steady = median(&self.blocks.concat())?;
                Some(self.process.seconds_to_stable(steady) * MILLISECONDS)
            }
            Quantity::PeakMemory => self.process.peak_bytes.map(|bytes| bytes as f64),
            Quantity::ModelMemory => self.process.loaded_bytes.map(|bytes| bytes as f64),
            _ => statistic(&self.blocks.concat(), quantity),
        }
    }

    /// Seconds of all inferences.
    pub(crate) fn latencies(&self) -> Vec<f64> {
        self.blocks.concat()
    }
}

/// The logarithm of the candidate's figure over the baseline's; `None` where it is not known, or either is nothing.
pub(crate) fn log_ratio(restart: &Restart, quantity: Quantity) -> Option<f64> {
    let baseline = Values::of(restart, Which::Baseline);
    let candidate = Values::of(restart, Which::Candidate);
    let enough = least_of_block(quantity).is_some_and(|least| {
        let mut blocks = baseline.blocks.iter().chain(&candidate.blocks).peekable();
        blocks.peek().is_some() && blocks.all(|block| block.len() >= least)
    });
    if !enough {
        return log_of(candidate.figure(quantity)?, baseline.figure(quantity)?);
    }
    let ratios = baseline
        .blocks
        .iter()
        .zip(&candidate.blocks)
        .map(|(baseline, candidate)| log_of(statistic(candidate, quantity)?, statistic(baseline, quantity)?))
        .collect::<Option<Vec<f64>>>()?;
    median(&ratios)
}

fn log_of(candidate: f64, baseline: f64) -> Option<f64> {
    Some((candidate / baseline).ln()).filter(|ratio| ratio.is_finite())
}

/// How many inferences a block needs for its own statistic to mean something: one for a median of medians, some for a mean to level
/// out, and enough for a tail to have a sample in it. `None` for what is never read block by block.
///
/// Throughput and the standard deviation are of all samples: their point is that nothing is left out.
fn least_of_block(quantity: Quantity) -> Option<usize> {
    match quantity {
        Quantity::LatencyP50 => Some(1),
        Quantity::LatencyMean => Some(8),
        Quantity::LatencyP95 => Some(20),
        Quantity::LatencyP99 => Some(100),
        _ => None,
    }
}

/// What a quantity is of some latencies in seconds, in its own unit; `None` for what does not come out of latencies.
fn statistic(seconds: &[f64], quantity: Quantity) -> Option<f64> {
    let milliseconds = |seconds: Option<f64>| seconds.map(|seconds| seconds * MILLISECONDS);
    match quantity {
        Quantity::LatencyP50 => milliseconds(median(seconds)),
        Quantity::LatencyP95 => milliseconds(percentile(seconds, 0.95)),
        Quantity::LatencyP99 => milliseconds(percentile(seconds, 0.99)),
        Quantity::LatencyMean => milliseconds(mean(seconds)),
        Quantity::LatencyStd => milliseconds(standard_deviation(seconds)),
        Quantity::Throughput => mean(seconds).filter(|mean| *mean > 0.0).map(f64::recip),
        Quantity::Load
        | Quantity::FirstInference
        | Quantity::TimeToStable
        | Quantity::PeakMemory
        | Quantity::ModelMemory => None,
    }
}

/// The figure over all samples of a side, in the quantity's unit: what reports show. Latencies are of all inferences of all
/// restarts, untrimmed; start-up figures are medians over restarts. `None` for memory, which is shown by the centre of its interval,
/// and for what was not measured.
pub(crate) fn shown(restarts: &[Values<'_>], quantity: Quantity) -> Option<f64> {
    if quantity.is_memory() {
        return None;
    }
    if quantity.is_latency() {
        let all: Vec<f64> = restarts.iter().flat_map(Values::latencies).collect();
        return statistic(&all, quantity);
    }
    let starts = restarts
        .iter()
        .map(|restart| restart.figure(quantity))
        .collect::<Option<Vec<f64>>>()?;
    median(&starts)
}
