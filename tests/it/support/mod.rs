//! What tests share: a hermetic environment, fixtures, the fake GitHub.

pub mod env;
pub mod onnx;
pub mod runtime;
pub(crate) mod fake_github;
pub mod reports;
