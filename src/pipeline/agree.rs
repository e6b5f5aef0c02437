//! Two models of the desk on the same inputs: how well do their outputs agree? What `accuracy` and `validate` share.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::DatasetConfig;
use crate::config::Target;
use crate::config::Task;
use crate::hint::Hint;
use crate::measure::accuracy;
use crate::measure::accuracy::Accuracy;
use crate::measure::error::MeasureError;
use crate::measure::outputs::Anomaly;
use crate::measure::outputs::Inspector;
use crate::measure::side::Side;
use crate::model::Model;
use crate::model::Samples;
use crate::model::compatible;
use crate::model::dataset::Dataset;
use crate::model::dataset::DatasetError;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::feed::check_same_inputs;
use crate::pipeline::feed::shared_shapes;
use crate::pipeline::gate::Machinery;
use crate::pipeline::open::Found;
use crate::pipeline::open::OpenError;
use crate::pipeline::open::Opened;
use crate::pipeline::open::Request as OpenRequest;
use crate::pipeline::workspace::Workspace;
use crate::runtime::SessionSettings;
use crate::runtime::Stop;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerOptions;

/// What models are fed.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Real samples; made up where there are none. Its path is as the process can open it.
    pub dataset: Option<DatasetConfig>,
    /// Shapes of inputs, by name.
    pub shapes: BTreeMap<String, Vec<u64>>,
    /// What kind of data they take.
    pub task: Task,
    /// How many samples are made up.
    pub samples: usize,
    /// Seeds them.
    pub seed: u64,
}

/// How models are run.
#[derive(Debug, Clone)]
pub struct Engine<'a> {
    /// Starts workers, and has the engines' libraries.
    pub machinery: &'a Machinery,
    /// How a session is set up.
    pub settings: SessionSettings,
    /// After this much silence a worker is stopped.
    pub timeout: Duration,
    /// Ends it early.
    pub stop: Stop,
}

/// One model with all that it is fed.
#[derive(Debug)]
pub struct Fed {
    /// The model, fed with the first sample.
    pub opened: Opened,
    /// All samples.
    pub samples: Samples,
    /// True where they are real ones.
    pub is_real: bool,
}

/// Two models that take the same.
#[derive(Debug)]
pub struct Pair {
    /// What is compared with.
    pub baseline: Opened,
    /// What is judged.
    pub candidate: Fed,
}

impl Pair {
    /// Both.
    pub fn models(&self) -> [&Model; 2] {
        [&self.baseline.model, &self.candidate.opened.model]
    }

    /// Where the candidate runs when nobody says where.
    pub fn target(&self) -> Target {
        compatible::usual_target(self.candidate.opened.model.format)
    }
}

/// What came out.
#[derive(Debug)]
pub struct Agreed {
    /// How well they agree.
    pub accuracy: Accuracy,
    /// What is odd about the candidate's outputs.
    pub anomalies: Vec<Anomaly>,
}

/// Why outputs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum AgreeError {
    /// The two take different inputs.
    #[error("{reason}")]
    Inputs {
        /// How they differ.
        reason: String,
        /// What to do.
        hints: Vec<String>,
    },
    /// The two have different outputs.
    #[error("the outputs differ: only {} has {}", if *of_baseline { "the first model" } else { "the second model" }, quoted(names))]
    Outputs {
        /// Whose they are.
        of_baseline: bool,
        /// Their names.
        names: Vec<String>,
    },
    /// The dataset cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A model cannot be made ready.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A model failed, or yields what cannot be compared.
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

impl Hint for AgreeError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Inputs { hints, .. } => hints.clone(),
            Self::Outputs { .. } => vec!["only models with the same outputs can be compared".to_owned()],
            Self::Dataset(error) => error.hints(),
            Self::Open(error) => error.hints(),
            Self::Measure(error) => error.hints(),
        }
    }
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Makes one model ready with its samples.
pub fn feed(found: Found, feed: &Feed, workspace: &Workspace) -> Result<Fed, AgreeError> {
    let (real, shapes) = match &feed.dataset {
        Some(settings) => {
            let dataset = Dataset::open(settings, &found.model.facts.inputs, &feed.shapes)?;
            // What the samples look like settles free dimensions too.
            let first = dataset.sample(0)?;
            let shapes = first.into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
            (Some(dataset), shapes)
        }
        None => (None, feed.shapes.clone()),
    };
    let request = OpenRequest {
        reference: "",
        signature: None,
        shapes,
        task: feed.task,
        seed: feed.seed,
        sequence: None,
        batch: None,
    };
    let mut opened = found.feed(&request, workspace)?;
    let is_real = real.is_some();
    let samples = match real {
        Some(dataset) => {
            opened.made.inputs = dataset.sample(0)?;
            // What is said of made-up inputs is not said of these.
            opened.notices.clear();
            Samples::from(dataset)
        }
        None => Samples::drawn(opened.made.recipe.for_outputs(), feed.seed, feed.samples),
    };
    Ok(Fed {
        opened,
        samples,
        is_real,
    })
}

/// Makes two models ready for the same samples.
///
/// Errors where they take other inputs or have other outputs by name.
pub fn pair(baseline: Found, candidate: Found, settings: &Feed, workspace: &Workspace) -> Result<Pair, AgreeError> {
    check_same_inputs(&candidate.model, &baseline.model, ShapeSource::Flags).map_err(|trouble| AgreeError::Inputs {
        reason: trouble.reason,
        hints: trouble.hints,
    })?;
    check_same_outputs(&baseline.model, &candidate.model)?;
    let settings = &Feed {
        shapes: shared_shapes(&candidate.model, &baseline.model, &settings.shapes),
        ..settings.clone()
    };
    let candidate = feed(candidate, settings, workspace)?;
    let request = OpenRequest {
        reference: "",
        signature: None,
        shapes: shapes(&candidate.opened),
        task: settings.task,
        seed: settings.seed,
        sequence: None,
        batch: None,
    };
    let mut baseline = baseline.feed(&request, workspace)?;
    baseline.made.inputs.clone_from(&candidate.opened.made.inputs);
    Ok(Pair { baseline, candidate })
}

fn shapes(opened: &Opened) -> BTreeMap<String, Vec<u64>> {
    let specs = opened.made.specs.iter();
    specs.map(|spec| (spec.name.clone(), spec.shape.clone())).collect()
}

fn check_same_outputs(baseline: &Model, candidate: &Model) -> Result<(), AgreeError> {
    let names = |model: &Model| -> BTreeSet<String> {
        let outputs = model.facts.outputs.iter();
        outputs.map(|spec| spec.name.clone()).collect()
    };
    let (before, after) = (names(baseline), names(candidate));
    for (of_baseline, one, other) in [(true, &before, &after), (false, &after, &before)] {
        let names: Vec<String> = one.difference(other).cloned().collect();
        if !names.is_empty() {
            return Err(AgreeError::Outputs { of_baseline, names });
        }
    }
    Ok(())
}

/// Runs every sample through both, one at a time.
pub fn run(pair: &Pair, engine: &Engine<'_>) -> Result<Agreed, AgreeError> {
    let candidate = &pair.candidate;
    let mut inspector = Inspector::new(&candidate.opened.model.facts);
    let accuracy = accuracy::agreement(
        &side(&pair.baseline, engine),
        &side(&candidate.opened, engine),
        &candidate.samples,
        &mut inspector,
        engine.worker(),
        &engine.options(),
    )?;
    Ok(Agreed {
        accuracy,
        anomalies: inspector.finish(),
    })
}

/// A model as the engine runs it.
pub fn side(opened: &Opened, engine: &Engine<'_>) -> Side {
    Side {
        artifact: opened.artifact.clone(),
        settings: engine.settings_for(&opened.model),
        inputs: opened.made.inputs.clone(),
    }
}

impl<'a> Engine<'a> {
    /// Starts workers.
    pub fn worker(&self) -> &'a WorkerCommand {
        &self.machinery.worker
    }

    /// How a session of `model` is set up: on the target, where its engine runs such models; else on this machine's processor.
    pub fn settings_for(&self, model: &Model) -> SessionSettings {
        let signature = model.signature.as_deref();
        self.machinery.settings_for(model.format, signature, &self.settings)
    }

    /// What its workers may use.
    pub fn options(&self) -> WorkerOptions {
        WorkerOptions {
            cores: None,
            timeout: self.timeout,
            memory_limit: None,
            folders: Vec::new(),
            stop: self.stop.clone(),
        }
    }

    /// Where it runs.
    pub fn target(&self) -> Target {
        self.settings.target
    }
}
