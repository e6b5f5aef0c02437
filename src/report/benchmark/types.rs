//! A benchmark as plain data; its JSON form is what `--json` prints.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::Serializer;
use serde::ser::SerializeMap as _;

use crate::machine::Fingerprint;
use crate::measure::outputs::Anomaly;
use crate::measure::quantity::Quantity;
use crate::measure::samples::SideMeasurement;
use crate::model::task::Confidence;
use crate::model::task::Detected;
use crate::model::task::Tier;
use crate::report::benchmark::histogram::Histogram;
use crate::stats::interval::Interval;
use crate::stats::sequential::TAIL;
use crate::stats::summary::median;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// Milliseconds in a second.
const MILLISECONDS: f64 = 1e3;

/// Absolute figures of one model, in one or several settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Benchmark {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The model, as it was named, or a build's model, recipe and short id.
    pub model: String,
    /// The build's whole id, where it is one or was made one.
    pub build_id: Option<String>,
    /// Digest of the model.
    pub digest: String,
    /// Bytes on disk, external data included.
    pub size_bytes: u64,
    /// The target's name.
    pub target: String,
    /// The engine's version.
    pub runtime_version: String,
    /// This tool's version.
    pub tool_version: String,
    /// What kind of data it was fed.
    pub task: TaskView,
    /// The machine.
    pub machine: Fingerprint,
    /// Its load average over a minute, before measuring.
    pub load_average: Option<f64>,
    /// When it was measured, ISO 8601.
    pub measured_at: String,
    /// What was asked for.
    pub asked: Asked,
    /// One entry a setting, ordered by sequence length, batch and threads.
    pub results: Vec<Row>,
    /// What is implausible about the outputs.
    pub anomalies: Vec<Anomaly>,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// True where the samples are in the workspace's registry now.
    pub stored: bool,
}

/// The task, and why it is believed to be that.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskView {
    /// Its name.
    pub name: &'static str,
    /// How sure that is.
    pub confidence: Confidence,
    /// What decided.
    pub tier: Tier,
    /// The evidence.
    pub reason: String,
}

impl From<&Detected> for TaskView {
    fn from(detected: &Detected) -> Self {
        Self {
            name: detected.task.name(),
            confidence: detected.confidence,
            tier: detected.tier,
            reason: detected.reason.clone(),
        }
    }
}

/// How much was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// Timed inferences of each setting, at least.
    pub runs: u32,
    /// Inferences at the start of each process that are not timed.
    pub warmup: u32,
    /// Fresh processes of each setting.
    pub processes: usize,
    /// Seconds for everything.
    pub time_budget_seconds: f64,
}

/// One setting and its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The length of sequences, for a model that has any.
    pub sequence: Option<u64>,
    /// Samples of one inference, where the model has a free batch dimension.
    pub batch: Option<u64>,
    /// Threads inside an operator.
    pub threads: usize,
    /// Shapes of the inputs, by name.
    pub inputs: BTreeMap<String, Vec<u64>>,
    /// Fresh processes that were measured.
    pub processes: usize,
    /// Timed inferences of all of them.
    pub inferences: usize,
    /// What they came to.
    pub figures: Figures,
    /// Samples a second: the throughput times the batch.
    pub samples_per_second: Option<Figure>,
    /// Throughput over that of the fewest threads of the sweep, shared over the threads: 1 is a perfect gain. `None` for the
    /// fewest threads themselves.
    pub thread_efficiency: Option<f64>,
    /// Samples a second over those of the smallest batch of the sweep. `None` for the smallest batch itself.
    pub batch_gain: Option<f64>,
    /// Milliseconds of the first inferences of a process, the median over processes: the very first one, then the warm-up.
    pub warmup_ms: Vec<f64>,
    /// How latencies are spread.
    pub histogram: Option<Histogram>,
}

/// A figure with its 95 % interval over processes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The best single figure.
    pub value: f64,
    /// The lower end of the interval.
    pub lower: f64,
    /// The upper end of the interval.
    pub upper: f64,
}

impl Figure {
    /// Half the width of the interval, in per cent of the value; `None` of a value that is not above zero.
    pub fn half_width_percent(&self) -> Option<f64> {
        (self.value > 0.0).then(|| 50.0 * (self.upper - self.lower) / self.value)
    }

    fn times(self, factor: f64) -> Self {
        Self {
            value: self.value * factor,
            lower: self.lower * factor,
            upper: self.upper * factor,
        }
    }
}

impl From<Interval> for Figure {
    fn from(interval: Interval) -> Self {
        Self {
            value: interval.center,
            lower: interval.lower,
            upper: interval.upper,
        }
    }
}

/// Every quantity that could be measured, in the order of reports.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures(pub Vec<(Quantity, Figure)>);

impl Figures {
    /// Of one setting's samples.
    pub fn of(measurement: &SideMeasurement) -> Self {
        let figure = |quantity| {
            let interval = measurement.absolute(quantity)?.interval(TAIL)?;
            Some((quantity, Figure::from(interval)))
        };
        Self(Quantity::ALL.into_iter().filter_map(figure).collect())
    }

    /// One of them.
    pub fn get(&self, quantity: Quantity) -> Option<Figure> {
        self.0
            .iter()
            .find(|(found, _)| *found == quantity)
            .map(|(_, figure)| *figure)
    }
}

impl Serialize for Figures {
    /// One entry a quantity; `null` for what this system does not tell.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Quantity::ALL.len()))?;
        for quantity in Quantity::ALL {
            map.serialize_entry(key(quantity), &self.get(quantity))?;
        }
        map.end()
    }
}

/// The quantity's name in JSON, with its unit.
fn key(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::LatencyP50 => "latency_p50_ms",
        Quantity::LatencyP95 => "latency_p95_ms",
        Quantity::LatencyP99 => "latency_p99_ms",
        Quantity::LatencyMean => "latency_mean_ms",
        Quantity::LatencyStd => "latency_std_ms",
        Quantity::Throughput => "throughput_per_second",
        Quantity::Load => "load_ms",
        Quantity::FirstInference => "first_inference_ms",
        Quantity::TimeToStable => "time_to_stable_ms",
        Quantity::PeakMemory => "peak_memory_bytes",
        Quantity::ModelMemory => "model_memory_bytes",
    }
}

impl Row {
    /// The figures of one setting.
    pub fn of(
        measurement: &SideMeasurement,
        (sequence, batch, threads): (Option<u64>, Option<u64>, usize),
        inputs: BTreeMap<String, Vec<u64>>,
    ) -> Self {
        let latencies: Vec<f64> = measurement
            .restarts
            .iter()
            .flat_map(|restart| &restart.blocks)
            .flat_map(|block| block.own())
            .map(|seconds| seconds * MILLISECONDS)
            .collect();
        let figures = Figures::of(measurement);
        let throughput = figures.get(Quantity::Throughput);
        Self {
            sequence,
            batch,
            threads,
            inputs,
            processes: measurement.restarts.len(),
            inferences: latencies.len(),
            samples_per_second: throughput.zip(batch).map(|(figure, batch)| figure.times(batch as f64)),
            figures,
            thread_efficiency: None,
            batch_gain: None,
            warmup_ms: warmup(measurement),
            histogram: Histogram::of(&latencies),
        }
    }

    /// Samples a second, or inferences where there is no batch.
    fn rate(&self) -> Option<f64> {
        let figure = self.samples_per_second.or(self.figures.get(Quantity::Throughput))?;
        Some(figure.value)
    }
}

/// The median over processes of the first inference, the second, and so on, as long as every process has one.
fn warmup(measurement: &SideMeasurement) -> Vec<f64> {
    let series: Vec<Vec<f64>> = measurement
        .restarts
        .iter()
        .map(|restart| {
            let process = &restart.process;
            std::iter::once(process.first_seconds)
                .chain(process.warmup.iter().copied())
                .map(|seconds| seconds * MILLISECONDS)
                .collect()
        })
        .collect();
    let shortest = series.iter().map(Vec::len).min().unwrap_or(0);
    (0..shortest)
        .filter_map(|index| {
            let column: Vec<f64> = series.iter().filter_map(|series| series.get(index)).copied().collect();
            median(&column)
        })
        .collect()
}

/// Fills in how well each row of a sweep scales, against the row with the fewest threads and the one with the smallest batch that
/// are otherwise the same.
pub fn compare_rows(rows: &mut [Row]) {
    let seen = rows.to_vec();
    for row in rows {
        let rate = row.rate();
        let fewest = seen
            .iter()
            .filter(|other| (other.sequence, other.batch) == (row.sequence, row.batch))
            .min_by_key(|other| other.threads)
            .filter(|other| other.threads < row.threads);
        row.thread_efficiency = fewest.and_then(|fewest| {
            let gain = rate? / fewest.rate()?;
            Some(gain * fewest.threads as f64 / row.threads as f64)
        });
        let smallest = seen
            .iter()
            .filter(|other| (other.sequence, other.threads) == (row.sequence, row.threads))
            .min_by_key(|other| other.batch)
            .filter(|other| other.batch < row.batch);
        row.batch_gain = smallest.and_then(|smallest| Some(rate? / smallest.rate()?));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(batch: u64, threads: usize, throughput: f64) -> Row {
        let figure = Figure {
            value: throughput,
            lower: throughput,
            upper: throughput,
        };
        Row {
            sequence: None,
            batch: Some(batch),
            threads,
            inputs: BTreeMap::new(),
            processes: 3,
            inferences: 30,
            figures: Figures(vec![(Quantity::Throughput, figure)]),
            samples_per_second: Some(figure.times(batch as f64)),
            thread_efficiency: None,
            batch_gain: None,
            warmup_ms: Vec::new(),
            histogram: None,
        }
    }

    #[test]
    fn scaling_is_against_the_smallest_of_its_kind() {
        let mut rows = [row(1, 1, 100.0), row(1, 2, 150.0), row(4, 1, 40.0), row(4, 2, 80.0)];
        compare_rows(&mut rows);
        let found: Vec<_> = rows.iter().map(|row| (row.thread_efficiency, row.batch_gain)).collect();
        assert_eq!(
            found,
            [
                (None, None),
                (Some(0.75), None),
                (None, Some(1.6)),
                (Some(1.0), Some(320.0 / 150.0))
            ]
        );
    }

    #[test]
    fn figures_name_what_is_not_known_too() {
        let json = serde_json::to_value(row(2, 1, 100.0)).unwrap();
        assert_eq!(json["figures"]["throughput_per_second"]["value"], 100.0);
        assert_eq!(json["samples_per_second"]["value"], 200.0);
        assert!(json["figures"]["peak_memory_bytes"].is_null());
        assert_eq!(json["figures"].as_object().unwrap().len(), Quantity::ALL.len());
    }
}
