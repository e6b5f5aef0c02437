//! `mlbuild budget`: the absolute limits that a team commits, in `.mlbuild/budget.toml`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use clap::Subcommand;
use clap::ValueEnum;
use serde_json::json;

use crate::cli::confirm;
use crate::cli::constraint_args::ConstraintArgs;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::config::Bound;
use crate::config::Constraints;
use crate::config::budget;
use crate::config::budget::Budget;
use crate::config::budget::Loaded;
use crate::pipeline::open;
use crate::pipeline::workspace::Workspace;
use crate::report::constraints;
use crate::report::constraints::Row;
use crate::verdict::constraints::Standing;
use crate::verdict::constraints::judge_constraints;

/// Set the most that models may take, once for the whole team: latency, p95, peak memory and size.
///
/// The limits stand in `.mlbuild/budget.toml` beside the config; commit that file. `ci` and `validate` enforce them: above those of
/// the config, and below those of flags. A pull request is judged by the budget of its base branch.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild budget set --max-latency 10 --max-p95 15 --max-memory 50 --max-size 8
  mlbuild budget set --max-latency '250 us'
  mlbuild budget show
  mlbuild budget validate model.onnx
  mlbuild budget clear --constraint max-p95")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set one or several limits; the others stay.
    Set {
        #[command(flatten)]
        limits: ConstraintArgs,
        /// Print the budget as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the limits that count, and where each was given.
    Show {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take one limit away, or all of them.
    Clear {
        /// The only limit to take away.
        #[arg(long, value_name = "NAME", value_enum)]
        constraint: Option<Name>,
        /// Don't ask.
        #[arg(short, long)]
        yes: bool,
        /// Print the budget as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Hold a model against the limits without running it: its size is judged at once, the rest is named.
    Validate {
        /// A model file, or a build: a tag or the beginning of its id.
        #[arg(value_name = "MODEL|BUILD")]
        model: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A limit by the name of its flag.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    MaxLatency,
    MaxP95,
    MaxMemory,
    MaxSize,
}

impl From<Name> for Bound {
    fn from(name: Name) -> Self {
        match name {
            Name::MaxLatency => Self::MaxLatency,
            Name::MaxP95 => Self::MaxP95,
            Name::MaxMemory => Self::MaxMemory,
            Name::MaxSize => Self::MaxSize,
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Set { limits, json } => set(limits, *json, context),
        Command::Show { json } => show(*json, context),
        Command::Clear { constraint, yes, json } => clear(constraint.map(Bound::from), *yes, *json, context),
        Command::Validate { model, json } => validate(model, *json, context),
    }
}

fn set(limits: &ConstraintArgs, json: bool, context: &Context) -> Result<Exit, CliError> {
    let wanted = limits.budget();
    if wanted.is_empty() {
        return Err(CliError::usage("nothing to set")
            .hint("give at least one of `--max-latency`, `--max-p95`, `--max-memory` and `--max-size`"));
    }
    let folder = desk::project(context);
    let before = budget::load(&folder)?;
    let old = before.as_ref().map(|loaded| loaded.budget).unwrap_or_default();
    let mut new = old;
    for bound in Bound::ALL {
        if let Some(limit) = wanted.get(bound) {
            new.set(bound, Some(limit));
        }
    }
    write(&folder, before.as_ref(), &new, context)?;
    told(&folder, &old, &new, json, context)
}

fn clear(only: Option<Bound>, yes: bool, json: bool, context: &Context) -> Result<Exit, CliError> {
    let folder = desk::project(context);
    let path = context.relative(&folder.join(budget::PLACE));
    let Some(before) = budget::load(&folder)? else {
        return Err(CliError::usage(format!("there is no `{}` to clear", path.display()))
            .hint("`mlbuild budget set` makes one; limits of the config are removed by hand"));
    };
    let mut new = before.budget;
    match only {
        Some(bound) if new.get(bound).is_none() => {
            return Err(
                CliError::usage(format!("`{}` limits no {}", path.display(), constraints::what(bound)))
                    .hint("`mlbuild budget show` tells what is limited"),
            );
        }
        Some(bound) => new.set(bound, None),
        None => {
            if !yes && !before.budget.is_empty() && !confirmed(&before.budget, &path, context)? {
                return Ok(Exit::Pass);
            }
            new = Budget::default();
        }
    }
    write(&folder, Some(&before), &new, context)?;
    told(&folder, &before.budget, &new, json, context)
}

/// Asks whether everything shall go.
fn confirmed(budget: &Budget, path: &Path, context: &Context) -> Result<bool, CliError> {
    let limits: Vec<String> = Bound::ALL
        .into_iter()
        .filter_map(|bound| {
            Some(format!(
                "{} {}",
                constraints::what(bound),
                bound.text(budget.get(bound)?)
            ))
        })
        .collect();
    confirm::confirmed(
        context,
        "clearing all limits",
        &format!("remove every limit of `{}` ({})?", path.display(), limits.join(", ")),
        "add `--yes`, or name one limit with `--constraint`",
    )
}

fn write(folder: &Path, before: Option<&Loaded>, budget: &Budget, context: &Context) -> Result<(), CliError> {
    // Says what in that folder is committed, and what is not.
    Workspace::open(folder)?;
    budget::save(folder, before, budget)?;
    if let Some(ignore) = ignored_by(folder) {
        context.ui.warning(&format!(
            "`{}` ignores `.mlbuild/` as a whole, so that the budget cannot be committed: remove that line, the folder has a `.gitignore` of its own",
            context.relative(&ignore).display()
        ));
    }
    Ok(())
}

/// The `.gitignore` beside the workspace that leaves all of it out.
fn ignored_by(folder: &Path) -> Option<PathBuf> {
    let path = folder.join(".gitignore");
    let text = fs::read_to_string(&path).ok()?;
    let whole = |line: &str| matches!(line.trim(), ".mlbuild" | ".mlbuild/" | "/.mlbuild" | "/.mlbuild/");
    text.lines().any(whole).then_some(path)
}

/// What was changed.
fn told(folder: &Path, old: &Budget, new: &Budget, json: bool, context: &Context) -> Result<Exit, CliError> {
    if json {
        let written = budget::load(folder)?;
        context
            .ui
            .json(&document(folder, written.as_ref(), &limits(folder, context)?, context))?;
        return Ok(Exit::Pass);
    }
    let path = context.relative(&folder.join(budget::PLACE));
    let mut lines = Vec::new();
    for bound in Bound::ALL {
        let what = constraints::what(bound);
        match (old.get(bound), new.get(bound)) {
            (before, Some(after)) if before == Some(after) => {}
            (None, Some(after)) => lines.push(format!("{what}: at most {}", bound.text(after))),
            (Some(before), Some(after)) => {
                lines.push(format!(
                    "{what}: at most {}, was {}",
                    bound.text(after),
                    bound.text(before)
                ));
            }
            (Some(before), None) => lines.push(format!("{what}: no limit, was {}", bound.text(before))),
            (None, None) => {}
        }
    }
    if lines.is_empty() {
        lines.push("nothing changed".to_owned());
    }
    context.ui.data(&lines.join("\n"))?;
    context.ui.status(&format!(
        "wrote {}; commit it, so that it counts for everybody",
        path.display()
    ));
    Ok(Exit::Pass)
}

fn show(json: bool, context: &Context) -> Result<Exit, CliError> {
    let folder = desk::project(context);
    let loaded = budget::load(&folder)?;
    let limits = limits(&folder, context)?;
    if json {
        context.ui.json(&document(&folder, loaded.as_ref(), &limits, context))?;
        return Ok(Exit::Pass);
    }
    if limits.is_empty() {
        context.ui.data("nothing is limited")?;
        context
            .ui
            .hint("`mlbuild budget set --max-latency 10` limits the median latency to 10 ms");
        return Ok(Exit::Pass);
    }
    let rows = Bound::ALL.into_iter().map(|bound| match limits.get(bound) {
        Some((limit, source)) => vec![
            constraints::what(bound).to_owned(),
            bound.text(limit),
            source.to_string(),
        ],
        None => vec![
            constraints::what(bound).to_owned(),
            "no limit".to_owned(),
            String::new(),
        ],
    });
    context
        .ui
        .data(&constraints::columns(&["constraint", "at most", "source"], rows))?;
    Ok(Exit::Pass)
}

/// The limits that count without flags: the budget's above the config's, where there is a config.
fn limits(folder: &Path, context: &Context) -> Result<Constraints, CliError> {
    let of_config = match context.find_config() {
        Some(_) => context.load_config()?.config.gate.constraints(),
        None => Constraints::default(),
    };
    let of_budget = budget::load(folder)?.map(|loaded| loaded.constraints());
    Ok(of_budget.unwrap_or_default().over(of_config))
}

fn document(folder: &Path, loaded: Option<&Loaded>, limits: &Constraints, context: &Context) -> serde_json::Value {
    let number = |bound: Bound| loaded.and_then(|loaded| loaded.budget.get(bound));
    let budget: serde_json::Map<String, serde_json::Value> = Bound::ALL
        .into_iter()
        .map(|bound| {
            let limit = number(bound).map(|limit| budget::in_unit(bound, limit));
            (bound.key().to_owned(), json!(limit))
        })
        .collect();
    let effective: Vec<serde_json::Value> = limits
        .iter()
        .map(|(bound, limit, source)| {
            json!({
                "constraint": bound.key(),
                "limit": budget::in_unit(bound, limit),
                "source": source.word(),
                "place": source.to_string(),
            })
        })
        .collect();
    json!({
        "schema": 1,
        "path": context.relative(&folder.join(budget::PLACE)),
        "exists": loaded.is_some(),
        "budget": budget,
        "effective": effective,
    })
}

fn validate(model: &str, json: bool, context: &Context) -> Result<Exit, CliError> {
    let folder = desk::project(context);
    let limits = limits(&folder, context)?;
    if limits.is_empty() {
        return Err(CliError::usage("nothing is limited, so there is nothing to validate")
            .hint("`mlbuild budget set --max-size 8` limits the size to 8 MB"));
    }
    let place = desk::place(context)?;
    let found = open::find(model, &place.workspace, &context.working_folder)?;
    let judged = judge_constraints(&limits, None, found.model.size().0);
    let pending = judged.iter().any(|judged| judged.standing == Standing::Pending);
    let violated = judged.iter().any(|judged| judged.standing == Standing::Violated);
    let command = format!("mlbuild validate {model}");
    if json {
        context.ui.json(&json!({
            "schema": 1,
            "model": found.label,
            "violated": violated,
            "pending": pending,
            "measure_with": pending.then_some(&command),
            "constraints": judged.iter().map(Row::from).collect::<Vec<_>>(),
        }))?;
    } else {
        context.ui.data(&constraints::table(&judged))?;
        if pending {
            context
                .ui
                .status(&format!("pending limits need a measurement: `{command}`"));
        }
    }
    Ok(if violated { Exit::Regression } else { Exit::Pass })
}
