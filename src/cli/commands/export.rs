//! `mlbuild export`: a build and everything about it, for other programs.

use std::path::Path;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::files;
use crate::pipeline::inspect;
use crate::report::exported;

/// Write everything that is kept of a build for other programs: JSON, one CSV table, or a folder of tables.
///
/// A file that ends in `.csv` is one table with a row for each benchmark; a folder (it exists, or its path ends in `/`) gets `build.csv`,
/// `artifacts.csv`, `benchmarks.csv`, `accuracy.csv`, `tags.csv` and `notes.csv`, which share the column `build_id`. The same build gives the
/// same bytes. A text that a spreadsheet would take for a formula begins with an apostrophe.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild export 3f36810e
  mlbuild export 3f36810e --output build.json
  mlbuild export 3f36810e --format csv > build.csv
  mlbuild export 3f36810e --output tables/ --force")]
pub struct Args {
    /// A build: the beginning of its id, a tag, or its name.
    #[arg(value_name = "BUILD")]
    build: String,
    /// `json` or `csv`; by default what the output's name ends in, or JSON.
    #[arg(long, value_name = "FORMAT", value_enum, hide_possible_values = true)]
    format: Option<Format>,
    /// A file, or a folder for a table of each kind; the standard output by default.
    #[arg(short, long, value_name = "FILE|FOLDER/")]
    output: Option<PathBuf>,
    /// Write over files that are there.
    #[arg(long, requires = "output")]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Csv,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let registry = desk::registry(context)?;
    let build = registry.resolve(&args.build)?;
    context.touch(&build.facts.id);
    let found = inspect::inspect(&registry, &build)?;
    let text = |format| match format {
        Format::Json => exported::json(&found),
        Format::Csv => exported::flat(&found),
    };
    let Some(output) = &args.output else {
        context.ui.data(&text(args.format.unwrap_or(Format::Json)))?;
        return Ok(Exit::Pass);
    };
    let path = context.relative(output);
    if is_folder(output, &path) {
        if args.format == Some(Format::Json) {
            return Err(
                CliError::usage(format!("`{}` is a folder, and JSON is one file", output.display()))
                    .hint("name a file, or leave `--format` out for a folder of tables"),
            );
        }
        let tables = exported::tables(&found);
        for (name, _) in &tables {
            free(&path.join(name), args.force)?;
        }
        for (name, table) in &tables {
            files::write_atomic(&path.join(name), table.as_bytes())?;
        }
        context
            .ui
            .status(&format!("wrote {} tables to `{}`", tables.len(), path.display()));
        return Ok(Exit::Pass);
    }
    let is_csv = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let format = args.format.unwrap_or(if is_csv { Format::Csv } else { Format::Json });
    free(&path, args.force)?;
    files::write_atomic(&path, text(format).as_bytes())?;
    context.ui.status(&format!("wrote `{}`", path.display()));
    Ok(Exit::Pass)
}

/// A folder that is there, or is meant to be.
fn is_folder(typed: &Path, path: &Path) -> bool {
    path.is_dir() || typed.to_string_lossy().ends_with(['/', std::path::MAIN_SEPARATOR])
}

/// An error where something stands at `path` that may not be written over.
fn free(path: &Path, force: bool) -> Result<(), CliError> {
    if force || std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    Err(CliError::usage(format!("`{}` is there already", path.display())).hint("`--force` writes over it"))
}
