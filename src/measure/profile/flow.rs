//! Living activations along a run, kernel by kernel.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::measure::profile::cost;
use crate::measure::profile::placed::Place;
use crate::measure::profile::totals::Total;
use crate::measure::profile::types::MemoryFlow;
use crate::measure::profile::types::MemoryStep;
use crate::model::onnx::proto::NodeProto;

/// One kernel of the main graph in the order of execution.
struct Step<'a> {
    kernel: usize,
    /// Tensors that it writes, with their sizes.
    outputs: Vec<(&'a str, Option<u64>)>,
    /// All names that it reads, in its subgraphs too.
    reads: HashSet<&'a str>,
}

/// Follows the tensors that kernels of the main graph write from there to their last reader, or to the end where they are the
/// model's outputs.
pub(super) fn flow(kernels: &[Total], places: &[Option<Place<'_, '_>>]) -> MemoryFlow {
    let mut flow = MemoryFlow::default();
    let mut counted = HashSet::new();
    let mut steps = Vec::new();
    let mut ends: HashSet<&str> = HashSet::new();
    for (kernel, (total, place)) in kernels.iter().zip(places).enumerate() {
        let Some(place) = place.as_ref().filter(|_| total.parent.is_none()) else {
            continue;
        };
        let Some(node) = place.node() else { continue };
        if ends.is_empty() {
            ends.extend(place.trace.optimized.output.iter().map(|output| output.name()));
        }
        flow.weight_bytes += cost::weight_bytes(place, &mut counted);
        let written = total
            .samples
            .first()
            .map(|sample| sample.outputs.as_slice())
            .unwrap_or_default();
        let named: Vec<&str> = node
            .output
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        let outputs = named.iter().enumerate().map(|(number, name)| {
            let extent = written.get(number).filter(|_| written.len() == named.len());
            (*name, extent.and_then(|extent| extent.bytes()))
        });
        steps.push(Step {
            kernel,
            outputs: outputs.collect(),
            reads: reads(node),
        });
    }
    live(&steps, &ends, &mut flow);
    flow
}

fn live(steps: &[Step<'_>], ends: &HashSet<&str>, flow: &mut MemoryFlow) {
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (number, step) in steps.iter().enumerate() {
        for name in &step.reads {
            last.insert(name, number);
        }
    }
    // What dies after each step.
    let mut dying: Vec<u64> = vec![0; steps.len()];
    let mut alive = 0_u64;
    for (number, step) in steps.iter().enumerate() {
        let mut written = 0_u64;
        for (name, bytes) in &step.outputs {
            let Some(bytes) = bytes else {
                flow.unknown_tensors += 1;
                continue;
            };
            written = written.saturating_add(*bytes);
            if !ends.contains(name) {
                let end = last.get(name).copied().unwrap_or(number).max(number);
                dying[end] = dying[end].saturating_add(*bytes);
            }
        }
        alive = alive.saturating_add(written);
        flow.steps.push(MemoryStep {
            kernel: step.kernel,
            live_bytes: alive,
            output_bytes: written,
        });
        alive = alive.saturating_sub(dying[number]);
    }
    // The first of equals.
    let most = flow.steps.iter().map(|step| step.live_bytes).max();
    flow.peak = flow.steps.iter().position(|step| Some(step.live_bytes) == most);
}

/// All names that a node and the graphs within it mention as inputs or outputs of theirs.
fn reads(node: &NodeProto) -> HashSet<&str> {
    let mut names: HashSet<&str> = HashSet::new();
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        names.extend(node.input.iter().map(String::as_str));
        for graph in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
            names.extend(graph.output.iter().map(|output| output.name()));
            waiting.extend(&graph.node);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step<'a>(kernel: usize, reads: &[&'a str], outputs: &[(&'a str, u64)]) -> Step<'a> {
        Step {
            kernel,
            outputs: outputs.iter().map(|(name, bytes)| (*name, Some(*bytes))).collect(),
            reads: reads.iter().copied().collect(),
        }
    }

    #[test]
    fn a_skip_connection_keeps_its_tensor_alive() {
        let steps = [
            step(0, &["x"], &[("a", 10)]),
            step(1, &["a"], &[("b", 100)]),
            step(2, &["b"], &[("c", 10)]),
            step(3, &["a", "c"], &[("y", 5)]),
        ];
        let mut flow = MemoryFlow::default();
        live(&steps, &HashSet::from(["y"]), &mut flow);
        let bytes: Vec<u64> = flow.steps.iter().map(|step| step.live_bytes).collect();
        assert_eq!(bytes, [10, 110, 120, 25]);
        assert_eq!(flow.peak, Some(2));
    }

    #[test]
    fn what_nobody_reads_dies_at_once_and_unknown_sizes_are_counted() {
        let mut steps = [step(0, &[], &[("a", 7)]), step(1, &[], &[("y", 1)])];
        let mut flow = MemoryFlow::default();
        live(&steps, &HashSet::from(["y"]), &mut flow);
        assert_eq!(flow.steps[1].live_bytes, 1);
        steps[0].outputs[0].1 = None;
        let mut flow = MemoryFlow::default();
        live(&steps, &HashSet::new(), &mut flow);
        assert_eq!(flow.unknown_tensors, 1);
    }
}
