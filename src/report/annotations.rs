//! What the job's log and the changed files show beside the config's line: workflow commands, or data for a check run.
//!
//! The escapes are those of GitHub's documentation of workflow commands; a property also escapes what separates properties.

use std::io;
use std::io::Write;

use crate::report::Detail;
use crate::report::Report;
use crate::report::clean;
use crate::report::figures;
use crate::report::headline;
use crate::verdict::Verdict;

/// As many as GitHub shows of one level for one step.
pub const MOST: usize = 10;

/// How loud it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A regression or a failure.
    Error,
    /// No decision, or something to look at.
    Warning,
    /// Worth knowing.
    Notice,
}

impl Level {
    /// The name of the workflow command.
    pub fn command(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// One remark on one line of the config. Plain text, cleaned, not yet escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// How loud it is.
    pub level: Level,
    /// The config, relative to the repository's root.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// A few words.
    pub title: String,
    /// A sentence.
    pub message: String,
}

/// The worst remarks of a report, at most [`MOST`].
pub fn of(report: &Report) -> Vec<Annotation> {
    let mut details: Vec<&Detail> = report
        .comparisons
        .iter()
        .filter(|detail| detail.comparison.verdict >= Verdict::NoBaseline)
        .collect();
    details.sort_by_key(|detail| std::cmp::Reverse(detail.comparison.verdict));
    let remark = |level, line: Option<u32>, title: &str, message: &str| Annotation {
        level,
        path: clean::line(&report.context.config_path, clean::PROSE_LENGTH),
        line: line.unwrap_or(1).max(1),
        title: clean::line(title, clean::NAME_LENGTH),
        message: clean::line(message, 2 * clean::PROSE_LENGTH),
    };
    let mut remarks = Vec::new();
    if details.is_empty() && report.result == Verdict::Error {
        remarks.push(remark(
            Level::Error,
            None,
            "mlbuild: error",
            &headline::of(report).sentence,
        ));
    }
    if !report.config_changes.is_empty() {
        let changes = report.config_changes.join("; ");
        let message = format!(
            "this pull request changes what the gate accepts, and was judged by the settings of its base: {changes}"
        );
        remarks.push(remark(Level::Warning, None, "mlbuild: settings changed", &message));
    }
    remarks.extend(details.into_iter().map(|detail| {
        let verdict = detail.comparison.verdict;
        let title = format!("mlbuild: {}", headline::word(verdict));
        remark(level(verdict), detail.config_line, &title, &message(report, detail))
    }));
    remarks.truncate(MOST);
    remarks
}

fn level(verdict: Verdict) -> Level {
    match verdict {
        Verdict::Error | Verdict::Regression => Level::Error,
        Verdict::Inconclusive | Verdict::Removed => Level::Warning,
        Verdict::NoBaseline | Verdict::Pass | Verdict::Improvement | Verdict::Skipped => Level::Notice,
    }
}

fn message(report: &Report, detail: &Detail) -> String {
    let comparison = &detail.comparison;
    let blamed = comparison
        .metrics
        .iter()
        .filter(|metric| metric.gated && metric.verdict == comparison.verdict && metric.verdict != Verdict::NoBaseline)
        .map(figures::violation);
    let said: Vec<String> = comparison.reason.iter().cloned().chain(blamed).collect();
    let name = headline::name(report, &comparison.key);
    let hints: String = comparison.hints.iter().map(|hint| format!(". Hint: {hint}")).collect();
    format!("{name}: {}{hints}", said.join("; "))
}

/// Writes a workflow command for each remark.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for annotation in of(report) {
        let Annotation {
            level,
            path,
            line,
            title,
            message,
        } = annotation;
        writeln!(
            out,
            "::{} file={},line={line},title={}::{}",
            level.command(),
            property(&path),
            property(&title),
            data(&message)
        )?;
    }
    Ok(())
}

/// Escapes what follows the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn properties_escape_their_separators() {
        assert_eq!(property("a,b:c%\r\n"), "a%2Cb%3Ac%25%0D%0A");
        assert_eq!(data("a,b: 5%\n::error::x"), "a,b: 5%25%0A::error::x");
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_command(text in any::<String>()) {
            prop_assert!(!data(&text).contains(['\n', '\r']));
            prop_assert!(!property(&text).contains([':', ',', '\n', '\r']));
        }
    }
}
