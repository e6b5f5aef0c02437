//! A person's word that a result is taken as it is: for one commit, for a time, with a reason. It never makes a verdict another one.

use serde::Deserialize;
use serde::Serialize;

use crate::verdict::Outcome;

/// Who took which result, why, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The pull request.
    pub pull_request: u64,
    /// The commit whose result is accepted, and no other.
    pub commit: String,
    /// Who.
    pub by: String,
    /// Why, in his words. Hostile.
    pub reason: String,
    /// The number of the comment in which it stands.
    pub comment: u64,
    /// When, ISO 8601 in UTC.
    pub at: String,
    /// Until when, ISO 8601 in UTC.
    pub until: String,
}

/// What an accepted run means for the check: what failed or was left open becomes neutral, never a success. What was not measured stays
/// broken: nobody knows what there is to accept.
pub fn accepted(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Failed | Outcome::Neutral => Outcome::Neutral,
        other @ (Outcome::Broken | Outcome::Passed | Outcome::Skipped) => other,
    }
}
