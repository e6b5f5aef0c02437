//! A variant of one model of the desk: derived, verified, and kept in the registry as the child of the build that it was made from.
//!
//! A chain of variants is the same build as one recipe of all its steps: `prune-0.50` and then `int8` is `prune-0.50+int8`, whichever way
//! it came about.

use std::path::Path;

use crate::config::DatasetConfig;
use crate::config::Target;
use crate::config::defaults::CALIBRATION_SAMPLES;
use crate::digest::Digest;
use crate::hint::Hint;
use crate::model::Model;
use crate::model::dataset::DatasetError;
use crate::model::inputs::InputError;
use crate::pipeline::about;
use crate::pipeline::agree;
use crate::pipeline::agree::AgreeError;
use crate::pipeline::agree::Engine;
use crate::pipeline::agree::Feed;
use crate::pipeline::calibration::CalibrationData;
use crate::pipeline::derivation;
use crate::pipeline::derivation::DerivationError;
use crate::pipeline::derivation::Deriving;
use crate::pipeline::derivation::Progress;
use crate::pipeline::gate::Machinery;
use crate::pipeline::method;
use crate::pipeline::method::TargetError;
use crate::pipeline::open;
use crate::pipeline::open::Found;
use crate::pipeline::placement;
use crate::pipeline::placement::Incompatible;
use crate::pipeline::remember::artifacts;
use crate::pipeline::subject;
use crate::pipeline::subject::Prepared;
use crate::pipeline::subject::SubjectError;
use crate::pipeline::verify;
use crate::pipeline::verify::Source;
use crate::pipeline::verify::Verified;
use crate::pipeline::verify::VerifyError;
use crate::pipeline::workspace::Workspace;
use crate::registry::Build;
use crate::registry::BuildFacts;
use crate::registry::Check;
use crate::registry::DerivationFacts;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::variant::Account;
use crate::variant::Evidence;
use crate::variant::Recipe;
use crate::variant::RecipeError;
use crate::variant::evidence_digest;
use crate::variant::variant_id;

/// The version of an engine that does not tell its own.
pub const UNKNOWN_VERSION: &str = "unknown";

/// Passes that want to know what running the model tells.
const CALIBRATED: &[&str] = &["int8-static", "mixed", "smooth"];

/// What to make.
pub struct Request<'a> {
    /// A model, or a build that steps are added to.
    pub found: Found,
    /// What the model is called in the registry, where it is not there yet.
    pub name: &'a str,
    /// The steps to add; none to register the model as it is.
    pub recipe: &'a Recipe,
    /// What the variant is verified on.
    pub feed: &'a Feed,
    /// Real samples to calibrate on, as the process can open them; made up where a step needs some and there are none.
    pub calibration: Option<&'a DatasetConfig>,
    /// Seeds the derivation.
    pub seed: u64,
    /// How models are run.
    pub engine: &'a Engine<'a>,
    /// Starts what is observed.
    pub machinery: &'a Machinery,
    /// The engine's version, or [`UNKNOWN_VERSION`].
    pub runtime_version: &'a str,
    /// Where everything is kept.
    pub workspace: &'a Workspace,
    /// Now, ISO 8601 in UTC.
    pub now: &'a str,
}

/// What came of it.
#[derive(Debug)]
pub struct Optimized {
    /// The model as it is, which the outputs were compared with.
    pub root: Build,
    /// The build that the steps were added to.
    pub parent: Build,
    /// The variant.
    pub build: Build,
    /// The model that was given, before the steps.
    pub model: Model,
    /// False where the registry had it already.
    pub is_new: bool,
    /// True where the root was not in the registry before.
    pub is_new_root: bool,
    /// What the steps did, and what they left, with the reasons.
    pub account: Account,
    /// What is known of its outputs.
    pub verified: Verified,
    /// What was said of the inputs.
    pub notices: Vec<String>,
    /// What a person should know before trusting ranges.
    pub calibration_warning: Option<String>,
}

/// What is being done.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// The variant is derived.
    Deriving,
    /// The model is run on calibration data.
    Calibrating(Progress),
    /// It is run beside its source.
    Verifying,
}

/// Why there is no variant.
#[derive(Debug, thiserror::Error)]
pub enum OptimizeError {
    /// The target cannot run it.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The target runs models of another format.
    #[error(transparent)]
    Incompatible(#[from] Incompatible),
    /// The steps don't go together.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// Its source is gone.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// It cannot be derived.
    #[error(transparent)]
    Derivation(Box<DerivationError>),
    /// The calibration data cannot be used.
    #[error("the calibration data cannot be used: {0}")]
    Calibration(DatasetError),
    /// No calibration data can be made up.
    #[error("no calibration data is given, and none can be made up: {0}")]
    NoData(InputError),
    /// There is nothing to feed the models.
    #[error(transparent)]
    Agree(Box<AgreeError>),
    /// It does not count.
    #[error(transparent)]
    Verify(Box<VerifyError>),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// What was learned or found cannot be kept.
    #[error("what was found cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl From<DerivationError> for OptimizeError {
    fn from(error: DerivationError) -> Self {
        Self::Derivation(Box::new(error))
    }
}

impl From<AgreeError> for OptimizeError {
    fn from(error: AgreeError) -> Self {
        Self::Agree(Box::new(error))
    }
}

impl From<VerifyError> for OptimizeError {
    fn from(error: VerifyError) -> Self {
        Self::Verify(Box::new(error))
    }
}

impl Hint for OptimizeError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Target(error) => error.hints(),
            Self::Incompatible(error) => error.hints(),
            Self::Recipe(error) => error.hints(),
            Self::Subject(error) => error.hints(),
            Self::Derivation(error) => error.hints(),
            Self::Calibration(error) => error.hints(),
            Self::NoData(error) => {
                let mut hints = vec!["give real samples with `--calibration-data`".to_owned()];
                hints.extend(error.hints_for_flags());
                hints
            }
            Self::Agree(error) => error.hints(),
            Self::Verify(error) => error.hints(),
            Self::Registry(error) => error.hints(),
            Self::Json(_) => vec!["this is a defect of mlbuild: please report it".to_owned()],
        }
    }
}

/// Derives, verifies and registers. Nothing is registered where the variant does not count.
pub fn run(request: Request<'_>, progress: &mut dyn FnMut(Stage)) -> Result<Optimized, OptimizeError> {
    let target = request.engine.target();
    method::check(request.recipe, target)?;
    let mut registry = Registry::open(&request.workspace.registry_path())?;
    let Lineage { root, parent } = lineage(&request, &registry)?;
    let before = Recipe::parse(&parent.facts.recipe)?;
    let steps = placement::recipe_for(request.recipe, request.found.model.format, target)?;
    let whole = before.then(&steps);
    // A step that stands twice is refused as in any recipe.
    Recipe::parse(&whole.name())?;

    progress(Stage::Deriving);
    let data = calibration(&request)?;
    let Request { found, workspace, .. } = request;
    let around = Deriving {
        machinery: request.machinery,
        settings: request.engine.settings.clone(),
        timeout: request.engine.timeout,
        search_budget: derivation::SEARCH_BUDGET,
        stop: request.engine.stop.clone(),
        objects: workspace.objects(),
    };
    let prepared = derivation::derive(
        &found.model,
        &steps,
        request.seed,
        derivation::Fed {
            calibration: data.as_ref(),
            shapes: &request.feed.shapes,
        },
        &around,
        &mut |event| progress(Stage::Calibrating(event)),
    )?;
    // A model that was brought in as `int8` has no steps all the same.
    let is_root = prepared.recipe.steps.is_empty() && parent.facts.parent.is_none();
    let data = data.filter(|_| !prepared.evidence.is_empty());
    let evidence = [known_evidence(&registry, &parent)?, prepared.evidence.clone()].concat();
    let prepared = Prepared {
        id: if is_root {
            root.facts.id.clone()
        } else {
            let evidence = evidence_digest(&evidence);
            variant_id(
                &root.facts.source,
                &whole,
                evidence.as_ref(),
                request.seed,
                crate::VERSION,
            )
        },
        recipe: whole,
        source: root.facts.source.clone(),
        ..prepared
    };

    progress(Stage::Verifying);
    let origin = if parent.facts.id == root.facts.id {
        found.model.clone()
    } else {
        let origin = subject::load_stored(&open::stored_files(&root), workspace.objects())?;
        origin.entered_as(&found.model).map_err(SubjectError::from)?
    };
    let origin = Found {
        label: root.facts.model.clone(),
        build: None,
        model: origin,
    };
    let fed = agree::feed(origin, request.feed, workspace)?;
    let mut notices = fed.opened.notices.clone();
    notices.extend(target.proxy_here());
    let known = if fed.is_real {
        None
    } else {
        // By another entry point or other kernels, outputs are others.
        let settings = request.engine.settings_for(&found.model);
        known_check(&registry, &prepared.id, &root, target, request.runtime_version)?
            .filter(|verified| verified.litert == settings.litert)
    };
    let is_checked = known.is_some();
    let verified = match known {
        Some(verified) => verified,
        None => {
            let side = agree::side(&fed.opened, request.engine);
            verify::verify(Source::of(&fed, &side), &prepared, request.engine)?
        }
    };

    let is_new_root = match &parent.facts.parent {
        None => registry.insert_build(&root.facts)?,
        Some(_) => false,
    };
    let is_new = if is_root {
        is_new_root
    } else {
        registry.insert_build(&BuildFacts {
            id: prepared.id.clone(),
            model: root.facts.model.clone(),
            source: prepared.source.clone(),
            recipe: prepared.recipe.name(),
            target: Some(target.name().to_owned()),
            artifacts: artifacts(&prepared.files),
            created_at: request.now.to_owned(),
            parent: Some(parent.facts.id.clone()),
            tool_version: crate::VERSION.to_owned(),
            notes: prepared.account.notes.clone(),
            about: about::derived(&root.facts.about, &prepared.files),
        })?
    };
    if !is_root {
        registry.insert_derivation(&DerivationFacts {
            build: prepared.id.clone(),
            seed: request.seed,
            evidence: serde_json::to_value(&evidence)?,
            calibration: data.as_ref().map(|data| data.digest.clone()),
        })?;
        if !is_checked {
            registry.insert_check(&Check {
                build: prepared.id.clone(),
                against: root.facts.id.clone(),
                target: target.name().to_owned(),
                runtime_version: request.runtime_version.to_owned(),
                result: serde_json::to_value(&verified)?,
                created_at: request.now.to_owned(),
            })?;
        }
    }
    Ok(Optimized {
        build: registry.build_by_prefix(prepared.id.as_str())?,
        root,
        parent,
        model: found.model,
        is_new,
        is_new_root,
        account: prepared.account,
        verified,
        notices,
        calibration_warning: data.and_then(|data| data.warning),
    })
}

/// What steps that ask for it are calibrated on.
fn calibration(request: &Request<'_>) -> Result<Option<CalibrationData>, OptimizeError> {
    let (model, feed) = (&request.found.model, request.feed);
    let asks = |name: &str| CALIBRATED.contains(&name);
    if !request.recipe.steps.iter().any(|step| asks(step.transform.name)) {
        return Ok(None);
    }
    if let Some(settings) = request.calibration {
        let data = CalibrationData::open(settings, Path::new("."), model, &feed.shapes);
        return data.map(Some).map_err(OptimizeError::Calibration);
    }
    let made = CalibrationData::made_up(model, feed.task, &feed.shapes, request.seed, CALIBRATION_SAMPLES);
    made.map(Some).map_err(OptimizeError::NoData)
}

/// Where a build comes from.
struct Lineage {
    root: Build,
    parent: Build,
}

/// The build that was named and its root. A model that was named by its path is a root, and not in the registry until its variant counts.
fn lineage(request: &Request<'_>, registry: &Registry) -> Result<Lineage, OptimizeError> {
    if let Some(parent) = &request.found.build {
        return Ok(Lineage {
            root: registry.build_by_prefix(parent.root.as_str())?,
            parent: parent.clone(),
        });
    }
    let model = &request.found.model;
    let as_is = Recipe::as_is();
    let id: Digest = variant_id(&model.digest, &as_is, None, request.seed, crate::VERSION);
    let files = subject::store_source(model, request.workspace.objects())?;
    let known = registry.lineage(&id)?.into_iter().next();
    let root = known.unwrap_or_else(|| {
        Build::root(BuildFacts {
            id,
            model: request.name.to_owned(),
            source: model.digest.clone(),
            recipe: as_is.name(),
            target: None,
            artifacts: artifacts(&files),
            created_at: request.now.to_owned(),
            parent: None,
            tool_version: crate::VERSION.to_owned(),
            notes: Vec::new(),
            about: about::of_file(model, request.feed.task),
        })
    });
    Ok(Lineage {
        parent: root.clone(),
        root,
    })
}

/// What was learned for the steps of a build.
fn known_evidence(registry: &Registry, build: &Build) -> Result<Vec<Evidence>, OptimizeError> {
    Ok(match registry.derivation(&build.facts.id)? {
        Some(facts) => serde_json::from_value(facts.evidence)?,
        None => Vec::new(),
    })
}

/// What an earlier check on made-up inputs found, with the same engine.
fn known_check(
    registry: &Registry,
    build: &Digest,
    root: &Build,
    target: Target,
    runtime_version: &str,
) -> Result<Option<Verified>, OptimizeError> {
    Ok(registry
        .checks(build)?
        .into_iter()
        .rev()
        .filter(|check| {
            check.against == root.facts.id && check.target == target.name() && check.runtime_version == runtime_version
        })
        // Of a form that this version does not know: it is checked anew.
        .find_map(|check| serde_json::from_value::<Verified>(check.result).ok())
        .filter(|verified| !verified.is_real))
}
