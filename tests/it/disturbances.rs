//! What is said to have disturbed a measurement, against recorded noise: found where it is, and rarely where it is not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mlbuild::measure::PairMeasurement;
use mlbuild::measure::Which;
use mlbuild::measure::disturbance;
use mlbuild::measure::disturbance::Disturbance;
use mlbuild::measure::samples::Block;
use mlbuild::measure::samples::Looks;
use mlbuild::measure::samples::Process;
use mlbuild::measure::samples::Restart;
use mlbuild::measure::samples::Round;
use mlbuild::measure::samples::StopReason;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

const DRAWS: usize = 100;

/// What is recorded on an otherwise idle machine.
const QUIET: [&str; 7] = [
    "bert_mini_pinned",
    "bert_mini_quiet",
    "digits_cnn_pinned",
    "digits_cnn_quiet",
    "mobilenetv2_pinned",
    "mobilenetv2_quiet",
    "squeezenet_quiet",
];

fn recorded(name: &str) -> PairMeasurement {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/noise/levels/{name}.csv"));
    let block = |number: &str| Block {
        wall: vec![number.parse::<f64>().unwrap() / 1e8],
        stolen: Vec::new(),
    };
    let restarts: Vec<Restart> = fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| {
            let numbers: Vec<&str> = line.split(',').collect();
            Restart {
                baseline: process(),
                candidate: process(),
                rounds: numbers
                    .chunks(2)
                    .map(|pair| Round {
                        first: Which::Baseline,
                        baseline: block(pair[0]),
                        candidate: block(pair[1]),
                    })
                    .collect(),
            }
        })
        .collect();
    assert!(restarts.len() >= 16, "{name}");
    measured(restarts)
}

fn process() -> Process {
    Process {
        load_seconds: 0.05,
        loaded_bytes: None,
        first_seconds: 0.01,
        warmup: Vec::new(),
        peak_bytes: None,
    }
}

fn measured(restarts: Vec<Restart>) -> PairMeasurement {
    PairMeasurement {
        looks: Looks {
            taken: vec![restarts.len()],
            planned: restarts.len(),
            last_is_final: true,
            family: 1,
        },
        restarts,
        stopped: StopReason::Planned,
        seconds: 10.0,
        cores: None,
        runtime_version: "1.31.0".to_owned(),
        empty_session_bytes: None,
        load_average: None,
        activity: Default::default(),
        warnings: Vec::new(),
    }
}

fn sentences(name: &str) -> Vec<String> {
    disturbance::find(&recorded(name))
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn names_what_is_in_the_recordings() {
    let found: Vec<String> = [
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
    ]
    .iter()
    .map(|name| {
        let said = sentences(name).join("; ");
        format!("{name}: {}", if said.is_empty() { "nothing" } else { &said })
    })
    .collect();
    insta::assert_snapshot!(found.join("\n"), @r"
    bert_mini_hopping: the processor slowed down: both sides lost 31 % while measuring
    bert_mini_pinned: nothing
    bert_mini_quiet: the baseline's latency has two levels 19 % apart: 21 % of the restarts are slow
    digits_cnn_loaded: everything got slower while measuring, by 5.0 % over 24 restarts
    digits_cnn_pinned: nothing
    digits_cnn_quiet: 2 of 24 restarts stand apart from the others, by up to 23 %
    mobilenetv2_bursty: everything got slower while measuring, by 8.2 % over 24 restarts
    mobilenetv2_pinned: nothing
    mobilenetv2_quiet: 1 of 24 restarts stands apart from the others, by up to 9.0 %
    squeezenet_loaded: the baseline's latency has two levels 64 % apart: 71 % of the restarts are slow; 1 of 24 restarts stands apart from the others, by up to 4.4 %
    squeezenet_quiet: 1 of 24 restarts stands apart from the others, by up to 4.9 %
    ");
}

/// Draws of `count` of a recording's restarts in random order, so that no trend over them can be real: how often what is found.
fn shares(name: &str, count: usize) -> BTreeMap<String, f64> {
    let mut all = recorded(name).restarts;
    let mut random = Pcg64::seed_from_u64(11);
    let mut shares = BTreeMap::new();
    for _ in 0..DRAWS {
        for index in 0..count {
            let other = random.random_range(index..all.len());
            all.swap(index, other);
        }
        for found in disturbance::find(&measured(all[..count].to_vec())) {
            let kind = match found {
                Disturbance::Drift { inside: true, .. } => "drift inside".to_owned(),
                other => other.kind().to_owned(),
            };
            *shares.entry(kind).or_insert(0.0) += 1.0 / DRAWS as f64;
        }
    }
    shares
}

/// Mean over recordings.
fn rates(names: &[&str], count: usize) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    for name in names {
        for (kind, share) in shares(name, count) {
            *all.entry(kind).or_insert(0.0) += share / names.len() as f64;
        }
    }
    all
}

#[test]
fn little_is_found_where_there_is_nothing() {
    let pinned: Vec<&str> = QUIET.into_iter().filter(|name| name.ends_with("pinned")).collect();
    for count in [8, 15] {
        let found = rates(&pinned, count);
        println!("{count} restarts: {found:?}");
        let any: f64 = found.values().sum();
        assert!(any <= 0.05, "{count} restarts: {found:?}");
    }
}

#[test]
fn trends_are_rarely_found_where_there_can_be_none() {
    let found = rates(&QUIET, 12);
    let trends: f64 = ["throttling", "drift", "ratio-drift"]
        .iter()
        .filter_map(|kind| found.get(*kind))
        .sum();
    assert!(trends <= 0.005, "{found:?}");
}
