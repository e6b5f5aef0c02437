//! `mlbuild rename`: another name for a build; nothing else of it changes.

use std::io;
use std::io::IsTerminal as _;

use crate::cli::confirm;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::shelf::Shelf;
use crate::pipeline::naming;
use crate::pipeline::prune;
use crate::report::desk;

/// Give a build another name. Its id, files, measurements and tags stay as they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild rename 3fa93712 mobilenet-int8-prod
  mlbuild rename 3fa93712 mobilenet-int8-prod --yes")]
pub struct Args {
    /// The build: a tag, the beginning of its id, its name, or the path of its model.
    #[arg(value_name = "BUILD")]
    build: String,
    /// Its new name.
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    naming::check("a build", &args.name)?;
    let mut shelf = Shelf::open(context)?;
    let build = shelf.build(&args.build, context)?;
    let before = build.shown_name().to_owned();
    // Renaming back is as easy, so that only a person who is there is asked.
    if !args.yes && before != args.name && io::stdin().is_terminal() {
        let question = format!("rename {} to `{}`?", prune::row(&build).label(), desk::name(&args.name));
        if !confirm::confirmed(context, "renaming", &question, "add `--yes`")? {
            return Ok(Exit::Pass);
        }
    }
    shelf.registry.rename(&build.facts.id, Some(&args.name))?;
    if args.json {
        context.ui.json(&serde_json::json!({
            "schema": 1,
            "id": build.facts.id.as_str(),
            "before": before,
            "name": args.name,
        }))?;
    } else {
        context.ui.data(&format!(
            "{} is called {} now, before {}",
            build.facts.id.short(),
            desk::name(&args.name),
            desk::name(&before)
        ))?;
    }
    Ok(Exit::Pass)
}
