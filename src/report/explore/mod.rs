//! What `mlbuild explore` shows: every variant with what it gains and loses, the Pareto front, and runtime options.

mod page;
mod plot;
mod text;
mod types;
mod words;

pub use page::render;
pub use text::write;
pub use types::Accuracy;
pub use types::Asked;
pub use types::Explored;
pub use types::Figure;
pub use types::Latency;
pub use types::LeftOut;
pub use types::Memory;
pub use types::Model;
pub use types::OptionRow;
pub use types::Options;
pub use types::Row;
pub use types::SCHEMA;
pub use types::Speed;
pub use types::Verdict;
