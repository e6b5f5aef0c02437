//! Every word that a reply says by itself.

use crate::bot::command::DEFAULT_DAYS;
use crate::bot::plan::Work;
use crate::github::CommitSha;
use crate::report::markdown;

/// What there is.
pub fn text() -> String {
    format!(
        "Commands are for people who may write to this repository: one a comment, on a line of its own.\n\n\
         | command | what it does |\n|---|---|\n\
         | `/mlbuild run [model] [--variants fp32,int8]` | measures this pull request again; without a selection, check and comment follow |\n\
         | `/mlbuild explain [model]` | says in words what was found: which limit, which interval, which operators |\n\
         | `/mlbuild accept <why> [--until 2026-12-24 \\| --days 14]` | takes the result of this commit as it is, for {DEFAULT_DAYS} days where nothing is said |\n\
         | `/mlbuild profile [model]` | where the time of an inference goes |\n\
         | `/mlbuild explore [model]` | which variant is worth having |\n\
         | `/mlbuild baseline refresh` | publishes the default branch's baseline anew |\n\
         | `/mlbuild help` | this |\n\n\
         A command means the commit that was proposed when the comment was written. `--sha` names one instead. Whoever edits or deletes an \
         `accept` comment takes the acceptance back.\n"
    )
}

/// Work has begun.
pub fn begun(work: &Work, head: &CommitSha, run_url: &str) -> String {
    let what = markdown::code(&work.line());
    let run = markdown::link("follow it", run_url);
    match work {
        Work::RefreshBaseline => format!("⏳ {what}: the default branch is being measured · {run}\n"),
        _ => format!(
            "⏳ {what} on {}: being measured · {run}\n",
            markdown::code(head.short())
        ),
    }
}

/// What was asked for was not done.
pub fn refused(reason: &str, hint: &str) -> String {
    format!("{}\n\n{}\n", markdown::prose(reason), markdown::prose(hint))
}

/// What was asked for could not be done.
pub fn failed(reason: &str, hints: &[String], run_url: &str) -> String {
    let mut text = format!("⛔ {}\n", markdown::prose(reason));
    for hint in hints.iter().take(5) {
        text.push_str(&format!("\n- {}", markdown::prose(hint)));
    }
    text.push_str(&format!("\n\n{}\n", markdown::link("the run's log", run_url)));
    text
}
