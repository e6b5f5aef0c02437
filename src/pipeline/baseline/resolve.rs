//! What `--baseline` names, at the desk: a folder with a baseline, a model file, a tag or a build of the registry, or a release.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::config::BaselineStore;
use crate::config::BucketConfig;
use crate::config::Config;
use crate::files;
use crate::files::FileError;
use crate::github::Client;
use crate::github::GithubError;
use crate::github::release as releases;
use crate::hint::Hint;
use crate::model::Model;
use crate::model::ModelError;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::ModelBaseline;
use crate::pipeline::baseline::Source;
use crate::pipeline::baseline::bucket::Bucket;
use crate::pipeline::baseline::bucket::BucketError;
use crate::pipeline::baseline::dir;
use crate::pipeline::baseline::dir::DirError;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::baseline::release;
use crate::pipeline::baseline::release::ReleaseError;
use crate::pipeline::baseline::release::Trust;
use crate::pipeline::baseline::tag;
use crate::pipeline::subject;
use crate::pipeline::subject::SubjectError;
use crate::pipeline::trouble::chain;
use crate::pipeline::workspace::Workspace;
use crate::registry::Build;
use crate::registry::Registry;
use crate::registry::RegistryError;

/// The reserved name of the local default.
pub const LOCAL_NAME: &str = crate::registry::BASELINE;

/// What resolving needs to know.
pub struct Desk<'a> {
    /// What is judged.
    pub config: &'a Config,
    /// The config's folder.
    pub folder: &'a Path,
    /// Where flags' paths are relative to.
    pub working_folder: &'a Path,
    /// The workspace.
    pub workspace: &'a Workspace,
    /// GitHub and this gate's key, where repository and token are known.
    pub github: Option<(&'a Client, &'a str)>,
    /// This gate's key, as its baselines in a bucket have it.
    pub key: &'a str,
    /// Where a bucket's credentials are looked up.
    pub environment: &'a BTreeMap<String, String>,
}

/// Why a name is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Nothing has that name.
    #[error("no baseline `{name}`: it is no path, no tag or build of the registry, and no release")]
    Unknown {
        /// As given.
        name: String,
    },
    /// A folder without a manifest.
    #[error("`{}` holds no baseline: it has no `manifest.json`", .0.display())]
    NoManifest(PathBuf),
    /// One model file cannot be the baseline of several models.
    #[error("`{}` is one model, and the config names {models}", path.display())]
    OneForMany {
        /// The file.
        path: PathBuf,
        /// How many models there are.
        models: usize,
    },
    /// A build of a model that is not judged here.
    #[error("`{name}` is a build of `{model}`, which the config does not name")]
    OtherModel {
        /// As given.
        name: String,
        /// Whose build it is.
        model: String,
    },
    /// A release, and nobody to ask for it.
    #[error("`{0}` is a release, and no repository or token is known to fetch it with")]
    NoGithub(String),
    /// The folder's baseline cannot be used.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The bucket, or a baseline in it, cannot be used.
    #[error(transparent)]
    Bucket(Box<BucketError>),
    /// The release cannot be used.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// GitHub did not answer.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The model file cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Its files cannot be kept.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// A path cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ResolveError {
    /// True where there is a baseline and it cannot be used; false where the name itself is the trouble.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Dir(_)
            | Self::Bucket(_)
            | Self::Release(_)
            | Self::Github(_)
            | Self::Model(_)
            | Self::Subject(_)
            | Self::File(_) => true,
            Self::Unknown { .. }
            | Self::NoManifest(_)
            | Self::OneForMany { .. }
            | Self::OtherModel { .. }
            | Self::NoGithub(_)
            | Self::Registry(_) => false,
        }
    }
}

impl From<BucketError> for ResolveError {
    fn from(error: BucketError) -> Self {
        Self::Bucket(Box::new(error))
    }
}

impl Hint for ResolveError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unknown { .. } => vec![
                "give the path of a model or of a baseline folder, a tag, the beginning of a build's id, or a release's tag".to_owned(),
                format!("`mlbuild baseline refresh` or `mlbuild baseline set` makes `{LOCAL_NAME}`, which is used when nothing is named"),
            ],
            Self::NoManifest(_) => vec!["`mlbuild baseline refresh --output <folder>` writes one".to_owned()],
            Self::OneForMany { .. } | Self::OtherModel { .. } => vec!["choose one model with `--model`".to_owned()],
            Self::NoGithub(_) => {
                vec!["set `GITHUB_REPOSITORY` to `owner/name` and `GITHUB_TOKEN` to a token that may read it".to_owned()]
            }
            Self::Dir(error) => error.hints(),
            Self::Bucket(error) => error.hints(),
            Self::Release(error) => error.hints(),
            Self::Github(error) => error.hints(),
            Self::Registry(error) => error.hints(),
            Self::Model(error) => error.hints(),
            Self::Subject(error) => error.hints(),
            Self::File(error) => error.hints(),
        }
    }
}

/// Finds the baseline that `name` names; without a name the config's folder store, or the workspace's own.
///
/// One that is there and cannot be trusted or read is an answer too, [`ModelBaseline::Missing`] with the reason, so that the run
/// still ends in a report. An error is a name that means nothing here.
pub fn resolve(name: Option<&str>, desk: &Desk<'_>) -> Result<Baselines, ResolveError> {
    match find(name, desk) {
        Err(error) if error.is_refusal() => {
            let label = match name {
                Some(name) => format!("`{name}`"),
                None => match &desk.config.baseline.store {
                    BaselineStore::S3(bucket) => format!("bucket {}", bucket.bucket),
                    BaselineStore::Dir(_) | BaselineStore::Release => default_place(desk).1,
                },
            };
            Ok(Baselines::missing(label, chain(&error), error.hints()))
        }
        found => found,
    }
}

fn find(name: Option<&str>, desk: &Desk<'_>) -> Result<Baselines, ResolveError> {
    let name = match name {
        // A folder that the config names is the team's; a build that was set at this desk is above it only where it is asked for.
        None => return default(desk, desk.config.baseline.store == BaselineStore::Release),
        Some(LOCAL_NAME) => return default(desk, true),
        Some(name) => name,
    };
    let path = desk.working_folder.join(name);
    if let Ok(metadata) = fs::metadata(&path) {
        let label = format!("`{name}`");
        return if metadata.is_dir() && dir::read(&path)?.is_some() {
            from_dir(&path, &label, desk)?.ok_or_else(|| ResolveError::NoManifest(path))
        } else if metadata.is_dir() && !is_model_folder(&path) {
            Err(ResolveError::NoManifest(path))
        } else {
            from_file(&path, &label, desk)
        };
    }
    if name.starts_with(tag::TAG_PREFIX) {
        return from_release(name, desk);
    }
    from_registry(name, desk)
}

/// A folder that is itself a model, so that reading it gives the right message.
fn is_model_folder(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "mlpackage" || extension == "mlmodelc")
}

/// Where the baseline lies when nothing is named, and what people call that.
fn default_place(desk: &Desk<'_>) -> (PathBuf, String) {
    match &desk.config.baseline.store {
        BaselineStore::Dir(path) => (files::beneath(desk.folder, path), format!("dir: {}", path.display())),
        BaselineStore::Release | BaselineStore::S3(_) => (desk.workspace.local_baseline(), LOCAL_NAME.to_owned()),
    }
}

/// The baseline of the default place; where `set_counts`, the build that was set at this desk in place of what was measured of its model.
fn default(desk: &Desk<'_>, set_counts: bool) -> Result<Baselines, ResolveError> {
    if let BaselineStore::S3(config) = &desk.config.baseline.store {
        return from_bucket(config, desk);
    }
    let (path, label) = default_place(desk);
    let mut baselines = match from_dir(&path, &label, desk)? {
        Some(found) => found,
        None => Baselines::never(
            &label,
            format!("there is no baseline `{label}` yet; `mlbuild baseline refresh` makes one"),
        ),
    };
    if set_counts && let Some((build, files)) = set_build(desk.workspace)? {
        match model_of(&build, desk.config) {
            Some(model) => {
                let of_build = of_files(LOCAL_NAME, &model, files);
                baselines.models.extend(of_build.models);
                baselines.tag = Some(LOCAL_NAME.to_owned());
            }
            None => baselines.notices.push(format!(
                "the build {} that was set as the baseline is of `{}`, which the config does not name",
                build.facts.id.short(),
                build.facts.model
            )),
        }
    }
    Ok(baselines)
}

/// The build that was set as this desk's baseline, and its source model's files.
fn set_build(workspace: &Workspace) -> Result<Option<(Build, Vec<StoredFile>)>, ResolveError> {
    let path = workspace.registry_path();
    if !path.exists() {
        return Ok(None);
    }
    let tags = Registry::open(&path)?.all_tags()?;
    if !tags.iter().any(|tag| tag.name == LOCAL_NAME) {
        return Ok(None);
    }
    find_build(LOCAL_NAME, workspace).map(Some)
}

/// The model of the config that a build is of.
fn model_of(build: &Build, config: &Config) -> Option<String> {
    match config.models.as_slice() {
        [only] => Some(only.name.clone()),
        several => several
            .iter()
            .find(|model| model.name == build.facts.model)
            .map(|model| model.name.clone()),
    }
}

/// The newest baseline in the bucket.
fn from_bucket(config: &BucketConfig, desk: &Desk<'_>) -> Result<Baselines, ResolveError> {
    let bucket = Bucket::open(config, desk.key, desk.environment)?;
    let Some((name, manifest)) = bucket.newest()? else {
        return Ok(Baselines::never(
            format!("bucket {}", bucket.place()),
            format!(
                "there is no baseline in {} yet; `mlbuild baseline refresh` makes one",
                bucket.place()
            ),
        ));
    };
    let objects = desk.workspace.objects();
    let mut baselines = from_manifest(&manifest, &bucket.label(&name), |file| bucket.fetch(file, objects));
    baselines.tag = Some(name.as_str().to_owned());
    Ok(baselines)
}

/// The baseline in `folder`; `None` where there is none.
fn from_dir(folder: &Path, label: &str, desk: &Desk<'_>) -> Result<Option<Baselines>, ResolveError> {
    let Some(manifest) = dir::read(folder)? else {
        return Ok(None);
    };
    let objects = desk.workspace.objects();
    Ok(Some(from_manifest(&manifest, label, |file| {
        dir::fetch(folder, file, objects)
    })))
}

/// One answer a model out of `manifest`; a file that cannot be had makes its model's baseline missing, with the reason.
pub fn from_manifest<E: std::error::Error + Hint>(
    manifest: &Manifest,
    label: &str,
    fetch: impl Fn(&StoredFile) -> Result<PathBuf, E>,
) -> Baselines {
    let mut baselines = Baselines::never(label, format!("the baseline ({label}) does not have this model"));
    baselines.commit = manifest.origin.as_ref().map(|origin| origin.commit.clone());
    baselines.machines = manifest.machines();
    for entry in &manifest.entries {
        let name = &entry.key.model;
        if let Some(ModelBaseline::Source(source)) = baselines.models.get_mut(name) {
            source.entries.push(entry.clone());
            continue;
        }
        if baselines.models.contains_key(name) {
            continue;
        }
        let fetched = entry.source_files.iter().try_for_each(|file| fetch(file).map(|_| ()));
        let answer = match fetched {
            Ok(()) => ModelBaseline::Source(Source {
                files: entry.source_files.clone(),
                entries: vec![entry.clone()],
                settings: BTreeMap::new(),
                label: label.to_owned(),
                commit: baselines.commit.clone(),
            }),
            Err(error) => ModelBaseline::Missing {
                reason: chain(&error),
                hints: error.hints(),
            },
        };
        baselines.models.insert(name.clone(), answer);
    }
    if manifest.tool_version != crate::VERSION {
        baselines.drift.push(other_tool(&manifest.tool_version));
    }
    baselines
}

/// What to say of a baseline that another version of this tool published.
pub(crate) fn other_tool(version: &str) -> String {
    format!(
        "the baseline was published by mlbuild {version}; both sides of this run are derived and measured by {}",
        crate::VERSION
    )
}

fn from_file(path: &Path, label: &str, desk: &Desk<'_>) -> Result<Baselines, ResolveError> {
    let [model] = desk.config.models.as_slice() else {
        return Err(ResolveError::OneForMany {
            path: path.to_owned(),
            models: desk.config.models.len(),
        });
    };
    let loaded = Model::load(path)?;
    let files = subject::store_source(&loaded, desk.workspace.objects())?;
    Ok(of_files(label, &model.name, files))
}

/// A baseline of one model's bare files, which lie in the object store.
pub fn of_files(label: &str, model: &str, files: Vec<StoredFile>) -> Baselines {
    let mut baselines = Baselines::never(label, format!("the baseline ({label}) does not have this model"));
    let source = Source {
        files,
        entries: Vec::new(),
        settings: BTreeMap::new(),
        label: label.to_owned(),
        commit: None,
    };
    baselines.models.insert(model.to_owned(), ModelBaseline::Source(source));
    baselines
}

fn from_registry(name: &str, desk: &Desk<'_>) -> Result<Baselines, ResolveError> {
    let (build, files) = find_build(name, desk.workspace)?;
    let Some(model) = model_of(&build, desk.config) else {
        return Err(ResolveError::OtherModel {
            name: name.to_owned(),
            model: build.facts.model,
        });
    };
    let mut baselines = of_files(name, &model, files);
    baselines.tag = Some(name.to_owned());
    Ok(baselines)
}

/// The build that a tag or the beginning of an id names, and the files of the source model that it was derived from: variants
/// are derived anew on both sides, so it is the source that counts.
pub fn find_build(name: &str, workspace: &Workspace) -> Result<(Build, Vec<StoredFile>), ResolveError> {
    let path = workspace.registry_path();
    let unknown = || ResolveError::Unknown { name: name.to_owned() };
    if !path.exists() {
        return Err(unknown());
    }
    let registry = Registry::open(&path)?;
    let build = match registry.resolve(name) {
        Err(RegistryError::NotFound { nearest: None, .. }) => return Err(unknown()),
        found => found?,
    };
    let root = registry.build_by_prefix(build.root.as_str())?;
    let files = root
        .facts
        .artifacts
        .into_iter()
        .map(|file| StoredFile {
            name: file.name,
            digest: file.digest,
            bytes: file.size.0,
        })
        .collect();
    Ok((build, files))
}

fn from_release(tag: &str, desk: &Desk<'_>) -> Result<Baselines, ResolveError> {
    let Some((client, key)) = desk.github else {
        return Err(ResolveError::NoGithub(tag.to_owned()));
    };
    let found = releases::by_tag(client, tag)?.ok_or_else(|| ResolveError::Unknown { name: tag.to_owned() })?;
    let facts = crate::github::workflow_run::repository(client)?;
    let mut branches = desk.config.baseline.branches.clone();
    if branches.is_empty() {
        branches.push(facts.default_branch.clone());
    }
    let trust = Trust {
        own: crate::github::identity::own(client).ok(),
        repository_id: facts.id,
        branches,
    };
    let manifest = release::open(client, &found, key, &trust)?;
    let objects = desk.workspace.objects();
    let label = format!("release {tag}");
    let mut baselines = from_manifest(&manifest, &label, |file| release::fetch(client, &found, file, objects));
    baselines.tag = Some(tag.to_owned());
    Ok(baselines)
}
