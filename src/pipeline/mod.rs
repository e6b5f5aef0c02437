//! The only place where stages meet: a run of the gate, two files side by side, baselines, and what goes to GitHub.

pub mod agree;
pub mod assemble;
pub mod baseline;
pub mod benchmark;
pub mod build_command;
pub mod ci;
pub mod doctor;
pub mod event;
pub mod explain;
pub mod explore;
pub mod facts;
pub mod feed;
pub mod gate;
pub mod interrupt;
pub mod machinery;
pub mod noise;
pub mod open;
pub mod plan;
pub mod profile;
pub mod publish;
pub mod recall;
pub mod remember;
pub mod subject;
pub mod trouble;
pub mod validate;
pub mod workspace;
