//! The job that works on a command: the pinned commit lies checked out, the token may only read, and nothing is written to GitHub. What comes of it is a
//! file for the job that answers.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::action::dispatch::Proposal;
use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::gate;
use crate::action::inputs::Inputs;
use crate::action::outputs;
use crate::action::refresh;
use crate::action::selection::Selection;
use crate::action::tables;
use crate::bot::Plan;
use crate::bot::plan::Work;
use crate::files;
use crate::github::Client;
use crate::github::CommitSha;
use crate::github::event;
use crate::github::event::PullRequest;
use crate::github::workflow_run;
use crate::github::workflow_run::RepositoryFacts;
use crate::hint::Hint;
use crate::pipeline::handover;
use crate::pipeline::trouble::chain;
use crate::report::handover::Content;
use crate::report::handover::Failure;
use crate::report::handover::Handover;
use crate::report::handover::Judged;
use crate::report::told::Told;

/// The artifact that holds a table.
pub(super) const TABLE_ARTIFACT: &str = "mlbuild-table";

/// The one file in it.
pub(super) const TABLE_FILE: &str = "told.json";

/// The folder of what is uploaded, below the runner's temporary one.
const FOLDER: &str = "mlbuild-answer";

/// Works on the plan in `INPUT_PLAN` and returns the process' exit code: 0 where there is a result to hand on, whatever it says. Outputs: `file`,
/// `artifact` (what to call it), `page` (a page for people, or nothing), and for a baseline `text`.
pub fn run(surroundings: &mut Surroundings<'_>) -> Result<i32, ActionError> {
    let inputs = Inputs::read(surroundings.environment)?;
    let plan = plan(surroundings)?;
    let client = Client::new(&inputs.run.api_url, None, &inputs.token, inputs.run.repository.clone())?;
    let repository = || -> Result<RepositoryFacts, ActionError> {
        match event::repository(&inputs.run.event_path) {
            Some(found) => Ok(found),
            None => Ok(workflow_run::repository(&client)?),
        }
    };
    if plan.work == Work::RefreshBaseline {
        let branch = repository()?.default_branch;
        // A comment's run belongs to the default branch and its newest commit.
        return refresh::run(&inputs, &client, &branch, &inputs.run.sha, &repository, surroundings);
    }
    check_commit(&inputs.run.workspace, &plan.head)?;
    let folder = inputs
        .run
        .temporary
        .clone()
        .unwrap_or_else(|| inputs.run.workspace.join(".mlbuild"))
        .join(FOLDER);
    let output = inputs.run.output.as_deref();
    let (path, artifact, page) = match &plan.work {
        Work::Run { model, variants } => {
            let only = Selection {
                model: model.clone(),
                variants: variants.clone(),
            };
            let handover = gate(&inputs, &client, &plan, only, &repository, surroundings);
            let path = handover::write(&folder, &handover)?;
            (path, handover::artifact_name(&handover.key), None)
        }
        Work::Profile { model } => {
            let made = tables::profile(&inputs, model.as_deref(), &folder, surroundings);
            table(&inputs, &plan, &folder, made, surroundings)?
        }
        Work::Explore { model } => {
            let made = tables::explore(&inputs, model.as_deref(), &folder, surroundings);
            table(&inputs, &plan, &folder, made, surroundings)?
        }
        Work::RefreshBaseline => return Ok(0),
    };
    outputs::set(output, "file", &path.display().to_string())?;
    outputs::set(output, "artifact", &artifact)?;
    let page = page.map(|page| page.display().to_string()).unwrap_or_default();
    outputs::set(output, "page", &page)?;
    Ok(0)
}

/// The plan that the job before handed on.
pub(super) fn plan(surroundings: &Surroundings<'_>) -> Result<Plan, ActionError> {
    let text = surroundings
        .environment
        .get("INPUT_PLAN")
        .filter(|text| !text.trim().is_empty())
        .ok_or(crate::action::inputs::InputError::Missing("INPUT_PLAN"))?;
    Ok(Plan::parse(text)?)
}

/// Refuses a checkout of another commit. One that is no repository of git says nothing.
fn check_commit(workspace: &Path, head: &CommitSha) -> Result<(), ActionError> {
    let Ok(text) = fs::read_to_string(workspace.join(".git/HEAD")) else {
        return Ok(());
    };
    // A branch is no commit: what it points to may have moved.
    if text.trim() == head.as_str() {
        return Ok(());
    }
    Err(ActionError::Selection {
        message: format!(
            "the checkout is not of {}, the commit that the command means",
            head.short()
        ),
        hint: "check out with `ref:` set to the output `head` of the job that listens".to_owned(),
    })
}

/// The gate's result, or why there is none.
fn gate(
    inputs: &Inputs,
    client: &Client,
    plan: &Plan,
    only: Selection,
    repository: &dyn Fn() -> Result<RepositoryFacts, ActionError>,
    surroundings: &mut Surroundings<'_>,
) -> Handover {
    let proposal = Proposal {
        head: plan.head.clone(),
        base: Some(plan.base.clone()),
        pull: Some(PullRequest {
            number: plan.pull,
            action: None,
            title: None,
            base_sha: plan.base.clone(),
            base_ref: String::new(),
            head_sha: plan.head.clone(),
            head_ref: String::new(),
            head_repo_is_fork: true,
            target: false,
        }),
    };
    let content = match gate::judge(inputs, client, &proposal, &plan.key, only, repository, surroundings) {
        Ok((report, outcome)) => Content::Judged(Box::new(Judged { report, outcome })),
        Err(error) => {
            (surroundings.log)(&format!("::error title=mlbuild::{}", outputs::escape(&chain(&error))));
            Content::Failed(Failure {
                reason: chain(&error),
                hints: error.hints(),
                cancelled: error.is_interrupt(),
            })
        }
    };
    Handover {
        repository: inputs.run.repository.clone(),
        run_id: inputs.run.id,
        attempt: inputs.run.attempt,
        pull: Some(plan.pull),
        key: plan.key.clone(),
        head: plan.head.clone(),
        base: Some(plan.base.clone()),
        content,
    }
}

/// Writes a table, or why there is none: the file, its artifact's name, and the page.
fn table(
    inputs: &Inputs,
    plan: &Plan,
    folder: &Path,
    made: Result<tables::Made, ActionError>,
    surroundings: &mut Surroundings<'_>,
) -> Result<(PathBuf, String, Option<PathBuf>), ActionError> {
    let (told, page) = match made {
        Ok(made) => (
            Told::table(inputs.run.id, plan.comment, plan.head.as_str(), made.table),
            Some(made.page),
        ),
        Err(error) => {
            (surroundings.log)(&format!("::error title=mlbuild::{}", outputs::escape(&chain(&error))));
            let told = Told::failed(
                inputs.run.id,
                plan.comment,
                plan.head.as_str(),
                &chain(&error),
                &error.hints(),
            );
            (told, None)
        }
    };
    let path = folder.join(TABLE_ARTIFACT).join(TABLE_FILE);
    files::write_atomic(&path, told.to_text()?.as_bytes())?;
    Ok((path, TABLE_ARTIFACT.to_owned(), page))
}
