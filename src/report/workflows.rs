//! Findings of the workflows' lint for programs.

use serde::Serialize;

use crate::config::workflow::Finding;
use crate::config::workflow::Severity;

/// The form of the JSON.
pub const SCHEMA: u32 = 1;

/// All findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workflows {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The files that were looked at.
    pub files: Vec<String>,
    /// How many errors.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
    /// How many pieces of advice.
    pub advice: usize,
    /// By file, then by line.
    pub findings: Vec<Row>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The file.
    pub file: String,
    /// From 1; `None` where it is about the file as a whole.
    pub line: Option<u32>,
    /// From 1, in characters.
    pub column: Option<u32>,
    /// The rule, by which it is ignored.
    pub rule: &'static str,
    /// `error`, `warning`, `advice`.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What the place has to do with it.
    pub label: Option<String>,
    /// What to do.
    pub hints: Vec<String>,
}

/// The findings as rows.
pub fn workflows(files: &[std::path::PathBuf], findings: &[Finding]) -> Workflows {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    Workflows {
        schema: SCHEMA,
        files: files.iter().map(|path| path.display().to_string()).collect(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        advice: count(Severity::Advice),
        findings: findings.iter().map(row).collect(),
    }
}

fn row(finding: &Finding) -> Row {
    let problem = &finding.problem;
    Row {
        file: finding.path.display().to_string(),
        line: problem.location.map(|location| location.line),
        column: problem.location.map(|location| location.column),
        rule: finding.rule,
        severity: finding.severity,
        message: problem.message.clone(),
        label: problem.label.clone(),
        hints: problem.hints.clone(),
    }
}
