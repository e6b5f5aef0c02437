//! A report as plain data that has a place for everything (headline, cards, sections of text, tables and charts), and the two
//! ways of showing it: one HTML page, and pages of paper.

mod html;
mod pdf;
mod types;

pub use html::render as render_html;
pub use pdf::PdfError;
pub use pdf::render as render_pdf;
pub use types::Block;
pub use types::Card;
pub use types::Cell;
pub use types::Chart;
pub use types::Column;
pub use types::Document;
pub use types::Line;
pub use types::Section;
pub use types::Table;
pub use types::Tone;
pub use types::Verdict;
