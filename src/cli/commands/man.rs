//! `mlbuild man`: the manual as pages for `man`.

use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::error::Kind;
use crate::cli::exit::Exit;
use crate::cli::manual;
use crate::files;

/// Print a command's page for `man`, or write the pages of all commands into a folder.
///
/// What is in the pages is what `--help` says, in the form that `man` reads: a package puts the folder where `man` looks, usually
/// `share/man/man1`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild man | man -l -
  mlbuild man baseline refresh | man -l -
  mlbuild man --output ~/.local/share/man/man1")]
pub struct Args {
    /// The command whose page is printed; without, that of mlbuild itself.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write a page a command into this folder, which is made where there is none; pages that are there are replaced.
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let pages = manual::roff::pages(&manual::tree())?;
    if let Some(folder) = &args.output {
        let folder = context.working_folder.join(folder);
        for (name, page) in &pages {
            files::write_atomic(&folder.join(name), page)?;
        }
        let shown = context.relative(&folder);
        context
            .ui
            .data(&format!("wrote {} pages to {}", pages.len(), shown.display()))?;
        return Ok(Exit::Pass);
    }
    let title = [&["mlbuild".to_owned()], args.command.as_slice()].concat().join(" ");
    let wanted = manual::roff::file_name(&title);
    match pages.iter().find(|(name, _)| *name == wanted) {
        Some((_, page)) => {
            context.ui.data(&String::from_utf8_lossy(page))?;
            Ok(Exit::Pass)
        }
        None => {
            let message = format!("no command `{}`", args.command.join(" "));
            Err(CliError::new(Kind::Usage, message).hint("`mlbuild --help` lists the commands"))
        }
    }
}
