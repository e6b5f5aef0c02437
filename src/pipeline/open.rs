//! One model of the desk, by path or by build: what `benchmark`, `compare`, `accuracy`, `validate` and `profile` work on.
//!
//! A reference is a path, or where no such file exists a tag of the registry or the beginning of a build's id. A build is opened as it
//! was built: a variant is the variant, not the model that it was derived from.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::config::Task;
use crate::hint::Hint;
use crate::model::Model;
use crate::model::ModelError;
use crate::model::compatible;
use crate::model::format;
use crate::model::format::Format;
use crate::model::inputs;
use crate::model::inputs::InputError;
use crate::model::inputs::Made;
use crate::model::task::Detected;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::subject;
use crate::pipeline::subject::SubjectError;
use crate::pipeline::workspace::Workspace;
use crate::registry::Build;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::runtime::Artifact;

/// How many builds an error offers.
const SHOWN: usize = 5;

/// From this likeness on (Jaro–Winkler, 0 to 1) a name may have been meant.
const LIKE: f64 = 0.8;

/// Which model, and what it is fed.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// A path, a tag, or at least four digits of a build's id.
    pub reference: &'a str,
    /// The entry point that is run, of a model with several; the first one where `None`.
    pub signature: Option<&'a str>,
    /// Shapes of inputs, by name.
    pub shapes: BTreeMap<String, Vec<u64>>,
    /// What kind of data it takes.
    pub task: Task,
    /// Seeds the inputs.
    pub seed: u64,
    /// The length of sequences, where the model has any.
    pub sequence: Option<u64>,
    /// The number of samples in one inference.
    pub batch: Option<u64>,
}

/// A model ready to be run.
#[derive(Debug, Clone)]
pub struct Opened {
    /// For people: the path as it was given, or model, recipe and short id of a build.
    pub label: String,
    /// The build's id, where it is one.
    pub build: Option<String>,
    /// The model.
    pub model: Model,
    /// Its files in the object store, the model first.
    pub files: Vec<StoredFile>,
    /// What the engine loads.
    pub artifact: Artifact,
    /// Its inputs, and what they are.
    pub made: Made,
    /// What kind of data it takes.
    pub task: Detected,
    /// What the reader should know.
    pub notices: Vec<String>,
}

/// A model that was found, not yet fed.
#[derive(Debug, Clone)]
pub struct Found {
    /// For people.
    pub label: String,
    /// The build, where it is one.
    pub build: Option<Build>,
    /// The model.
    pub model: Model,
}

/// Why a reference cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither a file nor a build.
    #[error("no model `{reference}`: there is no such file, and {nowhere}")]
    Unknown {
        /// As given.
        reference: String,
        /// Why it is no build either.
        nowhere: &'static str,
        /// What may have been meant, and what there is.
        advice: Vec<String>,
    },
    /// A folder that is no model.
    #[error("`{0}` is a folder, not a model")]
    Folder(String),
    /// A build that this version keeps and cannot run.
    #[error("{label} is a {format} model, which this version of mlbuild keeps and cannot run")]
    OtherFormat {
        /// The build.
        label: String,
        /// Its format, as the registry writes it.
        format: String,
    },
    /// The registry cannot be read, or a prefix means several builds.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A build whose files are gone, or files that cannot be kept.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The model cannot be fed.
    #[error("`{label}`: {source}")]
    Input {
        /// The model.
        label: String,
        /// Why.
        source: Box<InputError>,
    },
}

impl Hint for OpenError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { advice, .. } => advice.clone(),
            Self::Folder(_) => vec!["name the model file in it".to_owned()],
            Self::OtherFormat { .. } => vec!["name its ONNX model instead".to_owned()],
            Self::Registry(error) => error.hints(),
            Self::Model(error) => error.hints(),
            Self::Subject(error) => error.hints(),
            Self::Input { source, .. } => source.hints_for_flags(),
        }
    }
}

/// Finds the model that `reference` names. Paths are relative to `working_folder`, builds are those of `workspace`.
pub fn find(reference: &str, workspace: &Workspace, working_folder: &Path) -> Result<Found, OpenError> {
    let path = working_folder.join(reference);
    let metadata = fs::metadata(&path).ok();
    if metadata.as_ref().is_some_and(|metadata| !metadata.is_dir()) || (metadata.is_some() && is_model_folder(&path)) {
        return Ok(Found {
            label: reference.to_owned(),
            build: None,
            model: Model::load(&path)?,
        });
    }
    match find_build(reference, workspace)? {
        Some(build) if build.facts.about.format == compatible::word(Format::CoreMl) => Err(OpenError::OtherFormat {
            label: describe(&build),
            format: build.facts.about.format,
        }),
        Some(build) => {
            let model = subject::load_stored(&stored_files(&build), workspace.objects())?;
            Ok(Found {
                label: describe(&build),
                build: Some(build),
                model,
            })
        }
        None if metadata.is_some() => Err(OpenError::Folder(reference.to_owned())),
        None => Err(unknown(reference, workspace, &path)),
    }
}

/// The format of the model that `reference` names, where that can be told without reading it.
pub fn format_of(reference: &str, workspace: &Workspace, working_folder: &Path) -> Option<Format> {
    let path = working_folder.join(reference);
    if path.exists() {
        return format::detect(&path).ok();
    }
    let build = find_build(reference, workspace).ok()??;
    compatible::of_word(&build.facts.about.format)
}

/// Finds the model that the request names, and makes its inputs. Its files are in the workspace's object store afterwards.
pub fn open(request: &Request<'_>, workspace: &Workspace, working_folder: &Path) -> Result<Opened, OpenError> {
    let found = find(request.reference, workspace, working_folder)?;
    found.entered(request.signature)?.feed(request, workspace)
}

impl Found {
    /// The same, run by the entry point called `signature`; as it is where `None`.
    ///
    /// Errors: the model has no such signature; ONNX models have none.
    pub fn entered(self, signature: Option<&str>) -> Result<Self, ModelError> {
        match signature {
            Some(name) => Ok(Self {
                model: self.model.with_signature(name)?,
                ..self
            }),
            None => Ok(self),
        }
    }

    /// The same model with inputs; everything of `request` counts but its reference.
    pub fn feed(self, request: &Request<'_>, workspace: &Workspace) -> Result<Opened, OpenError> {
        let Self { label, build, model } = self;
        let files = subject::store_source(&model, workspace.objects())?;
        let failed = |source: InputError| OpenError::Input {
            label: label.clone(),
            source: Box::new(source),
        };
        let asked = inputs::Request {
            task: request.task,
            shapes: &request.shapes,
            seed: request.seed,
            sequence: request.sequence,
            batch: request.batch,
        };
        let made = inputs::make(&model, &asked).map_err(failed)?;
        let artifact = artifact(&files, workspace)?;
        Ok(Opened {
            label,
            build: build.map(|build| build.facts.id.to_string()),
            model,
            files,
            artifact,
            task: made.task.clone(),
            notices: made.warnings.clone(),
            made,
        })
    }
}

/// The files of a build, as the object store knows them.
pub fn stored_files(build: &Build) -> Vec<StoredFile> {
    let files = build.facts.artifacts.iter();
    files
        .map(|file| StoredFile {
            name: file.name.clone(),
            digest: file.digest.clone(),
            bytes: file.size.0,
        })
        .collect()
}

/// What the engine loads of files in the object store.
fn artifact(files: &[StoredFile], workspace: &Workspace) -> Result<Artifact, SubjectError> {
    let mut paths: Vec<(String, PathBuf)> = Vec::with_capacity(files.len());
    for file in files {
        paths.push((file.name.clone(), workspace.objects().verify(&file.digest)?));
    }
    let mut paths = paths.into_iter();
    let (_, model) = paths.next().ok_or(SubjectError::NoModel)?;
    Ok(Artifact {
        model,
        external: paths.collect(),
    })
}

/// Model, recipe and short id: `mobilenet fp16 (3f36810e)`.
fn describe(build: &Build) -> String {
    let facts = &build.facts;
    format!("{} {} ({})", facts.model, facts.recipe, facts.id.short())
}

/// The build of that tag or id; `None` where there is none.
fn find_build(reference: &str, workspace: &Workspace) -> Result<Option<Build>, OpenError> {
    let path = workspace.registry_path();
    if !path.exists() {
        return Ok(None);
    }
    match Registry::open_for_reading(&path)?.resolve(reference) {
        Ok(build) => Ok(Some(build)),
        Err(RegistryError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn unknown(reference: &str, workspace: &Workspace, path: &Path) -> OpenError {
    let mut advice: Vec<String> = nearest_file(path, reference).into_iter().collect();
    let registry = workspace.registry_path();
    let registry = registry
        .exists()
        .then(|| Registry::open_for_reading(&registry))
        .and_then(Result::ok);
    let nowhere = if registry.is_some() {
        "no build or tag of the registry has that name"
    } else {
        "there is no registry of builds here"
    };
    if let Some(registry) = registry {
        if let Err(RegistryError::NotFound {
            nearest: Some(nearest), ..
        }) = registry.resolve(reference)
        {
            advice.push(format!("did you mean the tag `{nearest}`?"));
        }
        if is_short_prefix(reference) {
            advice.push("an id needs at least four of its digits".to_owned());
        }
        advice.extend(registry.builds().ok().and_then(|builds| offer(&builds)));
    }
    if advice.is_empty() {
        advice.push("give the path of a model file, or the tag or the beginning of the id of a build".to_owned());
    }
    OpenError::Unknown {
        reference: reference.to_owned(),
        nowhere,
        advice,
    }
}

/// Too few digits to be looked for.
fn is_short_prefix(reference: &str) -> bool {
    reference.len() < 4 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The newest builds.
fn offer(builds: &[Build]) -> Option<String> {
    let mut shown: Vec<String> = builds.iter().take(SHOWN).map(describe).collect();
    if shown.is_empty() {
        return None;
    }
    if builds.len() > SHOWN {
        shown.push(format!("and {} more", builds.len() - SHOWN));
    }
    Some(format!("the newest builds are {}", shown.join(", ")))
}

/// A file beside the missing one that is named almost like it.
fn nearest_file(path: &Path, reference: &str) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let mut names: Vec<String> = fs::read_dir(path.parent()?)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "onnx" || extension == "tflite")
        })
        .collect();
    names.sort();
    let nearest = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&name, wanted), name))
        .filter(|(likeness, _)| *likeness > LIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)?;
    let shown = Path::new(reference).with_file_name(nearest);
    Some(format!("did you mean `{}`?", shown.display()))
}

/// A folder that is itself a model, so that reading it gives the right message.
fn is_model_folder(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "mlpackage" || extension == "mlmodelc")
}
