//! The end of a command that somebody worked on: what he says is read strictly, compared with the plan, and put into the reply; a whole gate's
//! verdict also goes to check and comment.

use jiff::Timestamp;

use crate::bot::BotError;
use crate::bot::accept;
use crate::bot::help;
use crate::bot::plan::Plan;
use crate::bot::reply;
use crate::config::CommentWhen;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::reaction;
use crate::github::reaction::Sign;
use crate::github::sticky::RunStamp;
use crate::pipeline::publish;
use crate::pipeline::publish::Thread;
use crate::pipeline::trouble::chain;
use crate::report;
use crate::report::Report;
use crate::report::accepted;
use crate::report::explained;
use crate::report::handover::Content;
use crate::report::handover::Handover;
use crate::report::markdown;
use crate::report::told::Told;
use crate::verdict;
use crate::verdict::Outcome;
use crate::verdict::acceptance;

/// The run that answers, and where it and the forge are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The run, the same that heard the command.
    pub run_id: u64,
    /// Its attempt.
    pub attempt: u64,
    /// Its page.
    pub url: String,
    /// The forge's web address.
    pub server_url: String,
    /// Now.
    pub now: Timestamp,
}

/// What came of the work.
#[derive(Debug)]
pub enum Result {
    /// The gate's result, proved to be of this run and commit.
    Gate(Box<Handover>),
    /// A table.
    Table(Box<Told>),
    /// A baseline, or that none was needed.
    Refreshed(String),
    /// Nothing: why, and what to do.
    Nothing {
        /// Why.
        reason: String,
        /// What to do.
        hints: Vec<String>,
    },
}

/// Answers. Returns whether the work was done and, for a gate, what it says.
pub fn answer(client: &Client, plan: &Plan, result: Result, place: &Place) -> std::result::Result<bool, BotError> {
    let finishing = Finishing { client, plan, place };
    let (text, done) = match result {
        Result::Gate(handover) => finishing.gate(*handover)?,
        Result::Table(told) => (
            format!(
                "{}\n{}\n",
                told.markdown(&plan.work.line(), plan.head.short()),
                markdown::link("the run, with the page as an artifact", &place.url)
            ),
            told.failure().is_none(),
        ),
        Result::Refreshed(text) => (
            format!(
                "✅ {} · {}\n",
                markdown::prose(&text),
                markdown::link("the run", &place.url)
            ),
            true,
        ),
        Result::Nothing { reason, hints } => (finishing.nothing(&reason, &hints)?, false),
    };
    reply::edit(client, plan.pull, plan.comment, plan.reply, &text)?;
    let sign = if done { Sign::ThumbsUp } else { Sign::Confused };
    // A sign that cannot be set is no reason to fail.
    let _ = reaction::add(client, plan.comment, sign);
    Ok(done)
}

struct Finishing<'a> {
    client: &'a Client,
    plan: &'a Plan,
    place: &'a Place,
}

impl Finishing<'_> {
    /// Says that there is no result, in the check run as well.
    fn nothing(&self, reason: &str, hints: &[String]) -> std::result::Result<String, BotError> {
        let text = help::failed(reason, hints, &self.place.url);
        if let Some(check) = &self.plan.check {
            publish::fail_check(self.client, check, "mlbuild could not judge", &text)?;
        }
        Ok(text)
    }

    fn gate(&self, handover: Handover) -> std::result::Result<(String, bool), BotError> {
        let plan = self.plan;
        if handover.key != plan.key || handover.pull != Some(plan.pull) || handover.head != plan.head {
            let reason = "the result is not the one that was asked for";
            return Ok((self.nothing(reason, &[])?, false));
        }
        let judged = match handover.content {
            Content::Judged(judged) => *judged,
            Content::Failed(failure) => return Ok((self.nothing(&failure.reason, &failure.hints)?, false)),
        };
        let (mut report, mut outcome) = (judged.report, judged.outcome);
        self.complete_context(&mut report);
        if !plan.work.is_whole_gate() {
            let note = "A part of the gate was measured: check and comment of the whole stay as they are.";
            let body = report::comment::render(&report, report::comment::LIMIT - note.len() - 10);
            return Ok((format!("{note}\n\n{body}"), outcome != Outcome::Broken));
        }
        let mut notices = Vec::new();
        outcome = stand_by(
            self.client,
            plan.pull.into(),
            &plan.head,
            self.place.now,
            outcome,
            &mut report,
            &mut notices,
        );
        report.notices.extend(notices);
        let thread = Thread {
            pull: plan.pull,
            key: &plan.key,
            run: RunStamp {
                run_id: self.place.run_id,
                attempt: self.place.attempt,
                head_sha: plan.head.clone(),
            },
            when: CommentWhen::Always,
        };
        let mut where_else = Vec::new();
        let mut told = Vec::new();
        match publish::comment(self.client, &thread, &report) {
            Ok(tried) => {
                if let Some(Some(sticky)) = tried.or_note(&mut told) {
                    where_else.push(markdown::link("everything", &sticky.comment.html_url));
                }
            }
            // The verdict still has the reply and the check run.
            Err(error) => told.push(format!("no comment was written: {}", chain(&error))),
        }
        if let Some(check) = &plan.check {
            told.extend(publish::complete_check(self.client, check, &report, outcome)?);
            where_else.extend(check.url.as_deref().map(|url| markdown::link("the check", url)));
        }
        where_else.push(markdown::link("the run", &self.place.url));
        let lead = report.context.accepted.as_ref().map(accepted::lead).unwrap_or_default();
        let words = explained::render(&report, None).unwrap_or_default();
        let mut text = format!("{lead}{words}\n{}\n", where_else.join(" · "));
        for notice in told {
            text.push_str(&format!("\n{}\n", markdown::prose(&notice)));
        }
        Ok((text, outcome != Outcome::Broken))
    }

    /// What the reader of a result adds by himself.
    fn complete_context(&self, report: &mut Report) {
        let context = &mut report.context;
        context.repository = Some(self.client.repo().to_string());
        context.server_url = Some(self.place.server_url.clone());
        context.report_url = Some(self.place.url.clone());
        context.check_url = self.plan.check.as_ref().and_then(|check| check.url.clone());
        context.answers_commands = true;
    }
}

/// What `outcome` means where somebody accepted the result of this commit, which is then said in the report. A result that nobody needs to
/// accept, or nobody can, is left as it is and costs no question.
pub fn stand_by(
    client: &Client,
    pull: u64,
    head: &CommitSha,
    now: Timestamp,
    outcome: Outcome,
    report: &mut Report,
    notices: &mut Vec<String>,
) -> Outcome {
    if !matches!(outcome, Outcome::Failed | Outcome::Neutral) {
        return outcome;
    }
    let Ok(pull) = pull.try_into() else { return outcome };
    match accept::standing(client, pull, head, now) {
        Ok(Some(acceptance)) => {
            notices.push(accepted::line(&acceptance));
            report.context.accepted = Some(acceptance);
            report.exit_code = verdict::exit_code_of(acceptance::accepted(outcome));
            acceptance::accepted(outcome)
        }
        Ok(None) => outcome,
        // A verdict that was not accepted as far as we know stands.
        Err(error) if error.needs().is_some() => outcome,
        Err(error) => {
            notices.push(format!(
                "whether somebody accepted this is not known: {}",
                chain(&error)
            ));
            outcome
        }
    }
}
