//! Absolute limits of one model without a baseline: does every one of them hold?
//!
//! A limit holds only where the whole interval of the figure is within it; it is violated where the whole interval is beyond. What
//! lies between is undecided, and what could not be measured is unmeasured: neither holds.

use crate::config::Bound;
use crate::config::Constraints;
use crate::config::Source;
use crate::measure::plan::Aim;
use crate::measure::quantity::Quantity;
use crate::measure::samples::SideMeasurement;
use crate::stats::interval::Interval;
use crate::verdict::limits;
use crate::verdict::types::Verdict;

/// How a limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Passed,
    /// Nobody asked yet: it needs a measurement.
    Pending,
    /// The measurement cannot tell.
    Undecided,
    /// It cannot be measured here.
    Unmeasured,
    /// It is exceeded.
    Violated,
}

impl Standing {
    /// The word in reports and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Pending => "pending",
            Self::Undecided => "undecided",
            Self::Unmeasured => "unmeasured",
            Self::Violated => "violated",
        }
    }
}

/// One limit, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What is limited.
    pub bound: Bound,
    /// In milliseconds or bytes.
    pub limit: f64,
    /// Where it was given.
    pub source: Source,
    /// The figure with its interval, in the limit's unit; without width where there is no noise.
    pub figure: Option<Interval>,
    /// How it stands.
    pub standing: Standing,
    /// Why, where the figures don't say it.
    pub reason: Option<String>,
}

/// What a measurement has to decide for `constraints`: everything but the size.
pub fn aims(constraints: &Constraints) -> Vec<Aim> {
    constraints
        .iter()
        .filter_map(|(bound, limit, _)| {
            Some(Aim {
                quantity: quantity(bound)?,
                max_regression: None,
                budget: Some(limit),
                strict: false,
            })
        })
        .collect()
}

/// Judges every limit. Without a measurement all but the size are pending.
pub fn judge_constraints(
    constraints: &Constraints,
    measurement: Option<&SideMeasurement>,
    size_bytes: u64,
) -> Vec<Judged> {
    constraints
        .iter()
        .map(|(bound, limit, source)| {
            let (figure, standing, reason) = match (quantity(bound), measurement) {
                (None, _) => {
                    let size = size_bytes as f64;
                    (
                        Some(limits::exact(size)),
                        standing(limits::exact(size), size, limit),
                        None,
                    )
                }
                (Some(_), None) => (None, Standing::Pending, None),
                (Some(quantity), Some(measurement)) => noisy(measurement, quantity, limit),
            };
            Judged {
                bound,
                limit,
                source: source.clone(),
                figure,
                standing,
                reason,
            }
        })
        .collect()
}

fn noisy(
    measurement: &SideMeasurement,
    quantity: Quantity,
    limit: f64,
) -> (Option<Interval>, Standing, Option<String>) {
    let looks = &measurement.looks;
    let unmeasured = |reason: &str| (None, Standing::Unmeasured, Some(reason.to_owned()));
    let Some(evidence) = measurement.absolute(quantity) else {
        return unmeasured(match quantity {
            Quantity::PeakMemory => "this system does not tell a process' peak memory",
            _ => "was not measured",
        });
    };
    let (Some(shown), Some(bound)) = (
        evidence.interval(looks.tail()),
        evidence.interval(looks.tail_of(looks.share())),
    ) else {
        return unmeasured("too few restarts for an interval");
    };
    let standing = standing(shown, bound.lower, limit);
    let reason = (standing == Standing::Undecided && shown.lower > limit).then(|| {
        format!(
            "beyond the limit by itself, but not once the {} limits share the error",
            looks.family
        )
    });
    (Some(shown), standing, reason)
}

fn standing(shown: Interval, bound: f64, limit: f64) -> Standing {
    match limits::against(shown, bound, limit) {
        Verdict::Regression => Standing::Violated,
        Verdict::Pass => Standing::Passed,
        _ => Standing::Undecided,
    }
}

/// What has to be measured for a limit; `None` of the size, which is read off the files.
fn quantity(bound: Bound) -> Option<Quantity> {
    match bound {
        Bound::MaxLatency => Some(Quantity::LatencyP50),
        Bound::MaxP95 => Some(Quantity::LatencyP95),
        Bound::MaxMemory => Some(Quantity::PeakMemory),
        Bound::MaxSize => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Constraint;
    use crate::units::Bytes;
    use crate::units::Millis;
    use crate::verdict::testing::lone;

    fn constraints(latency: f64, memory: u64, size: u64) -> Constraints {
        Constraints {
            max_latency: Constraint::flag(Some(Millis(latency)), "--max-latency"),
            max_p95: None,
            max_memory: Constraint::flag(Some(Bytes(memory)), "--max-memory"),
            max_size: Constraint::flag(Some(Bytes(size)), "--max-size"),
        }
    }

    fn standings(judged: &[Judged]) -> Vec<Standing> {
        judged.iter().map(|judged| judged.standing).collect()
    }

    #[test]
    fn the_whole_interval_must_be_within() {
        for (latency, expected) in [
            (5.0, Standing::Passed),
            (4.0, Standing::Undecided),
            (3.0, Standing::Violated),
        ] {
            let judged = judge_constraints(
                &constraints(latency, 50_000_000, 9),
                Some(&lone(4.0, 1.0, 40_000_000)),
                10,
            );
            assert_eq!(standings(&judged), [expected, Standing::Passed, Standing::Violated]);
        }
    }

    #[test]
    fn what_is_not_measured_never_holds() {
        let mut measurement = lone(4.0, 1.0, 40_000_000);
        measurement.empty_session_bytes = None;
        let limits = constraints(5.0, 50_000_000, 10);
        let judged = judge_constraints(&limits, Some(&measurement), 10);
        assert_eq!(
            standings(&judged),
            [Standing::Passed, Standing::Unmeasured, Standing::Passed]
        );
        measurement.restarts.truncate(1);
        let judged = judge_constraints(&limits, Some(&measurement), 10);
        assert_eq!(judged[0].standing, Standing::Unmeasured);
        let judged = judge_constraints(&limits, None, 10);
        assert_eq!(
            standings(&judged),
            [Standing::Pending, Standing::Pending, Standing::Passed]
        );
        assert_eq!(aims(&limits).len(), 2);
    }
}
