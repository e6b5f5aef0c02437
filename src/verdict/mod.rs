//! Compare and judge: what a measurement means against its limits.

pub mod types;

pub use types::*;
