//! A history of baselines as plain data; its JSON form is what `--json` prints.

use serde::Serialize;

use crate::units::Bytes;
use crate::units::Millis;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// What is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Median latency, milliseconds.
    P50,
    /// The 95th percentile of latency, milliseconds.
    P95,
    /// Bytes on disk.
    Size,
    /// Peak memory beyond an empty session, bytes.
    Memory,
}

impl Metric {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::Size => "size",
            Self::Memory => "peak memory",
        }
    }

    /// A figure with its unit.
    pub fn shown(self, value: f64) -> String {
        match self {
            Self::P50 | Self::P95 => Millis(value).to_string(),
            Self::Size | Self::Memory => Bytes(value.max(0.0).round() as u64).to_string(),
        }
    }

    /// True where the figures of two machines must not be compared.
    pub fn is_of_a_machine(self) -> bool {
        self != Self::Size
    }
}

/// Histories of one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When this was put together, ISO 8601 in UTC.
    pub generated_at: String,
    /// What is followed.
    pub metric: Metric,
    /// Where baselines were read, for people.
    pub sources: Vec<String>,
    /// Machines that measured them, described; points refer to them by place.
    pub machines: Vec<String>,
    /// One entry a model × target × variant × length of sequences, in that order.
    pub series: Vec<Series>,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// One history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// The model's name in the config.
    pub model: String,
    /// The target.
    pub target: String,
    /// The recipe.
    pub variant: String,
    /// The length of token sequences, where there are several.
    pub sequence: Option<u64>,
    /// Its baselines, the oldest first.
    pub points: Vec<Point>,
    /// Older baselines that are not listed.
    pub left_out: usize,
    /// Where the level changed beyond noise, the oldest first.
    pub changes: Vec<Change>,
}

/// One baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// When it was measured, ISO 8601 in UTC.
    pub created_at: String,
    /// Its commit, where known.
    pub commit: Option<String>,
    /// The machine: a place in [`Trend::machines`].
    pub machine: usize,
    /// The figure, in the metric's unit.
    pub value: f64,
    /// The lower end of its 95 % interval, where raw samples are kept.
    pub lower: Option<f64>,
    /// The upper end.
    pub upper: Option<f64>,
    /// The version of the engine, where known.
    pub runtime_version: Option<String>,
}

impl Point {
    /// Both ends, where they are known.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.lower.zip(self.upper)
    }

    /// The beginning of its commit, or its day.
    pub fn label(&self) -> &str {
        match &self.commit {
            Some(commit) => commit.get(..7).unwrap_or(commit),
            None => self.created_at.get(..10).unwrap_or(&self.created_at),
        }
    }
}

/// A change of level, among the points of one machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The first point of the new level.
    pub point: usize,
    /// Its commit, where known.
    pub commit: Option<String>,
    /// The machine; `None` where that makes no difference.
    pub machine: Option<usize>,
    /// The level before, in the metric's unit.
    pub before: f64,
    /// The new level.
    pub after: f64,
    /// From the one to the other, in per cent of the level before.
    pub percent: f64,
    /// Points of the level before.
    pub points_before: usize,
    /// Points of the new level.
    pub points_after: usize,
}

impl Series {
    /// `digits · onnxruntime_cpu · fp32 @ 128`.
    pub fn title(&self) -> String {
        let length = self.sequence.map(|length| format!(" @ {length}")).unwrap_or_default();
        format!("{} · {} · {}{length}", self.model, self.target, self.variant)
    }

    /// Machines that took part, in order of appearance.
    pub fn machines(&self) -> Vec<usize> {
        let mut found = Vec::new();
        for point in &self.points {
            if !found.contains(&point.machine) {
                found.push(point.machine);
            }
        }
        found
    }
}

impl Change {
    /// `+8.3 %`.
    pub fn shown_percent(&self) -> String {
        let sign = if self.percent < 0.0 { "−" } else { "+" };
        format!("{sign}{:.1} %", self.percent.abs())
    }

    /// What it is, in a sentence.
    pub fn sentence(&self, metric: Metric, label: &str) -> String {
        let machine = self
            .machine
            .map(|machine| format!(", on machine {}", letter(machine)))
            .unwrap_or_default();
        let baselines = |count: usize| {
            if count == 1 {
                "1 baseline".to_owned()
            } else {
                format!("{count} baselines")
            }
        };
        format!(
            "from {label} on: {} ({} → {}; {} before, {} since{machine})",
            self.shown_percent(),
            metric.shown(self.before),
            metric.shown(self.after),
            baselines(self.points_before),
            self.points_after
        )
    }
}

/// A machine's name: A, B, … Z, then numbers.
pub(super) fn letter(machine: usize) -> String {
    match u8::try_from(machine) {
        Ok(number) if number < 26 => char::from(b'A' + number).to_string(),
        _ => (machine + 1).to_string(),
    }
}
