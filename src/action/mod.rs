//! The GitHub Actions front end: an event in; comment, check run, summary, outputs and an exit code out.

pub mod answer;
mod aside;
pub mod command;
mod commands;
pub mod dispatch;
pub mod error;
pub mod finalize;
pub mod gate;
mod handing_over;
pub mod inputs;
mod limits;
pub mod outputs;
pub mod refresh;
pub mod report;
mod selection;
mod settings;
mod shards;
mod tables;
pub mod work;

pub use dispatch::Surroundings;
pub use dispatch::run;
pub use error::ActionError;
