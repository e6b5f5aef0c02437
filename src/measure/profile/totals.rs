//! Runs of a profiled session, summed up kernel by kernel.

use std::collections::HashMap;

use crate::measure::profile::events::Call;
use crate::measure::profile::events::Extent;
use crate::measure::profile::events::Run;
use crate::measure::profile::types::Span;
use crate::stats::summary::mean;

/// All runs, summed up.
#[derive(Debug)]
pub(super) struct Totals {
    /// In order of first start, parents before the kernels within them.
    pub(super) kernels: Vec<Total>,
    /// Seconds of a run.
    pub(super) run_seconds: f64,
    /// The run whose length is nearest to `run_seconds`.
    pub(super) timeline: Vec<Span>,
}

/// One kernel over all runs.
#[derive(Debug)]
pub(super) struct Total {
    pub(super) name: String,
    pub(super) op_type: String,
    pub(super) provider: String,
    /// The kernel that it runs within.
    pub(super) parent: Option<usize>,
    /// Which of the kernels of this name and operator in the main graph it is, from 0.
    pub(super) occurrence: usize,
    /// Seconds a run, without the kernels within it.
    pub(super) seconds: f64,
    /// Calls in the run of the timeline.
    pub(super) calls: u32,
    /// What each of those calls read and wrote.
    pub(super) samples: Vec<Sample>,
}

/// What one call read and wrote.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) inputs: Vec<Extent>,
    pub(super) outputs: Vec<Extent>,
}

/// Numbers of kernels by the kernel around them, name, operator and occurrence.
type Numbers = HashMap<(Option<usize>, String, String, usize), usize>;

/// Sums up `runs`: each kernel, and what a run takes beyond its kernels, by its own interquartile mean over the runs, so that what
/// disturbs one kernel of a run now and then counts nowhere. A run is the sum of these. `None` without runs.
pub(super) fn sum_up(runs: &[Run]) -> Option<Totals> {
    let mut numbers = Numbers::new();
    let mut kernels = Vec::new();
    // Of each kernel, its seconds in every run.
    let mut seconds: Vec<Vec<f64>> = Vec::new();
    let mut overheads = Vec::with_capacity(runs.len());
    for (index, run) in runs.iter().enumerate() {
        let mut within = 0.0;
        walk(&run.calls, &mut numbers, &mut kernels, &mut |number, _, call, _| {
            if seconds.len() <= number {
                seconds.resize(number + 1, vec![0.0; runs.len()]);
            }
            seconds[number][index] += call.own_seconds();
            within += call.own_seconds();
        });
        overheads.push(run.seconds - within);
    }
    for (kernel, seconds) in kernels.iter_mut().zip(&mut seconds) {
        kernel.seconds = interquartile_mean(seconds)?;
    }
    let run_seconds = kernels.iter().map(|kernel| kernel.seconds).sum::<f64>() + interquartile_mean(&mut overheads)?;

    let off = |run: &Run| (run.seconds - run_seconds).abs();
    let representative = runs.iter().min_by(|one, other| off(one).total_cmp(&off(other)))?;
    let mut timeline = Vec::new();
    walk(
        &representative.calls,
        &mut numbers,
        &mut kernels,
        &mut |number, depth, call, total| {
            timeline.push(Span {
                kernel: number,
                start: call.start,
                seconds: call.seconds,
                depth,
            });
            total.calls += 1;
            total.samples.push(Sample {
                inputs: call.inputs.clone(),
                outputs: call.outputs.clone(),
            });
        },
    );
    // A kernel that only other runs had.
    kernels
        .iter_mut()
        .filter(|kernel| kernel.calls == 0)
        .for_each(|kernel| kernel.calls = 1);
    Some(Totals {
        kernels,
        run_seconds,
        timeline,
    })
}

/// The mean of the middle half, which a quarter of disturbed values cannot move far; `None` of no values.
fn interquartile_mean(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let quarter = values.len() / 4;
    mean(values.get(quarter..values.len() - quarter)?)
}

/// Visits all calls of a run in order of their start, with the number of each one's kernel.
fn walk(
    calls: &[Call],
    numbers: &mut Numbers,
    kernels: &mut Vec<Total>,
    visit: &mut dyn FnMut(usize, u32, &Call, &mut Total),
) {
    let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
    let mut waiting: Vec<(Option<usize>, u32, &Call)> = calls.iter().rev().map(|call| (None, 0, call)).collect();
    while let Some((parent, depth, call)) = waiting.pop() {
        // A body runs again and again; the main graph's kernels run once, so that an equal name is another node.
        let occurrence = match parent {
            Some(_) => 0,
            None => {
                let count = seen.entry((&call.name, &call.op_type)).or_default();
                *count += 1;
                *count - 1
            }
        };
        let key = (parent, call.name.clone(), call.op_type.clone(), occurrence);
        let number = *numbers.entry(key).or_insert_with(|| {
            kernels.push(Total {
                name: call.name.clone(),
                op_type: call.op_type.clone(),
                provider: call.provider.clone(),
                parent,
                occurrence,
                seconds: 0.0,
                calls: 0,
                samples: Vec::new(),
            });
            kernels.len() - 1
        });
        if let Some(total) = kernels.get_mut(number) {
            visit(number, depth, call, total);
        }
        waiting.extend(call.within.iter().rev().map(|inner| (Some(number), depth + 1, inner)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(name: &str, op_type: &str, start: f64, seconds: f64, within: Vec<Call>) -> Call {
        Call {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            provider: "CPUExecutionProvider".to_owned(),
            start,
            seconds,
            inputs: Vec::new(),
            outputs: Vec::new(),
            within,
        }
    }

    fn run(factor: f64) -> Run {
        let body = vec![
            call("b", "Add", 21.0 * factor, factor, Vec::new()),
            call("b", "Add", 23.0 * factor, 2.0 * factor, Vec::new()),
        ];
        Run {
            seconds: 40.0 * factor,
            calls: vec![
                call("a", "Relu", 0.0, 10.0 * factor, Vec::new()),
                call("a", "Relu", 10.0 * factor, 5.0 * factor, Vec::new()),
                call("l", "Loop", 20.0 * factor, 8.0 * factor, body),
            ],
        }
    }

    #[test]
    fn bodies_are_one_kernel_and_equal_names_of_the_main_graph_are_two() {
        let totals = sum_up(&[run(1.0)]).unwrap();
        let named: Vec<_> = totals
            .kernels
            .iter()
            .map(|kernel| {
                (
                    kernel.name.as_str(),
                    kernel.occurrence,
                    kernel.parent,
                    kernel.calls,
                    kernel.seconds,
                )
            })
            .collect();
        assert_eq!(
            named,
            [
                ("a", 0, None, 1, 10.0),
                ("a", 1, None, 1, 5.0),
                ("l", 0, None, 1, 5.0),
                ("b", 0, Some(2), 2, 3.0),
            ]
        );
        let depths: Vec<u32> = totals.timeline.iter().map(|span| span.depth).collect();
        assert_eq!(depths, [0, 0, 0, 1, 1]);
    }

    #[test]
    fn what_disturbs_one_kernel_now_and_then_does_not_count() {
        let mut runs: Vec<Run> = (0..8).map(|_| run(1.0)).collect();
        for (number, run) in runs.iter_mut().take(4).enumerate() {
            // Each time another one of the kernels.
            let call = &mut run.calls[number % 2];
            call.seconds += 900.0;
            run.seconds += 900.0;
        }
        let totals = sum_up(&runs).unwrap();
        assert!((totals.run_seconds - 40.0).abs() < 1e-9, "{}", totals.run_seconds);
        assert!((totals.kernels[0].seconds - 10.0).abs() < 1e-9);
        assert!(sum_up(&[]).is_none());
    }

    proptest! {
        #[test]
        fn kernels_and_overhead_are_the_run(factors in proptest::collection::vec(0.01_f64..100.0, 1..30)) {
            let runs: Vec<Run> = factors.into_iter().map(run).collect();
            let totals = sum_up(&runs).unwrap();
            let sum: f64 = totals.kernels.iter().map(|kernel| kernel.seconds).sum();
            prop_assert!((sum / totals.run_seconds - 23.0 / 40.0).abs() < 1e-9);
        }
    }
}
