//! Moments as the Python tool wrote them, in several ways.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The moment in `text`: ISO 8601 with `T` or a space; without an offset it is UTC.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

/// To the second, as builds have it; `text` itself where it is no moment.
pub(super) fn second(text: &str) -> String {
    let rounded = read(text).and_then(|moment| Timestamp::from_second(moment.as_second()).ok());
    rounded.map_or_else(|| text.to_owned(), |moment| moment.to_string())
}

/// To the millisecond, as the history has it, so many milliseconds later.
pub(super) fn millisecond(text: &str, later: i64) -> String {
    let moment = read(text).and_then(|moment| Timestamp::from_millisecond(moment.as_millisecond() + later).ok());
    moment.map_or_else(|| text.to_owned(), |moment| format!("{moment:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_is_read() {
        for text in [
            "2026-03-20T10:00:00.000001Z",
            "2026-03-20T10:00:00+00:00",
            "2026-03-20T12:00:00.5+02:00",
            "2026-03-20 10:00:00",
        ] {
            assert_eq!(second(text), "2026-03-20T10:00:00Z", "{text}");
        }
        assert_eq!(millisecond("2026-03-20T10:00:00.25Z", 1500), "2026-03-20T10:00:01.750Z");
        assert_eq!(second("yesterday"), "yesterday");
    }
}
