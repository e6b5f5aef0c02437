//! What `mlbuild trend` shows: how the default branch's baselines developed, as a chart for the terminal and as a page.

mod chart;
mod page;
mod types;

pub use chart::write;
pub use page::document;
pub use types::*;
