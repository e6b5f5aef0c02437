//! What every command is given besides its own arguments.

use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use crate::config::load;
use crate::config::load::Loaded;
use crate::digest::Digest;

use super::args::GlobalArgs;
use super::environment::Environment;
use super::error::CliError;
use super::error::Kind;
use super::ui::Ui;

/// The terminal, the options that all commands share, and the surroundings, read once.
pub struct Context {
    /// The only way to show something.
    pub ui: Ui,
    /// Options that all commands share.
    pub global: GlobalArgs,
    /// The variables of this process.
    pub environment: Environment,
    /// Where the command was started; relative paths of flags start here.
    pub working_folder: PathBuf,
    /// The builds that the command turns out to be about, for the history.
    pub touched: RefCell<BTreeSet<Digest>>,
    /// The entry of the history that is this command's own, where it has one.
    pub own_entry: OnceCell<String>,
}

impl Context {
    /// The config that `--config` names, or the nearest one; `None` where there is none to be found.
    pub fn find_config(&self) -> Option<PathBuf> {
        match &self.global.config {
            Some(path) if path.is_dir() => Some(path.join(load::FILE_NAME)),
            Some(path) => Some(path.clone()),
            None => load::find(&self.working_folder).map(|path| self.relative(&path)),
        }
    }

    /// Reads the config; an error where there is none.
    pub fn load_config(&self) -> Result<Loaded, CliError> {
        if let Some(path) = self.find_config() {
            return Ok(load::load(&path)?);
        }
        let message = format!(
            "no `{}` in `{}` or a folder above it",
            load::FILE_NAME,
            self.working_folder.display()
        );
        let error = CliError::new(Kind::Config, message);
        Err(match load::find_misnamed(&self.working_folder) {
            Some(found) => error.hint(format!(
                "rename `{}` to `{}`, or name it with `--config`",
                self.relative(&found).display(),
                load::FILE_NAME
            )),
            None => error.hint("`mlbuild init` writes one; `--config` names one elsewhere"),
        })
    }

    /// Says that the command is about this build.
    pub fn touch(&self, build: &Digest) {
        self.touched.borrow_mut().insert(build.clone());
    }

    /// A path as people here would write it.
    pub fn relative(&self, path: &Path) -> PathBuf {
        // Joined first, so that `./a` and `a` are one.
        let whole = self.working_folder.join(path);
        whole.strip_prefix(&self.working_folder).unwrap_or(path).to_owned()
    }
}
