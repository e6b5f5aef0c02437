//! The stored form of what explains a changed latency, and how it comes from and becomes the measurement's own.

use serde::Deserialize;
use serde::Serialize;

use crate::measure::op_diff::OpChange;
use crate::measure::op_diff::OpChangeKind;
use crate::measure::op_diff::OpDifference;

/// The operators that stand out, and what the others stay within.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::report) struct OperatorDifference {
    changes: Vec<OperatorChange>,
    others_within_ms: f64,
}

/// One operator that takes another time than it did.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorChange {
    name: String,
    op_type: String,
    change_ms: f64,
    kind: Kind,
}

/// What became of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    New,
    Gone,
    Slower,
    Faster,
}

impl From<&OpDifference> for OperatorDifference {
    fn from(difference: &OpDifference) -> Self {
        let OpDifference {
            changes,
            others_within_ms,
        } = difference;
        let stored = |change: &OpChange| {
            let OpChange {
                name,
                op_type,
                change_ms,
                kind,
            } = change;
            OperatorChange {
                name: name.clone(),
                op_type: op_type.clone(),
                change_ms: *change_ms,
                kind: match kind {
                    OpChangeKind::New => Kind::New,
                    OpChangeKind::Gone => Kind::Gone,
                    OpChangeKind::Slower => Kind::Slower,
                    OpChangeKind::Faster => Kind::Faster,
                },
            }
        };
        Self {
            changes: changes.iter().map(stored).collect(),
            others_within_ms: *others_within_ms,
        }
    }
}

impl From<OperatorDifference> for OpDifference {
    fn from(stored: OperatorDifference) -> Self {
        let OperatorDifference {
            changes,
            others_within_ms,
        } = stored;
        let change = |stored: OperatorChange| {
            let OperatorChange {
                name,
                op_type,
                change_ms,
                kind,
            } = stored;
            OpChange {
                name,
                op_type,
                change_ms,
                kind: match kind {
                    Kind::New => OpChangeKind::New,
                    Kind::Gone => OpChangeKind::Gone,
                    Kind::Slower => OpChangeKind::Slower,
                    Kind::Faster => OpChangeKind::Faster,
                },
            }
        };
        Self {
            changes: changes.into_iter().map(change).collect(),
            others_within_ms,
        }
    }
}
