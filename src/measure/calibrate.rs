//! What values a model's tensors take: it is fed one sample after the other, and what a pass wants to know is counted where the model
//! runs, so that no activation crosses a pipe and nothing grows with the samples.
//!
//! The copy of the model that runs has the observed tensors as outputs and is not optimized, as an optimizer would fuse them away. Ranges
//! of the least and greatest value equal those of `onnxruntime.quantization.calibrate` to the bit (its `MinMaxCalibrater` runs unoptimized
//! as well; with one thread); `tests/reference/` compares.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::config::ExecutionMode;
use crate::config::GraphOptimization;
use crate::config::Target;
use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::measure::augmented;
use crate::measure::side::Side;
use crate::model::Decoded;
use crate::model::Samples;
use crate::model::dataset::DatasetError;
use crate::model::onnx::facts;
use crate::model::onnx::made::made;
use crate::model::onnx::shown::shown;
use crate::model::tensor::Dim;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;
use crate::model::tflite;
use crate::runtime::Artifact;
use crate::runtime::Observer;
use crate::runtime::SessionSettings;
use crate::runtime::Watch;
use crate::runtime::WatchKind;
use crate::runtime::Watched;
use crate::runtime::Worker;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerError;
use crate::runtime::WorkerOptions;
use crate::stats::histogram::Extremes;
use crate::stats::histogram::ranges;
use crate::variant;
use crate::variant::Calibration;
use crate::variant::Evidence;
use crate::variant::Observation;
use crate::variant::Range;
use crate::variant::Statistic;
use crate::variant::VariantError;

/// Tensors of this many bytes together come out of one session: they live at once, whatever the engine would free otherwise.
const GROUP_BYTES: u64 = 256 << 20;

/// What a tensor of unknown size counts as.
const UNKNOWN_BYTES: u64 = 4 << 20;

/// What was learned, and what was passed over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calibrated {
    /// Ranges and largest magnitudes. A tensor without a single value that counts has neither.
    pub evidence: Evidence,
    /// Of each tensor that holds any: how many values were NaN, infinite, or beyond ±1e30, and count in nothing.
    pub ignored: BTreeMap<String, u64>,
}

/// Why a model could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// Nothing to run on.
    #[error("there is no sample to calibrate on")]
    NoSamples,
    /// A sample cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A model that cannot be quantized, and so cannot be observed either.
    #[error(transparent)]
    Variant(VariantError),
    /// A sample that holds no number where one is needed.
    #[error("sample {sample}{} holds NaN in input {}", of(path.as_deref()), shown(input))]
    NotANumber {
        /// Which, counted from 0.
        sample: usize,
        /// Where the samples come from.
        path: Option<PathBuf>,
        /// The input.
        input: String,
    },
    /// A sample that does not fit the model.
    #[error("sample {sample}{} {reason}", of(path.as_deref()))]
    Unfit {
        /// Which, counted from 0.
        sample: usize,
        /// Where the samples come from.
        path: Option<PathBuf>,
        /// What does not fit, as the rest of a sentence.
        reason: String,
    },
    /// A tensor that is not there to be observed.
    #[error("tensor {} is to be observed, and no node of the main graph makes it", shown(.0))]
    NoTensor(String),
    /// The worker failed.
    #[error("the model cannot be run with {tensors} of its tensors as outputs{}", at(*sample))]
    Worker {
        /// How many were asked for.
        tensors: usize,
        /// Which sample it was fed, where it got that far.
        sample: Option<usize>,
        /// What happened to it.
        #[source]
        source: WorkerError,
    },
    /// There is no place for a copy of the model.
    #[error("cannot make a temporary folder")]
    Folder(#[source] std::io::Error),
    /// A copy of the model does not fit its format.
    #[error("a copy of the model that tells all its tensors cannot be made")]
    TooLarge(#[source] tflite::WriteError),
    /// A copy of the model cannot be written.
    #[error(transparent)]
    Copy(#[from] FileError),
}

fn of(path: Option<&Path>) -> String {
    path.map(|path| format!(" of `{}`", path.display())).unwrap_or_default()
}

fn at(sample: Option<usize>) -> String {
    sample.map(|sample| format!(", at sample {sample}")).unwrap_or_default()
}

impl Hint for CalibrateError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoSamples => vec!["add samples to the calibration data, or leave it out".to_owned()],
            Self::Dataset(error) => error.hints(),
            Self::Variant(error) => error.hints(),
            Self::NotANumber { .. } => vec!["remove that sample from the calibration data".to_owned()],
            Self::Unfit { .. } => vec!["give calibration data that is prepared as the model's inputs are".to_owned()],
            Self::NoTensor(_) => vec!["leave this variant out".to_owned()],
            Self::Worker { source, .. } => source.hints(),
            Self::TooLarge(error) => error.hints(),
            Self::Folder(_) | Self::Copy(_) => {
                vec!["set `TMPDIR` to a folder with enough room for a copy of the model".to_owned()]
            }
        }
    }
}

/// Runs `model`, which `side`'s artifact holds, on all `samples` and tells what `wanted` asks for. `progress` hears how many runs are
/// done and how many there will be. `side.inputs` are not used; of its settings only the library is.
pub fn calibrate(
    side: &Side,
    model: &Decoded,
    wanted: &[Observation],
    samples: &Samples,
    command: &WorkerCommand,
    options: &WorkerOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Evidence, CalibrateError> {
    observe(side, model, wanted, samples, command, options, progress).map(|calibrated| calibrated.evidence)
}

/// The same, with what was passed over.
pub fn observe(
    side: &Side,
    model: &Decoded,
    wanted: &[Observation],
    samples: &Samples,
    command: &WorkerCommand,
    options: &WorkerOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Calibrated, CalibrateError> {
    check(model, samples)?;
    let first = samples.sample(0)?;
    let inputs: BTreeSet<&str> = first.iter().map(|tensor| tensor.name.as_str()).collect();
    let (of_inputs, of_nodes): (Vec<&Observation>, Vec<&Observation>) = wanted
        .iter()
        .partition(|observation| inputs.contains(observation.tensor.as_str()));
    let groups = groups(model, &of_nodes, &first)?;
    let mut calibrated = Calibrated::default();
    if !of_inputs.is_empty() {
        let mut observer = Observer::of(of_inputs.iter().map(|observation| watch(observation)).collect());
        for index in 0..samples.len() {
            for tensor in samples.sample(index)? {
                observer.add(&tensor.name, tensor.element, &tensor.shape, &tensor.data);
            }
        }
        calibrated.add(&of_inputs, observer.watched());
    }
    let runs = groups.len() * samples.len();
    let side = Side {
        settings: settings(model, &side.settings),
        inputs: first,
        artifact: side.artifact.clone(),
    };
    for (number, group) in groups.iter().enumerate() {
        let mut done = |sample: usize| progress(number * samples.len() + sample, runs);
        let watched = run(&side, model, group, samples, command, options, &mut done)?;
        calibrated.add(group, watched);
    }
    Ok(calibrated)
}

/// How a model runs while it is observed: on the CPU, as it stands in its file, on one thread, as the order of sums in a convolution
/// depends on how many there are, and ranges with it.
fn settings(model: &Decoded, settings: &SessionSettings) -> SessionSettings {
    SessionSettings {
        target: match model {
            Decoded::Onnx(_) => Target::OnnxRuntimeCpu,
            Decoded::TfLite(_) => Target::GenericLinux,
        },
        threads: 1,
        graph_optimization: GraphOptimization::Disabled,
        execution_mode: ExecutionMode::Sequential,
        ..settings.clone()
    }
}

fn watch(observation: &Observation) -> Watch {
    Watch {
        tensor: observation.tensor.clone(),
        kind: match observation.statistic {
            Statistic::Range(Calibration::MinMax) => WatchKind::Extremes,
            Statistic::Range(_) => WatchKind::Histogram,
            Statistic::ChannelMaxima { axis } => WatchKind::Channels { axis },
        },
    }
}

impl Calibrated {
    fn add(&mut self, observations: &[&Observation], watched: Vec<Watched>) {
        for (observation, watched) in observations.iter().zip(watched) {
            let tensor = &observation.tensor;
            match (&observation.statistic, watched) {
                (_, Watched::Extremes(extremes)) => {
                    self.count(tensor, &extremes);
                    self.set(tensor, extremes.range());
                }
                (Statistic::Range(method), Watched::Histogram(histogram)) => {
                    self.count(tensor, histogram.extremes());
                    let range = match method {
                        Calibration::MinMax => histogram.extremes().range(),
                        Calibration::Percentile => ranges::percentile(&histogram),
                        Calibration::Entropy => ranges::entropy(&histogram),
                        Calibration::Mse => ranges::mean_squared_error(&histogram),
                    };
                    self.set(tensor, range);
                }
                (_, Watched::Channels(Some(maxima))) => {
                    self.evidence.channels.insert(tensor.clone(), maxima);
                }
                (_, Watched::Channels(None) | Watched::Histogram(_)) => {}
            }
        }
    }

    fn count(&mut self, tensor: &str, extremes: &Extremes) {
        if extremes.ignored > 0 {
            self.ignored.insert(tensor.to_owned(), extremes.ignored);
        }
    }

    fn set(&mut self, tensor: &str, range: Option<(f32, f32)>) {
        if let Some((min, max)) = range {
            self.evidence.ranges.insert(tensor.to_owned(), Range { min, max });
        }
    }
}

/// Refuses samples that don't fit the model, or hold NaN, before anything runs.
fn check(model: &Decoded, samples: &Samples) -> Result<(), CalibrateError> {
    if samples.is_empty() {
        return Err(CalibrateError::NoSamples);
    }
    let path = || samples.path().map(Path::to_owned);
    let specs = match model {
        Decoded::Onnx(proto) => proto.graph.as_ref().map(facts::fed_inputs).unwrap_or_default(),
        Decoded::TfLite(tables) => tables.inputs(),
    };
    for index in 0..samples.len() {
        let sample = samples.sample(index)?;
        if let Some(reason) = misfit(&specs, &sample) {
            return Err(CalibrateError::Unfit {
                sample: index,
                path: path(),
                reason,
            });
        }
        let is_broken = |tensor: &&Tensor| {
            let values = tensor.element.is_float().then(|| tensor.values()).flatten();
            values.is_some_and(|mut values| values.any(f64::is_nan))
        };
        if let Some(tensor) = sample.iter().find(is_broken) {
            return Err(CalibrateError::NotANumber {
                sample: index,
                path: path(),
                input: tensor.name.clone(),
            });
        }
    }
    Ok(())
}

/// What about a sample does not fit the model's inputs, as the rest of a sentence about it.
fn misfit(specs: &[TensorSpec], sample: &[Tensor]) -> Option<String> {
    if let Some(spec) = specs
        .iter()
        .find(|spec| sample.iter().all(|tensor| tensor.name != spec.name))
    {
        return Some(format!("holds nothing for input {}", shown(&spec.name)));
    }
    sample.iter().find_map(|tensor| {
        let Some(spec) = specs.iter().find(|spec| spec.name == tensor.name) else {
            return Some(format!(
                "is for an input {}, which the model does not have",
                shown(&tensor.name)
            ));
        };
        let fits = spec.dims.as_ref().is_none_or(|dims| {
            let mut pairs = dims.iter().zip(&tensor.shape);
            dims.len() == tensor.shape.len()
                && pairs.all(|(dim, size)| !matches!(dim, Dim::Fixed(fixed) if fixed != size))
        });
        (!fits || spec.element != tensor.element).then(|| {
            format!(
                "holds {:?} {:?} for input {}, which takes {}",
                tensor.element,
                tensor.shape,
                shown(&tensor.name),
                spec.describe()
            )
        })
    })
}

/// Shares what is observed out to sessions, in the graph's order, so that what comes out of one stays within [`GROUP_BYTES`].
fn groups<'a>(
    model: &Decoded,
    wanted: &[&'a Observation],
    inputs: &[Tensor],
) -> Result<Vec<Vec<&'a Observation>>, CalibrateError> {
    let shapes: BTreeMap<String, Vec<u64>> = inputs
        .iter()
        .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
        .collect();
    let mut of_tensor: BTreeMap<&str, Vec<&'a Observation>> = BTreeMap::new();
    for observation in wanted {
        of_tensor.entry(&observation.tensor).or_default().push(observation);
    }
    let mut groups: Vec<Vec<&Observation>> = Vec::new();
    let mut room = 0;
    let proto = match model {
        Decoded::Onnx(proto) => proto,
        // One copy of the model yields all of them.
        Decoded::TfLite(_) => {
            return Ok(if wanted.is_empty() {
                Vec::new()
            } else {
                vec![wanted.to_vec()]
            });
        }
    };
    for tensor in made(proto, &[], &shapes) {
        let Some(observations) = of_tensor.remove(tensor.name.as_str()) else {
            continue;
        };
        let size = tensor.bytes.unwrap_or(UNKNOWN_BYTES);
        if size > room || groups.is_empty() {
            groups.push(Vec::new());
            room = GROUP_BYTES;
        }
        room = room.saturating_sub(size);
        if let Some(group) = groups.last_mut() {
            group.extend(observations);
        }
    }
    match of_tensor.first_key_value() {
        Some((tensor, _)) => Err(CalibrateError::NoTensor((*tensor).to_owned())),
        None => Ok(groups),
    }
}

/// A copy of a TensorFlow Lite model that yields everything a quantizer asks for.
fn observable(side: &Side, tables: &tflite::schema::Model, path: &Path) -> Result<Side, CalibrateError> {
    let tables = variant::tflite::observable(tables).map_err(CalibrateError::Variant)?;
    let bytes = tflite::write(&tables).map_err(CalibrateError::TooLarge)?;
    files::write_checked(path, &bytes)?;
    Ok(Side {
        artifact: Artifact {
            model: path.to_owned(),
            external: Vec::new(),
        },
        ..side.clone()
    })
}

/// Feeds all samples to a session whose outputs are the tensors of one group.
fn run(
    side: &Side,
    model: &Decoded,
    group: &[&Observation],
    samples: &Samples,
    command: &WorkerCommand,
    options: &WorkerOptions,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<Watched>, CalibrateError> {
    let folder = TempDir::with_prefix("mlbuild-calibrate-").map_err(CalibrateError::Folder)?;
    let tensors = group.iter().map(|observation| observation.tensor.as_str());
    let path = folder.path().join("observed");
    let copy = match model {
        Decoded::Onnx(proto) => augmented::with_outputs(side, proto, tensors, Vec::new(), &path)?,
        Decoded::TfLite(tables) => observable(side, tables, &path)?,
    };
    let failed = |sample| {
        move |source| CalibrateError::Worker {
            tensors: group.len(),
            sample,
            source,
        }
    };
    let watches: Vec<Watch> = group.iter().map(|observation| watch(observation)).collect();
    let mut worker = Worker::spawn(command, options).map_err(failed(None))?;
    worker
        .load(&copy.artifact, &copy.settings, &copy.inputs)
        .map_err(failed(None))?;
    worker.observe(&watches).map_err(failed(None))?;
    done(0);
    for index in 0..samples.len() {
        let sample = samples.sample(index)?;
        worker.feed(&sample).map_err(failed(Some(index)))?;
        done(index + 1);
    }
    worker.observed().map_err(failed(None))
}
