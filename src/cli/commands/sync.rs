//! `mlbuild sync`: a remote and the registry, the same on both sides.

use clap::ValueEnum;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::transfer;
use crate::cli::transfer::SyncedView;
use crate::pipeline::remote;
use crate::pipeline::remote::Options;
use crate::report::numbered::Numbered;
use crate::report::remotes;

/// Bring the registry and a remote together: what one side lacks comes from the other.
///
/// `merge` takes nothing away. `mirror-local` makes the remote as the registry is, `mirror-remote` the registry as the remote is (what
/// only the registry has is hidden, not purged). `reconcile` merges, unless a build or a tag contradicts itself: then nothing is done.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild sync
  mlbuild sync --pull-only --remote team
  mlbuild sync --mode mirror-remote --dry-run")]
pub struct Args {
    /// The remote; the default one where none is named.
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// `merge`, `mirror-local`, `mirror-remote` or `reconcile`.
    #[arg(long, value_name = "MODE", value_enum, default_value_t, hide_possible_values = true)]
    mode: Mode,
    /// Send, and take nothing.
    #[arg(long, conflicts_with = "pull_only")]
    push_only: bool,
    /// Take, and send nothing.
    #[arg(long)]
    pull_only: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take away, with a mirror, what the other side does not have; otherwise, with one direction, let the side that builds come from be right.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Which side is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Mode {
    /// Both.
    #[default]
    Merge,
    /// The registry.
    MirrorLocal,
    /// The remote.
    MirrorRemote,
    /// Neither.
    Reconcile,
}

impl From<Mode> for remote::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Merge => Self::Merge,
            Mode::MirrorLocal => Self::MirrorLocal,
            Mode::MirrorRemote => Self::MirrorRemote,
            Mode::Reconcile => Self::Reconcile,
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    check(args)?;
    let options = Options {
        replace: args.force,
        again: false,
        dry_run: args.dry_run,
    };
    let halves = (!args.push_only, !args.pull_only);
    let synced = transfer::with_ends(context, args.remote.as_deref(), |ends, observe| {
        Ok(remote::sync(ends, args.mode.into(), halves, options, observe)?)
    })?;
    let transfers: Vec<_> = [&synced.pulled, &synced.pushed].into_iter().flatten().collect();
    if args.json {
        context.ui.json(&Numbered::of(SyncedView {
            pulled: synced.pulled.as_ref(),
            pushed: synced.pushed.as_ref(),
        }))?;
    } else {
        let text: String = transfers.iter().map(|transfer| remotes::text(transfer)).collect();
        context.ui.data(&text)?;
    }
    Ok(transfer::conclude(&context.ui, &transfers))
}

/// Combinations that mean nothing.
fn check(args: &Args) -> Result<(), CliError> {
    let one_way = args.push_only || args.pull_only;
    match args.mode {
        Mode::MirrorLocal if args.pull_only => {
            Err(CliError::usage("`--mode mirror-local` sends, `--pull-only` does not"))
        }
        Mode::MirrorRemote if args.push_only => {
            Err(CliError::usage("`--mode mirror-remote` takes, `--push-only` does not"))
        }
        Mode::Reconcile if args.force => Err(CliError::usage(
            "`--mode reconcile` does nothing where the sides contradict each other, which `--force` cannot change",
        )),
        Mode::Merge if args.force && !one_way => Err(CliError::usage("`--force` needs to know which side is right")
            .hint("add `--push-only` or `--pull-only`, or a `--mode` that mirrors one side")),
        _ => Ok(()),
    }
}
