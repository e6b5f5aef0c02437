//! Whose limits count: in a pull request those of its base, config and budget alike, so that no change loosens its own gate.

use std::path::Path;

use crate::action::dispatch::Located;
use crate::action::error::ActionError;
use crate::config;
use crate::config::Gate;
use crate::config::budget;
use crate::config::budget::Budget;
use crate::config::budget::Loaded;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::GithubError;
use crate::github::contents;
use crate::pipeline::baseline;
use crate::pipeline::baseline::search::BaseConfig;

/// A budget of this size is refused: no one wrote it.
const MAX_BUDGET_BYTES: u64 = 256 * 1024;

/// The limits of a run.
pub(super) struct Limits {
    /// What counts.
    pub(super) gate: Gate,
    /// What the proposal would change.
    pub(super) changes: Vec<String>,
}

/// The budget at the base commit.
enum BaseBudget {
    Known(Box<Loaded>),
    Absent,
    /// There is one that this version cannot read.
    Unreadable,
}

/// The limits by which the checkout at `located` is judged, and how its own differ. `base` is the commit that it is compared with.
pub(super) fn find(
    client: &Client,
    located: &Located,
    base: Option<&CommitSha>,
    base_config: &BaseConfig,
    notices: &mut Vec<String>,
) -> Result<Limits, ActionError> {
    let head = &located.loaded.config;
    let head_budget = budget::load(&located.loaded.folder)?;
    let base_budget = match base {
        Some(base) => at_base(client, located, base)?,
        None => BaseBudget::Absent,
    };
    if let (BaseBudget::Unreadable, Some(base)) = (&base_budget, base) {
        notices.push(format!(
            "the budget at the base {} cannot be read by this version: the budget of this change counts",
            base.short()
        ));
    }
    let mut gate = base_config.known().unwrap_or(head).gate.clone();
    let mut changes = base_config
        .known()
        .map(|base| config::changes(base, head))
        .unwrap_or_default();
    let own = head_budget.as_ref().map(|loaded| loaded.budget).unwrap_or_default();
    let counting = match (&base_budget, base_config) {
        (BaseBudget::Known(loaded), _) => {
            changes.extend(budget::changes(&loaded.budget, &own));
            Some(loaded.as_ref())
        }
        // The base has a gate, and no budget in it.
        (BaseBudget::Absent, BaseConfig::Known(_)) => {
            changes.extend(budget::changes(&Budget::default(), &own));
            None
        }
        (BaseBudget::Absent, BaseConfig::Absent | BaseConfig::Unreadable) | (BaseBudget::Unreadable, _) => {
            head_budget.as_ref()
        }
    };
    if let Some(loaded) = counting {
        gate.constrain(loaded.constraints());
    }
    Ok(Limits { gate, changes })
}

fn at_base(client: &Client, located: &Located, base: &CommitSha) -> Result<BaseBudget, GithubError> {
    let Some(path) = baseline::repository_path(&located.folder, Path::new(budget::PLACE)) else {
        return Ok(BaseBudget::Absent);
    };
    let Some(found) = contents::at(client, &path, base, MAX_BUDGET_BYTES)? else {
        return Ok(BaseBudget::Absent);
    };
    let parsed = String::from_utf8(found.bytes)
        .ok()
        .and_then(|text| budget::parse(&text, Path::new(&path)).ok());
    Ok(parsed.map_or(BaseBudget::Unreadable, |loaded| BaseBudget::Known(Box::new(loaded))))
}
