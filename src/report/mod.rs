//! Show: pure functions from a [`Report`] to text. No I/O, no clock; every name in a report is taken for hostile.

pub mod types;

pub use types::*;
