//! What a gate tells besides its verdict: in a comment, that somebody accepted it, how to repeat it at a desk, and in the job's log.

use crate::action::dispatch::Located;
use crate::action::dispatch::Proposal;
use crate::action::dispatch::Surroundings;
use crate::action::outputs;
use crate::bot::answer;
use crate::github::Client;
use crate::pipeline::baseline;
use crate::pipeline::publish;
use crate::pipeline::publish::Thread;
use crate::pipeline::trouble::chain;
use crate::report;
use crate::report::Report;
use crate::verdict::Outcome;

/// What `outcome` means where somebody accepted the result of the proposed commit, which the report says then.
pub(super) fn stand_by(
    client: &Client,
    proposal: &Proposal,
    outcome: Outcome,
    report: &mut Report,
    surroundings: &Surroundings<'_>,
) -> Outcome {
    let (Some(pull), Ok(now)) = (&proposal.pull, surroundings.now.parse()) else {
        return outcome;
    };
    let mut told = Vec::new();
    let number = u64::from(pull.number);
    let outcome = answer::stand_by(client, number, &proposal.head, now, outcome, report, &mut told);
    report.notices.extend(told);
    outcome
}

/// Writes the comment where there is a `thread` for it, and returns its address, empty where none was written. What went wrong is a notice:
/// the verdict still has the check run, the summary and the exit code.
pub(super) fn comment(
    client: &Client,
    thread: Option<Thread<'_>>,
    report: &Report,
    notices: &mut Vec<String>,
) -> String {
    let Some(thread) = thread else { return String::new() };
    match publish::comment(client, &thread, report) {
        Ok(tried) => match tried.or_note(notices) {
            Some(Some(sticky)) => sticky.comment.html_url,
            _ => String::new(),
        },
        Err(error) => {
            notices.push(format!("no comment was written: {}", chain(&error)));
            String::new()
        }
    }
}

/// How a reader repeats the comparison at a desk.
pub(super) fn reproduce(proposal: &Proposal, located: &Located) -> Vec<String> {
    let Some(base) = &proposal.base else { return Vec::new() };
    let mut lines = vec![format!("git fetch origin {} {}", base.as_str(), proposal.head.as_str())];
    if let [model] = located.loaded.config.models.as_slice()
        && let Some(path) = baseline::repository_path(&located.folder, &model.path)
    {
        lines.push(format!("git checkout {} && cp {path} /tmp/baseline.onnx", base.short()));
        lines.push(format!("git checkout {}", proposal.head.short()));
        lines.push(format!(
            "mlbuild ci --config {} --baseline /tmp/baseline.onnx",
            located.path
        ));
    } else {
        lines.push(format!(
            "git checkout {} && mlbuild baseline refresh --config {}",
            base.short(),
            located.path
        ));
        lines.push(format!(
            "git checkout {} && mlbuild ci --config {}",
            proposal.head.short(),
            located.path
        ));
    }
    lines
}

/// The table, the annotations and the notices, in the job's log.
pub(super) fn log(report: &Report, surroundings: &mut Surroundings<'_>) {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = report::table::write(report, &mut text, false);
    let _ = report::annotations::write(report, &mut text);
    for line in String::from_utf8_lossy(&text).lines() {
        (surroundings.log)(line);
    }
    for notice in &report.notices {
        (surroundings.log)(&format!("::notice title=mlbuild::{}", outputs::escape(notice)));
    }
}
