//! `lfs`, `credentials`, `untrusted-checkout`, `shallow`: what lies in the checkout before mlbuild looks at it.

use crate::config::nearest::quoted;
use crate::config::tree::Node;
use crate::config::workflow::Surroundings;
use crate::config::workflow::events;
use crate::config::workflow::finding::Severity;
use crate::config::workflow::read;
use crate::config::workflow::read::Job;
use crate::config::workflow::read::Part;
use crate::config::workflow::read::Step;
use crate::config::workflow::read::Workflow;
use crate::config::workflow::script;

use super::Draft;

/// Events that run the default branch's workflow, with its secrets, for what a stranger did.
const PRIVILEGED: &[&str] = &["pull_request_target", "workflow_run", "issue_comment"];

/// What leads to a stranger's commit.
const STRANGERS: &[&str] = &[
    "github.event.pull_request.head",
    "github.head_ref",
    "github.event.workflow_run.head",
    "refs/pull/",
    "github.event.number",
    "github.event.pull_request.merge_commit_sha",
];

pub(super) fn look(workflow: &Workflow, surroundings: &Surroundings, drafts: &mut Vec<Draft>) {
    if workflow.is_action() {
        return;
    }
    let triggers = events::triggers(workflow);
    for job in workflow.jobs() {
        for event in PRIVILEGED {
            let triggered = triggers.iter().any(|trigger| trigger.event == *event);
            if triggered && events::runs_on(&job, event) {
                untrusted(&job, event, drafts);
            }
        }
        if !measures(&job) {
            continue;
        }
        for step in job.steps.iter().filter(|step| is_checkout(step)) {
            checkout(&job, step, surroundings, drafts);
        }
    }
}

/// True where the job runs models: by the action or by command.
fn measures(job: &Job<'_>) -> bool {
    job.steps.iter().any(|step| {
        step.part == Some(Part::Action) || step.run.is_some_and(|(text, _)| !script::calls(text).is_empty())
    })
}

fn is_checkout(step: &Step<'_>) -> bool {
    step.uses.is_some_and(|(uses, _)| uses.starts_with("actions/checkout@"))
}

fn with<'a>(step: &Step<'a>, key: &str) -> Option<&'a Node> {
    let with = read::entry(step.body, "with")?;
    read::entry(&with.value, key).map(|entry| &entry.value)
}

fn checkout(job: &Job<'_>, step: &Step<'_>, surroundings: &Surroundings, drafts: &mut Vec<Draft>) {
    let Some((_, node)) = step.uses else { return };
    let scripts = || job.steps.iter().filter_map(|step| step.run.map(|(text, _)| text));
    let fetched = with(step, "lfs").is_some_and(read::is_true)
        || scripts().any(|text| text.contains("git lfs pull") || text.contains("git lfs fetch"));
    if let Some(model) = surroundings.lfs_models.first()
        && !fetched
    {
        let others = surroundings.lfs_models.len() - 1;
        let more = if others > 0 {
            format!(" and {others} more")
        } else {
            String::new()
        };
        drafts.push(
            Draft::new(
                "lfs",
                Severity::Error,
                node,
                format!("{}{more} would be a Git LFS pointer here, not the model", quoted(model)),
            )
            .label("fetches no LFS files")
            .hint("write in its `with:`:\n  lfs: true"),
        );
    }
    let pushes = scripts().any(|text| text.contains("git push"));
    let kept = with(step, "persist-credentials").and_then(read::text) != Some("false");
    if kept && !pushes {
        drafts.push(
            Draft::new(
                "credentials",
                Severity::Warning,
                node,
                format!("the token stays in the checkout of job {}", quoted(job.name)),
            )
            .label("every model and `build:` command of the job could read it from `.git`")
            .hint("write in its `with:`:\n  persist-credentials: false"),
        );
    }
    let from_git = scripts()
        .flat_map(script::calls)
        .any(|call| call.first() == Some(&"ci") && !call.iter().any(|word| word.starts_with("--baseline")));
    let whole = with(step, "fetch-depth").and_then(read::text) == Some("0");
    if from_git && !whole {
        drafts.push(
            Draft::new(
                "shallow",
                Severity::Warning,
                node,
                "`mlbuild ci` looks for the model at the base commit, which a shallow checkout lacks",
            )
            .label("fetches one commit only")
            .hint("write in its `with:`:\n  fetch-depth: 0")
            .hint("or use the action, which asks GitHub for the base's model"),
        );
    }
}

/// A stranger's commit checked out where the default branch's secrets are.
fn untrusted(job: &Job<'_>, event: &str, drafts: &mut Vec<Draft>) {
    for step in &job.steps {
        let reference = with(step, "ref").filter(|_| is_checkout(step));
        let led = reference.filter(|node| {
            read::text(node).is_some_and(|text| STRANGERS.iter().any(|stranger| text.contains(stranger)))
        });
        if let Some(node) = led {
            drafts.push(
                Draft::new(
                    "untrusted-checkout",
                    Severity::Error,
                    node.id,
                    format!("`{event}` checks out what a stranger wrote, with this repository's token and secrets"),
                )
                .label("anyone who opens a pull request runs code here")
                .hint("gate on `pull_request`; for comments on forks' pull requests see docs/forks.md: two stages, no checkout in the second"),
            );
        }
        if let Some((text, node)) = step.run
            && let Some(line) = text.lines().map(str::trim).find(|line| line.contains("gh pr checkout"))
        {
            drafts.push(
                Draft::new(
                    "untrusted-checkout",
                    Severity::Error,
                    node,
                    format!("`{event}` checks out what a stranger wrote, with this repository's token and secrets"),
                )
                .label("anyone who opens a pull request runs code here")
                .hint("gate on `pull_request`; see docs/forks.md")
                .piece(line, "gh pr checkout"),
            );
        }
        if event == "pull_request_target"
            && step.part == Some(Part::Action)
            && let Some((_, node)) = step.uses
        {
            drafts.push(
                Draft::new(
                    "untrusted-checkout",
                    Severity::Error,
                    node,
                    "mlbuild must not gate on `pull_request_target`",
                )
                .label("it would measure the base, or run a stranger's model beside a token that may write")
                .hint("write `pull_request:`; for comments on forks' pull requests see docs/forks.md"),
            );
        }
    }
}
