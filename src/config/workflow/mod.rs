//! A lint of the user's own GitHub Actions workflows: text in, findings with line, caret and advice out. Touches no file.
//!
//! `read` turns a text into a [`Workflow`](read::Workflow) whose nodes know their places; `events` knows when a job runs; `script` reads
//! shell scripts; each file of `rules` is one family of rules.

mod events;
mod finding;
mod read;
mod rules;
mod script;

use std::path::Path;
use std::path::PathBuf;

use read::Workflow;
use rules::Draft;

pub use finding::Finding;
pub use finding::Severity;

/// Of one file no more findings are shown than this: each one's place is found by another look at the text.
const MOST_FINDINGS: usize = 60;
/// The largest workflow that is read, in bytes.
pub const LARGEST: u64 = super::load::LARGEST;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// As it is shown.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// What the lint must know of the repository around the workflows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Models of the config that git attributes hand to Git LFS, as the config names them.
    pub lfs_models: Vec<String>,
    /// True where the config keeps its baselines where no job has to publish them (a folder in the repository).
    pub baseline_is_committed: bool,
    /// True where `uses: ./` is mlbuild's action: its own repository.
    pub is_own_repository: bool,
}

/// Looks over all workflows of a repository; findings by file, then by line. An own comment `mlbuild: ignore[RULE] reason` on the line, or on
/// the line above, leaves a finding out.
pub fn check(files: &[File], surroundings: &Surroundings) -> Vec<Finding> {
    let mut findings: Vec<Vec<Finding>> = Vec::new();
    let mut workflows: Vec<(usize, Workflow)> = Vec::new();
    for (index, file) in files.iter().enumerate() {
        match Workflow::read(&file.path, &file.text, surroundings.is_own_repository) {
            Ok(workflow) => {
                workflows.push((index, workflow));
                findings.push(Vec::new());
            }
            Err(finding) => findings.push(vec![*finding]),
        }
    }
    let mut drafts: Vec<Vec<Draft>> = workflows
        .iter()
        .map(|(_, workflow)| rules::of_one(workflow, surroundings))
        .collect();
    let all: Vec<&Workflow> = workflows.iter().map(|(_, workflow)| workflow).collect();
    for (place, draft) in rules::of_all(&all, surroundings) {
        if let Some(drafts) = drafts.get_mut(place) {
            drafts.push(draft);
        }
    }
    for ((index, workflow), drafts) in workflows.iter().zip(drafts) {
        if let Some(found) = findings.get_mut(*index) {
            *found = placed(workflow, drafts);
        }
    }
    findings.into_iter().flatten().collect()
}

/// Finds the places of the first drafts, leaves out what the file ignores.
fn placed(workflow: &Workflow, mut drafts: Vec<Draft>) -> Vec<Finding> {
    drafts.sort_by_key(|draft| draft.node);
    let more = drafts.len().saturating_sub(MOST_FINDINGS);
    drafts.truncate(MOST_FINDINGS);
    let mut findings: Vec<Finding> = drafts
        .into_iter()
        .map(|draft| workflow.place(draft))
        .filter(|finding| !workflow.ignores(finding))
        .collect();
    findings.sort_by_key(|finding| (finding.problem.location, finding.rule));
    if more > 0 {
        findings.push(workflow.whole("more", Severity::Warning, format!("{more} more findings"), None));
    }
    findings
}

/// True where a path is a workflow's by its name.
pub fn is_workflow(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yml" || extension == "yaml")
}

#[cfg(test)]
mod tests;
