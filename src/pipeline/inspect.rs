//! Gathers everything that the registry keeps of one build.

use serde_json::Value;

use crate::digest::Digest;
use crate::pipeline::listing;
use crate::pipeline::model_facts;
use crate::pipeline::open;
use crate::pipeline::subject;
use crate::pipeline::subject::SubjectError;
use crate::registry::Build;
use crate::registry::Check;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::report::inspected;
use crate::report::inspected::Inspected;
use crate::report::listing::Row;
use crate::report::model_facts::ModelFacts;
use crate::store::Objects;

/// Everything about a build.
pub fn inspect(registry: &Registry, build: &Build) -> Result<Inspected, RegistryError> {
    let id = &build.facts.id;
    let row = match registry.listed_builds(std::slice::from_ref(id))?.first() {
        Some(listed) => listing::row(listed),
        None => {
            return Err(RegistryError::NotFound {
                text: id.to_string(),
                nearest: None,
            });
        }
    };
    let derivation = registry.derivation(id)?;
    let family = registry.descendants(&build.root)?;
    Ok(Inspected {
        details: inspected::Details {
            source: build.facts.source.to_string(),
            tool_version: build.facts.tool_version.clone(),
            pinned_at: build.pinned_at.clone(),
            graph: build.facts.about.graph.as_ref().map(Digest::to_string),
            seed: derivation.as_ref().map(|facts| facts.seed.to_string()),
            calibration: derivation
                .and_then(|facts| facts.calibration)
                .map(|digest| digest.to_string()),
            derivation: build.facts.notes.clone(),
        },
        ancestors: registry.lineage(id)?.iter().skip(1).map(relative).collect(),
        children: family
            .iter()
            .filter(|member| member.facts.parent.as_ref() == Some(id))
            .map(relative)
            .collect(),
        artifacts: artifacts(build),
        benchmarks: registry.benchmarks(id)?.into_iter().map(benchmark).collect(),
        accuracy: registry.checks(id)?.iter().map(check).collect(),
        tags: tags(registry, build, &row)?,
        notes: registry
            .remarks(id)?
            .into_iter()
            .map(|remark| inspected::Note {
                text: remark.text,
                created_at: remark.created_at,
            })
            .collect(),
        model: None,
        build: row,
    })
}

/// What the model file of a build says of itself; it is read whole.
pub fn model_of(build: &Build, objects: &Objects) -> Result<ModelFacts, SubjectError> {
    let model = subject::load_stored(&open::stored_files(build), objects)?;
    Ok(model_facts::model_facts(&model))
}

fn relative(build: &Build) -> inspected::Relative {
    inspected::Relative {
        id: build.facts.id.to_string(),
        name: build.shown_name().to_owned(),
        recipe: build.facts.recipe.clone(),
        removed: build.removed_at.is_some(),
    }
}

fn artifacts(build: &Build) -> Vec<inspected::Artifact> {
    let files = build.facts.artifacts.iter();
    files
        .map(|file| inspected::Artifact {
            name: file.name.clone(),
            sha256: file.digest.to_string(),
            size_bytes: file.size.0,
        })
        .collect()
}

fn benchmark(benchmark: crate::registry::Benchmark) -> inspected::Benchmark {
    let figures = benchmark.figured.figures;
    inspected::Benchmark {
        id: benchmark.figured.measurement,
        target: benchmark.figured.target,
        sequence_length: benchmark.figured.sequence,
        runtime_version: benchmark.runtime_version,
        machine: benchmark.machine.map(|machine| machine.describe()),
        inferences: figures.inferences,
        p50_ms: figures.p50_ms,
        p95_ms: figures.p95_ms,
        p99_ms: figures.p99_ms,
        mean_ms: figures.mean_ms,
        std_ms: figures.std_ms,
        throughput: figures.throughput,
        load_ms: figures.load_ms,
        peak_memory_bytes: figures.peak_bytes,
        origin: figures.origin,
        created_at: benchmark.figured.created_at,
    }
}

/// What this version understands of a check.
fn check(check: &Check) -> inspected::Check {
    let accuracy = check.result.get("accuracy").unwrap_or(&check.result);
    let number = |name: &str| accuracy.get(name).and_then(Value::as_f64);
    inspected::Check {
        against: check.against.to_string(),
        target: check.target.clone(),
        runtime_version: check.runtime_version.clone(),
        samples: accuracy.get("samples").and_then(Value::as_u64),
        cosine: number("cosine"),
        lowest_cosine: number("lowest_cosine"),
        top1_agreement: number("top1_agreement"),
        mean_abs_error: number("mean_abs_error"),
        max_abs_error: number("max_abs_error"),
        real_samples: check.result.get("is_real").and_then(Value::as_bool),
        created_at: check.created_at.clone(),
    }
}

fn tags(registry: &Registry, build: &Build, row: &Row) -> Result<Vec<inspected::Tag>, RegistryError> {
    let mut since: Vec<inspected::Tag> = registry
        .all_tags()?
        .into_iter()
        .filter(|tag| tag.build == build.facts.id)
        .map(|tag| inspected::Tag {
            name: tag.name,
            created_at: tag.created_at,
        })
        .collect();
    if row.pinned {
        since.push(inspected::Tag {
            name: crate::registry::PINNED.to_owned(),
            created_at: build.pinned_at.clone(),
        });
        since.sort_by(|one, other| one.name.cmp(&other.name));
    }
    Ok(since)
}
