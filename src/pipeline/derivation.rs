//! The one place where variants are derived that need to know what running a model tells: step by step, what a pass wants to know is
//! measured on the model as it is by then, and kept beside the variant, so that it can be derived again without running anything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::config::Task;
use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::measure::Side;
use crate::measure::calibrate;
use crate::measure::calibrate::CalibrateError;
use crate::model::Decoded;
use crate::model::Format;
use crate::model::Model;
use crate::model::ModelError;
use crate::model::format;
use crate::model::inputs;
use crate::model::inputs::InputError;
use crate::model::onnx::read;
use crate::model::onnx::shown::shown;
use crate::model::tflite;
use crate::pipeline::calibration::CalibrationData;
use crate::pipeline::gate::Machinery;
use crate::pipeline::search;
use crate::pipeline::search::SearchError;
use crate::pipeline::subject;
use crate::pipeline::subject::Prepared;
use crate::pipeline::subject::SubjectError;
use crate::runtime::Artifact;
use crate::runtime::SessionSettings;
use crate::runtime::Stop;
use crate::runtime::WorkerOptions;
use crate::store::Objects;
use crate::variant;
use crate::variant::ArtifactFile;
use crate::variant::Derivation;
use crate::variant::Evidence;
use crate::variant::Recipe;
use crate::variant::Search;
use crate::variant::VariantError;
use crate::variant::Wanted;

/// After this long no more choices of nodes are tried, where nobody says otherwise.
pub const SEARCH_BUDGET: Duration = Duration::from_secs(90);

/// What deriving needs around it.
#[derive(Debug)]
pub struct Deriving<'a> {
    /// How models are run.
    pub machinery: &'a Machinery,
    /// How their sessions are set up, for what is measured; a model is observed unoptimized, whatever these say.
    pub settings: SessionSettings,
    /// After this much silence a worker is stopped.
    pub timeout: Duration,
    /// After this long no more choices of nodes are tried.
    pub search_budget: Duration,
    /// Once this is raised, deriving ends.
    pub stop: Stop,
    /// Where results are kept.
    pub objects: &'a Objects,
}

/// What a model is fed while it is derived.
#[derive(Debug, Clone, Copy)]
pub struct Fed<'a> {
    /// Samples; made up where a step needs any and there are none.
    pub calibration: Option<&'a CalibrationData>,
    /// Shapes of inputs that the model leaves open, by name; the usual ones where they are not named.
    pub shapes: &'a BTreeMap<String, Vec<u64>>,
}

/// What deriving is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The model is run on calibration data, or choices of what stays in floats are tried.
    Calibrating {
        /// The step of the recipe that wants to know.
        step: String,
        /// Runs done.
        done: usize,
        /// Runs in all.
        of: usize,
    },
}

/// Why a variant could not be derived.
#[derive(Debug, thiserror::Error)]
pub enum DerivationError {
    /// A pass refused, or the result cannot be kept.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The model cannot be observed.
    #[error("cannot derive `{recipe}`: `{step}` cannot be calibrated: {source}")]
    Calibrate {
        /// The recipe.
        recipe: String,
        /// The step.
        step: String,
        /// Why.
        source: Box<CalibrateError>,
    },
    /// No calibration data was given, and none can be made up.
    #[error("cannot derive `{recipe}`: no calibration data is given, and none can be made up: {source}")]
    NoData {
        /// The recipe.
        recipe: String,
        /// Why.
        source: Box<InputError>,
    },
    /// No choice of nodes to keep in floats could be made.
    #[error("cannot derive `{recipe}`: `{step}`: {source}")]
    Search {
        /// The recipe.
        recipe: String,
        /// The step.
        step: String,
        /// Why.
        source: Box<SearchError>,
    },
    /// A model on its way cannot be read back.
    #[error("cannot derive `{recipe}`: {source}")]
    Between {
        /// The recipe.
        recipe: String,
        /// Why.
        source: Box<ModelError>,
    },
    /// There is no place for the model on its way.
    #[error("cannot make a temporary folder")]
    Folder(#[source] std::io::Error),
    /// The model on its way cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for DerivationError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Subject(error) => error.hints(),
            Self::Calibrate { source, .. } => source.hints(),
            Self::NoData { source, .. } => {
                let mut hints = vec!["set `calibration` of the model in .mlbuild.yml".to_owned()];
                hints.extend(source.hints());
                hints
            }
            Self::Search { source, .. } => source.hints(),
            Self::Between { source, .. } => source.hints(),
            Self::Folder(_) | Self::File(_) => {
                vec!["set `TMPDIR` to a folder with enough room for a copy of the model".to_owned()]
            }
        }
    }
}

/// Derives `recipe` from `model`, measures on the way what its steps want to know, and puts the result into the object store.
///
/// Without calibration data, inputs are made up out of `seed` where a step needs any, and the account says so.
pub fn derive(
    model: &Model,
    recipe: &Recipe,
    seed: u64,
    fed: Fed<'_>,
    around: &Deriving<'_>,
    observer: &mut dyn FnMut(Progress),
) -> Result<Prepared, DerivationError> {
    let refused = |source: VariantError| SubjectError::Variant {
        recipe: recipe.name(),
        source,
    };
    let no_data = |source: InputError| DerivationError::NoData {
        recipe: recipe.name(),
        source: Box::new(source),
    };
    let mut derivation = Derivation::start(model, recipe, seed).map_err(refused)?;
    let mut data = fed.calibration.cloned();
    let mut notes = Vec::new();
    while let Some(step) = derivation.next() {
        let step = step.pass.name();
        let wanted = derivation.wanted().map_err(refused)?;
        let mut evidence = Evidence::default();
        if !wanted.is_empty() {
            if !wanted.shapes.is_empty() {
                evidence.shapes = settled(model, &wanted.shapes, fed.shapes, seed).map_err(no_data)?;
            }
            if !wanted.runs() {
                derivation.advance(evidence).map_err(refused)?;
                continue;
            }
            let data = match &mut data {
                Some(data) => data,
                none => none.insert(CalibrationData::usual(model, seed).map_err(no_data)?),
            };
            let stage = Stage::set(&derivation, recipe, around)?;
            evidence = Evidence {
                shapes: std::mem::take(&mut evidence.shapes),
                signature: model.signature.clone().filter(|_| model.signature_place > 0),
                ..stage.observe(&step, &wanted, data, &mut notes, observer)?
            };
            if let Some(search) = &wanted.search {
                let found = stage.search(&step, search, &derivation, &evidence, data, observer)?;
                notes.extend(search::notes(&step, &found));
                evidence.in_float = found.in_float;
            }
        }
        derivation.advance(evidence).map_err(refused)?;
    }
    let mut variant = derivation.finish().map_err(refused)?;
    variant.account.notes.append(&mut notes);
    Ok(subject::store_variant(variant, around.objects)?)
}

/// The shapes of the inputs `names`, all inputs taken together: open dimensions may depend on each other.
fn settled(
    model: &Model,
    names: &[String],
    shapes: &BTreeMap<String, Vec<u64>>,
    seed: u64,
) -> Result<BTreeMap<String, Vec<u64>>, InputError> {
    let made = inputs::make(
        model,
        &inputs::Request {
            task: Task::Auto,
            shapes,
            seed,
            sequence: None,
            batch: None,
        },
    )?;
    let wanted = made.specs.into_iter().filter(|spec| names.contains(&spec.name));
    Ok(wanted.map(|spec| (spec.name, spec.shape)).collect())
}

/// Derives `recipe` from `model` with what was learned before, and puts the result into the object store. Nothing is run; the same
/// arguments give the same files.
pub fn again(
    model: &Model,
    recipe: &Recipe,
    seed: u64,
    evidence: &[Evidence],
    objects: &Objects,
) -> Result<Prepared, DerivationError> {
    let variant = variant::derive(model, recipe, seed, evidence).map_err(|source| SubjectError::Variant {
        recipe: recipe.name(),
        source,
    })?;
    Ok(subject::store_variant(variant, objects)?)
}

/// A model on its way, ready to be run.
struct Stage<'a> {
    recipe: &'a Recipe,
    around: &'a Deriving<'a>,
    /// The entry point that is run, where one was chosen.
    signature: Option<&'a str>,
    /// What stands in its file, which names the same external data.
    decoded: Decoded,
    artifact: Artifact,
    /// Where its files lie.
    _folder: TempDir,
}

impl<'a> Stage<'a> {
    fn set(derivation: &Derivation<'a>, recipe: &'a Recipe, around: &'a Deriving<'a>) -> Result<Self, DerivationError> {
        let files = derivation.files().map_err(|source| SubjectError::Variant {
            recipe: recipe.name(),
            source,
        })?;
        let folder = TempDir::with_prefix("mlbuild-derive-").map_err(DerivationError::Folder)?;
        let (artifact, first) = write(&files, &folder)?;
        let signature = derivation.model().signature.as_deref();
        let between = |source: ModelError| DerivationError::Between {
            recipe: recipe.name(),
            source: Box::new(source),
        };
        let decoded = match format::detect_bytes(&artifact.model, &first.bytes).map_err(between)? {
            Format::TfLite => {
                let mut read = tflite::read(&first.bytes).map_err(|source| {
                    between(ModelError::Unreadable {
                        path: artifact.model.clone(),
                        source: Box::new(source),
                    })
                })?;
                if let Some(name) = signature {
                    read.model.choose_signature(name).map_err(|names| {
                        between(ModelError::Signature {
                            path: artifact.model.clone(),
                            name: name.to_owned(),
                            names,
                        })
                    })?;
                }
                Decoded::TfLite(Box::new(read.model))
            }
            Format::Onnx | Format::CoreMl => {
                Decoded::Onnx(Box::new(read::decode(&artifact.model, &first.bytes).map_err(between)?))
            }
        };
        Ok(Self {
            recipe,
            around,
            signature,
            decoded,
            artifact,
            _folder: folder,
        })
    }

    fn side(&self) -> Side {
        Side {
            artifact: self.artifact.clone(),
            settings: self.around.machinery.settings_for(
                format_of(&self.decoded),
                self.signature,
                &self.around.settings,
            ),
            inputs: Vec::new(),
        }
    }

    fn options(&self) -> WorkerOptions {
        WorkerOptions {
            timeout: self.around.timeout,
            stop: self.around.stop.clone(),
            ..WorkerOptions::default()
        }
    }

    /// Runs the model on `data` and tells what `step` wants to know.
    fn observe(
        &self,
        step: &str,
        wanted: &Wanted,
        data: &CalibrationData,
        notes: &mut Vec<String>,
        observer: &mut dyn FnMut(Progress),
    ) -> Result<Evidence, DerivationError> {
        let mut progress = |done, of| {
            observer(Progress::Calibrating {
                step: step.to_owned(),
                done,
                of,
            });
        };
        let calibrated = calibrate::observe(
            &self.side(),
            &self.decoded,
            &wanted.observations,
            &data.samples,
            &self.around.machinery.worker,
            &self.options(),
            &mut progress,
        )
        .map_err(|source| DerivationError::Calibrate {
            recipe: self.recipe.name(),
            step: step.to_owned(),
            source: Box::new(source),
        })?;
        notes.push(match &data.warning {
            Some(warning) => format!("{step}: {warning}"),
            None => format!("{step}: ranges come from {}", data.about),
        });
        notes.extend(ignored(step, &calibrated.ignored));
        Ok(calibrated.evidence)
    }

    /// Finds the nodes that `step` has to keep in floats.
    fn search(
        &self,
        step: &str,
        search: &Search,
        derivation: &Derivation<'_>,
        observed: &Evidence,
        data: &CalibrationData,
        observer: &mut dyn FnMut(Progress),
    ) -> Result<search::Found, DerivationError> {
        let request = search::Request {
            derivation,
            search,
            observed,
            side: &self.side(),
            model: &self.decoded,
            samples: &data.samples,
            budget: self.around.search_budget,
            command: &self.around.machinery.worker,
            options: &self.options(),
        };
        let mut progress = |done, of| {
            observer(Progress::Calibrating {
                step: format!("{step}, trying choices"),
                done,
                of,
            });
        };
        search::search(&request, &mut progress).map_err(|source| DerivationError::Search {
            recipe: self.recipe.name(),
            step: step.to_owned(),
            source: Box::new(source),
        })
    }
}

fn format_of(decoded: &Decoded) -> Format {
    match decoded {
        Decoded::Onnx(_) => Format::Onnx,
        Decoded::TfLite(_) => Format::TfLite,
    }
}

/// Writes the files of a model into `folder`; gives the model's own one back.
fn write<'f>(files: &'f [ArtifactFile], folder: &TempDir) -> Result<(Artifact, &'f ArtifactFile), DerivationError> {
    let mut paths: Vec<(String, PathBuf)> = Vec::with_capacity(files.len());
    for (number, file) in files.iter().enumerate() {
        // By number: the names are a stranger's.
        let path = folder.path().join(number.to_string());
        files::write_checked(&path, &file.bytes)?;
        paths.push((file.name.clone(), path));
    }
    let mut paths = paths.into_iter();
    match (paths.next(), files.first()) {
        (Some((_, model)), Some(first)) => Ok((
            Artifact {
                model,
                external: paths.collect(),
            },
            first,
        )),
        _ => Err(SubjectError::NoModel.into()),
    }
}

/// What a person should know of values that no range counts.
fn ignored(step: &str, tensors: &BTreeMap<String, u64>) -> Option<String> {
    let (tensor, values) = tensors.iter().max_by_key(|(_, values)| **values)?;
    let others = match tensors.len() - 1 {
        0 => String::new(),
        1 => ", and so does 1 other tensor".to_owned(),
        more => format!(", and so do {more} other tensors"),
    };
    Some(format!(
        "{step}: tensor {} takes {values} values that are NaN, infinite or beyond ±1e30 (masks) and count in no range{others}",
        shown(tensor)
    ))
}
