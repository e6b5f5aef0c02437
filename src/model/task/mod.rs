//! What kind of data a model takes: read off its operators, else the names of its inputs, else their shapes.

mod detect;
pub(in crate::model) mod graph;
mod landmark;
mod mixing;
pub(in crate::model) mod names;
pub(in crate::model) mod shapes;
mod types;
pub(in crate::model) mod uses;

pub use detect::detect;
pub use detect::resolve;
pub use types::Confidence;
pub use types::Detected;
pub use types::Tier;
