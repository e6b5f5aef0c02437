//! What the samples of a measurement come to, as the registry keeps it for lists.

use serde_json::Value;

use crate::measure::SideMeasurement;
use crate::measure::estimate;
use crate::measure::quantity::Quantity;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Which;
use crate::pipeline::recall;
use crate::registry::Figures;

/// Of a comparison: its candidate's.
pub fn of_candidate(pair: &PairMeasurement) -> Figures {
    let shown = |quantity| pair.shown(Which::Candidate, quantity);
    of(estimate::latencies(&pair.restarts, Which::Candidate).len(), &shown)
}

/// Of a model measured alone.
pub fn of_side(alone: &SideMeasurement) -> Figures {
    of(estimate::latencies_alone(&alone.restarts).len(), &|quantity| {
        alone.shown(quantity)
    })
}

/// Of samples as the registry has them, whichever stage kept them; `None` where this version cannot read them.
pub fn of_stored(samples: &Value) -> Option<Figures> {
    if let Some(alone) = recall::stored_measurement(samples) {
        return Some(of_side(&alone));
    }
    if let Ok(pair) = serde_json::from_value::<PairMeasurement>(samples.clone()) {
        return Some(of_candidate(&pair));
    }
    let alone = serde_json::from_value::<SideMeasurement>(samples.clone()).ok()?;
    Some(of_side(&alone))
}

fn of(inferences: usize, shown: &dyn Fn(Quantity) -> Option<f64>) -> Figures {
    Figures {
        inferences: inferences as u64,
        p50_ms: shown(Quantity::LatencyP50),
        p95_ms: shown(Quantity::LatencyP95),
        p99_ms: shown(Quantity::LatencyP99),
        mean_ms: shown(Quantity::LatencyMean),
        std_ms: shown(Quantity::LatencyStd),
        throughput: shown(Quantity::Throughput),
        load_ms: shown(Quantity::Load),
        peak_bytes: shown(Quantity::PeakMemory)
            .filter(|bytes| bytes.is_finite())
            .map(|bytes| bytes.max(0.0) as u64),
        origin: None,
    }
}
