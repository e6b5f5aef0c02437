//! `mlbuild validate`: does one model keep its absolute limits?

use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::json;

use crate::cli::commands::accuracy::DataArgs;
use crate::cli::commands::accuracy::ThresholdArgs;
use crate::cli::constraint_args::ConstraintArgs;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::desk::Place;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::model_args::LiteRtArgs;
use crate::cli::model_args::ShapeArgs;
use crate::cli::model_args::TaskArgs;
use crate::cli::model_args::UnitArgs;
use crate::cli::model_args::span;
use crate::cli::signals;
use crate::config::Config;
use crate::config::Constraints;
use crate::config::budget;
use crate::measure::bench::Course;
use crate::measure::outputs;
use crate::model::compatible;
use crate::pipeline::agree;
use crate::pipeline::agree::Agreed;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Feed;
use crate::pipeline::gate;
use crate::pipeline::open;
use crate::pipeline::open::Found;
use crate::pipeline::validate;
use crate::pipeline::validate::Validated;
use crate::report::agreement;
use crate::report::agreement::Check;
use crate::report::constraints;
use crate::report::constraints::Row;
use crate::units::Span;
use crate::verdict::constraints::Judged;
use crate::verdict::constraints::Standing;

/// Fresh starts where the number of inferences is given.
const RESTARTS: usize = 10;
/// Timed inferences where only the warm-up is given, and the other way round.
const RUNS: u32 = 50;
const WARMUP: u32 = 10;

/// Hold one model against absolute limits: latency, p95, peak memory, size, and agreement with a reference.
///
/// Limits come from flags, then from `.mlbuild/budget.toml`, then from the config. A limit holds only where the whole interval of
/// the measured figure is within it: what noise leaves open does not pass (exit code 1), and what cannot be measured here does not
/// either (2). With `--dataset`, outputs are compared with the build that this one was derived from.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild validate model.onnx --max-latency 10 --max-size 8
  mlbuild validate 3f36810e --dataset val.npz --cosine-threshold 0.99
  mlbuild validate model.onnx --max-p95 '15 ms' --max-memory '50 MB' --json
  mlbuild validate model.onnx --ci")]
pub struct Args {
    /// A model file, or a build: a tag or the beginning of its id.
    #[arg(value_name = "MODEL|BUILD")]
    model: String,
    #[command(flatten)]
    limits: ConstraintArgs,
    /// Timed inferences, over ten fresh starts; by default as many as it takes to decide, within the time.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    runs: Option<u32>,
    /// Inferences after each start that are not timed.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    warmup: Option<u32>,
    /// How long measuring may take; by default the config's `measure.time_budget`, 20 s.
    #[arg(long, value_name = "TIME", value_parser = span)]
    time_budget: Option<Span>,
    #[command(flatten)]
    unit: UnitArgs,
    /// Threads inside an operator.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    data: DataArgs,
    /// What outputs are compared with: a model file or a build; by default the root of the build's lineage.
    #[arg(long, value_name = "MODEL|BUILD")]
    baseline_id: Option<String>,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    /// On how many samples outputs are compared at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    accuracy_samples: u32,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shapes: ShapeArgs,
    #[command(flatten)]
    litert: LiteRtArgs,
    /// Print nothing, only exit with 0, 1 or 2.
    #[arg(long, conflicts_with = "json")]
    ci: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is known of the outputs.
enum Outputs {
    /// Nobody asked.
    Unasked,
    /// There is nothing to compare with.
    Skipped(String),
    /// Compared with a reference.
    Compared {
        with: String,
        agreed: Box<Agreed>,
        checks: Vec<Check>,
    },
}

impl Args {
    /// True where outputs shall be compared.
    fn wants_accuracy(&self) -> bool {
        self.data.dataset.is_some() || self.baseline_id.is_some() || self.thresholds.is_given()
    }

    fn course(&self, time_budget: Duration) -> Option<Course> {
        (self.runs.is_some() || self.warmup.is_some()).then(|| Course {
            runs: self.runs.unwrap_or(RUNS),
            warmup: self.warmup.unwrap_or(WARMUP),
            restarts: RESTARTS,
            time_budget,
        })
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let (mut config, model) = desk::settings(context, &args.model)?;
    config.runtime = args.litert.runtime(config.runtime);
    let limits = limits(args, &mut config, context)?;
    if limits.is_empty() && !args.wants_accuracy() {
        return Err(CliError::usage("nothing to validate: no limit is given").hint(
            "give `--max-latency`, `--max-p95`, `--max-memory`, `--max-size` or `--dataset`, or set limits once with `mlbuild budget set`",
        ));
    }
    let place = desk::place(context)?;
    let found = open::find(&args.model, &place.workspace, &context.working_folder)?;
    let found = args.litert.enter(found, model.as_ref())?;
    let reference = match reference(args, &found, &place, context)? {
        Reference::Model(reference) => {
            Reference::Model(Box::new(args.litert.enter_beside(*reference, model.as_ref())?))
        }
        none => none,
    };
    let mut measure = config.measure;
    if let Some(time_budget) = args.time_budget {
        measure.time_budget = time_budget;
    }
    if let Some(threads) = args.threads {
        measure.threads = usize::from(threads);
    }
    let feed = Feed {
        dataset: args.data.config(args.accuracy_samples, context),
        shapes: desk::shapes_of(model.as_ref(), args.shapes.shapes()?),
        task: args.task.or(model.as_ref()),
        samples: args.accuracy_samples as usize,
        seed: measure.seed,
    };
    let engines = match &reference {
        Reference::Model(reference) => desk::engines_of([&found.model, &reference.model]),
        Reference::None(_) => desk::engines_of([&found.model]),
    };
    let machinery = desk::machinery(context, &config, &engines)?;
    let interrupt = signals::interrupt();
    let engine = Engine {
        machinery: &machinery,
        settings: gate::session_settings(
            &config,
            &machinery,
            args.unit
                .target()
                .unwrap_or(compatible::usual_target(found.model.format)),
        ),
        timeout: measure.worker_timeout.0,
        stop: interrupt.stop(),
    };
    let (opened, outputs) = match reference {
        Reference::Model(reference) => {
            let with = reference.label.clone();
            let pair = agree::pair(*reference, found, &feed, &place.workspace)?;
            let agreed = agree::run(&pair, &engine)?;
            let checks = agreement::judge(&agreed.accuracy, &args.thresholds.floors());
            let compared = Outputs::Compared {
                with,
                agreed: Box::new(agreed),
                checks,
            };
            (pair.candidate.opened, compared)
        }
        Reference::None(reason) => {
            let one = Feed { samples: 1, ..feed };
            let opened = agree::feed(found, &one, &place.workspace)?.opened;
            (opened, reason.map_or(Outputs::Unasked, Outputs::Skipped))
        }
    };
    let request = validate::Request {
        opened: &opened,
        constraints: &limits,
        course: args.course(measure.time_budget.0),
        measure: &measure,
        engine: &engine,
    };
    let validated = {
        let mut bar: Option<ProgressBar> = None;
        let validated = validate::run(&request, &mut |done, planned| {
            let bar = bar.get_or_insert_with(|| context.ui.bar(planned as u64, &opened.label));
            bar.set_length(planned as u64);
            bar.set_position(done as u64);
        });
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        validated?
    };
    let shown = Shown {
        label: &opened.label,
        build: opened.build.as_deref(),
        notices: &opened.notices,
        validated: &validated,
        outputs: &outputs,
        strict: context.global.strict_output || measure.strict_output,
    };
    shown.show(args, context)
}

/// Flags above the budget above the config.
fn limits(args: &Args, config: &mut Config, context: &Context) -> Result<Constraints, CliError> {
    if let Some(budget) = budget::load(&desk::project(context))? {
        config.gate.constrain(budget.constraints());
    }
    config.gate.constrain(args.limits.constraints());
    Ok(config.gate.constraints())
}

/// What outputs are compared with.
enum Reference {
    Model(Box<Found>),
    /// Nothing, and why where somebody asked.
    None(Option<String>),
}

fn reference(args: &Args, found: &Found, place: &Place, context: &Context) -> Result<Reference, CliError> {
    if !args.wants_accuracy() {
        return Ok(Reference::None(None));
    }
    let find = |reference: &str| open::find(reference, &place.workspace, &context.working_folder);
    if let Some(reference) = &args.baseline_id {
        return Ok(Reference::Model(Box::new(find(reference)?)));
    }
    Ok(match &found.build {
        Some(build) if build.root != build.facts.id => Reference::Model(Box::new(find(build.root.as_str())?)),
        Some(_) => Reference::None(Some(
            "this build is the root of its lineage, so there is nothing to compare its outputs with".to_owned(),
        )),
        None => Reference::None(Some(
            "a file has no lineage, so there is nothing to compare its outputs with: name a reference with `--baseline-id`"
                .to_owned(),
        )),
    })
}

/// Everything that is shown.
struct Shown<'a> {
    label: &'a str,
    build: Option<&'a str>,
    notices: &'a [String],
    validated: &'a Validated,
    outputs: &'a Outputs,
    strict: bool,
}

impl Shown<'_> {
    fn judged(&self) -> &[Judged] {
        &self.validated.judged
    }

    fn has(&self, standing: Standing) -> bool {
        self.judged().iter().any(|judged| judged.standing == standing)
    }

    /// What stands in the way of passing besides the limits' table.
    fn failures(&self) -> Vec<String> {
        let mut failures = match self.outputs {
            Outputs::Compared { checks, .. } => agreement::failures(checks),
            Outputs::Unasked | Outputs::Skipped(_) => Vec::new(),
        };
        if self.strict {
            failures.extend(outputs::failure(&self.validated.anomalies));
        }
        failures
    }

    /// A violation is certain; then what could not be measured; then what noise leaves open.
    fn exit(&self) -> Exit {
        if self.has(Standing::Violated) || !self.failures().is_empty() {
            Exit::Regression
        } else if self.has(Standing::Unmeasured) || self.has(Standing::Pending) {
            Exit::Error
        } else if self.has(Standing::Undecided) {
            Exit::Regression
        } else {
            Exit::Pass
        }
    }

    fn result(&self) -> &'static str {
        match self.exit() {
            Exit::Pass => "passed",
            Exit::Error => "unmeasured",
            Exit::Regression if self.has(Standing::Violated) || !self.failures().is_empty() => "violated",
            Exit::Regression => "undecided",
        }
    }

    fn show(&self, args: &Args, context: &Context) -> Result<Exit, CliError> {
        if args.json {
            context.ui.json(&self.document())?;
        } else if !args.ci {
            self.table(context)?;
        }
        Ok(self.exit())
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.notices.to_vec();
        warnings.extend(self.validated.anomalies.iter().map(ToString::to_string));
        warnings.extend(
            self.validated
                .measurement
                .iter()
                .flat_map(|measured| measured.warnings.clone()),
        );
        warnings
    }

    fn document(&self) -> serde_json::Value {
        let (accuracy, skipped) = match self.outputs {
            Outputs::Unasked => (None, None),
            Outputs::Skipped(reason) => (None, Some(reason)),
            Outputs::Compared { with, agreed, checks } => (
                Some(json!({ "baseline": with, "agreement": agreed.accuracy, "thresholds": checks })),
                None,
            ),
        };
        json!({
            "schema": 1,
            "model": self.label,
            "build": self.build,
            "result": self.result(),
            "passed": self.exit() == Exit::Pass,
            "constraints": self.judged().iter().map(Row::from).collect::<Vec<_>>(),
            "accuracy": accuracy,
            "accuracy_skipped": skipped,
            "failures": self.failures(),
            "restarts": self.validated.measurement.as_ref().map(|measured| measured.restarts.len()),
            "seconds": self.validated.measurement.as_ref().map(|measured| measured.seconds),
            "warnings": self.warnings(),
        })
    }

    fn table(&self, context: &Context) -> Result<(), CliError> {
        for warning in self.warnings() {
            context.ui.warning(&warning);
        }
        let mut parts = Vec::new();
        if !self.judged().is_empty() {
            parts.push(constraints::table(self.judged()));
        }
        match self.outputs {
            Outputs::Unasked => {}
            Outputs::Skipped(reason) => context.ui.say(&format!("accuracy was not checked: {reason}")),
            Outputs::Compared { with, agreed, .. } => parts.push(format!(
                "outputs beside {with}, {} samples\n{}",
                agreed.accuracy.samples,
                agreement::table(&agreed.accuracy)
            )),
        }
        let failures = self.failures();
        if !failures.is_empty() {
            parts.push(failures.join("\n"));
        }
        parts.push(format!("{}: {}", self.label, self.result()));
        context.ui.data(&parts.join("\n\n"))?;
        if self.has(Standing::Undecided) {
            context.ui.hint(
                "the interval holds the limit, which is no pass: measure on a quieter machine, or longer with `--time-budget '60 s'`",
            );
        }
        Ok(())
    }
}
