//! `mlbuild worker`: the far side of a worker process. Hidden; only this tool starts it.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::runtime::worker;

/// Execute models for a parent process, over stdin and stdout.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub(super) fn run(_args: &Args, _context: &Context) -> Result<Exit, CliError> {
    let (requests, replies) = worker::private_streams()?;
    worker::serve(requests, replies)?;
    Ok(Exit::Pass)
}
