//! One run of the gate from config and baseline to a report on disk: what `mlbuild ci` and the Action share.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Config;
use crate::config::Engine;
use crate::config::Gate;
use crate::config::ModelLines;
use crate::config::Target;
use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::machine::fingerprint::Fingerprint;
use crate::measure::plan::aims;
use crate::pipeline::assemble;
use crate::pipeline::assemble::Entry;
use crate::pipeline::assemble::Frame;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::event::Observer;
use crate::pipeline::explain;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::gate;
use crate::pipeline::gate::Done;
use crate::pipeline::gate::Interrupted;
use crate::pipeline::gate::Machinery;
use crate::pipeline::gate::Setting;
use crate::pipeline::interrupt::Interrupt;
use crate::pipeline::part::Part;
use crate::pipeline::plan;
use crate::pipeline::recall::Cache;
use crate::pipeline::workspace::Workspace;
use crate::report;
use crate::report::Context;
use crate::report::Report;
use crate::report::ReportError;
use crate::verdict::exact;

/// What a run needs to know.
pub struct Request<'a> {
    /// What to measure.
    pub config: &'a Config,
    /// The limits: the base's, in a pull request.
    pub gate: &'a Gate,
    /// Settings of the gate that the pull request changes.
    pub config_changes: Vec<String>,
    /// The config's folder.
    pub folder: &'a Path,
    /// The lines of each model in the config.
    pub lines: Vec<ModelLines>,
    /// Where shapes of inputs are given.
    pub shapes: ShapeSource,
    /// What to compare with.
    pub baselines: &'a Baselines,
    /// What executes models.
    pub machinery: &'a Machinery,
    /// Candidates that lie in the object store already, by model name.
    pub stored: BTreeMap<String, Vec<StoredFile>>,
    /// Where files are kept.
    pub workspace: &'a Workspace,
    /// The environment that `build:` commands start from.
    pub environment: &'a BTreeMap<String, String>,
    /// Asked between steps.
    pub interrupt: &'a Interrupt,
    /// Stored benchmarks to judge by instead of measuring, where there are enough.
    pub cache: Option<&'a Cache<'a>>,
    /// What was compared with what, as far as the caller knows.
    pub context: Context,
    /// What the reader should know, besides the baseline's own notices.
    pub notices: Vec<String>,
    /// When, ISO 8601.
    pub now: String,
}

/// A finished run.
#[derive(Debug)]
pub struct Outcome {
    /// What it says.
    pub report: Report,
    /// The raw results behind it.
    pub done: Vec<Done>,
    /// Files that were written.
    pub written: Vec<PathBuf>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum CiError {
    /// Somebody asked the run to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The report contradicts itself.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The report cannot be made into JSON.
    #[error("the report cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The report cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Hint for CiError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Interrupted(error) => error.hints(),
            Self::Report(error) => error.hints(),
            Self::Json(_) => {
                vec!["this is a defect of mlbuild: please report it with the command that you ran".to_owned()]
            }
            Self::File(error) => error.hints(),
        }
    }
}

/// Measures, judges, and writes the report.
pub fn run(request: Request<'_>, observer: &mut Observer<'_>) -> Result<Outcome, CiError> {
    let done = measure(&request, None, 0, observer)?;
    let baselines = request.baselines;
    let mut context = request.context;
    context.baseline_label.clone_from(&baselines.label);
    context.baseline_tag.clone_from(&baselines.tag);
    context.base_commit = context.base_commit.or_else(|| baselines.commit.clone());
    let head_commit = context.head_commit.clone();
    let mut notices = request.notices;
    notices.extend(baselines.notices.iter().cloned());
    notices.extend(proxies(request.config));
    let main_engine = main_engine(request.config);
    let entries: Vec<Entry<'_>> = done.iter().map(Entry::from).collect();
    notices.extend(other_engine(&entries, main_engine));
    let machine = Fingerprint::of_this_machine().with_environment(request.environment);
    let report = assemble::report(
        &entries,
        Frame {
            config: request.config,
            gate: request.gate,
            context,
            head_commit,
            now: request.now,
            engine: main_engine,
            runtime_version: runtime_version(&entries, main_engine, request.machinery),
            machine: &machine,
            history: baselines.history(&machine),
            lines: &request.lines,
            config_changes: request.config_changes,
            drift: drift(&done, baselines),
            notices,
        },
    )?;
    let written = write(&report, request.workspace)?;
    Ok(Outcome { report, done, written })
}

/// Measures what `part` names, everything where it is `None`, and looks for what explains a changed latency. `elsewhere` is how many
/// comparisons other machines measure for the same run.
pub(super) fn measure(
    request: &Request<'_>,
    part: Option<&Part>,
    elsewhere: usize,
    observer: &mut Observer<'_>,
) -> Result<Vec<Done>, Interrupted> {
    let jobs = plan::jobs(
        &plan::Context {
            config: request.config,
            folder: request.folder,
            baselines: request.baselines,
            judge_unchanged: judges_unchanged(request.config, request.gate),
            objects: request.workspace.objects(),
            machinery: request.machinery,
            known: &[],
            stored: &request.stored,
            environment: request.environment,
            interrupt: request.interrupt,
            shapes: request.shapes,
            part,
        },
        observer,
    );
    let setting = Setting {
        config: request.config,
        gate: request.gate,
        machinery: request.machinery,
        interrupt: request.interrupt,
        cache: request.cache,
        elsewhere,
        folder: request.folder,
    };
    let mut done = gate::run(jobs, &setting, observer)?;
    explain::explain(&mut done, &setting);
    Ok(done)
}

/// Writes `ci_report.json` and `comment.md` into the workspace.
pub fn write(report: &Report, workspace: &Workspace) -> Result<Vec<PathBuf>, CiError> {
    files::write_atomic(&workspace.report_path(), report::json::v2::to_text(report)?.as_bytes())?;
    let comment = report::comment::render(report, report::comment::LIMIT);
    files::write_atomic(&workspace.comment_path(), comment.as_bytes())?;
    Ok(vec![workspace.report_path(), workspace.comment_path()])
}

/// True where even what equals its baseline is measured: some budget or rule counts whatever the baseline.
pub(super) fn judges_unchanged(config: &Config, gate: &Gate) -> bool {
    let has_budget = aims(gate).iter().any(|aim| aim.budget.is_some()) || exact::has_budget(gate);
    has_budget || config.measure.strict_output
}

/// What a reader must know of targets that this machine stands in for, each said once.
pub(super) fn proxies(config: &Config) -> Vec<String> {
    let targets: BTreeSet<Target> = config
        .models
        .iter()
        .flat_map(|model| model.targets.iter().copied())
        .collect();
    targets.into_iter().filter_map(Target::proxy_here).collect()
}

/// ONNX Runtime where anything is run with it, and otherwise LiteRT.
pub(super) fn main_engine(config: &Config) -> Engine {
    let mut targets = config.models.iter().flat_map(|model| &model.targets);
    let is_litert = |target: &Target| target.engine() == Engine::LiteRt;
    if !config.models.is_empty() && targets.all(is_litert) {
        Engine::LiteRt
    } else {
        Engine::OnnxRuntime
    }
}

/// What the workers themselves said, or else what is known of the library.
fn runtime_version(entries: &[Entry<'_>], engine: Engine, machinery: &Machinery) -> String {
    said(entries, engine)
        .or_else(|| machinery.library_of(engine).version.clone())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The version that the workers of an engine told.
pub(super) fn said(entries: &[Entry<'_>], engine: Engine) -> Option<String> {
    let mut of_engine = entries.iter().filter(|entry| entry.found.target.engine() == engine);
    of_engine.find_map(|entry| entry.found.runtime_version().map(str::to_owned))
}

/// A run with two engines says what the other one is: the report's line about the environment has one.
pub(super) fn other_engine(entries: &[Entry<'_>], main: Engine) -> Option<String> {
    let other = Engine::ALL.into_iter().find(|engine| *engine != main)?;
    let version = said(entries, other)?;
    Some(format!("{other} {version} executed what runs on its targets"))
}

/// Baselines that were published with another engine than this run measures both sides with.
pub(super) fn drift(done: &[Done], baselines: &Baselines) -> Vec<String> {
    let mut drift = baselines.drift.clone();
    for entry in done {
        let Some(pair) = entry.found.pair() else { continue };
        let crate::pipeline::baseline::ModelBaseline::Source(source) = baselines.model(&entry.job.key.model) else {
            continue;
        };
        let Some(stored) = source.entries.iter().find(|stored| stored.key == entry.job.key) else {
            continue;
        };
        if stored.runtime_version != pair.runtime_version {
            let line = format!(
                "the baseline was published with onnxruntime {}; both sides of this run are measured with {}",
                stored.runtime_version, pair.runtime_version
            );
            if !drift.contains(&line) {
                drift.push(line);
            }
        }
    }
    drift
}
