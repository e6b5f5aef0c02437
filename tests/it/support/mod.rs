//! What tests share: a hermetic environment, fixtures, the fake GitHub.

pub mod env;
pub mod reports;
pub(crate) mod reports;
pub(crate) mod fake_github;
