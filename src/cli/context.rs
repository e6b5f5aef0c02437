//! What every command is given besides its own arguments.

use super::args::GlobalArgs;
use super::environment::Environment;
use super::ui::Ui;

/// The terminal, the options that all commands share, and the environment, read once.
pub struct Context {
    /// The only way to show something.
    pub ui: Ui,
    /// Options that all commands share.
    pub global: GlobalArgs,
    /// The variables of this process.
    pub environment: Environment,
}
