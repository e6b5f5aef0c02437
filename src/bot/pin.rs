//! Which commit a command means: the one that was proposed when the comment was written, proved by what GitHub and our own gate wrote down at
//! the time. The dates in a commit prove nothing: whoever makes it chooses them.
//!
//! Proof is a check run of our gate for this very pull request on the commit that is proposed now, begun before the comment was written; none
//! begun after it; and no newer run of ours that saw another commit. A commit that was pushed between comment and run has no such check.
//! Where there is no proof, the person may name the commit.

use jiff::Timestamp;

use crate::github::CommitSha;
use crate::github::PrNumber;
use crate::github::check_run::CheckRun;
use crate::github::pull::Pull;
use crate::github::sticky::RunStamp;

/// How our gate's check runs name themselves, before the pull request's number.
pub const GATE: &str = "v1";

/// How those that a command opened name themselves.
pub const COMMAND: &str = "v1c";

/// What a check run of ours says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Whether a command opened it.
    pub by_command: bool,
    /// The pull request.
    pub pull: u64,
    /// Tells the gate from others.
    pub key: String,
    /// The run.
    pub run_id: u64,
    /// Its attempt.
    pub attempt: u64,
}

impl Mark {
    /// Out of a check run's external id.
    pub fn of(check: &CheckRun) -> Option<Self> {
        let (kind, rest) = check.external_id.as_deref()?.split_once(':')?;
        let by_command = match kind {
            GATE => false,
            COMMAND => true,
            _ => return None,
        };
        let (pull, rest) = rest.split_once(':')?;
        let (key, run) = rest.rsplit_once(':')?;
        let (run_id, attempt) = run.split_once('.')?;
        Some(Self {
            by_command,
            pull: pull.parse().ok()?,
            key: key.to_owned(),
            run_id: run_id.parse().ok()?,
            attempt: attempt.parse().ok()?,
        })
    }

    /// The external id of a check run that a command opens.
    pub fn external_id(pull: PrNumber, key: &str, run_id: u64, attempt: u64) -> String {
        format!("{COMMAND}:{pull}:{key}:{run_id}.{attempt}")
    }

    /// Later runs are greater.
    pub fn age(&self) -> (u64, u64) {
        (self.run_id, self.attempt)
    }
}

/// Our check runs for this pull request, the newest run first.
pub fn of_pull(checks: Vec<CheckRun>, pull: PrNumber) -> Vec<(Mark, CheckRun)> {
    let mut found: Vec<(Mark, CheckRun)> = checks
        .into_iter()
        .filter_map(|check| Some((Mark::of(&check)?, check)))
        .filter(|(mark, check)| mark.pull == u64::from(pull) && check.name == format!("mlbuild / {}", mark.key))
        .collect();
    found.sort_by_key(|(mark, _)| std::cmp::Reverse(mark.age()));
    found
}

/// Why a commit is not known to be meant, and what to do. Names in backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPinned {
    /// Why.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// Whether a comment that was written at `written` means the head of `pull`. `checks` are ours on that head, `seen` is the newest run that
/// wrote a comment of ours on the pull request.
pub fn check(
    pull: &Pull,
    named: Option<&CommitSha>,
    written: Timestamp,
    checks: &[(Mark, CheckRun)],
    seen: Option<&RunStamp>,
) -> Result<(), NotPinned> {
    let head = &pull.head_sha;
    let hint = format!("look at the commit, then write the command again with `--sha {head}`");
    let refuse = |reason: String| {
        Err(NotPinned {
            reason,
            hint: hint.clone(),
        })
    };
    if let Some(named) = named {
        if named == head {
            return Ok(());
        }
        return refuse(format!(
            "the comment names {}, and the pull request proposes {} now",
            named.short(),
            head.short()
        ));
    }
    let mut gates = checks.iter().filter(|(mark, _)| !mark.by_command).peekable();
    if gates.peek().is_none() {
        return refuse(format!(
            "nothing proves that {} was proposed already when you wrote: the gate has not begun to judge it",
            head.short()
        ));
    }
    let begun = |check: &CheckRun| {
        check
            .started_at
            .as_deref()
            .and_then(|time| time.parse::<Timestamp>().ok())
    };
    // Of the second in which both happened, nobody knows the order.
    if !gates.all(|(_, check)| begun(check).is_some_and(|begun| begun < written)) {
        return refuse(format!("{} was pushed, or judged again, after you wrote", head.short()));
    }
    let newest = checks.iter().map(|(mark, _)| mark.run_id).max().unwrap_or(0);
    match seen {
        Some(seen) if seen.head_sha != *head && seen.run_id > newest => refuse(format!(
            "another commit, {}, was proposed when you wrote",
            seen.head_sha.short()
        )),
        _ => Ok(()),
    }
}
