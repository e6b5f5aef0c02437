//! A verdict's way to GitHub: the check run that is always completed, and the one comment of a pull request. The only place that
//! knows both what a verdict is and what a check's conclusion is.
//!
//! What the token may not do is left out and said, with the line that the workflow lacks: a missing permission never turns a check
//! red by itself, and never hides a verdict either, for the exit code carries it.

use serde::Deserialize;
use serde::Serialize;

use crate::config::CommentWhen;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::GithubError;
use crate::github::Permission;
use crate::github::PrNumber;
use crate::github::check_run;
use crate::github::check_run::Conclusion;
use crate::github::check_run::NewCheckRun;
use crate::github::check_run::Output;
use crate::github::identity;
use crate::github::sticky;
use crate::github::sticky::RunStamp;
use crate::report;
use crate::report::Report;
use crate::report::annotations;
use crate::verdict::Outcome;
use crate::verdict::Verdict;

/// A check run's title is one line beside its name.
const MAX_TITLE: usize = 200;

/// A check run in progress, as it is remembered for the step that completes it if this process is killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenCheck {
    /// Its number.
    pub id: u64,
    /// Where people read it.
    pub url: Option<String>,
}

/// A check run that is about to be opened: enough to find it, should this process never hear that it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announced {
    /// The gate's key.
    pub key: String,
    /// The commit that it is about.
    pub head: CommitSha,
    /// Names this very run.
    pub external_id: String,
}

impl Announced {
    fn check(&self) -> NewCheckRun {
        NewCheckRun {
            name: check_name(&self.key),
            head_sha: self.head.clone(),
            external_id: self.external_id.clone(),
            details_url: None,
        }
    }
}

/// Something that was tried and may have been refused.
#[derive(Debug)]
pub enum Tried<T> {
    /// It worked.
    Done(T),
    /// The token may not, and everything else goes on: what is lacking, for the reader.
    NotAllowed(String),
}

/// The fixed name of a gate's check run, which branch protection may require.
pub fn check_name(key: &str) -> String {
    format!("mlbuild / {key}")
}

/// Opens the check run.
pub fn open_check(
    client: &Client,
    announced: &Announced,
    details_url: Option<String>,
) -> Result<Tried<OpenCheck>, GithubError> {
    let new = NewCheckRun {
        details_url,
        ..announced.check()
    };
    let output = Output {
        title: "measuring".to_owned(),
        summary: "The models are being measured side by side with their baseline.".to_owned(),
        ..Output::default()
    };
    allowed(check_run::create(client, &new, &output), "no check run was written").map(|tried| {
        tried.map(|check| OpenCheck {
            id: check.id,
            url: check.html_url,
        })
    })
}

/// Whether a newer run than `run` (its number and attempt) has written the check run of `key` on `head` already.
pub fn newer_check_exists(client: &Client, key: &str, head: &CommitSha, run: (u64, u64)) -> Result<bool, GithubError> {
    let age = |external_id: &str| -> Option<(u64, u64)> {
        let (id, attempt) = external_id.strip_prefix("v1:")?.rsplit_once(':')?.1.split_once('.')?;
        Some((id.parse().ok()?, attempt.parse().ok()?))
    };
    let checks = check_run::named(client, head, &check_name(key))?;
    let mut ages = checks.iter().filter_map(|check| age(check.external_id.as_deref()?));
    Ok(ages.any(|theirs| theirs > run))
}

/// Completes the check run with what the report says. Returns what the reader should know of annotations left out.
pub fn complete_check(
    client: &Client,
    check: &OpenCheck,
    report: &Report,
    outcome: Outcome,
) -> Result<Option<String>, GithubError> {
    let headline = report::headline::of(report);
    let output = Output {
        title: report::clean::line(
            &format!(
                "{}{}: {}",
                if report.context.accepted.is_some() {
                    "accepted: "
                } else {
                    ""
                },
                headline.word,
                headline.sentence.replace('`', "")
            ),
            MAX_TITLE,
        ),
        summary: marked(outcome, &report::comment::render(report, report::comment::LIMIT)),
        text: None,
        annotations: annotations::of(report).into_iter().map(annotation).collect(),
    };
    let completed = match check_run::complete(client, check.id, conclusion(outcome), &output) {
        // The verdict matters more than its words.
        Err(error @ GithubError::Invalid { .. }) => {
            let short = "GitHub did not take the report: it is in the job's summary.";
            close(client, check, conclusion(outcome), &output.title, short)?;
            return Ok(Some(format!("the check run has no report: {error}")));
        }
        completed => completed?,
    };
    Ok(completed
        .annotations_refused
        .map(|error| format!("GitHub did not take the annotations: {error}")))
}

/// Starts the hidden line of a check run's summary that says what its conclusion was made of.
const OUTCOME: &str = "<!-- mlbuild:outcome ";

const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Skipped, "skipped"),
    (Outcome::Passed, "passed"),
    (Outcome::Neutral, "neutral"),
    (Outcome::Failed, "failed"),
    (Outcome::Broken, "broken"),
];

fn marked(outcome: Outcome, body: &str) -> String {
    let word = OUTCOMES
        .iter()
        .find(|(known, _)| *known == outcome)
        .map_or("broken", |(_, word)| word);
    format!("{OUTCOME}{word} -->\n{body}")
}

/// What a check run was completed with, by its summary: the conclusion `failure` alone does not tell a limit that was violated from a model that was
/// not measured. `None` where no verdict was reached.
pub fn outcome_in(summary: &str) -> Option<Outcome> {
    let word = summary.lines().next()?.strip_prefix(OUTCOME)?.strip_suffix(" -->")?;
    OUTCOMES
        .iter()
        .find(|(_, known)| *known == word)
        .map(|(outcome, _)| *outcome)
}

/// `summary` with `lead` below its hidden line instead of any lead that it had.
pub fn under_mark(summary: &str, lead: &str) -> String {
    match summary.split_once('\n') {
        Some((mark, rest)) if mark.starts_with(OUTCOME) => format!("{mark}\n{}", report::accepted::under(lead, rest)),
        _ => report::accepted::under(lead, summary),
    }
}

/// Completes the check run of a run that could not judge.
pub fn fail_check(client: &Client, check: &OpenCheck, title: &str, text: &str) -> Result<(), GithubError> {
    close(client, check, Conclusion::Failure, title, text)
}

/// Whether nobody has completed the check run yet.
pub fn is_open(client: &Client, check: &OpenCheck) -> Result<bool, GithubError> {
    Ok(check_run::get(client, check.id)?.status != "completed")
}

/// The check run that was about to be opened when its run ended, if it was.
pub fn find_check(client: &Client, announced: &Announced) -> Result<Option<OpenCheck>, GithubError> {
    let found = check_run::find(client, &announced.check())?;
    Ok(found.map(|check| OpenCheck {
        id: check.id,
        url: check.html_url,
    }))
}

/// Completes the check run of a run that was told to stop.
pub fn cancel_check(client: &Client, check: &OpenCheck) -> Result<(), GithubError> {
    close(
        client,
        check,
        Conclusion::Cancelled,
        "cancelled before everything was measured",
        "The run was stopped before it could judge. Re-run the job for a verdict.",
    )
}

fn close(
    client: &Client,
    check: &OpenCheck,
    conclusion: Conclusion,
    title: &str,
    text: &str,
) -> Result<(), GithubError> {
    let output = Output {
        title: title.to_owned(),
        summary: text.to_owned(),
        ..Output::default()
    };
    check_run::complete(client, check.id, conclusion, &output).map(|_| ())
}

/// What an outcome is called on a check run.
pub fn conclusion(outcome: Outcome) -> Conclusion {
    match outcome {
        Outcome::Skipped => Conclusion::Skipped,
        Outcome::Passed => Conclusion::Success,
        Outcome::Neutral => Conclusion::Neutral,
        Outcome::Failed | Outcome::Broken => Conclusion::Failure,
    }
}

fn annotation(annotation: annotations::Annotation) -> check_run::Annotation {
    check_run::Annotation {
        path: annotation.path,
        start_line: u64::from(annotation.line),
        end_line: u64::from(annotation.line),
        annotation_level: match annotation.level {
            annotations::Level::Error => check_run::Level::Failure,
            annotations::Level::Warning => check_run::Level::Warning,
            annotations::Level::Notice => check_run::Level::Notice,
        },
        message: annotation.message,
        title: Some(annotation.title),
    }
}

/// Where a comment goes, and on whose behalf.
pub struct Thread<'a> {
    /// The pull request.
    pub pull: PrNumber,
    /// Tells this gate's comment from others'.
    pub key: &'a str,
    /// This run.
    pub run: RunStamp,
    /// When to comment at all.
    pub when: CommentWhen,
}

/// Writes the report as the pull request's one comment; `None` where the config wants none of this result, and there is none yet
/// that would go on saying something else.
pub fn comment(
    client: &Client,
    thread: &Thread<'_>,
    report: &Report,
) -> Result<Tried<Option<sticky::Sticky>>, GithubError> {
    if thread.when == CommentWhen::Never {
        return Ok(Tried::Done(None));
    }
    let write = || {
        let own = identity::own(client)?;
        if !is_wanted(thread.when, report) && !sticky::exists(client, thread.pull, thread.key, &own)? {
            return Ok(None);
        }
        let body = report::comment::render(report, report::comment::LIMIT);
        sticky::upsert(client, thread.pull, thread.key, &thread.run, &body, &own).map(Some)
    };
    allowed(write(), "no comment was written")
}

/// Says in the comment, where there is one already, that this run could not judge: what an earlier run said must not look current.
pub fn comment_failure(client: &Client, thread: &Thread<'_>, text: &str) -> Result<(), GithubError> {
    let own = identity::own(client)?;
    if sticky::exists(client, thread.pull, thread.key, &own)? {
        sticky::upsert(client, thread.pull, thread.key, &thread.run, text, &own)?;
    }
    Ok(())
}

fn is_wanted(when: CommentWhen, report: &Report) -> bool {
    match when {
        CommentWhen::Always => true,
        CommentWhen::Changed => report
            .comparisons
            .iter()
            .any(|detail| detail.comparison.verdict != Verdict::Skipped),
        CommentWhen::Regression => report
            .comparisons
            .iter()
            .any(|detail| detail.comparison.verdict >= Verdict::Inconclusive),
        CommentWhen::Never => false,
    }
}

impl<T> Tried<T> {
    fn map<U>(self, with: impl FnOnce(T) -> U) -> Tried<U> {
        match self {
            Self::Done(value) => Tried::Done(with(value)),
            Self::NotAllowed(notice) => Tried::NotAllowed(notice),
        }
    }

    /// The result, or a notice added to `notices`.
    pub fn or_note(self, notices: &mut Vec<String>) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::NotAllowed(notice) => {
                notices.push(notice);
                None
            }
        }
    }
}

fn allowed<T>(result: Result<T, GithubError>, consequence: &str) -> Result<Tried<T>, GithubError> {
    match result {
        Ok(value) => Ok(Tried::Done(value)),
        Err(error) => match error.needs() {
            Some(permission) => Ok(Tried::NotAllowed(lacking(permission, consequence))),
            None => Err(error),
        },
    }
}

/// The sentence for a missing permission, with the very line to add.
fn lacking(permission: Permission, consequence: &str) -> String {
    format!(
        "{consequence}: the token lacks a permission; give the job `permissions: {{ {} }}` \
         (a pull request from a fork never has it)",
        permission.line()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::load;
    use crate::verdict;
    use crate::verdict::ComparisonKey;

    fn config(policy: &str) -> Config {
        let text = format!(
            "version: 1\nmodels: [{{ name: a, path: a.onnx }}]\ngate: {{ on_inconclusive: {policy}, on_missing_baseline: {policy} }}\n"
        );
        load::parse(&text, std::path::Path::new("x.yml")).unwrap().config
    }

    #[test]
    fn every_verdict_has_its_conclusion() {
        let key = ComparisonKey {
            model: "a".to_owned(),
            target: "onnxruntime_cpu".to_owned(),
            variant: "fp32".to_owned(),
            sequence: None,
        };
        for (worst, policy, expected) in [
            (Verdict::Skipped, "neutral", Conclusion::Skipped),
            (Verdict::Improvement, "neutral", Conclusion::Success),
            (Verdict::Pass, "neutral", Conclusion::Success),
            (Verdict::NoBaseline, "neutral", Conclusion::Neutral),
            (Verdict::NoBaseline, "fail", Conclusion::Failure),
            (Verdict::Removed, "pass", Conclusion::Neutral),
            (Verdict::Inconclusive, "neutral", Conclusion::Neutral),
            (Verdict::Inconclusive, "pass", Conclusion::Success),
            (Verdict::Inconclusive, "fail", Conclusion::Failure),
            (Verdict::Regression, "pass", Conclusion::Failure),
            (Verdict::Error, "pass", Conclusion::Failure),
        ] {
            let gate = config(policy).gate;
            // Whatever is better stands beside it and changes nothing.
            let comparisons =
                [Verdict::Skipped, worst].map(|verdict| verdict::undecided(&key, verdict, String::new(), Vec::new()));
            assert_eq!(
                conclusion(verdict::outcome(&comparisons, &gate)),
                expected,
                "{worst:?} {policy}"
            );
        }
    }
}
