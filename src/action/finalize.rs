//! Completing a check run that a killed process left open: the number is kept in the runner's temporary folder meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::action::error::ActionError;
use crate::action::inputs::Inputs;
use crate::files;
use crate::github::Client;
use crate::pipeline::publish;
use crate::pipeline::publish::Announced;
use crate::pipeline::publish::OpenCheck;

/// What is known of a check run that may be open.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Memory {
    Open(OpenCheck),
    Announced(Announced),
}

/// Where it is remembered.
fn memory(inputs: &Inputs) -> Option<PathBuf> {
    Some(inputs.run.temporary.as_ref()?.join("mlbuild-open-check.json"))
}

/// Remembers what is about to be opened.
pub(crate) fn announce(inputs: &Inputs, announced: &Announced) -> Result<(), ActionError> {
    keep(inputs, &Memory::Announced(announced.clone()))
}

/// Remembers `check` until it is completed.
pub(crate) fn remember(inputs: &Inputs, check: &OpenCheck) -> Result<(), ActionError> {
    keep(inputs, &Memory::Open(check.clone()))
}

fn keep(inputs: &Inputs, what: &Memory) -> Result<(), ActionError> {
    if let (Some(path), Ok(json)) = (memory(inputs), serde_json::to_vec(what)) {
        files::write_atomic(&path, &json)?;
    }
    Ok(())
}

/// Forgets the check run, which is completed.
pub(crate) fn forget(inputs: &Inputs) {
    if let Some(path) = memory(inputs) {
        // One that stays is completed once more, with the same words: no harm.
        let _ = fs::remove_file(path);
    }
}

/// Completes the check run that is still remembered; true where there was one.
pub fn run(environment: &BTreeMap<String, String>) -> Result<bool, ActionError> {
    let inputs = Inputs::read(environment)?;
    let Some(path) = memory(&inputs) else { return Ok(false) };
    let Ok(bytes) = fs::read(&path) else { return Ok(false) };
    let Ok(known) = serde_json::from_slice::<Memory>(&bytes) else {
        return Ok(false);
    };
    let client = Client::new(&inputs.run.api_url, None, &inputs.token, inputs.run.repository.clone())?;
    let check = match known {
        Memory::Open(check) => Some(check),
        Memory::Announced(announced) => publish::find_check(&client, &announced)?,
    };
    // Its last answer may have been lost: what it says then is the verdict.
    let check = match check {
        Some(check) if publish::is_open(&client, &check)? => check,
        _ => {
            forget(&inputs);
            return Ok(false);
        }
    };
    publish::cancel_check(&client, &check)?;
    forget(&inputs);
    Ok(true)
}
