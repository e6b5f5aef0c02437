//! `mlbuild completions`: tab completion for a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::args;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Print the tab completion script of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild completions bash > ~/.local/share/bash-completion/completions/mlbuild
  mlbuild completions zsh > ~/.zfunc/_mlbuild
  mlbuild completions fish > ~/.config/fish/completions/mlbuild.fish")]
pub struct Args {
    /// The shell that reads the script.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::Args::command(), "mlbuild", &mut script);
    context.ui.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Pass)
}
