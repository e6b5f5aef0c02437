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
mod filter_args;
mod limits;
mod making;
pub mod manual;
mod method_args;
mod model_args;
mod pairwise;
mod progress;
mod recorder;
mod secrets;
mod sharding;
mod shelf;
mod signals;
mod snippet;
mod stage_clock;
mod transfer;
pub mod ui;

use std::cell::OnceCell;
use std::cell::RefCell;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::FromArgMatches as _;

pub use self::context::Context;
pub use self::environment::Environment;
pub use self::exit::Exit;

/// Runs the command that `arguments` name (the first one is the program) and says how it went.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Where the folder is gone, every path that is read from it says so.
    let working_folder = std::env::current_dir().unwrap_or_else(|_| ".".into());
    let parsed = args::Args::command()
        .try_get_matches_from(&arguments)
        .and_then(|matches| {
            let args =
                args::Args::from_arg_matches(&matches).map_err(|error| error.format(&mut args::Args::command()))?;
            Ok((args, matches))
        });
    let (args, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version come this way too; a closed pipe is no reason to fail.
            let _ = error.print();
            if !error.use_stderr() {
                return Exit::Pass.into();
            }
            recorder::misused(&arguments, &working_folder);
            return Exit::Error.into();
        }
    };
    let ui = ui::Ui::new(args.global.color, args.global.quiet);
    let context = Context {
        ui,
        global: args.global,
        environment,
        working_folder,
        touched: RefCell::default(),
        own_entry: OnceCell::new(),
    };
    let recorder = recorder::Recorder::begin(&arguments, &matches, &context);
    let exit = args.command.run(&context).unwrap_or_else(|error| {
        error.show(&context.ui);
        error.exit()
    });
    recorder.end(exit, &context);
    exit.into()
}
