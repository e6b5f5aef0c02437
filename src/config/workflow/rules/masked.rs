//! `cannot-fail`: checks whose failure nobody sees.

use crate::config::nearest::quoted;
use crate::config::workflow::events::condition;
use crate::config::workflow::finding::Severity;
use crate::config::workflow::read;
use crate::config::workflow::read::Job;
use crate::config::workflow::read::Step;
use crate::config::workflow::read::Workflow;
use crate::config::workflow::script;
use crate::config::workflow::script::Loss;

use super::Draft;

const RULE: &str = "cannot-fail";

/// What jobs are called that stand for all others in the branch's protection.
const STANDING_FOR_OTHERS: &[&str] = &[
    "all",
    "ci",
    "required",
    "success",
    "passed",
    "status",
    "complete",
    "completed",
    "done",
    "ok",
    "green",
    "conclusion",
    "gate",
];

pub(super) fn look(workflow: &Workflow, drafts: &mut Vec<Draft>) {
    for job in workflow.jobs() {
        let checks = job.steps.iter().any(is_check);
        if checks {
            tolerated(job.body, "job", drafts);
            never(&job, drafts);
        }
        if !checks {
            stands_for_others(&job, drafts);
        }
        let shell = shell_of(workflow, &job);
        for step in &job.steps {
            if is_check(step) {
                tolerated(step.body, "step", drafts);
            }
            if let Some((text, node)) = step.run {
                let shell = read::text_at(step.body, "shell")
                    .map(str::to_owned)
                    .or_else(|| shell.clone());
                lost(text, node, shell.as_deref(), is_windows(&job), drafts);
            }
        }
    }
}

fn is_check(step: &Step<'_>) -> bool {
    step.part.is_some() || step.run.is_some_and(|(text, _)| script::checks_something(text))
}

/// `continue-on-error: true`; what depends on an expression is somebody's decision, and is seen as such.
fn tolerated(body: &crate::config::tree::Node, what: &str, drafts: &mut Vec<Draft>) {
    let Some(entry) = read::entry(body, "continue-on-error") else {
        return;
    };
    if read::is_true(&entry.value) {
        drafts.push(
            Draft::new(
                RULE,
                Severity::Error,
                entry.key_id,
                format!("`continue-on-error` hides this {what}'s failure"),
            )
            .label("the job is green whatever it finds")
            .hint("remove the line; a check that may fail is no check")
            .hint("to let mlbuild inform without blocking, leave its check out of the branch's required ones instead"),
        );
    }
}

/// A job that checks and never runs.
fn never(job: &Job<'_>, drafts: &mut Vec<Draft>) {
    let Some(entry) = read::entry(job.body, "if") else {
        return;
    };
    let events = ["pull_request", "push", "schedule", "workflow_dispatch"];
    let text = read::text(&entry.value);
    if events.iter().all(|event| condition(text, event) == Some(false)) && condition(text, "merge_group") == Some(false)
    {
        drafts.push(
            Draft::new(
                RULE,
                Severity::Error,
                entry.key_id,
                format!("job {} never runs", quoted(job.name)),
            )
            .label("never true; a skipped job counts as passed")
            .hint("remove the condition, or the job"),
        );
    }
}

/// A job that others' protection rests on, runs always and looks at no result.
fn stands_for_others(job: &Job<'_>, drafts: &mut Vec<Draft>) {
    let (Some(entry), Some(_)) = (read::entry(job.body, "if"), read::entry(job.body, "needs")) else {
        return;
    };
    let written = read::text(&entry.value).unwrap_or_default();
    let always = written.contains("always()") || written.contains("!cancelled()");
    let named = read::text_at(job.body, "name").unwrap_or(job.name).to_lowercase();
    let stands = |name: &str| {
        name.split(|character: char| !character.is_alphanumeric())
            .any(|word| STANDING_FOR_OTHERS.contains(&word))
    };
    if always && (stands(&named) || stands(&job.name.to_lowercase())) && !mentions_results(job.body, 0) {
        drafts.push(
            Draft::new(
                RULE,
                Severity::Warning,
                entry.key_id,
                format!(
                    "job {} passes whatever the jobs that it needs came to",
                    quoted(job.name)
                ),
            )
            .label("runs always, and looks at no `needs.*.result`")
            .hint("fail it where `contains(needs.*.result, 'failure') || contains(needs.*.result, 'cancelled')`"),
        );
    }
}

fn mentions_results(node: &crate::config::tree::Node, depth: usize) -> bool {
    let here = read::text(node).is_some_and(|text| text.contains("needs.") || text.contains("toJSON(needs)"));
    here || (depth < 16
        && (read::elements(node)
            .iter()
            .any(|node| mentions_results(node, depth + 1))
            || read::entries(node)
                .iter()
                .any(|entry| mentions_results(&entry.value, depth + 1))))
}

/// The shell that the job or the workflow sets for all steps.
fn shell_of(workflow: &Workflow, job: &Job<'_>) -> Option<String> {
    let default = |node| {
        let defaults = read::entry(node, "defaults")?;
        let run = read::entry(&defaults.value, "run")?;
        read::text_at(&run.value, "shell").map(str::to_owned)
    };
    default(job.body).or_else(|| default(&workflow.root))
}

/// True where scripts without a shell of their own are PowerShell's.
fn is_windows(job: &Job<'_>) -> bool {
    read::text_at(job.body, "runs-on").is_some_and(|runner| runner.contains("windows"))
}

fn lost(text: &str, node: u32, shell: Option<&str>, windows: bool, drafts: &mut Vec<Draft>) {
    // Without a shell named, it is `bash -e`, which counts the last command of a pipe only; `shell: bash` is `-eo pipefail`.
    let plain = match shell {
        None => !windows,
        Some(shell) => shell.starts_with("bash") || shell.starts_with("sh"),
    };
    if !plain {
        return;
    }
    let pipefail = shell.is_some_and(|shell| shell == "bash" || shell.contains("pipefail"));
    for lost in script::losses(text, pipefail) {
        let check = quoted(lost.check);
        let draft = match lost.how {
            Loss::Or => Draft::new(RULE, Severity::Error, node, format!("{check} cannot fail here"))
                .label("ends well whatever the check says")
                .hint("remove it; to say more on failure, end in `exit 1`"),
            Loss::Unset => Draft::new(
                RULE,
                Severity::Error,
                node,
                format!("{check} cannot fail after `set +e`"),
            )
            .label("failures go on, and nothing asks for the exit code")
            .hint("remove it, or keep the code (`code=$?`) and end in `exit $code`"),
            Loss::Pipe => Draft::new(
                RULE,
                Severity::Error,
                node,
                format!("{check} cannot fail before a pipe"),
            )
            .label("the last command's exit code is the step's")
            .hint("write `shell: bash`, which GitHub runs with `pipefail`; without it, the step has none"),
        };
        drafts.push(draft.piece(lost.line, lost.piece));
    }
}
