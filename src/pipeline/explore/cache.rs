//! What earlier sweeps of this workspace made and measured, found again by the digest of everything that it depends on.
//!
//! Only what this very machine measured counts. What cannot be read, or was written by another version, is made and measured anew.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Engine;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::files;
use crate::files::FileError;
use crate::machine::Fingerprint;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::StopReason;
use crate::model::Samples;
use crate::model::dataset::DatasetError;
use crate::pipeline::explore::options::OptionTrial;
use crate::pipeline::explore::trial;
use crate::pipeline::explore::trial::Made;
use crate::pipeline::explore::trial::Trial;
use crate::runtime::SessionSettings;
use crate::store::Objects;

/// The version of the files below; whatever they hold depends on it.
pub(super) const FORMAT: u32 = 1;

/// The folder in the workspace.
pub(super) const FOLDER: &str = "explore";

/// The part of a file of the cache that names blobs, whatever its version.
#[derive(Deserialize)]
struct Naming {
    made: Option<NamingMade>,
}

#[derive(Deserialize)]
struct NamingMade {
    files: Vec<NamingFile>,
}

#[derive(Deserialize)]
struct NamingFile {
    digest: Digest,
}

/// Every file of the cache in a workspace that names blobs, and which. What cannot be read is never used, so it names none.
pub(in crate::pipeline) fn named_blobs(workspace: &Path) -> Vec<(PathBuf, Vec<Digest>)> {
    let Ok(entries) = fs::read_dir(workspace.join(FOLDER)) else {
        return Vec::new();
    };
    let mut found: Vec<(PathBuf, Vec<Digest>)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let naming: Naming = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            let digests = naming.made?.files.into_iter().map(|file| file.digest).collect();
            Some((path, digests))
        })
        .collect();
    found.sort();
    found
}

/// One file of the cache.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    pub(super) version: u32,
    pub(super) machine: Fingerprint,
    /// Of the sweep that measured it, in seconds.
    budget_seconds: f64,
    pub(super) made: Option<Made>,
    pub(super) pair: Option<PairMeasurement>,
}

/// The cache of one sweep.
pub(super) struct Cache<'a> {
    folder: PathBuf,
    objects: &'a Objects,
    machine: &'a Fingerprint,
    budget_seconds: f64,
    /// Nothing is taken from it, only put.
    is_fresh: bool,
    /// Of everything that all rows depend on; `None` where that is not known, and then nothing is kept.
    common: Option<Digest>,
}

/// What all rows of a sweep depend on.
pub(super) struct Common<'a> {
    pub(super) source: &'a Digest,
    pub(super) runtime_version: Option<&'a str>,
    pub(super) settings: &'a SessionSettings,
    pub(super) inputs: &'a [crate::model::tensor::Tensor],
    pub(super) samples: &'a Digest,
    pub(super) calibration: Option<&'a Digest>,
    pub(super) seed: u64,
}

impl Common<'_> {
    fn digest(&self) -> Option<Digest> {
        let mut hasher = Hasher::new();
        hasher.part(format!("mlbuild explore {FORMAT} {}", crate::VERSION).as_bytes());
        hasher.part(self.source.as_str().as_bytes());
        hasher.part(self.runtime_version?.as_bytes());
        hasher.part(&settings(self.settings));
        add(&mut hasher, self.inputs);
        hasher.part(self.samples.as_str().as_bytes());
        hasher.part(self.calibration.map_or("", Digest::as_str).as_bytes());
        hasher.part(&self.seed.to_le_bytes());
        Some(hasher.finish())
    }
}

/// The settings of a session but for the library's place.
fn settings(settings: &SessionSettings) -> Vec<u8> {
    let SessionSettings {
        library: _,
        target,
        threads,
        graph_optimization,
        execution_mode,
        arena,
        litert,
    } = settings;
    let (level, mode) = (graph_optimization.name(), execution_mode.name());
    let mut text = format!("{target} {threads} {level} {mode} {arena}");
    if target.engine() == Engine::LiteRt {
        text.push_str(&format!(" {} {:?}", litert.xnnpack, litert.signature));
    }
    text.into_bytes()
}

fn add(hasher: &mut Hasher, tensors: &[crate::model::tensor::Tensor]) {
    for tensor in tensors {
        hasher.part(tensor.name.as_bytes());
        hasher.part(format!("{:?} {:?}", tensor.element, tensor.shape).as_bytes());
        hasher.part(&tensor.data);
    }
}

/// The digest of samples that outputs are compared on.
pub(super) fn of_samples(samples: &Samples) -> Result<Digest, DatasetError> {
    if let Samples::Dataset(dataset) = samples {
        let mut hasher = Hasher::new();
        hasher.part(dataset.digest().as_str().as_bytes());
        hasher.part(&dataset.len().to_le_bytes());
        return Ok(hasher.finish());
    }
    let mut hasher = Hasher::new();
    for index in 0..samples.len() {
        add(&mut hasher, &samples.sample(index)?);
    }
    Ok(hasher.finish())
}

impl<'a> Cache<'a> {
    pub(super) fn open(
        workspace: &'a crate::pipeline::workspace::Workspace,
        machine: &'a Fingerprint,
        budget_seconds: f64,
        is_fresh: bool,
        common: &Common<'_>,
    ) -> Self {
        Self {
            folder: workspace.root().join(FOLDER),
            objects: workspace.objects(),
            machine,
            budget_seconds,
            is_fresh,
            common: common.digest(),
        }
    }

    fn path(&self, parts: &[&[u8]]) -> Option<PathBuf> {
        let mut hasher = Hasher::new();
        hasher.part(self.common.as_ref()?.as_str().as_bytes());
        for part in parts {
            hasher.part(part);
        }
        Some(self.folder.join(format!("{}.json", hasher.finish().as_str())))
    }

    fn of_trial(&self, trial: &Trial) -> Option<PathBuf> {
        self.path(&[b"variant", trial.recipe.name().as_bytes()])
    }

    fn of_option(&self, option: &OptionTrial) -> Option<PathBuf> {
        let model = Digest::of_file(&option.artifact.model).ok()?;
        self.path(&[b"option", model.as_str().as_bytes(), &settings(&option.settings)])
    }

    /// Fills in what an earlier sweep made of a recipe, and measured of it.
    pub(super) fn fill(&self, trial: &mut Trial) {
        let Some(stored) = self.of_trial(trial).and_then(|path| self.read(path)) else {
            return;
        };
        // Files may have been cleaned up since.
        let Some(made) = stored.made.filter(|made| made.artifact(self.objects).is_ok()) else {
            return;
        };
        trial.made = Some(made);
        trial.is_reused = stored.pair.is_some();
        trial.pair = stored.pair;
    }

    /// Fills in what an earlier sweep measured of an option.
    pub(super) fn fill_option(&self, option: &mut OptionTrial) {
        let stored = self.of_option(option).and_then(|path| self.read(path));
        option.pair = stored.and_then(|stored| stored.pair);
        option.is_reused = option.pair.is_some();
    }

    /// Keeps what is known of a recipe.
    pub(super) fn keep(&self, trial: &Trial) -> Result<(), FileError> {
        match (self.of_trial(trial), &trial.made) {
            (Some(path), Some(_)) if !trial.is_reused => self.write(path, trial.made.clone(), trial.pair.clone()),
            _ => Ok(()),
        }
    }

    /// Keeps what was measured of an option.
    pub(super) fn keep_option(&self, option: &OptionTrial) -> Result<(), FileError> {
        match (self.of_option(option), &option.pair) {
            (Some(path), Some(_)) if !option.is_reused => self.write(path, None, option.pair.clone()),
            _ => Ok(()),
        }
    }

    fn read(&self, path: PathBuf) -> Option<Stored> {
        if self.is_fresh {
            return None;
        }
        let bytes = fs::read(path).ok()?;
        let mut stored: Stored = serde_json::from_slice(&bytes).ok()?;
        if stored.version != FORMAT {
            return None;
        }
        let counts = self.machine.same_machine(&stored.machine).is_ok();
        let longer = stored.budget_seconds >= self.budget_seconds;
        stored.pair = stored.pair.filter(|pair| counts && (longer || is_settled(pair)));
        Some(stored)
    }

    fn write(&self, path: PathBuf, made: Option<Made>, pair: Option<PairMeasurement>) -> Result<(), FileError> {
        let stored = Stored {
            version: FORMAT,
            machine: self.machine.clone(),
            budget_seconds: self.budget_seconds,
            made,
            pair,
        };
        // Figures out of a measurement are finite, and nothing else in it can fail to be written.
        let bytes = serde_json::to_vec(&stored).unwrap_or_default();
        files::write_atomic(&path, &bytes)
    }
}

/// True where more time would not have been used.
fn is_settled(pair: &PairMeasurement) -> bool {
    pair.stopped != StopReason::Budget || trial::is_hopeless(pair)
}
