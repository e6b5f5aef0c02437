//! What tests share: a hermetic environment, fixtures, the fake GitHub.

pub mod env;
pub mod reports;
