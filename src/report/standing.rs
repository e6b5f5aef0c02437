//! What a desk's baseline is: for people and for programs.

use serde::Serialize;

use crate::report::accepted;
use crate::report::desk;
use crate::report::desk::count;
use crate::report::tags::TagRow;
use crate::units::Millis;
use crate::verdict::Acceptance;

/// The form of the JSON.
pub const SCHEMA: u32 = 2;

/// The baseline of a desk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The build that was set, which counts for its model.
    pub set: Option<TagRow>,
    /// A folder or bucket of the config counts before it, where nothing is named.
    pub only_by_name: bool,
    /// Its newest median latency, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The baseline that `baseline refresh` measured.
    pub measured: Option<MeasuredBaseline>,
}

/// A baseline in a folder or bucket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredBaseline {
    /// Where.
    pub folder: String,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
    /// The version of mlbuild that measured it.
    pub tool_version: String,
    /// Its models, sorted.
    pub models: Vec<String>,
    /// How many comparisons it has.
    pub comparisons: usize,
    /// What people took as it is on the way here, oldest first.
    pub accepted: Vec<Acceptance>,
}

/// For people.
pub fn text(standing: &Standing) -> String {
    let mut text = String::new();
    if let Some(row) = &standing.set {
        text.push_str("set as the baseline of its model:\n");
        let p50 = standing
            .p50_ms
            .map(|value| format!("p50 {}", Millis(value)))
            .unwrap_or_default();
        text.push_str(&desk::builds(std::slice::from_ref(&row.build), |_| p50.clone(), 1));
        if let Some(since) = &row.since {
            text.push_str(&format!("  since {since}\n"));
        }
        if standing.only_by_name {
            text.push_str("  it counts with `--baseline mlbuild-baseline`; without, the config's own place does\n");
        }
    }
    if let Some(measured) = &standing.measured {
        let models: Vec<String> = measured.models.iter().map(|name| desk::name(name)).collect();
        text.push_str(&format!(
            "{}measured {} by mlbuild {}, in {}:\n  {} of {}\n",
            if standing.set.is_some() {
                "\nfor all others, "
            } else {
                ""
            },
            measured.created_at,
            measured.tool_version,
            measured.folder,
            count(measured.comparisons, "comparison"),
            models.join(", ")
        ));
        for acceptance in &measured.accepted {
            text.push_str(&format!("  {}\n", accepted::line(acceptance)));
        }
    }
    if text.is_empty() {
        text.push_str(
            "no baseline here; `mlbuild baseline set BUILD` takes a build, `mlbuild baseline refresh` measures the models of the config\n",
        );
    }
    text
}
