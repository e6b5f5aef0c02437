//! The registry of the project around the working folder, for commands that work on builds that are there.

use crate::config::BaselineStore;
use crate::files;
use crate::pipeline::which;
use crate::pipeline::workspace::Workspace;
use crate::registry::Build;
use crate::registry::Registry;

use std::path::PathBuf;

use super::context::Context;
use super::desk;
use super::error::CliError;

/// A workspace with its registry.
pub(crate) struct Shelf {
    pub(crate) workspace: Workspace,
    pub(crate) registry: Registry,
}

impl Shelf {
    /// The registry that is there; an error where there is none.
    pub(crate) fn open(context: &Context) -> Result<Self, CliError> {
        let place = desk::place(context)?;
        if !place.is_kept() {
            return Err(CliError::usage("there is no registry of builds here")
                .hint("`mlbuild import --model FILE --target TARGET` or `mlbuild build --model FILE` makes one"));
        }
        let registry = Registry::open(&place.workspace.registry_path())?;
        Ok(Self {
            workspace: place.workspace,
            registry,
        })
    }

    /// The registry, made where there is none.
    pub(crate) fn open_or_make(context: &Context) -> Result<Self, CliError> {
        let workspace = desk::lasting_place(context)?;
        let registry = Registry::open(&workspace.registry_path())?;
        Ok(Self { workspace, registry })
    }

    /// The build that a tag, the beginning of an id, a name or a path names.
    pub(crate) fn build(&self, text: &str, context: &Context) -> Result<Build, CliError> {
        Ok(which::which(text, &self.registry, &context.working_folder)?)
    }

    /// The folder of the config's baseline, where it keeps one in a folder; an unreadable config has none.
    pub(crate) fn baseline_folder(context: &Context) -> Option<PathBuf> {
        context.find_config()?;
        let loaded = context.load_config().ok()?;
        match &loaded.config.baseline.store {
            BaselineStore::Dir(path) => Some(files::beneath(&loaded.folder, path)),
            BaselineStore::Release | BaselineStore::S3(_) => None,
        }
    }
}
