//! `unpinned`: actions whose code can change behind their name.

use crate::config::nearest::quoted;
use crate::config::tree::NodeId;
use crate::config::workflow::finding::Severity;
use crate::config::workflow::read;
use crate::config::workflow::read::Part;
use crate::config::workflow::read::Workflow;

use super::Draft;

const RULE: &str = "unpinned";

/// Owners whose tags are moved by GitHub alone.
const GITHUBS: &[&str] = &["actions", "github"];

pub(super) fn look(workflow: &Workflow, drafts: &mut Vec<Draft>) {
    for job in workflow.jobs() {
        for step in &job.steps {
            if let Some((uses, node)) = step.uses {
                drafts.extend(judge(uses, node, step.part));
            }
        }
        let called = read::entry(job.body, "uses").and_then(|entry| Some((read::text(&entry.value)?, entry.value.id)));
        if let Some((uses, node)) = called {
            drafts.extend(judge(uses, node, None));
        }
    }
}

fn judge(uses: &str, node: NodeId, part: Option<Part>) -> Option<Draft> {
    if uses.starts_with("./") || uses.starts_with("../") || uses == "." {
        return None;
    }
    if let Some(image) = uses.strip_prefix("docker://") {
        return (!image.contains("@sha256:")).then(|| {
            Draft::new(
                RULE,
                Severity::Warning,
                node,
                format!("image {} is not pinned", quoted(image)),
            )
            .label("a tag of an image can be moved")
            .hint("name it by digest: `docker://IMAGE@sha256:…`")
        });
    }
    let Some((action, version)) = uses.split_once('@') else {
        return Some(
            Draft::new(
                RULE,
                Severity::Error,
                node,
                format!("action {} names no version", quoted(uses)),
            )
            .label("GitHub refuses it")
            .hint("append `@` and a commit's SHA"),
        );
    };
    if version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let owner = action.split('/').next().unwrap_or_default();
    let is_tag = version
        .trim_start_matches('v')
        .starts_with(|first: char| first.is_ascii_digit());
    let pin = format!("write `{action}@SHA # {version}`; Dependabot and Renovate move such pins, and keep the comment");
    let draft = |severity, label: &str| {
        Some(
            Draft::new(RULE, severity, node, format!("action {} is not pinned", quoted(uses)))
                .label(label)
                .hint(pin.clone()),
        )
    };
    match (part, is_tag) {
        (Some(_), true) => draft(
            Severity::Advice,
            "fine to begin with; a commit's SHA pins the binary's digest too",
        ),
        (None, true) if GITHUBS.contains(&owner) => draft(Severity::Advice, "GitHub moves this tag with every release"),
        (None, true) => draft(Severity::Warning, "whoever takes over that repository moves the tag"),
        (Some(_), false) => draft(Severity::Warning, "a branch: every push to it runs here"),
        (None, false) if GITHUBS.contains(&owner) => draft(Severity::Warning, "a branch: every push to it runs here"),
        (None, false) => draft(Severity::Error, "a branch: every push to it runs here, unseen"),
    }
}
