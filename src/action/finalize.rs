//! Completing a check run that a killed process left open: the number is kept in the runner's temporary folder meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::action::error::ActionError;
use crate::action::inputs::Inputs;
use crate::files;
use crate::github::Client;
use crate::pipeline::publish;
use crate::pipeline::publish::OpenCheck;

/// Where an open check run is remembered.
fn memory(inputs: &Inputs) -> Option<PathBuf> {
    Some(inputs.run.temporary.as_ref()?.join("mlbuild-open-check.json"))
}

/// Remembers `check` until it is completed.
pub(crate) fn remember(inputs: &Inputs, check: &OpenCheck) -> Result<(), ActionError> {
    if let (Some(path), Ok(json)) = (memory(inputs), serde_json::to_vec(check)) {
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
    let Ok(check) = serde_json::from_slice::<OpenCheck>(&bytes) else {
        return Ok(false);
    };
    let client = Client::new(&inputs.run.api_url, None, &inputs.token, inputs.run.repository.clone())?;
    publish::cancel_check(&client, &check)?;
    forget(&inputs);
    Ok(true)
}
