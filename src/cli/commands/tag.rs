//! `mlbuild tag`: names that point at builds and can be moved.

use std::io;
use std::io::IsTerminal as _;

use clap::Subcommand;

use crate::cli::clock;
use crate::cli::confirm;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::shelf::Shelf;
use crate::pipeline::prune;
use crate::pipeline::tags;
use crate::registry::Build;
use crate::registry::RegistryError;
use crate::report;
use crate::report::desk;

/// Name builds: every command takes a tag where it takes a build.
///
/// The tag `mlbuild-baseline` is what `mlbuild ci` compares with; it and tags that begin with `main-` or `production-` keep their builds from
/// being pruned.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild tag create 3f36810e v1.0.0
  mlbuild tag create 8d12ab90 main-mobilenet --force
  mlbuild tag list
  mlbuild tag show main-mobilenet
  mlbuild tag delete v1.0.0")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give a build a tag.
    Create {
        /// The build: a tag, the beginning of its id, its name, or the path of its model.
        #[arg(value_name = "BUILD")]
        build: String,
        /// The tag.
        #[arg(value_name = "TAG")]
        tag: String,
        /// Move the tag where another build has it.
        #[arg(long)]
        force: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List all tags.
    List {
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what has a tag, and what had it before.
    Show {
        /// The tag.
        #[arg(value_name = "TAG")]
        tag: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a tag away; its build stays.
    Delete {
        /// The tag.
        #[arg(value_name = "TAG")]
        tag: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Create {
            build,
            tag,
            force,
            json,
        } => create(build, tag, *force, *json, context),
        Command::List { limit, json } => {
            let shelf = Shelf::open(context)?;
            let found = tags::list(&shelf.registry, |_| true, *limit)?;
            if *json {
                context.ui.json(&found)?;
            } else {
                context.ui.data(&report::tags::list(&found))?;
            }
            Ok(Exit::Pass)
        }
        Command::Show { tag, json } => {
            let shelf = Shelf::open(context)?;
            let history = tags::history(&shelf.registry, tag)?;
            if history.tag.is_none() && history.moves.is_empty() {
                return Err(missing(tag).into());
            }
            if *json {
                context.ui.json(&history)?;
            } else {
                context.ui.data(&report::tags::shown(&history))?;
            }
            Ok(Exit::Pass)
        }
        Command::Delete { tag, json } => delete(tag, *json, context),
    }
}

fn missing(tag: &str) -> RegistryError {
    RegistryError::NoRecord {
        kind: "tag",
        text: tag.to_owned(),
        found: "no",
    }
}

fn create(text: &str, tag: &str, force: bool, json: bool, context: &Context) -> Result<Exit, CliError> {
    let mut shelf = Shelf::open(context)?;
    let build = shelf.build(text, context)?;
    match set(&mut shelf, tag, &build, force, context)? {
        Set::Kept => Ok(Exit::Pass),
        Set::Done { before } => {
            show_set(tag, &build, before.as_deref(), json, context)?;
            Ok(Exit::Pass)
        }
    }
}

/// What came of setting a tag.
pub(super) enum Set {
    /// It is set; it was `before`'s, where it was another build's.
    Done {
        /// The label of that build.
        before: Option<String>,
    },
    /// A person said no.
    Kept,
}

/// Sets a tag. One that another build has is moved only with `force`, or where a person says so.
pub(super) fn set(
    shelf: &mut Shelf,
    tag: &str,
    build: &Build,
    force: bool,
    context: &Context,
) -> Result<Set, CliError> {
    let all = shelf.registry.all_tags()?;
    let had = all
        .iter()
        .find(|known| known.name == tag && known.build != build.facts.id);
    let before = match had {
        None => None,
        Some(known) => {
            let builds = shelf.registry.with_prefix(known.build.as_str())?;
            builds.first().map(|build| prune::row(build).label())
        }
    };
    if let Some(before) = before.as_ref().filter(|_| !force) {
        if !io::stdin().is_terminal() {
            return Err(
                CliError::usage(format!("{before} has the tag `{}` already", desk::name(tag)))
                    .hint("`--force` moves it"),
            );
        }
        let question = format!(
            "move `{}` from {before} to {}?",
            desk::name(tag),
            prune::row(build).label()
        );
        if !confirm::confirmed(context, "moving a tag", &question, "add `--force`")? {
            return Ok(Set::Kept);
        }
    }
    shelf.registry.tag(tag, &build.facts.id, &clock::now())?;
    Ok(Set::Done { before })
}

/// Says that a tag was set.
pub(super) fn show_set(
    tag: &str,
    build: &Build,
    before: Option<&str>,
    json: bool,
    context: &Context,
) -> Result<(), CliError> {
    let row = prune::row(build);
    if json {
        context.ui.json(&serde_json::json!({
            "schema": report::tags::SCHEMA,
            "tag": tag,
            "build": row,
            "before": before,
        }))?;
        return Ok(());
    }
    let from = before.map(|before| format!(", before {before}")).unwrap_or_default();
    context.ui.data(&format!("{tag} is {} now{from}", row.label()))?;
    Ok(())
}

fn delete(tag: &str, json: bool, context: &Context) -> Result<Exit, CliError> {
    let mut shelf = Shelf::open(context)?;
    let before = tags::history(&shelf.registry, tag)?.tag;
    if !shelf.registry.untag(tag, &clock::now())? {
        return Err(missing(tag).into());
    }
    if json {
        context
            .ui
            .json(&serde_json::json!({ "schema": report::tags::SCHEMA, "deleted": before }))?;
    } else {
        let of = before.map(|row| format!(", it was {}", row.build.label()));
        context
            .ui
            .data(&format!("no build is tagged {tag} any more{}", of.unwrap_or_default()))?;
    }
    Ok(Exit::Pass)
}
