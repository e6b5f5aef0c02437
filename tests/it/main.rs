//! The one integration binary: real engine, real models, real files, a stateful fake GitHub.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod architecture;
mod datasets;
mod onnx_models;
mod registry;
mod support;
mod variants;
