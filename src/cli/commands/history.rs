//! `mlbuild history`: every command that was run in this workspace.

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::json;

use crate::cli::confirm::confirmed;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::pipeline::workspace;
use crate::registry::HistoryEntry;
use crate::registry::HistoryFilter;
use crate::registry::Registry;
use crate::report::history;
use crate::report::history::Entry;
use crate::when;

/// Show the commands that were run in this workspace, the newest first: how they were called, when, where, and how they ended.
///
/// A command without an exit code was killed, or still runs. What looks like a secret is masked before it is kept. Builds and benchmarks
/// are no part of the history: deleting entries never touches them.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  mlbuild history
  mlbuild history --filter validate --since yesterday
  mlbuild history --filter failed --limit 100
  mlbuild history --build-id a3f91c2 --json
  mlbuild history delete d58cc62f
  mlbuild history clear"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only this command, such as `build` or `baseline set`; `failed` for all that did not end well.
    #[arg(long, value_name = "COMMAND|failed")]
    filter: Option<String>,
    /// Only what began since then: `yesterday`, `7 days ago`, `2024-01-01`.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<String>,
    /// Only what began before then; a day counts to its end.
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Option<String>,
    /// Only what was about this build: the beginning of its id, a tag, or its name.
    #[arg(long, value_name = "BUILD")]
    build_id: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    limit: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Forget one entry.
    Delete {
        /// The beginning of its id, at least four digits.
        #[arg(value_name = "ENTRY")]
        entry: String,
    },
    /// Forget all entries.
    Clear {
        /// Don't ask.
        #[arg(short, long)]
        yes: bool,
    },
}

fn since(text: &str) -> Result<String, String> {
    when::parse_since(text, Timestamp::now())
        .map(when::iso_millis)
        .map_err(|error| error.to_string())
}

fn until(text: &str) -> Result<String, String> {
    when::parse_until(text, Timestamp::now())
        .map(when::iso_millis)
        .map_err(|error| error.to_string())
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        None => list(args, context),
        Some(Command::Delete { entry }) => {
            let id = writable(context)?.delete_entry(entry)?;
            context.ui.status(&format!("forgot the entry {id}"));
            Ok(Exit::Pass)
        }
        Some(Command::Clear { yes }) => {
            let instead = "`mlbuild history clear --yes` does not ask";
            let question = "forget all commands of this workspace?";
            if !yes && !confirmed(context, "clearing the history", question, instead)? {
                return Ok(Exit::Pass);
            }
            let count = writable(context)?.clear_history()?;
            let plural = if count == 1 { "entry" } else { "entries" };
            context.ui.status(&format!("forgot {count} {plural}"));
            Ok(Exit::Pass)
        }
    }
}

fn list(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let registry = desk::registry(context)?;
    let failed = args.filter.as_deref() == Some("failed");
    let filter = HistoryFilter {
        command: args.filter.clone().filter(|_| !failed),
        failed,
        since: args.since.clone(),
        until: args.until.clone(),
        build: args
            .build_id
            .as_deref()
            .map(|text| build(text, &registry))
            .transpose()?,
        limit: Some(args.limit),
    };
    let mut entries: Vec<Entry> = registry.history(&filter)?.into_iter().map(entry).collect();
    if failed {
        // This very command has not ended, as those that were killed.
        entries.retain(|entry| context.own_entry.get() != Some(&entry.id));
    }
    if args.json {
        context.ui.json(&json!({ "schema": 1, "entries": entries }))?;
    } else if entries.is_empty() {
        context.ui.status("no commands");
    } else {
        context.ui.data(&history::table(&entries, Timestamp::now()))?;
    }
    Ok(Exit::Pass)
}

/// The id of a build, or the beginning of one that is gone.
fn build(text: &str, registry: &Registry) -> Result<String, CliError> {
    match registry.resolve(text) {
        Ok(build) => Ok(build.facts.id.to_string()),
        Err(_) if text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(text.to_ascii_lowercase()),
        Err(error) => Err(error.into()),
    }
}

fn entry(entry: HistoryEntry) -> Entry {
    Entry {
        id: entry.id,
        command: entry.command,
        arguments: entry.arguments,
        started_at: entry.started_at,
        ended_at: entry.ended_at,
        exit_code: entry.exit_code,
        machine: entry.machine,
        host: entry.host,
        version: entry.version,
        builds: entry.builds,
    }
}

/// The registry, which must be there.
fn writable(context: &Context) -> Result<Registry, CliError> {
    drop(desk::registry(context)?);
    let folder = desk::registered(context).unwrap_or_default();
    Ok(Registry::open(&context.relative(&workspace::registry_in(&folder)))?)
}
