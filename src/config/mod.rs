//! What the user asked for: every setting of `.mlbuild.yml`, its default and its meaning.
//!
//! This layer owns all settings types and knows no stage. [`load`] finds and reads the file; [`types`] are its shape;
//! [`spans`] knows on which line each key stands, so that errors and annotations can point at it.

pub mod types;

pub use types::*;
