//! Compare and judge: what a measurement means against its limits.

pub mod acceptance;
pub mod again;
pub mod constraints;
pub mod exact;
pub mod family;
pub mod judge;
pub mod limits;
mod metric;
pub mod on_device;
pub mod policy;
mod sessions;
#[cfg(test)]
mod testing;
pub mod tradeoff;
pub mod types;

pub use acceptance::Acceptance;
pub use again::again;
pub use exact::ExactFacts;
pub use family::judge_family;
pub use judge::*;
pub use policy::*;
pub use sessions::LEAST as LEAST_SESSIONS;
pub use sessions::judge_sessions;
pub use sessions::undecided_by;
pub use types::*;
