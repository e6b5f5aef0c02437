//! `mlbuild status`: how this workspace stands.

use jiff::Timestamp;

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::config::budget;
use crate::files;
use crate::machine;
use crate::pipeline::status;
use crate::pipeline::workspace;
use crate::registry::Registry;
use crate::report::status::text;

/// Show how this workspace stands: what it holds, the newest build and benchmark, the baseline, the budget, open runs and remotes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild status
  mlbuild status --json")]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let folder = desk::registered(context);
    let mut problems = Vec::new();
    if let Some(folder) = &folder
        && !files::is_writable(&workspace::registry_in(folder))
    {
        problems.push("the workspace is read-only: it can be looked at, and nothing can be added".to_owned());
    }
    let shown = folder
        .as_ref()
        .map(|folder| context.relative(&folder.join(workspace::FOLDER)).display().to_string());
    let mut found = status::without_registry(machine::host_name(), shown, problems);
    if let Some(folder) = &folder {
        let registry = Registry::open_for_reading(&context.relative(&workspace::registry_in(folder)))?;
        found = status::with_registry(&registry, found)?;
    }
    if let Some(loaded) = budget::load(&desk::project(context))? {
        found.budget = status::limits(&loaded.budget);
    }
    if args.json {
        context.ui.json(&found)?;
    } else {
        context.ui.data(&text(&found, Timestamp::now()))?;
        if folder.is_none() {
            context.ui.hint("`mlbuild build --model model.onnx` makes a workspace");
        }
    }
    Ok(Exit::Pass)
}
