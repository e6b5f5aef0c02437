//! One model on every processor that this machine's engine has, each measured in turns with the CPU.

use crate::config::Gate;
use crate::config::MeasureConfig;
use crate::config::Target;
use crate::hint::Hint;
use crate::measure::Quantity;
use crate::measure::Side;
use crate::measure::compare::compare_pair;
use crate::measure::event::Event;
use crate::measure::plan::Aim;
use crate::measure::plan::Plan;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Which;
use crate::pipeline::agree::Engine;
use crate::report::compute_units::Change;
use crate::report::compute_units::UnitRow;
use crate::runtime::SessionSettings;
use crate::runtime::Worker;
use crate::runtime::WorkerError;

/// What is outside an interval on each side.
const TAIL: f64 = 0.025;

/// Why units cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum UnitsError {
    /// There is one, or none.
    #[error("there is nothing to compare: of the compute units {asked}, this machine's engine has {here}")]
    Alone {
        /// Which there may be.
        asked: String,
        /// Which there are.
        here: String,
    },
    /// The model cannot be run on the CPU.
    #[error("the model cannot be run on the CPU")]
    Worker(#[source] Box<WorkerError>),
}

impl Hint for UnitsError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Alone { .. } => vec![
                "it applies where ONNX Runtime has more than the CPU: CUDA on machines with an NVIDIA GPU, Core ML on macOS".to_owned(),
                "name a library that has another provider with `--runtime-path`; `mlbuild benchmark` measures the CPU alone".to_owned(),
            ],
            Self::Worker(error) => error.hints(),
        }
    }
}

/// Measures. `side` is the model on the CPU.
pub fn run(
    side: &Side,
    engine: &Engine<'_>,
    measure: &MeasureConfig,
    observer: &mut dyn FnMut(Target, Event),
) -> Result<Vec<UnitRow>, UnitsError> {
    let on = |target| Side {
        settings: SessionSettings {
            target,
            ..side.settings.clone()
        },
        ..side.clone()
    };
    // Where the processor itself fails, the model is at fault.
    load(side, engine).map_err(|error| UnitsError::Worker(Box::new(error)))?;
    let mut rows = vec![UnitRow::of(Target::OnnxRuntimeCpu.name())];
    let mut here = Vec::new();
    for target in Target::of(crate::config::Engine::OnnxRuntime) {
        if target == Target::OnnxRuntimeCpu {
            continue;
        }
        match load(&on(target), engine) {
            Ok(()) => here.push(target),
            Err(WorkerError::Provider { .. }) => {}
            Err(error) => rows.push(UnitRow {
                failure: Some(error.to_string()),
                ..UnitRow::of(target.name())
            }),
        }
    }
    if here.is_empty() && rows.len() == 1 {
        let asked: Vec<&str> = Target::of(crate::config::Engine::OnnxRuntime)
            .iter()
            .map(|target| target.name())
            .collect();
        return Err(UnitsError::Alone {
            asked: asked.join(", "),
            here: format!("{} alone", Target::OnnxRuntimeCpu.name()),
        });
    }
    for target in here {
        let plan = Plan {
            aims: vec![Aim {
                quantity: Quantity::LatencyP50,
                max_regression: Some(0.0),
                budget: None,
                strict: false,
            }],
            family: 1,
            stop: engine.stop.clone(),
            ..Plan::new(&Gate::default(), measure, 1)
        };
        let pair = compare_pair(side, &on(target), engine.worker(), &plan, &mut |event| {
            observer(target, event)
        });
        match pair {
            Ok(pair) => {
                if let Some(cpu) = rows.first_mut() {
                    fill(cpu, &pair, Which::Baseline);
                }
                let mut row = UnitRow::of(target.name());
                fill(&mut row, &pair, Which::Candidate);
                row.change = pair
                    .change(Quantity::LatencyP50)
                    .and_then(|change| change.interval(TAIL))
                    .map(|interval| Change {
                        center_percent: interval.center,
                        lower_percent: interval.lower,
                        upper_percent: interval.upper,
                    });
                rows.push(row);
            }
            Err(error) => rows.push(UnitRow {
                failure: Some(error.to_string()),
                ..UnitRow::of(target.name())
            }),
        }
    }
    Ok(rows)
}

fn fill(row: &mut UnitRow, pair: &PairMeasurement, which: Which) {
    row.p50_ms = pair.shown(which, Quantity::LatencyP50);
    row.p95_ms = pair.shown(which, Quantity::LatencyP95);
    row.peak_bytes = pair.shown(which, Quantity::PeakMemory);
}

fn load(side: &Side, engine: &Engine<'_>) -> Result<(), WorkerError> {
    let mut worker = Worker::spawn(engine.worker(), &engine.options())?;
    worker.load(&side.artifact, &side.settings, &side.inputs).map(|_| ())
}
