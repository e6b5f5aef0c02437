//! What a quantized build gains and costs beside the model that it was made from: size, latency and memory in pairs, outputs, and the
//! layers that it computes least exactly; and which of the two to serve.

use crate::hint::Hint;
use crate::measure;
use crate::measure::MeasureError;
use crate::measure::PairMeasurement;
use crate::measure::event::Event;
use crate::measure::plan::Aim;
use crate::measure::plan::Plan;
use crate::measure::quantity::Quantity;
use crate::measure::sensitivity;
use crate::measure::sensitivity::Sensitivity;
use crate::model::Samples;
use crate::pipeline::agree;
use crate::pipeline::agree::AgreeError;
use crate::pipeline::agree::Agreed;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Pair;
use crate::pipeline::trouble::chain;

/// So many samples are looked at between the layers.
const LAYER_SAMPLES: usize = 8;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Outputs are compared.
    Outputs,
    /// Layers are compared.
    Layers,
    /// Both are timed: so many of so many restarts.
    Timing {
        /// Restarts done.
        done: usize,
        /// Restarts planned.
        of: usize,
    },
}

/// What came of it.
#[derive(Debug)]
pub struct Compared {
    /// How well the outputs agree.
    pub agreed: Agreed,
    /// Layers, worst first; or why they could not be compared.
    pub layers: Result<Sensitivity, String>,
    /// Latency and memory.
    pub measured: PairMeasurement,
}

/// Why the two could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The outputs.
    #[error(transparent)]
    Outputs(#[from] AgreeError),
    /// Latency and memory.
    #[error(transparent)]
    Measure(#[from] MeasureError),
}

impl Hint for CompareError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Outputs(error) => error.hints(),
            Self::Measure(error) => error.hints(),
        }
    }
}

/// Compares both in every respect. All of `plan`'s time is used for latency.
pub fn run(
    pair: &Pair,
    engine: &Engine<'_>,
    plan: Plan,
    progress: &mut dyn FnMut(Stage),
) -> Result<Compared, CompareError> {
    progress(Stage::Outputs);
    let agreed = agree::run(pair, engine)?;
    progress(Stage::Layers);
    let (one, other) = (
        agree::side(&pair.baseline, engine),
        agree::side(&pair.candidate.opened, engine),
    );
    let mut samples = Vec::new();
    for index in 0..pair.candidate.samples.len().min(LAYER_SAMPLES) {
        samples.push(pair.candidate.samples.sample(index).map_err(AgreeError::from)?);
    }
    let layers = sensitivity::measure(
        sensitivity::Build {
            side: &one,
            model: &pair.baseline.model,
        },
        sensitivity::Build {
            side: &other,
            model: &pair.candidate.opened.model,
        },
        &Samples::from(samples),
        engine.worker(),
        &engine.options(),
    )
    .map_err(|error| chain(&error));
    let plan = Plan {
        // No figure is above or below this one, so that all of the time is used.
        aims: vec![Aim {
            quantity: Quantity::LatencyP50,
            max_regression: None,
            budget: Some(f64::NAN),
            strict: false,
        }],
        stop: engine.stop.clone(),
        ..plan
    };
    let measured = measure::compare::compare_pair(&one, &other, engine.worker(), &plan, &mut |event| match event {
        Event::Planned { restarts, .. } => progress(Stage::Timing { done: 0, of: restarts }),
        Event::Restarted { done, planned, .. } => progress(Stage::Timing { done, of: planned }),
        Event::Finished { .. } => {}
    })?;
    Ok(Compared {
        agreed,
        layers,
        measured,
    })
}
