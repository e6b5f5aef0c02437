//! From measured and judged jobs to the report: every figure that a renderer may need, and no figure of its own.

use crate::config::Config;
use crate::config::Engine;
use crate::config::Gate;
use crate::config::ModelLines;
use crate::machine::fingerprint::Fingerprint;
use crate::machine::sandbox::Layers;
use crate::measure::disturbance;
use crate::measure::estimate;
use crate::measure::noise_floor::NoiseFloor;
use crate::measure::outputs::Anomaly;
use crate::measure::quantity::Quantity;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Process;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::Which;
use crate::measure::warmup;
use crate::pipeline::found::Found;
use crate::pipeline::found::FoundSide;
use crate::pipeline::gate::Done;
use crate::pipeline::plan::BaselineOrigin;
use crate::report::Context;
use crate::report::Detail;
use crate::report::Environment;
use crate::report::LatencyRow;
use crate::report::LatencyTable;
use crate::report::Report;
use crate::report::ReportError;
use crate::report::SideFacts;
use crate::report::Thresholds;
use crate::report::gains_over_fp32;
use crate::stats::summary;
use crate::verdict;
use crate::verdict::Comparison;

/// What the report says beside its comparisons.
pub struct Frame<'a> {
    /// How it was measured.
    pub config: &'a Config,
    /// The limits that were used.
    pub gate: &'a Gate,
    /// What was compared with what.
    pub context: Context,
    /// The candidate's commit.
    pub head_commit: Option<String>,
    /// When, ISO 8601.
    pub now: String,
    /// What executed most of it.
    pub engine: Engine,
    /// The engine's version.
    pub runtime_version: String,
    /// The machine.
    pub machine: &'a Fingerprint,
    /// The lines of each model in the config.
    pub lines: &'a [ModelLines],
    /// Settings of the gate that the pull request changes.
    pub config_changes: Vec<String>,
    /// What a new tool or runtime changed.
    pub drift: Vec<String>,
    /// What the reader should know about this run.
    pub notices: Vec<String>,
    /// On how many machines the baseline and those before it were measured, where there are several.
    pub history: Option<String>,
}

/// A comparison, judged.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// What was found.
    pub found: &'a Found,
    /// What it means.
    pub comparison: &'a Comparison,
    /// What measured it, where that was not the report's own machine.
    pub machine: Option<&'a str>,
}

impl<'a> From<&'a Done> for Entry<'a> {
    fn from(done: &'a Done) -> Self {
        Self {
            found: &done.found,
            comparison: &done.comparison,
            machine: None,
        }
    }
}

/// Builds the report.
pub fn report(entries: &[Entry<'_>], frame: Frame<'_>) -> Result<Report, ReportError> {
    let comparisons: Vec<Comparison> = entries.iter().map(|entry| entry.comparison.clone()).collect();
    let details: Vec<Detail> = entries.iter().map(|entry| detail(entry, &frame)).collect();
    let variants = gains_over_fp32(&details);
    Report::builder()
        .generated_at(frame.now.clone())
        .environment(environment(entries, &frame))
        .context(frame.context)
        .comparisons(details)
        .variants(variants)
        .thresholds(Thresholds::from(frame.gate))
        .config_changes(frame.config_changes)
        .drift(frame.drift)
        .notices(frame.notices)
        .outcome(
            verdict::overall(&comparisons),
            verdict::exit_code(&comparisons, frame.gate),
        )
        .build()
}

fn detail(entry: &Entry<'_>, frame: &Frame<'_>) -> Detail {
    let found = entry.found;
    let model = frame
        .config
        .models
        .iter()
        .position(|model| model.name == found.key.model)
        .filter(|_| !found.is_removed());
    let baseline = found.baseline.as_ref().map(|side| SideFacts {
        process_peak_bytes: peak(found, Which::Baseline),
        warmup_ms: warmup(found, Which::Baseline),
        ..facts(side, found.origin.as_ref())
    });
    let path = model.and_then(|index| Some(frame.config.models.get(index)?.path.display().to_string()));
    let candidate = found.candidate.as_ref().map(|side| SideFacts {
        commit: frame.head_commit.clone(),
        label: path.unwrap_or_default(),
        process_peak_bytes: peak(found, Which::Candidate),
        warmup_ms: warmup(found, Which::Candidate),
        ..facts(side, None)
    });
    let (pair, alone) = (found.pair(), found.alone());
    let latency = match (pair, alone) {
        (Some(pair), _) => Some(pair_latency(pair)),
        (None, Some(alone)) => Some(lone_latency(alone)),
        (None, None) => None,
    };
    let mut warnings = found.notes.clone();
    // How inputs were made up matters where something was measured with them.
    if latency.is_some() {
        warnings.extend(found.feed_notes.iter().cloned());
    }
    warnings.extend(pair.iter().flat_map(|pair| pair.warnings.iter().cloned()));
    warnings.extend(found.anomalies.iter().map(Anomaly::to_string));
    warnings.extend(alone.iter().flat_map(|alone| alone.warnings.iter().cloned()));
    warnings.extend(entry.machine.map(str::to_owned));
    Detail {
        comparison: entry.comparison.clone(),
        baseline,
        candidate,
        latency,
        restarts: pair
            .map(|pair| pair.restarts.len())
            .or(alone.map(|alone| alone.restarts.len()))
            .unwrap_or(0),
        seconds: pair
            .map(|pair| pair.seconds)
            .or(alone.map(|alone| alone.seconds))
            .unwrap_or(0.0),
        config_line: model.and_then(|index| frame.lines.get(index)?.of_variant(&found.key.variant)),
        warnings,
        disturbances: disturbances(found),
        operators: found.operators.clone(),
    }
}

/// What disturbed it, a sentence each.
fn disturbances(entry: &Found) -> Vec<String> {
    let found = match (entry.pair(), entry.alone()) {
        (Some(pair), _) => disturbance::find(pair),
        (None, Some(alone)) => disturbance::find_alone(alone),
        (None, None) => Vec::new(),
    };
    found.iter().map(ToString::to_string).collect()
}

/// One side's processes, where it was measured.
fn processes(found: &Found, which: Which) -> Vec<&Process> {
    match (found.pair(), found.alone()) {
        (Some(pair), _) => pair.restarts.iter().map(|restart| restart.process(which)).collect(),
        (None, Some(alone)) if which == Which::Candidate => {
            alone.restarts.iter().map(|restart| &restart.process).collect()
        }
        _ => Vec::new(),
    }
}

/// The most memory that a side's processes held, nothing subtracted: the median over restarts, in bytes.
fn peak(found: &Found, which: Which) -> Option<f64> {
    let peaks = processes(found, which)
        .into_iter()
        .map(|process| process.peak_bytes.map(|bytes| bytes as f64))
        .collect::<Option<Vec<f64>>>()?;
    summary::median(&peaks)
}

/// How a side's latency settles after loading, in milliseconds.
fn warmup(found: &Found, which: Which) -> Vec<f64> {
    let seconds = warmup::profile(processes(found, which));
    seconds.into_iter().map(|seconds| seconds * 1e3).collect()
}

fn facts(side: &FoundSide, origin: Option<&BaselineOrigin>) -> SideFacts {
    SideFacts {
        build_id: side.id.to_string(),
        parent_build_id: (!side.is_source).then(|| side.source.to_string()),
        source_digest: side.source.to_string(),
        commit: origin.and_then(|origin| origin.commit.clone()),
        size_bytes: side.size_bytes,
        label: origin.map(|origin| origin.label.clone()).unwrap_or_default(),
        ..SideFacts::default()
    }
}

/// One side's samples.
struct Figures {
    /// Every inference, in milliseconds.
    all: Vec<f64>,
    /// Every load, in seconds.
    load: Vec<f64>,
    /// Every first inference, in seconds.
    first: Vec<f64>,
}

impl Figures {
    fn percentile(&self, fraction: f64) -> Option<f64> {
        summary::percentile(&self.all, fraction)
    }

    fn of(&self, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<f64> {
        statistic(&self.all)
    }
}

fn pair_latency(pair: &PairMeasurement) -> LatencyTable {
    let side = |which: Which| Figures {
        all: estimate::latencies(&pair.restarts, which),
        load: pair
            .restarts
            .iter()
            .map(|restart| restart.process(which).load_seconds)
            .collect(),
        first: pair
            .restarts
            .iter()
            .map(|restart| restart.process(which).first_seconds)
            .collect(),
    };
    table(Some(&side(Which::Baseline)), &side(Which::Candidate))
}

fn lone_latency(alone: &SideMeasurement) -> LatencyTable {
    table(
        None,
        &Figures {
            all: estimate::latencies_alone(&alone.restarts),
            load: alone
                .restarts
                .iter()
                .map(|restart| restart.process.load_seconds)
                .collect(),
            first: alone
                .restarts
                .iter()
                .map(|restart| restart.process.first_seconds)
                .collect(),
        },
    )
}

fn table(baseline: Option<&Figures>, candidate: &Figures) -> LatencyTable {
    let row = |figure: &dyn Fn(&Figures) -> Option<f64>| LatencyRow {
        baseline: baseline.and_then(figure),
        candidate: figure(candidate),
    };
    let of_starts = |values: &[f64]| summary::median(values).map(|seconds| seconds * 1e3);
    LatencyTable {
        p50: row(&|figures| figures.percentile(0.50)),
        p95: row(&|figures| figures.percentile(0.95)),
        p99: row(&|figures| figures.percentile(0.99)),
        mean: row(&|figures| figures.of(summary::mean)),
        std: row(&|figures| figures.of(summary::standard_deviation)),
        min: row(&|figures| figures.percentile(0.0)),
        load: row(&|figures| of_starts(&figures.load)),
        first: row(&|figures| of_starts(&figures.first)),
    }
}

fn environment(entries: &[Entry<'_>], frame: &Frame<'_>) -> Environment {
    let machine = frame.machine;
    let pairs = || entries.iter().filter_map(|entry| entry.found.pair());
    let all: Vec<&PairMeasurement> = pairs().collect();
    let floor = NoiseFloor::of(&all, Quantity::LatencyP50);
    let measured = pairs().map(|pair| (pair.cores.clone(), pair.load_average));
    let alone = entries
        .iter()
        .filter_map(|entry| entry.found.alone())
        .map(|alone| (alone.cores.clone(), alone.load_average));
    let (cores, load_average) = measured.chain(alone).next().unwrap_or((None, None));
    Environment {
        os: machine.os_release.clone().unwrap_or_else(|| machine.os.clone()),
        arch: machine.arch.clone(),
        cpu_model: machine.cpu_model.clone(),
        isa: machine.isa.clone(),
        cores_physical: machine.cores_physical.unwrap_or(machine.cores_logical) as usize,
        cores_logical: machine.cores_logical as usize,
        memory_bytes: machine.memory_bytes,
        virtualized: machine.virtualized,
        runtime: frame.engine.name().to_owned(),
        runtime_version: Some(frame.runtime_version.clone()),
        threads: frame.config.measure.threads,
        cores,
        load_average,
        noise_floor_percent: floor.map(|floor| floor.half_width_percent),
        detectable_percent: floor.map(|floor| floor.detectable_80_percent),
        kernel: machine.kernel.clone(),
        cores_allowed: machine.cores_allowed as usize,
        cpu_quota: machine.cpu_quota,
        memory_limit_bytes: machine.memory_limit_bytes,
        governor: machine.governor.clone(),
        max_mhz: machine.max_mhz,
        turbo: machine.turbo,
        container: machine.container.clone(),
        hypervisor: machine.hypervisor.clone(),
        ci_image: machine.ci_image.clone(),
        host_digest: machine.hostname_digest.as_ref().map(ToString::to_string),
        sandbox: Some(Layers::of_this_system().summary()),
        history: frame.history.clone(),
    }
}
