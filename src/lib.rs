//! `mlbuild` gates machine-learning models the way a test suite gates code: it derives a model's variants, measures them side
//! by side with the baseline, decides whether anything got worse beyond noise, and says so.
//!
//! One pipeline, `Config → Model → Variant → Measurement → Verdict → Report`, remembered in the registry. A module imports only
//! from rows strictly below its own; `tests/it/architecture.rs` enforces it.
//!
//! | row | module | duty |
//! |---|---|---|
//! | 10 | [`cli`] | terminal front end: one file a command |
//! | 9 | [`action`] | GitHub Actions front end: inputs, event, outputs |
//! | 8 | [`bot`] | commands in pull request comments |
//! | 7 | [`pipeline`] | the only place where stages meet: ci, compare, baseline, publish |
//! | 6 | [`registry`], [`report`] | remember in SQLite; show as Markdown, table, JSON |
//! | 5 | [`verdict`] | compare and judge |
//! | 4 | [`measure`] | run and sample: pairing, restarts, memory, accuracy |
//! | 3 | [`variant`], [`runtime`] | derive variants, one transform a file; execute models in worker processes |
//! | 2 | [`model`] | load and describe models, make inputs, read datasets |
//! | 1 | [`config`], [`github`], [`store`], [`machine`], [`device`] | settings; REST client; blobs by digest; the host's fingerprint; phones behind an adb server |
//! | 0 | [`files`], [`chance`], above [`units`], [`digest`], [`stats`], [`when`], [`hint`] | atomic writes; words by chance; quantities; SHA-256; pure statistics; points in time; "what to do next" |

// Tests prepare files, also broken ones.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod digest;
pub mod hint;
pub mod stats;
pub mod units;
pub mod when;

pub mod chance;
pub mod files;

pub mod config;
pub mod device;
pub mod github;
pub mod machine;
pub mod store;

pub mod model;

pub mod runtime;
pub mod variant;

pub mod measure;

pub mod verdict;

pub mod registry;
pub mod report;

pub mod pipeline;

pub mod bot;

pub mod action;

pub mod cli;

/// This build's version, as it stands in manifests, reports and variant identities.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
