//! Benchmarks kept in the registry, and found again.
//!
//! What is found is only what this very machine measured, with the same engine, settings and inputs: numbers of another machine are
//! never taken for this one's.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Engine;
use crate::config::ExecutionMode;
use crate::config::GraphOptimization;
use crate::config::Target;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::hint::Hint;
use crate::machine::Fingerprint;
use crate::measure::Side;
use crate::measure::SideMeasurement;
use crate::model::Model;
use crate::model::tensor::Tensor;
use crate::pipeline::about;
use crate::pipeline::benchmark::Measured;
use crate::pipeline::benchmark::Outcome;
use crate::pipeline::figures;
use crate::pipeline::open::Opened;
use crate::pipeline::remember::artifacts;
use crate::pipeline::trouble::chain;
use crate::pipeline::workspace::Workspace;
use crate::registry::BuildFacts;
use crate::registry::Measurement;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::variant::Recipe;
use crate::variant::variant_id;
use crate::verdict::LEAST_SESSIONS;

/// What marks the samples of a benchmark among the registry's measurements.
const KIND: &str = "benchmark";

/// The version of their form.
const FORMAT: u32 = 1;

/// Why a benchmark could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Samples that are no JSON.
    #[error("the samples cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Hint for RecallError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Registry(error) => error.hints(),
            Self::Json(_) => vec!["this is a defect of mlbuild: please report it".to_owned()],
        }
    }
}

/// Everything that decides what a measurement of one model gives, apart from machine and engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    target: Target,
    threads: usize,
    graph_optimization: GraphOptimization,
    execution_mode: ExecutionMode,
    /// Of targets of LiteRT; not written where it is on, as it always was once.
    #[serde(default = "on", skip_serializing_if = "is_on")]
    xnnpack: bool,
    /// The entry point, where it is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    inputs: BTreeMap<String, Vec<u64>>,
    /// Of names, types, shapes and values of the inputs.
    inputs_digest: Digest,
}

impl Settings {
    /// How `side` is run.
    pub fn of(side: &Side) -> Self {
        let settings = &side.settings;
        Self {
            target: settings.target,
            threads: settings.threads,
            graph_optimization: settings.graph_optimization,
            execution_mode: settings.execution_mode,
            xnnpack: settings.target.engine() != Engine::LiteRt || settings.litert.xnnpack,
            signature: settings.litert.signature.clone(),
            inputs: side
                .inputs
                .iter()
                .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
                .collect(),
            inputs_digest: digest(&side.inputs),
        }
    }
}

impl Settings {
    /// For people: `1 thread, input 1×3×224×224`.
    fn describe(&self) -> String {
        let mut parts = vec![match self.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        }];
        for (name, shape) in &self.inputs {
            let sizes: Vec<String> = shape.iter().map(u64::to_string).collect();
            parts.push(format!(
                "{name} {}",
                if sizes.is_empty() {
                    "scalar".to_owned()
                } else {
                    sizes.join("×")
                }
            ));
        }
        if self.graph_optimization != GraphOptimization::default() {
            parts.push(format!("graph level {}", self.graph_optimization.name()));
        }
        if self.execution_mode != ExecutionMode::default() {
            parts.push(format!("{} execution", self.execution_mode.name()));
        }
        if let Some(signature) = &self.signature {
            parts.push(format!("signature {signature}"));
        }
        if !self.xnnpack {
            parts.push("without XNNPACK".to_owned());
        }
        parts.join(", ")
    }
}

fn on() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_on(value: &bool) -> bool {
    *value
}

fn digest(inputs: &[Tensor]) -> Digest {
    let mut hasher = Hasher::new();
    for tensor in inputs {
        hasher.part(tensor.name.as_bytes());
        hasher.part(format!("{:?} {:?}", tensor.element, tensor.shape).as_bytes());
        hasher.part(&tensor.data);
    }
    hasher.finish()
}

/// The samples of a benchmark as the registry has them.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    kind: String,
    version: u32,
    settings: Settings,
    measurement: SideMeasurement,
}

/// The measurement in the samples of a benchmark; `None` where they are of something else, or of a form that is not known.
pub fn stored_measurement(samples: &serde_json::Value) -> Option<SideMeasurement> {
    let stored: Stored = serde_json::from_value(samples.clone()).ok()?;
    (stored.kind == KIND && stored.version == FORMAT).then_some(stored.measurement)
}

/// The same with how it was run, for people.
pub fn stored_benchmark(samples: &serde_json::Value) -> Option<(SideMeasurement, String)> {
    let stored: Stored = serde_json::from_value(samples.clone()).ok()?;
    (stored.kind == KIND && stored.version == FORMAT).then(|| (stored.measurement, stored.settings.describe()))
}

/// The build that a model is in the registry: the one that it was opened as, or the model as it is.
pub fn build_id(build: Option<&str>, model: &Model, seed: u64) -> Option<Digest> {
    match build {
        Some(id) => Digest::try_from(id.to_owned()).ok(),
        None => Some(variant_id(&model.digest, &Recipe::as_is(), None, seed, crate::VERSION)),
    }
}

/// Keeps every setting's samples; a model that was named by its path becomes a build. Returns the build's id.
pub fn keep(
    outcome: &Outcome,
    seed: u64,
    machine: &Fingerprint,
    workspace: &Workspace,
    now: &str,
) -> Result<Option<Digest>, RecallError> {
    let opened = &outcome.opened;
    let Some(id) = build_id(opened.build.as_deref(), &opened.model, seed) else {
        return Ok(None);
    };
    let mut registry = Registry::open(&workspace.registry_path())?;
    if opened.build.is_none() {
        registry.insert_build(&facts(&id, opened, now))?;
    }
    for Measured {
        side,
        sequence,
        measurement,
    } in &outcome.measured
    {
        let stored = Stored {
            kind: KIND.to_owned(),
            version: FORMAT,
            settings: Settings::of(side),
            measurement: measurement.clone(),
        };
        registry.insert_measurement(&Measurement {
            build: id.clone(),
            target: side.settings.target.name().to_owned(),
            sequence: *sequence,
            runtime_version: measurement.runtime_version.clone(),
            machine: machine.clone(),
            samples: serde_json::to_value(&stored)?,
            created_at: now.to_owned(),
            figures: Some(figures::of_side(measurement)),
        })?;
    }
    Ok(Some(id))
}

/// A model's file as a build of its own.
fn facts(id: &Digest, opened: &Opened, now: &str) -> BuildFacts {
    let model = &opened.model;
    BuildFacts {
        id: id.clone(),
        model: crate::config::ModelConfig::of(&model.path).name,
        source: model.digest.clone(),
        recipe: Recipe::as_is().name(),
        target: None,
        artifacts: artifacts(&opened.files),
        created_at: now.to_owned(),
        parent: None,
        tool_version: crate::VERSION.to_owned(),
        notes: Vec::new(),
        about: about::of_file(model, opened.task.task),
    }
}

/// Where stored benchmarks of both sides of a comparison are.
#[derive(Debug)]
pub struct Cache<'a> {
    /// The baseline as the registry knows it.
    pub baseline: Digest,
    /// The candidate as the registry knows it.
    pub candidate: Digest,
    /// The engine's version; `None` where it is not known, and then nothing counts.
    pub runtime_version: Option<String>,
    /// This machine.
    pub machine: &'a Fingerprint,
    /// Where the registry is.
    pub workspace: &'a Workspace,
}

/// The benchmarks of both sides.
#[derive(Debug, Clone)]
pub struct Sessions {
    /// The baseline's.
    pub baseline: Vec<SideMeasurement>,
    /// The candidate's.
    pub candidate: Vec<SideMeasurement>,
}

impl Cache<'_> {
    /// The benchmarks of both sides with these settings, or why there are not enough of them.
    pub fn sessions(&self, baseline: &Side, candidate: &Side) -> Result<Sessions, String> {
        let Some(version) = &self.runtime_version else {
            return Err("the version of the engine is not known before it runs".to_owned());
        };
        let find = |name: &str, build: &Digest, side: &Side| {
            let found = recall(build, &Settings::of(side), version, self.machine, self.workspace)
                .map_err(|error| chain(&error))?;
            if found.sessions.len() < LEAST_SESSIONS {
                return Err(found.shortage(name, LEAST_SESSIONS));
            }
            Ok(found.sessions)
        };
        Ok(Sessions {
            baseline: find("A", &self.baseline, baseline)?,
            candidate: find("B", &self.candidate, candidate)?,
        })
    }
}

/// What the registry has of one model, and why the rest does not count.
#[derive(Debug, Default)]
pub struct Recalled {
    /// One entry a benchmark, oldest first.
    pub sessions: Vec<SideMeasurement>,
    /// Benchmarks of another machine, and how it differs.
    pub other_machine: usize,
    /// The first difference between this machine and another.
    pub difference: Option<String>,
    /// Benchmarks with another version of the engine.
    pub other_runtime: usize,
    /// Benchmarks with other settings or inputs.
    pub other_settings: usize,
}

/// Finds the benchmarks of `build` that this machine made with the same engine and settings.
pub fn recall(
    build: &Digest,
    settings: &Settings,
    runtime_version: &str,
    machine: &Fingerprint,
    workspace: &Workspace,
) -> Result<Recalled, RecallError> {
    let mut recalled = Recalled::default();
    let path = workspace.registry_path();
    if !path.exists() {
        return Ok(recalled);
    }
    for found in Registry::open(&path)?.measurements(build)? {
        // What `ci` measured side by side is no benchmark, and what a newer version wrote is not known.
        let Ok(stored) = serde_json::from_value::<Stored>(found.samples) else {
            continue;
        };
        if stored.kind != KIND || stored.version != FORMAT {
            continue;
        }
        if let Err(differences) = machine.same_machine(&found.machine) {
            recalled.other_machine += 1;
            recalled.difference = recalled.difference.take().or_else(|| differences.into_iter().next());
        } else if found.runtime_version != runtime_version {
            recalled.other_runtime += 1;
        } else if stored.settings != *settings {
            recalled.other_settings += 1;
        } else {
            recalled.sessions.push(stored.measurement);
        }
    }
    Ok(recalled)
}

impl Recalled {
    /// Why there are not enough, as a sentence fragment about `label`.
    pub fn shortage(&self, label: &str, least: usize) -> String {
        let mut text = match self.sessions.len() {
            0 => format!("no stored benchmark of {label} counts"),
            1 => format!("only 1 stored benchmark of {label} counts"),
            some => format!("only {some} stored benchmarks of {label} count"),
        };
        text.push_str(&format!(", {least} are needed"));
        let mut others = Vec::new();
        if self.other_machine > 0 {
            let difference = self.difference.as_deref().unwrap_or("unknown");
            others.push(format!("{} of another machine ({difference})", self.other_machine));
        }
        if self.other_runtime > 0 {
            others.push(format!("{} with another engine", self.other_runtime));
        }
        if self.other_settings > 0 {
            others.push(format!("{} with other settings or inputs", self.other_settings));
        }
        if !others.is_empty() {
            text.push_str(&format!("; there are {}", others.join(", ")));
        }
        text
    }
}
