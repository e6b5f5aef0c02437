//! `mlbuild report`: one page about one build.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use clap::ValueEnum;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::LiteRtArgs;
use crate::cli::signals;
use crate::config::load::Loaded;
use crate::files;
use crate::machine::Fingerprint;
use crate::measure::profile::Options;
use crate::measure::profile::Profile;
use crate::pipeline::build_report;
use crate::pipeline::build_report::Profiled;
use crate::pipeline::profile;
use crate::pipeline::workspace::Workspace;
use crate::registry::Build;
use crate::report::build_report as view;
use crate::report::document;

/// Runs of the profile, and those before them that are not counted.
const RUNS: (u32, u32) = (50, 10);

/// Write everything that is recorded of a build as one page: how fast it is, whether to use it, where it comes from.
///
/// The page needs no network and no script, follows the reader's light or dark theme, and prints well. Nothing is measured but with
/// `--profile`; where there is no record it says so.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild report 3f36810e
  mlbuild report main-mobilenet --open
  mlbuild report models/mobilenet.onnx --profile --output report.html
  mlbuild report 3f36810e --format pdf --output report.pdf
  mlbuild report 3f36810e --json")]
pub struct Args {
    /// A tag, a name, the beginning of a build's id, or a model file that is in the registry.
    #[arg(value_name = "BUILD")]
    build: String,
    /// Where to write it; `.mlbuild/reports/` beside the config otherwise.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show it in the browser, or whatever shows such files here.
    #[arg(long)]
    open: bool,
    /// What to write.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Html)]
    format: Format,
    /// Profile the build now, and show where its time goes.
    #[arg(long)]
    profile: bool,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// Print what is recorded as JSON; nothing is written without `--output`.
    #[arg(long, conflicts_with = "open")]
    json: bool,
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One page for a browser.
    Html,
    /// Pages of paper.
    Pdf,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    if args.litert.is_given() && !args.profile {
        return Err(
            CliError::usage("`--signature` and `--no-xnnpack` say how the build is profiled, and nothing is")
                .hint("add `--profile`, or leave them out"),
        );
    }
    let workspace = desk::place(context)?.workspace;
    let path = context.working_folder.join(&args.build);
    let build = build_report::find(&args.build, &path, &workspace)?;
    let machine = Fingerprint::of_this_machine().with_environment(&context.environment);
    let made = args
        .profile
        .then(|| profile(&build, &args.litert, &workspace, context))
        .transpose()?;
    let profiled = made.as_ref().map(|profile| Profiled {
        profile,
        machine: &machine,
    });
    let report = build_report::gather(&build, &workspace, profiled, &clock::now())?;
    if args.json {
        context.ui.json(&report)?;
    }
    if args.json && args.output.is_none() {
        return Ok(Exit::Pass);
    }
    let document = view::document(&report);
    let bytes = match args.format {
        Format::Html => document::render_html(&document)?.into_bytes(),
        Format::Pdf => document::render_pdf(&document)?,
    };
    let place = match &args.output {
        Some(output) => context.working_folder.join(output),
        None => {
            workspace
                .root()
                .join("reports")
                .join(format!("{}.{}", build.facts.id.short(), args.format.extension()))
        }
    };
    if let Err(error) = files::write_atomic(&place, &bytes) {
        let error = CliError::from(error);
        return Err(match args.output {
            Some(_) => error,
            None => error.hint("`--output FILE` writes it elsewhere"),
        });
    }
    let shown = context.relative(&place);
    context.ui.status(&format!("wrote {}", shown.display()));
    if args.open {
        open(&place, context);
    }
    Ok(Exit::Pass)
}

fn profile(build: &Build, litert: &LiteRtArgs, workspace: &Workspace, context: &Context) -> Result<Profile, CliError> {
    let config = match context.find_config() {
        Some(_) => context.load_config()?.config,
        None => Loaded::for_model(build.facts.id.as_str().as_ref(), &context.working_folder).config,
    };
    let machinery = desk::machinery(
        context,
        &config,
        &desk::engines_at(context, workspace, &[build.facts.id.as_str()]),
    )?;
    let interrupt = signals::interrupt();
    let request = profile::Request {
        reference: build.facts.id.as_str(),
        other: None,
        shapes: Default::default(),
        task: Default::default(),
        seed: config.measure.seed,
        sequence: None,
        batch: None,
        threads: config.measure.threads,
        litert: litert.settings(&config.runtime, None),
        options: Options {
            runs: RUNS.0,
            warmup: RUNS.1,
            cold_starts: 1,
            worker_timeout: config.measure.worker_timeout.0,
            stop: interrupt.stop(),
            ..Options::default()
        },
    };
    let spinner = context.ui.spinner("profiling");
    let profiled = profile::run(&request, workspace, &context.working_folder, &machinery, &mut |_| {});
    spinner.finish_and_clear();
    let profiled = profiled?;
    for notice in &profiled.notices {
        context.ui.warning(notice);
    }
    Ok(profiled.profile)
}

/// Hands the file to what shows such files here; that nothing does is no reason to fail.
fn open(path: &Path, context: &Context) {
    let browser = context.environment.non_empty("BROWSER").map(str::to_owned);
    let program = match browser {
        Some(browser) => browser,
        None if cfg!(target_os = "macos") => "open".to_owned(),
        None if cfg!(windows) => "explorer".to_owned(),
        None => "xdg-open".to_owned(),
    };
    let started = Command::new(&program)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        context.ui.warning(&format!("`{program}` cannot show it: {error}"));
    }
}
