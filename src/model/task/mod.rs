//! What kind of data a model takes: read off its operators, else the names of its inputs, else their shapes.

mod detect;
mod names;
mod shapes;
mod types;

pub use detect::detect;
pub use detect::resolve;
pub use types::Confidence;
pub use types::Detected;
pub use types::Tier;
