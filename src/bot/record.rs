//! The hidden lines of a reply: which comment it answers, and the acceptance that it records.
//!
//! A record alone proves nothing: [`super::accept`] believes it where our own account wrote it **and** the person's own comment still says the
//! same **and** that person may still write.

use jiff::Timestamp;

use crate::github::CommitSha;
use crate::verdict::Acceptance;

const REPLY: &str = "<!-- mlbuild:reply:v1 comment=";
const ACCEPTED: &str = "<!-- mlbuild:accepted:v1 ";
const CLOSE: &str = " -->";

/// The first line of a reply to the comment with this number.
pub fn reply(comment: u64) -> String {
    format!("{REPLY}{comment}{CLOSE}")
}

/// The number of the comment that `body` replies to, where it is a reply.
pub fn replies_to(body: &str) -> Option<u64> {
    body.lines()
        .next()?
        .strip_prefix(REPLY)?
        .strip_suffix(CLOSE)?
        .parse()
        .ok()
}

/// The second line of a reply that records an acceptance.
pub fn accepted(acceptance: &Acceptance) -> String {
    // What could end the hidden line is written as an escape of JSON; such characters stand in texts alone.
    let json = serde_json::to_string(acceptance)
        .unwrap_or_default()
        .replace('-', "\\u002d")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e");
    format!("{ACCEPTED}{json}{CLOSE}")
}

/// The acceptance that the reply `body` records.
pub fn acceptance(body: &str) -> Option<Acceptance> {
    let comment = replies_to(body)?;
    let json = body.lines().nth(1)?.strip_prefix(ACCEPTED)?.strip_suffix(CLOSE)?;
    let acceptance: Acceptance = serde_json::from_str(json).ok()?;
    let commit: Result<CommitSha, _> = acceptance.commit.parse();
    let times = [&acceptance.at, &acceptance.until].map(|time| time.parse::<Timestamp>().is_ok());
    (acceptance.comment == comment && commit.is_ok() && times == [true, true]).then_some(acceptance)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_recorded_is_read(reason in any::<String>(), by in any::<String>(), comment in any::<u64>()) {
            let acceptance = Acceptance {
                pull_request: 7,
                commit: "ab".repeat(20),
                by,
                reason,
                comment,
                at: "2026-11-28T12:00:00Z".to_owned(),
                until: "2026-12-24T00:00:00Z".to_owned(),
            };
            let line = accepted(&acceptance);
            prop_assert_eq!(line.find("-->"), Some(line.len() - 3));
            prop_assert!(!line.contains('\n'));
            let body = format!("{}\n{line}\nwords", reply(comment));
            prop_assert_eq!(acceptance_of(&body), Some(acceptance));
        }
    }

    fn acceptance_of(body: &str) -> Option<Acceptance> {
        acceptance(body)
    }

    #[test]
    fn a_mark_counts_only_in_its_line() {
        assert_eq!(replies_to("<!-- mlbuild:reply:v1 comment=7 -->\nx"), Some(7));
        assert_eq!(replies_to("x\n<!-- mlbuild:reply:v1 comment=7 -->"), None);
        assert_eq!(replies_to("<!-- mlbuild:reply:v1 comment=7; -->"), None);
        assert_eq!(
            acceptance("<!-- mlbuild:reply:v1 comment=7 -->\n<!-- mlbuild:accepted:v1 {} -->"),
            None
        );
    }
}
