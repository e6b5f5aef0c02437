//! What was measured of one build, whoever measured it: benchmarks, runs of the gate, sweeps, other tools.

use super::swept;
use crate::measure::estimate;
use crate::measure::quantity::Quantity;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::Which;
use crate::pipeline::explore::kept::Kept;
use crate::pipeline::machine_list::Machines;
use crate::pipeline::recall;
use crate::registry::Build;
use crate::registry::FiguredOn;
use crate::registry::Measurement;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::report::benchmark::Histogram;
use crate::report::build_report::Distribution;
use crate::report::build_report::Figure;
use crate::report::build_report::Measured;
use crate::stats::interval::Interval;
use crate::stats::sequential::TAIL;
use crate::stats::summary::Summary;

/// More than so many are neither drawn nor listed: the newest are.
const LISTED: usize = 60;

/// Bars of a histogram, at least and at most; in between, one for each √n samples.
const BARS: (usize, usize) = (14, 44);

/// How a sweep measures.
pub(super) const IN_PAIRS: &str = "in pairs with its source, turn by turn";

/// The other side of it.
const AS_SOURCE: &str = "in pairs with its variants, turn by turn";

/// Everything of one build.
pub(super) struct Own {
    pub(super) measured: Vec<Measured>,
    pub(super) left_out: usize,
    pub(super) distribution: Option<Distribution>,
    pub(super) warnings: Vec<String>,
}

/// One measurement with its raw samples, milliseconds; empty where only figures are kept.
pub(super) struct Raw {
    pub(super) measured: Measured,
    latencies: Vec<f64>,
}

/// Everything of `build`, the oldest first.
pub(super) fn of(
    build: &Build,
    registry: &Registry,
    kept: &[Kept],
    machines: &mut Machines,
) -> Result<Own, RegistryError> {
    let (mut raw, unread) = read(build, registry, kept, machines)?;
    let left_out = raw.len().saturating_sub(LISTED);
    raw.drain(..left_out);
    let newest = raw.iter().rposition(|raw| !raw.latencies.is_empty());
    let distribution = newest.and_then(|place| distribution(place, &raw.get(place)?.latencies));
    let warnings = match unread {
        0 => Vec::new(),
        1 => vec![
            "1 measurement was written in a form that this version of mlbuild does not read; it is left out".to_owned(),
        ],
        _ => vec![format!(
            "{unread} measurements were written in a form that this version of mlbuild does not read; they are left out"
        )],
    };
    Ok(Own {
        measured: raw.into_iter().map(|raw| raw.measured).collect(),
        left_out,
        distribution,
        warnings,
    })
}

/// The measurements of `build`, the oldest first, and how many could not be read.
pub(super) fn read(
    build: &Build,
    registry: &Registry,
    kept: &[Kept],
    machines: &mut Machines,
) -> Result<(Vec<Raw>, usize), RegistryError> {
    let id = &build.facts.id;
    let mut found = Vec::new();
    let mut unread = 0;
    let mut figured = registry.figures_on_machines(id)?;
    for measurement in registry.measurements(id)? {
        let place = figured.iter().rposition(|row| {
            row.figured.created_at == measurement.created_at
                && row.figured.target == measurement.target
                && row.figured.sequence == measurement.sequence
        });
        let row = place.map(|place| figured.remove(place));
        match of_samples(&measurement, machines).or_else(|| row.map(|row| of_figures(&row, machines))) {
            Some(raw) => found.push(raw),
            None => unread += 1,
        }
    }
    for kept in swept(kept, id) {
        if let Some(pair) = &kept.pair {
            let machine = machines.place(&kept.machine);
            found.push(of_pair(
                pair,
                Which::Candidate,
                (&build.facts.created_at, machine, &super::kept_target(), None),
                IN_PAIRS,
            ));
        }
    }
    if kept.iter().any(|kept| kept.pair.is_some()) {
        let lineage = registry.descendants(&build.root)?;
        for child in lineage.iter().filter(|child| child.facts.parent.as_ref() == Some(id)) {
            for kept in swept(kept, &child.facts.id) {
                if let Some(pair) = &kept.pair {
                    let machine = machines.place(&kept.machine);
                    found.push(of_pair(
                        pair,
                        Which::Baseline,
                        (&child.facts.created_at, machine, &super::kept_target(), None),
                        AS_SOURCE,
                    ));
                }
            }
        }
    }
    // Stable: those of one moment stay in the order in which they were kept.
    found.sort_by(|one, other| one.measured.created_at.cmp(&other.measured.created_at));
    Ok((found, unread))
}

fn of_samples(measurement: &Measurement, machines: &mut Machines) -> Option<Raw> {
    let samples = &measurement.samples;
    let head = |machines: &mut Machines| machines.place(&measurement.machine);
    if let Some((alone, how)) = recall::stored_benchmark(samples) {
        let machine = head(machines);
        return Some(of_side(&alone, measurement, machine, format!("alone, {how}")));
    }
    if let Ok(pair) = serde_json::from_value::<PairMeasurement>(samples.clone()) {
        let machine = head(machines);
        return Some(of_pair(
            &pair,
            Which::Candidate,
            (
                &measurement.created_at,
                machine,
                &measurement.target,
                measurement.sequence,
            ),
            "by the gate, beside its baseline",
        ));
    }
    let alone = serde_json::from_value::<SideMeasurement>(samples.clone()).ok()?;
    let machine = head(machines);
    Some(of_side(&alone, measurement, machine, "by the gate, alone".to_owned()))
}

fn of_side(alone: &SideMeasurement, measurement: &Measurement, machine: usize, how: String) -> Raw {
    let interval = |quantity| alone.absolute(quantity).and_then(|evidence| evidence.interval(TAIL));
    let latencies = estimate::latencies_alone(&alone.restarts);
    Raw {
        measured: Measured {
            created_at: measurement.created_at.clone(),
            machine,
            target: measurement.target.clone(),
            sequence: measurement.sequence,
            runtime_version: alone.runtime_version.clone(),
            how,
            origin: None,
            inferences: latencies.len() as u64,
            processes: Some(alone.restarts.len()),
            p50_ms: figure(alone.shown(Quantity::LatencyP50), interval(Quantity::LatencyP50)),
            p95_ms: finite(alone.shown(Quantity::LatencyP95)),
            p99_ms: finite(alone.shown(Quantity::LatencyP99)),
            throughput: finite(alone.shown(Quantity::Throughput)),
            load_ms: finite(alone.shown(Quantity::Load)),
            peak_bytes: bytes(alone.shown(Quantity::PeakMemory)),
            load_average: alone.load_average,
            cores: alone.cores.clone(),
        },
        latencies,
    }
}

/// One side of a pair; when, on which machine, on which target, with which length.
pub(super) fn of_pair(
    pair: &PairMeasurement,
    which: Which,
    (created_at, machine, target, sequence): (&str, usize, &str, Option<u64>),
    how: &str,
) -> Raw {
    let shown = |quantity| finite(pair.shown(which, quantity));
    let interval = pair
        .absolute(which, Quantity::LatencyP50)
        .and_then(|evidence| evidence.interval(TAIL));
    let latencies = estimate::latencies(&pair.restarts, which);
    Raw {
        measured: Measured {
            created_at: created_at.to_owned(),
            machine,
            target: target.to_owned(),
            sequence,
            runtime_version: pair.runtime_version.clone(),
            how: how.to_owned(),
            origin: None,
            inferences: latencies.len() as u64,
            processes: Some(pair.restarts.len()),
            p50_ms: figure(shown(Quantity::LatencyP50), interval),
            p95_ms: shown(Quantity::LatencyP95),
            p99_ms: shown(Quantity::LatencyP99),
            throughput: shown(Quantity::Throughput),
            load_ms: shown(Quantity::Load),
            peak_bytes: bytes(shown(Quantity::PeakMemory)),
            load_average: pair.load_average,
            cores: pair.cores.clone(),
        },
        latencies,
    }
}

/// What another tool left, or another version: figures without samples.
fn of_figures(row: &FiguredOn, machines: &mut Machines) -> Raw {
    let figures = &row.figured.figures;
    Raw {
        measured: Measured {
            created_at: row.figured.created_at.clone(),
            machine: machines.place(&row.machine),
            target: row.figured.target.clone(),
            sequence: row.figured.sequence,
            runtime_version: row.runtime_version.clone(),
            how: "figures only, no samples".to_owned(),
            origin: figures.origin.clone(),
            inferences: figures.inferences,
            processes: None,
            p50_ms: figure(figures.p50_ms, None),
            p95_ms: finite(figures.p95_ms),
            p99_ms: finite(figures.p99_ms),
            throughput: finite(figures.throughput),
            load_ms: finite(figures.load_ms),
            peak_bytes: figures.peak_bytes,
            load_average: None,
            cores: None,
        },
        latencies: Vec::new(),
    }
}

fn figure(shown: Option<f64>, interval: Option<Interval>) -> Option<Figure> {
    let ends = interval.filter(|interval| interval.lower.is_finite() && interval.upper.is_finite());
    let value = finite(ends.map(|interval| interval.center).or(shown))?;
    Some(Figure {
        value,
        lower: ends.map(|interval| interval.lower),
        upper: ends.map(|interval| interval.upper),
    })
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn bytes(value: Option<f64>) -> Option<u64> {
    finite(value).map(|bytes| bytes.max(0.0) as u64)
}

fn distribution(measurement: usize, latencies: &[f64]) -> Option<Distribution> {
    let summary = Summary::of(latencies)?;
    let bars = ((latencies.len() as f64).sqrt() as usize).clamp(BARS.0, BARS.1);
    Some(Distribution {
        measurement,
        histogram: Histogram::with_bins(latencies, bars)?,
        percentiles_ms: vec![
            ("p50".to_owned(), summary.p50),
            ("p95".to_owned(), summary.p95),
            ("p99".to_owned(), summary.p99),
        ],
        min_ms: summary.min,
        max_ms: summary.max,
    })
}
