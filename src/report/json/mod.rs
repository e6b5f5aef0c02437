//! The stored report, one module a version. Old versions stay readable; a new meaningful field is a new version.

mod operators;
pub mod v2;
pub(in crate::report) mod v2_parts;
