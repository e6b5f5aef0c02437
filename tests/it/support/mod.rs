//! What tests share: a hermetic environment, fixtures, the fake GitHub.

pub(crate) mod fake_github;
