//! What a remote has of one build: `builds/<id>.json`, everything that a registry knows of it but for its tags.
//!
//! [`VERSION`] is raised with every field that means something; a reader refuses a record of a newer version instead of dropping what it
//! does not know.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::digest::Digest;
use crate::machine::Fingerprint;
use crate::registry::About;
use crate::registry::ArtifactFacts;
use crate::registry::BuildFacts;
use crate::registry::Check;
use crate::registry::DerivationFacts;
use crate::registry::Figures;
use crate::registry::Measurement;
use crate::registry::Remark;
use crate::registry::Shared;
use crate::units::Bytes;

/// The version that is written, and the newest that is read.
pub const VERSION: u32 = 1;

/// A larger record is refused unread: that is thousands of measurements.
pub const MAX_BYTES: u64 = 256 << 20;

/// The folder of records within a remote.
pub const FOLDER: &str = "builds";

/// A build, as a remote has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// The build.
    pub build: RecordedBuild,
    /// How it was derived.
    pub derivation: Option<RecordedDerivation>,
    /// Sorted by time.
    pub measurements: Vec<RecordedMeasurement>,
    /// Sorted by time.
    pub checks: Vec<RecordedCheck>,
    /// Sorted by time.
    pub remarks: Vec<RecordedRemark>,
}

/// What was known of a build when it was made, and the name that a person gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedBuild {
    /// Its identity.
    pub id: Digest,
    /// What people call it.
    pub name: Option<String>,
    /// The model's name in the config.
    pub model: String,
    /// The digest of the model that it was derived from.
    pub source: Digest,
    /// The recipe's name.
    pub recipe: String,
    /// The target that it was made for, where it was made for one.
    pub target: Option<String>,
    /// Its files, the model first; their content is in `objects/`.
    pub artifacts: Vec<RecordedFile>,
    /// ISO 8601 in UTC.
    pub created_at: String,
    /// The build that it was derived from.
    pub parent: Option<Digest>,
    /// The version of mlbuild that made it.
    pub tool_version: String,
    /// What the tool says of it.
    pub notes: Vec<String>,
    /// `onnx`, `tflite`, `coreml`.
    pub format: String,
    /// What kind of data it takes.
    pub task: Option<String>,
    /// The file name of its source model.
    pub file: Option<String>,
    /// It was brought in as it is.
    pub imported: bool,
    /// The ONNX graph that it came from, in `objects/` too.
    pub graph: Option<Digest>,
}

/// A file of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedFile {
    /// The name under which the model refers to it.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// How a build was derived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedDerivation {
    /// In decimal, as many readers of JSON have no such numbers.
    pub seed: String,
    /// In the deriving stage's own format.
    pub evidence: Value,
    /// The digest of the calibration data.
    pub calibration: Option<Digest>,
}

/// A measurement with its raw samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedMeasurement {
    /// On which target.
    pub target: String,
    /// The length of token sequences.
    pub sequence: Option<u64>,
    /// The version of the runtime.
    pub runtime_version: String,
    /// The machine.
    pub machine: Fingerprint,
    /// Raw samples, in the measuring stage's own format.
    pub samples: Value,
    /// ISO 8601 in UTC.
    pub created_at: String,
    /// What the samples come to.
    pub figures: Option<RecordedFigures>,
}

/// What samples come to: milliseconds, inferences a second, bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in `Figures`")]
pub struct RecordedFigures {
    pub inferences: u64,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub mean_ms: Option<f64>,
    pub std_ms: Option<f64>,
    pub throughput: Option<f64>,
    pub load_ms: Option<f64>,
    pub peak_bytes: Option<u64>,
    pub origin: Option<String>,
}

/// A check against another build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCheck {
    /// The other build.
    pub against: Digest,
    /// Where both ran.
    pub target: String,
    /// The version of the runtime.
    pub runtime_version: String,
    /// In the checking stage's own format.
    pub result: Value,
    /// ISO 8601 in UTC.
    pub created_at: String,
}

/// What a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRemark {
    /// As it was written.
    pub text: String,
    /// ISO 8601 in UTC.
    pub created_at: String,
}

/// Why a record cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not JSON, or not of this shape.
    #[error("it is no record of a build: {0}")]
    Malformed(String),
    /// Written by a newer mlbuild.
    #[error("it has version {found}, this mlbuild reads up to {VERSION}")]
    Newer {
        /// Its version.
        found: u64,
    },
    /// It is about another build than its name says.
    #[error("it is about the build {}", .0.short())]
    OtherBuild(Digest),
    /// It names a file in a way that could leave its folder.
    #[error("it names the file `{}`, which is not a plain relative path", .0.escape_debug())]
    FileName(String),
    /// A build without a file.
    #[error("it names no file")]
    NoFile,
}

/// `builds/<id>.json`.
pub fn name(id: &Digest) -> String {
    format!("{FOLDER}/{id}.json")
}

/// The build that the object `name` beneath [`FOLDER`] is about.
pub fn id_of(name: &str) -> Option<Digest> {
    name.strip_suffix(".json")?.parse().ok()
}

impl Record {
    /// Reads and checks the record of the build `id`.
    pub fn parse(bytes: &[u8], id: &Digest) -> Result<Self, RecordError> {
        let malformed = |error: serde_json::Error| RecordError::Malformed(error.to_string());
        // The version first: another one has other fields, which the strict types refuse with a less helpful message.
        let probe: Value = serde_json::from_slice(bytes).map_err(malformed)?;
        if let Some(found) = probe.get("version").and_then(Value::as_u64)
            && found > u64::from(VERSION)
        {
            return Err(RecordError::Newer { found });
        }
        let record: Self = serde_json::from_value(probe).map_err(malformed)?;
        if record.build.id != *id {
            return Err(RecordError::OtherBuild(record.build.id));
        }
        let files = &record.build.artifacts;
        if let Some(file) = files.iter().find(|file| !is_plain_relative(&file.name)) {
            return Err(RecordError::FileName(file.name.clone()));
        }
        if files.is_empty() {
            return Err(RecordError::NoFile);
        }
        if let Some(derivation) = &record.derivation
            && derivation.seed.parse::<u64>().is_err()
        {
            return Err(RecordError::Malformed("its seed is not a number".to_owned()));
        }
        Ok(record)
    }

    /// The bytes to store: the same record is the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        serde_json::to_vec(self).map_err(|error| RecordError::Malformed(error.to_string()))
    }

    /// What this registry knows.
    pub fn of(shared: &Shared) -> Self {
        let facts = &shared.facts;
        let mut record = Self {
            version: VERSION,
            build: RecordedBuild {
                id: facts.id.clone(),
                name: shared.name.clone(),
                model: facts.model.clone(),
                source: facts.source.clone(),
                recipe: facts.recipe.clone(),
                target: facts.target.clone(),
                artifacts: facts.artifacts.iter().map(recorded_file).collect(),
                created_at: facts.created_at.clone(),
                parent: facts.parent.clone(),
                tool_version: facts.tool_version.clone(),
                notes: facts.notes.clone(),
                format: facts.about.format.clone(),
                task: facts.about.task.clone(),
                file: facts.about.file.clone(),
                imported: facts.about.imported,
                graph: facts.about.graph.clone(),
            },
            derivation: shared.derivation.as_ref().map(|derivation| RecordedDerivation {
                seed: derivation.seed.to_string(),
                evidence: derivation.evidence.clone(),
                calibration: derivation.calibration.clone(),
            }),
            measurements: shared.measurements.iter().map(recorded_measurement).collect(),
            checks: shared.checks.iter().map(recorded_check).collect(),
            remarks: shared.remarks.iter().map(recorded_remark).collect(),
        };
        record.sort();
        record
    }

    /// What a registry takes in.
    pub fn shared(&self) -> Shared {
        let build = &self.build;
        let id = &build.id;
        Shared {
            facts: BuildFacts {
                id: id.clone(),
                model: build.model.clone(),
                source: build.source.clone(),
                recipe: build.recipe.clone(),
                target: build.target.clone(),
                artifacts: build
                    .artifacts
                    .iter()
                    .map(|file| ArtifactFacts {
                        name: file.name.clone(),
                        digest: file.digest.clone(),
                        size: Bytes(file.size),
                    })
                    .collect(),
                created_at: build.created_at.clone(),
                parent: build.parent.clone(),
                tool_version: build.tool_version.clone(),
                notes: build.notes.clone(),
                about: About {
                    format: build.format.clone(),
                    task: build.task.clone(),
                    file: build.file.clone(),
                    imported: build.imported,
                    graph: build.graph.clone(),
                },
            },
            name: build.name.clone(),
            derivation: self.derivation.as_ref().map(|derivation| DerivationFacts {
                build: id.clone(),
                // Checked when it was read.
                seed: derivation.seed.parse().unwrap_or_default(),
                evidence: derivation.evidence.clone(),
                calibration: derivation.calibration.clone(),
            }),
            measurements: self.measurements.iter().map(|one| one.measurement(id)).collect(),
            checks: self.checks.iter().map(|one| one.check(id)).collect(),
            remarks: self.remarks.iter().map(RecordedRemark::remark).collect(),
        }
    }

    /// Every blob of the build with its size, where that is known.
    pub fn blobs(&self) -> Vec<(Digest, Option<u64>)> {
        let files = self
            .build
            .artifacts
            .iter()
            .map(|file| (file.digest.clone(), Some(file.size)));
        files
            .chain(self.build.graph.clone().map(|graph| (graph, None)))
            .collect()
    }

    /// The bytes of its files.
    pub fn size(&self) -> u64 {
        self.build.artifacts.iter().map(|file| file.size).sum()
    }
}

fn is_plain_relative(name: &str) -> bool {
    !name.is_empty()
        && !name.contains('\\')
        && !name.contains('\0')
        && std::path::Path::new(name)
            .components()
            .all(|component| matches!(component, std::path::Component::Normal(_)))
}

fn recorded_file(artifact: &ArtifactFacts) -> RecordedFile {
    RecordedFile {
        name: artifact.name.clone(),
        digest: artifact.digest.clone(),
        size: artifact.size.0,
    }
}

fn recorded_measurement(measurement: &Measurement) -> RecordedMeasurement {
    RecordedMeasurement {
        target: measurement.target.clone(),
        sequence: measurement.sequence,
        runtime_version: measurement.runtime_version.clone(),
        machine: measurement.machine.clone(),
        samples: measurement.samples.clone(),
        created_at: measurement.created_at.clone(),
        figures: measurement.figures.as_ref().map(|figures| RecordedFigures {
            inferences: figures.inferences,
            p50_ms: figures.p50_ms,
            p95_ms: figures.p95_ms,
            p99_ms: figures.p99_ms,
            mean_ms: figures.mean_ms,
            std_ms: figures.std_ms,
            throughput: figures.throughput,
            load_ms: figures.load_ms,
            peak_bytes: figures.peak_bytes,
            origin: figures.origin.clone(),
        }),
    }
}

impl RecordedMeasurement {
    fn measurement(&self, build: &Digest) -> Measurement {
        Measurement {
            build: build.clone(),
            target: self.target.clone(),
            sequence: self.sequence,
            runtime_version: self.runtime_version.clone(),
            machine: self.machine.clone(),
            samples: self.samples.clone(),
            created_at: self.created_at.clone(),
            figures: self.figures.as_ref().map(|figures| Figures {
                inferences: figures.inferences,
                p50_ms: figures.p50_ms,
                p95_ms: figures.p95_ms,
                p99_ms: figures.p99_ms,
                mean_ms: figures.mean_ms,
                std_ms: figures.std_ms,
                throughput: figures.throughput,
                load_ms: figures.load_ms,
                peak_bytes: figures.peak_bytes,
                origin: figures.origin.clone(),
            }),
        }
    }
}

fn recorded_check(check: &Check) -> RecordedCheck {
    RecordedCheck {
        against: check.against.clone(),
        target: check.target.clone(),
        runtime_version: check.runtime_version.clone(),
        result: check.result.clone(),
        created_at: check.created_at.clone(),
    }
}

impl RecordedCheck {
    fn check(&self, build: &Digest) -> Check {
        Check {
            build: build.clone(),
            against: self.against.clone(),
            target: self.target.clone(),
            runtime_version: self.runtime_version.clone(),
            result: self.result.clone(),
            created_at: self.created_at.clone(),
        }
    }
}

fn recorded_remark(remark: &Remark) -> RecordedRemark {
    RecordedRemark {
        text: remark.text.clone(),
        created_at: remark.created_at.clone(),
    }
}

impl RecordedRemark {
    fn remark(&self) -> Remark {
        Remark {
            text: self.text.clone(),
            created_at: self.created_at.clone(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in super::super) fn record(measured: &[&str]) -> Record {
        let id = Digest::of(b"build");
        let shared = Shared {
            facts: BuildFacts {
                id: id.clone(),
                model: "a\"b\n😀".to_owned(),
                source: Digest::of(b"source"),
                recipe: "int8".to_owned(),
                target: None,
                artifacts: vec![ArtifactFacts {
                    name: "model.onnx".to_owned(),
                    digest: Digest::of(b"file"),
                    size: Bytes(4),
                }],
                created_at: "2026-11-20T00:00:00Z".to_owned(),
                parent: None,
                tool_version: "0.1.0".to_owned(),
                notes: vec!["a note".to_owned()],
                about: About::default(),
            },
            name: None,
            derivation: Some(DerivationFacts {
                build: id.clone(),
                seed: u64::MAX,
                evidence: json!([0.1, 1e-300]),
                calibration: None,
            }),
            measurements: measured
                .iter()
                .map(|at| Measurement {
                    build: id.clone(),
                    target: "onnxruntime_cpu".to_owned(),
                    sequence: None,
                    runtime_version: "1.31.1".to_owned(),
                    machine: Fingerprint::of_this_machine(),
                    samples: json!({ "ms": [0.1 + 0.2, 1.0 / 3.0] }),
                    created_at: (*at).to_owned(),
                    figures: Some(Figures::default()),
                })
                .collect(),
            checks: Vec::new(),
            remarks: Vec::new(),
        };
        Record::of(&shared)
    }

    #[test]
    fn comes_back_as_it_was_written() {
        let written = record(&["2026-11-20T00:00:01Z"]);
        let read = Record::parse(&written.to_bytes().unwrap(), &Digest::of(b"build")).unwrap();
        assert_eq!(read, written);
        assert_eq!(Record::of(&read.shared()), written);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let id = Digest::of(b"build");
        let change = |change: &dyn Fn(&mut Value)| {
            let mut value = serde_json::to_value(record(&[])).unwrap();
            change(&mut value);
            Record::parse(value.to_string().as_bytes(), &id).unwrap_err()
        };
        let newer = change(&|value| value["version"] = json!(2));
        assert_eq!(newer, RecordError::Newer { found: 2 });
        assert!(matches!(
            change(&|value| value["more"] = json!(1)),
            RecordError::Malformed(_)
        ));
        assert!(matches!(
            change(&|value| value["build"]["artifacts"][0]["name"] = json!("../../x")),
            RecordError::FileName(_)
        ));
        assert!(matches!(
            change(&|value| value["build"]["id"] = json!("0".repeat(64))),
            RecordError::OtherBuild(_)
        ));
        assert!(Record::parse(b"<html>", &id).is_err());
    }
}
