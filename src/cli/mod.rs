//! The terminal front end: arguments in, one command run, an exit code out.
//!
//! A command is one file in [`commands`]: its arguments, its help as doc comment, and `run`. It parses, calls and shows; what it
//! shows goes through [`ui::Ui`], what goes wrong becomes an [`error::CliError`].

pub mod args;
mod clock;
pub mod commands;
mod confirm;
mod constraint_args;
pub mod context;
mod desk;
pub mod environment;
pub mod error;
pub mod exit;
mod identity;
mod making;
pub mod manual;
mod method_args;
mod model_args;
mod pairwise;
mod progress;
mod shelf;
mod signals;
mod snippet;
mod stage_clock;
mod transfer;
pub mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

pub use self::context::Context;
pub use self::environment::Environment;
pub use self::exit::Exit;

/// Runs the command that `arguments` name (the first one is the program) and says how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> ExitCode {
    let args = match args::Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            // Help and version come this way too; a closed pipe is no reason to fail.
            let _ = error.print();
            return if error.use_stderr() { Exit::Error } else { Exit::Pass }.into();
        }
    };
    let ui = ui::Ui::new(args.global.color, args.global.quiet);
    let context = Context {
        ui,
        global: args.global,
        environment,
        // Where the folder is gone, every path that is read from it says so.
        working_folder: std::env::current_dir().unwrap_or_else(|_| ".".into()),
    };
    match args.command.run(&context) {
        Ok(exit) => exit.into(),
        Err(error) => {
            error.show(&context.ui);
            error.exit().into()
        }
    }
}
