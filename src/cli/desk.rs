//! What the commands of the desk share: engine, GitHub where its address and token are known, exit codes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::config::Config;
use crate::config::DatasetConfig;
use crate::config::Engine;
use crate::config::ModelConfig;
use crate::config::budget;
use crate::config::discover;
use crate::github::Client;
use crate::github::retry::RetryPolicy;
use crate::machine::sandbox::Layers;
use crate::model::Model;
use crate::model::compatible;
use crate::pipeline::gate::Machinery;
use crate::pipeline::machinery;
use crate::pipeline::open;
use crate::pipeline::subject::shape_overrides;
use crate::pipeline::workspace;
use crate::pipeline::workspace::Workspace;
use crate::registry::Registry;

use super::context::Context;
use super::error::CliError;
use super::error::Kind;
use super::exit::Exit;
use super::progress::Installing;

/// A desk has one gate.
pub(crate) const KEY: &str = "default";

/// The engines of `models`, each once.
pub(crate) fn engines_of<'a>(models: impl IntoIterator<Item = &'a Model>) -> Vec<Engine> {
    let engines: BTreeSet<Engine> = models
        .into_iter()
        .filter_map(|model| compatible::engine_of(model.format))
        .collect();
    engines.into_iter().collect()
}

/// The engines of the model or build that each reference names, as far as that is known before it is opened.
pub(crate) fn engines_at(context: &Context, workspace: &Workspace, references: &[&str]) -> Vec<Engine> {
    let engines: BTreeSet<Engine> = references
        .iter()
        .filter_map(|reference| open::format_of(reference, workspace, &context.working_folder))
        .filter_map(compatible::engine_of)
        .collect();
    engines.into_iter().collect()
}

/// The engines, installed where they have to be; ONNX Runtime, in the config's version, where none is named.
pub(crate) fn machinery(context: &Context, config: &Config, engines: &[Engine]) -> Result<Machinery, CliError> {
    if let Some(warning) = Layers::of_this_system().warning() {
        context.ui.warning(&warning);
    }
    let mut installing = Installing::new(&context.ui);
    let wanted = machinery::Wanted {
        version: &config.runtime.version,
        sandbox: config.measure.sandbox,
        explicit: context.global.runtime_path.as_deref(),
        explicit_litert: context.global.litert_path.as_deref(),
        engines,
    };
    Ok(machinery::ready(wanted, &context.environment, &mut |event| {
        installing.show(&event)
    })?)
}

/// Where a command without a config keeps its files.
pub(crate) struct Place {
    /// The project's workspace, where it has a registry; otherwise one that is gone when this is dropped.
    pub(crate) workspace: Workspace,
    temporary: Option<TempDir>,
}

impl Place {
    /// True where what is put into the workspace stays.
    pub(crate) fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }
}

/// The folder of the project around the working folder whose workspace has a registry: the config's, or the nearest one.
pub(crate) fn registered(context: &Context) -> Option<PathBuf> {
    let beside_config = context.find_config().and_then(|path| path.parent().map(Path::to_owned));
    beside_config
        .iter()
        .map(PathBuf::as_path)
        .chain(context.working_folder.ancestors())
        .map(|folder| context.working_folder.join(folder))
        .find(|folder| workspace::has_registry(folder))
}

/// The registry of the project around the working folder, to be read only; an error where there is none.
pub(crate) fn registry(context: &Context) -> Result<Registry, CliError> {
    let folder = registered(context).ok_or_else(|| {
        CliError::usage(format!(
            "there is no registry of builds in `{}` or a folder above it",
            context.working_folder.display()
        ))
        .hint("`mlbuild build --model model.onnx` makes one")
    })?;
    let path = context.relative(&workspace::registry_in(&folder));
    Ok(Registry::open_for_reading(&path)?)
}

/// The workspace of the project around the working folder: beside the config, or in the nearest folder with a registry.
pub(crate) fn place(context: &Context) -> Result<Place, CliError> {
    match registered(context) {
        Some(folder) => Ok(Place {
            workspace: Workspace::open(&folder)?,
            temporary: None,
        }),
        None => temporary(),
    }
}

/// The workspace of the project around the working folder, made where there is none: for what is to stay.
pub(crate) fn lasting_place(context: &Context) -> Result<Workspace, CliError> {
    let place = place(context)?;
    if place.is_kept() {
        return Ok(place.workspace);
    }
    Ok(Workspace::open(&project(context))?)
}

/// The settings of the config around the working folder, and its model at `reference`, where there are any; defaults otherwise.
pub(crate) fn settings(context: &Context, reference: &str) -> Result<(Config, Option<ModelConfig>), CliError> {
    if context.find_config().is_none() {
        return Ok((Config::for_model(Path::new(reference)), None));
    }
    let loaded = context.load_config()?;
    let file = context.working_folder.join(reference).canonicalize().ok();
    let model = loaded
        .config
        .models
        .iter()
        .find(|model| file.is_some() && loaded.folder.join(&model.path).canonicalize().ok() == file)
        .cloned();
    Ok((loaded.config, model))
}

/// Samples that the config names, as the process can open them.
pub(crate) fn beside_config(context: &Context, settings: &DatasetConfig) -> DatasetConfig {
    let config = context.find_config();
    let folder = config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    DatasetConfig {
        path: folder.join(&settings.path),
        ..settings.clone()
    }
}

/// Shapes of inputs as the config has them, with those of flags above them.
pub(crate) fn shapes_of(model: Option<&ModelConfig>, flags: BTreeMap<String, Vec<u64>>) -> BTreeMap<String, Vec<u64>> {
    let mut shapes = model.map(|model| shape_overrides(&model.inputs)).unwrap_or_default();
    shapes.extend(flags);
    shapes
}

/// A workspace that is gone when dropped.
pub(crate) fn temporary() -> Result<Place, CliError> {
    let folder = tempfile::tempdir().map_err(|error| {
        CliError::new(Kind::Infrastructure, format!("cannot make a temporary folder: {error}"))
            .hint("check that `TMPDIR` names a folder that can be written to")
    })?;
    Ok(Place {
        workspace: Workspace::open(folder.path())?,
        temporary: Some(folder),
    })
}

/// The folder of the project around the working folder, which the budget belongs to: the config's, or the nearest one with a budget,
/// or the repository's root.
pub(crate) fn project(context: &Context) -> PathBuf {
    if let Some(config) = context.find_config() {
        let folder = config.parent().unwrap_or(Path::new(""));
        return context.working_folder.join(folder);
    }
    let working = &context.working_folder;
    let with_budget = working.ancestors().find(|folder| folder.join(budget::PLACE).is_file());
    with_budget
        .map(Path::to_owned)
        .or_else(|| discover::repository(working))
        .unwrap_or_else(|| working.clone())
}

/// GitHub, where `GITHUB_REPOSITORY` and a token say which and as whom.
pub(crate) fn github(context: &Context) -> Result<Option<Client>, CliError> {
    let get = |name| context.environment.non_empty(name);
    let (Some(repository), Some(token)) = (get("GITHUB_REPOSITORY"), get("GITHUB_TOKEN").or(get("GH_TOKEN"))) else {
        return Ok(None);
    };
    let repository = repository
        .parse()
        .map_err(|error| CliError::usage(format!("`GITHUB_REPOSITORY`: {error}")).hint("write it as `owner/name`"))?;
    let api_url = get("GITHUB_API_URL").unwrap_or("https://api.github.com");
    Ok(Some(Client::new(api_url, None, token, repository)?))
}

/// GitHub for the public repository at `url`, as somebody where a token is set and as anybody otherwise. It gives up where GitHub asks for
/// long waits: a person is waiting.
pub(crate) fn releases(context: &Context, url: &str) -> Result<Client, CliError> {
    let get = |name| context.environment.non_empty(name);
    let path = url
        .trim_end_matches('/')
        .strip_prefix("https://github.com/")
        .unwrap_or(url);
    let repository = path
        .parse()
        .map_err(|error| CliError::new(Kind::Infrastructure, format!("`{url}`: {error}")))?;
    let api_url = get("GITHUB_API_URL").unwrap_or("https://api.github.com");
    let client = match get("GITHUB_TOKEN").or(get("GH_TOKEN")) {
        Some(token) => Client::new(api_url, None, token, repository)?,
        None => Client::anonymous(api_url, repository)?,
    };
    Ok(client.with_retry(RetryPolicy {
        attempts: 3,
        longest_limited_wait: Duration::from_secs(5),
        ..RetryPolicy::default()
    }))
}

/// The exit of a judged run.
pub(crate) fn exit(code: i32) -> Exit {
    match code {
        0 => Exit::Pass,
        1 => Exit::Regression,
        _ => Exit::Error,
    }
}
