//! `mlbuild inspect`: everything about one build.

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::pipeline::inspect;
use crate::report::inspected;

/// Show everything that is kept of a build: what it is and comes from, its files, benchmarks, accuracy, tags and notes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild inspect 3f36810e
  mlbuild inspect mlbuild-baseline --short
  mlbuild inspect 3f36810e --json")]
pub struct Args {
    /// A build: the beginning of its id, a tag, or its name.
    #[arg(value_name = "BUILD")]
    build: String,
    /// Only the build, its model file and the newest benchmark of each target.
    #[arg(long, conflicts_with = "json")]
    short: bool,
    /// Print JSON, its keys sorted.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let registry = desk::registry(context)?;
    let build = registry.resolve(&args.build)?;
    context.touch(&build.facts.id);
    let found = inspect::inspect(&registry, &build)?;
    if args.json {
        context.ui.json(&inspected::json(&found))?;
    } else if args.short {
        context.ui.data(&inspected::short_text(&found))?;
    } else {
        context.ui.data(&inspected::text(&found))?;
    }
    Ok(Exit::Pass)
}
