//! What tests share: a hermetic environment, fixtures, the fake GitHub.

pub mod env;
pub(crate) mod fake_github;
pub mod reports;
pub(crate) mod reports;
pub mod onnx;
pub mod runtime;
