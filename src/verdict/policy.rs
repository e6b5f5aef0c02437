//! What verdicts come to for the run: the worst of them, whether the check fails, the exit code.

use crate::config::Gate;
use crate::config::Policy;
use crate::verdict::types::Comparison;
use crate::verdict::types::Verdict;
use crate::verdict::types::roll_up;

/// What a verdict means for the check, after the config's policies. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Nothing had to be measured.
    Skipped,
    /// Good.
    Passed,
    /// Neither good nor bad.
    Neutral,
    /// A limit was violated, or the policy says that leaving it open fails.
    Failed,
    /// The question could not be answered.
    Broken,
}

/// The worst verdict of a run: error, regression, inconclusive, removed, no-baseline, pass, improvement, skipped.
pub fn overall(comparisons: &[Comparison]) -> Verdict {
    roll_up(comparisons.iter().map(|comparison| comparison.verdict))
}

/// What one verdict means for the check.
pub fn outcome_of(verdict: Verdict, gate: &Gate) -> Outcome {
    let by_policy = |policy| match policy {
        Policy::Pass => Outcome::Passed,
        Policy::Neutral => Outcome::Neutral,
        Policy::Fail => Outcome::Failed,
    };
    match verdict {
        Verdict::Skipped => Outcome::Skipped,
        Verdict::Improvement | Verdict::Pass => Outcome::Passed,
        Verdict::NoBaseline => by_policy(gate.on_missing_baseline),
        Verdict::Removed => Outcome::Neutral,
        Verdict::Inconclusive => by_policy(gate.on_inconclusive),
        Verdict::Regression => Outcome::Failed,
        Verdict::Error => Outcome::Broken,
    }
}

/// What a run means for the check: the worst outcome of its comparisons.
pub fn outcome(comparisons: &[Comparison], gate: &Gate) -> Outcome {
    comparisons
        .iter()
        .map(|comparison| outcome_of(comparison.verdict, gate))
        .max()
        .unwrap_or(Outcome::Skipped)
}

/// The process' exit code: 0 passed, skipped or left open; 1 a limit, budget or policy violated; 2 not answered.
pub fn exit_code(comparisons: &[Comparison], gate: &Gate) -> i32 {
    exit_code_of(outcome(comparisons, gate))
}

/// The process' exit code for what a run means for the check.
pub fn exit_code_of(outcome: Outcome) -> i32 {
    match outcome {
        Outcome::Skipped | Outcome::Passed | Outcome::Neutral => 0,
        Outcome::Failed => 1,
        Outcome::Broken => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::judge::undecided;
    use crate::verdict::testing::key;

    fn run(verdicts: &[Verdict]) -> Vec<Comparison> {
        verdicts
            .iter()
            .map(|verdict| undecided(&key(), *verdict, "scripted".to_owned(), Vec::new()))
            .collect()
    }

    #[test]
    fn the_worst_speaks_for_the_run() {
        for (verdicts, expected, code) in [
            (vec![], Verdict::Skipped, 0),
            (vec![Verdict::Skipped, Verdict::Pass], Verdict::Pass, 0),
            (vec![Verdict::Improvement, Verdict::Pass], Verdict::Pass, 0),
            (vec![Verdict::Improvement, Verdict::Skipped], Verdict::Improvement, 0),
            (vec![Verdict::Pass, Verdict::NoBaseline], Verdict::NoBaseline, 0),
            (vec![Verdict::Removed, Verdict::Pass], Verdict::Removed, 0),
            (vec![Verdict::Inconclusive, Verdict::Pass], Verdict::Inconclusive, 0),
            (vec![Verdict::Inconclusive, Verdict::Regression], Verdict::Regression, 1),
            (vec![Verdict::Error, Verdict::Regression], Verdict::Error, 2),
        ] {
            let comparisons = run(&verdicts);
            assert_eq!(overall(&comparisons), expected, "{verdicts:?}");
            assert_eq!(exit_code(&comparisons, &Gate::default()), code, "{verdicts:?}");
        }
    }

    #[test]
    fn policies_decide_what_is_left_open() {
        for (policy, code) in [(Policy::Pass, 0), (Policy::Neutral, 0), (Policy::Fail, 1)] {
            let mut gate = Gate {
                on_inconclusive: policy,
                ..Gate::default()
            };
            assert_eq!(exit_code(&run(&[Verdict::Inconclusive]), &gate), code);
            assert_eq!(exit_code(&run(&[Verdict::NoBaseline]), &gate), 0);
            gate.on_missing_baseline = policy;
            assert_eq!(exit_code(&run(&[Verdict::NoBaseline]), &gate), code);
        }
        assert_eq!(outcome_of(Verdict::Inconclusive, &Gate::default()), Outcome::Neutral);
    }
}
