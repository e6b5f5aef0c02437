//! Which operators explain a difference between two models: a pure comparison of per-operator times of both sides.
//!
//! Each side was profiled several times, in turns. Operators are paired by name and type, then by name, then by type and size of
//! output in the order of execution, so that renamed nodes find each other; what is left is new or gone. A pair counts as changed
//! only where no repeat of one side reaches into the repeats of the other. With five repeats a side, two samples of one
//! distribution stand apart like this in 2 of 252 cases (the extreme ranks of the Wilcoxon rank-sum test), and what is small
//! beside the whole change is left out, so that noise is not blamed on an operator.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::Hash;

use serde::Deserialize;
use serde::Serialize;

use crate::stats::summary;

/// A person reads no more operators than this.
pub const MOST_NAMED: usize = 5;

/// What makes up less than this share of all that was gained or lost explains nothing.
const TELLING_SHARE: f64 = 0.05;

/// One operator of one side and its time in every repeat.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OpTimes {
    /// The node's name, by which both sides are paired; empty where it has none.
    pub name: String,
    /// What people call it; empty where only its type is known.
    pub label: String,
    /// The operator: `Conv`.
    pub op_type: String,
    /// Bytes of what it writes, where that is known.
    pub output_bytes: Option<u64>,
    /// Seconds of one inference, one entry a repeat.
    pub seconds: Vec<f64>,
}

/// What became of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpChangeKind {
    /// The baseline has none like it.
    New,
    /// The candidate has none like it any more.
    Gone,
    /// Both have it, and the candidate's takes longer.
    Slower,
    /// Both have it, and the candidate's takes less time.
    Faster,
}

/// One operator that takes another time than it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpChange {
    /// The node's name; its type where it has no name.
    pub name: String,
    /// The operator: `Conv`.
    pub op_type: String,
    /// Candidate − baseline, milliseconds of one inference.
    pub change_ms: f64,
    /// What became of it.
    pub kind: OpChangeKind,
}

/// What explains a difference between two models.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OpDifference {
    /// The operators that stand out, the one that explains most first; none where the change is spread over many.
    pub changes: Vec<OpChange>,
    /// No other operator changed by more than this, milliseconds.
    pub others_within_ms: f64,
}

/// Collects the repeats of one side: operators with the same name and type are one operator in all repeats, the second of a name
/// with the second. What is missing in a repeat took no time in it.
pub fn gather(repeats: &[Vec<OpTimes>]) -> Vec<OpTimes> {
    let mut gathered: Vec<OpTimes> = Vec::new();
    let mut places: HashMap<(&str, &str, usize), usize> = HashMap::new();
    for (index, repeat) in repeats.iter().enumerate() {
        let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
        for op in repeat {
            let nth = seen.entry((&op.name, &op.op_type)).or_default();
            let place = *places.entry((&op.name, &op.op_type, *nth)).or_insert_with(|| {
                gathered.push(OpTimes {
                    seconds: vec![0.0; repeats.len()],
                    ..op.clone()
                });
                gathered.len() - 1
            });
            *nth += 1;
            gathered[place].seconds[index] += op.seconds.iter().sum::<f64>();
        }
    }
    gathered
}

/// Names the operators that explain the difference between two sides. All times are multiplied by `scale`, as profiling itself
/// takes time. `slower` says which direction is to be explained: it comes first.
pub fn difference(baseline: &[OpTimes], candidate: &[OpTimes], scale: f64, slower: bool) -> OpDifference {
    let mut all: Vec<(OpChange, bool)> = pairs(baseline, candidate)
        .into_iter()
        .filter_map(|(before, after)| change(before, after, scale))
        .collect();
    let sum = |positive: bool| {
        let changes = all.iter().map(|(change, _)| change.change_ms);
        changes
            .filter(|change| (*change > 0.0) == positive)
            .map(f64::abs)
            .sum::<f64>()
    };
    let least = TELLING_SHARE * sum(true).max(sum(false));
    let asked = |change: &OpChange| (change.change_ms > 0.0) == slower;
    all.sort_by(|(one, _), (other, _)| {
        (asked(other), other.change_ms.abs())
            .partial_cmp(&(asked(one), one.change_ms.abs()))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut difference = OpDifference::default();
    for (change, clear) in all {
        let size = change.change_ms.abs();
        if clear && size >= least && size > 0.0 && difference.changes.len() < MOST_NAMED {
            difference.changes.push(change);
        } else {
            difference.others_within_ms = difference.others_within_ms.max(size);
        }
    }
    difference
}

/// The change of one pair, and whether it is beyond the spread between repeats.
fn change(before: Option<&OpTimes>, after: Option<&OpTimes>, scale: f64) -> Option<(OpChange, bool)> {
    let shown = after.or(before)?;
    let median = |op: Option<&OpTimes>| op.and_then(|op| summary::median(&op.seconds)).unwrap_or(0.0);
    let change_ms = (median(after) - median(before)) * scale * 1e3;
    let kind = match (before, after) {
        (None, _) => OpChangeKind::New,
        (_, None) => OpChangeKind::Gone,
        _ if change_ms > 0.0 => OpChangeKind::Slower,
        _ => OpChangeKind::Faster,
    };
    let clear = match (before, after) {
        (Some(before), Some(after)) => apart(&before.seconds, &after.seconds),
        _ => true,
    };
    let name = if shown.label.is_empty() {
        &shown.op_type
    } else {
        &shown.label
    };
    let change = OpChange {
        name: name.clone(),
        op_type: shown.op_type.clone(),
        change_ms,
        kind,
    };
    change_ms.is_finite().then_some((change, clear))
}

/// True where all of one lie on one side of all of the other.
fn apart(one: &[f64], other: &[f64]) -> bool {
    let lowest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    lowest(one) > highest(other) || lowest(other) > highest(one)
}

type Pair<'a> = (Option<&'a OpTimes>, Option<&'a OpTimes>);

/// Every operator of both sides, with its partner where it has one.
fn pairs<'a>(baseline: &'a [OpTimes], candidate: &'a [OpTimes]) -> Vec<Pair<'a>> {
    let mut found: Vec<Pair<'a>> = Vec::new();
    let mut before: Vec<&OpTimes> = baseline.iter().collect();
    let mut after: Vec<&OpTimes> = candidate.iter().collect();
    let name = |op: &OpTimes| (!op.name.is_empty()).then(|| op.name.clone());
    take(&mut before, &mut after, &mut found, |op| {
        Some((name(op)?, op.op_type.clone()))
    });
    take(&mut before, &mut after, &mut found, name);
    take(&mut before, &mut after, &mut found, |op| {
        Some((op.op_type.clone(), op.output_bytes))
    });
    found.extend(before.into_iter().map(|op| (Some(op), None)));
    found.extend(after.into_iter().map(|op| (None, Some(op))));
    found
}

/// Moves the operators with equal keys to `found`, the first of a key with the first.
fn take<'a, K: Hash + Eq>(
    before: &mut Vec<&'a OpTimes>,
    after: &mut Vec<&'a OpTimes>,
    found: &mut Vec<Pair<'a>>,
    key: impl Fn(&OpTimes) -> Option<K>,
) {
    let mut waiting: HashMap<K, VecDeque<usize>> = HashMap::new();
    for (index, op) in after.iter().enumerate() {
        if let Some(key) = key(op) {
            waiting.entry(key).or_default().push_back(index);
        }
    }
    let mut taken = vec![false; after.len()];
    before.retain(|op| {
        let partner = key(op).and_then(|key| waiting.get_mut(&key)?.pop_front());
        if let Some(partner) = partner {
            taken[partner] = true;
            found.push((Some(op), Some(after[partner])));
        }
        partner.is_none()
    });
    let mut taken = taken.into_iter();
    after.retain(|_| taken.next() != Some(true));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn op(name: &str, op_type: &str, bytes: u64, microseconds: &[f64]) -> OpTimes {
        OpTimes {
            name: name.to_owned(),
            label: name.to_owned(),
            op_type: op_type.to_owned(),
            output_bytes: Some(bytes),
            seconds: microseconds.iter().map(|value| value * 1e-6).collect(),
        }
    }

    fn named(difference: &OpDifference) -> Vec<(&str, OpChangeKind)> {
        let changes = difference.changes.iter();
        changes.map(|change| (change.name.as_str(), change.kind)).collect()
    }

    #[test]
    fn names_the_one_that_is_new_and_the_one_that_got_slower() {
        let baseline = [
            op("a", "Conv", 8, &[100.0, 101.0, 99.0]),
            op("b", "Relu", 8, &[10.0, 11.0, 9.0]),
        ];
        let candidate = [
            op("a", "Conv", 8, &[150.0, 151.0, 149.0]),
            op("extra", "Conv", 8, &[80.0, 79.0, 81.0]),
            op("b", "Relu", 8, &[10.5, 11.5, 9.5]),
        ];
        let difference = difference(&baseline, &candidate, 1.0, true);
        assert_eq!(
            named(&difference),
            [("extra", OpChangeKind::New), ("a", OpChangeKind::Slower)]
        );
        assert!((difference.changes[0].change_ms - 0.08).abs() < 1e-9);
        assert!((difference.others_within_ms - 0.0005).abs() < 1e-9);
    }

    #[test]
    fn noise_is_not_blamed() {
        let baseline = [op("a", "Conv", 8, &[100.0, 130.0, 99.0])];
        let candidate = [op("a", "Conv", 8, &[128.0, 129.0, 120.0])];
        let difference = difference(&baseline, &candidate, 1.0, true);
        assert_eq!(named(&difference), []);
        assert!((difference.others_within_ms - 0.028).abs() < 1e-9);
    }

    #[test]
    fn renamed_operators_find_each_other() {
        let baseline = [
            op("conv_1", "Conv", 8, &[50.0; 3]),
            op("conv_2", "Conv", 16, &[70.0; 3]),
        ];
        let candidate = [op("n0", "Conv", 8, &[50.0; 3]), op("n1", "Conv", 16, &[90.0; 3])];
        let difference = difference(&baseline, &candidate, 1.0, true);
        assert_eq!(named(&difference), [("n1", OpChangeKind::Slower)]);
        assert_eq!(difference.others_within_ms, 0.0);
    }

    #[test]
    fn a_lost_fusion_is_told_by_what_stands_alone_now() {
        let baseline = [op("conv", "FusedConv", 8, &[50.0; 3])];
        let candidate = [op("conv", "Conv", 8, &[50.0; 3]), op("relu", "Relu", 8, &[12.0; 3])];
        assert_eq!(
            named(&difference(&baseline, &candidate, 1.0, true)),
            [("relu", OpChangeKind::New)]
        );
        let back = difference(&candidate, &baseline, 0.5, false);
        assert_eq!(named(&back), [("relu", OpChangeKind::Gone)]);
        assert!((back.changes[0].change_ms + 0.006).abs() < 1e-9);
    }

    #[test]
    fn what_was_asked_for_comes_first() {
        let baseline = [op("a", "A", 1, &[10.0; 3]), op("b", "B", 1, &[90.0; 3])];
        let candidate = [op("a", "A", 1, &[40.0; 3]), op("b", "B", 1, &[10.0; 3])];
        assert_eq!(named(&difference(&baseline, &candidate, 1.0, true))[0].0, "a");
        assert_eq!(named(&difference(&baseline, &candidate, 1.0, false))[0].0, "b");
    }

    #[test]
    fn repeats_are_gathered_by_name_type_and_turn() {
        let repeat = |first: f64, second: f64| vec![op("", "Relu", 8, &[first]), op("", "Relu", 8, &[second])];
        let gathered = gather(&[repeat(1.0, 2.0), repeat(3.0, 4.0), vec![op("late", "Add", 1, &[5.0])]]);
        assert_eq!(gathered.len(), 3);
        let close = |found: &[f64], expected: [f64; 3]| {
            let pairs = found.iter().zip(expected);
            assert!(
                pairs
                    .clone()
                    .all(|(found, expected)| (found * 1e6 - expected).abs() < 1e-6),
                "{found:?}"
            );
        };
        close(&gathered[0].seconds, [1.0, 3.0, 0.0]);
        close(&gathered[1].seconds, [2.0, 4.0, 0.0]);
        close(&gathered[2].seconds, [0.0, 0.0, 5.0]);
    }

    proptest! {
        #[test]
        fn a_side_against_itself_names_nothing(
            times in prop::collection::vec(("[ab]{0,2}", 0_u64..3, 0.0_f64..1e3), 0..20), scale in 0.1_f64..1.0,
        ) {
            let side: Vec<OpTimes> =
                times.iter().map(|(name, bytes, time)| op(name, "Conv", *bytes, &[*time, *time + 1.0])).collect();
            let gathered = gather(&[side.clone(), side]);
            let found = difference(&gathered, &gathered, scale, true);
            prop_assert!(found.changes.is_empty());
            prop_assert_eq!(found.others_within_ms, 0.0);
        }

        #[test]
        fn every_operator_is_paired_once(
            one in prop::collection::vec(("[abc]?", 0_u64..2), 0..12),
            other in prop::collection::vec(("[abc]?", 0_u64..2), 0..12),
        ) {
            let side = |ops: &[(String, u64)]| -> Vec<OpTimes> {
                ops.iter().map(|(name, bytes)| op(name, "Conv", *bytes, &[1.0])).collect()
            };
            let (one, other) = (side(&one), side(&other));
            let found = pairs(&one, &other);
            prop_assert_eq!(found.iter().filter(|pair| pair.0.is_some()).count(), one.len());
            prop_assert_eq!(found.iter().filter(|pair| pair.1.is_some()).count(), other.len());
        }
    }
}
