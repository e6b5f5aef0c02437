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
mod bf16;
mod bot;
mod bucket;
mod budget;
mod build;
mod build_report;
mod calibration;
mod checker;
mod ci;
mod ci_check;
mod ci_variants;
mod circumstances;
mod cli;
mod compare;
mod compare_quantization;
mod config;
mod dataset_folders;
mod datasets;
mod derived;
mod devices;
mod disturbances;
mod doctor;
mod documents;
mod explained;
mod explore;
mod explore_page;
mod github_client;
mod handover;
mod hostile_models;
mod imports;
mod init;
mod int8_dynamic;
mod int8_static;
mod interrupted;
mod killed;
mod launcher;
mod machines;
mod made_inputs;
mod manual;
mod measuring;
mod metrics;
mod migrate;
mod model_facts;
mod noise;
mod onnx_models;
mod optimize;
mod outputs;
mod palettize;
mod profile;
mod profile_page;
mod prune;
mod prune_structured;
mod reading;
mod registry;
mod release;
mod remotes;
mod report;
mod runtime_install;
#[cfg(target_os = "linux")]
mod sandbox;
mod sensitivity;
mod sensitivity_command;
mod sharding;
mod shelf;
mod simplify;
mod smooth;
mod spoken;
mod support;
mod tasks;
mod tflite_convert;
mod tflite_desk;
mod tflite_families;
mod tflite_fuzz;
mod tflite_kernels;
mod tflite_layers;
mod tflite_measuring;
mod tflite_quantize;
mod tflite_sensitivity;
mod tflite_settings;
mod tflite_signatures;
mod tflite_worker;
mod threats;
mod trend;
mod untouched;
mod upgrade;
mod validate;
mod variants;
mod verify;
mod weight_only;
mod worker;
mod workflows;
mod workspace_records;
