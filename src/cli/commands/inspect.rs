//! `mlbuild inspect`: everything about one build, or about one model file.

use std::path::Path;

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::model::Model;
use crate::pipeline::inspect;
use crate::pipeline::model_facts::model_facts;
use crate::pipeline::which;
use crate::registry::RegistryError;
use crate::report::inspected;

/// Show everything that is kept of a build: what it is and comes from, its files, benchmarks, accuracy, tags and notes; or what a model
/// file says of itself.
///
/// With `--model` the build's model file is read too: inputs and outputs, operators, parameters, multiply-adds, activations, and how its
/// integers stand for other numbers. A path to a file of which there is no build shows these alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild inspect 3f36810e
  mlbuild inspect 3f36810e --model
  mlbuild inspect models/mobilenet-int8.tflite
  mlbuild inspect mlbuild-baseline --short
  mlbuild inspect 3f36810e --json")]
pub struct Args {
    /// A build: the beginning of its id, a tag, or its name; or the path of a model.
    #[arg(value_name = "BUILD")]
    build: String,
    /// Read the model file too, and show what it says of itself.
    #[arg(long, conflicts_with = "short")]
    model: bool,
    /// Only the build, its model file and the newest benchmark of each target.
    #[arg(long, conflicts_with = "json")]
    short: bool,
    /// Print JSON, its keys sorted.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let path = context.working_folder.join(&args.build);
    let is_file = path.is_file();
    let build = match desk::registry(context) {
        Ok(registry) => which::which(&args.build, &registry, &context.working_folder).map(|build| (registry, build)),
        Err(_) if is_file => return file(&path, args, context),
        Err(error) => return Err(error),
    };
    let (registry, build) = match build {
        Ok(found) => found,
        Err(RegistryError::NotFound { .. }) if is_file => return file(&path, args, context),
        Err(error) => return Err(error.into()),
    };
    context.touch(&build.facts.id);
    let mut found = inspect::inspect(&registry, &build)?;
    if args.model || (is_file && !args.short) {
        found.model = Some(inspect::model_of(&build, desk::place(context)?.workspace.objects())?);
    }
    if args.json {
        context.ui.json(&inspected::json(&found))?;
    } else if args.short {
        context.ui.data(&inspected::short_text(&found))?;
    } else {
        context.ui.data(&inspected::text(&found))?;
    }
    Ok(Exit::Pass)
}

/// A model that is no build.
fn file(path: &Path, args: &Args, context: &Context) -> Result<Exit, CliError> {
    let facts = model_facts(&Model::load(path)?);
    if args.json {
        context.ui.json(&inspected::json_of_file(&facts))?;
    } else {
        context.ui.data(&inspected::text_of_file(&facts))?;
    }
    Ok(Exit::Pass)
}
