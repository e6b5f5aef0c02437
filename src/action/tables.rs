//! What `/mlbuild profile` and `/mlbuild explore` measure: a table for the reply, and a page for whoever downloads it.

use std::path::Path;
use std::path::PathBuf;

use crate::action::dispatch;
use crate::action::dispatch::Located;
use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::inputs::Inputs;
use crate::action::selection;
use crate::config::ModelConfig;
use crate::files;
use crate::machine::Fingerprint;
use crate::measure::profile::Options;
use crate::pipeline::benchmark;
use crate::pipeline::build_command;
use crate::pipeline::explore;
use crate::pipeline::gate::Machinery;
use crate::pipeline::profile;
use crate::pipeline::workspace::Workspace;
use crate::report;
use crate::report::explore::Verdict;
use crate::report::profile_page;
use crate::report::profile_page::ProfileView;
use crate::report::told::Table;
use crate::runtime::LiteRtSettings;
use crate::units::Bytes;
use crate::units::Millis;
use crate::units::Span;

/// Kernels in the table, those that take longest.
const KERNELS: usize = 15;

/// Samples that outputs are compared on where they are made up.
const SAMPLES: u64 = 16;

/// What was measured.
pub(super) struct Made {
    /// For the reply.
    pub(super) table: Table,
    /// For whoever downloads it.
    pub(super) page: PathBuf,
}

/// The model of a table, and what it is measured with.
struct Subject {
    located: Located,
    model: ModelConfig,
    /// The model's file, made where a command makes it.
    path: String,
    workspace: Workspace,
    machinery: Machinery,
    machine: Fingerprint,
}

impl Subject {
    fn open(inputs: &Inputs, name: Option<&str>, surroundings: &mut Surroundings<'_>) -> Result<Self, ActionError> {
        let located = dispatch::locate(inputs)?;
        let (config, folder) = (&located.loaded.config, &located.loaded.folder);
        let model = selection::one(config, name)?.clone();
        if let Some(build) = &model.build {
            let request = build_command::Request {
                build,
                folder,
                environment: surroundings.environment,
                stop: surroundings.interrupt.flag(),
            };
            build_command::run(&request, &mut |line| {
                (surroundings.log)(&line.text);
            })?;
        }
        Ok(Self {
            path: files::beneath(folder, &model.path).display().to_string(),
            workspace: Workspace::open(folder)?,
            machinery: dispatch::machinery(inputs, config, surroundings)?,
            machine: Fingerprint::of_this_machine().with_environment(surroundings.environment),
            model,
            located,
        })
    }
}

fn shapes(model: &ModelConfig) -> std::collections::BTreeMap<String, Vec<u64>> {
    let inputs = model.inputs.iter();
    inputs
        .map(|(name, input)| (name.clone(), input.shape.clone()))
        .collect()
}

/// Where the time of an inference goes.
pub(super) fn profile(
    inputs: &Inputs,
    name: Option<&str>,
    pages: &Path,
    surroundings: &mut Surroundings<'_>,
) -> Result<Made, ActionError> {
    let subject = Subject::open(inputs, name, surroundings)?;
    let (config, model, machine) = (&subject.located.loaded.config, &subject.model, &subject.machine);
    let request = profile::Request {
        reference: &subject.path,
        other: None,
        shapes: shapes(model),
        task: model.task,
        seed: config.measure.seed,
        sequence: model
            .sequence_lengths
            .as_ref()
            .and_then(|lengths| lengths.last().copied()),
        batch: None,
        threads: config.measure.threads,
        litert: LiteRtSettings {
            signature: model.signature.clone(),
            ..LiteRtSettings::of(&config.runtime)
        },
        options: Options {
            worker_timeout: config.measure.worker_timeout.0,
            stop: surroundings.interrupt.stop(),
            ..Options::default()
        },
    };
    let profiled = profile::run(
        &request,
        &subject.workspace,
        &inputs.working_folder,
        &subject.machinery,
        &mut |_| {},
    )?;
    let found = &profiled.profile;
    let page = pages.join("page/profile.html");
    let html = profile_page::render(&ProfileView {
        title: model.name.clone(),
        profile: found,
        sensitivity: None,
        machine: machine.describe(),
        generated_at: surroundings.now.clone(),
        notices: profiled.notices.clone(),
    })
    .map_err(|error| ActionError::Page(error.to_string()))?;
    files::write_atomic(&page, html.as_bytes())?;
    let mut kernels: Vec<_> = found.kernels.iter().collect();
    kernels.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    let rows = kernels
        .iter()
        .take(KERNELS)
        .map(|kernel| {
            vec![
                kernel.nodes.first().unwrap_or(&kernel.name).clone(),
                kernel.op_type.clone(),
                Millis(kernel.seconds * 1e3).to_string(),
                format!("{:.1} %", kernel.share * 100.0),
            ]
        })
        .collect();
    let mut notes = vec![format!(
        "a plain run takes {}; profiled runs take {:.1} times as long, so that times are shares and an order",
        Millis(found.plain_seconds * 1e3),
        found.inflation()
    )];
    if kernels.len() > KERNELS {
        notes.push(format!("{} more kernels are in the page", kernels.len() - KERNELS));
    }
    notes.extend(profiled.notices.iter().chain(&found.warnings).cloned());
    notes.push(machine.describe());
    Ok(Made {
        table: Table {
            title: model.name.clone(),
            columns: ["node", "operator", "time", "share"].map(str::to_owned).to_vec(),
            rows,
            notes,
        },
        page,
    })
}

/// Which variant is worth having.
pub(super) fn explore(
    inputs: &Inputs,
    name: Option<&str>,
    pages: &Path,
    surroundings: &mut Surroundings<'_>,
) -> Result<Made, ActionError> {
    let subject = Subject::open(inputs, name, surroundings)?;
    let (config, model, machine) = (&subject.located.loaded.config, &subject.model, &subject.machine);
    let folder = &subject.located.loaded.folder;
    let mut measure = config.measure;
    measure.samples = SAMPLES;
    let beside = |dataset: Option<&crate::config::DatasetConfig>| {
        dataset.map(|dataset| crate::config::DatasetConfig {
            path: folder.join(&dataset.path),
            ..dataset.clone()
        })
    };
    let request = explore::Request {
        reference: &subject.path,
        signature: model.signature.clone(),
        shapes: shapes(model),
        task: model.task,
        recipes: Vec::new(),
        fast: false,
        check_accuracy: false,
        min_cosine: config.gate.accuracy.cosine,
        calibration: beside(model.calibration.as_ref()),
        dataset: beside(model.dataset.as_ref()),
        budget: Span(explore::BUDGET.min(config.measure.total_budget.0)),
        target: None,
        runtime: config.runtime.clone(),
        measure,
        fresh: false,
        now: surroundings.now.clone(),
    };
    let explored = explore::run(
        &request,
        &benchmark::Surroundings {
            workspace: &subject.workspace,
            working_folder: &inputs.working_folder,
            machinery: &subject.machinery,
            machine,
            interrupt: surroundings.interrupt,
        },
        &mut |_| {},
    )?;
    let page = pages.join("page/explore.html");
    let html = report::explore::render(&explored).map_err(|error| ActionError::Page(error.to_string()))?;
    files::write_atomic(&page, html.as_bytes())?;
    let rows = explored
        .variants
        .iter()
        .map(|row| {
            let some = |text: Option<String>| text.unwrap_or_default();
            vec![
                row.recipe.clone(),
                word(row.verdict).to_owned(),
                some(row.latency.as_ref().map(|latency| Millis(latency.p50_ms).to_string())),
                some(
                    row.latency
                        .as_ref()
                        .map(|latency| format!("{:+.1} %", (latency.ratio.value - 1.0) * 100.0)),
                ),
                some(row.size_bytes.map(|bytes| Bytes(bytes).to_string())),
                some(row.accuracy.as_ref().map(|accuracy| format!("{:.4}", accuracy.cosine))),
                some(row.reason.clone()),
            ]
        })
        .collect();
    let mut notes = explored.warnings.clone();
    if explored.interrupted {
        notes.insert(0, "it was ended before everything was measured".to_owned());
    }
    notes.push(machine.describe());
    Ok(Made {
        table: Table {
            title: model.name.clone(),
            columns: ["variant", "verdict", "p50", "beside the model", "size", "cosine", "why"]
                .map(str::to_owned)
                .to_vec(),
            rows,
            notes,
        },
        page,
    })
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Baseline => "baseline",
        Verdict::Recommended => "recommended",
        Verdict::Aggressive => "aggressive",
        Verdict::Skip => "skip",
        Verdict::Failed => "failed",
    }
}
