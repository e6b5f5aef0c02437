//! The commands, one file each: arguments, help and `run`. A new one is a file, a `mod` line, a variant and an arm.

mod completions;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[expect(missing_docs, reason = "the help text stands on each command's arguments")]
    Completions(completions::Args),
}

impl Command {
    /// Runs it.
    pub fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Completions(args) => completions::run(&args, context),
        }
    }
}
