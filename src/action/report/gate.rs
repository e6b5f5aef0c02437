//! One gate of the run: its check run, its comment, its part of the summary.

use super::Proven;
use super::ReportingError;
use crate::action::aside;
use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::finalize;
use crate::action::inputs::Inputs;
use crate::action::outputs;
use crate::bot;
use crate::config::CommentWhen;
use crate::github::Client;
use crate::github::GithubError;
use crate::github::sticky::RunStamp;
use crate::hint::Hint as _;
use crate::pipeline::handover;
use crate::pipeline::handover::Base;
use crate::pipeline::publish;
use crate::pipeline::publish::Announced;
use crate::pipeline::publish::OpenCheck;
use crate::pipeline::publish::Thread;
use crate::pipeline::publish::Tried;
use crate::pipeline::trouble::chain;
use crate::report;
use crate::report::handover::Content;
use crate::report::handover::Handover;
use crate::report::handover::Judged;
use crate::verdict::Outcome;

/// How many characters of a failure's reason are shown.
const MAX_REASON: usize = 4000;

/// One gate, while it is published.
struct Gate<'a> {
    inputs: &'a Inputs,
    client: &'a Client,
    proven: &'a Proven<'a>,
    key: &'a str,
    /// The attempt that measured.
    attempt: u64,
}

/// Publishes one gate's result, or why there is none. 0 where a verdict was published, else 2.
pub(super) fn publish(
    inputs: &Inputs,
    client: &Client,
    proven: &Proven<'_>,
    key: &str,
    result: Result<Handover, ReportingError>,
    surroundings: &mut Surroundings<'_>,
) -> Result<i32, ActionError> {
    let attempt = result.as_ref().map_or(proven.run.attempt, |handover| handover.attempt);
    let gate = Gate {
        inputs,
        client,
        proven,
        key,
        attempt,
    };
    if publish::newer_check_exists(client, key, &proven.run.head_sha, (proven.run.id, attempt))? {
        let text = format!("a newer run has reported `{key}` already: nothing was changed");
        (surroundings.log)(&format!("::notice title=mlbuild::{}", outputs::escape(&text)));
        return Ok(0);
    }
    let mut notices = Vec::new();
    let check = gate.open_check()?.or_note(&mut notices);
    let published = match result.and_then(|handover| gate.believed(handover)) {
        Ok((handover, judged)) => gate.conclude(check.as_ref(), &handover, judged, notices, surroundings),
        Err(error) => gate.fail(check.as_ref(), &error.into(), surroundings),
    };
    match published {
        Ok(code) => Ok(code),
        Err(error) => {
            gate.fail(check.as_ref(), &error, surroundings)?;
            Ok(2)
        }
    }
}

impl Gate<'_> {
    fn open_check(&self) -> Result<Tried<OpenCheck>, ActionError> {
        let pull = match self.proven.pulls.as_slice() {
            [pull] => pull.number.to_string(),
            _ => "-".to_owned(),
        };
        let announced = Announced {
            key: self.key.to_owned(),
            head: self.proven.run.head_sha.clone(),
            external_id: format!("v1:{pull}:{}:{}.{}", self.key, self.proven.run.id, self.attempt),
        };
        finalize::announce(self.inputs, &announced)?;
        let tried = publish::open_check(self.client, &announced, Some(self.run_url()))?;
        match &tried {
            Tried::Done(check) => finalize::remember(self.inputs, check)?,
            Tried::NotAllowed(_) => finalize::forget(self.inputs),
        }
        Ok(tried)
    }

    /// The page of the run that measured.
    fn run_url(&self) -> String {
        format!(
            "{}/{}/actions/runs/{}/attempts/{}",
            self.inputs.run.server_url, self.inputs.run.repository, self.proven.run.id, self.attempt
        )
    }

    /// The verdict, where there is one that goes with how the run ended.
    fn believed(&self, mut handover: Handover) -> Result<(Handover, Judged), ReportingError> {
        let content = std::mem::replace(
            &mut handover.content,
            Content::Failed(report::handover::Failure {
                reason: String::new(),
                hints: Vec::new(),
                cancelled: false,
            }),
        );
        let mut judged = match content {
            Content::Judged(judged) => *judged,
            Content::Failed(failure) => return Err(ReportingError::NotJudged(failure)),
        };
        let conclusion = &self.proven.conclusion;
        if judged.outcome < Outcome::Failed && conclusion != "success" {
            if !self.proven.explained {
                return Err(ReportingError::Unbelievable {
                    result: judged.report.result.word(),
                    conclusion: conclusion.clone(),
                });
            }
            judged.outcome = judged.outcome.max(Outcome::Neutral);
            judged.report.notices.push(format!(
                "the run that measured ended as `{conclusion}` because of another gate, so that this one is not called a success"
            ));
        }
        Ok((handover, judged))
    }

    /// Judges by the base's limits too, and says what may be believed of all this. When to comment comes back.
    fn rejudge(&self, handover: &Handover, judged: &mut Judged) -> Result<CommentWhen, GithubError> {
        let mut notices = vec![format!(
            "measured by the pull request's own run {}, which its author controls: the figures are as trustworthy as that code",
            self.proven.run.id
        )];
        let path = judged.report.context.config_path.clone();
        let mut when = CommentWhen::Always;
        for pull in &self.proven.pulls {
            let base = if is_path_of_key(&path, self.key) {
                Base::read(self.client, &path, &pull.base_sha)?
            } else {
                Base::Absent
            };
            notices.extend(handover::rejudge(judged, &base));
            if let Some(config) = base.config() {
                when = config.comment;
                judged.report.context.reproduce = reproduce(handover, pull.number, &path);
            }
            if handover.base.as_ref() != Some(&pull.base_sha) {
                notices.push(format!(
                    "compared with {}; the base branch is at {} now",
                    handover.base.as_ref().map_or("nothing", |base| base.short()),
                    pull.base_sha.short()
                ));
            }
        }
        if self.proven.pulls.is_empty() {
            judged.outcome = judged.outcome.max(Outcome::Neutral);
            notices.push(
                "no open pull request has this commit as its head any more: the limits could not be checked".to_owned(),
            );
        }
        notices.append(&mut judged.report.notices);
        judged.report.notices = notices;
        Ok(self.inputs.comment.unwrap_or(when))
    }

    fn conclude(
        &self,
        check: Option<&OpenCheck>,
        handover: &Handover,
        mut judged: Judged,
        mut notices: Vec<String>,
        surroundings: &mut Surroundings<'_>,
    ) -> Result<i32, ActionError> {
        let when = self.rejudge(handover, &mut judged)?;
        let Judged {
            mut report,
            mut outcome,
        } = judged;
        report.context.repository = Some(self.inputs.run.repository.to_string());
        report.context.server_url = Some(self.inputs.run.server_url.clone());
        report.context.report_url = Some(self.run_url());
        report.context.check_url = check.and_then(|check| check.url.clone());
        if let ([pull], Ok(now)) = (self.proven.pulls.as_slice(), surroundings.now.parse()) {
            let (number, head) = (u64::from(pull.number), &self.proven.run.head_sha);
            outcome = bot::answer::stand_by(self.client, number, head, now, outcome, &mut report, &mut notices);
        }
        let comment_url = aside::comment(self.client, self.thread(when), &report, &mut notices);
        if let Some(check) = check {
            notices.extend(publish::complete_check(self.client, check, &report, outcome)?);
            finalize::forget(self.inputs);
        }
        report.notices.extend(notices);
        outputs::summarize(self.inputs.run.summary.as_deref(), &report::summary::render(&report))?;
        for notice in &report.notices {
            (surroundings.log)(&format!("::notice title=mlbuild::{}", outputs::escape(notice)));
        }
        self.outputs(report.result.word(), check, &comment_url)?;
        // Where no check run carries the verdict, the job does.
        Ok(match check {
            Some(_) => 0,
            None => report.exit_code,
        })
    }

    /// Tells everybody who waits that there is no verdict, and why.
    fn fail(
        &self,
        check: Option<&OpenCheck>,
        error: &ActionError,
        surroundings: &mut Surroundings<'_>,
    ) -> Result<i32, ActionError> {
        let reason: String = chain(error).chars().take(MAX_REASON).collect();
        let mut text = format!("⛔ mlbuild could not judge: {}\n", report::markdown::prose(&reason));
        for hint in error.hints() {
            text.push_str(&format!("\n- {}", report::markdown::prose(&hint)));
        }
        text.push_str(&format!("\n\n[the run that measured](<{}>)\n", self.run_url()));
        if let Some(check) = check {
            if error.is_interrupt() {
                publish::cancel_check(self.client, check)?;
            } else {
                publish::fail_check(self.client, check, "mlbuild could not judge", &text)?;
            }
            finalize::forget(self.inputs);
        }
        if let Some(thread) = self.thread(CommentWhen::Never).filter(|_| !error.is_interrupt())
            && let Err(unsaid) = publish::comment_failure(self.client, &thread, &text)
        {
            (surroundings.log)(&format!(
                "the comment could not be brought up to date: {}",
                chain(&unsaid)
            ));
        }
        outputs::summarize(self.inputs.run.summary.as_deref(), &text)?;
        (surroundings.log)(&format!("::error title=mlbuild::{}", outputs::escape(&reason)));
        self.outputs("error", check, "")?;
        Ok(2)
    }

    fn outputs(&self, result: &str, check: Option<&OpenCheck>, comment_url: &str) -> Result<(), ActionError> {
        let output = self.inputs.run.output.as_deref();
        outputs::set(output, "result", result)?;
        outputs::set(output, "comment-url", comment_url)?;
        let url = check.and_then(|check| check.url.as_deref()).unwrap_or_default();
        outputs::set(output, "check-url", url)?;
        Ok(())
    }

    /// The comment of the one pull request that the run is proved to belong to.
    fn thread(&self, when: CommentWhen) -> Option<Thread<'_>> {
        let [pull] = self.proven.pulls.as_slice() else {
            return None;
        };
        Some(Thread {
            pull: pull.number,
            key: self.key,
            run: RunStamp {
                run_id: self.proven.run.id,
                attempt: self.attempt,
                head_sha: self.proven.run.head_sha.clone(),
            },
            when,
        })
    }
}

/// False where the key is that of a config at the root and the path is not: another config's limits would count.
fn is_path_of_key(path: &str, key: &str) -> bool {
    let is_root = key == super::DEFAULT_KEY || key.starts_with("default (");
    !is_root || !path.contains('/')
}

/// How a reader repeats the comparison at a desk. Nothing in it is of the result's making: the path is one that the base has.
fn reproduce(handover: &Handover, pull: crate::github::PrNumber, path: &str) -> Vec<String> {
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte));
    let (Some(base), true) = (&handover.base, is_plain && !path.starts_with('-')) else {
        return Vec::new();
    };
    vec![
        format!("git fetch origin {} pull/{pull}/head", base.as_str()),
        format!(
            "git checkout {} && mlbuild baseline refresh --config {path}",
            base.short()
        ),
        format!("git checkout {} && mlbuild ci --config {path}", handover.head.short()),
    ]
}
