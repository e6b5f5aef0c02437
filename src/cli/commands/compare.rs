//! `mlbuild compare`: two models side by side, without a config.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::pairwise;
use crate::cli::pairwise::PairArgs;
use crate::cli::pairwise::Rules;
use crate::cli::pairwise::Show;
use crate::config::defaults;
use crate::config::overrides;
use crate::units::Percent;

/// Measure two models side by side: is B slower, bigger, hungrier or different?
///
/// Both are fed the same inputs and measured in turns on the same cores, restart after restart, until the answer is beyond noise
/// or the time is up. Nothing is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild compare old.onnx new.onnx
  mlbuild compare old.onnx new.onnx --threshold 2 --metric p95 --time-budget '60 s'
  mlbuild compare main-mobilenet 3f36810e --check-accuracy --ci
  mlbuild compare a.onnx b.onnx --variant fp16 --json")]
pub struct Args {
    #[command(flatten)]
    pair: PairArgs,
    /// Accepted slowdown, in per cent of A; 5 by default.
    #[arg(long, value_name = "PERCENT", value_parser = overrides::percent)]
    threshold: Option<Percent>,
    /// Write a few plain lines for a log, without colours and progress.
    #[arg(long)]
    ci: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let rules = Rules {
        latency: args.threshold.unwrap_or(defaults::LATENCY_REGRESSION),
        strict: false,
        show: if args.ci { Show::Log } else { Show::Whole },
    };
    pairwise::run(&args.pair, rules, context)
}
