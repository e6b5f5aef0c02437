//! What tests share: a hermetic environment, fixtures, the fake GitHub.

pub mod env;
pub(crate) mod fake_github;
pub mod onnx;
pub mod reports;
pub mod runtime;
