//! The job summary: the comment's content with the figures unfolded, for a page that takes more.

use crate::report::Report;
use crate::report::comment;

/// Under the 1 MiB that GitHub takes for one step, so that a step can append a little of its own.
pub const LIMIT: usize = 1_000_000;

/// The job summary.
pub fn render(report: &Report) -> String {
    comment::fit("summary.md", report, LIMIT)
}
