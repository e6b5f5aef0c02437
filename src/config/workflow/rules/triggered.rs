//! `path-filter`, `events`, `merge-group`: whether the gate runs when it must report.

use crate::config::tree::Node;
use crate::config::workflow::events;
use crate::config::workflow::events::Trigger;
use crate::config::workflow::finding::Severity;
use crate::config::workflow::read;
use crate::config::workflow::read::Job;
use crate::config::workflow::read::Part;
use crate::config::workflow::read::Workflow;

use super::Draft;

/// Without these activities of a pull request new commits go unseen.
const ACTIVITIES: &[&str] = &["opened", "synchronize", "reopened"];

pub(super) fn look(workflow: &Workflow, drafts: &mut Vec<Draft>) {
    if workflow.is_action() {
        return;
    }
    let triggers = events::triggers(workflow);
    let jobs = workflow.jobs();
    let gates: Vec<&Job<'_>> = jobs
        .iter()
        .filter(|job| job.steps.iter().any(|step| step.part == Some(Part::Action)))
        .filter(|job| events::runs_on(job, "pull_request"))
        .collect();
    let Some(proposals) = triggers.iter().find(|trigger| trigger.event == "pull_request") else {
        return;
    };
    let Some(gate) = gates.first() else { return };
    if let Some(filters) = proposals.filters {
        filtered(filters, drafts);
    }
    queue(&triggers, proposals, gate, drafts);
}

fn filtered(filters: &Node, drafts: &mut Vec<Draft>) {
    for key in ["paths", "paths-ignore"] {
        if let Some(entry) = read::entry(filters, key) {
            drafts.push(
                Draft::new(
                    "path-filter",
                    Severity::Warning,
                    entry.key_id,
                    format!("`{key}` keeps the gate from reporting on other pull requests"),
                )
                .label("where mlbuild's check is required, those can never be merged")
                .hint("remove it: mlbuild skips what did not change within a second, and says so in its check"),
            );
        }
    }
    let Some(types) = read::entry(filters, "types") else {
        return;
    };
    let listed: Vec<&str> = match read::text(&types.value) {
        Some(one) => vec![one],
        None => read::elements(&types.value).iter().filter_map(read::text).collect(),
    };
    let lacking: Vec<String> = ACTIVITIES
        .iter()
        .filter(|activity| !listed.contains(activity))
        .map(|activity| format!("`{activity}`"))
        .collect();
    if lacking.contains(&"`synchronize`".to_owned()) || lacking.contains(&"`opened`".to_owned()) {
        drafts.push(
            Draft::new(
                "events",
                Severity::Error,
                types.key_id,
                format!("the gate does not run when a pull request is {}", lacking.join(", ")),
            )
            .label("so what is merged may never have been measured")
            .hint(format!("add {}, or remove `types`", lacking.join(", "))),
        );
    }
}

fn queue(triggers: &[Trigger<'_>], proposals: &Trigger<'_>, gate: &Job<'_>, drafts: &mut Vec<Draft>) {
    let Some(queue) = triggers.iter().find(|trigger| trigger.event == "merge_group") else {
        drafts.push(
            Draft::new(
                "merge-group",
                Severity::Advice,
                proposals.node,
                "the gate does not run in a merge queue",
            )
            .label("a required check that is not reported there stops the queue")
            .hint("add `merge_group:` beside it; without a queue it costs nothing"),
        );
        return;
    };
    if !events::runs_on(gate, "merge_group") {
        let node = read::entry(gate.body, "if").map_or(queue.node, |entry| entry.key_id);
        drafts.push(
            Draft::new(
                "merge-group",
                Severity::Warning,
                node,
                "the gate is skipped in the merge queue, and a skipped job counts as passed",
            )
            .label("never true on `merge_group`")
            .hint("write `if: github.event_name != 'push'`"),
        );
    }
}
