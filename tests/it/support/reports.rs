//! Reports with invented figures, one for each verdict.

use mlbuild::report::Context;
use mlbuild::report::Detail;
use mlbuild::report::Environment;
use mlbuild::report::LatencyRow;
use mlbuild::report::LatencyTable;
use mlbuild::report::Report;
use mlbuild::report::ReportBuilder;
use mlbuild::report::SideFacts;
use mlbuild::report::Thresholds;
use mlbuild::report::gains_over_fp32;
use mlbuild::verdict::Change;
use mlbuild::verdict::Comparison;
use mlbuild::verdict::ComparisonKey;
use mlbuild::verdict::Metric;
use mlbuild::verdict::MetricComparison;
use mlbuild::verdict::Verdict;

/// What a run in the pull request of `org/models` knows about itself.
pub(crate) fn context() -> Context {
    Context {
        base_commit: Some("9f8e7d6c5b4a39281706f5e4d3c2b1a098765432".to_owned()),
        head_commit: Some("a1b2c3d4e5f60718293a4b5c6d7e8f9012345678".to_owned()),
        repository: Some("org/models".to_owned()),
        server_url: Some("https://github.com".to_owned()),
        check_url: Some("https://github.com/org/models/runs/42".to_owned()),
        report_url: Some("https://github.com/org/models/actions/runs/7".to_owned()),
        key: "gate".to_owned(),
        config_path: ".mlbuild.yml".to_owned(),
        baseline_label: "main's release of the base commit".to_owned(),
        baseline_tag: Some("mlbuild-baseline-gate-20260102-7-1-9f8e7d6c5b4a".to_owned()),
        reproduce: vec![
            "git fetch origin pull/12/head && git checkout a1b2c3d4e5f6".to_owned(),
            "mlbuild ci --config .mlbuild.yml --baseline mlbuild-baseline-gate-20260102-7-1-9f8e7d6c5b4a".to_owned(),
        ],
        accepted: None,
        answers_commands: false,
    }
}

pub(crate) fn environment() -> Environment {
    Environment {
        os: "Ubuntu 24.04".to_owned(),
        arch: "x86_64".to_owned(),
        cpu_model: "AMD EPYC 7763 64-Core Processor".to_owned(),
        isa: vec!["avx2".to_owned(), "fma".to_owned()],
        cores_physical: 1,
        cores_logical: 2,
        memory_bytes: 8_330_000_000,
        virtualized: Some(true),
        runtime: "onnxruntime".to_owned(),
        runtime_version: Some("1.31.1".to_owned()),
        threads: 1,
        cores: Some(vec![0]),
        load_average: Some(0.42),
        noise_floor_percent: Some(0.6),
        ..Environment::default()
    }
}

pub(crate) fn thresholds() -> Thresholds {
    Thresholds {
        latency_metric: Metric::LatencyP50,
        latency_regression_percent: 5.0,
        size_regression_percent: 5.0,
        memory_regression_percent: 10.0,
        latency_budget_ms: None,
        size_budget_bytes: None,
        memory_budget_bytes: None,
        cosine: 0.99,
        top1: 0.99,
        max_drop_points: 1.0,
    }
}

/// Everything but comparisons and the outcome.
pub(crate) fn builder() -> ReportBuilder {
    Report::builder()
        .generated_at("2026-01-02T03:04:05Z")
        .context(context())
        .environment(environment())
        .thresholds(thresholds())
}

pub(crate) fn key(model: &str, variant: &str) -> ComparisonKey {
    ComparisonKey {
        model: model.to_owned(),
        target: "onnxruntime_cpu".to_owned(),
        variant: variant.to_owned(),
        sequence: None,
    }
}

/// A gated metric of both sides; the change is worked out.
pub(crate) fn metric(metric: Metric, baseline: f64, candidate: f64, half: f64, limit: f64) -> MetricComparison {
    let percent = (candidate / baseline - 1.0) * 100.0;
    MetricComparison {
        metric,
        baseline: Some(baseline),
        candidate: Some(candidate),
        change: Some(Change {
            percent,
            lower: percent - half,
            upper: percent + half,
        }),
        limit: Some(limit),
        budget: None,
        budget_source: None,
        gated: true,
        verdict: if percent - half > limit {
            Verdict::Regression
        } else if percent + half > limit {
            Verdict::Inconclusive
        } else if percent + half < -limit {
            Verdict::Improvement
        } else {
            Verdict::Pass
        },
        reason: None,
    }
}

/// Cosine of outputs against the baseline's.
pub(crate) fn cosine(value: f64) -> MetricComparison {
    MetricComparison {
        metric: Metric::Cosine,
        baseline: None,
        candidate: Some(value),
        change: None,
        limit: Some(0.99),
        budget: None,
        budget_source: None,
        gated: true,
        verdict: if value < 0.99 {
            Verdict::Regression
        } else {
            Verdict::Pass
        },
        reason: None,
    }
}

/// A measured comparison: p50 in milliseconds, sizes and memory in megabytes.
pub(crate) fn measured(key: ComparisonKey, p50: (f64, f64, f64), size: (f64, f64), memory: (f64, f64)) -> Detail {
    let mut p95 = metric(Metric::LatencyP95, p50.0 * 1.07, p50.1 * 1.06, p50.2 * 4.0, 5.0);
    p95.gated = false;
    p95.limit = None;
    p95.verdict = Verdict::Pass;
    let tail = p95.clone();
    let metrics = vec![
        metric(Metric::LatencyP50, p50.0, p50.1, p50.2, 5.0),
        metric(Metric::Size, size.0 * 1e6, size.1 * 1e6, 0.0, 5.0),
        metric(Metric::PeakMemory, memory.0 * 1e6, memory.1 * 1e6, 0.4, 10.0),
        cosine(1.0),
        tail,
    ];
    let row = |factor: f64| LatencyRow {
        baseline: Some(p50.0 * factor),
        candidate: Some(p50.1 * factor),
    };
    let side = |build: &str, commit: &str, megabytes: f64| SideFacts {
        build_id: build.repeat(8),
        parent_build_id: (key.variant != "fp32").then(|| "00ff".repeat(16)),
        source_digest: "ab12".repeat(16),
        commit: Some(commit.to_owned()),
        size_bytes: (megabytes * 1e6) as u64,
        label: format!("models/{}.onnx", key.model),
        process_peak_bytes: Some((megabytes + 90.0) * 1e6),
        warmup_ms: [9.0, 2.0, 1.2, 1.0, 1.0, 1.0].map(|times| times * p50.0).to_vec(),
    };
    Detail {
        baseline: Some(side("3f36810e", "9f8e7d6", size.0)),
        candidate: Some(side("b8aa1ef6", "a1b2c3d", size.1)),
        latency: Some(LatencyTable {
            p50: row(1.0),
            p95: LatencyRow {
                baseline: p95.baseline,
                candidate: p95.candidate,
            },
            p99: row(1.19),
            mean: row(1.01),
            std: row(0.05),
            min: row(0.97),
            load: row(11.0),
            first: row(1.9),
        }),
        restarts: 5,
        seconds: 18.24,
        config_line: Some(14),
        warnings: Vec::new(),
        disturbances: Vec::new(),
        operators: None,
        comparison: Comparison {
            verdict: overall(&metrics),
            key,
            metrics,
            reason: None,
            hints: Vec::new(),
        },
    }
}

/// The worst gated metric; an improvement where all are well and one is better.
fn overall(metrics: &[MetricComparison]) -> Verdict {
    let gated = || {
        metrics
            .iter()
            .filter(|metric| metric.gated)
            .map(|metric| metric.verdict)
    };
    match gated().max().unwrap() {
        Verdict::Pass if gated().any(|verdict| verdict == Verdict::Improvement) => Verdict::Improvement,
        worst => worst,
    }
}

/// A comparison without figures.
pub(crate) fn unmeasured(key: ComparisonKey, verdict: Verdict, reason: &str, hints: &[&str]) -> Detail {
    Detail {
        config_line: Some(7),
        ..Detail::without_figures(Comparison {
            key,
            metrics: Vec::new(),
            verdict,
            reason: Some(reason.to_owned()),
            hints: hints.iter().map(|hint| (*hint).to_owned()).collect(),
        })
    }
}

/// A measured comparison that passes.
pub(crate) fn passing(model: &str, variant: &str) -> Detail {
    measured(key(model, variant), (2.10, 2.12, 0.8), (3.7, 3.7), (29.5, 29.5))
}

/// Two models, one slower, one unchanged in two variants.
pub(crate) fn regression() -> Report {
    let comparisons = vec![
        measured(key("mobilenet", "fp32"), (3.87, 4.19, 0.7), (13.4, 13.4), (41.0, 41.2)),
        passing("mobilenet", "int8-static"),
        unmeasured(
            key("bert", "fp32"),
            Verdict::Skipped,
            "same digest as the baseline",
            &[],
        ),
        unmeasured(
            key("bert", "int8"),
            Verdict::Skipped,
            "same digest as the baseline",
            &[],
        ),
    ];
    builder()
        .variants(gains_over_fp32(&comparisons))
        .comparisons(comparisons)
        .outcome(Verdict::Regression, 1)
        .build()
        .unwrap()
}

/// One comparison and its verdict as the outcome.
pub(crate) fn single(detail: Detail, exit_code: i32) -> Report {
    let verdict = detail.comparison.verdict;
    builder()
        .comparison(detail)
        .outcome(verdict, exit_code)
        .build()
        .unwrap()
}
