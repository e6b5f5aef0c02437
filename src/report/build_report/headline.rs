//! The words at the top: what the build is, how fast, whether it should be used.

use super::Advice;
use super::BuildReport;
use super::day;
use super::letter;
use super::plural;
use super::short;
use crate::report::document::Tone;
use crate::report::document::Verdict;
use crate::units::Bytes;
use crate::units::Millis;

/// Name and recipe.
pub(super) fn title(report: &BuildReport) -> String {
    format!("{} · {}", report.build.name, report.build.recipe)
}

/// What the build is, and how fast.
pub(super) fn about(report: &BuildReport) -> Vec<String> {
    vec![what(report), how_fast(report)]
}

fn what(report: &BuildReport) -> String {
    let build = &report.build;
    let origin = match &build.parent {
        Some(parent) => format!(
            "the {} variant of {} ({}), made on {} by mlbuild {}",
            build.recipe,
            build.model,
            short(&parent.id),
            day(&build.created_at),
            build.made_by
        ),
        None if build.imported => format!("{}, imported on {}", build.model, day(&build.created_at)),
        None => format!("{} as it is, first seen on {}", build.model, day(&build.created_at)),
    };
    let size = match &build.parent {
        Some(parent) if parent.size_bytes > 0 => format!(
            "{}, {} % of the {} of {}",
            Bytes(build.size_bytes),
            share(build.size_bytes, parent.size_bytes),
            Bytes(parent.size_bytes),
            parent.recipe
        ),
        _ => Bytes(build.size_bytes).to_string(),
    };
    format!("Build {} is {origin}: {size}.", short(&build.id))
}

fn share(part: u64, whole: u64) -> String {
    let percent = 100.0 * part as f64 / whole as f64;
    if percent < 10.0 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    }
}

fn how_fast(report: &BuildReport) -> String {
    let Some((newest, p50)) = report
        .measurements
        .iter()
        .rev()
        .find_map(|measured| Some((measured, measured.p50_ms?)))
    else {
        return "How fast it is was never measured.".to_owned();
    };
    let interval = p50
        .interval()
        .map(|(lower, upper)| format!(" (95 % interval {} to {})", Millis(lower), Millis(upper)))
        .unwrap_or_default();
    let evidence = match newest.processes {
        Some(processes) => format!(
            "{} in {} fresh process{}",
            plural(usize::try_from(newest.inferences).unwrap_or(usize::MAX), "inference"),
            processes,
            if processes == 1 { "" } else { "es" }
        ),
        None => plural(usize::try_from(newest.inferences).unwrap_or(usize::MAX), "inference"),
    };
    let by = newest
        .origin
        .as_ref()
        .map(|origin| format!(", as {origin} measured it"))
        .unwrap_or_default();
    format!(
        "Its median latency is {}{interval} on machine {}, {} {}: {evidence} on {}{by}.",
        Millis(p50.value),
        letter(newest.machine),
        newest.target,
        newest.runtime_version,
        day(&newest.created_at)
    )
}

/// The recommendation with a sign that says the same.
pub(super) fn verdict(report: &BuildReport) -> Verdict {
    let (tone, sign, word) = match report.recommendation.advice {
        Advice::Use => (Tone::Good, "★", "Use it."),
        Advice::Consider => (Tone::Good, "◆", "Worth a look."),
        Advice::Avoid => (Tone::Bad, "✗", "Rather not."),
        Advice::Keep => (Tone::Neutral, "○", "Keep it."),
        Advice::Replace => (Tone::Neutral, "◇", "There is better."),
        Advice::Unknown => (Tone::Neutral, "?", "Cannot say yet."),
    };
    Verdict {
        tone,
        sign,
        word: word.to_owned(),
        text: report.recommendation.text.clone(),
        evidence: report.recommendation.evidence.clone(),
    }
}
