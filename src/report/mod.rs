//! Show: pure functions from a [`Report`] to text. No I/O, no clock; every name in a report is taken for hostile.

pub mod agreement;
pub mod annotations;
mod axis;
pub mod benchmark;
pub mod build_report;
pub mod builder;
pub mod clean;
pub mod comment;
pub mod constraints;
pub mod document;
pub mod explore;
pub mod figures;
mod folds;
pub mod headline;
pub mod json;
pub mod layers;
mod line_chart;
pub mod markdown;
mod operators;
pub mod optimized;
pub mod page;
pub mod profile_page;
pub mod profile_table;
pub mod quantization;
mod scatter;
pub mod sparkline;
pub mod summary;
mod svg;
pub mod table;
pub mod terminal;
pub mod trend;
pub mod types;
mod view;

pub use builder::ReportBuilder;
pub use builder::ReportError;
pub use types::*;
