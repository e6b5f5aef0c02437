//! `mlbuild baseline`: what later changes are compared with.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::signals;
use crate::config::BaselineStore;
use crate::files;
use crate::pipeline::baseline::dir;
use crate::pipeline::baseline::refresh;
use crate::pipeline::baseline::refresh::Made;
use crate::pipeline::baseline::resolve;
use crate::pipeline::workspace::Workspace;

/// Make the baseline that later changes are compared with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild baseline refresh
  mlbuild baseline refresh --output baseline/ --force")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure every model of the config and keep it as the baseline: in the config's folder store, or as this desk's
    /// `mlbuild-baseline`. On GitHub the Action publishes releases instead.
    Refresh {
        /// Write the baseline to this folder.
        #[arg(long, value_name = "FOLDER")]
        output: Option<PathBuf>,
        /// Measure again even where nothing changed.
        #[arg(long)]
        force: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Written {
    baseline: PathBuf,
    refreshed: bool,
    comparisons: usize,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Refresh { output, force, json } => refresh(context, output.as_deref(), *force, *json),
    }
}

fn refresh(context: &Context, output: Option<&std::path::Path>, force: bool, json: bool) -> Result<Exit, CliError> {
    let loaded = context.load_config()?;
    let config = &loaded.config;
    let workspace = Workspace::open(&loaded.folder)?;
    let folder = match (output, &config.baseline.store) {
        (Some(output), _) => context.working_folder.join(output),
        (None, BaselineStore::Dir(path)) => files::beneath(&loaded.folder, path),
        (None, BaselineStore::Release) => workspace.local_baseline(),
    };
    let previous = match dir::read(&folder) {
        Ok(previous) => previous,
        Err(error) if force => {
            context.ui.warning(&format!("replacing what cannot be read: {error}"));
            None
        }
        Err(error) => return Err(CliError::from(error).hint("`--force` replaces it")),
    };
    let machinery = desk::machinery(context, &config.runtime.version)?;
    let interrupt = signals::interrupt();
    let made = {
        let mut progress = Progress::new(&context.ui);
        let request = refresh::Request {
            config,
            folder: &loaded.folder,
            key: desk::KEY,
            origin: None,
            previous: previous.as_ref().filter(|_| !force),
            machinery: &machinery,
            objects: workspace.objects(),
            environment: &context.environment,
            interrupt: &interrupt,
            now: clock::now(),
        };
        refresh::make(&request, &mut |event| progress.show(event))?
    };
    let shown = context.relative(&folder);
    let written = match made {
        Made::New(manifest) => {
            dir::publish(&folder, &manifest, workspace.objects())?;
            Written {
                baseline: shown,
                refreshed: true,
                comparisons: manifest.entries.len(),
            }
        }
        Made::Unchanged => Written {
            baseline: shown,
            refreshed: false,
            comparisons: previous.map_or(0, |manifest| manifest.entries.len()),
        },
    };
    if json {
        context.ui.json(&written)?;
    } else if written.refreshed {
        let name = if folder == workspace.local_baseline() {
            resolve::LOCAL_NAME
        } else {
            "the baseline"
        };
        context.ui.data(&format!(
            "wrote {name} with {} comparison{} to {}",
            written.comparisons,
            if written.comparisons == 1 { "" } else { "s" },
            written.baseline.display()
        ))?;
    } else {
        context
            .ui
            .data("nothing changed since the baseline: it stays (`--force` measures it anew)")?;
    }
    Ok(Exit::Pass)
}
