//! The words and signs of a sweep, the same on the terminal and on the page.

use std::path::Path;

use crate::report::explore::types::Accuracy;
use crate::report::explore::types::Explored;
use crate::report::explore::types::Figure;
use crate::report::explore::types::Memory;
use crate::report::explore::types::OptionRow;
use crate::report::explore::types::Row;
use crate::report::explore::types::Verdict;
use crate::units;
use crate::units::Bytes;
use crate::units::Percent;

/// What stands where a figure is not known.
pub(super) const UNKNOWN: &str = "–";

impl Verdict {
    /// The sign that goes before the word.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Baseline => "○",
            Self::Recommended => "★",
            Self::Aggressive => "◆",
            Self::Skip => "·",
            Self::Failed => "✗",
        }
    }

    /// The word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Recommended => "recommended",
            Self::Aggressive => "aggressive",
            Self::Skip => "skip",
            Self::Failed => "failed",
        }
    }
}

/// `1.68× faster`: how many times as fast; `1.00×` where the interval holds 1. The reason stands with the verdict.
pub(super) fn speedup(ratio: &Figure) -> String {
    let times = 1.0 / ratio.value;
    if ratio.upper < 1.0 {
        format!("{}× faster", digits(times))
    } else if ratio.lower > 1.0 {
        format!("{}× slower", digits(times))
    } else {
        format!("{}× same", digits(times))
    }
}

/// `±0.02`: half the width of the interval of how many times as fast.
pub(super) fn plus_minus(ratio: &Figure) -> String {
    let half = (1.0 / ratio.lower - 1.0 / ratio.upper) / 2.0;
    if !half.is_finite() || ratio.lower <= 0.0 {
        "±?".to_owned()
    } else if half < 0.005 {
        "±<0.01".to_owned()
    } else {
        format!("±{half:.2}")
    }
}

fn digits(times: f64) -> String {
    if times >= 10.0 {
        format!("{times:.1}")
    } else {
        format!("{times:.2}")
    }
}

/// `5.1 MB`.
pub(super) fn size(row: &Row) -> String {
    row.size_bytes
        .map_or_else(|| UNKNOWN.to_owned(), |size| Bytes(size).to_string())
}

/// `−62 %`.
pub(super) fn size_change(row: &Row) -> Option<String> {
    let percent = row.size_change_percent.filter(|_| row.verdict != Verdict::Baseline)?;
    Some(units::signed_percent(percent))
}

/// `29.5 MB`.
pub(super) fn memory(memory: Option<&Memory>) -> String {
    match memory {
        Some(memory) if memory.peak_bytes.is_finite() => Bytes(memory.peak_bytes.max(0.0).round() as u64).to_string(),
        _ => UNKNOWN.to_owned(),
    }
}

/// `−12.0 % ±1.2`.
pub(super) fn memory_change(memory: Option<&Memory>) -> Option<String> {
    let change = memory?.change_percent?;
    let half = (change.upper - change.lower) / 2.0;
    let half = if half.is_finite() {
        format!("{half:.1}")
    } else {
        "?".to_owned()
    };
    Some(format!("{} ±{half}", units::signed_percent(change.value)))
}

/// Four digits, and never `1.0000` for what is not exactly equal but as near as that.
pub(super) fn cosine(accuracy: Option<&Accuracy>) -> String {
    accuracy.map_or_else(
        || UNKNOWN.to_owned(),
        |accuracy| format!("{:.4}", accuracy.cosine).replace('-', "−"),
    )
}

/// `97.8 → 97.6 %` of right answers, or the share of the same answers.
pub(super) fn top1(accuracy: Option<&Accuracy>) -> String {
    let Some(accuracy) = accuracy else {
        return UNKNOWN.to_owned();
    };
    match (accuracy.top1, accuracy.top1_agreement) {
        (Some(share), _) => Percent(share * 100.0).to_string(),
        (None, Some(same)) => format!("{} same", Percent(same * 100.0)),
        (None, None) => UNKNOWN.to_owned(),
    }
}

/// `skip: cosine below 0.99`.
pub(super) fn verdict(row: &Row) -> String {
    let word = row.verdict.word();
    let reused = if row.reused { " (measured before)" } else { "" };
    match &row.reason {
        Some(reason) => format!("{word}: {reason}{reused}"),
        None => format!("{word}{reused}"),
    }
}

/// The command that makes the recommended variant again, as a file.
pub(super) fn keep(explored: &Explored) -> Option<String> {
    let recommended = &explored.with(Verdict::Recommended)?.recipe;
    let reference = &explored.model.reference;
    let stem = Path::new(reference).file_stem().and_then(|stem| stem.to_str());
    let file = format!("{}.{}.onnx", stem.unwrap_or("model"), recommended.replace('+', "-"));
    let mut command = format!("mlbuild optimize {} --recipe {recommended}", quoted(reference));
    if let Some(path) = &explored.asked.calibration {
        command += &format!(" --calibration-data {}", quoted(path));
    }
    Some(format!("{command} --output {}", quoted(&file)))
}

/// As a shell takes it.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-_./,+:=@".contains(character));
    if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// `mixed, 2 threads`.
pub(super) fn option(row: &OptionRow) -> String {
    format!("{}, {}", row.recipe, row.setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, half: f64) -> Figure {
        Figure {
            value,
            lower: value - half,
            upper: value + half,
        }
    }

    #[test]
    fn speeds_read_as_times() {
        assert_eq!(speedup(&figure(0.5, 0.01)), "2.00× faster");
        assert_eq!(speedup(&figure(1.25, 0.01)), "0.80× slower");
        assert_eq!(speedup(&figure(1.0, 0.01)), "1.00× same");
        assert_eq!(speedup(&figure(0.05, 0.01)), "20.0× faster");
        assert_eq!(plus_minus(&figure(0.5, 0.01)), "±0.04");
        assert_eq!(plus_minus(&figure(1.0, 0.001)), "±<0.01");
        assert_eq!(plus_minus(&figure(0.5, f64::INFINITY)), "±?");
    }
}
