//! The piece of a config that a problem speaks of, drawn with a caret.

use std::error::Error;
use std::fmt;

use miette::Diagnostic;
use miette::GraphicalReportHandler;
use miette::GraphicalTheme;
use miette::LabeledSpan;
use miette::MietteError;
use miette::MietteSpanContents;
use miette::SourceCode;
use miette::SourceSpan;
use miette::SpanContents;
use miette::ThemeCharacters;
use miette::ThemeStyles;

use crate::config::error::Problem;

/// Draws the line with the caret, coloured; `None` where there is none to show.
pub(super) fn snippet(problem: &Problem) -> Option<String> {
    problem.source_code()?;
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles: ThemeStyles::ansi(),
    };
    let mut text = String::new();
    GraphicalReportHandler::new_themed(theme)
        .with_context_lines(1)
        .with_width(120)
        .without_syntax_highlighting()
        .render_report(&mut text, &Snippet(problem))
        .ok()?;
    // The first line would be the message, which is shown already.
    let (_, drawn) = text.split_once('\n')?;
    Some(drawn.to_owned())
}

/// A problem without its words.
#[derive(Debug)]
struct Snippet<'a>(&'a Problem);

impl fmt::Display for Snippet<'_> {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Error for Snippet<'_> {}

impl Diagnostic for Snippet<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}

impl SourceCode for Snippet<'_> {
    /// With context asked for, the whole line of a span and nothing around it; without, the span itself, by which the heading names
    /// line and column.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let source = self.0.source_code().ok_or(MietteError::OutOfBounds)?;
        let exact = source.read_span(span, 0, 0)?;
        if before + after == 0 {
            let location = self.0.location.ok_or(MietteError::OutOfBounds)?;
            return Ok(Box::new(MietteSpanContents::new_named(
                exact.name().unwrap_or_default().to_owned(),
                exact.data(),
                *exact.span(),
                location.line as usize - 1,
                location.column as usize - 1,
                exact.line_count(),
            )));
        }
        let start = span.offset() - exact.column();
        let around = source.read_span(span, 0, 1)?;
        let rest = around.data();
        let end = around.span().offset() + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        source.read_span(&SourceSpan::new(start.into(), end - start), 0, 0)
    }
}
