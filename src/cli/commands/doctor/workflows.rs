//! `mlbuild doctor --workflows`: the user's own workflows, looked over.

use std::fmt::Write as _;
use std::path::Path;

use owo_colors::OwoColorize as _;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::snippet::snippet;
use crate::config::workflow::Finding;
use crate::config::workflow::Severity;
use crate::pipeline::workflows;
use crate::pipeline::workflows::Lint;
use crate::report;

/// Looks over the workflows at `path`, or over the repository's. Only errors make it end in 1.
pub(super) fn run(path: Option<&Path>, soft: bool, json: bool, context: &Context) -> Result<Exit, CliError> {
    // A config that cannot be read is for `mlbuild config check`; workflows are looked over all the same.
    let config = context.find_config().and_then(|_| context.load_config().ok());
    let lint = workflows::lint(path, &context.working_folder, config.as_ref())?;
    if json {
        context
            .ui
            .json(&report::workflows::workflows(&lint.files, &lint.findings))?;
    } else {
        context.ui.data(&shown(&lint))?;
    }
    Ok(if lint.count(Severity::Error) == 0 || soft {
        Exit::Pass
    } else {
        Exit::Regression
    })
}

fn shown(lint: &Lint) -> String {
    let mut text = String::new();
    for finding in &lint.findings {
        text.push_str(&paragraph(finding));
        text.push('\n');
    }
    let counted = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let files = counted(lint.files.len(), "workflow", "workflows");
    let [errors, warnings, advice] =
        [Severity::Error, Severity::Warning, Severity::Advice].map(|severity| lint.count(severity));
    let _ = if lint.findings.is_empty() {
        writeln!(text, "{files}: nothing to say.")
    } else {
        writeln!(
            text,
            "{files}: {}, {}, {}.",
            counted(errors, "error", "errors"),
            counted(warnings, "warning", "warnings"),
            counted(advice, "piece of advice", "pieces of advice"),
        )
    };
    text
}

fn paragraph(finding: &Finding) -> String {
    let head = format!("{}[{}]", finding.severity.name(), finding.rule);
    let head = match finding.severity {
        Severity::Error => head.red().bold().to_string(),
        Severity::Warning => head.yellow().bold().to_string(),
        Severity::Advice => head.cyan().bold().to_string(),
    };
    let problem = &finding.problem;
    let mut text = format!("{head}: {}\n", problem.message);
    match snippet(problem) {
        Some(snippet) => text.push_str(&snippet),
        None => {
            let line = problem
                .location
                .map(|location| format!(":{}:{}", location.line, location.column));
            let _ = writeln!(text, "  in {}{}", finding.path.display(), line.unwrap_or_default());
        }
    }
    for hint in &problem.hints {
        let _ = writeln!(text, "{} {}", "hint:".cyan().bold(), hint.replace('\n', "\n      "));
    }
    text
}
