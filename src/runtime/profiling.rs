//! Sessions that leave something behind: the optimized graph of one, the events of another. Both write into the worker's own
//! folder, which goes with it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::model::tensor::Tensor;

use super::engine_failure::loading;
use super::engine_failure::plain;
use super::onnxruntime::Engine;
use super::onnxruntime::Session;
use super::protocol::Failure;
use super::protocol::FailureKind;
use super::settings::Artifact;
use super::settings::SessionSettings;
use super::stolen::Stopwatch;
use super::stolen::Timed;

/// No file that a session writes may become longer, in bytes: all weights of the largest models.
pub(super) const MAX_FILE: u64 = 64 << 30;

/// More than a million events of the engine's, which writes no more.
const MAX_EVENTS: u64 = 2 << 30;

/// An optimized graph without its weights.
const MAX_GRAPH: u64 = 1 << 30;

/// Weights of this many bytes and more go into a file beside the graph, which nobody reads.
const OUTSIDE_FROM: &str = "1024";

const GRAPH: &str = "optimized.onnx";
const WEIGHTS: &str = "optimized.weights";
const EVENTS: &str = "events";

/// What both sessions left.
pub(super) struct Profiled {
    pub(super) runtime_version: String,
    /// The plain session's inferences.
    pub(super) plain: Vec<Timed>,
    /// The events of the profiled session, JSON.
    pub(super) events: Vec<u8>,
    /// The graph of the plain session, or why there is none.
    pub(super) optimized: Result<Vec<u8>, String>,
}

impl Engine {
    /// A profiled session, then a plain one: each runs once, `warmup` times, and `runs` times.
    pub(super) fn profile(
        &self,
        artifact: &Artifact,
        settings: &SessionSettings,
        inputs: &[Tensor],
        warmup: u32,
        runs: u32,
    ) -> Result<Profiled, Failure> {
        let watch = &mut Stopwatch::new(settings.threads <= 1);
        // First, so that its events tell what building a session takes in a fresh process.
        let (mut session, _) = self.load_with(artifact, settings, inputs, watch, |builder| {
            builder.with_profiling(EVENTS).map_err(|error| loading(&error))
        })?;
        time(&mut session, warmup, runs, watch)?;
        let events = session.end_profiling().and_then(|file| read(&file, MAX_EVENTS))?;
        drop(session);

        let saving = self.load_with(artifact, settings, inputs, watch, |builder| {
            let mut builder = builder
                .with_optimized_model_path(GRAPH)
                .map_err(|error| loading(&error))?;
            for (key, value) in [
                ("session.optimized_model_external_initializers_file_name", WEIGHTS),
                (
                    "session.optimized_model_external_initializers_min_size_in_bytes",
                    OUTSIDE_FROM,
                ),
            ] {
                builder = builder.with_config_entry(key, value).map_err(|error| loading(&error))?;
            }
            Ok(builder)
        });
        // Saving is not what users do, so that its failure is no failure of the model.
        let ((mut session, loaded), optimized) = match saving {
            Ok(opened) => (opened, read(GRAPH, MAX_GRAPH).map_err(|failure| failure.message)),
            Err(failure) => (self.load(artifact, settings, inputs, watch)?, Err(failure.message)),
        };
        let _ = std::fs::remove_file(WEIGHTS);
        let plain = time(&mut session, warmup, runs, watch)?;
        Ok(Profiled {
            runtime_version: loaded.runtime_version,
            plain,
            events,
            optimized,
        })
    }
}

fn time(session: &mut Session, warmup: u32, runs: u32, watch: &mut Stopwatch) -> Result<Vec<Timed>, Failure> {
    for _ in 0..warmup {
        session.time(watch)?;
    }
    (0..runs).map(|_| session.time(watch)).collect()
}

/// A file that the engine wrote into this folder, if it is no longer than `limit`.
fn read(name: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    let failed = |detail: &str| Failure {
        kind: FailureKind::Engine,
        message: plain(&format!("the engine's file `{name}` cannot be read: {detail}")),
    };
    let is_here = Path::new(name).components().count() == 1;
    let file = Some(name).filter(|_| is_here).map(File::open);
    let file = file.ok_or_else(|| failed("it lies elsewhere"))?;
    let mut bytes = Vec::new();
    let length = file
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|error| failed(&error.to_string()))?;
    if length as u64 > limit {
        return Err(failed("it is too long"));
    }
    Ok(bytes)
}
