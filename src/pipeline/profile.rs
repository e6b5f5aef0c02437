//! A deep profile of one model of the desk, and what a second build of it computes less exactly.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::config::ExecutionMode;
use crate::config::GraphOptimization;
use crate::config::Target;
use crate::config::Task;
use crate::hint::Hint;
use crate::measure::MeasureError;
use crate::measure::Side;
use crate::measure::profile;
use crate::measure::profile::Options;
use crate::measure::profile::Profile;
use crate::measure::profile::Step;
use crate::measure::sensitivity;
use crate::measure::sensitivity::Build;
use crate::measure::sensitivity::Sensitivity;
use crate::measure::sensitivity::SensitivityError;
use crate::model::Samples;
use crate::pipeline::gate::Machinery;
use crate::pipeline::open;
use crate::pipeline::open::OpenError;
use crate::pipeline::open::Opened;
use crate::pipeline::workspace::Workspace;
use crate::runtime::LiteRtSettings;
use crate::runtime::SessionSettings;
use crate::runtime::WorkerOptions;

/// Inputs that two builds are compared on.
const SAMPLES: usize = 8;

/// What to profile, and how.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// A path, a tag, or the beginning of a build's id.
    pub reference: &'a str,
    /// A second build of the same model, to compare layers with.
    pub other: Option<&'a str>,
    /// Shapes of inputs, by name.
    pub shapes: BTreeMap<String, Vec<u64>>,
    /// What kind of data it takes.
    pub task: Task,
    /// Seeds the inputs.
    pub seed: u64,
    /// The length of sequences, where the model has any.
    pub sequence: Option<u64>,
    /// The number of samples in one inference.
    pub batch: Option<u64>,
    /// Threads inside an operator.
    pub threads: usize,
    /// What only LiteRT heeds.
    pub litert: LiteRtSettings,
    /// How to profile.
    pub options: Options,
}

/// A profile and what it is of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profiled {
    /// For people: a path, or model, recipe and short id of a build.
    pub label: String,
    /// The build's id, where it is one.
    pub build: Option<String>,
    /// What it was fed: names and shapes.
    pub inputs: Vec<(String, Vec<u64>)>,
    /// The profile.
    pub profile: Profile,
    /// How far each layer of the second build is off, and what that build is called.
    pub sensitivity: Option<(Sensitivity, String)>,
    /// What the reader should know.
    pub notices: Vec<String>,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The model cannot be opened or fed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be profiled.
    #[error("`{label}` cannot be profiled: {}", source.explanation())]
    Measure {
        /// The model.
        label: String,
        /// Why.
        source: Box<MeasureError>,
    },
    /// The second build cannot be compared.
    #[error(transparent)]
    Sensitivity(#[from] SensitivityError),
}

impl Hint for ProfileError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Open(error) => error.hints(),
            Self::Measure { source, .. } => source.hints(),
            Self::Sensitivity(error) => error.hints(),
        }
    }
}

/// Profiles the model that the request names; a second build is opened the same way, and never profiled.
pub fn run(
    request: &Request<'_>,
    workspace: &Workspace,
    working_folder: &Path,
    machinery: &Machinery,
    observer: &mut dyn FnMut(Step),
) -> Result<Profiled, ProfileError> {
    let open = |reference| {
        let request = open::Request {
            reference,
            signature: request.litert.signature.as_deref(),
            shapes: request.shapes.clone(),
            task: request.task,
            seed: request.seed,
            sequence: request.sequence,
            batch: request.batch,
        };
        open::open(&request, workspace, working_folder)
    };
    let opened = open(request.reference)?;
    // Opened before anything is measured: a name that does not exist is told at once.
    let other = request.other.map(open).transpose()?;
    if let Some(other) = &other {
        sensitivity::check(&opened.model, &other.model)?;
    }
    let settings = SessionSettings {
        library: machinery.library.path.clone(),
        target: Target::OnnxRuntimeCpu,
        threads: request.threads,
        graph_optimization: GraphOptimization::All,
        execution_mode: ExecutionMode::Sequential,
        arena: true,
        litert: request.litert.clone(),
    };
    let side = side(&opened, &settings, machinery);
    let profile =
        profile::profile(&side, &opened.model, &machinery.worker, &request.options, observer).map_err(|source| {
            ProfileError::Measure {
                label: opened.label.clone(),
                source: Box::new(source),
            }
        })?;
    let sensitivity = match &other {
        Some(other) => {
            let options = WorkerOptions {
                timeout: request.options.worker_timeout,
                memory_limit: request.options.memory_limit,
                stop: request.options.stop.clone(),
                ..WorkerOptions::default()
            };
            let second = self::side(other, &settings, machinery);
            let measured = sensitivity::measure(
                Build {
                    side: &side,
                    model: &opened.model,
                },
                Build {
                    side: &second,
                    model: &other.model,
                },
                &Samples::drawn(opened.made.recipe.for_outputs(), request.seed, SAMPLES),
                &machinery.worker,
                &options,
            )?;
            Some((measured, other.label.clone()))
        }
        None => None,
    };
    Ok(Profiled {
        inputs: side
            .inputs
            .iter()
            .map(|input| (input.name.clone(), input.shape.clone()))
            .collect(),
        label: opened.label,
        build: opened.build,
        notices: opened.notices,
        profile,
        sensitivity,
    })
}

fn side(opened: &Opened, settings: &SessionSettings, machinery: &Machinery) -> Side {
    Side {
        artifact: opened.artifact.clone(),
        settings: machinery.settings_for(opened.model.format, opened.model.signature.as_deref(), settings),
        inputs: opened.made.inputs.clone(),
    }
}
