//! `mlbuild prune`: hides old builds, or frees their disk.

use crate::cli::clock;
use crate::cli::confirm;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::shelf::Shelf;
use crate::pipeline::prune;
use crate::pipeline::prune::Rules;
use crate::registry::Build;
use crate::registry::RegistryError;
use crate::report::desk::count;
use crate::report::pruned;
use crate::report::pruned::Pruned;
use crate::units::Bytes;
use crate::when;

/// Hide old builds, or delete them and free their disk.
///
/// Removed builds are hidden from lists, and nothing of them is lost: `--restore` brings them back. `--purge` deletes for good, removed builds
/// that the filters meet included. Pinned builds, those tagged `mlbuild-baseline`, `main-*` or `production-*`, and what a build that stays was
/// derived from are always left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild prune --keep-last 20 --dry-run
  mlbuild prune --older-than 30d --tag experiment
  mlbuild prune --older-than 30d --keep-last 5 --purge --force
  mlbuild prune --restore 3f36810e")]
pub struct Args {
    /// Keep so many of the newest builds, before any other filter is looked at.
    #[arg(long, value_name = "NUMBER")]
    keep_last: Option<usize>,
    /// Only builds that are older: `30d`, `12 weeks`, or made before a date.
    #[arg(long, value_name = "AGE")]
    older_than: Option<String>,
    /// Only builds with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Show what would go, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Delete for good, with the files that nothing else needs; alone, everything that is removed already.
    #[arg(long)]
    purge: bool,
    /// Do not ask before purging.
    #[arg(long)]
    force: bool,
    /// Bring removed builds back.
    #[arg(long, value_name = "BUILD", num_args = 1.., conflicts_with_all = ["keep_last", "older_than", "tag", "purge", "force", "dry_run"])]
    restore: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    if !args.restore.is_empty() {
        return restore(args, context);
    }
    if args.keep_last.is_none() && args.older_than.is_none() && args.tag.is_none() && !args.purge {
        return Err(CliError::usage("nothing says which builds are to go")
            .hint("give `--keep-last`, `--older-than` or `--tag`; add `--dry-run` to see first"));
    }
    let rules = Rules {
        keep_last: args.keep_last,
        before: args.older_than.as_deref().map(before).transpose()?,
        tag: args.tag.clone(),
        purge: args.purge,
    };
    let mut shelf = Shelf::open(context)?;
    // Alone, it deletes what is hidden, and hides nothing.
    let only_hidden = args.keep_last.is_none() && args.older_than.is_none() && args.tag.is_none();
    let plan = if only_hidden {
        prune::plan_hidden(&shelf.registry)?
    } else {
        prune::plan(&rules, &shelf.registry)?
    };
    if args.dry_run {
        return show(
            &Pruned {
                dry_run: true,
                ..prune::shown(&plan, &rules)
            },
            args,
            context,
        );
    }
    let going = plan.ids().len();
    if args.purge && !args.force && going > 0 {
        let question = format!("delete {} ({}) for good?", count(going, "build"), Bytes(plan.bytes()));
        let instead = "add `--force`, or leave `--purge` out to hide them only; `--dry-run` shows which";
        if !confirm::confirmed(context, "purging builds", &question, instead)? {
            return Ok(Exit::Pass);
        }
    }
    let baseline = Shelf::baseline_folder(context);
    let pruned = prune::apply(
        &plan,
        &rules,
        &mut shelf.registry,
        &shelf.workspace,
        baseline.as_deref(),
        &clock::now(),
    )?;
    if pruned.postponed {
        context.ui.warning(
            "another mlbuild command is using this workspace: the builds are removed, and their disk is not freed; run `mlbuild prune --purge` when it is done",
        );
    }
    show(&pruned, args, context)
}

fn show(pruned: &Pruned, args: &Args, context: &Context) -> Result<Exit, CliError> {
    if args.json {
        context.ui.json(pruned)?;
    } else {
        context.ui.data(&pruned::text(pruned))?;
    }
    Ok(Exit::Pass)
}

/// The time before which builds are old.
fn before(text: &str) -> Result<String, CliError> {
    when::parse_since(text, jiff::Timestamp::now())
        .map(when::iso)
        .map_err(|error| CliError::usage(format!("`--older-than`: {error}")))
}

fn restore(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let mut shelf = Shelf::open(context)?;
    let mut ids = Vec::new();
    for text in &args.restore {
        match shelf.registry.resolve(text) {
            Err(RegistryError::Removed { id, .. }) => ids.push(id),
            Ok(build) => context.ui.warning(&format!("{} is not removed", label(&build))),
            Err(error) => return Err(error.into()),
        }
    }
    let back = prune::restore(&ids, &mut shelf.registry)?;
    let rows: Vec<_> = back.iter().map(prune::row).collect();
    if args.json {
        context
            .ui
            .json(&serde_json::json!({ "schema": pruned::SCHEMA, "restored": rows }))?;
    } else if back.is_empty() {
        context.ui.data("nothing to bring back")?;
    } else {
        let mut text = format!("{} back:\n", count(rows.len(), "build"));
        text.push_str(&crate::report::desk::builds(&rows, |_| String::new(), rows.len()));
        context.ui.data(&text)?;
    }
    Ok(Exit::Pass)
}

fn label(build: &Build) -> String {
    prune::row(build).label()
}
