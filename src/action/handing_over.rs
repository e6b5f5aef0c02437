//! What the gate of a pull request puts down for a workflow that may write, and how it tells the next step to upload it.

use crate::action::dispatch::Proposal;
use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::inputs::Inputs;
use crate::action::outputs;
use crate::hint::Hint as _;
use crate::pipeline::handover;
use crate::pipeline::trouble::chain;
use crate::report::Report;
use crate::report::handover::Content;
use crate::report::handover::Failure;
use crate::report::handover::Handover;
use crate::report::handover::Judged;
use crate::verdict::Outcome;

/// Puts down a verdict. `may_write` is false where the token could not even open a check run.
pub(super) fn judged(
    inputs: &Inputs,
    key: &str,
    proposal: &Proposal,
    may_write: bool,
    (report, outcome): (&Report, Outcome),
    surroundings: &mut Surroundings<'_>,
) {
    let judged = Judged {
        report: report.clone(),
        outcome,
    };
    put_down(
        inputs,
        key,
        proposal,
        may_write,
        Content::Judged(Box::new(judged)),
        surroundings,
    );
}

/// Puts down why there is no verdict.
pub(super) fn failed(
    inputs: &Inputs,
    key: &str,
    proposal: &Proposal,
    may_write: bool,
    (reason, error): (&str, &ActionError),
    surroundings: &mut Surroundings<'_>,
) {
    let failure = Failure {
        reason: reason.to_owned(),
        hints: error.hints(),
        cancelled: error.is_interrupt(),
    };
    put_down(inputs, key, proposal, may_write, Content::Failed(failure), surroundings);
}

fn put_down(
    inputs: &Inputs,
    key: &str,
    proposal: &Proposal,
    may_write: bool,
    content: Content,
    surroundings: &mut Surroundings<'_>,
) {
    let (Some(pull), Some(folder)) = (&proposal.pull, &inputs.run.temporary) else {
        return;
    };
    let handover = Handover {
        repository: inputs.run.repository.clone(),
        run_id: inputs.run.id,
        attempt: inputs.run.attempt,
        pull: Some(pull.number),
        key: key.to_owned(),
        head: proposal.head.clone(),
        base: proposal.base.clone(),
        content,
    };
    let output = inputs.run.output.as_deref();
    let put_down = handover::write(folder, &handover);
    // Whoever can write has said everything himself.
    if may_write && !pull.head_repo_is_fork {
        return;
    }
    let told = match put_down {
        Ok(path) => outputs::set(output, "result-file", &path.display().to_string())
            .and_then(|()| outputs::set(output, "result-artifact", &handover::artifact_name(key)))
            .map_err(|error| chain(&error)),
        Err(error) => Err(chain(&error)),
    };
    if let Err(reason) = told {
        // The verdict still has the summary, the annotations and the exit code.
        let text = format!("the result could not be handed to the workflow that reports: {reason}");
        (surroundings.log)(&format!("::warning title=mlbuild::{}", outputs::escape(&text)));
    }
}
