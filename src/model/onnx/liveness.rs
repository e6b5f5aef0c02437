//! The most memory that activations need at once when the main graph runs one node after the other, in the file's order.
//!
//! A tensor lives from the node that writes it to the last one that reads it, an input of the graph from the start, an output to
//! the end. Constants and initializers are weights and no activations. Every output has memory of its own: an engine that
//! rearranges the graph, reuses an input's memory for an output, or reshapes without copying needs less; one that runs branches at
//! once, or keeps scratch space, needs more. So it says how a graph compares with another, not what a process will use.

use std::collections::BTreeSet;
use std::collections::HashMap;

use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;

/// The peak in bytes. `bytes` gives the size of every tensor that a node writes and of every input that is fed, by name; `None`
/// where a size that matters is missing.
pub(crate) fn peak(graph: &GraphProto, fed: &[&str], bytes: &HashMap<&str, u64>) -> Option<u64> {
    let last_reads = last_reads(graph);
    let mut live: HashMap<&str, u64> = HashMap::new();
    let mut held = 0_u64;
    for name in fed {
        if last_reads.contains_key(name) && live.insert(name, *bytes.get(name)?).is_none() {
            held = held.checked_add(*bytes.get(name)?)?;
        }
    }
    let mut most = held;
    for (index, node) in graph.node.iter().enumerate() {
        if node.op_type() == "Constant" {
            continue;
        }
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            let size = *bytes.get(name.as_str())?;
            let before = live.insert(name, size).unwrap_or(0);
            held = (held - before).checked_add(size)?;
        }
        most = most.max(held);
        let done = reads(node).into_iter().chain(node.output.iter().map(String::as_str));
        for name in done {
            let needed = last_reads.get(name).is_some_and(|last| *last > index);
            if !needed && let Some(size) = live.remove(name) {
                held -= size;
            }
        }
    }
    Some(most)
}

/// The last node that reads each tensor; one past the last node for the graph's outputs.
fn last_reads(graph: &GraphProto) -> HashMap<&str, usize> {
    let mut last = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        last.extend(reads(node).into_iter().map(|name| (name, index)));
    }
    last.extend(graph.output.iter().map(|output| (output.name(), graph.node.len())));
    last
}

/// Names that a node reads: its inputs, and what its subgraphs take from around them.
fn reads(node: &NodeProto) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        names.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
        for attribute in &node.attribute {
            for graph in attribute.g.iter().chain(&attribute.graphs) {
                names.extend(graph.output.iter().map(|output| output.name()));
                waiting.extend(&graph.node);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::onnx::proto::AttributeProto;
    use crate::model::onnx::proto::ValueInfoProto;

    fn node(inputs: &[&str], outputs: &[&str]) -> NodeProto {
        NodeProto {
            op_type: Some("Op".to_owned()),
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: outputs.iter().map(|name| (*name).to_owned()).collect(),
            ..NodeProto::default()
        }
    }

    fn graph(nodes: Vec<NodeProto>, outputs: &[&str]) -> GraphProto {
        GraphProto {
            node: nodes,
            output: outputs
                .iter()
                .map(|name| ValueInfoProto {
                    name: Some((*name).to_owned()),
                    ..ValueInfoProto::default()
                })
                .collect(),
            ..GraphProto::default()
        }
    }

    fn sizes<'a>(sizes: &[(&'a str, u64)]) -> HashMap<&'a str, u64> {
        sizes.iter().copied().collect()
    }

    #[test]
    fn a_chain_holds_two_at_a_time() {
        let chain = graph(
            vec![node(&["x", "w"], &["a"]), node(&["a"], &["b"]), node(&["b"], &["y"])],
            &["y"],
        );
        let bytes = sizes(&[("x", 10), ("a", 30), ("b", 20), ("y", 1)]);
        assert_eq!(peak(&chain, &["x"], &bytes), Some(50));
    }

    #[test]
    fn a_skip_connection_stays_alive() {
        let skip = graph(
            vec![node(&["x"], &["a"]), node(&["a"], &["b"]), node(&["b", "x"], &["y"])],
            &["y"],
        );
        let bytes = sizes(&[("x", 10), ("a", 30), ("b", 20), ("y", 1)]);
        assert_eq!(peak(&skip, &["x"], &bytes), Some(60));
    }

    #[test]
    fn what_a_branch_reads_from_outside_stays_alive() {
        let mut branch = node(&["a"], &["y"]);
        branch.attribute.push(AttributeProto {
            g: Some(graph(vec![node(&["x"], &["inner"])], &["inner"])),
            ..AttributeProto::default()
        });
        let nested = graph(vec![node(&["x"], &["a"]), branch], &["y"]);
        let bytes = sizes(&[("x", 10), ("a", 30), ("y", 1)]);
        assert_eq!(peak(&nested, &["x"], &bytes), Some(41));
    }

    #[test]
    fn an_unknown_size_is_no_number() {
        let chain = graph(vec![node(&["x"], &["a"]), node(&["a"], &["y"])], &["y"]);
        assert_eq!(peak(&chain, &["x"], &sizes(&[("x", 10), ("y", 1)])), None);
        assert_eq!(peak(&chain, &["x"], &sizes(&[("a", 10), ("y", 1)])), None);
        // An input that nothing reads needs no memory here.
        assert_eq!(
            peak(&chain, &["x", "idle"], &sizes(&[("x", 1), ("a", 2), ("y", 4)])),
            Some(6)
        );
    }

    proptest! {
        #[test]
        fn between_the_largest_call_and_everything(
            edges in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_u64..100), 1..20),
        ) {
            let names: Vec<String> = (0..=edges.len()).map(|index| format!("t{index}")).collect();
            let nodes: Vec<NodeProto> = edges
                .iter()
                .enumerate()
                .map(|(index, (one, other, _))| {
                    let from = [names[one.index(index + 1)].as_str(), names[other.index(index + 1)].as_str()];
                    node(&from, &[&names[index + 1]])
                })
                .collect();
            let mut bytes = HashMap::from([(names[0].as_str(), 7_u64)]);
            bytes.extend(edges.iter().enumerate().map(|(index, (_, _, size))| (names[index + 1].as_str(), *size)));
            let graph = graph(nodes, &[&names[edges.len()]]);
            let most = peak(&graph, &["t0"], &bytes).unwrap();
            let everything: u64 = bytes.values().sum();
            let largest_call = graph.node.iter().map(|node| {
                reads(node).into_iter().chain(node.output.iter().map(String::as_str)).map(|name| bytes[name]).sum::<u64>()
            });
            prop_assert!(most <= everything);
            prop_assert!(most >= largest_call.max().unwrap());
        }
    }
}
