//! A graph's names: who reads them, which must stay, and how one takes the place of another.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::variant::edit;
pub(super) use crate::variant::edit::bodies;
pub(super) use crate::variant::edit::bodies_mut;

/// How often each name is read: by nodes, at any depth, and as an output of a graph.
pub(super) fn reads(graph: &GraphProto) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    let mut waiting = vec![graph];
    while let Some(graph) = waiting.pop() {
        let inputs = graph.node.iter().flat_map(|node| &node.input).map(String::as_str);
        for name in inputs.chain(graph.output.iter().map(|output| output.name())) {
            if let Some(count) = counts.get_mut(name) {
                *count += 1;
            } else if !name.is_empty() {
                counts.insert(name.to_owned(), 1);
            }
        }
        waiting.extend(graph.node.iter().flat_map(bodies));
    }
    counts
}

/// The names that a graph gives out.
pub(super) fn outputs(graph: &GraphProto) -> HashSet<String> {
    graph.output.iter().map(|output| output.name().to_owned()).collect()
}

/// Lets nodes read other tensors, at any depth; a subgraph that has such a name itself keeps it.
pub(super) fn rename(graph: &mut GraphProto, names: &HashMap<String, String>) {
    if names.is_empty() {
        return;
    }
    for node in &mut graph.node {
        rename_reads(node, names);
    }
}

/// The same for one node.
pub(super) fn rename_reads(node: &mut NodeProto, names: &HashMap<String, String>) {
    for input in &mut node.input {
        if let Some(new) = resolve(input, names) {
            *input = new;
        }
    }
    for body in bodies_mut(node) {
        let own = body.input.iter().map(|input| input.name());
        let own = own.chain(body.initializer.iter().map(|tensor| tensor.name()));
        let own = own.chain(body.node.iter().flat_map(|node| &node.output).map(String::as_str));
        let shadowed: HashSet<&str> = own.filter(|name| names.contains_key(*name)).collect();
        if shadowed.is_empty() {
            rename(body, names);
        } else {
            let others = names.iter().filter(|(old, _)| !shadowed.contains(old.as_str()));
            let others = others.map(|(old, new)| (old.clone(), new.clone())).collect();
            rename(body, &others);
        }
    }
}

/// The end of a chain of renamings.
fn resolve(name: &str, names: &HashMap<String, String>) -> Option<String> {
    let mut found = names.get(name)?;
    // Chains are made in order of the graph and have no cycles; the bound guards against a mistake.
    for _ in 0..names.len() {
        match names.get(found) {
            Some(next) => found = next,
            None => break,
        }
    }
    Some(found.clone())
}

/// An integer attribute, or its default.
pub(super) fn int(node: &NodeProto, name: &str, default: i64) -> i64 {
    edit::attribute(node, name).map_or(default, |attribute| attribute.i())
}
