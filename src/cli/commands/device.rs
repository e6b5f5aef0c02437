//! `mlbuild device`: phones on the desk.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use indicatif::ProgressBar;
use rand::RngExt as _;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::span;
use crate::cli::signals;
use crate::config::overrides;
use crate::device::Server;
use crate::measure::on_device::Course;
use crate::measure::on_device::arguments;
use crate::measure::on_device::arguments::Arguments;
use crate::measure::on_device::course::MOST_RESTARTS;
use crate::measure::on_device::heat::Limits;
use crate::measure::on_device::run::Step;
use crate::measure::plan::Aim;
use crate::measure::quantity::Quantity;
use crate::pipeline::device;
use crate::pipeline::device::Event;
use crate::pipeline::device::Subject;
use crate::report;
use crate::report::device::DeviceReport;
use crate::report::numbered::Numbered;
use crate::units;
use crate::units::Percent;
use crate::units::Span;
use crate::verdict::Verdict;

/// Where nothing else is said.
const TIME_BUDGET: Span = Span(Duration::from_secs(180));
const COOL_DOWN: Span = Span(Duration::from_secs(60));
const MAX_REGRESSION: Percent = Percent(5.0);

/// A run lasts a second or so; a model that takes minutes is measured nowhere.
const RUN_TIMEOUT: Duration = Duration::from_secs(300);

/// See the phones on the desk, and measure models on them.
///
/// Phones are reached through the adb server of Android's platform tools: the one at 127.0.0.1:5037, or where ADB_SERVER_SOCKET,
/// ANDROID_ADB_SERVER_ADDRESS and ANDROID_ADB_SERVER_PORT say.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild device list
  mlbuild device benchmark model.tflite --device-binary android_aarch64_benchmark_model
  mlbuild device benchmark new.tflite --against old.tflite --threads 4 --json")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show all phones that the adb server knows, with battery and temperatures.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    Benchmark(Box<BenchmarkArgs>),
}

/// How fast is it on a phone? Measure a TensorFlow Lite model there, alone or beside another.
///
/// The program that measures is TensorFlow Lite's own `benchmark_model` for the phone's processor. It is copied to a folder of its own on
/// the phone with the models, run, and removed again. A run is a fresh process and counts as one sample, as the program tells one median
/// or mean of its inferences. With `--against`, both models take turns (A B B A) within each restart, so that what warms up falls on both
/// alike, and the interval of the change is over restarts.
///
/// Battery and temperatures are read before and after every restart. One in which the phone throttled, or a sensor of processor, skin or
/// battery rose by more than `--most-rise`, does not count, and the phone is left to cool. When the phone vanishes, nothing passes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild device benchmark model.tflite --device-binary android_aarch64_benchmark_model
  mlbuild device benchmark new.tflite --against old.tflite --device R5CT10 --threads 4
  mlbuild device benchmark model.tflite --cores f0 --argument=--use_gpu=true --json")]
struct BenchmarkArgs {
    /// A TensorFlow Lite file.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The model to compare it with.
    #[arg(long, value_name = "BASELINE")]
    against: Option<PathBuf>,
    /// The phone's serial number; ANDROID_SERIAL, or the only phone, where none is given.
    #[arg(long, value_name = "SERIAL")]
    device: Option<String>,
    /// TensorFlow Lite's `benchmark_model` for the phone; MLBUILD_DEVICE_BINARY where none is given.
    #[arg(long, value_name = "FILE")]
    device_binary: Option<PathBuf>,
    /// Threads of the interpreter.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Stay on these cores, as hexadecimal bits: `f0` for the cores 4 to 7; the phone decides by default.
    #[arg(long, value_name = "MASK", value_parser = mask)]
    cores: Option<u64>,
    /// Restarts at most; fewer where the limit is decided earlier.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(3..=MOST_RESTARTS as i64))]
    rounds: u16,
    /// Timed inferences of a run; as many as last a quarter of a second by default.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: Option<u32>,
    /// Accepted growth of latency, in per cent of the baseline; 5 by default.
    #[arg(long, value_name = "PERCENT", requires = "against", value_parser = overrides::percent)]
    max_regression: Option<Percent>,
    /// How long everything may take; by default three minutes.
    #[arg(long, value_name = "TIME", value_parser = span)]
    time_budget: Option<Span>,
    /// By how many °C a sensor may rise within a restart that counts.
    #[arg(long, value_name = "DEGREES", default_value_t = 5.0, value_parser = degrees)]
    most_rise: f64,
    /// How long to wait for a phone that is too warm; by default a minute.
    #[arg(long, value_name = "TIME", value_parser = span)]
    cool_down: Option<Span>,
    /// A further argument of `benchmark_model`, the same for both models; may be given several times.
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true, value_parser = arguments::further)]
    argument: Vec<String>,
    /// Print everything as JSON, every run included.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::List { json } => {
            let server = Server::of(&context.environment)?;
            let devices = device::list(&server, &signals::interrupt())?;
            if *json {
                context.ui.json(&Numbered::of(&devices))?;
            } else {
                context.ui.data(&report::device::list(&devices))?;
            }
            Ok(Exit::Pass)
        }
        Command::Benchmark(args) => benchmark(args, context),
    }
}

fn benchmark(args: &BenchmarkArgs, context: &Context) -> Result<Exit, CliError> {
    let server = Server::of(&context.environment)?;
    let binary = match (
        &args.device_binary,
        context.environment.non_empty("MLBUILD_DEVICE_BINARY"),
    ) {
        (Some(path), _) => path.clone(),
        (None, Some(path)) => PathBuf::from(path),
        (None, None) => {
            return Err(CliError::usage("no program to measure with")
                .hint("give TensorFlow Lite's `benchmark_model` with `--device-binary`, or set `MLBUILD_DEVICE_BINARY`")
                .hint("docs/devices.md says where to get it"));
        }
    };
    let serial = args
        .device
        .as_deref()
        .or_else(|| context.environment.non_empty("ANDROID_SERIAL"));
    let name = |path: &PathBuf| path.display().to_string();
    let place = |path: &PathBuf| context.working_folder.join(path);
    let names = (name(&args.model), args.against.as_ref().map(name), name(&binary));
    let places = (place(&args.model), args.against.as_ref().map(place), place(&binary));
    let max_regression = args.max_regression.unwrap_or(MAX_REGRESSION);
    let interrupt = signals::interrupt();
    let now = clock::now();
    let folder = format!("{:016x}", rand::rng().random::<u64>());
    let request = device::Request {
        model: Subject {
            name: &names.0,
            path: &places.0,
        },
        baseline: names
            .1
            .as_ref()
            .zip(places.1.as_ref())
            .map(|(name, path)| Subject { name, path }),
        binary: Subject {
            name: &names.2,
            path: &places.2,
        },
        server: &server,
        serial,
        arguments: Arguments {
            threads: args.threads,
            cores: args.cores,
            further: args.argument.clone(),
        },
        course: Course {
            aims: vec![Aim {
                quantity: Quantity::LatencyP50,
                max_regression: Some(max_regression.0),
                budget: None,
                strict: false,
            }],
            restarts: usize::from(args.rounds),
            time_budget: args.time_budget.unwrap_or(TIME_BUDGET).0,
            runs: args.runs,
            seed: 0,
            heat: Limits {
                most_rise: args.most_rise,
                cool_down: args.cool_down.unwrap_or(COOL_DOWN).0,
            },
        },
        run_timeout: RUN_TIMEOUT,
        folder: &folder,
        now: &now,
        interrupt: &interrupt,
    };
    let report = {
        let mut bars = Bars::new(context);
        let report = device::benchmark(&request, &mut |event| bars.show(&event));
        bars.clear();
        report?
    };
    show(&report, args.json, context)?;
    Ok(match report.verdict {
        Some(Verdict::Error) => Exit::Error,
        Some(verdict) => desk_exit(verdict),
        None => Exit::Pass,
    })
}

fn desk_exit(verdict: Verdict) -> Exit {
    if verdict == Verdict::Regression {
        Exit::Regression
    } else {
        Exit::Pass
    }
}

fn show(report: &DeviceReport, json: bool, context: &Context) -> Result<(), CliError> {
    for warning in &report.warnings {
        context.ui.warning(warning);
    }
    if json {
        context.ui.json(report)?;
    } else {
        context.ui.data(&report::device::write(report))?;
    }
    for hint in &report.hints {
        context.ui.hint(hint);
    }
    Ok(())
}

/// One bar at a time: a file, then the restarts.
struct Bars<'a> {
    context: &'a Context,
    bar: Option<(String, ProgressBar)>,
}

impl<'a> Bars<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, bar: None }
    }

    fn show(&mut self, event: &Event<'_>) {
        let ui = &self.context.ui;
        match event {
            Event::Pushing { name, bytes, sent } => {
                let bar = self.of(name, || ui.byte_bar(*bytes, name));
                bar.set_position(*sent);
            }
            Event::Measuring(Step::Restarted { done, planned, change }) => {
                let bar = self.of("measuring", || ui.bar(*planned as u64, "measuring"));
                bar.set_length(*planned as u64);
                bar.set_position(*done as u64);
                if let Some(change) = change {
                    let half_width = (change.upper - change.lower) / 2.0;
                    bar.set_message(format!("{} ±{half_width:.1}", units::signed_percent(change.center)));
                }
            }
            Event::Measuring(Step::TooWarm(reason)) => {
                ui.status(&format!(
                    "a restart does not count: {reason}; the phone is left to cool"
                ));
            }
        }
    }

    fn of(&mut self, name: &str, make: impl FnOnce() -> ProgressBar) -> &ProgressBar {
        if self.bar.as_ref().is_some_and(|(shown, _)| shown != name) {
            self.clear();
        }
        &self.bar.get_or_insert_with(|| (name.to_owned(), make())).1
    }

    fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Reads the bits of cores.
fn mask(text: &str) -> Result<u64, String> {
    let digits = text.trim_start_matches("0x");
    match u64::from_str_radix(digits, 16) {
        Ok(mask) if mask > 0 => Ok(mask),
        _ => Err("expected hexadecimal bits, such as `f0` for the cores 4 to 7".to_owned()),
    }
}

/// Reads degrees above zero.
fn degrees(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|degrees| degrees.is_finite() && *degrees > 0.0 && *degrees <= 100.0)
        .ok_or_else(|| "expected degrees Celsius above zero, such as `5`".to_owned())
}
