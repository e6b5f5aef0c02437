//! Bringing a model in as it is: looked at, loaded by the engine where this version has one for its format, and kept as a build.
//!
//! The same content is the same build, however often and by how many processes at once it is brought in. The file itself is only read.

mod source;

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::Task;
use crate::digest::Digest;
use crate::hint::Hint;
use crate::measure::Side;
use crate::model::Model;
use crate::model::compatible;
use crate::model::compatible::TargetError;
use crate::model::format::Format;
use crate::model::inputs;
use crate::pipeline::about;
use crate::pipeline::agree::Engine;
use crate::pipeline::naming;
use crate::pipeline::naming::NameError;
use crate::pipeline::remember::artifacts;
use crate::pipeline::subject;
use crate::pipeline::subject::SubjectError;
use crate::pipeline::workspace::Workspace;
use crate::registry::About;
use crate::registry::ArtifactFacts;
use crate::registry::Build;
use crate::registry::BuildFacts;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::runtime::Artifact;
use crate::runtime::Worker;
use crate::runtime::WorkerError;
use crate::store::StoreError;
use crate::units::Bytes;
use crate::variant;
use crate::variant::Recipe;
use crate::variant::variant_id;

pub use source::Source;
pub use source::SourceError;
pub use source::SourceFile;
pub use source::read;

/// What to bring in.
pub struct Request<'a> {
    /// The model, as it was looked at.
    pub source: &'a Source,
    /// Where it was read from.
    pub path: &'a Path,
    /// What it is to run on.
    pub target: &'static str,
    /// What its numbers are said to be: `fp32`, `fp16`, `int8`.
    pub precision: Option<&'a str>,
    /// What the model is called where no name is given.
    pub model_name: &'a str,
    /// What the build is called.
    pub name: Option<&'a str>,
    /// What there is to say of it.
    pub notes: Option<&'a str>,
    /// The ONNX graph that a compiled model came from.
    pub graph: Option<&'a Model>,
    /// What kind of data it takes.
    pub task: Task,
    /// Shapes of inputs, by name.
    pub shapes: BTreeMap<String, Vec<u64>>,
    /// Part of every build's identity.
    pub seed: u64,
    /// Loads ONNX models; `None` to leave that out.
    pub engine: Option<&'a Engine<'a>>,
    /// Where it is kept.
    pub workspace: &'a Workspace,
    /// Now, ISO 8601 in UTC.
    pub now: &'a str,
}

/// What came of it.
#[derive(Debug)]
pub struct Imported {
    /// The build.
    pub build: Build,
    /// False where the registry had it already.
    pub is_new: bool,
    /// What was changed of a build that was there.
    pub changes: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// True where the engine has loaded and run it.
    pub is_verified: bool,
}

/// Why it was not brought in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It holds other numbers than was said.
    #[error("it is said to be `{said}`, and its graph is `{found}`")]
    Precision {
        /// What was said.
        said: String,
        /// What the graph says.
        found: &'static str,
    },
    /// A graph for a model that is one.
    #[error("an ONNX model is its own graph")]
    OwnGraph,
    /// The engine cannot run it.
    #[error("the engine cannot run `{file}`")]
    Worker {
        /// The file.
        file: String,
        /// Why.
        source: Box<WorkerError>,
    },
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be kept.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Hint for ImportError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Name(error) => error.hints(),
            Self::Target(error) => error.hints(),
            Self::Precision { found, .. } => {
                vec![format!(
                    "leave `--quantize` out or say `{found}`; `mlbuild optimize` quantizes a model"
                )]
            }
            Self::OwnGraph => vec!["leave `--graph` out".to_owned()],
            Self::Worker { source, .. } => {
                let mut hints = source.hints();
                hints.push("`--no-verify` keeps it all the same".to_owned());
                hints
            }
            Self::Store(error) => error.hints(),
            Self::Subject(error) => error.hints(),
            Self::Registry(error) => error.hints(),
        }
    }
}

/// Keeps the model and says what is known of it.
pub fn run(request: &Request<'_>) -> Result<Imported, ImportError> {
    let source = request.source;
    if let Some(name) = request.name {
        naming::check("a build", name)?;
    }
    if request.graph.is_some() && source.format == Format::Onnx {
        return Err(ImportError::OwnGraph);
    }
    let recipe = precision(request)?;
    let mut warnings = Vec::new();
    let is_verified = verify(request, &mut warnings)?;
    let files = keep(source, request.workspace)?;
    let graph = match request.graph {
        Some(graph) => {
            if !graph.external.is_empty() {
                warnings.push("of the graph only its own file is kept, without its external data".to_owned());
            }
            Some(request.workspace.objects().put(&graph.bytes)?)
        }
        None => None,
    };
    let described = source.model.as_ref().or(request.graph);
    let about = About {
        format: compatible::word(source.format).to_owned(),
        task: match (described, request.task) {
            (Some(model), configured) => about::of_file(model, configured).task,
            (None, Task::Auto) => None,
            (None, said) => Some(said.name().to_owned()),
        },
        file: about::file_name(request.path),
        imported: true,
        graph,
    };
    let id = variant_id(&source.digest, &Recipe::as_is(), None, request.seed, crate::VERSION);
    let facts = BuildFacts {
        id: id.clone(),
        model: request.model_name.to_owned(),
        source: source.digest.clone(),
        recipe,
        target: Some(request.target.to_owned()),
        artifacts: files,
        created_at: request.now.to_owned(),
        parent: None,
        tool_version: crate::VERSION.to_owned(),
        notes: Vec::new(),
        about,
    };
    let mut registry = Registry::open(&request.workspace.registry_path())?;
    let was_removed = registry
        .with_prefix(id.as_str())?
        .iter()
        .any(|build| build.removed_at.is_some());
    let is_new = registry.insert_build(&facts)?;
    let mut changes = Vec::new();
    if was_removed {
        changes.push("it was removed, and is back".to_owned());
    }
    update(request, &facts, is_new, &mut registry, &mut changes, &mut warnings)?;
    Ok(Imported {
        build: registry.build_by_prefix(id.as_str())?,
        is_new,
        changes,
        warnings,
        is_verified,
    })
}

/// What its numbers are: as was said, where the graph does not say otherwise.
fn precision(request: &Request<'_>) -> Result<String, ImportError> {
    let found = request.source.model.as_ref().map(variant::precision);
    match (request.precision, found) {
        (Some(said), Some(found)) if said != found => Err(ImportError::Precision {
            said: said.to_owned(),
            found,
        }),
        (Some(said), _) => Ok(said.to_owned()),
        (None, Some(found)) => Ok(found.to_owned()),
        (None, None) => Ok(Recipe::as_is().name()),
    }
}

/// Loads a model and runs it once; true where that was done.
fn verify(request: &Request<'_>, warnings: &mut Vec<String>) -> Result<bool, ImportError> {
    let Some(model) = &request.source.model else {
        warnings.push(format!(
            "this version keeps, names and shares {} models, and cannot run them",
            request.source.format
        ));
        return Ok(false);
    };
    let Some(engine) = request.engine else {
        warnings.push("the engine has not loaded it: it was only read, scanned and checked".to_owned());
        return Ok(false);
    };
    let asked = inputs::Request {
        task: request.task,
        shapes: &request.shapes,
        seed: request.seed,
        sequence: None,
        batch: None,
    };
    let made = match inputs::make(model, &asked) {
        Ok(made) => made,
        Err(error) => {
            warnings.push(format!(
                "the engine has not loaded it, as no inputs can be made for it: {error}"
            ));
            return Ok(false);
        }
    };
    let side = Side {
        artifact: Artifact {
            model: model.path.clone(),
            external: model
                .external
                .iter()
                .map(|file| (file.location.clone(), file.path.clone()))
                .collect(),
        },
        settings: engine.settings_for(model),
        inputs: made.inputs,
    };
    let outcome = Worker::spawn(engine.worker(), &engine.options())
        .and_then(|mut worker| worker.load(&side.artifact, &side.settings, &side.inputs));
    match outcome {
        Ok(_) => Ok(true),
        Err(WorkerError::Provider { .. }) => {
            warnings.push(format!(
                "this machine's engine has no {}: it was only read, scanned and checked",
                request.target
            ));
            Ok(false)
        }
        Err(error) => Err(ImportError::Worker {
            file: request.path.display().to_string(),
            source: Box::new(error),
        }),
    }
}

/// Puts the files into the object store.
fn keep(source: &Source, workspace: &Workspace) -> Result<Vec<ArtifactFacts>, ImportError> {
    if let Some(model) = &source.model {
        return Ok(artifacts(&subject::store_source(model, workspace.objects())?));
    }
    for file in &source.files {
        workspace.objects().keep_file(&file.digest, &file.path)?;
    }
    Ok(source
        .files
        .iter()
        .map(|file| ArtifactFacts {
            name: file.name.clone(),
            digest: file.digest.clone(),
            size: Bytes(file.bytes),
        })
        .collect())
}

/// Brings name, remarks and task of a build up to date with what was said now.
fn update(
    request: &Request<'_>,
    facts: &BuildFacts,
    is_new: bool,
    registry: &mut Registry,
    changes: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<(), RegistryError> {
    let id: &Digest = &facts.id;
    let known = registry.build_by_prefix(id.as_str())?;
    if let Some(name) = request.name
        && known.shown_name() != name
    {
        registry.rename(id, Some(name))?;
        if !is_new {
            changes.push(format!("it is called `{name}` now, before `{}`", known.shown_name()));
        }
    }
    if let Some(notes) = request.notes
        && !registry.remarks(id)?.iter().any(|remark| remark.text == notes)
    {
        registry.remark(id, notes, request.now)?;
        if !is_new {
            changes.push("the notes were added".to_owned());
        }
    }
    if is_new {
        return Ok(());
    }
    if let Some(task) = &facts.about.task
        && known.facts.about.task.as_ref() != Some(task)
        && (request.task != Task::Auto || known.facts.about.task.is_none())
    {
        registry.set_task(id, task)?;
        changes.push(format!("its task is {task} now"));
    }
    if known.facts.recipe != facts.recipe {
        warnings.push(format!(
            "it is in the registry as `{}`, and stays so",
            known.facts.recipe
        ));
    }
    match &known.facts.target {
        Some(target) if *target != request.target => {
            warnings.push(format!(
                "it is in the registry for {target}, and stays so: it may be measured on any of its format"
            ));
        }
        _ => {}
    }
    Ok(())
}
