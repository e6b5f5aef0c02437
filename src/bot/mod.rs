//! Commands in the comments of a pull request: heard, checked, pinned to a commit, answered.
//!
//! This layer takes plain data (a comment, a client of the repository, the time) and knows nothing of the runner that it works on, so that
//! a workflow and a server of webhooks call it alike. It never runs a model: what has to be measured is described in a
//! [`plan::Plan`], which the caller has done where no secret lies, and whose result [`answer`] puts into the reply.

pub mod accept;
pub mod answer;
pub mod command;
mod error;
pub mod explain;
pub mod help;
pub mod listen;
mod markdown_lines;
pub mod pin;
pub mod plan;
pub mod record;
pub mod reply;
mod words;

pub use command::Command;
pub use command::Verb;
pub use error::BotError;
pub use plan::Plan;
