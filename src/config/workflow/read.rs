//! A workflow as what rules ask for: triggers, permissions, jobs and their steps, each with its node.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::error::Problem;
use crate::config::nearest::quoted;
use crate::config::source::Source;
use crate::config::tree;
use crate::config::tree::Entry;
use crate::config::tree::Node;
use crate::config::tree::NodeId;
use crate::config::tree::Value;

use super::finding::Finding;
use super::finding::Severity;
use super::rules::Draft;

const PLAIN: &str = "write it out plainly: GitHub runs no such file either";

/// The repository's name; owners differ among forks of the action.
const ACTION: &str = "mlbuild-action";

/// A file that was read.
pub(super) struct Workflow {
    path: PathBuf,
    text: String,
    source: Arc<Source>,
    pub(super) root: Node,
    own: bool,
}

/// What a step has of mlbuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The action itself: gates on proposals, publishes baselines on pushes.
    Action,
    /// The action that reports in a second stage for forks.
    Report,
    /// Another action of the same repository.
    Other,
}

/// A job.
pub(super) struct Job<'a> {
    pub(super) name: &'a str,
    /// Of its key.
    pub(super) node: NodeId,
    pub(super) body: &'a Node,
    pub(super) steps: Vec<Step<'a>>,
    /// Its `if:`, and those of the jobs without which it is skipped.
    pub(super) conditions: Vec<&'a str>,
}

/// A step of a job.
pub(super) struct Step<'a> {
    pub(super) body: &'a Node,
    /// `actions/checkout@v5`, with its node.
    pub(super) uses: Option<(&'a str, NodeId)>,
    /// The script, with its node.
    pub(super) run: Option<(&'a str, NodeId)>,
    pub(super) part: Option<Part>,
}

/// The entry of a table.
pub(super) fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    match &node.value {
        Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
        _ => None,
    }
}

/// The entries of a table; of anything else none.
pub(super) fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Table(entries) => entries,
        _ => &[],
    }
}

/// The elements of a list; of anything else none.
pub(super) fn elements(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(elements) => elements,
        _ => &[],
    }
}

/// A scalar as it was written.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) | Value::Bool(_, text) | Value::Number(_, text) => Some(text),
        _ => None,
    }
}

/// The text at a key.
pub(super) fn text_at<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    entry(node, key).and_then(|entry| text(&entry.value))
}

/// True where a scalar says yes.
pub(super) fn is_true(node: &Node) -> bool {
    match &node.value {
        Value::Bool(value, _) => *value,
        Value::Text(text) => expression(text) == Some("true"),
        _ => false,
    }
}

/// What stands in `${{ … }}`, where that is all.
pub(super) fn expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("${{")?.strip_suffix("}}")?;
    (!inner.contains("${{")).then_some(inner.trim())
}

/// The conditions under which a job runs: its own, and those of the jobs that it needs, unless it asks for their outcome itself.
fn conditions<'a>(body: &'a Node, jobs: &'a [Entry]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut looked: Vec<&str> = Vec::new();
    let mut open = vec![body];
    while let Some(job) = open.pop() {
        let own = text_at(job, "if");
        found.extend(own);
        let asks = |own: &str| {
            ["always(", "cancelled(", "failure("]
                .iter()
                .any(|function| own.contains(function))
        };
        let Some(needs) = entry(job, "needs").filter(|_| !own.is_some_and(asks)) else {
            continue;
        };
        let names = elements(&needs.value)
            .iter()
            .chain(std::iter::once(&needs.value))
            .filter_map(text);
        for name in names {
            if !looked.contains(&name) {
                looked.push(name);
                open.extend(jobs.iter().filter(|entry| entry.key == name).map(|entry| &entry.value));
            }
        }
    }
    found
}

impl Workflow {
    /// Reads a text; what cannot be read is a finding.
    pub(super) fn read(path: &Path, text: &str, own: bool) -> Result<Self, Box<Finding>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Arc::new(Source::new(path, text));
        let refused = |problem: Problem| {
            Box::new(Finding {
                path: path.to_owned(),
                rule: "unreadable",
                severity: Severity::Error,
                problem,
            })
        };
        if text.len() as u64 > super::LARGEST {
            let limit = super::LARGEST / 1024;
            return Err(refused(
                Problem::whole(format!("the workflow is larger than {limit} KiB")).hint(PLAIN),
            ));
        }
        let (root, duplicates) = tree::parse(text).map_err(|malformed| {
            let message = malformed.message.replace("in a config", "in a workflow");
            refused(match malformed.offset {
                Some(offset) => source.problem_at(offset, message).hint(PLAIN),
                None => Problem::whole(message).hint(PLAIN),
            })
        })?;
        if let Some(twice) = duplicates.first() {
            let message = format!("key {} stands here twice", quoted(&twice.key));
            let problem = source.problem(twice.second, message).label("the second time");
            return Err(refused(problem.hint("GitHub refuses the file: keep one of them")));
        }
        if entry(&root, "jobs").is_none() && entry(&root, "runs").is_none() {
            let problem = match &root.value {
                Value::Null => Problem::whole("the workflow is empty"),
                _ => source.problem(root.id, "not a workflow: it has no `jobs:`"),
            };
            return Err(refused(problem.hint(
                "GitHub runs nothing of it; files that are no workflows belong elsewhere",
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            source,
            root,
            own,
        })
    }

    /// Every job, in the order of the file. A composite action is one job.
    pub(super) fn jobs(&self) -> Vec<Job<'_>> {
        if let Some(runs) = entry(&self.root, "runs") {
            return vec![self.job("runs", runs.key_id, &runs.value, &[])];
        }
        let jobs = entry(&self.root, "jobs").map_or(&[][..], |jobs| entries(&jobs.value));
        jobs.iter()
            .map(|job| self.job(&job.key, job.key_id, &job.value, jobs))
            .collect()
    }

    /// True where the file is an action, not a workflow.
    pub(super) fn is_action(&self) -> bool {
        entry(&self.root, "jobs").is_none()
    }

    fn job<'a>(&'a self, name: &'a str, node: NodeId, body: &'a Node, others: &'a [Entry]) -> Job<'a> {
        let steps = entry(body, "steps").map_or(&[][..], |steps| elements(&steps.value));
        let scalar = |step: &'a Node, key: &str| {
            let entry = entry(step, key)?;
            Some((text(&entry.value)?, entry.value.id))
        };
        let step = |step: &'a Node| {
            let uses = scalar(step, "uses");
            Step {
                body: step,
                uses,
                run: scalar(step, "run"),
                part: uses.and_then(|(uses, _)| self.part(uses)),
            }
        };
        Job {
            name,
            node,
            body,
            steps: steps.iter().map(step).collect(),
            conditions: conditions(body, others),
        }
    }

    fn part(&self, uses: &str) -> Option<Part> {
        let path = uses.split('@').next().unwrap_or_default().trim_end_matches('/');
        let below = if let Some(local) = path.strip_prefix('.') {
            if !self.own {
                return None;
            }
            local.trim_start_matches('/')
        } else {
            let mut parts = path.splitn(3, '/');
            let _owner = parts.next()?;
            if parts.next()? != ACTION {
                return None;
            }
            parts.next().unwrap_or_default()
        };
        Some(match below {
            "" => Part::Action,
            "report" => Part::Report,
            _ => Part::Other,
        })
    }

    /// What the comment behind a node's line says: the version beside a pinned SHA.
    pub(super) fn comment_after(&self, node: NodeId) -> Option<&str> {
        let line = self.line_at(self.source.offset_of(node)?);
        line.split_once(" #").map(|(_, comment)| comment.trim())
    }

    fn line_at(&self, offset: usize) -> &str {
        let start = self.text.get(..offset).unwrap_or_default().rfind('\n');
        let rest = self
            .text
            .get(start.map_or(0, |newline| newline + 1)..)
            .unwrap_or_default();
        rest.lines().next().unwrap_or_default()
    }

    /// A finding about the file as a whole.
    pub(super) fn whole(&self, rule: &'static str, severity: Severity, message: String, hint: Option<&str>) -> Finding {
        let mut problem = Problem::whole(message);
        problem.hints.extend(hint.map(str::to_owned));
        Finding {
            path: self.path.clone(),
            rule,
            severity,
            problem,
        }
    }

    /// Finds where a draft's node stands, and in a script the piece that it speaks of.
    pub(super) fn place(&self, draft: Draft) -> Finding {
        let mut problem = match self.source.offset_of(draft.node) {
            None => Problem::whole(draft.message),
            Some(offset) => match draft.needle.and_then(|needle| self.find_from(offset, &needle)) {
                Some((at, length)) => self.source.problem_over(at, length, draft.message),
                None => self.source.problem_at(offset, draft.message),
            },
        };
        if !draft.label.is_empty() {
            problem = problem.label(draft.label);
        }
        problem.hints = draft.hints;
        Finding {
            path: self.path.clone(),
            rule: draft.rule,
            severity: draft.severity,
            problem,
        }
    }

    /// Offset and length of a piece of a script: of its line where the whole line is found, else of the piece itself.
    fn find_from(&self, offset: usize, needle: &Needle) -> Option<(usize, usize)> {
        let rest = self.text.get(offset..)?;
        let line = rest.find(&needle.line);
        let within = line.and_then(|line| Some(line + rest.get(line..)?.find(&needle.piece)?));
        let at = within.or_else(|| rest.find(&needle.piece))?;
        Some((offset + at, needle.piece.len()))
    }

    /// True where a comment on the finding's line, or one of those right above it, ignores its rule and says why.
    pub(super) fn ignores(&self, finding: &Finding) -> bool {
        let Some(location) = finding.problem.location else {
            return false;
        };
        let mark = format!("mlbuild: ignore[{}]", finding.rule);
        let says = |line: &&str| {
            line.split_once('#')
                .and_then(|(_, comment)| comment.split_once(&mark))
                .is_some_and(|(_, reason)| reason.trim().chars().count() > 3)
        };
        let before: Vec<&str> = self.text.lines().take(location.line as usize).collect();
        let mut lines = before.into_iter().rev();
        lines.next().as_ref().is_some_and(says)
            || lines
                .take_while(|line| line.trim_start().starts_with('#'))
                .any(|line| says(&line))
    }
}

/// A piece of a script's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needle {
    /// The line, trimmed.
    pub(super) line: String,
    /// What of it to underline.
    pub(super) piece: String,
}
