//! `mlbuild pull`: builds from a remote.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::transfer;
use crate::cli::transfer::TransferArgs;
use crate::pipeline::remote;

/// Pull builds from a remote, with what they were derived from, their files, measurements, checks, remarks and tags.
///
/// Every file is verified by its SHA-256 while it comes; one that is damaged is named and not kept. A pull that was interrupted goes on
/// where it stopped. A tag that names another build here is reported, and not moved.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild pull production
  mlbuild pull 4f2a --remote team
  mlbuild pull --all --dry-run")]
pub struct Args {
    #[command(flatten)]
    transfer: TransferArgs,
    /// Read files again that are here, replace builds that contradict the remote, bring removed ones back, and move tags.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    transfer::run(&args.transfer, args.force, context, remote::pull)
}
