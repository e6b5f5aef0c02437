//! The GitHub Actions front end: an event in; comment, check run, summary, outputs and an exit code out.

pub mod error;
pub mod finalize;
pub mod gate;
pub mod inputs;
pub mod outputs;
pub mod refresh;
pub mod run;

pub use error::ActionError;
pub use run::Surroundings;
pub use run::run;
