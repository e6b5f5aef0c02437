//! The time as reports and manifests hold it.

/// Now in UTC, ISO 8601 to the second: `2026-11-20T14:05:09Z`.
pub(crate) fn now() -> String {
    let second = jiff::Timestamp::now().as_second();
    jiff::Timestamp::from_second(second)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// Now to the millisecond, for what may follow within a second: `2026-11-20T14:05:09.120Z`.
pub(crate) fn now_millis() -> String {
    crate::when::iso_millis(jiff::Timestamp::now())
}
