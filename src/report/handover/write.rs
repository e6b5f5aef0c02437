//! Writes the file so that the strict reader takes it: texts cleaned, and of too large a report the worst, with a word that it is less.

use serde_json::Value;

use super::Content;
use super::Handover;
use super::HandoverError;
use super::MAX_BYTES;
use super::check;
use super::wire;
use crate::report::Report;
use crate::report::clean;
use crate::verdict::Verdict;

/// How much of a report is left out, one step after the other.
#[derive(Clone, Copy)]
enum Less {
    /// Figures that only inform, what variants gain, remarks on how it was measured.
    Background,
    /// All figures of what did not fail.
    Good,
}

/// The file's text: one line of JSON and a line break, of at most [`MAX_BYTES`], which the reader takes.
pub fn to_text(handover: &Handover) -> Result<String, HandoverError> {
    let whole = text(handover)?;
    if whole.len() <= MAX_BYTES {
        return Ok(whole);
    }
    let mut length = whole.len();
    for less in [Less::Background, Less::Good] {
        let Content::Judged(judged) = &handover.content else {
            break;
        };
        let mut smaller = judged.clone();
        shrink(&mut smaller.report, less);
        let shorter = text(&Handover {
            content: Content::Judged(smaller),
            ..handover.clone()
        })?;
        length = shorter.len();
        if length <= MAX_BYTES {
            return Ok(shorter);
        }
    }
    Err(HandoverError::TooLong(length as u64))
}

fn text(handover: &Handover) -> Result<String, HandoverError> {
    let mut value = serde_json::to_value(wire::File::from(handover)).map_err(HandoverError::Malformed)?;
    tidy(&mut value);
    check::shape(&value)?;
    check::sense(handover)?;
    Ok(format!("{value}\n"))
}

/// Takes out of every text what the reader would refuse; renderers do the same with what they show.
fn tidy(value: &mut Value) {
    match value {
        Value::String(text) => *text = clean::line(text, check::MAX_TEXT),
        Value::Array(entries) => entries.iter_mut().for_each(tidy),
        Value::Object(fields) => fields.values_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn shrink(report: &mut Report, less: Less) {
    report.variants.clear();
    for detail in &mut report.comparisons {
        detail.operators = None;
        detail.warnings.clear();
        detail.disturbances.clear();
        detail.comparison.metrics.retain(|metric| metric.gated);
        for side in [&mut detail.baseline, &mut detail.candidate].into_iter().flatten() {
            side.warmup_ms.clear();
        }
        if matches!(less, Less::Good) && detail.comparison.verdict < Verdict::Inconclusive {
            detail.comparison.metrics.clear();
            detail.comparison.hints.clear();
            detail.latency = None;
            detail.baseline = None;
            detail.candidate = None;
        }
    }
    report.notices.push(
        match less {
            Less::Background => "the result was too large to hand over whole: figures that only inform were left out",
            Less::Good => "the result was too large to hand over whole: the figures of what did not fail were left out",
        }
        .to_owned(),
    );
}
