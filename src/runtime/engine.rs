//! The engines side by side: what a worker asks of a library and of a session, whichever it is.

use std::time::Duration;

use crate::config;
use crate::model::tensor::Tensor;

use super::litert;
use super::observing::Observer;
use super::onnxruntime;
use super::profiling::Profiled;
use super::protocol::Failure;
use super::settings::Artifact;
use super::settings::Loaded;
use super::settings::SessionSettings;
use super::stolen::Stopwatch;
use super::stolen::Timed;

/// An engine's library, loaded once a process.
pub(super) enum Engine {
    OnnxRuntime(onnxruntime::Engine),
    LiteRt(litert::Engine),
}

/// A session with the inputs that it is measured on.
pub(super) enum Session {
    OnnxRuntime(Box<onnxruntime::Session>),
    LiteRt(Box<litert::Session>),
}

impl Engine {
    /// Loads the library that `settings` name.
    pub(super) fn open(settings: &SessionSettings) -> Result<Self, Failure> {
        let library = settings.library.as_path();
        Ok(match settings.target.engine() {
            config::Engine::OnnxRuntime => Self::OnnxRuntime(onnxruntime::Engine::open(library)?),
            config::Engine::LiteRt => Self::LiteRt(litert::Engine::open(library)?),
        })
    }

    /// Which it is.
    pub(super) fn name(&self) -> config::Engine {
        match self {
            Self::OnnxRuntime(_) => config::Engine::OnnxRuntime,
            Self::LiteRt(_) => config::Engine::LiteRt,
        }
    }

    /// Builds a session, makes the engine's values of `inputs`, and runs it once, both under `watch`.
    pub(super) fn load(
        &self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        watch: &mut Stopwatch,
    ) -> Result<(Session, Loaded), Failure> {
        Ok(match self {
            Self::OnnxRuntime(engine) => {
                let (session, loaded) = engine.load(artifact, settings, inputs, watch)?;
                (Session::OnnxRuntime(Box::new(session)), loaded)
            }
            Self::LiteRt(engine) => {
                let (session, loaded) = engine.load(artifact, settings, inputs, watch)?;
                (Session::LiteRt(Box::new(session)), loaded)
            }
        })
    }

    /// A profiled session, then a plain one: each runs once, `warmup` times, and `runs` times.
    pub(super) fn profile(
        &self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        warmup: u32,
        runs: u32,
    ) -> Result<Profiled, Failure> {
        match self {
            Self::OnnxRuntime(engine) => engine.profile(artifact, settings, inputs, warmup, runs),
            Self::LiteRt(engine) => engine.profile(artifact, settings, inputs, warmup, runs),
        }
    }
}

impl Session {
    /// Runs on the loaded inputs under `watch`.
    pub(super) fn time(&mut self, watch: &mut Stopwatch) -> Result<Timed, Failure> {
        match self {
            Self::OnnxRuntime(session) => session.time(watch),
            Self::LiteRt(session) => session.time(watch),
        }
    }

    /// Runs on other inputs and returns every output, in the model's order. Outputs that are no tensors come back without data.
    pub(super) fn infer(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
        match self {
            Self::OnnxRuntime(session) => session.infer(inputs),
            Self::LiteRt(session) => session.infer(inputs),
        }
    }

    /// Runs on other inputs and shows `observer` every output where it lies; the time that the engine took of that.
    pub(super) fn observe(&mut self, inputs: &[Tensor], observer: &mut Observer) -> Result<Duration, Failure> {
        match self {
            Self::OnnxRuntime(session) => session.observe(inputs, observer),
            Self::LiteRt(session) => session.observe(inputs, observer),
        }
    }
}
