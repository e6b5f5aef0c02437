//! One comparison of a study, as it is kept.

use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use mlbuild::config::Gate;
use mlbuild::config::MeasureConfig;
use mlbuild::measure::PairMeasurement;
use mlbuild::measure::Side;
use mlbuild::measure::Which;
use mlbuild::measure::compare::compare_pair;
use mlbuild::measure::plan::Plan;
use mlbuild::measure::quantity::Quantity;
use mlbuild::runtime::Worker;
use mlbuild::runtime::WorkerCommand;
use mlbuild::runtime::WorkerOptions;
use mlbuild::stats::sequential::TAIL;
use mlbuild::stats::summary::median;
use mlbuild::units::Percent;
use mlbuild::units::Span;
use mlbuild::verdict::ComparisonKey;
use mlbuild::verdict::ExactFacts;
use mlbuild::verdict::Metric;
use mlbuild::verdict::judge;
use serde::Deserialize;
use serde::Serialize;

/// What came of one comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// `quiet` or `busy`.
    pub(crate) condition: String,
    /// The name of the study.
    pub(crate) study: String,
    /// The model.
    pub(crate) model: String,
    /// The verdict by latency alone.
    pub(crate) latency: String,
    /// The verdict over latency and peak memory.
    pub(crate) overall: String,
    /// Change of p50 in per cent, with the bounds that the verdict comes from.
    pub(crate) change: [f64; 3],
    /// Change of p50 by the peers' way: 100 runs of one, then 100 runs of the other, in per cent; where it was measured too.
    pub(crate) sequential: Option<f64>,
    /// Seconds that it took.
    pub(crate) seconds: f64,
    /// The baseline's p50 in milliseconds.
    pub(crate) p50: f64,
    /// How often both processes were started.
    pub(crate) restarts: usize,
    /// Peak memory of the baseline at each restart, beyond an empty session, in bytes.
    pub(crate) peaks: Vec<u64>,
    /// Every restart's log ratio.
    pub(crate) ratios: Vec<f64>,
}

/// Where trials are kept: one JSON line each.
pub(crate) struct Notebook(PathBuf);

impl Notebook {
    pub(crate) fn open(path: &Path) -> Self {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        Self(path.to_owned())
    }

    /// Another file in the notebook's folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.0.with_file_name(format!("noise-{name}"))
    }

    pub(crate) fn add(&self, trial: &Trial) {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.0)
            .unwrap();
        writeln!(file, "{}", serde_json::to_string(trial).unwrap()).unwrap();
    }

    pub(crate) fn read(&self) -> Vec<Trial> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// How to compare.
pub(crate) struct Setting<'a> {
    pub(crate) command: &'a WorkerCommand,
    /// The limit on p50, in per cent.
    pub(crate) limit: f64,
    /// Seconds at most.
    pub(crate) budget: f64,
    pub(crate) seed: u64,
}

pub(crate) fn gate(limit: f64) -> Gate {
    let mut gate = Gate::default();
    gate.latency.limit.max_regression = Percent(limit);
    gate
}

pub(crate) fn measure(baseline: &Side, candidate: &Side, setting: &Setting<'_>) -> PairMeasurement {
    let config = MeasureConfig {
        time_budget: Span(Duration::from_secs_f64(setting.budget)),
        seed: setting.seed,
        ..MeasureConfig::default()
    };
    let plan = Plan::new(&gate(setting.limit), &config, 1);
    compare_pair(baseline, candidate, setting.command, &plan, &mut |_| {}).unwrap()
}

/// The restarts' log ratios of p50.
pub(crate) fn ratios(measurement: &PairMeasurement) -> Vec<f64> {
    let ratio = |round: &mlbuild::measure::samples::Round| {
        let p50 = |which| median(&round.block(which).own().collect::<Vec<f64>>()).unwrap();
        (p50(Which::Candidate) / p50(Which::Baseline)).ln()
    };
    let restarts = measurement.restarts.iter();
    restarts
        .map(|restart| median(&restart.rounds.iter().map(ratio).collect::<Vec<f64>>()).unwrap())
        .collect()
}

/// Compares, judges, and notes it down.
pub(crate) fn compare(baseline: &Side, candidate: &Side, setting: &Setting<'_>) -> Trial {
    let gate = gate(setting.limit);
    let measurement = measure(baseline, candidate, setting);
    let facts = ExactFacts::of_size(1);
    let comparison = judge(&key(), &measurement, (&facts, &facts), None, &gate);
    let latency = comparison.metric(Metric::LatencyP50).unwrap();
    // Outputs and size are not what this bench is about.
    let memory = comparison.metric(Metric::PeakMemory).unwrap();
    // Too few restarts in the time say nothing, and the verdict is inconclusive.
    let change = measurement
        .change(Quantity::LatencyP50)
        .and_then(|change| change.interval(measurement.looks.tail()))
        .map_or([0.0, f64::MIN, f64::MAX], |interval| {
            [interval.center, interval.lower, interval.upper]
        });
    let empty = measurement.empty_session_bytes.unwrap_or(0);
    Trial {
        condition: String::new(),
        study: String::new(),
        model: String::new(),
        latency: latency.verdict.word().to_owned(),
        overall: latency.verdict.max(memory.verdict).word().to_owned(),
        change,
        sequential: None,
        seconds: measurement.seconds,
        p50: latency.baseline.unwrap_or(f64::NAN),
        restarts: measurement.restarts.len(),
        peaks: measurement
            .restarts
            .iter()
            .filter_map(|restart| Some(restart.baseline.peak_bytes?.saturating_sub(empty)))
            .collect(),
        ratios: ratios(&measurement),
    }
}

/// The peers' way: one process, a warm-up, 100 runs, their median on the wall clock; then the same with the other model.
pub(crate) fn sequential(baseline: &Side, candidate: &Side, command: &WorkerCommand) -> f64 {
    let p50 = |side: &Side| {
        let mut worker = Worker::spawn(command, &WorkerOptions::default()).unwrap();
        worker.load(&side.artifact, &side.settings, &side.inputs).unwrap();
        let wall: Vec<f64> = worker.block(20, 100).unwrap().iter().map(|timed| timed.wall).collect();
        median(&wall).unwrap()
    };
    let first = p50(baseline);
    100.0 * (p50(candidate) / first - 1.0)
}

/// A 95 % interval of the mean log ratio, as per cent: center, lower, upper.
pub(crate) fn interval(ratios: &[f64]) -> [f64; 3] {
    let interval = mlbuild::stats::interval::Estimate::of(ratios).unwrap().interval(TAIL);
    [interval.center, interval.lower, interval.upper].map(|value| 100.0 * value.exp_m1())
}

fn key() -> ComparisonKey {
    serde_json::from_value(serde_json::json!({"model": "model", "target": "onnxruntime_cpu", "variant": "fp32"}))
        .unwrap()
}
