//! What the samples of a measurement come to, as the registry keeps it for lists.

use serde_json::Value;

use crate::measure::SideMeasurement;
use crate::measure::estimate;
use crate::measure::quantity::Quantity;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Which;
use crate::pipeline::recall;
use crate::registry::Figures;
use crate::registry::Measurement;
use crate::registry::Registry;
use crate::registry::RegistryError;

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

/// Gives measurements that were kept without figures what their samples come to, where this version can read them. Returns to how many.
pub fn fill(registry: &mut Registry) -> Result<usize, RegistryError> {
    let mut filled = 0;
    for (number, measurement, figures) in fillable(registry)? {
        registry.set_figures(number, &measurement, &figures)?;
        filled += 1;
    }
    Ok(filled)
}

/// How many [`fill`] would give figures to.
pub fn lacking(registry: &Registry) -> Result<usize, RegistryError> {
    Ok(fillable(registry)?.len())
}

fn fillable(registry: &Registry) -> Result<Vec<(i64, Measurement, Figures)>, RegistryError> {
    let mut found = Vec::new();
    for number in registry.unfigured()? {
        // One that cannot be read stays as it is, and the others get theirs.
        if let Ok(Some(mut measurement)) = registry.measurement(number)
            && let Some(figures) = of_stored(&measurement.samples)
        {
            // Raw samples of many measurements are large, and nobody asks for them again.
            measurement.samples = Value::Null;
            found.push((number, measurement, figures));
        }
    }
    Ok(found)
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
