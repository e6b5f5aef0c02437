//! From a measurement to a verdict, one metric at a time.
//!
//! | metric | judged by |
//! |---|---|
//! | latencies, throughput, load, first inference, time to stable | the interval over restarts; one latency always gates, the rest only where the config gives them limits |
//! | peak memory, model memory | the interval over the processes' figures |
//! | sizes, MACs, parameters, operators, activation peak | exactly |
//! | cosine, top-1 agreement | exactly, over the samples; they only inform where labels judge (see [`crate::config::AccuracyGate`]) |
//! | top-1 accuracy | the drop in percentage points over the labelled samples, as it is: the same samples go through both sides, so that only answers that changed count |
//!
//! What was not measured never passes: what is gated and missing is an error. The one exception is peak memory on a system that
//! doesn't tell it, where only the defaults gate it: it is skipped, with the reason, and decides nothing.

use crate::config::Gate;
use crate::hint::Hint;
use crate::measure::accuracy::Accuracy;
use crate::measure::error::MeasureError;
use crate::measure::plan::aims;
use crate::measure::quantity::Quantity;
use crate::measure::samples::PairMeasurement;
use crate::measure::samples::SideMeasurement;
use crate::verdict::exact;
use crate::verdict::exact::ExactFacts;
use crate::verdict::metric;
use crate::verdict::types::Comparison;
use crate::verdict::types::ComparisonKey;
use crate::verdict::types::Metric;
use crate::verdict::types::MetricComparison;
use crate::verdict::types::Verdict;
use crate::verdict::types::roll_up;

/// Judges a candidate against its baseline. `facts` are the baseline's and the candidate's.
///
/// The bounds that decide a regression carry Bonferroni's share of the family that the measurement was planned for, so a
/// verdict stands on its own; [`crate::verdict::judge_family`] can only add regressions that Holm's procedure allows.
pub fn judge(
    key: &ComparisonKey,
    measurement: &PairMeasurement,
    facts: (&ExactFacts, &ExactFacts),
    accuracy: Option<&Accuracy>,
    gate: &Gate,
) -> Comparison {
    let aims = aims(gate);
    let tails = measurement.looks.tails();
    let mut metrics: Vec<MetricComparison> = Quantity::ALL
        .into_iter()
        .filter_map(|quantity| match aims.iter().find(|aim| aim.quantity == quantity) {
            Some(aim) => Some(metric::noisy(measurement, aim, tails, gate)),
            None => metric::informing(measurement, quantity, tails),
        })
        .collect();
    metrics.extend(exact::metrics(Some(facts.0), facts.1, gate, Verdict::Skipped));
    metrics.extend(metric::outputs(accuracy, gate));
    in_order(&mut metrics);
    let mut comparison = Comparison {
        key: key.clone(),
        verdict: Verdict::Skipped,
        metrics,
        reason: None,
        hints: Vec::new(),
    };
    settle(&mut comparison, measurement);
    comparison
}

/// Judges a candidate that has no baseline: its budgets count, everything else waits for one.
///
/// `top1` is its labelled accuracy, where the data set has labels.
pub fn judge_alone(
    key: &ComparisonKey,
    measurement: &SideMeasurement,
    facts: &ExactFacts,
    top1: Option<f64>,
    gate: &Gate,
) -> Comparison {
    let mut metrics = metric::alone(measurement, facts, gate, Verdict::NoBaseline);
    if let Some(top1) = top1 {
        metrics.push(MetricComparison {
            candidate: Some(top1),
            verdict: Verdict::NoBaseline,
            ..metric::blank(Metric::Top1Accuracy)
        });
    }
    in_order(&mut metrics);
    let mut comparison = Comparison {
        key: key.clone(),
        verdict: budgets_roll_up(&metrics, Verdict::NoBaseline),
        metrics,
        reason: Some("measured; there is no baseline to compare with".to_owned()),
        hints: Vec::new(),
    };
    explain_budgets(&mut comparison);
    comparison
}

/// Judges a candidate that equals its baseline in everything that matters: only absolute budgets count. `measurement` is needed
/// where a budget is set on something noisy.
pub fn judge_unchanged(
    key: &ComparisonKey,
    measurement: Option<&SideMeasurement>,
    facts: &ExactFacts,
    gate: &Gate,
) -> Comparison {
    let mut metrics = match measurement {
        Some(measurement) => metric::alone(measurement, facts, gate, Verdict::Skipped),
        None => {
            let unmeasured = aims(gate)
                .into_iter()
                .filter(|aim| aim.budget.is_some())
                .map(|aim| metric::failed(aim.quantity.into(), "has a budget and was not measured"));
            unmeasured
                .chain(exact::metrics(None, facts, gate, Verdict::Skipped))
                .collect::<Vec<_>>()
        }
    };
    in_order(&mut metrics);
    let mut comparison = Comparison {
        key: key.clone(),
        verdict: budgets_roll_up(&metrics, Verdict::Skipped),
        metrics,
        reason: Some("equal to the baseline in everything that matters".to_owned()),
        hints: Vec::new(),
    };
    explain_budgets(&mut comparison);
    comparison
}

/// A comparison that could not be made: a verdict with its reason and what to do.
pub fn judge_failure(key: &ComparisonKey, error: &MeasureError) -> Comparison {
    undecided(key, Verdict::Error, error.explanation(), error.hints())
}

/// A comparison without any figure: skipped, removed, refused.
pub fn undecided(key: &ComparisonKey, verdict: Verdict, reason: String, hints: Vec<String>) -> Comparison {
    Comparison {
        key: key.clone(),
        metrics: Vec::new(),
        verdict,
        reason: Some(reason),
        hints,
    }
}

/// The verdict, reason and hints of a comparison out of its metrics.
pub(crate) fn settle(comparison: &mut Comparison, measurement: &PairMeasurement) {
    settle_under(comparison, measurement.load_average);
    if comparison.verdict == Verdict::Inconclusive
        && let Some(hint) = comparison.hints.first_mut()
    {
        *hint = more_time(comparison.metrics.as_slice(), measurement);
    }
}

/// What an undecided comparison needs: so much more time, or something that time does not give.
fn more_time(metrics: &[MetricComparison], measurement: &PairMeasurement) -> String {
    let undecided = metrics
        .iter()
        .filter(|metric| metric.gated && metric.verdict == Verdict::Inconclusive);
    let needed = undecided
        .map(|metric| measurement.seconds_to_decide(metric.metric.quantity()?, metric.limit?))
        .try_fold(0.0_f64, |most, seconds| Some(most.max(seconds?)));
    match needed {
        Some(seconds) => format!(
            "about {} s would decide it: raise `measure.time_budget` (this took {} s), or run it again",
            seconds.ceil(),
            measurement.seconds.ceil()
        ),
        None => {
            "more time alone is not likely to decide it: it lies too close to the limit for the noise of this machine"
                .to_owned()
        }
    }
}

/// The same, where `load` is the machine's load before measuring.
pub(super) fn settle_under(comparison: &mut Comparison, load: Option<f64>) {
    let gated = || comparison.metrics.iter().filter(|metric| metric.gated);
    let worst = roll_up(gated().map(|metric| metric.verdict));
    let verdict = match worst {
        Verdict::Pass if gated().any(|metric| metric.verdict == Verdict::Improvement) => Verdict::Improvement,
        worst => worst,
    };
    let reason = gated()
        .filter(|metric| metric.verdict == verdict && verdict > Verdict::Pass)
        .find_map(|metric| Some(format!("{}: {}", metric.metric.word(), metric.reason.as_ref()?)));
    let hints =
        match verdict {
            Verdict::Inconclusive => {
                let mut hints = vec!["run it again, or give it more time with `measure.time_budget`".to_owned()];
                hints.extend(load.map(|load| {
                    format!("the load was {load:.1} when measuring began; a quieter machine decides sooner")
                }));
                hints
            }
            Verdict::Error => hints_on_missing(&comparison.metrics),
            _ => Vec::new(),
        };
    comparison.verdict = verdict;
    comparison.reason = reason;
    comparison.hints = hints;
}

/// What to do about metrics that are gated and could not be had.
fn hints_on_missing(metrics: &[MetricComparison]) -> Vec<String> {
    let mut hints: Vec<String> = metrics
        .iter()
        .filter(|entry| entry.verdict == Verdict::Error)
        .filter_map(|entry| metric::hint(entry.metric))
        .map(str::to_owned)
        .collect();
    hints.dedup();
    hints
}

/// Gated metrics first, each group in the order of [`Metric`].
pub(super) fn in_order(metrics: &mut [MetricComparison]) {
    metrics.sort_by_key(|entry| (!entry.gated, entry.metric));
}

/// `word`, unless a budget is violated, undecided or could not be measured.
fn budgets_roll_up(metrics: &[MetricComparison], word: Verdict) -> Verdict {
    metrics
        .iter()
        .map(|metric| metric.verdict)
        .filter(|verdict| matches!(verdict, Verdict::Regression | Verdict::Inconclusive | Verdict::Error))
        .max()
        .unwrap_or(word)
}

fn explain_budgets(comparison: &mut Comparison) {
    let worst = comparison.verdict;
    let reason = comparison
        .metrics
        .iter()
        .filter(|metric| metric.verdict == worst)
        .find_map(|metric| Some(format!("{}: {}", metric.metric.word(), metric.reason.as_ref()?)));
    if matches!(worst, Verdict::Regression | Verdict::Inconclusive | Verdict::Error) {
        comparison.reason = reason;
    }
    if worst == Verdict::Error {
        comparison.hints = hints_on_missing(&comparison.metrics);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LatencyMetric;
    use crate::config::Limit;
    use crate::units::Bytes;
    use crate::units::Count;
    use crate::units::Millis;
    use crate::units::PerSecond;
    use crate::units::Percent;
    use crate::verdict::testing::agreeing;
    use crate::verdict::testing::key;
    use crate::verdict::testing::lone;
    use crate::verdict::testing::pair;

    const SIZES: (u64, u64) = (10_000_000, 10_000_000);
    const PEAKS: (u64, u64) = (40_000_000, 40_000_000);

    fn judge_sizes(
        measurement: &PairMeasurement,
        sizes: (u64, u64),
        accuracy: Option<&Accuracy>,
        gate: &Gate,
    ) -> Comparison {
        let (baseline, candidate) = (ExactFacts::of_size(sizes.0), ExactFacts::of_size(sizes.1));
        judge(&key(), measurement, (&baseline, &candidate), accuracy, gate)
    }

    fn judged(measurement: &PairMeasurement) -> Comparison {
        judge_sizes(measurement, SIZES, Some(&agreeing()), &Gate::default())
    }

    fn verdict_of(comparison: &Comparison, metric: Metric) -> Verdict {
        comparison.metric(metric).unwrap().verdict
    }

    #[test]
    fn latency_by_its_interval() {
        for (milliseconds, ratio, noise, expected, reason) in [
            (4.0, 1.00, 1.0, Verdict::Pass, None),
            (4.0, 1.03, 1.0, Verdict::Pass, None),
            (
                4.0,
                1.05,
                1.0,
                Verdict::Inconclusive,
                Some("p50: the interval holds the limit"),
            ),
            (4.0, 1.08, 1.0, Verdict::Regression, None),
            (
                4.0,
                1.08,
                10.0,
                Verdict::Inconclusive,
                Some("p50: the interval holds the limit"),
            ),
            (
                4.0,
                1.00,
                20.0,
                Verdict::Inconclusive,
                Some("p50: the interval holds the limit"),
            ),
            (4.0, 0.97, 1.0, Verdict::Pass, None),
            (4.0, 0.90, 1.0, Verdict::Improvement, None),
            // 0.08 µs of 0.8 µs: ten per cent, but less than the clock and the caches are good for.
            (0.0008, 1.10, 1.0, Verdict::Pass, None),
            (0.0008, 1.30, 1.0, Verdict::Regression, None),
            (0.0008, 0.90, 1.0, Verdict::Pass, None),
        ] {
            let comparison = judged(&pair(milliseconds, ratio, noise, PEAKS));
            let case = format!("{milliseconds} ms × {ratio}, noise {noise}");
            assert_eq!(comparison.verdict, expected, "{case}");
            assert_eq!(comparison.reason.as_deref(), reason, "{case}");
        }
    }

    #[test]
    fn a_floor_says_why_it_passed() {
        let comparison = judged(&pair(0.0008, 1.10, 1.0, PEAKS));
        let latency = comparison.metric(Metric::LatencyP50).unwrap();
        assert_eq!(
            latency.reason.as_deref(),
            Some("a difference of less than 0.1 µs is no regression")
        );
        let comparison = judged(&pair(4.0, 1.0, 1.0, (2_000_000, 2_500_000)));
        let memory = comparison.metric(Metric::PeakMemory).unwrap();
        assert_eq!(memory.verdict, Verdict::Pass);
        assert_eq!(
            memory.reason.as_deref(),
            Some("a difference of less than 1 MB is no regression")
        );
    }

    #[test]
    fn figures_and_order() {
        let comparison = judged(&pair(4.0, 1.08, 0.0, (40_000_000, 42_000_000)));
        let (gated, informing): (Vec<&MetricComparison>, Vec<&MetricComparison>) =
            comparison.metrics.iter().partition(|entry| entry.gated);
        assert_eq!(
            gated.iter().map(|entry| entry.metric).collect::<Vec<_>>(),
            [
                Metric::LatencyP50,
                Metric::Size,
                Metric::PeakMemory,
                Metric::Cosine,
                Metric::Top1Agreement,
            ]
        );
        assert!(comparison.metrics[..gated.len()].iter().all(|entry| entry.gated));
        // Everything else but labelled accuracy, of which there is none, is told too.
        assert_eq!(gated.len() + informing.len(), Metric::ALL.len() - 1);
        assert!(informing.is_sorted_by_key(|entry| entry.metric));
        let latency = comparison.metric(Metric::LatencyP50).unwrap();
        assert!((latency.baseline.unwrap() - 4.0).abs() < 1e-9);
        assert!((latency.candidate.unwrap() - 4.32).abs() < 1e-9);
        assert!((latency.change.unwrap().percent - 8.0).abs() < 1e-9);
        assert_eq!(latency.limit, Some(5.0));
        let memory = comparison.metric(Metric::PeakMemory).unwrap();
        assert_eq!((memory.baseline, memory.candidate), (Some(40e6), Some(42e6)));
        assert!((memory.change.unwrap().percent - 5.0).abs() < 1e-9);
        let p95 = comparison.metric(Metric::LatencyP95).unwrap();
        assert_eq!((p95.limit, p95.verdict), (None, Verdict::Skipped));
        assert!(p95.change.is_some());
    }

    #[test]
    fn memory_beyond_its_limit() {
        let comparison = judged(&pair(4.0, 1.0, 1.0, (40_000_000, 50_000_000)));
        assert_eq!(comparison.verdict, Verdict::Regression);
        assert_eq!(verdict_of(&comparison, Metric::LatencyP50), Verdict::Pass);
        assert_eq!(verdict_of(&comparison, Metric::PeakMemory), Verdict::Regression);
    }

    #[test]
    fn memory_that_is_not_told_neither_passes_nor_fails() {
        let mut measurement = pair(4.0, 1.0, 1.0, PEAKS);
        measurement.empty_session_bytes = None;
        let comparison = judged(&measurement);
        assert_eq!(comparison.verdict, Verdict::Pass);
        assert_eq!(verdict_of(&comparison, Metric::PeakMemory), Verdict::Skipped);
        assert!(comparison.metric(Metric::PeakMemory).unwrap().reason.is_some());
    }

    #[test]
    fn latency_that_is_missing_is_an_error() {
        let mut measurement = pair(4.0, 1.0, 1.0, PEAKS);
        measurement.restarts[3].rounds.clear();
        let comparison = judged(&measurement);
        assert_eq!(comparison.verdict, Verdict::Error);
        assert_eq!(comparison.reason.as_deref(), Some("p50: was not measured"));
        measurement.restarts.truncate(1);
        assert_eq!(judged(&measurement).verdict, Verdict::Error);
    }

    #[test]
    fn size_is_exact_and_has_a_floor() {
        for (baseline, candidate, expected) in [
            (10_000_000, 10_500_000, Verdict::Pass),
            (10_000_000, 10_500_001, Verdict::Regression),
            (100_000, 160_000, Verdict::Pass),
            (100_000, 164_001, Verdict::Regression),
            (10_000_000, 9_000_000, Verdict::Improvement),
            (0, 1_000_000, Verdict::Regression),
        ] {
            let comparison = judge_sizes(
                &pair(4.0, 1.0, 1.0, PEAKS),
                (baseline, candidate),
                Some(&agreeing()),
                &Gate::default(),
            );
            assert_eq!(
                verdict_of(&comparison, Metric::Size),
                expected,
                "{baseline} to {candidate}"
            );
        }
    }

    #[test]
    fn one_gain_and_no_loss_is_an_improvement() {
        let smaller = judge_sizes(
            &pair(4.0, 1.0, 1.0, PEAKS),
            (10_000_000, 5_000_000),
            Some(&agreeing()),
            &Gate::default(),
        );
        assert_eq!(smaller.verdict, Verdict::Improvement);
        let slower = judge_sizes(
            &pair(4.0, 1.1, 1.0, PEAKS),
            (10_000_000, 5_000_000),
            Some(&agreeing()),
            &Gate::default(),
        );
        assert_eq!(slower.verdict, Verdict::Regression);
    }

    #[test]
    fn budgets_count_whatever_the_baseline() {
        let mut gate = Gate::default();
        gate.latency.limit.budget = Some(Millis(4.2));
        gate.size.budget = Some(Bytes(11_000_000));
        gate.memory.budget = Some(Bytes(45_000_000));
        for (milliseconds, noise, peak, size, expected, reason) in [
            (4.0, 1.0, 40_000_000, 10_000_000, Verdict::Pass, None),
            (
                4.4,
                1.0,
                40_000_000,
                10_000_000,
                Verdict::Regression,
                Some("p50: over the budget of 4.20 ms"),
            ),
            (
                4.2,
                1.0,
                40_000_000,
                10_000_000,
                Verdict::Inconclusive,
                Some("p50: the interval holds the budget of 4.20 ms"),
            ),
            (
                4.0,
                1.0,
                50_000_000,
                10_000_000,
                Verdict::Regression,
                Some("peak memory: over the budget of 45.0 MB"),
            ),
            (
                4.0,
                1.0,
                40_000_000,
                12_000_000,
                Verdict::Regression,
                Some("size: over the budget of 11.0 MB"),
            ),
        ] {
            let measurement = pair(milliseconds, 1.0, noise, (peak, peak));
            let comparison = judge_sizes(&measurement, (size, size), Some(&agreeing()), &gate);
            assert_eq!((comparison.verdict, comparison.reason.as_deref()), (expected, reason));
            let alone = judge_alone(
                &key(),
                &lone(milliseconds, noise, peak),
                &ExactFacts::of_size(size),
                None,
                &gate,
            );
            let unchanged = judge_unchanged(
                &key(),
                Some(&lone(milliseconds, noise, peak)),
                &ExactFacts::of_size(size),
                &gate,
            );
            if expected == Verdict::Pass {
                assert_eq!(
                    (alone.verdict, unchanged.verdict),
                    (Verdict::NoBaseline, Verdict::Skipped)
                );
            } else {
                assert_eq!((alone.verdict, alone.reason.as_deref()), (expected, reason));
                assert_eq!((unchanged.verdict, unchanged.reason.as_deref()), (expected, reason));
            }
        }
        assert_eq!(
            judge_unchanged(&key(), None, &ExactFacts::of_size(10_000_000), &gate).verdict,
            Verdict::Error
        );
    }

    #[test]
    fn without_a_baseline_nothing_passes() {
        let comparison = judge_alone(
            &key(),
            &lone(4.0, 1.0, 40_000_000),
            &ExactFacts::of_size(10_000_000),
            Some(0.97),
            &Gate::default(),
        );
        assert_eq!(comparison.verdict, Verdict::NoBaseline);
        assert!(
            comparison
                .metrics
                .iter()
                .all(|entry| entry.verdict == Verdict::NoBaseline)
        );
        assert!(comparison.metrics.iter().all(|entry| !entry.gated));
        assert!(
            comparison
                .metrics
                .iter()
                .all(|entry| entry.candidate.is_some() || entry.reason.is_some())
        );
        assert_eq!(
            judge_unchanged(&key(), None, &ExactFacts::of_size(10_000_000), &Gate::default()).verdict,
            Verdict::Skipped
        );
    }

    #[test]
    fn outputs_against_the_baselines() {
        for (cosine, agreement, expected) in [
            (0.9999, Some(1.0), Verdict::Pass),
            (0.99, Some(0.99), Verdict::Pass),
            (0.98, Some(1.0), Verdict::Regression),
            (1.0, Some(0.98), Verdict::Regression),
            (0.995, None, Verdict::Pass),
        ] {
            let accuracy = Accuracy {
                cosine,
                top1_agreement: agreement,
                ..agreeing()
            };
            let comparison = judge_sizes(&pair(4.0, 1.0, 1.0, PEAKS), SIZES, Some(&accuracy), &Gate::default());
            assert_eq!(comparison.verdict, expected, "{cosine} {agreement:?}");
        }
        let missing = judge_sizes(&pair(4.0, 1.0, 1.0, PEAKS), SIZES, None, &Gate::default());
        assert_eq!(missing.verdict, Verdict::Error);
    }

    #[test]
    fn labels_judge_alone_unless_limits_are_written_down() {
        let retrained = |candidate| Accuracy {
            cosine: 0.7,
            top1_agreement: Some(0.95),
            baseline_top1: Some(0.97),
            candidate_top1: Some(candidate),
            labelled: 100,
            ..agreeing()
        };
        let measurement = pair(4.0, 1.0, 1.0, PEAKS);
        let judged = |candidate, gate: &Gate| judge_sizes(&measurement, SIZES, Some(&retrained(candidate)), gate);
        assert_eq!(judged(0.97, &Gate::default()).verdict, Verdict::Pass);
        assert_eq!(
            verdict_of(&judged(0.97, &Gate::default()), Metric::Cosine),
            Verdict::Skipped
        );
        // A drop of exactly the limit is accepted.
        assert_eq!(judged(0.96, &Gate::default()).verdict, Verdict::Pass);
        let worse = judged(0.95, &Gate::default());
        assert_eq!(worse.verdict, Verdict::Regression);
        assert_eq!(
            worse.reason.as_deref(),
            Some("top-1 accuracy: 2.00 points fewer right answers on 100 samples")
        );
        assert_eq!(judged(0.99, &Gate::default()).verdict, Verdict::Improvement);
        let mut explicit = Gate::default();
        explicit.accuracy.explicit = true;
        assert_eq!(judged(0.97, &explicit).verdict, Verdict::Regression);
    }

    #[test]
    fn p95_gates_where_the_config_says_so() {
        let mut gate = Gate::default();
        gate.latency.p95 = Some(Limit {
            max_regression: Percent(2.0),
            budget: None,
        });
        let measurement = pair(4.0, 1.04, 0.5, PEAKS);
        let comparison = judge_sizes(&measurement, SIZES, Some(&agreeing()), &gate);
        assert_eq!(verdict_of(&comparison, Metric::LatencyP50), Verdict::Pass);
        assert_eq!(verdict_of(&comparison, Metric::LatencyP95), Verdict::Regression);
        gate.latency.p95 = None;
        gate.latency.metric = LatencyMetric::P95;
        let comparison = judge_sizes(&measurement, SIZES, Some(&agreeing()), &gate);
        assert!(comparison.metric(Metric::LatencyP95).unwrap().gated);
        assert!(!comparison.metric(Metric::LatencyP50).unwrap().gated);
    }

    fn relative<T>(percent: f64) -> Option<Limit<T>> {
        Some(Limit {
            max_regression: Percent(percent),
            budget: None,
        })
    }

    #[test]
    fn throughput_falls_and_its_budget_is_a_minimum() {
        let mut gate = Gate::default();
        // 4 ms are 250 a second; 4.4 ms are 227, which is 9.1 % less.
        for (ratio, limit, budget, expected, reason) in [
            (1.1, 20.0, 200.0, Verdict::Pass, None),
            (1.1, 5.0, 200.0, Verdict::Regression, None),
            (
                1.1,
                20.0,
                240.0,
                Verdict::Regression,
                Some("throughput: under the budget of 240 /s"),
            ),
            (0.8, 5.0, 200.0, Verdict::Improvement, None),
        ] {
            gate.latency.limit.max_regression = Percent(50.0);
            gate.latency.throughput = Some(Limit {
                max_regression: Percent(limit),
                budget: Some(PerSecond(budget)),
            });
            let comparison = judge_sizes(&pair(4.0, ratio, 1.0, PEAKS), SIZES, Some(&agreeing()), &gate);
            let throughput = comparison.metric(Metric::Throughput).unwrap();
            assert_eq!(throughput.verdict, expected, "{ratio} {limit} {budget}: {throughput:?}");
            assert_eq!(comparison.reason.as_deref(), reason);
            let change = throughput.change.unwrap();
            assert!((change.percent - 100.0 * (1.0 / ratio - 1.0)).abs() < 0.5, "{change:?}");
            let alone = judge_alone(&key(), &lone(4.0 * ratio, 1.0, 1), &ExactFacts::of_size(1), None, &gate);
            let expected = if reason.is_some() {
                Verdict::Regression
            } else {
                Verdict::NoBaseline
            };
            assert_eq!(alone.verdict, expected, "{ratio} {budget}");
        }
    }

    #[test]
    fn start_up_is_judged_where_it_is_gated() {
        let mut measurement = pair(4.0, 1.0, 1.0, PEAKS);
        for (index, restart) in measurement.restarts.iter_mut().enumerate() {
            restart.baseline.load_seconds = 0.100 + 0.0001 * index as f64;
            restart.candidate.load_seconds = 0.120 + 0.0001 * index as f64;
            restart.candidate.first_seconds = 0.004;
            restart.candidate.warmup = vec![0.004; 5];
        }
        let judged = |gate: &Gate| judge_sizes(&measurement, SIZES, Some(&agreeing()), gate);
        assert_eq!(judged(&Gate::default()).verdict, Verdict::Pass);
        for set in [
            (|gate: &mut Gate| gate.latency.load = relative(5.0)) as fn(&mut Gate),
            |gate| gate.latency.stable = relative(5.0),
            // From 1 ms to 4 ms: more than the floor of start-up figures.
            |gate| gate.latency.first = relative(5.0),
        ] {
            let mut gate = Gate::default();
            set(&mut gate);
            assert_eq!(judged(&gate).verdict, Verdict::Regression);
        }
        for restart in &mut measurement.restarts {
            restart.candidate.first_seconds = 0.0018;
        }
        let mut gate = Gate::default();
        gate.latency.first = relative(5.0);
        let comparison = judge_sizes(&measurement, SIZES, Some(&agreeing()), &gate);
        let first = comparison.metric(Metric::FirstInference).unwrap();
        assert_eq!(
            (first.verdict, first.reason.as_deref()),
            (Verdict::Pass, Some("a difference of less than 1 ms is no regression"))
        );
    }

    #[test]
    fn memory_that_the_config_asks_for_and_nobody_tells_is_an_error() {
        let mut measurement = pair(4.0, 1.0, 1.0, PEAKS);
        measurement.empty_session_bytes = None;
        let mut alone = lone(4.0, 1.0, 40_000_000);
        alone.empty_session_bytes = None;
        let explicit = Gate {
            memory_explicit: true,
            ..Gate::default()
        };
        let model = Gate {
            model_memory: relative(10.0),
            ..Gate::default()
        };
        let budget = Gate {
            memory: Limit::of_budget(Bytes(1_000_000_000)),
            ..Gate::default()
        };
        for gate in [&explicit, &model, &budget] {
            let comparison = judge_sizes(&measurement, SIZES, Some(&agreeing()), gate);
            assert_eq!(comparison.verdict, Verdict::Error);
            assert!(comparison.hints[0].contains("gate.memory"), "{:?}", comparison.hints);
        }
        let comparison = judge_alone(&key(), &alone, &ExactFacts::of_size(1), None, &budget);
        assert_eq!(comparison.verdict, Verdict::Error);
        assert!(!comparison.hints.is_empty());
    }

    #[test]
    fn exact_facts_gate_without_noise() {
        let facts = |macs: Option<u64>, parameters: u64| ExactFacts {
            macs,
            parameters: Some(parameters),
            ..ExactFacts::of_size(10_000_000)
        };
        let mut gate = Gate::default();
        gate.static_facts.parameters = Some(Limit {
            max_regression: Percent(0.0),
            budget: Some(Count(1_100)),
        });
        let noisy = pair(4.0, 1.0, 1.0, PEAKS);
        let judged = |before: ExactFacts, after: ExactFacts, gate: &Gate| {
            judge(&key(), &noisy, (&before, &after), Some(&agreeing()), gate)
        };
        for (before, after, expected) in [
            (1_000, 1_000, Verdict::Pass),
            (1_000, 1_001, Verdict::Regression),
            (1_000, 999, Verdict::Improvement),
            (1_200, 1_200, Verdict::Regression),
        ] {
            let comparison = judged(facts(None, before), facts(None, after), &gate);
            assert_eq!(
                verdict_of(&comparison, Metric::Parameters),
                expected,
                "{before} to {after}"
            );
            let macs = comparison.metric(Metric::Macs).unwrap();
            assert_eq!(
                (macs.verdict, macs.gated, macs.reason.as_deref()),
                (Verdict::Skipped, false, Some("unknown: not judged"))
            );
        }
        // What is gated and not known never passes, on either side.
        gate.static_facts.macs = relative(5.0);
        for (before, after) in [(None, Some(10)), (Some(10), None), (None, None)] {
            let comparison = judged(facts(before, 1), facts(after, 1), &gate);
            assert_eq!(comparison.verdict, Verdict::Error, "{before:?} {after:?}");
            assert!(comparison.hints[0].contains("inputs:"), "{:?}", comparison.hints);
        }
        // A budget judges without a baseline too.
        let alone = |parameters| judge_unchanged(&key(), None, &facts(None, parameters), &gate).verdict;
        assert_eq!((alone(1_100), alone(1_101)), (Verdict::Skipped, Verdict::Regression));
    }

    #[test]
    fn a_budget_alone_sets_no_relative_limit() {
        let mut gate = Gate::default();
        gate.latency.p95 = Some(Limit::of_budget(Millis(100.0)));
        let comparison = judge_sizes(&pair(4.0, 1.04, 1.0, PEAKS), SIZES, Some(&agreeing()), &gate);
        let p95 = comparison.metric(Metric::LatencyP95).unwrap();
        assert_eq!((p95.gated, p95.limit, p95.verdict), (true, None, Verdict::Pass));
    }

    #[test]
    fn a_change_at_its_limit_is_not_decided_by_time() {
        let comparison = judged(&pair(4.0, 1.05, 1.0, PEAKS));
        assert_eq!(comparison.verdict, Verdict::Inconclusive);
        assert_eq!(
            comparison.hints[0],
            "more time alone is not likely to decide it: it lies too close to the limit for the noise of this machine"
        );
    }

    #[test]
    fn inconclusive_says_what_to_do() {
        let comparison = judged(&pair(4.0, 1.0, 20.0, PEAKS));
        assert_eq!(
            comparison.hints,
            [
                "about 15 s would decide it: raise `measure.time_budget` (this took 2 s), or run it again",
                "the load was 1.5 when measuring began; a quieter machine decides sooner",
            ]
        );
    }

    #[test]
    fn a_failure_is_a_verdict_with_a_reason() {
        let error = MeasureError::NotFinite {
            output: "scores".to_owned(),
            sample: 3,
        };
        let comparison = judge_failure(&key(), &error);
        assert_eq!(comparison.verdict, Verdict::Error);
        assert!(
            comparison
                .reason
                .unwrap()
                .starts_with("the candidate's output `scores` holds NaN")
        );
        assert!(!comparison.hints.is_empty());
    }
}
