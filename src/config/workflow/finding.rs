//! What the lint found.

use std::path::PathBuf;

use serde::Serialize;

use crate::config::error::Problem;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does what it says; another way is better.
    Advice,
    /// It works today, and will surprise somebody.
    Warning,
    /// It does not do what it seems to do.
    Error,
}

impl Severity {
    /// `error`, `warning`, `advice`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that a rule has to say about one place.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The file, as it was given.
    pub path: PathBuf,
    /// The rule's name, by which it is ignored.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What, where, and what to do.
    pub problem: Problem,
}
