//! `mlbuild profile`: where the time of an inference goes.

use std::path::PathBuf;

use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::LiteRtArgs;
use crate::cli::model_args::ShapeArgs;
use crate::cli::model_args::TaskArgs;
use crate::cli::signals;
use crate::cli::ui::Ui;

use crate::files;
use crate::machine::Fingerprint;
use crate::measure::profile::Options;
use crate::measure::profile::Step;
use crate::pipeline::profile;
use crate::pipeline::profile::Profiled;
use crate::pipeline::profile::Request;
use crate::report::clean;
use crate::report::profile_page;
use crate::report::profile_page::ProfileView;
use crate::report::profile_table;
use crate::report::profile_table::Sections;

/// The form of the JSON document below.
const SCHEMA: u32 = 1;

/// Fresh processes of `--cold-start`.
const COLD_STARTS: u32 = 5;

/// Inferences watched after a cold start.
const WATCHED: u32 = 20;

/// The same with `--analyze-warmup`.
const WATCHED_LONGER: u32 = 60;

/// So many of the least exact layers are shown.
const LAYERS: usize = 10;

/// Where does the time go? Kernels, fusions, memory and cold start of one model.
///
/// Kernels are timed by the engine itself in a session of its own, which profiling slows down: their times are shares and an
/// order. How fast the model is, `mlbuild benchmark` says. The kernels and the row for overhead add up to the profiled run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild profile model.onnx
  mlbuild profile model.onnx --deep --html profile.html
  mlbuild profile bert.onnx --seq-len 128 --top 30 --json
  mlbuild profile 3f36810e --deep --int8-build b8aa1ef6")]
pub struct Args {
    /// A model file, a tag, or the beginning of a build's id.
    #[arg(value_name = "MODEL")]
    model: String,
    /// Runs that are profiled.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    /// Runs before them that are not counted.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    warmup: u32,
    /// Kernels in the table, those that take longest.
    #[arg(long, value_name = "NUMBER", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Everything: memory, roofline, cold start, fusions done and missed.
    #[arg(long)]
    deep: bool,
    /// A second build of the model, to see which layers it computes least exactly.
    #[arg(long, value_name = "MODEL")]
    int8_build: Option<String>,
    /// Show the cold start step by step, and watch more runs after it.
    #[arg(long)]
    analyze_warmup: bool,
    /// Show the cold start step by step, over several fresh processes.
    #[arg(long)]
    cold_start: bool,
    /// Fresh processes of the cold start; 5 with `--cold-start` or `--deep`, else 1.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    cold_start_runs: Option<u32>,
    /// Show living activations along the run.
    #[arg(long)]
    memory: bool,
    /// The length of sequences, for a model that takes any.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    seq_len: Option<u64>,
    /// Samples in one inference.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    batch: Option<u64>,
    /// Threads inside an operator.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// Print the profile as JSON.
    #[arg(long)]
    json: bool,
    /// Write the profile as one HTML page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    generated_at: &'a str,
    machine: &'a Fingerprint,
    profiled: &'a Profiled,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let shapes = args.shapes.shapes()?;
    let (config, model) = desk::settings(context, &args.model)?;
    let place = desk::place(context)?;
    let references: Vec<&str> = std::iter::once(args.model.as_str())
        .chain(args.int8_build.as_deref())
        .collect();
    let machinery = desk::machinery(
        context,
        &config,
        &desk::engines_at(context, &place.workspace, &references),
    )?;
    let interrupt = signals::interrupt();
    let machine = Fingerprint::of_this_machine().with_environment(&context.environment);
    let cold = args.cold_start || args.deep || args.analyze_warmup;
    let request = Request {
        reference: &args.model,
        other: args.int8_build.as_deref(),
        shapes,
        task: args.task.task(),
        seed: config.measure.seed,
        sequence: args.seq_len,
        batch: args.batch,
        threads: args.threads.map_or(config.measure.threads, usize::from),
        litert: args.litert.settings(&config.runtime, model.as_ref()),
        options: Options {
            runs: args.runs,
            warmup: args.warmup,
            cold_starts: args
                .cold_start_runs
                .unwrap_or(if args.cold_start || args.deep { COLD_STARTS } else { 1 }),
            cold_runs: if args.analyze_warmup { WATCHED_LONGER } else { WATCHED },
            worker_timeout: config.measure.worker_timeout.0,
            stop: interrupt.stop(),
            ..Options::default()
        },
    };
    let mut watch = Watch::new(&context.ui);
    let profiled = profile::run(
        &request,
        &place.workspace,
        &context.working_folder,
        &machinery,
        &mut |step| watch.show(step),
    );
    drop(watch);
    let profiled = profiled?;
    for notice in &profiled.notices {
        context.ui.warning(notice);
    }
    let now = clock::now();
    if let Some(path) = &args.html {
        let page = profile_page::render(&ProfileView {
            title: profiled.label.clone(),
            profile: &profiled.profile,
            sensitivity: profiled
                .sensitivity
                .as_ref()
                .map(|(layers, name)| (layers, name.clone())),
            machine: machine.describe(),
            generated_at: now.clone(),
            notices: profiled.notices.clone(),
        })?;
        let path = context.working_folder.join(path);
        files::write_atomic(&path, page.as_bytes())?;
        context
            .ui
            .status(&format!("wrote {}", context.relative(&path).display()));
    }
    if args.json {
        context.ui.json(&Document {
            schema: SCHEMA,
            generated_at: &now,
            machine: &machine,
            profiled: &profiled,
        })?;
    } else {
        let sections = Sections {
            top: usize::from(args.top),
            memory: args.memory || args.deep,
            cold,
            deep: args.deep,
        };
        show(&profiled, sections, &context.ui)?;
    }
    Ok(Exit::Pass)
}

fn show(profiled: &Profiled, sections: Sections, ui: &Ui) -> Result<(), CliError> {
    let mut text = Vec::new();
    profile_table::write(&profiled.label, &profiled.profile, sections, &mut text, ui.color())?;
    if let Some((sensitivity, name)) = &profiled.sensitivity {
        let mut lines = format!(
            "\n  layers that {} computes least exactly, over {} inputs\n",
            clean::line(name, clean::NAME_LENGTH),
            sensitivity.samples
        );
        for layer in sensitivity.layers.iter().take(LAYERS) {
            lines.push_str(&format!(
                "  {:>15}  cosine {:.6}  {:<18}  {}\n",
                layer.decibels(),
                layer.cosine,
                clean::line(&layer.op_type, 18),
                clean::line(&layer.node, clean::NAME_LENGTH)
            ));
        }
        text.extend(lines.into_bytes());
    }
    ui.data(&String::from_utf8_lossy(&text))?;
    Ok(())
}

/// Says what a profile is at.
struct Watch<'a> {
    ui: &'a Ui,
    bar: Option<ProgressBar>,
}

impl<'a> Watch<'a> {
    fn new(ui: &'a Ui) -> Self {
        Self { ui, bar: None }
    }

    fn show(&mut self, step: Step) {
        let text = match step {
            Step::ColdStart { done, of } => format!("cold start {} of {of}", (done + 1).min(of)),
            Step::Roofline => "measuring what this machine can do".to_owned(),
            Step::Profiling => "profiling".to_owned(),
            Step::Reading => "tracing nodes into kernels".to_owned(),
        };
        match &self.bar {
            Some(bar) => bar.set_message(text),
            None => self.bar = Some(self.ui.spinner(&text)),
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
