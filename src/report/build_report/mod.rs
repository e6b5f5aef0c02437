//! What `mlbuild report` shows: what a build is, how fast, whether it should be used, and everything that is recorded of it.
//!
//! [`document()`] lays a report out; pages and paper are [`crate::report::document`]'s. It shows what was measured and nothing else: where
//! there is no record, it says so, and how to get one.

mod details;
mod distribution;
mod family;
mod headline;
mod history;
mod types;

pub use types::*;

use crate::report::document::Card;
use crate::report::document::Document;
use crate::units::Bytes;
use crate::units::Millis;

/// Characters of an id that people read.
const SHORT: usize = 12;

/// The report, laid out.
pub fn document(report: &BuildReport) -> Document {
    Document {
        title: headline::title(report),
        kind: "build report",
        about: headline::about(report),
        notices: report.warnings.clone(),
        verdict: Some(headline::verdict(report)),
        cards: cards(report),
        sections: vec![
            history::section(report),
            distribution::section(report),
            family::lineage(report),
            family::variants(report),
            details::operators(report),
            details::checks(report),
            details::environment(report),
            details::notes(report),
            details::measured(report),
        ],
        generated_at: report.generated_at.clone(),
    }
}

fn cards(report: &BuildReport) -> Vec<Card> {
    let mut cards = Vec::new();
    let mut card = |name: &str, value: String, note: String| {
        cards.push(Card {
            name: name.to_owned(),
            value,
            note,
        });
    };
    if let Some(newest) = report.measurements.last() {
        let place = format!("machine {}, {}", letter(newest.machine), day(&newest.created_at));
        if let Some(p50) = &newest.p50_ms {
            card(
                "median latency",
                Millis(p50.value).to_string(),
                p50.interval().map_or_else(
                    || place.clone(),
                    |(lower, upper)| format!("95 %: {} to {}, {place}", Millis(lower), Millis(upper)),
                ),
            );
        }
        if let Some(p95) = newest.p95_ms {
            card("p95", Millis(p95).to_string(), place.clone());
        }
        if let Some(bytes) = newest.peak_bytes {
            card(
                "peak memory",
                Bytes(bytes).to_string(),
                format!("beyond an empty session, {place}"),
            );
        }
    }
    let size_note = report.build.parent.as_ref().map_or_else(
        || "all files".to_owned(),
        |parent| format!("{} is {}", parent.recipe, Bytes(parent.size_bytes)),
    );
    card("size on disk", Bytes(report.build.size_bytes).to_string(), size_note);
    if let Some(check) = report.checks.last() {
        card(
            "cosine similarity",
            cosine(check.cosine),
            format!(
                "to {}, {} {}",
                check.against_recipe.as_deref().unwrap_or("its source"),
                check.samples,
                if check.real_samples {
                    "real samples"
                } else {
                    "made-up samples"
                }
            ),
        );
    }
    cards
}

/// The beginning of an id.
fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

/// A machine's name on the page: A, B, … Z, then numbers.
fn letter(machine: usize) -> String {
    match u8::try_from(machine) {
        Ok(number) if number < 26 => char::from(b'A' + number).to_string(),
        _ => (machine + 1).to_string(),
    }
}

/// The day of a time.
fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

/// A time to the minute, without the letter between.
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// Four digits; never rounded up to 1 where it is less.
fn cosine(cosine: f64) -> String {
    if cosine < 1.0 && cosine > 0.999_95 {
        "0.9999+".to_owned()
    } else {
        format!("{cosine:.4}")
    }
}

/// A figure and its unit, or a dash.
fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| Millis(value).to_string())
}

/// `one record`, `3 records`.
fn plural(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}

/// A build as a command would name it.
fn reference(report: &BuildReport) -> &str {
    short(&report.build.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms() {
        assert_eq!(
            (letter(0), letter(25), letter(26)),
            ("A".to_owned(), "Z".to_owned(), "27".to_owned())
        );
        assert_eq!(day("2026-01-02T03:04:05Z"), "2026-01-02");
        assert_eq!(minute("2026-01-02T03:04:05Z"), "2026-01-02 03:04");
        assert_eq!((day("ä"), minute("–")), ("ä", "–".to_owned()));
        assert_eq!(cosine(0.99999), "0.9999+");
        assert_eq!(cosine(1.0), "1.0000");
        assert_eq!(short("abc"), "abc");
    }
}
