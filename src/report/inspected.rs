//! Everything about one build: as text with all its sections, and as JSON with sorted keys.

use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::report::clean;
use crate::report::listing::Row;
use crate::report::listing::grid::Side;
use crate::report::listing::grid::grid;
use crate::report::listing::grid::pairs;
use crate::report::listing::method;
use crate::report::listing::short;
use crate::report::listing::table::NOTHING;
use crate::report::listing::table::name;
use crate::report::model_facts;
use crate::report::model_facts::ModelFacts;
use crate::report::table::terminal;
use crate::units::Bytes;
use crate::units::Millis;
use crate::units::PerSecond;

/// A build and everything that is kept of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspected {
    /// The build as lists show it.
    pub build: Row,
    /// What lists leave out.
    pub details: Details,
    /// What it was derived from, the parent first.
    pub ancestors: Vec<Relative>,
    /// What was derived from it directly, the oldest first.
    pub children: Vec<Relative>,
    /// Its files, the model first.
    pub artifacts: Vec<Artifact>,
    /// Its measurements, the newest first.
    pub benchmarks: Vec<Benchmark>,
    /// How far its outputs are from another build's, the oldest first.
    pub accuracy: Vec<Check>,
    /// Its tags, sorted.
    pub tags: Vec<Tag>,
    /// What people wrote, the oldest first.
    pub notes: Vec<Note>,
    /// What its model file says of itself, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelFacts>,
}

/// What lists leave out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Details {
    /// The digest of the model that it was derived from.
    pub source: String,
    /// The version of mlbuild that made it.
    pub tool_version: String,
    /// Since when it is protected from pruning.
    pub pinned_at: Option<String>,
    /// The ONNX graph that a compiled model came from.
    pub graph: Option<String>,
    /// What randomness was drawn from; in decimal, as it has 64 bits.
    pub seed: Option<String>,
    /// The digest of the calibration data.
    pub calibration: Option<String>,
    /// What its passes said.
    pub derivation: Vec<String>,
}

/// Another build of its lineage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Relative {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its recipe.
    pub recipe: String,
    /// It is removed and not purged.
    pub removed: bool,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Artifact {
    /// Its name; where the model refers to it, that name.
    pub name: String,
    /// Its SHA-256.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
}

/// A measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Benchmark {
    /// Its number in the registry.
    pub id: i64,
    /// Where.
    pub target: String,
    /// The length of token sequences, for a model that is measured with several.
    pub sequence_length: Option<u64>,
    /// The version of the runtime.
    pub runtime_version: String,
    /// The machine, for people.
    pub machine: Option<String>,
    /// Inferences that were timed.
    pub inferences: u64,
    /// Median latency, milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile, milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile, milliseconds.
    pub p99_ms: Option<f64>,
    /// Mean, milliseconds.
    pub mean_ms: Option<f64>,
    /// Standard deviation, milliseconds.
    pub std_ms: Option<f64>,
    /// Inferences a second.
    pub throughput: Option<f64>,
    /// Time to load, milliseconds.
    pub load_ms: Option<f64>,
    /// Peak memory above an empty session's, bytes.
    pub peak_memory_bytes: Option<u64>,
    /// The other tool that measured it.
    pub origin: Option<String>,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
}

/// How far its outputs are from another build's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The other build.
    pub against: String,
    /// Where both ran.
    pub target: String,
    /// The version of the runtime.
    pub runtime_version: String,
    /// How many samples were run; these and what follows are `None` where the check is of a form that is not known.
    pub samples: Option<u64>,
    /// The mean cosine similarity.
    pub cosine: Option<f64>,
    /// The lowest of any sample.
    pub lowest_cosine: Option<f64>,
    /// The share of the same answers.
    pub top1_agreement: Option<f64>,
    /// Mean absolute difference.
    pub mean_abs_error: Option<f64>,
    /// Largest absolute difference.
    pub max_abs_error: Option<f64>,
    /// True where the samples were real ones.
    pub real_samples: Option<bool>,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// Since when; `None` where that was not kept.
    pub created_at: Option<String>,
}

/// What a person wrote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Note {
    /// The text.
    pub text: String,
    /// When, ISO 8601 in UTC.
    pub created_at: String,
}

/// What an empty section shows.
const NONE: &str = "  no records\n";

/// All sections.
pub fn text(inspected: &Inspected) -> String {
    let mut sections = vec![("Build", build(inspected)), ("Task", task(inspected))];
    if let Some(facts) = &inspected.model {
        sections.extend(model_facts::sections(facts));
    }
    sections.extend([
        ("Artifacts", artifacts(&inspected.artifacts)),
        ("Benchmarks", benchmarks(&inspected.benchmarks)),
        ("Accuracy", accuracy(&inspected.accuracy)),
        ("Tags", tags(&inspected.tags)),
        ("Notes", notes(inspected)),
    ]);
    sections_text(&sections)
}

/// A model file that is no build: its facts.
pub fn text_of_file(facts: &ModelFacts) -> String {
    sections_text(&model_facts::sections(facts))
}

/// The same with a version, keys sorted at every depth; `model` is where it is within a build's JSON.
pub fn json_of_file(facts: &ModelFacts) -> Value {
    sorted(json!({ "schema": 1, "model": facts }))
}

/// The build, its first file, and the newest measurement of each target and length.
pub fn short_text(inspected: &Inspected) -> String {
    let mut seen: Vec<(&str, Option<u64>)> = Vec::new();
    let newest: Vec<Benchmark> = inspected
        .benchmarks
        .iter()
        .filter(|benchmark| {
            let key = (benchmark.target.as_str(), benchmark.sequence_length);
            let is_new = !seen.contains(&key);
            seen.push(key);
            is_new
        })
        .cloned()
        .collect();
    let first: Vec<Artifact> = inspected.artifacts.iter().take(1).cloned().collect();
    sections_text(&[
        ("Build", build(inspected)),
        ("Artifacts", artifacts(&first)),
        ("Benchmarks", benchmarks(&newest)),
    ])
}

/// With a version, and keys sorted at every depth.
pub fn json(inspected: &Inspected) -> Value {
    let mut value = serde_json::to_value(inspected).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("schema".to_owned(), 1.into());
    }
    sorted(value)
}

/// The same value, keys sorted at every depth.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn sections_text(sections: &[(&str, String)]) -> String {
    let blocks = sections.iter().map(|(title, body)| {
        let body = if body.is_empty() { NONE } else { body.as_str() };
        format!("{title}\n{body}")
    });
    blocks.collect::<Vec<_>>().join("\n")
}

fn build(inspected: &Inspected) -> String {
    let Inspected { build, details, .. } = inspected;
    let line = |relatives: &[Relative]| {
        let shown: Vec<String> = relatives
            .iter()
            .map(|relative| {
                let removed = if relative.removed { ", removed" } else { "" };
                format!(
                    "{} ({}{removed})",
                    short(&relative.id),
                    name(&method::label(&relative.recipe))
                )
            })
            .collect();
        shown.join(", ")
    };
    let mut rows = vec![
        ("id", build.id.clone()),
        ("name", terminal(&build.name)),
        ("format", terminal(&build.format)),
        ("method", terminal(&build.method)),
        ("size", Bytes(build.size_bytes).to_string()),
        (
            "target",
            build.target.as_deref().map_or_else(|| NOTHING.to_owned(), terminal),
        ),
        ("created", terminal(&build.created_at)),
        ("source", details.source.clone()),
    ];
    if build.name != build.model {
        rows.insert(2, ("model", terminal(&build.model)));
    }
    if let Some(file) = &build.file {
        rows.push(("file", terminal(file)));
    }
    if build.imported {
        rows.push(("imported", "as it is".to_owned()));
    }
    if let Some(at) = &details.pinned_at {
        rows.push(("pinned", terminal(at)));
    }
    if let Some(graph) = &details.graph {
        rows.push(("graph", graph.clone()));
    }
    if !inspected.ancestors.is_empty() {
        rows.push(("derived from", line(&inspected.ancestors)));
    }
    if !inspected.children.is_empty() {
        rows.push(("children", line(&inspected.children)));
    }
    if let Some(seed) = &details.seed {
        rows.push(("seed", seed.clone()));
    }
    if let Some(calibration) = &details.calibration {
        rows.push(("calibration", calibration.clone()));
    }
    rows.push(("made by", format!("mlbuild {}", terminal(&details.tool_version))));
    let mut text = pairs(&rows);
    for said in &details.derivation {
        text.push_str(&format!("  - {}\n", terminal(said)));
    }
    text
}

fn task(inspected: &Inspected) -> String {
    let task = inspected.build.task.as_deref();
    task.map(|task| format!("  {}\n", terminal(task))).unwrap_or_default()
}

fn artifacts(artifacts: &[Artifact]) -> String {
    let rows: Vec<Vec<String>> = artifacts
        .iter()
        .map(|artifact| {
            vec![
                String::new(),
                clean::cut(&terminal(&artifact.name), 60),
                Bytes(artifact.size_bytes).to_string(),
                artifact.sha256.clone(),
            ]
        })
        .collect();
    of_rows(
        &[
            ("", Side::Left),
            ("file", Side::Left),
            ("size", Side::Right),
            ("sha256", Side::Left),
        ],
        rows,
    )
}

fn benchmarks(benchmarks: &[Benchmark]) -> String {
    let millis = |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), |value| Millis(value).to_string());
    let rows: Vec<Vec<String>> = benchmarks
        .iter()
        .map(|benchmark| {
            let mut target = name(&benchmark.target);
            if let Some(length) = benchmark.sequence_length {
                target.push_str(&format!(" ×{length}"));
            }
            if let Some(origin) = &benchmark.origin {
                target.push_str(&format!(" ({})", name(origin)));
            }
            vec![
                String::new(),
                name(&benchmark.created_at),
                target,
                millis(benchmark.p50_ms),
                millis(benchmark.p95_ms),
                millis(benchmark.p99_ms),
                benchmark
                    .throughput
                    .map_or_else(|| NOTHING.to_owned(), |value| PerSecond(value).to_string()),
                benchmark
                    .peak_memory_bytes
                    .map_or_else(|| NOTHING.to_owned(), |bytes| Bytes(bytes).to_string()),
                benchmark.inferences.to_string(),
                name(&benchmark.runtime_version),
            ]
        })
        .collect();
    of_rows(
        &[
            ("", Side::Left),
            ("measured", Side::Left),
            ("target", Side::Left),
            ("p50", Side::Right),
            ("p95", Side::Right),
            ("p99", Side::Right),
            ("throughput", Side::Right),
            ("peak memory", Side::Right),
            ("inferences", Side::Right),
            ("runtime", Side::Left),
        ],
        rows,
    )
}

fn accuracy(checks: &[Check]) -> String {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.digits$}"))
    };
    let rows: Vec<Vec<String>> = checks
        .iter()
        .map(|check| {
            vec![
                String::new(),
                short(&check.against),
                number(check.cosine, 6),
                check
                    .top1_agreement
                    .map_or_else(|| NOTHING.to_owned(), |share| format!("{:.1} %", share * 100.0)),
                check
                    .max_abs_error
                    .map_or_else(|| NOTHING.to_owned(), |error| format!("{error:.2e}")),
                check
                    .samples
                    .map_or_else(|| NOTHING.to_owned(), |samples| samples.to_string()),
                match check.real_samples {
                    Some(true) => "real",
                    Some(false) => "made up",
                    None => NOTHING,
                }
                .to_owned(),
                name(&check.created_at),
            ]
        })
        .collect();
    of_rows(
        &[
            ("", Side::Left),
            ("against", Side::Left),
            ("cosine", Side::Right),
            ("same top-1", Side::Right),
            ("largest error", Side::Right),
            ("samples", Side::Right),
            ("of kind", Side::Left),
            ("checked", Side::Left),
        ],
        rows,
    )
}

fn tags(tags: &[Tag]) -> String {
    let rows: Vec<(&str, String)> = tags
        .iter()
        .map(|tag| {
            (
                tag.name.as_str(),
                tag.created_at.as_deref().map(terminal).unwrap_or_default(),
            )
        })
        .collect();
    pairs(&rows)
}

fn notes(inspected: &Inspected) -> String {
    inspected
        .notes
        .iter()
        .map(|note| format!("  {}  {}\n", terminal(&note.created_at), terminal(&note.text)))
        .collect()
}

fn of_rows(columns: &[(&str, Side)], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        String::new()
    } else {
        grid(columns, &rows)
    }
}
