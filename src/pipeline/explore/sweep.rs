//! What all steps of a sweep share: the model with its inputs and samples, the engine, calibration data, and rows of earlier sweeps.

use std::cell::Cell;
use std::path::Path;

use crate::config::ModelConfig;
use crate::config::Target;
use crate::digest::Digest;
use crate::measure::Side;
use crate::pipeline::agree;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Fed;
use crate::pipeline::agree::Feed;
use crate::pipeline::benchmark::Surroundings;
use crate::pipeline::calibration::CalibrationData;
use crate::pipeline::explore::ExploreError;
use crate::pipeline::explore::Request;
use crate::pipeline::explore::cache;
use crate::pipeline::explore::cache::Cache;
use crate::pipeline::explore::cache::Common;
use crate::pipeline::open;
use crate::pipeline::open::OpenError;
use crate::pipeline::placement;
use crate::pipeline::recall;
use crate::runtime::LiteRtSettings;
use crate::runtime::SessionSettings;
use crate::variant::AS_IS;

/// So many inputs are made up for calibration where there is no data: more of them say nothing more about real ones.
const MADE_UP: usize = 32;

/// What all steps of a sweep share.
pub(super) struct Sweep<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) source: Fed,
    pub(super) engine: Engine<'a>,
    /// What the model itself is called: `fp32`, or the recipe of the build that it is.
    pub(super) baseline_name: String,
    /// What passes are calibrated on; `None` where nothing can be made up, and then each says so.
    pub(super) calibration: Option<CalibrationData>,
    /// Its build.
    pub(super) baseline_id: Option<Digest>,
    /// The model's name in the registry.
    pub(super) registered: String,
    /// Measured once, by the first pair.
    pub(super) empty_session_bytes: Cell<Option<u64>>,
}

impl Sweep<'_> {
    /// The model itself, as everything is measured beside it.
    pub(super) fn side(&self) -> Side {
        agree::side(&self.source.opened, &self.engine)
    }

    /// Where everything runs.
    pub(super) fn target(&self) -> Target {
        self.engine.target()
    }
}

/// Finds the model and what it is fed.
pub(super) fn open<'a>(request: &'a Request<'a>, around: &'a Surroundings<'a>) -> Result<Sweep<'a>, ExploreError> {
    let found = open::find(request.reference, around.workspace, around.working_folder)?
        .entered(request.signature.as_deref())
        .map_err(OpenError::from)?;
    let (baseline_name, registered) = match &found.build {
        Some(build) => (build.facts.recipe.clone(), build.facts.model.clone()),
        None => (AS_IS.to_owned(), ModelConfig::of(&found.model.path).name),
    };
    let target = placement::target_for(found.model.format, request.target)?;
    let feed = Feed {
        dataset: request.dataset.clone(),
        shapes: request.shapes.clone(),
        task: request.task,
        samples: request.measure.samples as usize,
        seed: request.measure.samples_seed.unwrap_or(request.measure.seed),
    };
    let mut source = agree::feed(found, &feed, around.workspace)?;
    let calibration = calibration(request, &source)?;
    if let Some(data) = calibration
        .as_ref()
        .filter(|data| data.is_real && request.dataset.is_none())
    {
        source.samples = data.samples.clone();
        source.is_real = true;
        source.opened.made.inputs = source.samples.sample(0)?;
        // What is said of made-up inputs is not said of these.
        source.opened.notices.clear();
    }
    let engine = Engine {
        machinery: around.machinery,
        settings: SessionSettings {
            library: around.machinery.library_of(target.engine()).path.clone(),
            target,
            threads: request.measure.threads,
            graph_optimization: request.runtime.graph_optimization,
            execution_mode: request.runtime.execution_mode,
            arena: true,
            litert: LiteRtSettings {
                signature: request.signature.clone(),
                ..LiteRtSettings::of(&request.runtime)
            },
        },
        timeout: request.measure.worker_timeout.0,
        stop: around.interrupt.stop(),
    };
    let opened = &source.opened;
    let baseline_id = recall::build_id(opened.build.as_deref(), &opened.model, request.measure.seed);
    Ok(Sweep {
        request,
        around,
        source,
        engine,
        baseline_name,
        calibration,
        baseline_id,
        registered,
        empty_session_bytes: Cell::new(None),
    })
}

/// The data that was given, or made-up inputs.
fn calibration(request: &Request<'_>, source: &Fed) -> Result<Option<CalibrationData>, ExploreError> {
    let model = &source.opened.model;
    let Some(settings) = &request.calibration else {
        let seed = request.measure.seed;
        return Ok(CalibrationData::made_up(model, request.task, &request.shapes, seed, MADE_UP).ok());
    };
    let shapes = source.opened.made.specs.iter();
    let shapes = shapes.map(|spec| (spec.name.clone(), spec.shape.clone())).collect();
    let data = CalibrationData::open(settings, Path::new(""), model, &shapes)?;
    Ok(Some(data))
}

/// The rows of earlier sweeps with the same settings.
pub(super) fn open_cache<'a>(sweep: &Sweep<'a>) -> Result<Cache<'a>, ExploreError> {
    let opened = &sweep.source.opened;
    let samples = cache::of_samples(&sweep.source.samples)?;
    Ok(Cache::open(
        sweep.around.workspace,
        sweep.around.machine,
        sweep.request.budget.0.as_secs_f64(),
        sweep.request.fresh,
        &Common {
            source: &opened.model.digest,
            runtime_version: sweep
                .around
                .machinery
                .library_of(sweep.target().engine())
                .version
                .as_deref(),
            settings: &sweep.engine.settings,
            inputs: &opened.made.inputs,
            samples: &samples,
            calibration: sweep.calibration.as_ref().map(|data| &data.digest),
            seed: sweep.request.measure.seed,
        },
    ))
}
