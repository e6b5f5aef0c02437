//! The job that answers: what the job before it left behind as an artifact of this very run is read strictly, and the reply says it. Nothing of the
//! pull request runs here, and nothing of it is believed beyond what it measured.

use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::inputs::Inputs;
use crate::action::outputs;
use crate::action::work;
use crate::bot::Plan;
use crate::bot::answer;
use crate::bot::answer::Place;
use crate::bot::answer::Result as Came;
use crate::bot::plan::Work;
use crate::config::load;
use crate::github::Client;
use crate::hint::Hint;
use crate::pipeline::baseline;
use crate::pipeline::handover;
use crate::pipeline::handover::Base;
use crate::pipeline::handover::Origin;
use crate::pipeline::trouble::chain;
use crate::report::handover::Content;
use crate::report::told;
use crate::report::told::Told;

/// Answers and returns the process' exit code: what the reply says is no failure of the job.
pub fn run(surroundings: &mut Surroundings<'_>) -> Result<i32, ActionError> {
    let inputs = Inputs::read(surroundings.environment)?;
    let plan = work::plan(surroundings)?;
    let client = Client::new(&inputs.run.api_url, None, &inputs.token, inputs.run.repository.clone())?;
    let input = |name: &str| surroundings.environment.get(name).map_or("", |value| value.trim());
    let came = match &plan.work {
        Work::RefreshBaseline => match (input("INPUT_RESULT"), input("INPUT_BASELINE_NAME")) {
            ("success", tag) if !tag.is_empty() => Came::Refreshed(format!("the baseline is {tag}")),
            ("success", _) => Came::Refreshed("there is nothing to publish".to_owned()),
            (result, _) => nothing(format!(
                "the job that publishes the baseline ended in {}",
                or_nothing(result)
            )),
        },
        Work::Run { .. } => gate(&client, &inputs, &plan, input("INPUT_RESULT"))?,
        Work::Profile { .. } | Work::Explore { .. } => table(&client, &inputs, &plan, input("INPUT_RESULT"))?,
    };
    let place = Place {
        run_id: inputs.run.id,
        attempt: inputs.run.attempt,
        url: inputs.run.url(),
        server_url: inputs.run.server_url.clone(),
        now: now(surroundings)?,
    };
    let done = answer::answer(&client, &plan, came, &place)?;
    let text = if done {
        "answered"
    } else {
        "answered: there was no result"
    };
    (surroundings.log)(&format!("::notice title=mlbuild::{}", outputs::escape(text)));
    Ok(0)
}

/// The clock of the front end.
pub(super) fn now(surroundings: &Surroundings<'_>) -> Result<jiff::Timestamp, ActionError> {
    surroundings.now.parse().map_err(|_| {
        ActionError::Input(crate::action::inputs::InputError::Wrong {
            name: "the clock",
            value: surroundings.now.clone(),
            expected: "a time",
        })
    })
}

fn nothing(reason: String) -> Came {
    Came::Nothing {
        reason,
        hints: vec!["the run's log says why; write the command again to try again".to_owned()],
    }
}

/// A job's result as GitHub names it, or that it has none.
fn or_nothing(result: &str) -> String {
    match result {
        "success" | "failure" | "cancelled" | "skipped" => format!("`{result}`"),
        _ => "nothing".to_owned(),
    }
}

/// The gate's result, judged again by the limits of the base.
fn gate(client: &Client, inputs: &Inputs, plan: &Plan, result: &str) -> Result<Came, ActionError> {
    let origin = Origin {
        run_id: inputs.run.id,
        attempt: inputs.run.attempt,
        head: plan.head.clone(),
        pulls: vec![plan.pull],
    };
    let (fetched, _) = handover::fetch(client, &origin)?;
    let name = handover::artifact_name(&plan.key);
    let Some(found) = fetched.into_iter().find(|fetched| fetched.name == name) else {
        return Ok(nothing(format!(
            "the job that measures ended in {} without a result",
            or_nothing(result)
        )));
    };
    let mut handover = match found.result {
        Ok(handover) => handover,
        Err(refused) => {
            return Ok(Came::Nothing {
                reason: format!("the result is not believed: {}", chain(&refused)),
                hints: refused.hints(),
            });
        }
    };
    if let Content::Judged(judged) = &mut handover.content {
        // Which config counts is the workflow's to say.
        let config = inputs
            .config
            .clone()
            .unwrap_or_else(|| inputs.working_folder.join(load::FILE_NAME));
        let relative = config.strip_prefix(&inputs.run.workspace).unwrap_or(&config);
        let expected = baseline::repository_path("", relative);
        let base = match expected {
            Some(path) if path == judged.report.context.config_path => Base::read(client, &path, &plan.base)?,
            _ => Base::Absent,
        };
        let notices = handover::rejudge(judged, &base);
        judged.report.notices.extend(notices);
    }
    Ok(Came::Gate(Box::new(handover)))
}

/// A table, proved to be the one that was asked for.
fn table(client: &Client, inputs: &Inputs, plan: &Plan, result: &str) -> Result<Came, ActionError> {
    let limit = told::MAX_BYTES as u64 * 2;
    let file = match handover::file(client, inputs.run.id, work::TABLE_ARTIFACT, work::TABLE_FILE, limit) {
        Ok(Some(file)) => file,
        Ok(None) => {
            return Ok(nothing(format!(
                "the job that measures ended in {} without a result",
                or_nothing(result)
            )));
        }
        Err(refused) => {
            return Ok(Came::Nothing {
                reason: format!("the result is not believed: {}", chain(&refused)),
                hints: refused.hints(),
            });
        }
    };
    Ok(match Told::from_bytes(&file) {
        Ok(told)
            if told.run_id == inputs.run.id
                && told.comment == plan.comment
                && told.head_commit == plan.head.as_str() =>
        {
            Came::Table(Box::new(told))
        }
        Ok(_) => nothing("the result is not the one that was asked for".to_owned()),
        Err(error) => nothing(format!("the result is not believed: {}", chain(&error))),
    })
}
