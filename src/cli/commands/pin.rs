//! `mlbuild pin` and `mlbuild unpin`: builds that pruning leaves alone.

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::shelf::Shelf;
use crate::digest::Digest;
use crate::pipeline::prune;
use crate::report::desk;
use crate::report::desk::BuildRow;
use crate::report::desk::count;

/// Protect builds from `mlbuild prune`: pinned ones always stay, whatever its flags. Any number of builds can be pinned.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild pin 3fa93712
  mlbuild pin 3fa93712 release-1.2 models/mobilenet.onnx")]
pub struct Args {
    /// The builds: tags, beginnings of ids, names, or paths of their models.
    #[arg(value_name = "BUILD", required = true)]
    builds: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Let `mlbuild prune` have pinned builds again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild unpin 3fa93712")]
pub struct UnpinArgs {
    /// The builds: tags, beginnings of ids, names, or paths of their models.
    #[arg(value_name = "BUILD", required = true)]
    builds: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    change(&args.builds, true, args.json, context)
}

pub(super) fn unpin(args: &UnpinArgs, context: &Context) -> Result<Exit, CliError> {
    change(&args.builds, false, args.json, context)
}

/// All of them, or none where one is not there.
fn change(texts: &[String], pinned: bool, json: bool, context: &Context) -> Result<Exit, CliError> {
    let mut shelf = Shelf::open(context)?;
    let mut ids: Vec<Digest> = Vec::new();
    let mut rows: Vec<BuildRow> = Vec::new();
    for text in texts {
        let build = shelf.build(text, context)?;
        if !ids.contains(&build.facts.id) {
            rows.push(prune::row(&build));
            ids.push(build.facts.id);
        }
    }
    let changed = if pinned {
        shelf.registry.pin(&ids, &clock::now())?
    } else {
        shelf.registry.unpin(&ids)?
    };
    if json {
        context.ui.json(&serde_json::json!({
            "schema": 1,
            "pinned": pinned,
            "changed": changed,
            "builds": rows,
        }))?;
        return Ok(Exit::Pass);
    }
    let word = if pinned { "pinned" } else { "not pinned any more" };
    let already = match ids.len() - changed {
        0 => String::new(),
        same if pinned => format!(", {same} of them before already"),
        same => format!(", {same} of them were not"),
    };
    let mut text = format!("{} {word}{already}:\n", count(ids.len(), "build"));
    text.push_str(&desk::builds(&rows, |_| String::new(), rows.len()));
    context.ui.data(&text)?;
    Ok(Exit::Pass)
}
