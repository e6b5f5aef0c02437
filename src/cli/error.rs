//! The one error of the front end: every layer's error becomes a message, its causes and its hints, and a kind that decides
//! the exit code.

use std::error::Error;
use std::io;

use crate::config::ConfigError;
use crate::config::error::Problem;
use crate::hint::Hint;

use super::exit::Exit;
use super::snippet::snippet;
use super::ui::Ui;

/// What kind of trouble; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Arguments that don't go together.
    Usage,
    /// The config is missing or wrong.
    Config,
    /// Something could not be read, written, reached, installed or run.
    Infrastructure,
    /// Nobody reads our output any more, which is no fault.
    BrokenPipe,
}

/// Why a command could not finish.
#[derive(Debug)]
pub struct CliError {
    kind: Kind,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    /// Problems with their piece of the config, in place of a message.
    config: Option<Box<ConfigError>>,
}

impl CliError {
    /// An error of one message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            config: None,
        }
    }

    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The message, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The config's problems, where they are the reason.
    pub fn config(&self) -> Option<&ConfigError> {
        self.config.as_deref()
    }

    /// What kind of trouble.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit code that it ends with.
    pub fn exit(&self) -> Exit {
        match self.kind {
            Kind::BrokenPipe => Exit::Pass,
            Kind::Usage | Kind::Config | Kind::Infrastructure => Exit::Error,
        }
    }

    /// Shows message, causes and hints on stderr.
    pub fn show(&self, ui: &Ui) {
        if self.kind == Kind::BrokenPipe {
            return;
        }
        if let Some(config) = &self.config {
            for (index, problem) in config.problems().iter().enumerate() {
                if index > 0 {
                    ui.say("");
                }
                ui.error(&problem.message);
                match snippet(problem) {
                    Some(snippet) => ui.say(&snippet),
                    None => ui.say(&format!("  in {}", place(config, problem))),
                }
                problem.hints.iter().for_each(|hint| ui.hint(hint));
            }
            return;
        }
        ui.error(&self.message);
        for cause in &self.causes {
            ui.say(&format!("  because {cause}"));
        }
        for hint in &self.hints {
            ui.hint(hint);
        }
    }
}

/// Every error that knows its own advice.
impl<E: Error + Hint> From<E> for CliError {
    fn from(error: E) -> Self {
        let message = error.to_string();
        let mut causes: Vec<String> = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Many messages name their cause already.
            if !message.contains(&text) && !causes.iter().any(|said| said.contains(&text)) {
                causes.push(text);
            }
            source = cause.source();
        }
        Self {
            kind: Kind::Infrastructure,
            message,
            causes,
            hints: error.hints(),
            config: None,
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let mut wrapped = Self::new(Kind::Config, error.to_string());
        wrapped.config = Some(Box::new(error));
        wrapped
    }
}

/// Writing to stdout.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::new(Kind::BrokenPipe, "the output was closed")
        } else {
            let mut wrapped = Self::new(Kind::Infrastructure, "cannot write the output");
            wrapped.causes.push(error.to_string());
            wrapped
        }
    }
}

/// The file, and the line where there is one.
fn place(config: &ConfigError, problem: &Problem) -> String {
    match problem.location {
        Some(location) => format!("{}:{}:{}", config.path().display(), location.line, location.column),
        None => config.path().display().to_string(),
    }
}
