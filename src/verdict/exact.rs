//! What is known without running a model: sizes and static facts. They have no noise, so that every difference counts.

use serde::Deserialize;
use serde::Serialize;

use crate::config::Gate;
use crate::config::Limit;
use crate::units::Bytes;
use crate::units::Count;
use crate::verdict::limits;
use crate::verdict::limits::SIZE_FLOOR_BYTES;
use crate::verdict::metric::blank;
use crate::verdict::metric::failed;
use crate::verdict::metric::joined;
use crate::verdict::metric::source;
use crate::verdict::metric::sourced;
use crate::verdict::types::Change;
use crate::verdict::types::Metric;
use crate::verdict::types::MetricComparison;
use crate::verdict::types::Verdict;

/// What is known about one side without running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactFacts {
    /// Bytes on disk, external data included.
    pub size_bytes: u64,
    /// Bytes of all files deflated.
    pub compressed_bytes: Option<u64>,
    /// Multiply-accumulate operations of one inference; `None` where they depend on shapes that cannot be told.
    pub macs: Option<u64>,
    /// Elements of weights, those of loops, branches and functions included.
    pub parameters: Option<u64>,
    /// Operators in the file.
    pub operators: Option<u64>,
    /// The most bytes of activations that live at once; `None` where some shape cannot be told.
    pub activation_peak: Option<u64>,
}

impl ExactFacts {
    /// A side of which nothing but its size is known.
    pub fn of_size(size_bytes: u64) -> Self {
        Self {
            size_bytes,
            ..Self::default()
        }
    }

    fn of(&self, metric: Metric) -> Option<f64> {
        let value = match metric {
            Metric::Size => Some(self.size_bytes),
            Metric::CompressedSize => self.compressed_bytes,
            Metric::Macs => self.macs,
            Metric::Parameters => self.parameters,
            Metric::Operators => self.operators,
            Metric::ActivationPeak => self.activation_peak,
            _ => None,
        };
        value.map(|value| value as f64)
    }
}

/// A limit on an exact metric: the accepted growth in per cent, the budget and its text.
struct Bound {
    relative: Option<f64>,
    budget: Option<(f64, String)>,
    source: Option<String>,
    /// Not one byte or operation more is accepted, whatever `relative` says.
    strict: bool,
}

/// The limits of the gate on exact metrics, in the order of reports; `None` where the metric only informs.
fn bounds(gate: &Gate) -> [(Metric, Option<Bound>); 6] {
    let strict = gate.strict;
    let bytes = |limit: Option<Limit<Bytes>>| {
        limit.map(|limit| Bound {
            strict,
            relative: limit.relative().map(|limit| if strict { 0.0 } else { limit }),
            budget: limit.budget.map(|budget| (budget.0 as f64, budget.to_string())),
            source: None,
        })
    };
    let count = |limit: Option<Limit<Count>>| {
        limit.map(|limit| Bound {
            strict,
            relative: limit.relative().map(|limit| if strict { 0.0 } else { limit }),
            budget: limit.budget.map(|budget| (budget.0 as f64, budget.to_string())),
            source: None,
        })
    };
    // The only one of these whose budget may come from elsewhere than the config.
    let size = bytes(Some(gate.size)).map(|bound| Bound {
        source: bound.budget.as_ref().and_then(|_| source(gate, Metric::Size)),
        budget: bound
            .budget
            .map(|(budget, text)| (budget, sourced(text, gate, Metric::Size))),
        ..bound
    });
    let facts = &gate.static_facts;
    [
        (Metric::Size, size),
        (Metric::CompressedSize, bytes(gate.compressed_size)),
        (Metric::Macs, count(facts.macs)),
        (Metric::Parameters, count(facts.parameters)),
        (Metric::Operators, count(facts.operators)),
        (Metric::ActivationPeak, bytes(facts.activation_peak)),
    ]
}

/// True where the gate sets a budget on something exact.
pub fn has_budget(gate: &Gate) -> bool {
    bounds(gate)
        .iter()
        .any(|(_, bound)| bound.as_ref().is_some_and(|bound| bound.budget.is_some()))
}

/// The gate's limits on exact metrics: the accepted growth in per cent, and the budget in the metric's unit.
pub(super) fn limits(gate: &Gate) -> Vec<(Metric, Option<f64>, Option<f64>)> {
    let set = |(metric, bound): (Metric, Option<Bound>)| {
        bound.map(|bound| (metric, bound.relative, bound.budget.map(|(budget, _)| budget)))
    };
    bounds(gate).into_iter().filter_map(set).collect()
}

/// Every exact metric, judged. Without a baseline `otherwise` is what all but violated budgets come to.
pub(super) fn metrics(
    baseline: Option<&ExactFacts>,
    candidate: &ExactFacts,
    gate: &Gate,
    otherwise: Verdict,
) -> Vec<MetricComparison> {
    bounds(gate)
        .into_iter()
        .map(|(metric, bound)| {
            let before = baseline.map(|facts| facts.of(metric));
            judged(metric, before, candidate.of(metric), bound.as_ref(), otherwise)
        })
        .collect()
}

/// `before` is `None` without a baseline, and holds `None` where the baseline's figure is not known.
fn judged(
    metric: Metric,
    before: Option<Option<f64>>,
    after: Option<f64>,
    bound: Option<&Bound>,
    otherwise: Verdict,
) -> MetricComparison {
    let (relative, budget) = match bound {
        Some(bound) => (bound.relative.filter(|_| before.is_some()), bound.budget.as_ref()),
        None => (None, None),
    };
    let gated = relative.is_some() || budget.is_some();
    let Some(after) = after else {
        return unknown(
            metric,
            gated,
            if before.is_some() { Verdict::Skipped } else { otherwise },
        );
    };
    if relative.is_some() && before.flatten().is_none() {
        return failed(
            metric,
            "the baseline's is not known, so that there is nothing to compare with",
        );
    }
    let change = before
        .flatten()
        .map(|before| 100.0 * (after - before) / before.max(1.0));
    let mut reasons = Vec::new();
    let mut verdict = if before.is_some() { Verdict::Skipped } else { otherwise };
    if let (Some(limit), Some(before), Some(percent)) = (relative, before.flatten(), change) {
        let floor = if bound.is_some_and(|bound| bound.strict) {
            0.0
        } else {
            floor(metric)
        };
        let accepted = limit.max(100.0 * floor / before.max(1.0));
        if percent > limit && percent <= accepted {
            reasons.push("a difference of less than 64 KB is no regression".to_owned());
        }
        verdict = limits::change_against(limits::exact(percent), percent, accepted);
    }
    if let Some((budget, text)) = budget {
        let kept = limits::against(limits::exact(after), after, *budget);
        if kept == Verdict::Regression {
            reasons.push(format!("over the budget of {text}"));
        }
        verdict = match (before, relative) {
            (None, _) => limits::without_baseline(verdict, Some(kept)),
            (Some(_), None) => kept,
            (Some(_), Some(_)) => limits::worse(verdict, Some(kept)),
        };
    }
    MetricComparison {
        baseline: before.flatten(),
        candidate: Some(after),
        change: change.map(Change::exact),
        limit: relative,
        budget: budget.map(|(budget, _)| *budget),
        budget_source: bound.and_then(|bound| bound.source.clone()),
        gated,
        verdict,
        reason: joined(&reasons),
        ..blank(metric)
    }
}

fn unknown(metric: Metric, gated: bool, otherwise: Verdict) -> MetricComparison {
    if gated {
        return failed(
            metric,
            "is not known: some shape in the graph cannot be told without running it",
        );
    }
    MetricComparison {
        verdict: otherwise,
        reason: Some(
            match metric {
                Metric::CompressedSize => "not computed: nothing gates it",
                _ => "unknown: not judged",
            }
            .to_owned(),
        ),
        ..blank(metric)
    }
}

/// The growth in the metric's unit up to which no relative limit is violated.
pub(super) fn floor(metric: Metric) -> f64 {
    match metric {
        Metric::Size | Metric::CompressedSize => SIZE_FLOOR_BYTES,
        _ => 0.0,
    }
}
