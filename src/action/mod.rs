//! The GitHub Actions front end: an event in; comment, check run, summary, outputs and an exit code out.

pub mod dispatch;
pub mod error;
pub mod finalize;
pub mod gate;
pub mod inputs;
mod limits;
pub mod outputs;
pub mod refresh;
mod shards;

pub use dispatch::Surroundings;
pub use dispatch::run;
pub use error::ActionError;
