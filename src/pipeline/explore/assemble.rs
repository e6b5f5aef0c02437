//! From what a sweep measured to what it shows: figures out of raw pairs, verdicts, the front.

use std::collections::BTreeMap;

use crate::measure::Quantity;
use crate::measure::Which;
use crate::measure::samples::PairMeasurement;
use crate::pipeline::explore::options;
use crate::pipeline::explore::options::OptionTrial;
use crate::pipeline::explore::sweep::Sweep;
use crate::pipeline::explore::trial::Trial;
use crate::report::explore::Accuracy;
use crate::report::explore::Figure;
use crate::report::explore::Latency;
use crate::report::explore::Memory;
use crate::report::explore::OptionRow;
use crate::report::explore::Row;
use crate::report::explore::Verdict;
use crate::stats::interval::Interval;
use crate::stats::sequential::TAIL;
use crate::stats::summary::median;
use crate::verdict::tradeoff;
use crate::verdict::tradeoff::Candidate;
use crate::verdict::tradeoff::Judged;
use crate::verdict::tradeoff::Judgement;
use crate::verdict::tradeoff::Reason;
use crate::verdict::tradeoff::Reference;
use crate::verdict::tradeoff::Tried;

/// The candidate's latency over the baseline's.
pub(super) fn ratio(pair: &PairMeasurement) -> Option<Interval> {
    // Without a look nothing was spent on looking: a plain interval.
    let tail = if pair.looks.taken.is_empty() {
        TAIL
    } else {
        pair.looks.tail()
    };
    let change = pair.change(Quantity::LatencyP50)?.interval(tail)?;
    let ratio = |percent: f64| 1.0 + percent / 100.0;
    Some(Interval {
        center: ratio(change.center),
        lower: ratio(change.lower),
        upper: ratio(change.upper),
    })
}

pub(super) fn latency(pair: &PairMeasurement) -> Option<Latency> {
    Some(Latency {
        p50_ms: pair.shown(Which::Candidate, Quantity::LatencyP50)?,
        beside_p50_ms: pair.shown(Which::Baseline, Quantity::LatencyP50)?,
        ratio: ratio(pair)?.into(),
        restarts: pair.restarts.len(),
    })
}

fn memory(pair: &PairMeasurement) -> Option<Memory> {
    let change = pair.change(Quantity::PeakMemory);
    Some(Memory {
        peak_bytes: pair.shown(Which::Candidate, Quantity::PeakMemory)?,
        change_percent: change
            .and_then(|change| change.interval(TAIL))
            .map(Figure::from)
            .filter(|figure| figure.lower.is_finite() && figure.upper.is_finite()),
    })
}

/// What variants are compared with.
pub(super) fn reference(sweep: &Sweep<'_>) -> Reference {
    Reference {
        name: sweep.baseline_name.clone(),
        size_bytes: sweep.source.opened.model.size().0,
    }
}

/// Judges what was tried.
pub(super) fn judge(sweep: &Sweep<'_>, trials: &[Trial]) -> Judged {
    let tried: Vec<Tried> = trials.iter().map(|trial| tried(sweep, trial)).collect();
    tradeoff::judge(&reference(sweep), &tried, sweep.request.min_cosine)
}

fn tried(sweep: &Sweep<'_>, trial: &Trial) -> Tried {
    if let Some(trouble) = &trial.failure {
        return Tried::Failed(trouble.reason.clone());
    }
    let (Some(made), Some(pair)) = (&trial.made, &trial.pair) else {
        return Tried::Failed("not measured".to_owned());
    };
    let Some(latency) = ratio(pair) else {
        return Tried::Failed("too little was measured for an interval".to_owned());
    };
    if sweep.request.check_accuracy && made.verified.accuracy.cosine < sweep.request.min_cosine {
        let reason = Reason::Inaccurate {
            cosine: made.verified.accuracy.cosine,
            least: sweep.request.min_cosine,
        };
        return Tried::Failed(reason.to_string());
    }
    Tried::Measured(Candidate {
        name: trial.recipe.name(),
        latency,
        size_bytes: made.size_bytes(),
        cosine: made.verified.accuracy.cosine,
    })
}

/// The baseline's row: its figures are the medians over all pairs that it was measured in.
pub(super) fn baseline(sweep: &Sweep<'_>, trials: &[Trial], on_front: bool) -> Row {
    let pairs: Vec<&PairMeasurement> = trials.iter().filter_map(|trial| trial.pair.as_ref()).collect();
    let shown = |quantity| {
        let values: Vec<f64> = pairs
            .iter()
            .filter_map(|pair| pair.shown(Which::Baseline, quantity))
            .collect();
        median(&values)
    };
    let size = sweep.source.opened.model.size().0;
    Row {
        recipe: sweep.baseline_name.clone(),
        build_id: sweep.baseline_id.as_ref().map(ToString::to_string),
        verdict: Verdict::Baseline,
        reason: None,
        hints: Vec::new(),
        score: Some(1.0),
        on_front,
        size_bytes: Some(size),
        size_change_percent: Some(0.0),
        latency: shown(Quantity::LatencyP50).map(|p50_ms| Latency {
            p50_ms,
            beside_p50_ms: p50_ms,
            ratio: Figure {
                value: 1.0,
                lower: 1.0,
                upper: 1.0,
            },
            restarts: pairs.iter().map(|pair| pair.restarts.len()).sum(),
        }),
        memory: shown(Quantity::PeakMemory).map(|peak_bytes| Memory {
            peak_bytes,
            change_percent: None,
        }),
        accuracy: None,
        changed: None,
        left: None,
        left_because: None,
        notes: Vec::new(),
        derive_seconds: None,
        reused: trials.iter().any(|trial| trial.is_reused)
            && trials.iter().all(|trial| trial.pair.is_none() || trial.is_reused),
    }
}

pub(super) fn row(sweep: &Sweep<'_>, trial: &Trial, judgement: &Judgement) -> Row {
    let made = trial.made.as_ref();
    let size = made.map(|made| made.size_bytes());
    let whole = sweep.source.opened.model.size().0.max(1) as f64;
    let (verdict, reason) = match &judgement.reason {
        Some(Reason::Failed(why)) => (Verdict::Failed, Some(why.clone())),
        reason => (judgement.word.into(), reason.as_ref().map(ToString::to_string)),
    };
    Row {
        recipe: trial.recipe.name(),
        build_id: made.map(|made| made.id.to_string()),
        verdict,
        reason,
        hints: trial
            .failure
            .as_ref()
            .map(|trouble| trouble.hints.clone())
            .unwrap_or_default(),
        score: judgement.score,
        on_front: judgement.on_front,
        size_bytes: size,
        size_change_percent: size.map(|size| 100.0 * (size as f64 / whole - 1.0)),
        latency: trial.pair.as_ref().and_then(latency),
        memory: trial.pair.as_ref().and_then(memory),
        accuracy: made.map(|made| accuracy(&made.verified.accuracy)),
        changed: made.map(|made| made.changed),
        left: made.map(|made| made.left),
        left_because: made.and_then(|made| made.left_because.clone()),
        notes: made.map(|made| made.notes.clone()).unwrap_or_default(),
        derive_seconds: made.map(|made| made.seconds),
        reused: trial.is_reused,
    }
}

fn accuracy(found: &crate::measure::accuracy::Accuracy) -> Accuracy {
    Accuracy {
        cosine: found.cosine,
        lowest_cosine: found.lowest_cosine,
        max_abs_error: found.max_abs_error,
        top1_agreement: found.top1_agreement,
        top1: found.candidate_top1,
        baseline_top1: found.baseline_top1,
        samples: found.samples,
    }
}

pub(super) fn option_row(option: &OptionTrial) -> OptionRow {
    let ratio = option.pair.as_ref().and_then(ratio);
    OptionRow {
        recipe: option.recipe.clone(),
        setting: option.setting.clone(),
        options: options::described(&option.settings),
        speed: ratio.map(|ratio| tradeoff::Speed::of(&ratio).into()),
        latency: option.pair.as_ref().and_then(latency),
        memory: option.pair.as_ref().and_then(memory),
        reason: option.failure.as_ref().map(|trouble| trouble.reason.clone()),
        reused: option.is_reused,
    }
}

/// Names on the front, fastest first.
pub(super) fn front(rows: &[Row]) -> Vec<String> {
    let mut front: Vec<&Row> = rows.iter().filter(|row| row.on_front).collect();
    let ratio = |row: &Row| {
        row.latency
            .as_ref()
            .map_or(f64::INFINITY, |latency| latency.ratio.value)
    };
    front.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    front.into_iter().map(|row| row.recipe.clone()).collect()
}

/// Shapes of inputs by name.
pub(super) fn shapes(sweep: &Sweep<'_>) -> BTreeMap<String, Vec<u64>> {
    let inputs = sweep.source.opened.made.inputs.iter();
    inputs
        .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
        .collect()
}
