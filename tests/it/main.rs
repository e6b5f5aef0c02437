//! The one integration binary: real engine, real models, real files, a stateful fake GitHub.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods
)]

mod accuracy;
mod action;
mod architecture;
mod bad_models;
mod baseline;
mod benchmark;
mod budget;
mod ci;
mod ci_check;
mod cli;
mod compare;
mod config;
mod datasets;
mod documents;
mod github_client;
mod init;
mod interrupted;
mod launcher;
mod measuring;
mod noise;
mod onnx_models;
mod registry;
mod report;
mod runtime_install;
mod support;
mod untouched;
mod validate;
mod variants;
mod worker;
