//! How an acceptance is shown: above the result that it is about, which stays as it is.

use crate::report::clean;
use crate::report::markdown;
use crate::verdict::Acceptance;

const OPEN: &str = "<!-- mlbuild:accepted -->";
const CLOSE: &str = "<!-- /mlbuild:accepted -->\n\n";

/// The paragraph above a comment or a check's summary.
pub fn lead(acceptance: &Acceptance) -> String {
    format!(
        "{OPEN}\n> [!IMPORTANT]\n> **Accepted** by {} for {} until {}: {}\n{CLOSE}",
        markdown::code(&acceptance.by),
        markdown::code(short(&acceptance.commit)),
        markdown::text(day(&acceptance.until)),
        markdown::text(&acceptance.reason)
    )
}

/// `body` under `lead` instead of under any that it had. `body` is ours; a reason in it never looks like our signs, because it is escaped.
pub fn under(lead: &str, body: &str) -> String {
    match (body.find(OPEN), body.find(CLOSE)) {
        (Some(start), Some(end)) if start < end => {
            let before = body.get(..start).unwrap_or_default();
            let after = body.get(end + CLOSE.len()..).unwrap_or_default();
            format!("{before}{lead}{after}")
        }
        _ => format!("{lead}{body}"),
    }
}

/// In one line, for a notice: ``accepted by `octocat` for 3f36810e0b2c until 2026-12-24: why``.
pub fn line(acceptance: &Acceptance) -> String {
    format!(
        "accepted by `{}` for {} until {}: {}",
        clean::line(&acceptance.by, clean::NAME_LENGTH).replace('`', "'"),
        short(&acceptance.commit),
        day(&acceptance.until),
        clean::line(&acceptance.reason, clean::PROSE_LENGTH).replace('`', "'")
    )
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// The day of a time. One that ends a day as the first moment of the next counts as it is written.
fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acceptance(reason: &str) -> Acceptance {
        Acceptance {
            pull_request: 7,
            commit: "ab".repeat(20),
            by: "octocat".to_owned(),
            reason: reason.to_owned(),
            comment: 1,
            at: "2026-11-28T12:00:00Z".to_owned(),
            until: "2026-12-24T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn a_new_lead_takes_the_place_of_the_old_one() {
        let one = under(&lead(&acceptance("first")), "## result\n");
        assert!(one.ends_with("-->\n\n## result\n") && one.contains("`octocat` for `abababa` until 2026-12-24: first"));
        let two = under(&lead(&acceptance("second")), &one);
        assert!(two.contains("second") && !two.contains("first"), "{two}");
        assert_eq!(two.matches("## result").count(), 1);
    }

    #[test]
    fn a_reason_is_text_and_nothing_else() {
        let hostile = "<!-- /mlbuild:accepted --> @everyone [x](http://y) <img src=x> #1 `$(id)` ${{ x }}\n## big";
        let shown = lead(&acceptance(hostile));
        assert_eq!(shown.matches("<!--").count(), 2, "{shown}");
        assert!(
            !shown.contains("<img") && !shown.contains("@everyone") && !shown.contains("[x]("),
            "{shown}"
        );
        assert_eq!(shown.lines().filter(|line| line.starts_with('#')).count(), 0);
        assert!(!line(&acceptance(hostile)).contains('\n'));
    }
}
