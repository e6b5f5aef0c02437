//! The manifest of a baseline: what was measured, from which commit, by which run, and the digest of every file beside it.
//!
//! Stored as `manifest.json` in both stores. [`SCHEMA`] is bumped with every new meaningful field; a reader refuses what it does
//! not know rather than guess. Nothing here is trusted by itself: the store checks where the manifest came from.

use serde::Deserialize;
use serde::Serialize;

use crate::digest::Digest;
use crate::machine::fingerprint::Fingerprint;
use crate::measure::estimate;
use crate::measure::samples::SideMeasurement;
use crate::stats::summary;
use crate::variant::Evidence;
use crate::verdict::Acceptance;
use crate::verdict::ComparisonKey;

/// The schema that this version writes.
pub const SCHEMA: u32 = 4;

/// The schema before: nothing was accepted in its time.
const WITHOUT_ACCEPTED: u64 = 3;

/// The schema before that: its entries hold no evidence, because no recipe of its time learned any.
const WITHOUT_EVIDENCE: u64 = 2;

/// How many acceptances are kept.
const MAX_ACCEPTED: usize = 50;

/// The file name in every store.
pub const FILE_NAME: &str = "manifest.json";

/// A larger manifest is refused unread: 64 MB hold the raw samples of thousands of comparisons.
pub const MAX_BYTES: u64 = 64_000_000;

/// How many earlier baselines the rolling history keeps.
const HISTORY_LENGTH: usize = 50;

/// A baseline: its origin and its comparisons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// Config path, job and matrix leg: baselines of different keys never mix.
    pub key: String,
    /// Where it was measured; absent at the desk.
    pub origin: Option<Origin>,
    /// The version of `mlbuild` that wrote it.
    pub tool_version: String,
    /// ISO 8601, UTC.
    pub created_at: String,
    /// The machine that measured it.
    pub machine: Fingerprint,
    /// One entry a model × target × variant × length of sequences.
    pub entries: Vec<Entry>,
    /// Earlier baselines of the same key, oldest first.
    pub history: Vec<HistoryPoint>,
    /// What people took as it is, oldest first: of the pull request that this baseline comes from, and of those before it.
    pub accepted: Vec<Acceptance>,
}

/// The commit and the run that a baseline comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// `owner/name`.
    pub repository: String,
    /// GitHub's number for it, which survives renames.
    pub repository_id: Option<u64>,
    /// The measured commit.
    pub commit: String,
    /// The branch that was pushed.
    pub branch: String,
    /// The workflow's file, as `.github/workflows/mlbuild.yml`.
    pub workflow_path: Option<String>,
    /// The run's number.
    pub run_id: Option<u64>,
    /// The run's attempt.
    pub run_attempt: Option<u64>,
}

/// One model × target × variant, at one length of sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which comparison it serves.
    pub key: ComparisonKey,
    /// The variant's identity.
    pub variant_id: Digest,
    /// Digest of the source model, external data included.
    pub source: Digest,
    /// The source model's files; the model first.
    pub source_files: Vec<StoredFile>,
    /// The variant's files, for people to deploy; the model first.
    pub artifact_files: Vec<StoredFile>,
    /// What it was measured with: inputs, dataset, target, runtime and measure settings.
    pub settings: Digest,
    /// The calibration data, where the recipe used any.
    pub calibration: Option<Digest>,
    /// What deriving the variant had to learn by running models: with it, it is derived again without the calibration data.
    pub evidence: Vec<Evidence>,
    /// The dataset of the accuracy gate.
    pub dataset: Option<Digest>,
    /// The version of the engine.
    pub runtime_version: String,
    /// Bytes on disk, external data included.
    pub size_bytes: u64,
    /// Raw samples, for history and drift; never judged against another machine's.
    pub measurement: SideMeasurement,
    /// Share of labelled samples that it gets right.
    pub top1_accuracy: Option<f64>,
}

/// A file of a baseline: how the model names it, and the content it must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredFile {
    /// `model.onnx`, or the location written in the model for external data.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Its length in bytes.
    pub bytes: u64,
}

impl StoredFile {
    /// The name it is stored under: digest and extension, which GitHub never renames.
    pub fn asset_name(&self) -> String {
        let extension = std::path::Path::new(&self.name)
            .extension()
            .and_then(|extension| extension.to_str())
            .filter(|extension| extension.len() <= 8 && extension.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .unwrap_or("bin");
        format!("{}.{extension}", self.digest)
    }
}

/// One earlier baseline, for the trend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryPoint {
    /// When it was measured, ISO 8601.
    pub created_at: String,
    /// Its commit, where known.
    pub commit: Option<String>,
    /// The machine that measured it. Points of different machines are no trend: [`Fingerprint::same_machine`].
    pub machine: Fingerprint,
    /// Median latency in milliseconds by comparison.
    pub p50_ms: Vec<HistoryValue>,
}

/// One comparison's figure in the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryValue {
    /// Which comparison.
    pub key: ComparisonKey,
    /// Milliseconds.
    pub value: f64,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or not of this shape.
    #[error("the manifest cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Written by another version.
    #[error("the manifest has schema {found}, this version of mlbuild reads {WITHOUT_EVIDENCE} to {SCHEMA}")]
    OtherSchema {
        /// The schema found.
        found: u64,
    },
    /// Too large to be one.
    #[error("the manifest has {0} bytes, more than the {MAX_BYTES} that are accepted")]
    TooLarge(u64),
    /// Names a file in a way that could leave its folder.
    #[error("the manifest names the file `{0}`, which is not a plain relative path")]
    FileName(String),
    /// Two entries for one comparison.
    #[error("the manifest has two entries for `{model}` · {target} · {variant}", model = .0.model, target = .0.target, variant = .0.variant_label())]
    Duplicate(ComparisonKey),
    /// An entry without a file.
    #[error("the manifest's entry for `{0}` names no model file")]
    NoFile(String),
}

impl Manifest {
    /// Reads and checks a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ManifestError::TooLarge(bytes.len() as u64));
        }
        // The schema first: another one has other fields, which the strict types refuse with a less helpful message.
        let mut probe: serde_json::Value = serde_json::from_slice(bytes)?;
        match probe.get("schema").and_then(serde_json::Value::as_u64) {
            Some(WITHOUT_EVIDENCE) => {
                add_evidence(&mut probe);
                add_accepted(&mut probe);
            }
            Some(WITHOUT_ACCEPTED) => add_accepted(&mut probe),
            Some(found) if found != u64::from(SCHEMA) => return Err(ManifestError::OtherSchema { found }),
            _ => {}
        }
        let manifest: Self = serde_json::from_value(probe)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The bytes to store.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The entry of a comparison.
    pub fn entry(&self, key: &ComparisonKey) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == *key)
    }

    /// Every file of every entry, each once.
    pub fn files(&self) -> Vec<&StoredFile> {
        let mut seen = std::collections::BTreeSet::new();
        self.entries
            .iter()
            .flat_map(|entry| entry.source_files.iter().chain(&entry.artifact_files))
            .filter(|file| seen.insert(&file.digest))
            .collect()
    }

    /// The history that a successor of this baseline starts with.
    pub fn history_for_successor(&self) -> Vec<HistoryPoint> {
        let own = HistoryPoint {
            created_at: self.created_at.clone(),
            commit: self.origin.as_ref().map(|origin| origin.commit.clone()),
            machine: self.machine.clone(),
            p50_ms: self
                .entries
                .iter()
                .filter_map(|entry| {
                    let latencies = estimate::latencies_alone(&entry.measurement.restarts);
                    let value = summary::median(&latencies)?;
                    Some(HistoryValue {
                        key: entry.key.clone(),
                        value,
                    })
                })
                .collect(),
        };
        let mut history = self.history.clone();
        history.push(own);
        let excess = history.len().saturating_sub(HISTORY_LENGTH);
        history.split_off(excess)
    }

    /// The acceptances that a successor has: those of this baseline, and `new` ones.
    pub fn accepted_for_successor(&self, new: &[Acceptance]) -> Vec<Acceptance> {
        let mut all = self.accepted.clone();
        all.extend(
            new.iter()
                .filter(|acceptance| !self.accepted.contains(acceptance))
                .cloned(),
        );
        let excess = all.len().saturating_sub(MAX_ACCEPTED);
        all.split_off(excess)
    }

    /// The machines of the earlier baselines and of this one, oldest first.
    pub fn machines(&self) -> Vec<Fingerprint> {
        let earlier = self.history.iter().map(|point| &point.machine);
        earlier.chain([&self.machine]).cloned().collect()
    }

    fn check(&self) -> Result<(), ManifestError> {
        let mut seen = std::collections::BTreeSet::new();
        for entry in &self.entries {
            if !seen.insert(&entry.key) {
                return Err(ManifestError::Duplicate(entry.key.clone()));
            }
            if entry.source_files.is_empty() || entry.artifact_files.is_empty() {
                return Err(ManifestError::NoFile(entry.key.model.clone()));
            }
            for file in entry.source_files.iter().chain(&entry.artifact_files) {
                if !is_plain_relative(&file.name) {
                    return Err(ManifestError::FileName(file.name.clone()));
                }
            }
        }
        Ok(())
    }
}

/// Makes a manifest of [`WITHOUT_EVIDENCE`] into one of [`WITHOUT_ACCEPTED`].
fn add_evidence(manifest: &mut serde_json::Value) {
    let entries = manifest.get_mut("entries").and_then(serde_json::Value::as_array_mut);
    for entry in entries
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_object_mut)
    {
        entry.insert("evidence".to_owned(), serde_json::Value::Array(Vec::new()));
    }
}

/// Makes a manifest of [`WITHOUT_ACCEPTED`] into one of [`SCHEMA`].
fn add_accepted(manifest: &mut serde_json::Value) {
    if let Some(manifest) = manifest.as_object_mut() {
        manifest.insert("accepted".to_owned(), serde_json::Value::Array(Vec::new()));
        manifest.insert("schema".to_owned(), SCHEMA.into());
    }
}

/// True for a relative path of normal components only.
fn is_plain_relative(name: &str) -> bool {
    !name.is_empty()
        && !name.contains('\\')
        && std::path::Path::new(name)
            .components()
            .all(|component| matches!(component, std::path::Component::Normal(_)))
}
