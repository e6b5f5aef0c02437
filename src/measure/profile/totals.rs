//! Runs of a profiled session, summed up kernel by kernel.

use std::collections::HashMap;

use crate::measure::profile::events::Call;
use crate::measure::profile::events::Extent;
use crate::measure::profile::events::Run;
use crate::measure::profile::types::Span;

/// All runs, summed up.
#[derive(Debug)]
pub(super) struct Totals {
    /// In order of first start, parents before the kernels within them.
    pub(super) kernels: Vec<Total>,
    /// Seconds of a run.
    pub(super) run_seconds: f64,
    /// The run whose length is nearest to the median.
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

/// Means over the middle half of `runs`, by their length: those that nothing disturbed, and that no luck shortened. Means add
/// up, medians don't. `None` without runs.
pub(super) fn sum_up(runs: &[Run]) -> Option<Totals> {
    let mut order: Vec<&Run> = runs.iter().collect();
    order.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let quarter = order.len() / 4;
    let middle = order.get(quarter..order.len() - quarter)?;
    let representative = *middle.get(middle.len() / 2)?;

    let mut totals = Totals {
        kernels: Vec::new(),
        run_seconds: middle.iter().map(|run| run.seconds).sum::<f64>() / middle.len() as f64,
        timeline: Vec::new(),
    };
    let mut numbers = Numbers::new();
    walk(
        &representative.calls,
        &mut numbers,
        &mut totals.kernels,
        &mut |number, depth, call, total| {
            totals.timeline.push(Span {
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
    for run in middle {
        walk(
            &run.calls,
            &mut numbers,
            &mut totals.kernels,
            &mut |_, _, call, total| {
                total.seconds += call.own_seconds() / middle.len() as f64;
            },
        );
    }
    Some(totals)
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
    fn disturbed_runs_do_not_count() {
        let runs: Vec<Run> = [1.0, 1.0, 900.0, 0.1].map(run).into();
        let totals = sum_up(&runs).unwrap();
        assert!((totals.run_seconds - 40.0).abs() < 1e-9);
        assert!((totals.kernels[0].seconds - 10.0).abs() < 1e-9);
        assert!(sum_up(&[]).is_none());
    }

    proptest! {
        #[test]
        fn kernels_never_take_longer_than_their_run(factors in proptest::collection::vec(0.01_f64..100.0, 1..30)) {
            let runs: Vec<Run> = factors.into_iter().map(run).collect();
            let totals = sum_up(&runs).unwrap();
            let sum: f64 = totals.kernels.iter().map(|kernel| kernel.seconds).sum();
            prop_assert!((sum / totals.run_seconds - 23.0 / 40.0).abs() < 1e-9);
        }
    }
}
