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
use crate::pipeline::baseline::bucket::Bucket;
use crate::pipeline::baseline::dir;
use crate::pipeline::baseline::manifest::Manifest;
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
    /// Measure every model of the config and keep it as the baseline: in the config's folder or bucket, or as this desk's
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
    /// The folder, or the manifest in its bucket.
    baseline: String,
    refreshed: bool,
    comparisons: usize,
}

/// Where a baseline is kept.
enum Shelf {
    Folder(PathBuf),
    Bucket(Box<Bucket>),
}

impl Shelf {
    fn shown(&self, context: &Context) -> String {
        match self {
            Self::Folder(folder) => context.relative(folder).display().to_string(),
            Self::Bucket(bucket) => bucket.place().to_owned(),
        }
    }

    /// Keeps a new baseline, and says where.
    fn publish(
        &self,
        manifest: &Manifest,
        workspace: &Workspace,
        keep: usize,
        context: &Context,
    ) -> Result<String, CliError> {
        match self {
            Self::Folder(folder) => {
                dir::publish(folder, manifest, workspace.objects())?;
                Ok(self.shown(context))
            }
            Self::Bucket(bucket) => {
                let name = bucket.publish(manifest, workspace.objects())?;
                if let Err(error) = bucket.retain(keep) {
                    // The new one stands; the next refresh tidies up.
                    context
                        .ui
                        .warning(&format!("older baselines could not be deleted: {error}"));
                }
                Ok(bucket.label(&name))
            }
        }
    }
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
    let shelf = match (output, &config.baseline.store) {
        (Some(output), _) => Shelf::Folder(context.working_folder.join(output)),
        (None, BaselineStore::Dir(path)) => Shelf::Folder(files::beneath(&loaded.folder, path)),
        (None, BaselineStore::S3(bucket)) => {
            Shelf::Bucket(Box::new(Bucket::open(bucket, desk::KEY, &context.environment)?))
        }
        (None, BaselineStore::Release) => Shelf::Folder(workspace.local_baseline()),
    };
    let read: Result<Option<Manifest>, CliError> = match &shelf {
        Shelf::Folder(folder) => dir::read(folder).map_err(CliError::from),
        Shelf::Bucket(bucket) => bucket
            .newest()
            .map(|newest| newest.map(|(_, manifest)| manifest))
            .map_err(CliError::from),
    };
    let previous = match read {
        Ok(previous) => previous,
        Err(error) if force => {
            context
                .ui
                .warning(&format!("replacing what cannot be read: {}", error.message()));
            None
        }
        Err(error) => return Err(error.hint("`--force` replaces it")),
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
    let written = match made {
        Made::New(manifest) => Written {
            baseline: shelf.publish(&manifest, &workspace, config.baseline.keep, context)?,
            refreshed: true,
            comparisons: manifest.entries.len(),
        },
        Made::Unchanged => Written {
            baseline: shelf.shown(context),
            refreshed: false,
            comparisons: previous.map_or(0, |manifest| manifest.entries.len()),
        },
    };
    if json {
        context.ui.json(&written)?;
    } else if written.refreshed {
        let name = match &shelf {
            Shelf::Folder(folder) if *folder == workspace.local_baseline() => resolve::LOCAL_NAME,
            Shelf::Folder(_) | Shelf::Bucket(_) => "the baseline",
        };
        context.ui.data(&format!(
            "wrote {name} with {} comparison{} to {}",
            written.comparisons,
            if written.comparisons == 1 { "" } else { "s" },
            written.baseline
        ))?;
    } else {
        context
            .ui
            .data("nothing changed since the baseline: it stays (`--force` measures it anew)")?;
    }
    Ok(Exit::Pass)
}
