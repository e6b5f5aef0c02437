//! Could this have been measured? Samples that come out of a file are looked at before anything is concluded from them.

use crate::measure::accuracy::Accuracy;
use crate::measure::plan::MIN_RESTARTS;
use crate::measure::samples::Block;
use crate::measure::samples::Looks;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::Process;
use crate::measure::samples::SideMeasurement;
use crate::pipeline::found::Evidence;
use crate::pipeline::found::Found;
use crate::verdict::Verdict;

/// No measurement makes more restarts, by far.
const MOST_RESTARTS: usize = 10_000;

/// No plan looks more often, by far.
const MOST_LOOKS: usize = 64;

/// No limit is shared by a larger family, by far.
const LARGEST_FAMILY: usize = 10_000_000;

/// No measurement takes longer: a year, in seconds.
const LONGEST: f64 = 366.0 * 86_400.0;

/// What is wrong with what was found of a comparison, as a sentence fragment.
pub(super) fn check(found: &Found) -> Result<(), String> {
    let known =
        |side: &Option<crate::pipeline::found::FoundSide>| side.as_ref().is_some_and(|side| side.facts.is_some());
    let evidence = match &found.evidence {
        Evidence::Pair { measurement, accuracy } => {
            if !known(&found.baseline) || !known(&found.candidate) {
                return Err("it has samples of both sides and says nothing of one".to_owned());
            }
            pair(measurement).and_then(|()| agreement(accuracy))
        }
        Evidence::Alone {
            measurement,
            top1,
            otherwise,
            reason,
        } => {
            if !known(&found.candidate) {
                return Err("it has samples of the candidate and says nothing of it".to_owned());
            }
            if !matches!(otherwise, Verdict::NoBaseline | Verdict::Skipped) {
                return Err(format!("it was measured alone and is to be `{}`", otherwise.word()));
            }
            if reason.trim().is_empty() {
                return Err("it was measured alone, without a reason".to_owned());
            }
            share("accuracy", *top1).and_then(|()| side(measurement))
        }
        Evidence::Settled { verdict, reason, .. } => {
            if !matches!(
                verdict,
                Verdict::Skipped | Verdict::Removed | Verdict::Error | Verdict::Regression
            ) {
                return Err(format!("it is `{}` without having been measured", verdict.word()));
            }
            if reason.trim().is_empty() {
                return Err(format!("it is `{}` without a reason", verdict.word()));
            }
            Ok(())
        }
        Evidence::Stored { .. } => Err("it has benchmarks of another time".to_owned()),
    };
    evidence?;
    let is_family = found.in_family || matches!(found.evidence, Evidence::Settled { .. });
    if is_family {
        Ok(())
    } else {
        Err("it was measured and stands outside the family".to_owned())
    }
}

fn pair(measurement: &PairMeasurement) -> Result<(), String> {
    restarts(measurement.restarts.len(), &measurement.looks)?;
    duration("the measurement", measurement.seconds)?;
    for restart in &measurement.restarts {
        process(&restart.baseline)?;
        process(&restart.candidate)?;
        if restart.rounds.is_empty() {
            return Err("a restart has no rounds".to_owned());
        }
        for round in &restart.rounds {
            block(&round.baseline)?;
            block(&round.candidate)?;
        }
    }
    Ok(())
}

fn side(measurement: &SideMeasurement) -> Result<(), String> {
    restarts(measurement.restarts.len(), &measurement.looks)?;
    duration("the measurement", measurement.seconds)?;
    for restart in &measurement.restarts {
        process(&restart.process)?;
        if restart.blocks.is_empty() {
            return Err("a restart has no blocks".to_owned());
        }
        restart.blocks.iter().try_for_each(block)?;
    }
    Ok(())
}

fn restarts(made: usize, looks: &Looks) -> Result<(), String> {
    if !(MIN_RESTARTS..=MOST_RESTARTS).contains(&made) {
        return Err(format!(
            "{made} restarts were made, expected {MIN_RESTARTS} to {MOST_RESTARTS}"
        ));
    }
    let taken = &looks.taken;
    let is_rising = taken.iter().zip(taken.iter().skip(1)).all(|(one, next)| one < next);
    let ends_well = taken.last() == Some(&made) && taken.first().is_some_and(|first| *first > 0);
    if !is_rising || !ends_well || taken.len() > MOST_LOOKS {
        return Err(format!("its looks do not rise to the {made} restarts that were made"));
    }
    if !(1..=MOST_RESTARTS).contains(&looks.planned) {
        return Err(format!("{} restarts were planned", looks.planned));
    }
    if !(1..=LARGEST_FAMILY).contains(&looks.family) {
        return Err(format!("its error is shared over {} limits", looks.family));
    }
    Ok(())
}

fn process(process: &Process) -> Result<(), String> {
    duration("loading", process.load_seconds)?;
    duration("the first inference", process.first_seconds)?;
    let mut warmup = process.warmup.iter();
    warmup.try_for_each(|seconds| duration("an inference", *seconds))
}

fn block(block: &Block) -> Result<(), String> {
    if block.wall.is_empty() {
        return Err("a block has no inferences".to_owned());
    }
    if !block.stolen.is_empty() && block.stolen.len() != block.wall.len() {
        return Err("a block has not one stolen time an inference".to_owned());
    }
    let mut all = block.wall.iter().chain(&block.stolen);
    all.try_for_each(|seconds| duration("an inference", *seconds))
}

fn duration(what: &str, seconds: f64) -> Result<(), String> {
    if (0.0..=LONGEST).contains(&seconds) {
        Ok(())
    } else {
        Err(format!("{what} took {seconds} s"))
    }
}

fn agreement(accuracy: &Accuracy) -> Result<(), String> {
    for (what, cosine) in [("cosine", accuracy.cosine), ("lowest cosine", accuracy.lowest_cosine)] {
        // A sum of rounding errors may stand a little outside.
        if !(-1.000_001..=1.000_001).contains(&cosine) {
            return Err(format!("its {what} is {cosine}"));
        }
    }
    if accuracy.samples == 0 {
        return Err("its outputs were compared on no sample".to_owned());
    }
    for (what, value) in [
        ("top-1 agreement", accuracy.top1_agreement),
        ("baseline's top-1 accuracy", accuracy.baseline_top1),
        ("candidate's top-1 accuracy", accuracy.candidate_top1),
        ("baseline's top-5 accuracy", accuracy.baseline_top5),
        ("candidate's top-5 accuracy", accuracy.candidate_top5),
    ] {
        share(what, value)?;
    }
    Ok(())
}

fn share(what: &str, value: Option<f64>) -> Result<(), String> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => Err(format!("its {what} is {value}")),
        _ => Ok(()),
    }
}
