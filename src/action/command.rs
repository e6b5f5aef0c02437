//! The job that listens: a comment in, a reply or a plan for the next jobs out. It checks nothing out and runs nothing of the pull request.

use crate::action::dispatch::Surroundings;
use crate::action::error::ActionError;
use crate::action::inputs::Inputs;
use crate::action::outputs;
use crate::bot::listen;
use crate::bot::listen::Heard;
use crate::bot::listen::Place;
use crate::bot::plan::Work;
use crate::config::load;
use crate::github::Client;
use crate::github::event::Event;

/// Hears the comment of the event and returns the process' exit code. Outputs: `job` (`work`, `refresh` or nothing), `plan`, `head`, `reply`.
pub fn run(surroundings: &mut Surroundings<'_>) -> Result<i32, ActionError> {
    let inputs = Inputs::read(surroundings.environment)?;
    let event = Event::read(&inputs.run.event_name, &inputs.run.event_path)?;
    let Event::IssueComment(said) = event else {
        return Err(ActionError::NoComment(inputs.run.event_name));
    };
    let client = Client::new(&inputs.run.api_url, None, &inputs.token, inputs.run.repository.clone())?;
    let config = inputs
        .config
        .clone()
        .unwrap_or_else(|| inputs.working_folder.join(load::FILE_NAME));
    let place = Place {
        run_id: inputs.run.id,
        attempt: inputs.run.attempt,
        url: inputs.run.url(),
        key: inputs.gate_key(&config),
    };
    let heard = listen::hear(&client, &said, &place)?;
    let (job, plan, head, reply) = match &heard {
        Heard::Ignored(_) => ("", String::new(), "", ""),
        Heard::Answered { reply, .. } => ("", String::new(), "", reply.as_str()),
        Heard::Work(plan) => (
            match plan.work {
                Work::RefreshBaseline => "refresh",
                Work::Run { .. } | Work::Profile { .. } | Work::Explore { .. } => "work",
            },
            plan.to_text()?,
            plan.head.as_str(),
            "",
        ),
    };
    let output = inputs.run.output.as_deref();
    for (name, value) in [("job", job), ("plan", &plan), ("head", head), ("reply", reply)] {
        outputs::set(output, name, value)?;
    }
    let text = match &heard {
        Heard::Ignored(reason) => format!("not answered: {reason}"),
        Heard::Answered { done: true, .. } => "answered".to_owned(),
        Heard::Answered { done: false, .. } => "answered: what was asked for was refused".to_owned(),
        Heard::Work(plan) => format!("to be done: {}", plan.work.line()),
    };
    (surroundings.log)(&format!("::notice title=mlbuild::{}", outputs::escape(&text)));
    Ok(0)
}
