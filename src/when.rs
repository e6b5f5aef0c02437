//! Points in time as people write them: `yesterday`, `7 days ago`, `30d`, `2026-03-01`, an ISO time.
//!
//! Days are those of UTC, as all times that are kept are; a month has 30 days and a year 365.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A text that is no point in time, or no age.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: expected {expected}")]
pub struct WhenError {
    text: String,
    what: &'static str,
    expected: &'static str,
}

const TIMES: &str =
    "`yesterday`, `7 days ago`, `30d`, a day such as `2026-03-01`, or a time such as `2026-03-01T12:00:00Z`";
const AGES: &str = "a whole number of minutes, hours, days, weeks, months or years, such as `30d`, `12h` or `2 weeks`";

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Names of units, and their seconds.
const UNITS: &[(&[&str], u64)] = &[
    (&["s", "sec", "second", "seconds"], 1),
    (&["m", "min", "minute", "minutes"], MINUTE),
    (&["h", "hour", "hours"], HOUR),
    (&["d", "day", "days"], DAY),
    (&["w", "week", "weeks"], 7 * DAY),
    (&["mo", "month", "months"], 30 * DAY),
    (&["y", "year", "years"], 365 * DAY),
];

/// Where a period that `text` names begins: the first moment of a day, or the time itself.
pub fn parse_since(text: &str, now: Timestamp) -> Result<Timestamp, WhenError> {
    point(text, now).map(|(begin, _)| begin)
}

/// Where a period that `text` names ends, itself not counted: the first moment after a day, or the time itself.
pub fn parse_until(text: &str, now: Timestamp) -> Result<Timestamp, WhenError> {
    point(text, now).map(|(_, end)| end)
}

/// How long ago: `30d`, `12h`, `2 weeks`.
pub fn parse_age(text: &str) -> Result<Duration, WhenError> {
    let error = || WhenError {
        text: text.to_owned(),
        what: "an age",
        expected: AGES,
    };
    let trimmed = text.trim().to_lowercase();
    let split = trimmed
        .find(|character: char| !character.is_ascii_digit())
        .ok_or_else(error)?;
    let (number, unit) = trimmed.split_at(split);
    let number: u64 = number.parse().map_err(|_| error())?;
    let (_, seconds) = UNITS
        .iter()
        .find(|(names, _)| names.contains(&unit.trim()))
        .ok_or_else(error)?;
    number.checked_mul(*seconds).map(Duration::from_secs).ok_or_else(error)
}

/// To the second, as builds have it: `2026-11-20T14:05:09Z`.
pub fn iso(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// To the millisecond, as the history has it: `2026-11-20T14:05:09.120Z`.
pub fn iso_millis(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// How long ago `then` (ISO 8601) was, for people: `just now`, `5 min ago`, `2 h ago`, `3 d ago`; the text itself where it is no time.
pub fn ago(then: &str, now: Timestamp) -> String {
    let Ok(time) = then.parse::<Timestamp>() else {
        return then.to_owned();
    };
    let seconds = now.as_second().saturating_sub(time.as_second());
    let Ok(seconds) = u64::try_from(seconds) else {
        return iso(time).chars().take(10).collect();
    };
    match seconds {
        0..MINUTE => "just now".to_owned(),
        MINUTE..HOUR => format!("{} min ago", seconds / MINUTE),
        HOUR..DAY => format!("{} h ago", seconds / HOUR),
        _ if seconds < 365 * DAY => format!("{} d ago", seconds / DAY),
        _ => format!("{} y ago", seconds / (365 * DAY)),
    }
}

/// Begin and end of what `text` names; the same for a moment.
fn point(text: &str, now: Timestamp) -> Result<(Timestamp, Timestamp), WhenError> {
    let error = || WhenError {
        text: text.to_owned(),
        what: "a time",
        expected: TIMES,
    };
    let trimmed = text.trim().to_lowercase();
    let today = now.to_zoned(TimeZone::UTC).date();
    match trimmed.as_str() {
        "now" => return Ok((now, now)),
        "today" => return day(today).ok_or_else(error),
        "yesterday" => return today.yesterday().ok().and_then(day).ok_or_else(error),
        _ => {}
    }
    let age = trimmed.strip_suffix("ago").unwrap_or(&trimmed).trim_end();
    if let Ok(age) = parse_age(age) {
        let before = SignedDuration::try_from(age)
            .ok()
            .and_then(|age| now.checked_sub(age).ok())
            .ok_or_else(error)?;
        return Ok((before, before));
    }
    // Written as people gave it: `T` and `Z` are upper-case there.
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok((time, time));
    }
    // A time without a zone is UTC. A bare day parses as a time, too.
    if text.len() <= 10
        && let Ok(date) = text.parse::<Date>()
    {
        return day(date).ok_or_else(error);
    }
    let time = text.parse::<DateTime>().map_err(|_| error())?;
    let time = time.to_zoned(TimeZone::UTC).map_err(|_| error())?.timestamp();
    Ok((time, time))
}

/// A whole day of UTC.
fn day(date: Date) -> Option<(Timestamp, Timestamp)> {
    let first = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp());
    Some((first(date)?, first(date.tomorrow().ok()?)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T14:05:09.5Z".parse().unwrap()
    }

    fn since(text: &str) -> String {
        iso(parse_since(text, now()).unwrap())
    }

    #[test]
    fn reads_what_people_write() {
        for (text, expected) in [
            ("now", "2026-11-20T14:05:09Z"),
            ("today", "2026-11-20T00:00:00Z"),
            ("Yesterday", "2026-11-19T00:00:00Z"),
            ("7 days ago", "2026-11-13T14:05:09Z"),
            ("30d", "2026-10-21T14:05:09Z"),
            ("90 min ago", "2026-11-20T12:35:09Z"),
            ("1 week", "2026-11-13T14:05:09Z"),
            ("2024-01-01", "2024-01-01T00:00:00Z"),
            ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"),
            ("2024-01-01T10:00:00+02:00", "2024-01-01T08:00:00Z"),
            ("2024-01-01 10:00", "2024-01-01T10:00:00Z"),
        ] {
            assert_eq!(since(text), expected, "{text}");
        }
    }

    #[test]
    fn a_day_ends_with_its_last_moment() {
        let until = |text| iso(parse_until(text, now()).unwrap());
        assert_eq!(until("2024-01-31"), "2024-02-01T00:00:00Z");
        assert_eq!(until("yesterday"), "2026-11-20T00:00:00Z");
        assert_eq!(until("1h"), "2026-11-20T13:05:09Z");
    }

    #[test]
    fn says_what_it_expected() {
        for text in [
            "",
            "soon",
            "-3d",
            "3",
            "3 fortnights",
            "2024-13-01",
            "99999999999999999999d",
            "99999999 years",
        ] {
            assert!(parse_since(text, now()).is_err(), "{text}");
        }
        let error = parse_age("30").unwrap_err().to_string();
        assert!(
            error.starts_with("`30` is not an age: expected a whole number"),
            "{error}"
        );
        assert_eq!(parse_age("2 weeks"), Ok(Duration::from_secs(14 * DAY)));
        assert_eq!(parse_age("0d"), Ok(Duration::ZERO));
    }

    #[test]
    fn ages_are_short() {
        let ago = |then| ago(then, now());
        assert_eq!(ago("2026-11-20T14:05:00Z"), "just now");
        assert_eq!(ago("2026-11-20T12:00:00Z"), "2 h ago");
        assert_eq!(ago("2026-11-01T12:00:00Z"), "19 d ago");
        assert_eq!(ago("2020-11-01T12:00:00Z"), "6 y ago");
        assert_eq!(ago("2027-01-01T00:00:00Z"), "2027-01-01");
        assert_eq!(ago("never"), "never");
        assert_eq!(iso_millis(now()), "2026-11-20T14:05:09.500Z");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,24}", number in any::<u64>(), unit in "[a-z]{0,6}") {
            let _ = parse_since(&text, now());
            let _ = parse_until(&format!("{number} {unit} ago"), now());
            let _ = parse_age(&format!("{number}{unit}"));
        }
    }
}
