//! How old something must be: `30d`, `12 weeks`, or a date.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The time before which things are as old as `text` says, seen from `now`; ISO 8601 in UTC. The error says what was expected.
pub(crate) fn before(text: &str, now: Timestamp) -> Result<String, String> {
    let expected = || {
        format!("expected an age such as `30d`, `12 weeks` or `36h`, or a date such as `2026-03-01`, found `{text}`")
    };
    let trimmed = text.trim();
    if let Ok(time) = trimmed.parse::<Timestamp>() {
        return Ok(to_second(time));
    }
    if let Ok(date) = trimmed.parse::<Date>() {
        let start = date.to_zoned(TimeZone::UTC).map_err(|_| expected())?;
        return Ok(to_second(start.timestamp()));
    }
    let end = trimmed
        .find(|character: char| !character.is_ascii_digit())
        .ok_or_else(expected)?;
    let (number, unit) = trimmed.split_at(end);
    let number: i64 = number.parse().map_err(|_| expected())?;
    let seconds: i64 = match unit.trim() {
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        _ => return Err(expected()),
    };
    let age = number.checked_mul(seconds).ok_or_else(expected)?;
    let time = now.as_second().checked_sub(age).ok_or_else(expected)?;
    Timestamp::from_second(time).map(to_second).map_err(|_| expected())
}

fn to_second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ages_and_dates() {
        let now: Timestamp = "2026-03-31T12:00:00Z".parse().unwrap();
        let of = |text: &str| before(text, now);
        assert_eq!(of("30d").unwrap(), "2026-03-01T12:00:00Z");
        assert_eq!(of("2 weeks").unwrap(), "2026-03-17T12:00:00Z");
        assert_eq!(of(" 36h ").unwrap(), "2026-03-30T00:00:00Z");
        assert_eq!(of("0d").unwrap(), "2026-03-31T12:00:00Z");
        assert_eq!(of("2026-02-03").unwrap(), "2026-02-03T00:00:00Z");
        assert_eq!(of("2026-02-03T04:05:06.7Z").unwrap(), "2026-02-03T04:05:06Z");
        for bad in [
            "",
            "30",
            "d",
            "-3d",
            "3 parsecs",
            "99999999999999999999d",
            "9999999999999w",
            "2026-13-01",
        ] {
            assert!(of(bad).unwrap_err().contains("expected an age"), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = before(&text, Timestamp::UNIX_EPOCH);
        }
    }
}
