//! `mlbuild migrate`: from the Python tool's workspace to ours.

use std::path::PathBuf;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::config::load;
use crate::files;
use crate::pipeline::migrate;
use crate::pipeline::migrate::Request;

/// Bring builds, tags, figures and settings over from the Python tool's workspace, which stays as it is.
///
/// Its `registry.db` (schemas 6 to 9) is read from a copy. Builds come with lineage, names, notes, tags, pins and their files, each compared
/// with its digest; benchmarks as history that no verdict rests on; checks of accuracy, experiments, runs, remotes (without credentials) and
/// the history of commands; `budget.toml` where there is none here. `config.toml` becomes a `.mlbuild.yml`, which is printed. What is known
/// to be wrong there is corrected, and said. A second run brings nothing twice.
///
/// Where its `.mlbuild/` lies in the place of ours, give it another name first; nothing is moved for you.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild migrate --dry-run
  mlbuild migrate --from .mlbuild-python
  mlbuild migrate --from ../old/.mlbuild --into . --write --json

How to come over, step by step: docs/coming-from-the-python-tool.md")]
pub struct Args {
    /// The Python tool's workspace, or a folder with one; by default this folder's `.mlbuild` or `.mlbuild-python`.
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
    /// The project whose `.mlbuild/` is filled; by default the one around this folder.
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// Only say what would come over.
    #[arg(long)]
    dry_run: bool,
    /// Write the `.mlbuild.yml` instead of printing it, where there is none.
    #[arg(long, conflicts_with = "dry_run")]
    write: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let from = context
        .working_folder
        .join(args.from.as_deref().unwrap_or(".".as_ref()));
    let source = migrate::find(&from)?;
    let into = match &args.into {
        Some(folder) => context.working_folder.join(folder),
        None => desk::project(context),
    };
    let now = clock::now();
    let mut migrated = migrate::run(&Request {
        source: &source,
        into: &into,
        dry_run: args.dry_run,
        now: &now,
    })?;
    if let (true, Some(config)) = (args.write, &migrated.config) {
        let path = into.join(load::FILE_NAME);
        if path.exists() {
            migrated
                .notices
                .push(format!("`{}` is there already, so it stays as it is", load::FILE_NAME));
        } else {
            files::write_atomic(&path, config.as_bytes())?;
            migrated.config_written = Some(context.relative(&path).display().to_string());
        }
    }
    if args.json {
        context.ui.json(&migrated)?;
    } else {
        context.ui.data(&migrated.text())?;
    }
    Ok(Exit::Pass)
}
