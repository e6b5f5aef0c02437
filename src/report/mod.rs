//! Show: pure functions from a [`Report`] to text. No I/O, no clock; every name in a report is taken for hostile.

pub mod agreement;
pub mod annotations;
pub mod benchmark;
pub mod builder;
pub mod clean;
pub mod comment;
pub mod constraints;
pub mod desk;
pub mod experiments;
pub mod explore;
pub mod figures;
mod folds;
pub mod headline;
pub mod imported;
pub mod json;
pub mod layers;
pub mod markdown;
mod operators;
pub mod optimized;
pub mod profile_page;
pub mod profile_table;
pub mod pruned;
pub mod quantization;
pub mod sparkline;
pub mod standing;
pub mod summary;
mod svg;
pub mod table;
pub mod tags;
pub mod terminal;
pub mod types;
mod view;

pub use builder::ReportBuilder;
pub use builder::ReportError;
pub use types::*;
