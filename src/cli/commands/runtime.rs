//! `mlbuild runtime`: the engines on this machine.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::progress::Installing;
use crate::config::Engine;
use crate::report::numbered::Numbered;
use crate::runtime::library;
use crate::runtime::library::Library;

/// Show, install or locate ONNX Runtime.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild runtime list
  mlbuild runtime install --version 1.30.0
  mlbuild runtime path")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what is installed (its digest is checked) and what can be.
    List {
        #[command(flatten)]
        choice: Choice,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Install a version into the per-user cache.
    Install {
        #[command(flatten)]
        version: Version,
        /// The interpreter whose pip fetches it.
        #[arg(long, value_name = "PROGRAM", default_value = library::DEFAULT_PYTHON)]
        python: String,
        /// Replace what is there.
        #[arg(long)]
        force: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the path of the library that would be loaded.
    Path {
        #[command(flatten)]
        version: Version,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Version {
    /// The engine's version [default: 1.31.1].
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    #[command(flatten)]
    choice: Choice,
}

#[derive(Debug, clap::Args)]
struct Choice {
    /// The engine: onnxruntime or litert.
    #[arg(long, value_name = "ENGINE", default_value = "onnxruntime", value_parser = engine, hide = true)]
    engine: Engine,
}

impl Version {
    fn engine(&self) -> Engine {
        self.choice.engine
    }

    fn name(&self) -> &str {
        self.version
            .as_deref()
            .unwrap_or_else(|| self.engine().default_version())
    }
}

fn engine(text: &str) -> Result<Engine, String> {
    let mut engines = Engine::ALL.into_iter();
    engines
        .find(|engine| engine.name() == text)
        .ok_or_else(|| "must be onnxruntime or litert".to_owned())
}

/// What `list --json` prints.
#[derive(Debug, Serialize)]
struct Libraries<'a> {
    libraries: &'a [Row],
}

/// One row of `list`.
#[derive(Debug, Serialize)]
struct Row {
    version: String,
    /// `installed`, `damaged`, `available`.
    state: &'static str,
    path: Option<PathBuf>,
    problem: Option<String>,
    default: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::List { choice, json } => list(context, choice.engine, *json),
        Command::Install {
            version,
            python,
            force,
            json,
        } => install(context, version, python, *force, *json),
        Command::Path { version, json } => path(context, version, *json),
    }
}

fn list(context: &Context, engine: Engine, json: bool) -> Result<Exit, CliError> {
    let cache = library::cache_folder(&context.environment)?;
    let mut rows: Vec<Row> = library::list(engine, &cache)
        .into_iter()
        .map(|(version, path, verified)| Row {
            default: version == engine.default_version(),
            version,
            state: if verified.is_ok() { "installed" } else { "damaged" },
            path: Some(path),
            problem: verified.err().map(|error| error.to_string()),
        })
        .collect();
    for version in library::versions(engine) {
        if rows.iter().all(|row| row.version != version) {
            rows.push(Row {
                version: version.to_owned(),
                state: "available",
                path: None,
                problem: None,
                default: version == engine.default_version(),
            });
        }
    }
    if json {
        context.ui.json(&Numbered::of(Libraries { libraries: &rows }))?;
        return Ok(Exit::Pass);
    }
    let mut text = String::new();
    for row in &rows {
        let default = if row.default { " (default)" } else { "" };
        let what = row
            .problem
            .clone()
            .or_else(|| row.path.as_ref().map(|path| path.display().to_string()));
        let _ = writeln!(
            text,
            "{:<10} {:<10} {}",
            row.version,
            row.state,
            format!("{}{default}", what.unwrap_or_default()).trim_start()
        );
    }
    let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
    context.ui.data(&trimmed.join("\n"))?;
    Ok(Exit::Pass)
}

fn install(context: &Context, version: &Version, python: &str, force: bool, json: bool) -> Result<Exit, CliError> {
    let cache = library::cache_folder(&context.environment)?;
    let put = if force { library::reinstall } else { library::install };
    let mut progress = Installing::new(&context.ui);
    let installed = put(
        version.engine(),
        version.name(),
        &cache,
        python,
        &context.environment,
        &mut |event| progress.show(&event),
    );
    progress.finish();
    show(context, &installed?, json)
}

fn path(context: &Context, version: &Version, json: bool) -> Result<Exit, CliError> {
    let cache = library::cache_folder(&context.environment)?;
    let explicit = match version.engine() {
        Engine::OnnxRuntime => context.global.runtime_path.as_deref(),
        Engine::LiteRt => context.global.litert_path.as_deref(),
    };
    let found = library::locate(version.engine(), version.name(), explicit, &cache, &context.environment)?;
    show(context, &found, json)
}

fn show(context: &Context, library: &Library, json: bool) -> Result<Exit, CliError> {
    if json {
        context.ui.json(&Numbered::of(library))?;
    } else {
        context.ui.data(&library.path.display().to_string())?;
    }
    Ok(Exit::Pass)
}
