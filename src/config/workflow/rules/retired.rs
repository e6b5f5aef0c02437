//! `retired`: runners and actions that GitHub does not run any more.

use crate::config::nearest::quoted;
use crate::config::tree::NodeId;
use crate::config::workflow::finding::Severity;
use crate::config::workflow::read;
use crate::config::workflow::read::Workflow;

use super::Draft;

const RULE: &str = "retired";

/// Images of hosted runners that are gone: a job that asks for one waits until it is cancelled.
const RUNNERS: &[(&str, &str)] = &[
    ("ubuntu-16.04", "ubuntu-latest"),
    ("ubuntu-18.04", "ubuntu-latest"),
    ("ubuntu-20.04", "ubuntu-latest"),
    ("macos-10.15", "macos-latest"),
    ("macos-11", "macos-latest"),
    ("macos-12", "macos-latest"),
    ("macos-13", "macos-latest"),
    ("windows-2016", "windows-latest"),
    ("windows-2019", "windows-latest"),
];

/// The oldest major version that still runs: below, the Node that an action asks for or the service that it speaks to is gone.
const ACTIONS: &[(&str, u32)] = &[
    ("actions/checkout", 4),
    ("actions/setup-python", 5),
    ("actions/setup-node", 4),
    ("actions/cache", 4),
    ("actions/cache/restore", 4),
    ("actions/cache/save", 4),
    ("actions/upload-artifact", 4),
    ("actions/download-artifact", 4),
    ("actions/github-script", 7),
];

pub(super) fn look(workflow: &Workflow, drafts: &mut Vec<Draft>) {
    for job in workflow.jobs() {
        if let Some(entry) = read::entry(job.body, "runs-on") {
            let labels = read::elements(&entry.value).iter().chain(std::iter::once(&entry.value));
            for node in labels {
                runner(read::text(node), node.id, drafts);
            }
        }
        let matrix = read::entry(job.body, "strategy").and_then(|strategy| read::entry(&strategy.value, "matrix"));
        if let Some(matrix) = matrix {
            for axis in read::entries(&matrix.value) {
                for node in read::elements(&axis.value) {
                    runner(read::text(node), node.id, drafts);
                }
            }
        }
        for step in &job.steps {
            if let Some((uses, node)) = step.uses {
                action(workflow, uses, node, drafts);
            }
        }
    }
}

fn runner(label: Option<&str>, node: NodeId, drafts: &mut Vec<Draft>) {
    if let Some((gone, instead)) = RUNNERS.iter().find(|(gone, _)| Some(*gone) == label) {
        drafts.push(
            Draft::new(
                RULE,
                Severity::Error,
                node,
                format!("GitHub has no runner `{gone}` any more"),
            )
            .label("no job starts on it")
            .hint(format!("write `{instead}`, or the version that you need")),
        );
    }
}

fn action(workflow: &Workflow, uses: &str, node: NodeId, drafts: &mut Vec<Draft>) {
    let Some((name, version)) = uses.split_once('@') else {
        return;
    };
    let Some((_, oldest)) = ACTIONS.iter().find(|(known, _)| *known == name) else {
        return;
    };
    let written = if version.len() == 40 {
        workflow.comment_after(node).unwrap_or_default()
    } else {
        version
    };
    let number = written
        .trim_start_matches('v')
        .split(['.', ' '])
        .next()
        .unwrap_or_default();
    if let Ok(major) = number.parse::<u32>()
        && major < *oldest
    {
        drafts.push(
            Draft::new(
                RULE,
                Severity::Warning,
                node,
                format!("{} is out of date", quoted(&format!("{name}@v{major}"))),
            )
            .label(format!(
                "version {oldest} is the oldest that GitHub still keeps running"
            ))
            .hint("take the newest version, pinned by its commit's SHA"),
        );
    }
}
