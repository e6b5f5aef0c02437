//! A build for other programs: versioned JSON, one flat table, or a table for each kind of record.

use serde_json::Value;
use serde_json::json;

use crate::report::inspected;
use crate::report::inspected::Benchmark;
use crate::report::inspected::Inspected;
use crate::report::listing::csv::figure;
use crate::report::listing::csv::optional;
use crate::report::listing::csv::table;
use crate::report::listing::csv::text;

/// The version of the JSON.
const VERSION: &str = "1";

/// All of it, keys sorted; the same build gives the same text.
pub fn json(build: &Inspected) -> String {
    let value = inspected::sorted(json!({ "version": VERSION, "data": data(build) }));
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

fn data(build: &Inspected) -> Value {
    serde_json::to_value(build).unwrap_or_default()
}

/// One row a benchmark; one without figures where there is none.
pub fn flat(build: &Inspected) -> String {
    let about = |benchmark: Option<&Benchmark>| {
        let row = &build.build;
        vec![
            row.id.clone(),
            text(&row.name),
            text(&row.created_at),
            optional(row.task.as_deref()),
            text(&row.format),
            text(&row.recipe),
            row.size_bytes.to_string(),
            optional(benchmark.map(|one| one.target.as_str()).or(row.target.as_deref())),
            figure(benchmark.and_then(|one| one.sequence_length)),
            figure(benchmark.and_then(|one| one.p50_ms)),
            figure(benchmark.and_then(|one| one.p95_ms)),
            figure(benchmark.and_then(|one| one.p99_ms)),
            figure(benchmark.and_then(|one| one.mean_ms)),
            figure(benchmark.and_then(|one| one.std_ms)),
            figure(benchmark.and_then(|one| one.throughput)),
            figure(benchmark.and_then(|one| one.load_ms)),
            figure(benchmark.and_then(|one| one.peak_memory_bytes)),
            figure(benchmark.map(|one| one.inferences)),
            optional(benchmark.map(|one| one.runtime_version.as_str())),
            optional(benchmark.and_then(|one| one.machine.as_deref())),
            optional(benchmark.map(|one| one.created_at.as_str())),
        ]
    };
    let rows: Vec<Vec<String>> = if build.benchmarks.is_empty() {
        vec![about(None)]
    } else {
        build
            .benchmarks
            .iter()
            .map(|benchmark| about(Some(benchmark)))
            .collect()
    };
    let columns = [
        "build_id",
        "name",
        "created_at",
        "task",
        "format",
        "recipe",
        "size_bytes",
        "target",
        "sequence_length",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "mean_ms",
        "std_ms",
        "throughput",
        "load_ms",
        "peak_memory_bytes",
        "inferences",
        "runtime_version",
        "machine",
        "measured_at",
    ];
    table(&columns, rows)
}

/// The tables with their files' names; every one has the column `build_id`.
pub fn tables(build: &Inspected) -> Vec<(&'static str, String)> {
    let id = || build.build.id.clone();
    vec![
        ("build.csv", of_build(build)),
        (
            "artifacts.csv",
            table(
                &["build_id", "position", "name", "size_bytes", "sha256"],
                build.artifacts.iter().enumerate().map(|(position, file)| {
                    vec![
                        id(),
                        position.to_string(),
                        text(&file.name),
                        file.size_bytes.to_string(),
                        file.sha256.clone(),
                    ]
                }),
            ),
        ),
        ("benchmarks.csv", benchmarks(build)),
        ("accuracy.csv", accuracy(build)),
        (
            "tags.csv",
            table(
                &["build_id", "tag", "created_at"],
                build
                    .tags
                    .iter()
                    .map(|tag| vec![id(), text(&tag.name), optional(tag.created_at.as_deref())]),
            ),
        ),
        (
            "notes.csv",
            table(
                &["build_id", "text", "created_at"],
                build
                    .notes
                    .iter()
                    .map(|note| vec![id(), text(&note.text), text(&note.created_at)]),
            ),
        ),
    ]
}

fn of_build(build: &Inspected) -> String {
    let (row, details) = (&build.build, &build.details);
    table(
        &[
            "build_id",
            "name",
            "model",
            "file",
            "format",
            "target",
            "task",
            "recipe",
            "size_bytes",
            "created_at",
            "imported",
            "parent",
            "root",
            "source",
            "seed",
            "calibration",
            "graph",
            "pinned_at",
            "tool_version",
        ],
        [vec![
            row.id.clone(),
            text(&row.name),
            text(&row.model),
            optional(row.file.as_deref()),
            text(&row.format),
            optional(row.target.as_deref()),
            optional(row.task.as_deref()),
            text(&row.recipe),
            row.size_bytes.to_string(),
            text(&row.created_at),
            row.imported.to_string(),
            optional(row.parent.as_deref()),
            row.root.clone(),
            details.source.clone(),
            optional(details.seed.as_deref()),
            optional(details.calibration.as_deref()),
            optional(details.graph.as_deref()),
            optional(details.pinned_at.as_deref()),
            text(&details.tool_version),
        ]],
    )
}

fn benchmarks(build: &Inspected) -> String {
    table(
        &[
            "build_id",
            "id",
            "target",
            "sequence_length",
            "runtime_version",
            "machine",
            "inferences",
            "p50_ms",
            "p95_ms",
            "p99_ms",
            "mean_ms",
            "std_ms",
            "throughput",
            "load_ms",
            "peak_memory_bytes",
            "origin",
            "created_at",
        ],
        build.benchmarks.iter().map(|one| {
            vec![
                build.build.id.clone(),
                one.id.to_string(),
                text(&one.target),
                figure(one.sequence_length),
                text(&one.runtime_version),
                optional(one.machine.as_deref()),
                one.inferences.to_string(),
                figure(one.p50_ms),
                figure(one.p95_ms),
                figure(one.p99_ms),
                figure(one.mean_ms),
                figure(one.std_ms),
                figure(one.throughput),
                figure(one.load_ms),
                figure(one.peak_memory_bytes),
                optional(one.origin.as_deref()),
                text(&one.created_at),
            ]
        }),
    )
}

fn accuracy(build: &Inspected) -> String {
    table(
        &[
            "build_id",
            "against",
            "target",
            "runtime_version",
            "samples",
            "real_samples",
            "cosine",
            "lowest_cosine",
            "top1_agreement",
            "mean_abs_error",
            "max_abs_error",
            "created_at",
        ],
        build.accuracy.iter().map(|one| {
            vec![
                build.build.id.clone(),
                one.against.clone(),
                text(&one.target),
                text(&one.runtime_version),
                figure(one.samples),
                figure(one.real_samples),
                figure(one.cosine),
                figure(one.lowest_cosine),
                figure(one.top1_agreement),
                figure(one.mean_abs_error),
                figure(one.max_abs_error),
                text(&one.created_at),
            ]
        }),
    )
}
