//! What `mlbuild benchmark` shows: absolute figures with their intervals, how latencies are spread, and sweeps.

mod histogram;
mod text;
mod types;

pub use histogram::Histogram;
pub use text::write;
pub use types::Asked;
pub use types::Benchmark;
pub use types::Figure;
pub use types::Figures;
pub use types::Row;
pub use types::SCHEMA;
pub use types::TaskView;
pub use types::compare_rows;
