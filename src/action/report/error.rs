//! Why the second workflow has no verdict to show.

use crate::hint::Hint;
use crate::pipeline::handover::RefusedResult;
use crate::report::clean;
use crate::report::handover::Failure;

/// A run that cannot be reported, or a gate of it.
#[derive(Debug, thiserror::Error)]
pub enum ReportingError {
    /// Started by something else than another workflow's end.
    #[error("reporting was started by the event `{0}`, expected `workflow_run`")]
    OtherEvent(String),
    /// A workflow that merely has the same name.
    #[error("the run belongs to the workflow `{found}`, expected `{expected}`")]
    OtherWorkflow {
        /// The workflow's file.
        found: String,
        /// The one that measures.
        expected: String,
    },
    /// A run of another repository.
    #[error("the run belongs to another repository")]
    OtherRepository,
    /// No artifact.
    #[error("the run that measured ended as `{conclusion}` and left no result `{name}`")]
    NoResult {
        /// The artifact's name.
        name: String,
        /// How the run ended.
        conclusion: String,
    },
    /// An artifact that is not believed.
    #[error("the result `{name}` is not believed")]
    Refused {
        /// The artifact's name.
        name: String,
        /// Why.
        #[source]
        source: Box<RefusedResult>,
    },
    /// A good result out of a run that did not end well.
    #[error("the result says `{result}`, and its run ended as `{conclusion}`")]
    Unbelievable {
        /// What the result says.
        result: &'static str,
        /// How the run ended.
        conclusion: String,
    },
    /// More gates than are reported.
    #[error("{0} results of the run were not looked at, as there are too many")]
    TooMany(usize),
    /// The gate itself had none.
    #[error("the run that measured could not judge: {}", clean::line(&.0.reason, clean::PROSE_LENGTH))]
    NotJudged(Failure),
}

impl ReportingError {
    /// True where somebody stopped the run that measured.
    pub fn is_interrupt(&self) -> bool {
        match self {
            Self::NoResult { conclusion, .. } => conclusion == "cancelled",
            Self::NotJudged(failure) => failure.cancelled,
            _ => false,
        }
    }
}

impl Hint for ReportingError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::OtherEvent(_) => vec![
                "use it in a workflow with `on: workflow_run`, as examples/workflows/mlbuild-report.yml does".to_owned(),
            ],
            Self::OtherWorkflow { .. } => vec![
                "name the file of the workflow that measures with the input `workflow`".to_owned(),
                "a pull request can bring a workflow of the same name: its runs are not reported".to_owned(),
            ],
            Self::OtherRepository => vec!["run it in the repository that measures".to_owned()],
            Self::NoResult { .. } => vec![
                "look at the run that measured: its job failed before mlbuild, was skipped, or uses a version of the action without results"
                    .to_owned(),
                "re-run it, or push again; the check stays red until there is a result".to_owned(),
            ],
            Self::Refused { source, .. } => source.hints(),
            Self::Unbelievable { .. } => vec![
                "look at the run that measured: another step or job of it failed. Keep the gate in a workflow of its own"
                    .to_owned(),
            ],
            Self::TooMany(_) => vec!["report them by several steps, each with its input `key`".to_owned()],
            Self::NotJudged(failure) => failure.hints.clone(),
        }
    }
}
