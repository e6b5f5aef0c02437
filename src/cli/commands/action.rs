//! `mlbuild action`: what the GitHub Action runs.

use crate::action;
use crate::action::Surroundings;
use crate::cli::clock;
use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::progress::Installing;
use crate::cli::progress::Progress;
use crate::cli::signals;

/// Do what the GitHub event asks for: gate a pull request, or publish a baseline.
///
/// Reads the inputs of `action.yml` and the runner's variables from the environment.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Another job than the one that the event asks for.
    job: Option<Job>,
    /// Only complete the check run that a killed run left open.
    #[arg(long)]
    finalize: bool,
}

/// What else a workflow may ask for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Job {
    /// Publish what a run that may not write has measured.
    Report,
    /// Hear a comment: answer it, or say what is to be done.
    Command,
    /// Do what a comment asks for, with the right to read alone.
    Work,
    /// Answer a comment with what was done.
    Answer,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    if args.finalize {
        let completed = action::finalize::run(&context.environment)?;
        context.ui.status(if completed {
            "completed the check run that was left open"
        } else {
            "every check run is completed"
        });
        return Ok(Exit::Pass);
    }
    let interrupt = signals::interrupt();
    let mut progress = Progress::new(&context.ui);
    let mut installing = Installing::new(&context.ui);
    let mut surroundings = Surroundings {
        environment: &context.environment,
        interrupt: &interrupt,
        strict_output: context.global.strict_output,
        now: clock::now(),
        observer: &mut |event| progress.show(event),
        installing: &mut |event| installing.show(&event),
        log: &mut |line| {
            // Workflow commands count on stdout; a log that nobody reads is no reason to fail.
            let _ = context.ui.data(line);
        },
    };
    Ok(desk::exit(match args.job {
        None => action::run(&mut surroundings)?,
        Some(Job::Report) => action::report::run(&mut surroundings)?,
        Some(Job::Command) => action::command::run(&mut surroundings)?,
        Some(Job::Work) => action::work::run(&mut surroundings)?,
        Some(Job::Answer) => action::answer::run(&mut surroundings)?,
    }))
}
