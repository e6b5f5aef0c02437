//! `mlbuild push`: builds to a remote.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::transfer;
use crate::cli::transfer::TransferArgs;
use crate::pipeline::remote;

/// Push builds to a remote, with what they were derived from, their files, measurements, checks, remarks and tags.
///
/// What is there already is not sent again. What others pushed of the same build stays: both sides' measurements and remarks are united. A
/// tag that names another build there is reported, and not moved.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild push production
  mlbuild push 4f2a --remote team
  mlbuild push --all --dry-run")]
pub struct Args {
    #[command(flatten)]
    transfer: TransferArgs,
    /// Send files again that are there, replace records that contradict this registry, and move tags.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    transfer::run(&args.transfer, args.force, context, remote::push)
}
