//! `injection`: text that a stranger chose, pasted into a script.

use crate::config::nearest::quoted;
use crate::config::workflow::finding::Severity;
use crate::config::workflow::read::Workflow;

use super::Draft;

/// What anyone who opens a pull request or an issue can set; names of branches too.
const CHOSEN: &[&str] = &[
    "github.head_ref",
    "github.event.pull_request.title",
    "github.event.pull_request.body",
    "github.event.pull_request.head.ref",
    "github.event.pull_request.head.label",
    "github.event.pull_request.head.repo.default_branch",
    "github.event.issue.title",
    "github.event.issue.body",
    "github.event.comment.body",
    "github.event.review.body",
    "github.event.head_commit.message",
    "github.event.workflow_run.head_branch",
    "github.event.workflow_run.display_title",
];

pub(super) fn look(workflow: &Workflow, drafts: &mut Vec<Draft>) {
    for job in workflow.jobs() {
        for step in &job.steps {
            let Some((text, node)) = step.run else { continue };
            for line in text.lines() {
                let found = line.split("${{").skip(1).find_map(|rest| {
                    let (inner, _) = rest.split_once("}}")?;
                    CHOSEN.iter().any(|chosen| inner.contains(chosen)).then_some(inner)
                });
                if let Some(inner) = found {
                    drafts.push(
                        Draft::new(
                            "injection",
                            Severity::Error,
                            node,
                            format!("{} becomes part of the script", quoted(inner.trim())),
                        )
                        .label("whoever chooses that text runs commands here")
                        .hint("hand it over in `env:` and write \"$NAME\" in the script")
                        .piece(line.trim(), &format!("${{{{{inner}}}}}")),
                    );
                }
            }
        }
    }
}
