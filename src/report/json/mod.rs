//! The stored report, one module a version. Old versions stay readable; a new meaningful field is a new version.

pub mod v1;
mod v1_parts;
