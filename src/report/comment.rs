//! The pull request's comment: as much as fits, in steps from everything to the totals. The publisher adds the hidden marker.

use crate::report::Report;
use crate::report::accepted;
use crate::report::clean;
use crate::report::headline;
use crate::report::markdown;
use crate::report::view::Depth;
use crate::report::view::View;

/// Well under what GitHub takes (65 536), so that a marker and another forge's count still fit.
pub const LIMIT: usize = 60_000;

/// From everything to next to nothing.
const STEPS: [Depth; 9] = [
    Depth::Full,
    Depth::FiguresOfFailures,
    Depth::Rows(1000),
    Depth::Rows(300),
    Depth::Rows(100),
    Depth::Rows(40),
    Depth::Rows(15),
    Depth::Rows(5),
    Depth::Totals,
];

/// The comment in at most `limit` bytes of UTF-8.
pub fn render(report: &Report, limit: usize) -> String {
    fit("comment.md", report, limit)
}

/// The deepest rendering of a template that fits.
pub(crate) fn fit(template: &str, report: &Report, limit: usize) -> String {
    let lead = report.context.accepted.as_ref().map(accepted::lead).unwrap_or_default();
    let rest = below(template, report, limit.saturating_sub(lead.len()));
    if lead.len() > limit { rest } else { lead + &rest }
}

/// What stands below an acceptance.
fn below(template: &str, report: &Report, limit: usize) -> String {
    for depth in STEPS {
        match markdown::render(template, View::of(report, depth)) {
            Ok(rendered) if rendered.len() <= limit => return rendered,
            Ok(_) => {}
            Err(error) => return plain(report, limit, &format!("; the template `{template}` failed: {error}")),
        }
    }
    plain(report, limit, "")
}

/// The headline alone, cut before it is escaped so that no escape is cut in two.
fn plain(report: &Report, limit: usize, addition: &str) -> String {
    let headline = headline::of(report);
    let sentence = format!("{}{addition}", headline.sentence);
    let mut length = clean::PROSE_LENGTH;
    while length > 0 {
        let rendered = format!(
            "## {} {}\n",
            headline.icon,
            markdown::prose(&clean::cut(&sentence, length))
        );
        if rendered.len() <= limit {
            return rendered;
        }
        length /= 2;
    }
    String::new()
}
