//! Asking a person before something cannot be undone; where nobody can be asked, a flag has to say it.

use std::io;
use std::io::BufRead as _;
use std::io::IsTerminal as _;

use super::context::Context;
use super::error::CliError;

/// True where a person at the terminal says yes. `what` is what asks (`purging builds`), `instead` what to type where there is no terminal.
pub(crate) fn confirmed(context: &Context, what: &str, question: &str, instead: &str) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(format!("{what} asks first, and there is no terminal to ask at")).hint(instead));
    }
    context.ui.say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let is_yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !is_yes {
        context.ui.status("nothing was changed");
    }
    Ok(is_yes)
}
