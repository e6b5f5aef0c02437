//! What one job tells the next: a command that somebody has to work on, all of it decided where no code of the pull request ran.

use serde::Deserialize;
use serde::Serialize;

use crate::bot::BotError;
use crate::github::CommitSha;
use crate::github::PrNumber;
use crate::pipeline::publish::OpenCheck;

/// Of this form of the plan.
pub const VERSION: u32 = 1;

/// A longer plan is none.
const MAX_BYTES: usize = 16 * 1024;

/// A command that is to be worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// The comment that asked.
    pub comment: u64,
    /// The reply that is to be edited.
    pub reply: u64,
    /// The pull request.
    pub pull: PrNumber,
    /// The commit that is meant, as it was when the comment was written.
    pub head: CommitSha,
    /// What it is compared with.
    pub base: CommitSha,
    /// Tells the gate from others.
    pub key: String,
    /// What is to be done.
    pub work: Work,
    /// The check run that was opened for it.
    pub check: Option<OpenCheck>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Work {
    /// Gate the commit.
    Run {
        /// Only this model.
        model: Option<String>,
        /// Only these variants; all where there are none.
        variants: Vec<String>,
    },
    /// Profile a model.
    Profile {
        /// Which; the only one where there is one.
        model: Option<String>,
    },
    /// Measure a model's variants.
    Explore {
        /// Which; the only one where there is one.
        model: Option<String>,
    },
    /// Publish the default branch's baseline.
    RefreshBaseline,
}

impl Work {
    /// Whether it gates everything, so that its verdict is the gate's.
    pub fn is_whole_gate(&self) -> bool {
        matches!(self, Self::Run { model: None, variants } if variants.is_empty())
    }

    /// As it was asked for, for people.
    pub fn line(&self) -> String {
        let with = |verb: &str, model: &Option<String>| match model {
            Some(model) => format!("/mlbuild {verb} \"{model}\""),
            None => format!("/mlbuild {verb}"),
        };
        match self {
            Self::Run { model, variants } if variants.is_empty() => with("run", model),
            Self::Run { model, variants } => format!("{} --variants {}", with("run", model), variants.join(",")),
            Self::Profile { model } => with("profile", model),
            Self::Explore { model } => with("explore", model),
            Self::RefreshBaseline => "/mlbuild baseline refresh".to_owned(),
        }
    }
}

impl Plan {
    /// As one line of JSON.
    pub fn to_text(&self) -> Result<String, BotError> {
        Ok(serde_json::to_string(self)?)
    }

    /// Reads what [`Plan::to_text`] wrote.
    pub fn parse(text: &str) -> Result<Self, BotError> {
        if text.len() > MAX_BYTES {
            return Err(BotError::Plan(format!("it is longer than {MAX_BYTES} bytes")));
        }
        let plan: Self = serde_json::from_str(text).map_err(|error| BotError::Plan(error.to_string()))?;
        if plan.version != VERSION {
            return Err(BotError::Plan(format!(
                "it has version {}, expected {VERSION}",
                plan.version
            )));
        }
        Ok(plan)
    }
}
