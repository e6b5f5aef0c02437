//! The second workflow of a public repository: it may write, checks nothing out, and publishes what a run without rights has measured.
//!
//! Believed is what GitHub says in the event and by its API: run, attempt, workflow file, commit, where it came from, how it ended. The
//! pull request is the one open pull request from that branch whose head is that commit. What the run left behind is a claim.

pub mod error;
mod gate;

use std::collections::BTreeMap;

use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::inputs::Inputs;
use crate::action::outputs;
use crate::github::Client;
use crate::github::event;
use crate::github::event::Event;
use crate::github::event::WorkflowRun;
use crate::github::pull;
use crate::github::pull::Pull;
use crate::pipeline::handover;
use crate::pipeline::handover::Fetched;
use crate::pipeline::handover::Origin;
use crate::pipeline::trouble::chain;
use crate::report::handover::Content;
use crate::report::handover::Handover;
use crate::verdict::Outcome;

pub use error::ReportingError;

/// The file of the workflow that measures, unless the input says otherwise.
const WORKFLOW: &str = ".github/workflows/mlbuild.yml";

/// The gate of a repository with one config at its root.
const DEFAULT_KEY: &str = "default";

/// What is known for certain of the run.
struct Proven<'a> {
    run: &'a WorkflowRun,
    /// The open pull requests that propose the run's commit.
    pulls: Vec<Pull>,
    /// How the run ended.
    conclusion: String,
    /// True where some other result of the run explains that it did not end well.
    explained: bool,
}

/// Publishes the results of the run that started this one, and returns the exit code.
pub fn run(surroundings: &mut Surroundings<'_>) -> Result<i32, ActionError> {
    let inputs = Inputs::read(surroundings.environment)?;
    let event = Event::read(&inputs.run.event_name, &inputs.run.event_path)?;
    let Event::WorkflowRun(run) = &event else {
        return Err(ReportingError::OtherEvent(inputs.run.event_name.clone()).into());
    };
    let facts = event::repository(&inputs.run.event_path);
    if facts.is_none_or(|facts| facts.id != run.repository_id) {
        return Err(ReportingError::OtherRepository.into());
    }
    if let Some(reason) = nothing_to_report(run) {
        (surroundings.log)(&format!("::notice title=mlbuild::{}", outputs::escape(&reason)));
        outputs::set(inputs.run.output.as_deref(), "result", "skipped")?;
        return Ok(0);
    }
    let expected = inputs.workflow.as_deref().unwrap_or(WORKFLOW);
    if run.path != expected {
        return Err(ReportingError::OtherWorkflow {
            found: run.path.clone(),
            expected: expected.to_owned(),
        }
        .into());
    }
    let client = Client::new(&inputs.run.api_url, None, &inputs.token, inputs.run.repository.clone())?;
    report(&inputs, &client, run, surroundings)
}

/// Why a run is none of ours.
fn nothing_to_report(run: &WorkflowRun) -> Option<String> {
    if run.event != "pull_request" {
        return Some(format!(
            "the run was started by `{}`: only those of pull requests are reported",
            run.event
        ));
    }
    match run.conclusion.as_deref() {
        None => Some("the run has not ended yet".to_owned()),
        Some("action_required") => {
            Some("the run waits for a maintainer's approval: nothing was measured yet".to_owned())
        }
        Some(_) => None,
    }
}

fn report(
    inputs: &Inputs,
    client: &Client,
    run: &WorkflowRun,
    surroundings: &mut Surroundings<'_>,
) -> Result<i32, ActionError> {
    let pulls = match (&run.head_owner, &run.head_branch) {
        (Some(owner), Some(branch)) => pull::open_with_head(client, owner, branch, &run.head_sha)?,
        _ => Vec::new(),
    };
    let origin = Origin {
        run_id: run.id,
        attempt: run.attempt,
        head: run.head_sha.clone(),
        pulls: pulls.iter().map(|pull| pull.number).collect(),
    };
    let (fetched, left_out) = handover::fetch(client, &origin)?;
    let is_own = run.head_repository_id == Some(run.repository_id);
    if fetched.is_empty() && is_own {
        let text = "the run could write for itself and left no result: nothing to report";
        (surroundings.log)(&format!("::notice title=mlbuild::{text}"));
        outputs::set(inputs.run.output.as_deref(), "result", "skipped")?;
        return Ok(0);
    }
    let proven = Proven {
        run,
        pulls,
        conclusion: run.conclusion.clone().unwrap_or_default(),
        explained: fetched.iter().any(|fetched| is_bad(&fetched.result)),
    };
    let mut code = 0;
    let results = wanted(inputs.key.as_deref(), fetched, &proven);
    for (key, result) in results {
        code = code.max(gate::publish(inputs, client, &proven, &key, result, surroundings)?);
    }
    if left_out > 0 {
        let error = ReportingError::TooMany(left_out);
        (surroundings.log)(&format!("::error title=mlbuild::{}", outputs::escape(&chain(&error))));
        code = 2;
    }
    Ok(code)
}

/// True where a result does not let its run end well.
fn is_bad<E>(result: &Result<Handover, E>) -> bool {
    match result {
        Ok(Handover {
            content: Content::Judged(judged),
            ..
        }) => judged.outcome >= Outcome::Failed,
        Ok(_) | Err(_) => true,
    }
}

/// Every gate to be reported, by key, with what there is of it. What is asked for and missing is an error, and so is nothing at all.
fn wanted(
    asked: Option<&str>,
    fetched: Vec<Fetched>,
    proven: &Proven<'_>,
) -> Vec<(String, Result<Handover, ReportingError>)> {
    let mut by_name: BTreeMap<String, Result<Handover, ReportingError>> = BTreeMap::new();
    for Fetched { name, result } in fetched {
        let result = result.map_err(|source| ReportingError::Refused {
            name: crate::report::clean::line(&name, crate::report::clean::NAME_LENGTH),
            source: Box::new(source),
        });
        by_name.insert(name, result);
    }
    let missing = |key: &str| {
        Err(ReportingError::NoResult {
            name: handover::artifact_name(key),
            conclusion: proven.conclusion.clone(),
        })
    };
    let keys: Vec<&str> = asked
        .map(|asked| asked.lines().map(str::trim).filter(|key| !key.is_empty()).collect())
        .unwrap_or_default();
    if !keys.is_empty() {
        return keys
            .into_iter()
            .map(|key| {
                let found = by_name.remove(&handover::artifact_name(key));
                (key.to_owned(), found.unwrap_or_else(|| missing(key)))
            })
            .collect();
    }
    if by_name.is_empty() {
        return vec![(DEFAULT_KEY.to_owned(), missing(DEFAULT_KEY))];
    }
    by_name
        .into_iter()
        .map(|(name, result)| {
            let key = match &result {
                Ok(handover) => handover.key.clone(),
                // The name is all that is known of it, and at most this much of it.
                Err(_) => crate::report::clean::line(
                    name.trim_start_matches(handover::ARTIFACT_PREFIX),
                    crate::report::clean::NAME_LENGTH,
                ),
            };
            (key, result)
        })
        .collect()
}
