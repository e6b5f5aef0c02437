//! The options that every command shares, and the list of commands.

use std::path::PathBuf;

use clap::Parser;
use clap::ValueEnum;
use clap::builder::BoolishValueParser;

use super::commands::Command;

/// Gate machine-learning models against regressions: latency, size, memory and accuracy, beyond noise.
#[derive(Debug, Parser)]
#[command(
    name = "mlbuild",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 passed or skipped; 1 a regression, budget or accuracy limit is violated; 2 an error."
)]
pub struct Args {
    /// Options that all commands share.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that all commands share.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// The config to use; by default `.mlbuild.yml` in this folder or the nearest one above.
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "MLBUILD_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Say nothing but results, warnings and errors.
    #[arg(short, long, global = true, env = "MLBUILD_QUIET", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    /// When to use colours: `auto`, `always` or `never`.
    #[arg(
        long,
        hide_possible_values = true,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        env = "MLBUILD_COLOR",
        hide_env_values = true
    )]
    pub color: ColorWhen,
    /// Fail where a model's output holds NaN or infinity, is constant, or has another shape than declared.
    #[arg(long, global = true, env = "MLBUILD_STRICT_OUTPUT", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub strict_output: bool,
    /// The ONNX Runtime library to load, or the folder that holds it.
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "MLBUILD_RUNTIME_PATH",
        hide_env_values = true
    )]
    pub runtime_path: Option<PathBuf>,

    /// The shared library of LiteRT, or its folder; an absolute path
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "MLBUILD_LITERT_PATH",
        hide_env_values = true,
        hide = true
    )]
    pub litert_path: Option<PathBuf>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal.
    #[default]
    Auto,
    /// Even into files and pipes.
    Always,
    /// Not at all.
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn is_well_formed() {
        Args::command().debug_assert();
    }
}
