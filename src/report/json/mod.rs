//! The stored report, one module a version. Old versions stay readable; a new meaningful field is a new version.

mod operators;
pub mod v1;
mod v1_parts;
