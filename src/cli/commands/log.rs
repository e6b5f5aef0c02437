//! `mlbuild log`: the builds of the registry, the newest first, or as trees of what was derived from what.

use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::filter_args::FilterArgs;
use crate::files;
use crate::pipeline::listing;
use crate::registry::Filter;
use crate::report::listing::csv;
use crate::report::listing::table;
use crate::report::listing::tree::tree;

/// List the builds of the registry, the newest first.
///
/// With a build, only what it was derived from and what was derived from it. `--tree` draws each build beneath its parent; `--limit` and
/// `--offset` then count whole families.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild log
  mlbuild log --tree --name mobilenet
  mlbuild log 3f36810e --tree
  mlbuild log --task vision --since '7 days ago' --json
  mlbuild log --roots-only --csv builds.csv")]
pub struct Args {
    /// A build: the beginning of its id, a tag, or its name.
    #[arg(value_name = "BUILD", conflicts_with_all = ["source", "name", "recipe", "roots_only", "offset", "format", "target", "task", "tag", "since", "until"])]
    build: Option<String>,
    /// Only builds of a model whose file name has this in it.
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Only builds whose name has this in it.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Only builds of this recipe, such as `int8-static`.
    #[arg(long, value_name = "RECIPE")]
    recipe: Option<String>,
    /// Only models as they are, nothing that was derived from them.
    #[arg(long)]
    roots_only: bool,
    #[command(flatten)]
    filter: FilterArgs,
    /// Leave out so many of the newest.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    offset: u64,
    /// Draw what was derived from what.
    #[arg(long, conflicts_with_all = ["csv", "json"])]
    tree: bool,
    /// Write CSV to a file; `-` is the standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    csv: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let registry = desk::registry(context)?;
    let filter = Filter {
        source: args.source.clone(),
        name: args.name.clone(),
        recipe: args.recipe.clone(),
        roots_only: args.roots_only,
        offset: args.offset,
        ..args.filter.filter()
    };
    let (found, parents) = match &args.build {
        Some(text) => {
            let build = registry.resolve(text)?;
            context.touch(&build.facts.id);
            let (found, parents) = listing::lineage(&registry, &build)?;
            (found, Some(parents))
        }
        None if args.tree => {
            let (found, parents) = listing::families(&registry, &filter)?;
            (found, Some(parents))
        }
        None => (listing::list(&registry, &filter)?, None),
    };
    if args.json {
        context.ui.json(&found)?;
        return Ok(Exit::Pass);
    }
    if let Some(path) = &args.csv {
        let text = csv::listing(&found.builds);
        if path == Path::new("-") {
            context.ui.data(&text)?;
        } else {
            files::write_atomic(&context.relative(path), text.as_bytes())?;
            context
                .ui
                .status(&format!("wrote {} builds to `{}`", found.builds.len(), path.display()));
        }
        return Ok(Exit::Pass);
    }
    if found.builds.is_empty() {
        context.ui.status(if found.total == 0 {
            "no build is listed: the registry has none, or none that is like this"
        } else {
            "no more builds"
        });
        return Ok(Exit::Pass);
    }
    context.ui.data(&match parents {
        Some(parents) if args.tree => tree(&found.builds, &parents),
        _ => table::log(&found.builds, Timestamp::now()),
    })?;
    let shown = if args.tree && args.build.is_none() {
        let mut roots: Vec<&str> = found.builds.iter().map(|row| row.root.as_str()).collect();
        roots.dedup();
        roots.len() as u64
    } else {
        found.builds.len() as u64
    };
    if shown < found.total {
        let what = if args.tree { "families" } else { "builds" };
        context.ui.status(&format!(
            "{shown} of {} {what}; `--limit` and `--offset` show others",
            found.total
        ));
    }
    Ok(Exit::Pass)
}
