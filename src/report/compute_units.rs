//! One model on several compute units: for people and for programs.

use serde::Serialize;

use crate::report::clean;
use crate::report::desk;
use crate::units::Bytes;
use crate::units::Millis;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// A change against the CPU, in per cent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// The best single figure.
    pub center_percent: f64,
    /// The lower bound of 95 %.
    pub lower_percent: f64,
    /// The upper bound of 95 %.
    pub upper_percent: f64,
}

/// A compute unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnitRow {
    /// The target.
    pub target: String,
    /// Median latency, milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile, milliseconds.
    pub p95_ms: Option<f64>,
    /// Peak memory of the process, bytes.
    pub peak_bytes: Option<f64>,
    /// Against the CPU; `None` for the CPU.
    pub change: Option<Change>,
    /// Why it was not measured.
    pub failure: Option<String>,
}

impl UnitRow {
    /// One that was not measured yet.
    pub fn of(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            p50_ms: None,
            p95_ms: None,
            peak_bytes: None,
            change: None,
            failure: None,
        }
    }
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Units {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The model, for people.
    pub model: String,
    /// Its units, the CPU first.
    pub units: Vec<UnitRow>,
}

/// For people.
pub fn text(units: &Units) -> String {
    let millis = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| Millis(value).to_string());
    let mut cells = vec![
        ["", "p50", "p95", "peak memory", "against the CPU"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for row in &units.units {
        let against = match (&row.failure, &row.change) {
            (Some(why), _) => clean::sentence(why, clean::PROSE_LENGTH),
            (None, Some(change)) => format!(
                "{:+.1} % ({:+.1} to {:+.1})",
                change.center_percent, change.lower_percent, change.upper_percent
            ),
            (None, None) => String::new(),
        };
        cells.push(vec![
            row.target.clone(),
            millis(row.p50_ms),
            millis(row.p95_ms),
            row.peak_bytes
                .map_or_else(|| "–".to_owned(), |bytes| Bytes(bytes.max(0.0) as u64).to_string()),
            against,
        ]);
    }
    format!("{}\n\n{}", desk::name(&units.model), desk::table(&cells, &[1, 2, 3]))
}
