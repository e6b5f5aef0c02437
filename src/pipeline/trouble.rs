//! Why something of one comparison failed, reduced to what its reader needs: a reason on one line, and what to do.

use crate::hint::Hint;
use crate::verdict::Comparison;
use crate::verdict::ComparisonKey;
use crate::verdict::Verdict;
use crate::verdict::undecided;

/// What went wrong with something that all comparisons of a model share, or with one of them.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// Why, on one line.
    pub(super) reason: String,
    /// What to do.
    pub(super) hints: Vec<String>,
}

impl Trouble {
    pub(super) fn of(error: &(impl std::error::Error + Hint)) -> Self {
        Self {
            reason: chain(error),
            hints: error.hints(),
        }
    }

    pub(super) fn comparison(self, key: &ComparisonKey) -> Comparison {
        undecided(key, Verdict::Error, self.reason, self.hints)
    }
}

/// An error and its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
