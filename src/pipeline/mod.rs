//! The only place where stages meet.

pub mod build_command;
