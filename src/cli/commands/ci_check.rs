//! `mlbuild ci-check`: may B replace A? One exit code for a pipeline that builds its models itself.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::pairwise;
use crate::cli::pairwise::PairArgs;
use crate::cli::pairwise::Rules;
use crate::cli::pairwise::Show;
use crate::config::overrides;
use crate::units::Percent;

/// The accepted slowdown where none is given.
const LATENCY: Percent = Percent(10.0);

/// May B replace A? Exits 0 where it may, 1 where it got worse, 2 where that could not be found out.
///
/// Measures like `compare`, shows less, and accepts 10 % of slowdown by default.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild ci-check main-mobilenet build/mobilenet.onnx
  mlbuild ci-check old.onnx new.onnx --latency-threshold 5 --size-threshold 2
  mlbuild ci-check old.onnx new.onnx --strict --json")]
pub struct Args {
    #[command(flatten)]
    pair: PairArgs,
    /// Accepted slowdown, in per cent of A; 10 by default.
    #[arg(long, value_name = "PERCENT", value_parser = overrides::percent)]
    latency_threshold: Option<Percent>,
    /// Accept no change for the worse that is beyond noise, not one byte of growth, and no undecided answer.
    ///
    /// A slowdown is beyond noise where its whole interval is above zero, and above 0.1 µs (of memory: above 1 MB). To pass, the
    /// interval must lie within `--latency-threshold` too, so that a measurement that is too coarse does not pass for want of
    /// precision. The whole time budget is used.
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let rules = Rules {
        latency: args.latency_threshold.unwrap_or(LATENCY),
        strict: args.strict,
        show: Show::Compact,
    };
    pairwise::run(&args.pair, rules, context)
}
