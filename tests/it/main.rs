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
mod checker;
mod ci;
mod ci_check;
mod cli;
mod compare;
mod config;
mod dataset_folders;
mod datasets;
mod derived;
mod disturbances;
mod doctor;
mod documents;
mod explained;
mod github_client;
mod init;
mod interrupted;
mod launcher;
mod machines;
mod made_inputs;
mod measuring;
mod metrics;
mod noise;
mod onnx_models;
mod outputs;
mod profile;
mod profile_page;
mod registry;
mod report;
mod runtime_install;
mod sensitivity;
mod support;
mod tasks;
mod untouched;
mod validate;
mod variants;
mod worker;
