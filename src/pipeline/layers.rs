//! What each layer of a model costs and saves when it alone is quantized: one trial a layer, each run on the same samples as the model.
//!
//! The layers are those that the pass `mixed` names as candidates; a trial keeps all others in floats.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::measure::MeasureError;
use crate::measure::accuracy::Accuracy;
use crate::measure::agreement::Agreement;
use crate::measure::calibrate;
use crate::measure::calibrate::CalibrateError;
use crate::measure::side::Side;
use crate::measure::side::WorkerSubject;
use crate::model::Decoded;
use crate::model::dataset::DatasetError;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::visit;
use crate::model::tensor::Tensor;
use crate::pipeline::agree;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Fed;
use crate::pipeline::calibration::CalibrationData;
use crate::pipeline::trouble::chain;
use crate::runtime::Artifact;
use crate::runtime::WorkerError;
use crate::variant;
use crate::variant::ArtifactFile;
use crate::variant::Derivation;
use crate::variant::Evidence;
use crate::variant::Recipe;
use crate::variant::RecipeError;
use crate::variant::VariantError;

/// The pass whose candidates are tried.
const PASS: &str = "mixed";

/// Why a layer is kept in floats during a trial of another.
const KEPT: &str = "another layer is tried";

/// What to try.
#[derive(Debug)]
pub struct Request<'a> {
    /// The model, and what outputs are compared on.
    pub fed: &'a Fed,
    /// What ranges are found on.
    pub calibration: &'a CalibrationData,
    /// Seeds the derivation.
    pub seed: u64,
    /// How models are run.
    pub engine: &'a Engine<'a>,
}

/// One layer, quantized alone.
#[derive(Debug)]
pub struct Layer {
    /// The node's name, or its output's where it has none.
    pub node: String,
    /// Its operator.
    pub op_type: String,
    /// How far the model's outputs are from what they were; or why that is not known.
    pub outputs: Result<Accuracy, String>,
    /// The bytes that it saves; less than 0 where it costs some.
    pub saved_bytes: i64,
}

/// What came of it.
#[derive(Debug)]
pub struct Layers {
    /// Every layer that was tried, in the order of the graph.
    pub layers: Vec<Layer>,
    /// How many were to be tried; more than [`Self::layers`] where somebody asked for the end.
    pub planned: usize,
    /// All of them quantized: how far the outputs are, or why that is not known.
    pub whole: Result<Accuracy, String>,
    /// The bytes of the model, and of the model with all of them quantized.
    pub sizes: (u64, u64),
}

/// Why no layer can be tried.
#[derive(Debug, thiserror::Error)]
pub enum LayersError {
    /// The pass is not there.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The model cannot be quantized.
    #[error("`{label}` cannot be quantized: {source}")]
    Variant {
        /// The model.
        label: String,
        /// Why.
        source: VariantError,
    },
    /// It has no layer to quantize.
    #[error("`{0}` has no layer that could be quantized: none multiplies by constant weights")]
    None(String),
    /// Ranges cannot be found.
    #[error("`{label}` cannot be calibrated: {source}")]
    Calibrate {
        /// The model.
        label: String,
        /// Why.
        source: Box<CalibrateError>,
    },
    /// The model itself fails.
    #[error("`{label}` cannot be run")]
    Worker {
        /// The model.
        label: String,
        /// Why.
        source: WorkerError,
    },
    /// A sample cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// There is no place for the trials.
    #[error("cannot make a temporary folder")]
    Folder(#[source] std::io::Error),
    /// A trial cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for LayersError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Recipe(error) => error.hints(),
            Self::Variant { source, .. } => source.hints(),
            Self::None(_) => vec!["`mlbuild profile MODEL` shows what it consists of".to_owned()],
            Self::Calibrate { source, .. } => source.hints(),
            Self::Worker { source, .. } => source.hints(),
            Self::Dataset(error) => error.hints(),
            Self::Folder(_) | Self::File(_) => {
                vec!["set `TMPDIR` to a folder with enough room for a copy of the model".to_owned()]
            }
        }
    }
}

/// Tries every layer. `progress` is told how many trials of how many are done; the calibration comes first, with its own count.
pub fn run(request: &Request<'_>, progress: &mut dyn FnMut(&str, usize, usize)) -> Result<Layers, LayersError> {
    let opened = &request.fed.opened;
    let refused = |source| LayersError::Variant {
        label: opened.label.clone(),
        source,
    };
    let recipe = Recipe::parse(PASS)?;
    let derivation = Derivation::start(&opened.model, &recipe, request.seed).map_err(refused)?;
    let wanted = derivation.wanted().map_err(refused)?;
    let groups = wanted.search.map(|search| search.groups).unwrap_or_default();
    if groups.is_empty() {
        return Err(LayersError::None(opened.label.clone()));
    }
    let side = agree::side(opened, request.engine);
    let calibrated = calibrate::observe(
        &side,
        &opened.model.decoded,
        &wanted.observations,
        &request.calibration.samples,
        request.engine.worker(),
        &request.engine.options(),
        &mut |done, of| progress("finding ranges", done, of),
    )
    .map_err(|source| LayersError::Calibrate {
        label: opened.label.clone(),
        source: Box::new(source),
    })?;
    let trials = Trials {
        request,
        before: before(request, &side)?,
        side,
        operators: operators(&opened.model.decoded),
    };
    let all: Vec<&String> = groups.iter().flatten().collect();
    let source_bytes = opened.model.size().0;
    let mut layers = Vec::with_capacity(groups.len());
    let files = derivation.trial(&calibrated.evidence).map_err(refused)?;
    let whole_bytes = bytes(&files);
    let whole = trials.run(&files)?;
    let mut is_over = matches!(&whole, Err(Failed::Interrupted));
    for (done, group) in groups.iter().enumerate() {
        if is_over {
            break;
        }
        progress("trying layers", done, groups.len());
        let evidence = Evidence {
            in_float: all
                .iter()
                .filter(|node| !group.contains(node))
                .map(|node| ((*node).clone(), KEPT.to_owned()))
                .collect(),
            ..calibrated.evidence.clone()
        };
        let files = derivation.trial(&evidence).map_err(refused)?;
        let outputs = trials.run(&files)?;
        is_over = matches!(&outputs, Err(Failed::Interrupted));
        if is_over {
            break;
        }
        let node = group.first().cloned().unwrap_or_default();
        layers.push(Layer {
            op_type: trials.operators.get(&node).cloned().unwrap_or_default(),
            node,
            outputs: outputs.map_err(Failed::reason),
            saved_bytes: source_bytes as i64 - bytes(&files) as i64,
        });
    }
    Ok(Layers {
        layers,
        planned: groups.len(),
        whole: whole.map_err(Failed::reason),
        sizes: (source_bytes, whole_bytes),
    })
}

/// Why a trial has no figures.
enum Failed {
    Interrupted,
    Reason(String),
}

impl Failed {
    fn reason(self) -> String {
        match self {
            Self::Interrupted => "interrupted".to_owned(),
            Self::Reason(reason) => reason,
        }
    }
}

/// What all trials share.
struct Trials<'a> {
    request: &'a Request<'a>,
    /// How the model itself is run.
    side: Side,
    /// Its outputs for every sample.
    before: Vec<Vec<Tensor>>,
    /// Operators by the names that evidence knows nodes by.
    operators: BTreeMap<String, String>,
}

impl Trials<'_> {
    /// How far the outputs of a trial are from the model's.
    fn run(&self, files: &[ArtifactFile]) -> Result<Result<Accuracy, Failed>, LayersError> {
        let folder = TempDir::with_prefix("mlbuild-layers-").map_err(LayersError::Folder)?;
        let mut paths: Vec<(String, PathBuf)> = Vec::with_capacity(files.len());
        for (number, file) in files.iter().enumerate() {
            // By number: the names are a stranger's.
            let path = folder.path().join(number.to_string());
            files::write_checked(&path, &file.bytes)?;
            paths.push((file.name.clone(), path));
        }
        let mut paths = paths.into_iter();
        let Some((_, model)) = paths.next() else {
            return Ok(Err(Failed::Reason("it has no file".to_owned())));
        };
        let side = Side {
            artifact: Artifact {
                model,
                external: paths.collect(),
            },
            ..self.side.clone()
        };
        let engine = self.request.engine;
        let mut subject = WorkerSubject::new(&side, engine.worker(), engine.options());
        let mut agreement = Agreement::new();
        let samples = &self.request.fed.samples;
        for (index, before) in self.before.iter().enumerate() {
            let after = match subject.infer(&samples.sample(index)?) {
                Ok(after) => after,
                Err(WorkerError::Interrupted { .. }) => return Ok(Err(Failed::Interrupted)),
                Err(error) => return Ok(Err(Failed::Reason(chain(&error)))),
            };
            if let Err(error) = agreement.add(before, &after, samples.label(index)) {
                return Ok(Err(Failed::Reason(error.explanation())));
            }
        }
        Ok(agreement
            .finish()
            .map_err(|error: MeasureError| Failed::Reason(error.explanation())))
    }
}

/// The model's own outputs, kept for all trials.
fn before(request: &Request<'_>, side: &Side) -> Result<Vec<Vec<Tensor>>, LayersError> {
    let mut subject = WorkerSubject::new(side, request.engine.worker(), request.engine.options());
    let samples = &request.fed.samples;
    let mut outputs = Vec::with_capacity(samples.len());
    for index in 0..samples.len() {
        let sample = samples.sample(index)?;
        outputs.push(subject.infer(&sample).map_err(|source| LayersError::Worker {
            label: request.fed.opened.label.clone(),
            source,
        })?);
    }
    Ok(outputs)
}

fn bytes(files: &[ArtifactFile]) -> u64 {
    files.iter().map(|file| file.bytes.len() as u64).sum()
}

/// Operators by node: by its name, or its first output's where it has none.
fn operators(model: &Decoded) -> BTreeMap<String, String> {
    match model {
        Decoded::Onnx(proto) => {
            let key = |node: &NodeProto| match (node.name(), node.output.first()) {
                ("", Some(output)) => output.clone(),
                (name, _) => name.to_owned(),
            };
            visit::nodes(&visit::scopes(proto))
                .map(|(_, node)| (key(node), node.op_type().to_owned()))
                .collect()
        }
        Decoded::TfLite(tables) => variant::tflite::operator_kinds(tables),
    }
}
