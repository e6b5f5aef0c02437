//! `mlbuild search`: builds whose names are like a query.

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::filter_args::FilterArgs;
use crate::pipeline::listing;
use crate::report::listing::table;

/// Find builds by name, with some letters wrong or left out too, and show what they came to.
///
/// The best fits come first, the newest among equals. Without a query, everything that the filters let through.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild search mobilenet
  mlbuild search mobilnet --format onnx --target onnxruntime_cpu
  mlbuild search --task vision --since 2026-03-01 --until 2026-03-31
  mlbuild search --tag mlbuild-pinned --json")]
pub struct Args {
    /// A name, or a part of one.
    #[arg(value_name = "QUERY")]
    query: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let registry = desk::registry(context)?;
    let query = args.query.as_deref().unwrap_or_default();
    let found = listing::search(&registry, query, &args.filter.filter())?;
    if args.json {
        context.ui.json(&found)?;
    } else if found.builds.is_empty() {
        context.ui.status("nothing was found");
    } else {
        context.ui.data(&table::search(&found.builds))?;
        let shown = found.builds.len() as u64;
        if shown < found.total {
            context
                .ui
                .status(&format!("{shown} of {}; `--limit` shows more", found.total));
        }
    }
    Ok(Exit::Pass)
}
