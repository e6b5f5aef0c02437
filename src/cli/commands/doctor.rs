//! `mlbuild doctor`: is this desk fit, and how small a change can its machine see?

mod workflows;

use std::fmt::Write as _;
use std::path::PathBuf;

use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::shelf::Shelf;
use crate::cli::signals;
use crate::config::Config;
use crate::config::load::Loaded;
use crate::machine::Fingerprint;
use crate::measure::PairMeasurement;
use crate::measure::Which;
use crate::measure::disturbance;
use crate::measure::event::Event;
use crate::measure::noise_floor::NoiseFloor;
use crate::measure::quantity::Quantity;
use crate::pipeline::doctor;
use crate::pipeline::doctor::Check;
use crate::pipeline::doctor::State;
use crate::pipeline::noise;
use crate::pipeline::upkeep;
use crate::report::numbered::Numbered;
use crate::runtime::library;
use crate::units::Millis;
use crate::units::Span;

/// Check that everything a run needs is here; with `--noise`, measure how small a change this machine can see.
///
/// Where there is a workspace, its registry and the files of its builds are looked over too; `--repair` removes what interrupted commands left
/// and saves what can be saved of a damaged registry.
///
/// `--noise` measures one model beside itself: whatever differs is noise. From the spread between restarts follows the smallest
/// regression that a comparison of the same length calls.
///
/// `--workflows` looks over GitHub Actions workflows instead: checks that cannot fail, permissions that lack or exceed, actions that can move,
/// models that would be Git LFS pointers, events that leave the gate out. Errors end in exit code 1; a comment `mlbuild: ignore[RULE]` with a reason
/// leaves a finding out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild doctor
  mlbuild doctor --deep
  mlbuild doctor --repair
  mlbuild doctor --workflows
  mlbuild doctor --workflows .github/workflows/ci.yml --json
  mlbuild doctor --noise
  mlbuild doctor --noise --model model.onnx --time-budget '60 s' --json")]
pub struct Args {
    /// Measure this machine's noise.
    #[arg(long)]
    noise: bool,
    /// The model to measure it with; a small built-in one by default.
    #[arg(long, value_name = "PATH|BUILD", requires = "noise")]
    model: Option<String>,
    /// How long to measure; what a comparison may take by default.
    #[arg(long, value_name = "TIME", requires = "noise")]
    time_budget: Option<String>,
    /// Compare the content of every file of the workspace with its digest, however large they are.
    #[arg(long, conflicts_with = "noise")]
    deep: bool,
    /// Make the workspace whole: save what can be read of a damaged registry, remove files that nothing refers to.
    #[arg(long, conflicts_with = "noise")]
    repair: bool,
    /// Look over the repository's workflows, or over this file or folder of them.
    #[arg(long, value_name = "PATH", num_args = 0..=1, conflicts_with_all = ["noise", "deep", "repair"])]
    workflows: Option<Option<PathBuf>>,
    /// Exit with 0 even where a needed thing is missing.
    #[arg(long, conflicts_with = "noise")]
    soft: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    if args.noise {
        return noise(args, context);
    }
    if let Some(path) = &args.workflows {
        return workflows::run(path.as_deref(), args.soft, args.json, context);
    }
    let (config, folder, check) = config(context);
    let python = context
        .environment
        .non_empty("MLBUILD_PYTHON")
        .unwrap_or(library::DEFAULT_PYTHON);
    let mut checks = vec![check];
    checks.extend(doctor::checks(&doctor::Request {
        version: &config.runtime.version,
        explicit: context.global.runtime_path.as_deref(),
        python,
        threads: config.measure.threads,
        sandbox: config.measure.sandbox,
        folder: &folder,
        environment: &context.environment,
    }));
    let workspace = workspace(args, context)?;
    if let Some(looked) = &workspace {
        checks.extend(upkeep::checks(&looked.examination, looked.savable.as_deref()));
    }
    let fit = doctor::is_fit(&checks);
    if args.json {
        context.ui.json(&Numbered::of(Examination {
            fit,
            checks: &checks,
            workspace: workspace.as_ref().map(|looked| &looked.examination),
            repair: workspace.as_ref().and_then(|looked| looked.repair.as_ref()),
        }))?;
    } else {
        if let Some(repair) = workspace.as_ref().and_then(|looked| looked.repair.as_ref()) {
            context.ui.data(&repaired(repair))?;
        }
        context.ui.data(&shown(&checks, fit))?;
    }
    Ok(if fit || args.soft { Exit::Pass } else { Exit::Regression })
}

/// What `--json` prints.
#[derive(Serialize)]
struct Examination<'a> {
    fit: bool,
    checks: &'a [Check],
    /// `null` where there is no registry.
    workspace: Option<&'a upkeep::Examination>,
    /// `null` where nothing was repaired.
    repair: Option<&'a upkeep::Repair>,
}

/// The workspace as it is, after what was repaired.
struct Looked {
    examination: upkeep::Examination,
    savable: Option<String>,
    repair: Option<upkeep::Repair>,
}

/// Looks over the workspace around the working folder; `None` where there is none with a registry.
fn workspace(args: &Args, context: &Context) -> Result<Option<Looked>, CliError> {
    let place = desk::place(context)?;
    if !place.is_kept() {
        return Ok(None);
    }
    let baseline = Shelf::baseline_folder(context);
    let repair = if args.repair {
        let stamp = clock::now().replace([':', '-'], "");
        Some(upkeep::repair(&place.workspace, baseline.as_deref(), &stamp)?)
    } else {
        None
    };
    let mut bar: Option<ProgressBar> = None;
    let examination = upkeep::examine(&place.workspace, baseline.as_deref(), args.deep, &mut |done, of| {
        let bar = bar.get_or_insert_with(|| context.ui.byte_bar(of, "reading files"));
        bar.set_position(done);
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let examination = examination?;
    let savable = if examination.faults.is_empty() {
        None
    } else {
        upkeep::foresee(&place.workspace).ok()
    };
    Ok(Some(Looked {
        examination,
        savable,
        repair,
    }))
}

fn repaired(repair: &upkeep::Repair) -> String {
    let mut text = String::new();
    if repair.done.is_empty() && repair.left.is_empty() {
        text.push_str("nothing to repair\n");
    }
    for done in &repair.done {
        let _ = writeln!(text, "repaired: {done}");
    }
    for left in &repair.left {
        let _ = writeln!(text, "not repaired: {left}");
    }
    text.push('\n');
    text
}

/// The config, or the defaults where there is none, the project's folder, and what to say of it.
fn config(context: &Context) -> (Config, PathBuf, Check) {
    let defaults = || Loaded::for_model(std::path::Path::new("model.onnx"), &context.working_folder).config;
    let Some(path) = context.find_config() else {
        let check = Check::note("config", "none here", "`mlbuild init` writes one");
        return (defaults(), context.working_folder.clone(), check);
    };
    match context.load_config() {
        Ok(loaded) => {
            let models = loaded.config.models.len();
            let plural = if models == 1 { "" } else { "s" };
            let check = Check::good("config", format!("`{}`, {models} model{plural}", path.display()));
            (loaded.config, loaded.folder, check)
        }
        Err(error) => {
            let advice = vec!["`mlbuild config check` shows where".to_owned()];
            let check = Check::missing("config", error.message(), advice);
            (defaults(), context.working_folder.clone(), check)
        }
    }
}

fn shown(checks: &[Check], fit: bool) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let mark = match check.state {
            State::Good => '✓',
            State::Note => '!',
            State::Missing => '✗',
        };
        let _ = writeln!(text, "{mark} {:width$}  {}", check.name, check.found);
        for advice in &check.advice {
            let _ = writeln!(text, "  {:width$}  → {advice}", "");
        }
    }
    let _ = writeln!(
        text,
        "\n{}",
        if fit {
            "Everything that is needed is here."
        } else {
            "A needed thing is missing: see ✗ above."
        }
    );
    text
}

/// What the noise came to.
#[derive(Serialize)]
struct Noise {
    model: String,
    seconds: f64,
    restarts: usize,
    threads: usize,
    runtime_version: String,
    p50_ms: Option<f64>,
    metrics: Vec<Row>,
    disturbances: Vec<Found>,
    machine: Fingerprint,
}

#[derive(Serialize)]
struct Row {
    metric: &'static str,
    floor: NoiseFloor,
}

#[derive(Serialize)]
struct Found {
    kind: &'static str,
    text: String,
    advice: &'static str,
}

fn noise(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let mut config = match context.find_config() {
        Some(_) => context.load_config()?.config,
        None => config(context).0,
    };
    if let Some(text) = &args.time_budget {
        config.measure.time_budget = text
            .parse::<Span>()
            .map_err(|error| CliError::usage(format!("`--time-budget`: {error}")))?;
    }
    let place = desk::place(context)?;
    let machinery = desk::machinery(
        context,
        &config,
        &args
            .model
            .as_deref()
            .map(|model| desk::engines_at(context, &place.workspace, &[model]))
            .unwrap_or_default(),
    )?;
    let interrupt = signals::interrupt();
    let temporary =
        tempfile::tempdir().map_err(|error| CliError::usage(format!("cannot make a temporary folder: {error}")))?;
    context.ui.status(&format!(
        "measuring one model beside itself, {}",
        config.measure.time_budget
    ));
    let mut bar: Option<ProgressBar> = None;
    let measured = noise::measure(
        &noise::Request {
            model: args.model.as_deref(),
            workspace: &place.workspace,
            working_folder: &context.working_folder,
            config: &config,
            machinery: &machinery,
            temporary: temporary.path(),
            interrupt: &interrupt,
        },
        &mut |event| {
            if let Event::Restarted { done, planned, .. } = event {
                let bar = bar.get_or_insert_with(|| context.ui.bar(planned as u64, "noise"));
                bar.set_position(done as u64);
            }
        },
    );
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let found = read(
        &measured?,
        args.model.clone().unwrap_or_else(|| noise::BUILT_IN.to_owned()),
        config.measure.threads,
        Fingerprint::of_this_machine().with_environment(&context.environment),
    );
    if args.json {
        context.ui.json(&Numbered::of(&found))?;
    } else {
        let limit = config.gate.latency.limit.max_regression.0;
        context.ui.data(&table(&found, limit))?;
    }
    Ok(Exit::Pass)
}

fn read(pair: &PairMeasurement, model: String, threads: usize, machine: Fingerprint) -> Noise {
    let metrics = [
        ("p50", Quantity::LatencyP50),
        ("p95", Quantity::LatencyP95),
        ("peak memory", Quantity::PeakMemory),
    ];
    Noise {
        model,
        seconds: pair.seconds,
        restarts: pair.restarts.len(),
        threads,
        runtime_version: pair.runtime_version.clone(),
        p50_ms: pair
            .absolute(Which::Baseline, Quantity::LatencyP50)
            .and_then(|evidence| evidence.interval(0.025))
            .map(|interval| interval.center),
        metrics: metrics
            .into_iter()
            .filter_map(|(metric, quantity)| {
                let floor = NoiseFloor::of(&[pair], quantity)?;
                Some(Row { metric, floor })
            })
            .collect(),
        disturbances: disturbance::find(pair)
            .iter()
            .map(|found| Found {
                kind: found.kind(),
                text: found.to_string(),
                advice: found.advice(),
            })
            .collect(),
        machine,
    }
}

fn table(noise: &Noise, limit: f64) -> String {
    let mut text = String::new();
    let p50 = noise
        .p50_ms
        .map(|value| format!(", p50 {}", Millis(value)))
        .unwrap_or_default();
    let _ = writeln!(
        text,
        "{}{p50}, beside itself: {} restarts in {:.1} s",
        noise.model, noise.restarts, noise.seconds
    );
    let _ = writeln!(
        text,
        "{}, onnxruntime {}\n",
        noise.machine.describe(),
        noise.runtime_version
    );
    let _ = writeln!(
        text,
        "  {:<12} {:>16} {:>12} {:>18} {:>9}",
        "", "between restarts", "tells apart", "sees in 4 of 5", "in 9 of 10"
    );
    for Row { metric, floor } in &noise.metrics {
        let _ = writeln!(
            text,
            "  {metric:<12} {:>16} {:>12} {:>18} {:>10}",
            format!("{:.2} %", floor.spread_percent),
            format!("±{:.2} %", floor.half_width_percent),
            format!("+{:.2} %", floor.detectable_80_percent),
            format!("+{:.2} %", floor.detectable_90_percent),
        );
    }
    if let Some(Row { floor, .. }) = noise.metrics.first() {
        let _ = writeln!(
            text,
            "\nThe smallest slowdown that it sees in this time is {:.1} %: with a limit of +{limit} %, one of +{:.1} % is called in 4 of 5 runs.",
            floor.detectable_80_percent,
            limit + floor.detectable_80_percent
        );
    }
    for found in &noise.disturbances {
        let _ = writeln!(text, "! {}\n  → {}", found.text, found.advice);
    }
    if noise.disturbances.is_empty() {
        let _ = writeln!(text, "Nothing disturbed it.");
    }
    text
}
