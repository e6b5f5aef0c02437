//! Whether to use a build: what the score over latency and size says of it beside its source, in words. Where something was not
//! measured, the answer is that nobody can say yet, and how to find out.

use super::family::Family;
use super::family::Judged;
use super::family::LEAST_COSINE;
use crate::pipeline::machine_list::Machines;
use crate::registry::Build;
use crate::report::build_report::Advice;
use crate::report::build_report::Check;
use crate::report::build_report::Recommendation;
use crate::report::build_report::Variant;
use crate::stats::interval::Interval;
use crate::units::Millis;
use crate::verdict::tradeoff::Speed;
use crate::verdict::tradeoff::Word;

/// The recommendation for `build`.
pub(super) fn advise(build: &Build, family: &Family, check: Option<&Check>, machines: &Machines) -> Recommendation {
    let id = build.facts.id.to_string();
    let short = build.facts.id.short();
    let Some(judged) = &family.reference else {
        let (text, how) = match &build.facts.parent {
            Some(parent) => (
                "It was not measured beside what it was derived from.".to_owned(),
                format!(
                    "`mlbuild compare {} {short}` measures both side by side.",
                    parent.short()
                ),
            ),
            None => (
                "No latency of it is known, nor of any variant.".to_owned(),
                format!("`mlbuild explore {short}` makes variants and measures them beside it."),
            ),
        };
        return unknown(text, how);
    };
    let mut evidence = Vec::new();
    if let Some(ratio) = judged.ratios.get(&id) {
        evidence.push(format!(
            "Latency: {} {} ({:.2} to {:.2} times its {}), {} on {}.",
            speed(ratio),
            judged.recipe,
            ratio.lower,
            ratio.upper,
            Millis(judged.p50_ms),
            if judged.in_pairs {
                "measured in pairs, turn by turn,"
            } else {
                "measured apart, not side by side,"
            },
            family
                .machine
                .and_then(|machine| machines.describe().into_iter().nth(machine))
                .unwrap_or_default()
        ));
    }
    if let Some(check) = check {
        evidence.push(format!(
            "Outputs: cosine similarity {:.4} to {} on {} {}.",
            check.cosine,
            check.against_recipe.as_deref().unwrap_or("its source"),
            check.samples,
            if check.real_samples {
                "real samples"
            } else {
                "made-up samples, which say little about accuracy on real ones"
            }
        ));
    }
    if id == judged.id {
        return of_reference(build, family, judged, evidence);
    }
    let Some(judgement) = judged.judgements.get(&id) else {
        let (text, how) = if judged.ratios.contains_key(&id) {
            (
                "Its outputs were not compared with its source's.",
                format!("`mlbuild accuracy {} {short}` does.", beginning(&judged.id)),
            )
        } else {
            (
                "Its latency beside its source's is not known.",
                format!(
                    "`mlbuild compare {} {short}` measures both side by side.",
                    beginning(&judged.id)
                ),
            )
        };
        let mut recommendation = unknown(text.to_owned(), how);
        recommendation.evidence.splice(0..0, evidence);
        return recommendation;
    };
    let gains = gains(judged.ratios.get(&id), build.size().0, judged);
    let others = judged.judgements.len();
    let (advice, text) = match judgement.word {
        Word::Recommended => (
            Advice::Use,
            match others {
                1 => format!("It is {gains}."),
                _ => format!("Of {others} variants it has the best score over latency and size: {gains}."),
            },
        ),
        Word::Aggressive => (
            Advice::Consider,
            format!(
                "It is the smallest of the variants that gain ({gains}); {} scores higher.",
                recommended(family).map_or("another one", |variant| variant.recipe.as_str())
            ),
        ),
        Word::Skip | Word::Baseline => (
            Advice::Avoid,
            judgement
                .reason
                .as_ref()
                .map_or_else(|| format!("It is {gains}."), |reason| sentence(&reason.to_string())),
        ),
    };
    evidence.push(rule(judged));
    Recommendation { advice, text, evidence }
}

/// For the build that the variants come from.
fn of_reference(build: &Build, family: &Family, judged: &Judged, mut evidence: Vec<String>) -> Recommendation {
    if judged.judgements.is_empty() {
        return Recommendation {
            advice: Advice::Unknown,
            text: "No variant of it was measured beside it.".to_owned(),
            evidence: vec![format!(
                "`mlbuild explore {}` makes variants and measures them beside it.",
                build.facts.id.short()
            )],
        };
    }
    let tried = match judged.judgements.len() {
        1 => "the one variant that was measured beside it".to_owned(),
        count => format!("{count} variants that were measured beside it"),
    };
    evidence.push(rule(judged));
    match recommended(family) {
        Some(variant) => Recommendation {
            advice: Advice::Replace,
            text: format!(
                "Its variant {} ({}) is {}.",
                variant.recipe,
                beginning(&variant.id),
                gains(judged.ratios.get(&variant.id), variant.size_bytes, judged)
            ),
            evidence,
        },
        None => Recommendation {
            advice: Advice::Keep,
            text: format!("Of {tried} none is worth having instead."),
            evidence,
        },
    }
}

fn recommended(family: &Family) -> Option<&Variant> {
    family
        .variants
        .iter()
        .find(|variant| variant.word == Some(Word::Recommended.name()))
}

fn unknown(text: String, how: String) -> Recommendation {
    Recommendation {
        advice: Advice::Unknown,
        text,
        evidence: vec![how],
    }
}

fn rule(judged: &Judged) -> String {
    format!(
        "Judged as `mlbuild explore` does: 0.6 × (latency of {0} / its own) + 0.4 × (size of {0} / its own) must be above 1 beyond noise, and \
         outputs must reach a cosine similarity of {LEAST_COSINE}.",
        judged.recipe
    )
}

/// `1.68× faster than fp32 and 62 % smaller`.
fn gains(ratio: Option<&Interval>, size_bytes: u64, judged: &Judged) -> String {
    let latency = ratio.map_or_else(String::new, |ratio| format!("{} {}", speed(ratio), judged.recipe));
    if judged.size_bytes == 0 {
        return latency;
    }
    let change = 100.0 * (size_bytes as f64 / judged.size_bytes as f64 - 1.0);
    let size = if change.abs() < 0.5 {
        "equally large".to_owned()
    } else if change < 0.0 {
        format!("{:.0} % smaller", -change)
    } else {
        format!("{change:.0} % larger")
    };
    if latency.is_empty() {
        size
    } else {
        format!("{latency} and {size}")
    }
}

/// `1.68× faster than`; what noise may explain is `as fast as`.
fn speed(ratio: &Interval) -> String {
    match Speed::of(ratio) {
        Speed::Faster => format!("{:.2}× faster than", 1.0 / ratio.center),
        Speed::Slower => format!("{:.2}× slower than", ratio.center),
        Speed::Same => "as fast, within noise, as".to_owned(),
    }
}

fn sentence(fragment: &str) -> String {
    let mut characters = fragment.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().collect::<String>())
        .unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

fn beginning(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
