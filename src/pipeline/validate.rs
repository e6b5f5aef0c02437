//! One model of the desk against absolute limits: measured until every limit is decided, or as often as was asked.

use crate::config::Constraints;
use crate::config::Gate;
use crate::config::MeasureConfig;
use crate::hint::Hint;
use crate::measure;
use crate::measure::bench::BenchError;
use crate::measure::bench::Course;
use crate::measure::error::MeasureError;
use crate::measure::outputs;
use crate::measure::outputs::Anomaly;
use crate::measure::plan::Plan;
use crate::measure::samples::SideMeasurement;
use crate::pipeline::agree;
use crate::pipeline::agree::Engine;
use crate::pipeline::open::Opened;
use crate::runtime::Stop;
use crate::verdict::constraints::Judged;
use crate::verdict::constraints::aims;
use crate::verdict::constraints::judge_constraints;

/// What to measure.
pub struct Request<'a> {
    /// The model.
    pub opened: &'a Opened,
    /// What must hold.
    pub constraints: &'a Constraints,
    /// How often; until every limit is decided or the time is up where nobody says.
    pub course: Option<Course>,
    /// Time and seed.
    pub measure: &'a MeasureConfig,
    /// How it is run.
    pub engine: &'a Engine<'a>,
}

/// What came of it.
#[derive(Debug)]
pub struct Validated {
    /// Every limit.
    pub judged: Vec<Judged>,
    /// What was measured, where something had to be.
    pub measurement: Option<SideMeasurement>,
    /// What is odd about the model's outputs.
    pub anomalies: Vec<Anomaly>,
}

/// Why it could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// The model failed.
    #[error("`{label}` could not be measured")]
    Measure {
        /// The model.
        label: String,
        /// Why.
        source: Box<MeasureError>,
    },
    /// It failed in a fixed number of runs.
    #[error("`{label}` could not be measured")]
    Bench {
        /// The model.
        label: String,
        /// Why.
        source: BenchError,
    },
}

impl Hint for ValidateError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Measure { source, .. } => source.hints(),
            Self::Bench { source, .. } => source.source.hints(),
        }
    }
}

/// A step forward: so many of so many restarts.
pub type Progress<'a> = dyn FnMut(usize, usize) + 'a;

/// Measures what has to be measured, and judges every limit.
pub fn run(request: &Request<'_>, progress: &mut Progress<'_>) -> Result<Validated, ValidateError> {
    let Request { opened, engine, .. } = request;
    let side = agree::side(opened, engine);
    let failed = |source| ValidateError::Measure {
        label: opened.label.clone(),
        source: Box::new(source),
    };
    let anomalies = outputs::check(&side, &opened.model.facts, engine.worker(), &engine.options()).map_err(failed)?;
    let aims = aims(request.constraints);
    let measurement = if aims.is_empty() {
        None
    } else {
        let plan = Plan {
            family: aims.len(),
            aims,
            stop: Stop::clone(&engine.stop),
            ..Plan::new(&Gate::default(), request.measure, 1)
        };
        Some(match &request.course {
            None => measure::alone::measure_alone(&side, engine.worker(), &plan, &mut |event| {
                if let measure::event::Event::Restarted { done, planned, .. } = event {
                    progress(done, planned);
                }
            })
            .map_err(failed)?,
            Some(course) => as_often(request, &side, &plan, course, progress)?,
        })
    };
    let size = opened.model.size().0;
    Ok(Validated {
        judged: judge_constraints(request.constraints, measurement.as_ref(), size),
        measurement,
        anomalies,
    })
}

fn as_often(
    request: &Request<'_>,
    side: &measure::side::Side,
    plan: &Plan,
    course: &Course,
    progress: &mut Progress<'_>,
) -> Result<SideMeasurement, ValidateError> {
    let failed = |source| ValidateError::Bench {
        label: request.opened.label.clone(),
        source,
    };
    let sides = std::slice::from_ref(side);
    let measured = measure::bench::bench(sides, request.engine.worker(), plan, course, &mut |step| {
        progress(step.done, step.planned);
    })
    .map_err(failed)?;
    let mut measurement = measured.into_iter().next().ok_or(ValidateError::Measure {
        label: request.opened.label.clone(),
        source: Box::new(MeasureError::NothingToCompare),
    })?;
    measurement.looks.family = plan.family;
    Ok(measurement)
}
