//! What is wrong with a config: each problem with its line, a label under the caret and what to do.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use miette::Diagnostic;
use miette::LabeledSpan;
use miette::NamedSource;
use miette::SourceCode;
use miette::SourceSpan;

use crate::files::FileError;

use super::spans::Location;

/// More problems than this are counted, not told: each one's place is found by another look at the text.
pub(super) const MOST_PROBLEMS: usize = 20;

/// A config that cannot be used: one problem or several.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    problems: Vec<Problem>,
}

/// One thing that is wrong. As a [`Diagnostic`] it carries the piece of the file that it speaks of.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What is wrong, a lowercase fragment.
    pub message: String,
    /// Where; `None` where it is about the file as a whole.
    pub location: Option<Location>,
    /// What stands under the caret.
    pub label: Option<String>,
    /// What to do about it.
    pub hints: Vec<String>,
    pub(super) span: Option<SourceSpan>,
    pub(super) snippet: Option<Arc<NamedSource<String>>>,
}

impl ConfigError {
    /// Of at least one problem.
    pub(super) fn new(path: &Path, first: Problem, others: impl IntoIterator<Item = Problem>) -> Self {
        let mut problems = vec![first];
        problems.extend(others);
        Self {
            path: path.to_owned(),
            problems,
        }
    }

    /// A file that could not be read.
    pub(super) fn file(error: &FileError) -> Self {
        let mut problem = Problem::whole(format!("{error}: {}", error.source));
        problem.hints = crate::hint::Hint::hints(error);
        Self::new(&error.path, problem, [])
    }

    /// The file, as it was named when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The problems, at least one, in the order of the file as far as possible.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Problem {
    /// A problem of the file as a whole.
    pub(super) fn whole(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            location: None,
            label: None,
            hints: Vec::new(),
            span: None,
            snippet: None,
        }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for ConfigError {
    /// `.mlbuild.yml:9:3: unknown key …`, one line a problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", self.path.display())?;
            if let Some(location) = problem.location {
                write!(f, ":{}:{}", location.line, location.column)?;
            }
            write!(f, ": {}", problem.message)?;
            if let Some(label) = &problem.label {
                write!(f, " ({label})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.hints.is_empty()).then(|| Box::new(self.hints.join("\n")) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.snippet.as_deref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            self.label.clone(),
            span,
        ))))
    }
}
