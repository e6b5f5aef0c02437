//! The rules: each a function from what was read to drafts of findings.

mod baselines;
mod checkout;
mod injected;
mod masked;
mod permissions;
mod pinned;
mod retired;
mod triggered;

use crate::config::tree::NodeId;

use super::Surroundings;
use super::finding::Severity;
use super::read::Needle;
use super::read::Workflow;

/// A finding whose place is a node's number still: places are looked up for what is shown only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) node: NodeId,
    /// What of a script to underline.
    pub(super) needle: Option<Needle>,
    pub(super) message: String,
    /// Under the caret; may be empty.
    pub(super) label: String,
    pub(super) hints: Vec<String>,
}

impl Draft {
    fn new(rule: &'static str, severity: Severity, node: NodeId, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity,
            node,
            needle: None,
            message: message.into(),
            label: String::new(),
            hints: Vec::new(),
        }
    }

    fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn piece(mut self, line: &str, piece: &str) -> Self {
        self.needle = Some(Needle {
            line: line.to_owned(),
            piece: piece.to_owned(),
        });
        self
    }
}

/// What there is to say of one file by itself.
pub(super) fn of_one(workflow: &Workflow, surroundings: &Surroundings) -> Vec<Draft> {
    let mut drafts = Vec::new();
    masked::look(workflow, &mut drafts);
    permissions::look(workflow, &mut drafts);
    pinned::look(workflow, &mut drafts);
    checkout::look(workflow, surroundings, &mut drafts);
    triggered::look(workflow, &mut drafts);
    retired::look(workflow, &mut drafts);
    injected::look(workflow, &mut drafts);
    baselines::cancelled(workflow, &mut drafts);
    drafts
}

/// What shows only between files: the number of the workflow, and the draft.
pub(super) fn of_all(workflows: &[&Workflow], surroundings: &Surroundings) -> Vec<(usize, Draft)> {
    baselines::between(workflows, surroundings)
}
