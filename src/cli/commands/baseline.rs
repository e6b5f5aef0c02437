//! `mlbuild baseline`: what later changes are compared with.
//!
//! At a desk it is one thing with two ways to make it: `refresh` measures every model of the config and keeps that, `set` takes a build of the
//! registry for its model. What was done last counts.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::clock;
use crate::cli::commands::tag;
use crate::cli::commands::tag::Set;
use crate::cli::confirm;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::shelf::Shelf;
use crate::cli::signals;
use crate::config::BaselineStore;
use crate::files;
use crate::pipeline::baseline::bucket::Bucket;
use crate::pipeline::baseline::dir;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::refresh;
use crate::pipeline::baseline::refresh::Made;
use crate::pipeline::baseline::resolve;
use crate::pipeline::baseline::standing;
use crate::pipeline::baseline::standing::Configured;
use crate::pipeline::machinery;
use crate::pipeline::prune;
use crate::pipeline::tags;
use crate::pipeline::workspace::Workspace;
use crate::registry::BASELINE;
use crate::registry::Registry;
use crate::report;
use crate::report::numbered::Numbered;

/// What later changes are compared with: set, measured, shown.
///
/// `mlbuild ci --baseline mlbuild-baseline`, and `mlbuild ci` where nothing else is configured, compare with it. `set` takes a build for its
/// model; `refresh` measures every model of the config. What was done last counts. Without a subcommand it is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild baseline
  mlbuild baseline set 3f36810e
  mlbuild baseline history
  mlbuild baseline unset
  mlbuild baseline refresh
  mlbuild baseline refresh --output baseline/ --force")]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
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
    /// Take a build of the registry for the baseline of its model.
    Set {
        /// The build: a tag, the beginning of its id, its name, or the path of its model.
        #[arg(value_name = "BUILD")]
        build: String,
        /// Do not ask where another build is the baseline.
        #[arg(long)]
        force: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the baseline.
    Show {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// The build that was set is the baseline no longer; it stays in the registry.
    Unset {
        /// Do not ask.
        #[arg(long)]
        force: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List what the tags of baselines (`mlbuild-baseline`, `main-*`, `production-*`) name, and what they named before.
    History {
        /// At most so many moves.
        #[arg(long, value_name = "NUMBER", default_value_t = 20)]
        limit: usize,
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
enum Kept {
    Folder(PathBuf),
    Bucket(Box<Bucket>),
}

impl Kept {
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
        None => show(context, args.json),
        Some(Command::Show { json }) => show(context, *json || args.json),
        Some(Command::Refresh { output, force, json }) => {
            refresh(context, output.as_deref(), *force, *json || args.json)
        }
        Some(Command::Set { build, force, json }) => set(context, build, *force, *json || args.json),
        Some(Command::Unset { force, json }) => unset(context, *force, *json || args.json),
        Some(Command::History { limit, json }) => history(context, *limit, *json || args.json),
    }
}

fn set(context: &Context, text: &str, force: bool, json: bool) -> Result<Exit, CliError> {
    let mut shelf = Shelf::open(context)?;
    let build = shelf.build(text, context)?;
    let Set::Done { before } = tag::set(&mut shelf, BASELINE, &build, force, context)? else {
        return Ok(Exit::Pass);
    };
    if build.facts.parent.is_some() {
        context.ui.status(&format!(
            "it is a variant: `mlbuild ci` derives variants of both sides anew, so its model {} is what counts",
            build.root.short()
        ));
    }
    tag::show_set(BASELINE, &build, before.as_deref(), json, context)?;
    Ok(Exit::Pass)
}

fn show(context: &Context, json: bool) -> Result<Exit, CliError> {
    let place = desk::place(context)?;
    let registry = place
        .is_kept()
        .then(|| Registry::open(&place.workspace.registry_path()))
        .transpose()?;
    let project = Workspace::folder_in(&desk::project(context));
    let folder = Shelf::baseline_folder(context);
    let bucket = baseline_bucket(context)?;
    let configured = match (&folder, &bucket) {
        (Some(folder), _) => Configured::Folder(folder),
        (None, Some(bucket)) => Configured::Bucket(bucket),
        (None, None) => Configured::Nowhere,
    };
    let standing = standing::look(registry.as_ref(), &project, configured)?;
    if json {
        context.ui.json(&standing)?;
    } else {
        context.ui.data(&report::standing::text(&standing))?;
    }
    Ok(Exit::Pass)
}

/// The bucket of the config's baselines; an unreadable config has none.
fn baseline_bucket(context: &Context) -> Result<Option<Bucket>, CliError> {
    if context.find_config().is_none() {
        return Ok(None);
    }
    match context.load_config().map(|loaded| loaded.config.baseline.store) {
        Ok(BaselineStore::S3(bucket)) => Ok(Some(Bucket::open(&bucket, desk::KEY, &context.environment)?)),
        Ok(BaselineStore::Dir(_) | BaselineStore::Release) | Err(_) => Ok(None),
    }
}

fn unset(context: &Context, force: bool, json: bool) -> Result<Exit, CliError> {
    let mut shelf = Shelf::open(context)?;
    let Some(row) = tags::history(&shelf.registry, BASELINE)?.tag else {
        return Err(CliError::usage("no build is set as the baseline").hint("`mlbuild baseline` shows what counts"));
    };
    if !force {
        let question = format!("{} is the baseline no longer?", row.build.label());
        if !confirm::confirmed(context, "unsetting the baseline", &question, "add `--force`")? {
            return Ok(Exit::Pass);
        }
    }
    shelf.registry.untag(BASELINE, &clock::now())?;
    let measured = dir::read(&shelf.workspace.local_baseline()).ok().flatten();
    if json {
        context.ui.json(&serde_json::json!({
            "schema": report::tags::SCHEMA,
            "unset": row.build,
            "measured_remains": measured.is_some(),
        }))?;
    } else {
        let rest = match measured {
            Some(manifest) => format!("; the one measured at {} counts again", manifest.created_at),
            None => String::new(),
        };
        context
            .ui
            .data(&format!("{} is the baseline no longer{rest}", row.build.label()))?;
    }
    Ok(Exit::Pass)
}

fn history(context: &Context, limit: usize, json: bool) -> Result<Exit, CliError> {
    let shelf = Shelf::open(context)?;
    let now = tags::list(&shelf.registry, prune::protects, usize::MAX)?;
    let moves = tags::all_moves(&shelf.registry, prune::protects, limit)?;
    if json {
        context.ui.json(&serde_json::json!({
            "schema": report::tags::SCHEMA,
            "tags": now.tags,
            "moves": moves,
        }))?;
        return Ok(Exit::Pass);
    }
    let mut text = if now.tags.is_empty() {
        "no build is a baseline; `mlbuild baseline set BUILD` makes it one\n".to_owned()
    } else {
        report::tags::list(&now)
    };
    if !moves.is_empty() {
        text.push_str("\nmoves, the newest first:\n");
        text.push_str(&report::tags::moves(&moves));
    }
    context.ui.data(&text)?;
    Ok(Exit::Pass)
}

/// What was measured last counts: a build that was set before does not any more.
fn supersede(workspace: &Workspace, context: &Context) -> Result<(), CliError> {
    if !workspace.registry_path().is_file() {
        return Ok(());
    }
    let mut registry = Registry::open(&workspace.registry_path())?;
    let Some(row) = tags::history(&registry, BASELINE)?.tag else {
        return Ok(());
    };
    registry.untag(BASELINE, &clock::now())?;
    context.ui.status(&format!(
        "{} was set as the baseline, and is not any more: what was measured now counts",
        row.build.label()
    ));
    Ok(())
}

fn refresh(context: &Context, output: Option<&std::path::Path>, force: bool, json: bool) -> Result<Exit, CliError> {
    let loaded = context.load_config()?;
    let config = &loaded.config;
    let workspace = Workspace::open(&loaded.folder)?;
    let shelf = match (output, &config.baseline.store) {
        (Some(output), _) => Kept::Folder(context.working_folder.join(output)),
        (None, BaselineStore::Dir(path)) => Kept::Folder(files::beneath(&loaded.folder, path)),
        (None, BaselineStore::S3(bucket)) => {
            Kept::Bucket(Box::new(Bucket::open(bucket, desk::KEY, &context.environment)?))
        }
        (None, BaselineStore::Release) => Kept::Folder(workspace.local_baseline()),
    };
    let read: Result<Option<Manifest>, CliError> = match &shelf {
        Kept::Folder(folder) => dir::read(folder).map_err(CliError::from),
        Kept::Bucket(bucket) => bucket
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
    let machinery = desk::machinery(context, config, &machinery::engines_in(config))?;
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
            accepted: &[],
        };
        refresh::make(&request, &mut |event| progress.show(event))?
    };
    if matches!(&shelf, Kept::Folder(folder) if *folder == workspace.local_baseline()) {
        supersede(&workspace, context)?;
    }
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
        context.ui.json(&Numbered::of(&written))?;
    } else if written.refreshed {
        let name = match &shelf {
            Kept::Folder(folder) if *folder == workspace.local_baseline() => resolve::LOCAL_NAME,
            Kept::Folder(_) | Kept::Bucket(_) => "the baseline",
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
