//! What explains a changed latency, in words: which operators, by how much, and that no other did.

use serde::Serialize;

use crate::measure::op_diff::OpChange;
use crate::measure::op_diff::OpChangeKind;
use crate::report::Detail;
use crate::report::Report;
use crate::report::clean;
use crate::report::headline;
use crate::units::Millis;
use crate::verdict::Metric;
use crate::verdict::Verdict;

/// One comparison's explanation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Explained {
    /// `slower` or `faster`.
    pub(crate) direction: &'static str,
    /// Which comparison, where the report has several.
    pub(crate) name: Option<String>,
    /// The operators, the one that explains most first.
    pub(crate) changes: Vec<Shown>,
    /// What is to be said of all others: `all other operators within ±0.02 ms`.
    pub(crate) others: String,
}

/// One operator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Shown {
    /// The node's name.
    pub(crate) name: String,
    /// `+0.21 ms`.
    pub(crate) change: String,
    /// `new Conv`, `gone`, or the operator where the name does not tell it.
    pub(crate) note: Option<String>,
}

/// Every explanation that the report has, in the order of its comparisons.
pub(crate) fn explained(report: &Report) -> Vec<Explained> {
    let several = report.comparisons.len() > 1;
    report
        .comparisons
        .iter()
        .filter_map(|detail| {
            Some(Explained {
                name: several.then(|| headline::name(report, &detail.comparison.key)),
                ..of(detail)?
            })
        })
        .collect()
}

/// The explanation of one comparison, without its name.
pub(crate) fn of(detail: &Detail) -> Option<Explained> {
    let operators = detail.operators.as_ref()?;
    let within = Millis(operators.others_within_ms);
    Some(Explained {
        direction: if slower(detail) { "slower" } else { "faster" },
        name: None,
        changes: operators.changes.iter().map(shown).collect(),
        others: if operators.changes.is_empty() {
            format!("no operator by itself; each within ±{within}")
        } else {
            format!("all other operators within ±{within}")
        },
    })
}

/// Which way the comparison's latency went: by its verdict, and by its figures where that says nothing.
pub(crate) fn slower(detail: &Detail) -> bool {
    let latencies = || {
        let metrics = detail.comparison.metrics.iter();
        metrics.filter(|metric| matches!(metric.metric, Metric::LatencyP50 | Metric::LatencyP95))
    };
    let judged = |verdict| latencies().any(|metric| metric.verdict == verdict);
    let grew = || {
        latencies()
            .filter_map(|metric| metric.change)
            .map(|change| change.percent)
    };
    judged(Verdict::Regression) || (!judged(Verdict::Improvement) && grew().next().is_some_and(|change| change > 0.0))
}

fn shown(change: &OpChange) -> Shown {
    let sign = if change.change_ms < 0.0 { "−" } else { "+" };
    // A name such as `/features/17/conv` tells the operator already.
    let tells = change.name.to_lowercase().contains(&change.op_type.to_lowercase());
    let operator = (!tells).then(|| clean::line(&change.op_type, clean::NAME_LENGTH));
    let state = match change.kind {
        OpChangeKind::New => Some("new".to_owned()),
        OpChangeKind::Gone => Some("gone".to_owned()),
        OpChangeKind::Slower | OpChangeKind::Faster => None,
    };
    let note: Vec<String> = state.into_iter().chain(operator).collect();
    Shown {
        name: clean::line(&change.name, clean::NAME_LENGTH),
        change: format!("{sign}{}", Millis(change.change_ms.abs())),
        note: (!note.is_empty()).then(|| note.join(" ")),
    }
}

impl Explained {
    /// In one line, without the direction: `/features/17/conv +0.21 ms (new); all other operators within ±0.02 ms`.
    pub(crate) fn line(&self) -> String {
        let changes: Vec<String> = self
            .changes
            .iter()
            .map(|shown| match &shown.note {
                Some(note) => format!("{} {} ({note})", shown.name, shown.change),
                None => format!("{} {}", shown.name, shown.change),
            })
            .collect();
        if changes.is_empty() {
            self.others.clone()
        } else {
            format!("{}; {}", changes.join(", "), self.others)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, op_type: &str, change_ms: f64, kind: OpChangeKind) -> OpChange {
        OpChange {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            change_ms,
            kind,
        }
    }

    #[test]
    fn notes_say_what_the_name_does_not() {
        let of = |name: &str, kind| shown(&change(name, "Conv", -0.21, kind));
        assert_eq!(
            of("/features/17/conv", OpChangeKind::Gone).note.as_deref(),
            Some("gone")
        );
        assert_eq!(of("n17", OpChangeKind::New).note.as_deref(), Some("new Conv"));
        assert_eq!(of("n17", OpChangeKind::Slower).note.as_deref(), Some("Conv"));
        assert_eq!(of("conv_3", OpChangeKind::Slower).note, None);
        assert_eq!(of("conv_3", OpChangeKind::Slower).change, "−0.21 ms");
    }
}
