//! What a gate's jobs agree on before anything runs: the checkout's config, the base's limits, and the rules that no change loosens.

use std::path::Path;

use crate::action::dispatch;
use crate::action::dispatch::Located;
use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::gate::Gate;
use crate::action::limits;
use crate::action::limits::Limits;
use crate::config;
use crate::config::Config;
use crate::config::Policy;
use crate::config::Sandbox;
use crate::config::load;
use crate::github::GithubError;
use crate::github::contents;
use crate::machine::sandbox::Layers;
use crate::pipeline::baseline::search::BaseConfig;
use crate::pipeline::workspace::Workspace;

/// A config of this size is refused: no one wrote it.
const MAX_CONFIG_BYTES: u64 = 256 * 1024;

/// What is gated, and against which limits.
pub(super) struct Settings {
    pub(super) located: Located,
    pub(super) workspace: Workspace,
    pub(super) base_config: BaseConfig,
    /// The checkout's, with the rules that no change switches off for itself.
    pub(super) config: Config,
    /// The limits: the base's.
    pub(super) limits: config::Gate,
    /// How the checkout's own differ.
    pub(super) changes: Vec<String>,
}

impl Gate<'_> {
    /// What the checkout wants gated, and by which limits.
    pub(super) fn settings(
        &self,
        notices: &mut Vec<String>,
        surroundings: &Surroundings<'_>,
    ) -> Result<Settings, ActionError> {
        let located = dispatch::locate(self.inputs)?;
        let workspace = Workspace::open(&located.loaded.folder)?;
        let base_config = self.base_config(&located, notices)?;
        let Limits {
            gate: mut limits,
            changes,
        } = limits::find(
            self.client,
            &located,
            self.proposal.base.as_ref(),
            &base_config,
            notices,
        )?;
        if self.inputs.fail_on_missing_baseline {
            limits.on_missing_baseline = Policy::Fail;
        }
        // A limit like the gate's: no pull request switches it off for itself.
        let mut config = self.only.of(&located.loaded.config)?;
        config.measure.strict_output |=
            surroundings.strict_output || base_config.known().is_some_and(|base| base.measure.strict_output);
        notices.extend(Layers::of_this_system().warning());
        if base_config
            .known()
            .is_some_and(|base| base.measure.sandbox == Sandbox::Require)
        {
            config.measure.sandbox = Sandbox::Require;
        }
        Ok(Settings {
            located,
            workspace,
            base_config,
            config,
            limits,
            changes,
        })
    }

    /// The config at the base commit, whose limits count. An unreadable one is said, and then the proposal's own count.
    fn base_config(&self, located: &Located, notices: &mut Vec<String>) -> Result<BaseConfig, GithubError> {
        let Some(base) = &self.proposal.base else {
            return Ok(BaseConfig::Absent);
        };
        let Some(found) = contents::at(self.client, &located.path, base, MAX_CONFIG_BYTES)? else {
            return Ok(BaseConfig::Absent);
        };
        let parsed = String::from_utf8(found.bytes)
            .ok()
            .and_then(|text| load::parse(&text, Path::new(&located.path)).ok());
        Ok(match parsed {
            Some(loaded) => BaseConfig::Known(Box::new(loaded.config)),
            None => {
                notices.push(format!(
                    "the config at the base {} cannot be read by this version: the limits of this change count",
                    base.short()
                ));
                BaseConfig::Unreadable
            }
        })
    }
}
