//! Scripted measurements for the tests of this layer.

use crate::measure::accuracy::Accuracy;
use crate::measure::samples::Block;
use crate::measure::samples::LoneRestart;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Process;
use crate::measure::samples::Restart;
use crate::measure::samples::Round;
use crate::measure::samples::SideMeasurement;
use crate::measure::samples::StopReason;
use crate::measure::samples::Which;
use crate::verdict::types::ComparisonKey;

pub(super) fn key() -> ComparisonKey {
    ComparisonKey {
        model: "digits".to_owned(),
        target: "onnxruntime_cpu".to_owned(),
        variant: "fp32".to_owned(),
        sequence: None,
    }
}

/// Small differences between restarts, of mean zero.
const LAYOUT: [f64; 8] = [0.004, -0.006, 0.002, 0.007, -0.005, -0.003, 0.006, -0.005];

/// A finished measurement of eight restarts. `baseline_ms` is its latency; the candidate's is `ratio` times that, give or take
/// `noise` times the small differences between restarts. Peaks are in bytes beyond an empty session.
pub(super) fn pair(baseline_ms: f64, ratio: f64, noise: f64, peaks: (u64, u64)) -> PairMeasurement {
    let process = |beyond: u64| Process {
        load_seconds: 0.01,
        first_seconds: 0.001,
        warmup: vec![0.001; 3],
        peak_bytes: Some(EMPTY + beyond),
        loaded_bytes: Some(EMPTY + beyond / 2),
    };
    let block = |seconds: f64| Block {
        wall: vec![seconds; 4],
        stolen: Vec::new(),
    };
    let restarts = LAYOUT
        .iter()
        .map(|layout| {
            let baseline = baseline_ms / 1e3;
            let candidate = baseline * ratio * (layout * noise).exp();
            let round = Round {
                first: Which::Baseline,
                baseline: block(baseline),
                candidate: block(candidate),
            };
            Restart {
                baseline: process(peaks.0),
                candidate: process(peaks.1),
                rounds: vec![round; 5],
            }
        })
        .collect();
    PairMeasurement {
        restarts,
        looks: looks(),
        stopped: StopReason::Planned,
        seconds: 2.0,
        cores: None,
        runtime_version: "1.31.1".to_owned(),
        empty_session_bytes: Some(EMPTY),
        load_average: Some(1.5),
        activity: Default::default(),
        warnings: Vec::new(),
    }
}

pub(super) const EMPTY: u64 = 20_000_000;

fn looks() -> Looks {
    Looks {
        taken: vec![5, 8],
        planned: 8,
        last_is_final: true,
        family: 2,
    }
}

/// The candidate's side of [`pair`], alone.
pub(super) fn lone(milliseconds: f64, noise: f64, peak: u64) -> SideMeasurement {
    let pair = pair(milliseconds, 1.0, noise, (0, peak));
    SideMeasurement {
        restarts: pair
            .restarts
            .iter()
            .map(|restart| LoneRestart {
                process: restart.candidate.clone(),
                blocks: restart.rounds.iter().map(|round| round.candidate.clone()).collect(),
            })
            .collect(),
        looks: pair.looks,
        stopped: pair.stopped,
        seconds: pair.seconds,
        cores: pair.cores,
        runtime_version: pair.runtime_version,
        empty_session_bytes: pair.empty_session_bytes,
        load_average: pair.load_average,
        activity: Default::default(),
        warnings: pair.warnings,
    }
}

/// Outputs that agree, without labels.
pub(super) fn agreeing() -> Accuracy {
    Accuracy {
        samples: 100,
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
