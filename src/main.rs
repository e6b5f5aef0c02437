//! The command-line entry point: parse, run, map the result to an exit code.

use std::process::ExitCode;

use mlbuild::cli;
use mlbuild::cli::Environment;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), Environment::of_this_process())
}
