//! Tags of baseline releases: what they say, and whose they are.

use crate::digest::Digest;
use crate::github::CommitSha;
use crate::github::release::Release;

/// What every baseline's tag begins with.
pub const TAG_PREFIX: &str = "mlbuild-baseline-";

/// The part of a tag that keeps baselines of different keys apart: the key itself where it is plain, with a digest otherwise.
pub fn slug(key: &str) -> String {
    let plain: String = key
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let plain = plain.trim_matches('-');
    if plain == key && plain.len() <= 40 {
        return plain.to_owned();
    }
    let cut: String = plain.chars().take(30).collect();
    format!("{}-{}", cut.trim_matches('-'), &Digest::of(key.as_bytes()).short()[..8])
}

/// `mlbuild-baseline-<key>-<yyyymmdd>-<run>-<attempt>-<sha12>`: unique, so that two refreshes never meet.
pub fn of(key: &str, created_at: &str, run: u64, attempt: u64, commit: &CommitSha) -> String {
    let day: String = created_at.chars().filter(char::is_ascii_digit).take(8).collect();
    format!(
        "{TAG_PREFIX}{}-{day}-{run}-{attempt}-{}",
        slug(key),
        &commit.as_str()[..12]
    )
}

/// True where `tag` is one of `key`'s: the slug, then exactly the four further parts.
pub(super) fn is_of_key(tag: &str, key: &str) -> bool {
    let Some(rest) = tag
        .strip_prefix(TAG_PREFIX)
        .and_then(|rest| rest.strip_prefix(&slug(key)))
    else {
        return false;
    };
    let Some(rest) = rest.strip_prefix('-') else {
        return false;
    };
    let parts: Vec<&str> = rest.split('-').collect();
    parts.len() == 4
        && parts[..3]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        && parts[3].len() == 12
        && parts[3].bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn run_of(tag: &str) -> (u64, u64) {
    let mut parts = tag.rsplit('-').skip(1);
    let attempt = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let run = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    (run, attempt)
}

/// True where the release's tag claims to be measured at `commit`.
pub fn claims_commit(release: &Release, commit: &CommitSha) -> bool {
    release.tag_name.ends_with(&format!("-{}", &commit.as_str()[..12]))
}

/// True where the tag's day is at least two days before `now` (ISO 8601).
pub(super) fn is_older(tag: &str, now: &str) -> bool {
    let day = tag
        .rsplit('-')
        .nth(3)
        .and_then(|day| jiff::civil::Date::strptime("%Y%m%d", day).ok());
    let today = now.get(..10).and_then(|day| day.parse::<jiff::civil::Date>().ok());
    match (
        day,
        today.and_then(|today| today.checked_sub(jiff::Span::new().days(2)).ok()),
    ) {
        (Some(day), Some(limit)) => day <= limit,
        _ => false,
    }
}

/// `yyyymm` of a tag.
pub(super) fn month_of(tag: &str) -> &str {
    tag.rsplit('-').nth(3).and_then(|day| day.get(..6)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yesterdays_draft_may_still_be_written() {
        let tag = |day: &str| format!("mlbuild-baseline-default-{day}-7-1-0123456789ab");
        let older = |day| is_older(&tag(day), "2026-03-01T00:10:00Z");
        assert!(older("20260227") && older("20251231"));
        assert!(!older("20260228") && !older("20260301") && !older("20260302"));
        assert!(!older("20269999") && !is_older("v1.0", "2026-03-01T00:10:00Z") && !is_older(&tag("20200101"), "now"));
    }

    fn commit() -> CommitSha {
        "0123456789abcdef0123456789abcdef01234567".parse().unwrap()
    }

    #[test]
    fn tags_name_key_day_run_attempt_and_commit() {
        let tag = of("mobilenet", "2026-11-20T14:05:00Z", 42, 3, &commit());
        assert_eq!(tag, "mlbuild-baseline-mobilenet-20261120-42-3-0123456789ab");
        assert_eq!(run_of(&tag), (42, 3));
        assert_eq!(month_of(&tag), "202611");
        assert!(is_of_key(&tag, "mobilenet"));
    }

    #[test]
    fn keys_never_take_each_others_baselines() {
        let keys = [
            "a",
            "a-b",
            "a/b",
            ".mlbuild.yml",
            "mlbuild-yml",
            "a-20261120-1-1-0123456789ab",
            "A",
        ];
        for one in keys {
            let tag = of(one, "2026-11-20", 1, 1, &commit());
            for other in keys {
                assert_eq!(is_of_key(&tag, other), one == other, "{tag} and {other}");
            }
        }
    }
}
