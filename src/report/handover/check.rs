//! What a result file may hold at most, and what must agree in it.

use serde_json::Value;

use super::Content;
use super::Handover;
use super::HandoverError;
use super::Judged;
use super::MAX_HINTS;
use crate::report::builder::check_comparisons;
use crate::report::builder::check_outcome;
use crate::report::clean;
use crate::verdict::Outcome;
use crate::verdict::Verdict;

/// As long as the longest text of which a renderer looks at every character.
pub(super) const MAX_TEXT: usize = 4 * clean::PROSE_LENGTH;

/// A key is part of names: of a check run, an artifact, a marker.
const MAX_KEY: usize = 200;

/// A list longer than this was made by nobody's config.
const MAX_ENTRIES: usize = 2000;

/// Values in the whole file.
const MAX_VALUES: usize = 200_000;

/// Objects and lists inside one another.
const MAX_DEPTH: usize = 10;

/// Beyond it no quantity makes sense, and its digits would fill a table.
const MAX_NUMBER: f64 = 1e18;

/// The metrics of one comparison, each at most once, and the hints, warnings and disturbances.
const MAX_PARTS: usize = 64;

/// Refuses what is too much or cannot be seen, anywhere in the file.
pub(super) fn shape(value: &Value) -> Result<(), HandoverError> {
    let mut left = MAX_VALUES;
    walk(value, &mut Vec::new(), &mut left)
}

fn walk<'a>(value: &'a Value, place: &mut Vec<&'a str>, left: &mut usize) -> Result<(), HandoverError> {
    *left = left
        .checked_sub(1)
        .ok_or_else(|| beyond(place, "more values", format!("at most {MAX_VALUES} in the file")))?;
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) => match number.as_f64() {
            Some(number) if number.is_finite() && number.abs() <= MAX_NUMBER => Ok(()),
            _ => Err(beyond(place, "a number", "a number of at most 1e18".to_owned())),
        },
        Value::String(text) => plain(text, place),
        Value::Array(_) | Value::Object(_) if place.len() >= MAX_DEPTH => {
            Err(beyond(place, "something nested", format!("at most {MAX_DEPTH} levels")))
        }
        Value::Array(entries) => {
            if entries.len() > MAX_ENTRIES {
                let found = format!("{} entries", entries.len());
                return Err(beyond(place, &found, format!("at most {MAX_ENTRIES}")));
            }
            place.push("[]");
            for entry in entries {
                walk(entry, place, left)?;
            }
            place.pop();
            Ok(())
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                plain(name, place)?;
                place.push(name);
                walk(field, place, left)?;
                place.pop();
            }
            Ok(())
        }
    }
}

fn plain(text: &str, place: &[&str]) -> Result<(), HandoverError> {
    if text.chars().nth(MAX_TEXT).is_some() {
        return Err(beyond(place, "a long text", format!("at most {MAX_TEXT} characters")));
    }
    if clean::line(text, MAX_TEXT) != text {
        let expected = "one line without control, invisible or direction-changing characters".to_owned();
        return Err(beyond(place, "unseen characters", expected));
    }
    Ok(())
}

fn beyond(place: &[&str], found: &str, expected: String) -> HandoverError {
    HandoverError::Beyond {
        place: clean::line(&place.join("."), clean::NAME_LENGTH),
        found: found.to_owned(),
        expected,
    }
}

/// Refuses what cannot be true.
pub(super) fn sense(handover: &Handover) -> Result<(), HandoverError> {
    let contradiction = |text: &str| Err(HandoverError::Contradiction(text.to_owned()));
    if handover.run_id == 0 || handover.attempt == 0 {
        return contradiction("runs and attempts count from 1");
    }
    if handover.key.is_empty() || handover.key.chars().count() > MAX_KEY {
        return contradiction("the gate's key is empty or longer than 200 characters");
    }
    match &handover.content {
        Content::Failed(failure) if failure.reason.is_empty() => contradiction("a failure without a reason"),
        Content::Failed(failure) if failure.hints.len() > MAX_HINTS => contradiction("a failure with too many hints"),
        Content::Failed(_) => Ok(()),
        Content::Judged(judged) => verdicts(judged),
    }
}

fn verdicts(judged: &Judged) -> Result<(), HandoverError> {
    let contradiction = |text: String| Err(HandoverError::Contradiction(text));
    let Judged { report, outcome } = judged;
    check_comparisons(&report.comparisons)?;
    check_outcome(&report.comparisons, report.result, report.exit_code)?;
    let least = report
        .comparisons
        .iter()
        .map(|detail| detail.comparison.verdict)
        .chain([report.result])
        .map(least_outcome)
        .max()
        .unwrap_or(Outcome::Skipped);
    if *outcome < least {
        return contradiction(format!(
            "its outcome is too good for the result `{}`",
            report.result.word()
        ));
    }
    if report.exit_code != exit_code(*outcome) {
        return contradiction(format!(
            "its outcome does not go with the exit code {}",
            report.exit_code
        ));
    }
    for detail in &report.comparisons {
        let comparison = &detail.comparison;
        let counts = [
            comparison.metrics.len(),
            comparison.hints.len(),
            detail.warnings.len(),
            detail.disturbances.len(),
        ];
        if counts.iter().any(|count| *count > MAX_PARTS) {
            return contradiction("a comparison has more metrics or remarks than there can be".to_owned());
        }
        for (index, metric) in comparison.metrics.iter().enumerate() {
            if comparison
                .metrics
                .iter()
                .take(index)
                .any(|other| other.metric == metric.metric)
            {
                return contradiction(format!("the metric `{}` stands twice", metric.metric.word()));
            }
            if metric.gated && metric.verdict >= Verdict::Inconclusive && metric.verdict > comparison.verdict {
                return contradiction(format!(
                    "`{}` is `{}` and its comparison `{}`",
                    metric.metric.word(),
                    metric.verdict.word(),
                    comparison.verdict.word()
                ));
            }
            if metric.change.is_some_and(|change| change.lower > change.upper) {
                return contradiction(format!(
                    "the interval of `{}` ends before it begins",
                    metric.metric.word()
                ));
            }
        }
    }
    Ok(())
}

/// The best that any config's policies make of a verdict.
fn least_outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Skipped => Outcome::Skipped,
        Verdict::Improvement | Verdict::Pass | Verdict::NoBaseline | Verdict::Inconclusive => Outcome::Passed,
        Verdict::Removed => Outcome::Neutral,
        Verdict::Regression => Outcome::Failed,
        Verdict::Error => Outcome::Broken,
    }
}

/// The exit code of an outcome.
fn exit_code(outcome: Outcome) -> i32 {
    match outcome {
        Outcome::Skipped | Outcome::Passed | Outcome::Neutral => 0,
        Outcome::Failed => 1,
        Outcome::Broken => 2,
    }
}
