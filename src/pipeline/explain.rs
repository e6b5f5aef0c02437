//! Why a latency changed: both sides profiled in turns, a few short sessions each, and the operators named that differ.
//!
//! It comes after the verdict and never touches it. Where a profile can't be had (the engine fails, the model takes too long, the
//! time for explanations is up), there is no explanation, and nothing else is different.

use std::time::Duration;
use std::time::Instant;

use crate::measure::op_diff;
use crate::measure::op_diff::OpDifference;
use crate::measure::op_diff::OpTimes;
use crate::measure::profile;
use crate::measure::profile::Kernel;
use crate::measure::profile::Profile;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Which;
use crate::measure::side::Side;
use crate::model::Model;
use crate::pipeline::gate;
use crate::pipeline::gate::Done;
use crate::pipeline::gate::Setting;
use crate::pipeline::plan::Work;
use crate::runtime::Artifact;
use crate::stats::summary;
use crate::verdict::Comparison;
use crate::verdict::Metric;
use crate::verdict::Verdict;

/// Profiles of each side; fewer where sessions take long to make.
const REPEATS: u32 = 5;

/// Fewer tell no change from noise.
const LEAST_REPEATS: u32 = 3;

/// About so long for one comparison.
const EACH: Duration = Duration::from_secs(5);

/// A comparison that would take longer even with the fewest runs is not explained.
const LONGEST: Duration = Duration::from_secs(20);

/// No further comparison is explained after this long.
const ALL: Duration = Duration::from_secs(40);

/// Inferences that are not counted, in every session.
const WARMUP: u32 = 3;

/// No session is asked for more.
const MOST_RUNS: u32 = 60;

/// What a profiled run takes, in plain runs, with the plain one beside it.
const COST_OF_A_RUN: f64 = 3.0;

/// A profile makes three sessions: cold, plain and profiled.
const SESSIONS: f64 = 3.0;

/// Starting a process and reading what it left, in seconds.
const PROCESS: f64 = 0.2;

/// Explains every comparison whose latency regressed or improved, the regressions first.
pub fn explain(done: &mut [Done], setting: &Setting<'_>) {
    let started = Instant::now();
    for slower in [true, false] {
        for entry in done.iter_mut() {
            let late = started.elapsed() > ALL || setting.interrupt.is_raised();
            if !late && direction(&entry.comparison) == Some(slower) {
                entry.found.operators = explanation(entry, slower, setting);
            }
        }
    }
}

/// Whether a latency was judged slower (`true`) or faster; `None` where neither.
pub(super) fn direction(comparison: &Comparison) -> Option<bool> {
    let latencies = || {
        let metrics = comparison.metrics.iter();
        metrics.filter(|metric| matches!(metric.metric, Metric::LatencyP50 | Metric::LatencyP95))
    };
    let judged = |verdict| latencies().any(|metric| metric.verdict == verdict);
    if judged(Verdict::Regression) {
        Some(true)
    } else {
        judged(Verdict::Improvement).then_some(false)
    }
}

fn explanation(done: &Done, slower: bool, setting: &Setting<'_>) -> Option<OpDifference> {
    let (Work::Pair { baseline, feed, .. }, Some(candidate), Some(pair)) =
        (&done.job.work, &done.job.candidate, done.found.pair())
    else {
        return None;
    };
    let effort = Effort::of(pair)?;
    let side = |prepared| gate::side(prepared, &done.job, feed, setting);
    let before = Profiled::new(side(baseline))?;
    let after = Profiled::new(side(candidate))?;
    let options = profile::Options {
        runs: effort.runs,
        warmup: WARMUP,
        cold_starts: 1,
        cold_runs: 1,
        roofline: false,
        worker_timeout: setting.config.measure.worker_timeout.0.min(LONGEST),
        memory_limit: None,
        stop: setting.interrupt.stop(),
    };
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for _ in 0..effort.repeats {
        one.push(before.take(setting, &options)?);
        other.push(after.take(setting, &options)?);
    }
    Some(difference(&one, &other, slower))
}

/// One side and what its profile is read with.
struct Profiled {
    side: Side,
    model: Model,
}

impl Profiled {
    fn new(side: Side) -> Option<Self> {
        let Artifact { model, external } = &side.artifact;
        let model = Model::load_with_external(model, external).ok()?;
        Some(Self { side, model })
    }

    fn take(&self, setting: &Setting<'_>, options: &profile::Options) -> Option<Profile> {
        let worker = &setting.machinery.worker;
        profile::profile(&self.side, &self.model, worker, options, &mut |_| {}).ok()
    }
}

/// The operators that explain the difference between the profiles of both sides.
fn difference(baseline: &[Profile], candidate: &[Profile], slower: bool) -> OpDifference {
    let side = |profiles: &[Profile]| {
        let repeats: Vec<Vec<OpTimes>> = profiles
            .iter()
            .map(|profile| profile.kernels.iter().map(times).collect())
            .collect();
        op_diff::gather(&repeats)
    };
    // One factor for both sides: what did not change must not seem to.
    let sum = |of: fn(&Profile) -> f64| baseline.iter().chain(candidate).map(of).sum::<f64>();
    let factor = sum(|profile| profile.plain_seconds) / sum(|profile| profile.run_seconds);
    let factor = if factor.is_finite() && factor > 0.0 {
        factor.min(1.0)
    } else {
        1.0
    };
    op_diff::difference(&side(baseline), &side(candidate), factor, slower)
}

/// A kernel under the name of the first node of the model that it computes, so that a fusion that is lost finds its rest. What the
/// engine adds by itself, such as a change of layout, goes by its operator: the engine numbers it afresh in every graph.
fn times(kernel: &Kernel) -> OpTimes {
    let label = kernel.nodes.first().cloned().unwrap_or_default();
    // `Relu #12` is a place, and places move when a node is added.
    let is_place = label
        .rsplit_once(" #")
        .is_some_and(|(_, place)| !place.is_empty() && place.chars().all(|digit| digit.is_ascii_digit()));
    OpTimes {
        name: if is_place { String::new() } else { label.clone() },
        label,
        op_type: kernel.op_type.clone(),
        output_bytes: kernel.output_bytes,
        seconds: vec![kernel.seconds],
    }
}

/// How many profiles of how many runs fit into the time.
#[derive(Debug, PartialEq)]
struct Effort {
    repeats: u32,
    runs: u32,
}

impl Effort {
    /// By what loading and running took when the pair was measured; `None` where even the least takes too long.
    fn of(pair: &PairMeasurement) -> Option<Self> {
        let slowest =
            |figure: &dyn Fn(Which) -> Option<f64>| Some(figure(Which::Baseline)?.max(figure(Which::Candidate)?));
        let process = |which: Which| {
            let seconds: Vec<f64> = pair
                .restarts
                .iter()
                .map(|restart| restart.process(which).load_seconds + restart.process(which).first_seconds)
                .collect();
            summary::median(&seconds)
        };
        let run = |which: Which| {
            let milliseconds = crate::measure::estimate::latencies(&pair.restarts, which);
            Some(summary::median(&milliseconds)? / 1e3)
        };
        Self::within(slowest(&process)?, slowest(&run)?)
    }

    /// With `session` seconds to make a session and run it once, and `run` seconds for each further run.
    fn within(session: f64, run: f64) -> Option<Self> {
        let fixed = PROCESS + SESSIONS * session + COST_OF_A_RUN * run * f64::from(WARMUP);
        let least = |repeats: u32| 2.0 * f64::from(repeats) * (fixed + COST_OF_A_RUN * run);
        let repeats = if least(REPEATS) <= EACH.as_secs_f64() {
            REPEATS
        } else {
            LEAST_REPEATS
        };
        let cost = least(repeats);
        if cost.is_nan() || cost > LONGEST.as_secs_f64() {
            return None;
        }
        let room = EACH.as_secs_f64() / (2.0 * f64::from(repeats)) - fixed;
        let runs = room / (COST_OF_A_RUN * run.max(1e-9));
        Some(Self {
            repeats,
            runs: (runs as u32).clamp(1, MOST_RUNS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_models_get_fewer_repeats_and_the_slowest_none() {
        assert_eq!(
            Effort::within(0.01, 0.001),
            Some(Effort {
                repeats: REPEATS,
                runs: MOST_RUNS
            })
        );
        let effort = Effort::within(0.3, 0.1).unwrap();
        assert_eq!(
            effort,
            Effort {
                repeats: LEAST_REPEATS,
                runs: 1
            }
        );
        assert_eq!(Effort::within(5.0, 0.1), None);
        assert_eq!(Effort::within(0.1, 2.0), None);
        assert_eq!(Effort::within(f64::NAN, 0.1), None);
    }
}
