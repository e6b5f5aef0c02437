//! `no-baseline`, `different-gate`, `cancelled`: whether what pushes publish is what pull requests look for.

use crate::config::nearest::quoted;
use crate::config::tree::Node;
use crate::config::tree::NodeId;
use crate::config::workflow::Surroundings;
use crate::config::workflow::events;
use crate::config::workflow::finding::Severity;
use crate::config::workflow::read;
use crate::config::workflow::read::Part;
use crate::config::workflow::read::Workflow;

use super::Draft;
use super::permissions::REFRESHING;

/// The inputs by which a gate finds its baselines; one that is not written is the default.
const IDENTITY: &[&str] = &["config", "working-directory", "key"];

/// A use of the action.
struct Use {
    workflow: usize,
    node: NodeId,
    identity: Vec<Option<String>>,
}

/// The uses of the action in jobs that run on one of these events.
fn uses(workflows: &[&Workflow], wanted: &[&str]) -> Vec<Use> {
    let mut found = Vec::new();
    for (index, workflow) in workflows
        .iter()
        .enumerate()
        .filter(|(_, workflow)| !workflow.is_action())
    {
        let triggers = events::triggers(workflow);
        for job in workflow.jobs() {
            let runs = triggers
                .iter()
                .any(|trigger| wanted.contains(&trigger.event) && events::runs_on(&job, trigger.event));
            for step in job.steps.iter().filter(|step| runs && step.part == Some(Part::Action)) {
                let with = read::entry(step.body, "with").map(|entry| &entry.value);
                let input = |key: &&str| with.and_then(|with| read::text_at(with, key)).map(plain);
                if let Some((_, node)) = step.uses {
                    found.push(Use {
                        workflow: index,
                        node,
                        identity: IDENTITY.iter().map(input).collect(),
                    });
                }
            }
        }
    }
    found
}

/// A path without what means nothing.
fn plain(text: &str) -> String {
    text.trim().trim_start_matches("./").trim_end_matches('/').to_owned()
}

pub(super) fn between(workflows: &[&Workflow], surroundings: &Surroundings) -> Vec<(usize, Draft)> {
    let gates = uses(workflows, &["pull_request"]);
    if gates.is_empty() || surroundings.baseline_is_committed {
        return Vec::new();
    }
    let refreshes = uses(workflows, REFRESHING);
    let mut drafts = Vec::new();
    for gate in &gates {
        if refreshes.is_empty() {
            let draft = Draft::new(
                "no-baseline",
                Severity::Warning,
                gate.node,
                "no job publishes the baseline that this gate compares with",
            )
            .label("every pull request then measures against the model in git, and nothing else is known of the base")
            .hint("run the action on pushes to the default branch too: `push: { branches: [main] }`, in a job that may write contents");
            drafts.push((gate.workflow, draft));
        } else if !refreshes.iter().any(|refresh| refresh.identity == gate.identity) {
            let draft = Draft::new(
                "different-gate",
                Severity::Warning,
                gate.node,
                "pull requests and pushes do not run the same gate",
            )
            .label(format!("here {}", described(&gate.identity)))
            .hint(format!(
                "a push has {}; baselines are found by config, working directory and key, so write the same in both",
                refreshes
                    .iter()
                    .map(|refresh| described(&refresh.identity))
                    .collect::<Vec<String>>()
                    .join("; ")
            ));
            drafts.push((gate.workflow, draft));
        }
    }
    drafts
}

fn described(identity: &[Option<String>]) -> String {
    let written: Vec<String> = IDENTITY
        .iter()
        .zip(identity)
        .filter_map(|(key, value)| Some(format!("`{key}: `{}", quoted(value.as_deref()?))))
        .map(|text| text.replace("``", ""))
        .collect();
    if written.is_empty() {
        "the defaults".to_owned()
    } else {
        written.join(", ")
    }
}

/// Concurrency that ends what must not be ended.
pub(super) fn cancelled(workflow: &Workflow, drafts: &mut Vec<Draft>) {
    if workflow.is_action() {
        return;
    }
    let triggers = events::triggers(workflow);
    let has = |event: &str| triggers.iter().any(|trigger| trigger.event == event);
    let mut of_the_workflow = (false, false);
    for job in workflow.jobs() {
        if !job.steps.iter().any(|step| step.part == Some(Part::Action)) {
            continue;
        }
        let refreshes = has("push") && events::runs_on(&job, "push");
        let gates = has("pull_request") && events::runs_on(&job, "pull_request");
        of_the_workflow = (of_the_workflow.0 || refreshes, of_the_workflow.1 || gates);
        if let Some(entry) = read::entry(job.body, "concurrency") {
            concurrency(&entry.value, entry.key_id, refreshes, gates, drafts);
        }
    }
    if let Some(entry) = read::entry(&workflow.root, "concurrency") {
        concurrency(&entry.value, entry.key_id, of_the_workflow.0, of_the_workflow.1, drafts);
    }
}

fn concurrency(node: &Node, key: NodeId, refreshes: bool, gates: bool, drafts: &mut Vec<Draft>) {
    let cancels = read::entry(node, "cancel-in-progress");
    let always = cancels.is_some_and(|entry| read::is_true(&entry.value));
    let place = cancels.map_or(key, |entry| entry.key_id);
    let group = read::text(node)
        .or_else(|| read::text_at(node, "group"))
        .unwrap_or_default();
    if always && refreshes {
        drafts.push(
            Draft::new(
                "cancelled",
                Severity::Warning,
                place,
                "a second push cancels the run that publishes the first one's baseline",
            )
            .label("true on pushes too")
            .hint("write `cancel-in-progress: ${{ github.event_name == 'pull_request' }}`"),
        );
    }
    let apart = [
        "github.ref",
        "github.head_ref",
        "number",
        "github.sha",
        "github.run_id",
        "github.event",
    ];
    if gates
        && cancels.is_some_and(|entry| read::text(&entry.value) != Some("false"))
        && !apart.iter().any(|part| group.contains(part))
    {
        drafts.push(
            Draft::new(
                "cancelled",
                Severity::Error,
                key,
                "one pull request's run cancels another's",
            )
            .label("the group is the same for all")
            .hint("write `group: mlbuild-${{ github.event_name }}-${{ github.ref }}`"),
        );
    }
}
