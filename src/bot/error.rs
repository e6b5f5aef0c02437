//! Why a command could not be answered.

use crate::github::GithubError;
use crate::hint::Hint;

/// Why a command could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// GitHub.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// What one job told the next is not what it should be.
    #[error("the plan of the command cannot be used: {0}")]
    Plan(String),
    /// The plan cannot be written.
    #[error("the plan of the command cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

impl Hint for BotError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Github(error) => error.hints(),
            Self::Plan(_) => vec![
                "hand the output `plan` of the job that listens to the jobs that work and answer, unchanged".to_owned(),
            ],
            Self::Json(_) => vec!["this is a defect of mlbuild: please report it with the comment's text".to_owned()],
        }
    }
}
