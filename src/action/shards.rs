//! The jobs of a gate on several machines that conclude nothing: one deals the comparisons out, the others measure a part each.
//!
//! Neither opens a check run nor comments. What they cannot do ends their job; the job that judges then finds a shard missing and says
//! so where everybody looks.

use std::collections::BTreeMap;
use std::path::Path;

use crate::action::dispatch;
use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::gate::Gate;
use crate::action::outputs;
use crate::action::settings::Settings;
use crate::hint::Hint as _;
use crate::pipeline::ci;
use crate::pipeline::feed::ShapeSource;
use crate::pipeline::sharding::measure;
use crate::pipeline::sharding::merge;
use crate::pipeline::sharding::plan;
use crate::pipeline::sharding::plan::PlanError;
use crate::pipeline::sharding::plan::ShardPlan;
use crate::pipeline::sharding::shown;
use crate::pipeline::trouble::chain;
use crate::report;
use crate::report::Report;

/// Deals the comparisons out over at most `shards` machines; the output `matrix` says how.
pub(super) fn plan(gate: &Gate<'_>, shards: u32, surroundings: &mut Surroundings<'_>) -> Result<i32, ActionError> {
    let planned = planned(gate, shards, surroundings);
    said(planned, gate, surroundings)
}

fn planned(gate: &Gate<'_>, shards: u32, surroundings: &mut Surroundings<'_>) -> Result<(), ActionError> {
    let mut notices = Vec::new();
    let settings = gate.settings(&mut notices, surroundings)?;
    let baselines = gate.baselines(&settings, surroundings.environment)?;
    let plan = ShardPlan::fitting(
        &plan::Request {
            config: &settings.config,
            gate: &settings.limits,
            folder: &settings.located.loaded.folder,
            baselines: &baselines,
            registry: None,
        },
        shards,
    )?;
    let planned = shown::planned(&plan, shards);
    for line in planned.text().lines() {
        (surroundings.log)(line);
    }
    let matrix = serde_json::to_string(&planned.matrix()).map_err(PlanError::from)?;
    outputs::set(gate.inputs.run.output.as_deref(), "matrix", &matrix)?;
    Ok(())
}

/// Measures the shard; the output `shard-file` says where its samples are.
pub(super) fn measure(
    gate: &Gate<'_>,
    (shard, of): (u32, u32),
    surroundings: &mut Surroundings<'_>,
) -> Result<i32, ActionError> {
    let measured = measured(gate, (shard, of), surroundings);
    said(measured, gate, surroundings)
}

fn measured(gate: &Gate<'_>, (shard, of): (u32, u32), surroundings: &mut Surroundings<'_>) -> Result<(), ActionError> {
    let mut notices = Vec::new();
    let settings = gate.settings(&mut notices, surroundings)?;
    let baselines = gate.baselines(&settings, surroundings.environment)?;
    let machinery = dispatch::machinery(gate.inputs, &settings.config, surroundings)?;
    let request = measure::Request {
        run: ci::Request {
            config: &settings.config,
            gate: &settings.limits,
            config_changes: Vec::new(),
            folder: &settings.located.loaded.folder,
            lines: Vec::new(),
            shapes: ShapeSource::Config,
            baselines: &baselines,
            machinery: &machinery,
            stored: BTreeMap::new(),
            workspace: &settings.workspace,
            environment: surroundings.environment,
            interrupt: surroundings.interrupt,
            cache: None,
            context: gate.context(&settings),
            notices,
            now: surroundings.now.clone(),
        },
        shard,
        of,
        plan: None,
        commit: Some(gate.head()),
        workflow_run: Some(gate.inputs.run.id.to_string()),
        output: None,
    };
    let outcome = measure::run(&request, surroundings.observer)?;
    for line in shown::measured(&outcome.partial, &outcome.path).text().lines() {
        (surroundings.log)(line);
    }
    let path = outcome.path.display().to_string();
    outputs::set(gate.inputs.run.output.as_deref(), "shard-file", &path)?;
    Ok(())
}

/// Judges what shards of this very run measured.
pub(super) fn merged(
    gate: &Gate<'_>,
    folder: &Path,
    settings: &Settings,
    context: report::Context,
    notices: &[String],
    surroundings: &Surroundings<'_>,
) -> Result<Report, ActionError> {
    let loaded = &settings.located.loaded;
    let request = merge::Request {
        config: &settings.config,
        gate: &settings.limits,
        config_changes: settings.changes.clone(),
        lines: loaded.lines(&loaded.config),
        context,
        commit: Some(gate.head()),
        workflow_run: Some(gate.inputs.run.id.to_string()),
        notices: notices.to_vec(),
        now: surroundings.now.clone(),
    };
    let parts = merge::read(&[folder.to_owned()])?;
    Ok(merge::run(parts, request, &settings.workspace)?.0)
}

/// Tells the job's log and outputs of a failure.
fn said(
    outcome: Result<(), ActionError>,
    gate: &Gate<'_>,
    surroundings: &mut Surroundings<'_>,
) -> Result<i32, ActionError> {
    let Err(error) = outcome else { return Ok(0) };
    outputs::set(gate.inputs.run.output.as_deref(), "result", "error")?;
    let mut text = chain(&error);
    for hint in error.hints() {
        text.push_str(&format!("\n{hint}"));
    }
    (surroundings.log)(&format!("::error title=mlbuild::{}", outputs::escape(&text)));
    Err(error)
}
