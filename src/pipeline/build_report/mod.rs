//! Gathers everything that is recorded of a build: out of the registry, and out of what sweeps left in the workspace.
//!
//! Nothing is measured here, and nothing is said that was not measured.

mod advice;
mod family;
mod measurements;

use crate::digest::Digest;
use crate::hint::Hint;
use crate::machine::Fingerprint;
use crate::measure::profile::Profile;
use crate::model::Model;
use crate::model::ModelError;
use crate::pipeline::explore::kept;
use crate::pipeline::explore::kept::Kept;
use crate::pipeline::machine_list::Machines;
use crate::pipeline::verify::Verified;
use crate::pipeline::workspace::Workspace;
use crate::registry::Build;
use crate::registry::Check;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::report::build_report as view;
use crate::report::build_report::BuildReport;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The registry cannot be read, or has no such build.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The file cannot be read as a model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Nothing was ever kept here.
    #[error("there is no registry of builds here, so nothing is recorded of `{0}`")]
    NoRegistry(String),
    /// A model that nobody measured or built from.
    #[error("the model `{0}` is not in the registry, so nothing is recorded of it")]
    UnknownModel(String),
}

impl Hint for ReportError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Registry(error) => error.hints(),
            Self::Model(error) => error.hints(),
            Self::NoRegistry(_) => vec![
                "`mlbuild explore MODEL` and `mlbuild benchmark MODEL` in a project with a config keep what they make and measure".to_owned(),
            ],
            Self::UnknownModel(path) => vec![format!(
                "`mlbuild explore {path}` makes builds of it and measures them; `mlbuild benchmark {path}` measures it as it is"
            )],
        }
    }
}

/// The build that a person means: a tag, a name, the beginning of an id, or the path of a model that is in the registry as it is.
pub fn find(reference: &str, path: &std::path::Path, workspace: &Workspace) -> Result<Build, ReportError> {
    if !workspace.registry_path().exists() {
        return Err(ReportError::NoRegistry(reference.to_owned()));
    }
    let registry = Registry::open_for_reading(&workspace.registry_path())?;
    match registry.resolve(reference) {
        Err(RegistryError::NotFound { .. }) if path.exists() => {}
        outcome => return Ok(outcome?),
    }
    let source = Model::load(path)?.digest;
    registry
        .builds_of_source(&source)?
        .into_iter()
        .find(|build| build.facts.parent.is_none())
        .ok_or_else(|| ReportError::UnknownModel(reference.to_owned()))
}

/// A profile that was just made, and where.
#[derive(Debug, Clone, Copy)]
pub struct Profiled<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// This machine.
    pub machine: &'a Fingerprint,
}

/// Everything about `build`; `now` in ISO 8601 and UTC.
pub fn gather(
    build: &Build,
    workspace: &Workspace,
    profiled: Option<Profiled<'_>>,
    now: &str,
) -> Result<BuildReport, ReportError> {
    let registry = Registry::open_for_reading(&workspace.registry_path())?;
    let kept = kept::all(workspace);
    let mut machines = Machines::default();
    let own = measurements::of(build, &registry, &kept, &mut machines)?;
    let family = family::gather(build, &registry, &kept, &mut machines)?;
    let parent = match &build.facts.parent {
        Some(parent) => registry.with_prefix(parent.as_str())?.pop(),
        None => None,
    };
    let checks = checks(build, parent.as_ref(), &registry, &kept)?;
    let recommendation = advice::advise(build, &family, checks.last(), &machines);
    let notes = notes(build, &registry)?;
    Ok(BuildReport {
        schema: view::SCHEMA,
        generated_at: now.to_owned(),
        tool_version: crate::VERSION.to_owned(),
        recommendation,
        measurements_left_out: own.left_out,
        distribution: own.distribution,
        measurements: own.measured,
        lineage: family.lineage,
        lineage_left_out: family.lineage_left_out,
        variants: family.variants,
        variants_machine: family.machine,
        variants_without: family.without,
        profile: profiled.map(|profiled| operators(profiled, &mut machines, now)),
        machines: machines.describe(),
        build: facts(build, parent.as_ref()),
        checks,
        notes,
        tags: registry.tags(&build.facts.id)?,
        warnings: own.warnings,
    })
}

fn facts(build: &Build, parent: Option<&Build>) -> view::BuildFacts {
    let facts = &build.facts;
    view::BuildFacts {
        id: facts.id.to_string(),
        name: build.shown_name().to_owned(),
        model: facts.model.clone(),
        recipe: facts.recipe.clone(),
        format: facts.about.format.clone(),
        task: facts.about.task.clone(),
        file: facts.about.file.clone(),
        source: facts.source.to_string(),
        target: facts.target.clone(),
        size_bytes: build.size().0,
        files: facts
            .artifacts
            .iter()
            .map(|file| view::File {
                name: file.name.clone(),
                bytes: file.size.0,
                digest: file.digest.to_string(),
            })
            .collect(),
        created_at: facts.created_at.clone(),
        made_by: facts.tool_version.clone(),
        parent: parent.map(|parent| view::Kin {
            id: parent.facts.id.to_string(),
            recipe: parent.facts.recipe.clone(),
            size_bytes: parent.size().0,
        }),
        pinned_at: build.pinned_at.clone(),
        imported: facts.about.imported,
    }
}

/// Checks of the registry, and what a sweep found out where the registry has none, the oldest first.
fn checks(
    build: &Build,
    parent: Option<&Build>,
    registry: &Registry,
    kept: &[Kept],
) -> Result<Vec<view::Check>, ReportError> {
    let mut checks = Vec::new();
    for check in registry.checks(&build.facts.id)? {
        let against = registry.with_prefix(check.against.as_str())?.pop();
        checks.extend(of_check(&check, against.map(|build| build.facts.recipe)));
    }
    let swept = kept.iter().find(|kept| kept.build == build.facts.id);
    if let (true, Some(kept), Some(parent)) = (checks.is_empty(), swept, parent) {
        checks.push(view::Check {
            against: parent.facts.id.to_string(),
            against_recipe: Some(parent.facts.recipe.clone()),
            target: kept_target(),
            runtime_version: kept
                .pair
                .as_ref()
                .map_or_else(String::new, |pair| pair.runtime_version.clone()),
            created_at: None,
            cosine: kept.accuracy.cosine,
            lowest_cosine: kept.accuracy.lowest_cosine,
            max_abs_error: kept.accuracy.max_abs_error,
            top1_agreement: kept.accuracy.top1_agreement,
            samples: kept.accuracy.samples,
            real_samples: kept.real_samples,
            warnings: Vec::new(),
        });
    }
    Ok(checks)
}

/// Sweeps run on one target.
fn kept_target() -> String {
    crate::config::Target::OnnxRuntimeCpu.name().to_owned()
}

/// A check in a form that is known; another version may have written others.
fn of_check(check: &Check, against_recipe: Option<String>) -> Option<view::Check> {
    let verified: Verified = serde_json::from_value(check.result.clone()).ok()?;
    let warnings = verified.warnings();
    Some(view::Check {
        against: check.against.to_string(),
        against_recipe,
        target: check.target.clone(),
        runtime_version: check.runtime_version.clone(),
        created_at: Some(check.created_at.clone()),
        cosine: verified.accuracy.cosine,
        lowest_cosine: verified.accuracy.lowest_cosine,
        max_abs_error: verified.accuracy.max_abs_error,
        top1_agreement: verified.accuracy.top1_agreement,
        samples: verified.accuracy.samples,
        real_samples: verified.is_real,
        warnings,
    })
}

fn notes(build: &Build, registry: &Registry) -> Result<Vec<view::Note>, ReportError> {
    let by_tool = build.facts.notes.iter().map(|text| view::Note {
        text: text.clone(),
        created_at: None,
        by_tool: true,
    });
    let by_people = registry.remarks(&build.facts.id)?.into_iter().map(|remark| view::Note {
        text: remark.text,
        created_at: Some(remark.created_at),
        by_tool: false,
    });
    Ok(by_tool.chain(by_people).collect())
}

/// Kernels in the table, those that take longest.
const KERNELS: usize = 15;

fn operators(profiled: Profiled<'_>, machines: &mut Machines, now: &str) -> view::OperatorProfile {
    let profile = profiled.profile;
    let mut operators: Vec<view::Operator> = Vec::new();
    for kernel in &profile.kernels {
        let ms = kernel.seconds * 1e3;
        match operators.iter_mut().find(|operator| operator.name == kernel.op_type) {
            Some(operator) => {
                operator.kernels += 1;
                operator.ms += ms;
            }
            None => operators.push(view::Operator {
                name: kernel.op_type.clone(),
                kernels: 1,
                ms,
            }),
        }
    }
    operators.sort_by(|one, other| other.ms.total_cmp(&one.ms).then_with(|| one.name.cmp(&other.name)));
    let mut slowest: Vec<_> = profile.kernels.iter().collect();
    slowest.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    view::OperatorProfile {
        created_at: now.to_owned(),
        run_ms: profile.run_seconds * 1e3,
        runs: u64::from(profile.runs),
        machine: machines.place(profiled.machine),
        operators,
        kernels: slowest
            .into_iter()
            .take(KERNELS)
            .map(|kernel| view::Kernel {
                name: kernel.name.clone(),
                operator: kernel.op_type.clone(),
                ms: kernel.seconds * 1e3,
            })
            .collect(),
        overhead_ms: profile.overhead_seconds * 1e3,
    }
}

/// Which build a sweep's row is of.
fn swept<'a>(kept: &'a [Kept], build: &Digest) -> impl Iterator<Item = &'a Kept> {
    kept.iter().filter(move |kept| kept.build == *build)
}
