//! On the same recorded samples the same report, however they are split: recorded noise split at random, and a real run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mlbuild::config::Config;
use mlbuild::config::load;
use mlbuild::digest::Digest;
use mlbuild::machine::Fingerprint;
use mlbuild::measure::accuracy::Accuracy;
use mlbuild::measure::plan::LOOKS;
use mlbuild::measure::plan::limits;
use mlbuild::measure::samples::Block;
use mlbuild::measure::samples::LoneRestart;
use mlbuild::measure::samples::Looks;
use mlbuild::measure::samples::PairMeasurement;
use mlbuild::measure::samples::Process;
use mlbuild::measure::samples::Restart;
use mlbuild::measure::samples::Round;
use mlbuild::measure::samples::SideMeasurement;
use mlbuild::measure::samples::StopReason;
use mlbuild::measure::samples::Which;
use mlbuild::pipeline::baseline::resolve;
use mlbuild::pipeline::baseline::resolve::Desk;
use mlbuild::pipeline::ci;
use mlbuild::pipeline::feed::ShapeSource;
use mlbuild::pipeline::found;
use mlbuild::pipeline::found::Evidence;
use mlbuild::pipeline::found::Found;
use mlbuild::pipeline::found::FoundSide;
use mlbuild::pipeline::interrupt::Interrupt;
use mlbuild::pipeline::sharding::cost::Basis;
use mlbuild::pipeline::sharding::merge;
use mlbuild::pipeline::sharding::merge::Part;
use mlbuild::pipeline::sharding::partial;
use mlbuild::pipeline::sharding::partial::BaselineLabel;
use mlbuild::pipeline::sharding::partial::Partial;
use mlbuild::pipeline::sharding::plan;
use mlbuild::pipeline::sharding::plan::ShardPlan;
use mlbuild::pipeline::sharding::plan::Unit;
use mlbuild::pipeline::workspace::Workspace;
use mlbuild::report;
use mlbuild::report::Report;
use mlbuild::verdict::Comparison;
use mlbuild::verdict::ComparisonKey;
use mlbuild::verdict::ExactFacts;
use mlbuild::verdict::Verdict;
use proptest::prelude::*;
use serde_json::Value;

use super::several;
use crate::support::runtime;

const NOW: &str = "2026-01-02T03:04:05Z";

const RECORDINGS: [&str; 11] = [
    "bert_mini_hopping",
    "bert_mini_pinned",
    "bert_mini_quiet",
    "digits_cnn_loaded",
    "digits_cnn_pinned",
    "digits_cnn_quiet",
    "mobilenetv2_bursty",
    "mobilenetv2_pinned",
    "mobilenetv2_quiet",
    "squeezenet_loaded",
    "squeezenet_quiet",
];

/// What one comparison of a made-up run is.
#[derive(Debug, Clone)]
struct Case {
    recording: usize,
    /// The candidate's latencies are so many times as long as they were.
    ratio: f64,
    restarts: usize,
    kind: u8,
    /// Bytes that the candidate has more than the baseline.
    grown: u64,
    /// The family that the shard thought of.
    family: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let ratio = prop_oneof![
        Just(1.0),
        Just(1.02),
        Just(1.045),
        Just(1.055),
        Just(1.065),
        Just(1.08),
        Just(1.4),
        Just(0.8)
    ];
    let restarts = prop_oneof![Just(3_usize), Just(5), Just(8), Just(13), Just(20)];
    let grown = prop_oneof![3 => Just(0_u64), 1 => Just(400_000)];
    (0..RECORDINGS.len(), ratio, restarts, 0..10_u8, grown, 1..100_usize).prop_map(
        |(recording, ratio, restarts, kind, grown, family)| Case {
            recording,
            ratio,
            restarts,
            kind,
            grown,
            family,
        },
    )
}

fn recorded(case: &Case) -> PairMeasurement {
    let name = RECORDINGS[case.recording];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/noise/levels/{name}.csv"));
    let block = |number: &str, ratio: f64| Block {
        wall: vec![number.parse::<f64>().unwrap() * ratio / 1e8],
        stolen: Vec::new(),
    };
    let process = || Process {
        load_seconds: 0.01,
        first_seconds: 0.002,
        warmup: vec![0.001; 3],
        peak_bytes: Some(60_000_000),
        loaded_bytes: Some(40_000_000),
    };
    let restarts: Vec<Restart> = fs::read_to_string(path)
        .unwrap()
        .lines()
        .take(case.restarts)
        .map(|line| Restart {
            baseline: process(),
            candidate: process(),
            rounds: line
                .split(',')
                .collect::<Vec<_>>()
                .chunks(2)
                .map(|pair| Round {
                    first: Which::Baseline,
                    baseline: block(pair[0], 1.0),
                    candidate: block(pair[1], case.ratio),
                })
                .collect(),
        })
        .collect();
    let made = restarts.len();
    let mut taken: Vec<usize> = LOOKS.into_iter().filter(|look| *look < made).collect();
    taken.push(made);
    PairMeasurement {
        restarts,
        looks: Looks {
            taken,
            planned: made,
            last_is_final: true,
            family: case.family,
        },
        stopped: StopReason::Planned,
        seconds: 2.0,
        cores: Some(vec![1]),
        runtime_version: "1.31.1".to_owned(),
        empty_session_bytes: Some(20_000_000),
        load_average: Some(0.5),
        activity: Default::default(),
        warnings: Vec::new(),
    }
}

fn agreeing() -> Accuracy {
    Accuracy {
        samples: 10,
        cosine: 0.9999,
        lowest_cosine: 0.999,
        top1_agreement: Some(1.0),
        baseline_top1: None,
        candidate_top1: None,
        baseline_top5: None,
        candidate_top5: None,
        labelled: 0,
        mean_abs_error: 1e-4,
        max_abs_error: 1e-3,
        snr_db: None,
        outputs: Vec::new(),
    }
}

fn side(model: usize, bytes: u64) -> FoundSide {
    FoundSide {
        id: Digest::of(format!("{model} {bytes}").as_bytes()),
        source: Digest::of(format!("{model}").as_bytes()),
        is_source: true,
        size_bytes: bytes,
        facts: Some(ExactFacts::of_size(bytes)),
    }
}

fn found(index: usize, case: &Case) -> Found {
    let measurement = recorded(case);
    let settled = |verdict| Evidence::Settled {
        verdict,
        reason: "because of the test".to_owned(),
        hints: vec!["do something".to_owned()],
    };
    let evidence = match case.kind {
        0 => settled(Verdict::Error),
        1 => settled(Verdict::Skipped),
        2 => Evidence::Alone {
            measurement: Box::new(alone(measurement)),
            top1: None,
            otherwise: Verdict::NoBaseline,
            reason: "the base never had it".to_owned(),
        },
        _ => Evidence::Pair {
            measurement: Box::new(measurement),
            accuracy: Box::new(agreeing()),
        },
    };
    Found {
        key: ComparisonKey {
            model: format!("model{index}"),
            target: "onnxruntime_cpu".to_owned(),
            variant: "fp32".to_owned(),
            sequence: None,
        },
        target: mlbuild::config::Target::OnnxRuntimeCpu,
        baseline: (case.kind > 2).then(|| side(2 * index, 1_000_000)),
        candidate: Some(side(2 * index + 1, 1_000_000 + case.grown)),
        origin: None,
        in_family: case.kind > 1,
        evidence,
        anomalies: Vec::new(),
        notes: vec![format!("a note on {index}")],
        feed_notes: vec!["made-up inputs".to_owned()],
        operators: None,
    }
}

fn alone(pair: PairMeasurement) -> SideMeasurement {
    SideMeasurement {
        restarts: pair
            .restarts
            .into_iter()
            .map(|restart| LoneRestart {
                process: restart.candidate,
                blocks: restart.rounds.into_iter().map(|round| round.candidate).collect(),
            })
            .collect(),
        looks: pair.looks,
        stopped: pair.stopped,
        seconds: pair.seconds,
        cores: pair.cores,
        runtime_version: pair.runtime_version,
        empty_session_bytes: pair.empty_session_bytes,
        load_average: pair.load_average,
        activity: pair.activity,
        warnings: pair.warnings,
    }
}

/// A config that names what was found.
fn config_of(found: &[Found]) -> Config {
    let mut text = "version: 1\nmodels:\n".to_owned();
    for entry in found {
        text.push_str(&format!("  - {{ name: {0}, path: {0}.onnx }}\n", entry.key.model));
    }
    load::parse(&text, Path::new(".mlbuild.yml")).unwrap().config
}

/// Files of shards with what was found, `places[i]` (from 0) that of `found[i]`, written and read again.
fn parts(found: &[Found], places: &[u32], of: u32, config: &Config) -> Vec<Part> {
    let mut units: Vec<Unit> = Vec::new();
    for (entry, place) in found.iter().zip(places) {
        let key = &entry.key;
        units.push(Unit {
            model: key.model.clone(),
            target: key.target.clone(),
            variant: key.variant.clone(),
            comparisons: 1,
            measured: 1,
            seconds: 1.0,
            basis: if entry.is_removed() {
                Basis::Removed
            } else {
                Basis::Baseline
            },
            shard: place + 1,
        });
    }
    let plan = ShardPlan {
        schema: plan::SCHEMA,
        tool_version: mlbuild::VERSION.to_owned(),
        shards: of,
        config: plan::config_digest(config, &config.gate),
        baseline: Digest::of(b"baseline"),
        units,
    };
    (1..=of)
        .map(|shard| {
            let own = found.iter().zip(places).filter(|(_, place)| **place + 1 == shard);
            let partial = Partial {
                schema: partial::SCHEMA.to_owned(),
                version: partial::VERSION,
                tool_version: mlbuild::VERSION.to_owned(),
                shard,
                of,
                plan_digest: plan.digest().unwrap(),
                plan: plan.clone(),
                commit: None,
                run: None,
                key: "default".to_owned(),
                created_at: NOW.to_owned(),
                machine: Fingerprint::of_this_machine(),
                engines: BTreeMap::from([("onnxruntime".to_owned(), "1.31.1".to_owned())]),
                baseline: BaselineLabel {
                    label: "dir: kept".to_owned(),
                    tag: None,
                    commit: None,
                },
                history: None,
                notices: Vec::new(),
                drift: Vec::new(),
                comparisons: own.map(|(entry, _)| entry.clone()).collect(),
            };
            let bytes = partial.to_bytes().unwrap();
            Part {
                name: partial::file_name(shard, of),
                read: Partial::parse(&bytes),
            }
        })
        .collect()
}

fn merged(parts: Vec<Part>, config: &Config) -> Report {
    let request = merge::Request {
        config,
        gate: &config.gate,
        config_changes: Vec::new(),
        lines: Vec::new(),
        context: report::Context {
            key: "default".to_owned(),
            ..report::Context::default()
        },
        commit: None,
        workflow_run: None,
        notices: Vec::new(),
        now: NOW.to_owned(),
    };
    merge::merge(parts, request).unwrap_or_else(|error| panic!("{error}"))
}

/// A report without what tells of machines and of how often they were started.
fn plain(report: &Report) -> Value {
    let mut json = report::json::v2::to_json(report).unwrap();
    let fields = json.as_object_mut().unwrap();
    for field in ["environment", "notices", "context", "generated_at"] {
        fields.remove(field);
    }
    json
}

/// What a run on one machine makes of it: each by itself, then all as one family.
fn whole(found: &[Found], config: &Config) -> Vec<Comparison> {
    let mut found = found.to_vec();
    let family = limits(&config.gate) * found.iter().filter(|entry| entry.in_family).count();
    for entry in &mut found {
        match &mut entry.evidence {
            Evidence::Pair { measurement, .. } => measurement.looks.family = family,
            Evidence::Alone { measurement, .. } => measurement.looks.family = family,
            _ => {}
        }
    }
    let mut comparisons: Vec<Comparison> = found.iter().map(|entry| entry.judge(&config.gate)).collect();
    let all: Vec<&Found> = found.iter().collect();
    found::settle(&all, &mut comparisons, &config.gate, config.measure.strict_output);
    comparisons
}

/// As it is after it was stored: in whole nanoseconds.
fn stored(found: &[Found]) -> Vec<Found> {
    let text = serde_json::to_string(found).unwrap();
    serde_json::from_str(&text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn however_samples_are_split_the_report_is_the_same(
        cases in prop::collection::vec(case(), 1..9),
        places in prop::collection::vec(0..5_u32, 9),
        others in prop::collection::vec(0..3_u32, 9),
    ) {
        let found: Vec<Found> = cases.iter().enumerate().map(|(index, case)| found(index, case)).collect();
        let found = stored(&found);
        let config = config_of(&found);
        let single = vec![0; found.len()];
        let one = merged(parts(&found, &single, 1, &config), &config);
        let judged: Vec<Comparison> = one.comparisons.iter().map(|detail| detail.comparison.clone()).collect();
        prop_assert_eq!(&judged, &whole(&found, &config));
        for (places, of) in [(&places, 5), (&others, 3)] {
            let mut parts = parts(&found, &places[..found.len()], of, &config);
            parts.reverse();
            let several = merged(parts, &config);
            prop_assert_eq!(plain(&one), plain(&several));
        }
    }
}

/// That the cases above reach every verdict, and that the family matters: otherwise they would show little.
#[test]
fn a_family_that_is_split_stays_one_family() {
    let case = |ratio, restarts| Case {
        recording: 4,
        ratio,
        restarts,
        kind: 9,
        grown: 0,
        family: 1,
    };
    let clear: Vec<Case> = (0..7).map(|_| case(1.4, 13)).collect();
    let mut reached = std::collections::BTreeSet::new();
    let mut family_decides = false;
    for thousandths in (1040..1075).step_by(2) {
        let close = case(f64::from(thousandths) / 1000.0, 8);
        let alone = stored(&[found(0, &close)]);
        let config = config_of(&alone);
        let by_itself = merged(parts(&alone, &[0], 1, &config), &config).comparisons[0]
            .comparison
            .verdict;
        let quiet: Vec<Case> = (0..7).map(|_| case(1.0, 13)).chain([close.clone()]).collect();
        let all: Vec<Found> = quiet
            .iter()
            .enumerate()
            .map(|(index, case)| found(index, case))
            .collect();
        let all = stored(&all);
        let config = config_of(&all);
        let places: Vec<u32> = (0..8).collect();
        let together = merged(parts(&all, &places, 8, &config), &config);
        let last = together.comparisons[7].comparison.verdict;
        reached.extend([last, together.comparisons[0].comparison.verdict]);
        family_decides |= (by_itself, last) == (Verdict::Regression, Verdict::Inconclusive);
        let clearly: Vec<Found> = clear
            .iter()
            .chain([&close])
            .enumerate()
            .map(|(index, case)| found(index, case))
            .collect();
        let clearly = merged(parts(&stored(&clearly), &places, 8, &config), &config);
        reached.insert(clearly.comparisons[7].comparison.verdict);
    }
    assert!(
        family_decides,
        "the close one alone in its shard is judged as if it were alone in the run"
    );
    assert!(
        reached.contains(&Verdict::Regression) && reached.contains(&Verdict::Pass),
        "{reached:?}"
    );
}

#[test]
fn a_real_run_split_afterwards_comes_to_the_same() {
    let env = several();
    let path = env.path(".mlbuild.yml");
    let loaded = load::load(&path).unwrap();
    let folder = path.parent().unwrap();
    let workspace = Workspace::open(folder).unwrap();
    let environment = BTreeMap::new();
    let baselines = resolve::resolve(
        None,
        &Desk {
            config: &loaded.config,
            folder,
            working_folder: folder,
            workspace: &workspace,
            github: None,
            key: "default",
            environment: &environment,
        },
    )
    .unwrap();
    let machinery = runtime::machinery();
    let interrupt = Interrupt::default();
    let outcome = ci::run(
        ci::Request {
            config: &loaded.config,
            gate: &loaded.config.gate,
            config_changes: Vec::new(),
            folder,
            lines: Vec::new(),
            shapes: ShapeSource::Config,
            baselines: &baselines,
            machinery: &machinery,
            stored: BTreeMap::new(),
            workspace: &workspace,
            environment: &environment,
            interrupt: &interrupt,
            cache: None,
            context: report::Context {
                key: "default".to_owned(),
                ..report::Context::default()
            },
            notices: Vec::new(),
            now: NOW.to_owned(),
        },
        &mut |_| {},
    )
    .unwrap();
    let found: Vec<Found> = outcome.done.iter().map(|done| done.found.clone()).collect();
    assert_eq!(found.len(), 6);
    let single = plain(&outcome.report);
    for (places, of) in [
        ([0, 0, 0, 0, 0, 0], 1),
        ([0, 1, 2, 3, 4, 0], 5),
        ([1, 0, 1, 0, 1, 0], 2),
        ([2, 2, 1, 1, 0, 0], 3),
    ] {
        let several = plain(&merged(parts(&found, &places, of, &loaded.config), &loaded.config));
        let mut place = String::new();
        assert!(
            about_equal(&single, &several, &mut place),
            "{place}: {single:#} {several:#}"
        );
    }
}

/// Equal but for what is lost where samples are stored in whole nanoseconds.
fn about_equal(one: &Value, other: &Value, place: &mut String) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| {
                    let same = other.get(key).is_some_and(|other| about_equal(value, other, place));
                    if !same {
                        place.insert_str(0, &format!(".{key}"));
                    }
                    same
                })
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| about_equal(one, other, place))
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 1e-3 * one.abs().max(1e-3)
        }
        _ => one == other,
    }
}
