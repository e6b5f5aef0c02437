//! What stands folded beneath the table: every figure of a comparison, the variants against `fp32`, the environment.

use serde::Serialize;

use crate::report::Detail;
use crate::report::Environment;
use crate::report::LatencyRow;
use crate::report::Report;
use crate::report::SideFacts;
use crate::report::Thresholds;
use crate::report::VariantRow;
use crate::report::figures;
use crate::report::headline;
use crate::report::sparkline::sparkline;
use crate::units::Bytes;
use crate::units::Millis;
use crate::units::Percent;
use crate::units::signed_percent;
use crate::verdict::Metric;
use crate::verdict::MetricComparison;
use crate::verdict::Verdict;

/// Every figure of one comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(super) name: String,
    target: String,
    restarts: Option<String>,
    pub(super) rows: Vec<Figure>,
    /// How latency settles after loading, one text a side.
    pub(super) warmup: Vec<String>,
    warnings: Vec<String>,
}

/// One line of figures.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) baseline: String,
    pub(super) candidate: String,
    pub(super) change: String,
    pub(super) bounds: String,
    /// The metric, where it is one.
    #[serde(skip)]
    pub(super) metric: Option<Metric>,
}

/// What one variant gains over `fp32`.
#[derive(Debug, Serialize)]
pub(crate) struct Gain {
    model: String,
    target: Option<String>,
    variant: String,
    size: String,
    p50: String,
    speed: String,
    cosine: String,
}

/// What stands where a figure is not known.
const UNKNOWN: &str = "–";

/// The figures of every comparison that has some and whose verdict is `wanted`.
pub(crate) fn figures(report: &Report, wanted: impl Fn(Verdict) -> bool) -> Vec<Figures> {
    report
        .comparisons
        .iter()
        .filter(|detail| wanted(detail.comparison.verdict))
        .map(|detail| Figures {
            name: headline::name(report, &detail.comparison.key),
            target: detail.comparison.key.target.clone(),
            restarts: restarts(detail),
            rows: rows(detail),
            warnings: detail.disturbances.iter().chain(&detail.warnings).cloned().collect(),
            warmup: warmups(detail),
        })
        .filter(|figures| !figures.rows.is_empty())
        .collect()
}

fn restarts(detail: &Detail) -> Option<String> {
    (detail.restarts > 0).then(|| {
        format!(
            "{} in {:.1} s",
            headline::counted(detail.restarts, "restart"),
            detail.seconds
        )
    })
}

/// Latencies first, then the other metrics.
fn rows(detail: &Detail) -> Vec<Figure> {
    let mut rows = latencies(detail);
    let mut metrics: Vec<&MetricComparison> = detail.comparison.metrics.iter().collect();
    metrics.sort_by_key(|metric| metric.metric);
    for metric in metrics {
        let shown = rows.iter().any(|row| row.metric == Some(metric.metric));
        if !shown && (metric.baseline.is_some() || metric.candidate.is_some()) {
            let value = |value: Option<f64>| {
                value.map_or_else(|| UNKNOWN.to_owned(), |value| figures::value(metric.metric, value))
            };
            rows.push(Figure {
                name: metric.metric.word().to_owned(),
                baseline: value(metric.baseline),
                candidate: value(metric.candidate),
                change: change(metric),
                bounds: bounds(metric),
                metric: Some(metric.metric),
            });
        }
        if metric.metric == Metric::PeakMemory {
            rows.extend(process_peak(detail));
        }
    }
    rows
}

/// Peak memory as other tools tell it: with the engine itself, which is in every process.
fn process_peak(detail: &Detail) -> Option<Figure> {
    let of = |side: &Option<SideFacts>| side.as_ref().and_then(|side| side.process_peak_bytes);
    let row = LatencyRow {
        baseline: of(&detail.baseline),
        candidate: of(&detail.candidate),
    };
    row.candidate?;
    let shown = |value: Option<f64>| {
        value.map_or_else(|| UNKNOWN.to_owned(), |value| figures::value(Metric::PeakMemory, value))
    };
    Some(Figure {
        name: "peak of the process".to_owned(),
        baseline: shown(row.baseline),
        candidate: shown(row.candidate),
        change: plain_change(row),
        bounds: String::new(),
        metric: None,
    })
}

/// `baseline █▂▁▁▁▁ 9.21 → 1.02 ms`: the first inferences, from the very first to the last before measuring.
fn warmups(detail: &Detail) -> Vec<String> {
    [("baseline", &detail.baseline), ("candidate", &detail.candidate)]
        .into_iter()
        .filter_map(|(word, side)| {
            let warmup = &side.as_ref()?.warmup_ms;
            let (first, last) = (*warmup.first()?, *warmup.last()?);
            let from_to = figures::pair(&Millis(first).to_string(), &Millis(last).to_string());
            Some(format!("{word} {} {from_to}", sparkline(warmup)))
        })
        .collect()
}

fn latencies(detail: &Detail) -> Vec<Figure> {
    let Some(latency) = &detail.latency else {
        return Vec::new();
    };
    let throughput = LatencyRow {
        baseline: latency.mean.baseline.map(per_second),
        candidate: latency.mean.candidate.map(per_second),
    };
    [
        ("p50", latency.p50, Some(Metric::LatencyP50)),
        ("p95", latency.p95, Some(Metric::LatencyP95)),
        ("p99", latency.p99, Some(Metric::LatencyP99)),
        ("mean", latency.mean, Some(Metric::LatencyMean)),
        ("standard deviation", latency.std, Some(Metric::LatencyStd)),
        ("fastest", latency.min, None),
        ("throughput", throughput, Some(Metric::Throughput)),
        ("load", latency.load, Some(Metric::Load)),
        ("first inference", latency.first, Some(Metric::FirstInference)),
    ]
    .into_iter()
    .filter(|(_, row, _)| row.baseline.is_some() || row.candidate.is_some())
    .map(|(name, row, kind)| {
        let metric = kind.and_then(|kind| detail.comparison.metric(kind));
        let shown = |value: Option<f64>| match value {
            Some(value) => figures::value(kind.unwrap_or(Metric::LatencyP50), value),
            None => UNKNOWN.to_owned(),
        };
        Figure {
            metric: kind,
            name: name.to_owned(),
            baseline: shown(row.baseline),
            candidate: shown(row.candidate),
            change: metric
                .filter(|metric| metric.change.is_some())
                .map_or_else(|| plain_change(row), change),
            bounds: metric.map(bounds).unwrap_or_default(),
        }
    })
    .collect()
}

/// Inferences a second, one after the other, out of milliseconds for each.
fn per_second(mean: f64) -> f64 {
    1000.0 / mean
}

fn change(metric: &MetricComparison) -> String {
    let interval = metric.change.as_ref().and_then(figures::interval).unwrap_or_default();
    format!("{} {interval}", figures::change(metric).unwrap_or_default())
        .trim()
        .to_owned()
}

/// The change of figures that nothing is judged by, so without an interval.
fn plain_change(row: LatencyRow) -> String {
    match (row.baseline, row.candidate) {
        (Some(baseline), Some(candidate)) if baseline > 0.0 => signed_percent((candidate / baseline - 1.0) * 100.0),
        _ => UNKNOWN.to_owned(),
    }
}

fn bounds(metric: &MetricComparison) -> String {
    let bounds: Vec<String> = figures::limit(metric)
        .into_iter()
        .chain(figures::budget(metric))
        .collect();
    bounds.join(", ")
}

/// The variants against `fp32`.
pub(crate) fn gains(report: &Report, shows_target: bool) -> Vec<Gain> {
    report.variants.iter().map(|row| gain(row, shows_target)).collect()
}

fn gain(row: &VariantRow, shows_target: bool) -> Gain {
    let millis = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), |value| Millis(value).to_string());
    let speed = match (row.fp32_p50_ms, row.p50_ms) {
        (Some(reference), Some(own)) if own > 0.0 => format!("{:.2}×", reference / own),
        _ => UNKNOWN.to_owned(),
    };
    Gain {
        model: row.key.model.clone(),
        target: shows_target.then(|| row.key.target.clone()),
        variant: row.key.variant_label(),
        size: figures::pair(
            &Bytes(row.fp32_size_bytes).to_string(),
            &Bytes(row.size_bytes).to_string(),
        ),
        p50: figures::pair(&millis(row.fp32_p50_ms), &millis(row.p50_ms)),
        speed,
        cosine: row
            .cosine
            .map_or_else(|| UNKNOWN.to_owned(), |cosine| format!("{cosine:.4}")),
    }
}

/// The machine, the engine and the limits, as pairs of name and value.
pub(crate) fn environment(report: &Report) -> Vec<(&'static str, String)> {
    let environment = &report.environment;
    let mut rows: Vec<(&'static str, String)> = Vec::new();
    let mut row =
        |name, value: Option<String>| rows.extend(value.filter(|value| !value.is_empty()).map(|value| (name, value)));
    let version = environment.runtime_version.as_ref();
    row(
        "engine",
        version.map(|version| format!("{} {version}", environment.runtime)),
    );
    row(
        "threads",
        (environment.threads > 0).then(|| environment.threads.to_string()),
    );
    row("processor", Some(environment.cpu_model.clone()));
    row(
        "cores",
        (environment.cores_logical > 0).then(|| {
            format!(
                "{} logical, {} physical",
                environment.cores_logical, environment.cores_physical
            )
        }),
    );
    row("allowed", Some(allowed(environment)));
    row("clock", Some(clock(environment)));
    row("pinned to", Some(pinned(environment.cores.as_deref())));
    row("instruction sets", Some(environment.isa.join(", ")));
    row(
        "memory",
        (environment.memory_bytes > 0).then(|| Bytes(environment.memory_bytes).to_string()),
    );
    row("system", Some(system(report)));
    row("container", environment.container.clone());
    row("runner image", environment.ci_image.clone());
    row("sandbox", environment.sandbox.clone());
    row("history", environment.history.clone());
    row(
        "load before measuring",
        environment.load_average.map(|load| format!("{load:.2}")),
    );
    row(
        "tells apart",
        environment
            .noise_floor_percent
            .map(|floor| format!("±{floor:.1} % of median latency")),
    );
    row(
        "smallest regression it sees",
        environment
            .detectable_percent
            .map(|percent| format!("{percent:.1} % beyond the limit, in 4 of 5 runs")),
    );
    row("limits", Some(limits(&report.thresholds)));
    row("baseline tag", report.context.baseline_tag.clone());
    row("measured", Some(report.generated_at.clone()));
    rows
}

/// Less than the whole machine, where limits say so.
fn allowed(environment: &Environment) -> String {
    let cores = (environment.cores_allowed > 0 && environment.cores_allowed < environment.cores_logical)
        .then(|| headline::counted(environment.cores_allowed, "core"));
    let quota = environment
        .cpu_quota
        .map(|quota| format!("processor time of {quota:.2} cores"));
    let memory = environment
        .memory_limit_bytes
        .map(|bytes| format!("{} of memory", Bytes(bytes)));
    let parts: Vec<String> = [cores, quota, memory].into_iter().flatten().collect();
    parts.join(", ")
}

/// `governor powersave, up to 3600 MHz, turbo on`.
fn clock(environment: &Environment) -> String {
    let governor = environment
        .governor
        .as_ref()
        .map(|governor| format!("governor {governor}"));
    let limit = environment.max_mhz.map(|mhz| format!("up to {mhz:.0} MHz"));
    let turbo = environment
        .turbo
        .map(|on| if on { "turbo on" } else { "turbo off" }.to_owned());
    let parts: Vec<String> = [governor, limit, turbo].into_iter().flatten().collect();
    parts.join(", ")
}

fn pinned(cores: Option<&[usize]>) -> String {
    match cores {
        None | Some([]) => "no cores: this system has no affinity, or it was refused".to_owned(),
        Some([core]) => format!("core {core}"),
        Some(cores) => {
            let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
            format!("cores {}", cores.join(", "))
        }
    }
}

fn system(report: &Report) -> String {
    let environment = &report.environment;
    let machine = match (&environment.hypervisor, environment.virtualized) {
        (Some(name), _) => format!(", virtual machine ({name})"),
        (None, Some(true)) => ", virtual machine".to_owned(),
        (None, Some(false)) => ", no virtual machine".to_owned(),
        (None, None) => String::new(),
    };
    let kernel = environment.kernel.as_ref().map(|kernel| format!(", kernel {kernel}"));
    format!(
        "{} {}{}{machine}",
        environment.os,
        environment.arch,
        kernel.unwrap_or_default()
    )
    .trim()
    .to_owned()
}

fn limits(thresholds: &Thresholds) -> String {
    let relative = |name: &str, limit: f64| format!("{name} +{}", Percent(limit));
    let mut limits = vec![
        relative(thresholds.latency_metric.word(), thresholds.latency_regression_percent),
        relative("size", thresholds.size_regression_percent),
        relative("peak memory", thresholds.memory_regression_percent),
        format!("cosine at least {}", thresholds.cosine),
        format!("top-1 agreement at least {}", Percent(thresholds.top1 * 100.0)),
        format!("top-1 accuracy −{}", figures::points(thresholds.max_drop_points)),
    ];
    limits.extend(
        thresholds
            .latency_budget_ms
            .map(|budget| format!("latency budget {}", Millis(budget))),
    );
    limits.extend(
        thresholds
            .size_budget_bytes
            .map(|budget| format!("size budget {}", Bytes(budget))),
    );
    limits.extend(
        thresholds
            .memory_budget_bytes
            .map(|budget| format!("memory budget {}", Bytes(budget))),
    );
    limits.join("; ")
}
