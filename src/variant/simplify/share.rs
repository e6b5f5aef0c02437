//! What is computed or stored twice is computed and stored once.

use std::collections::HashMap;
use std::collections::HashSet;

use bytes::Bytes;
use prost::Message as _;

use super::Simplifier;
use super::scope::bodies;
use super::scope::int;
use super::scope::outputs;
use super::scope::rename;
use super::scope::rename_reads;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shape::is_standard;

/// Operators that give something else every time.
const RANDOM: &[&str] = &[
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
];

impl Simplifier<'_> {
    /// Lets readers of equal initializers of `graph` read the first of them; the others are then unused.
    pub(super) fn merge_constants(&mut self, graph: &mut GraphProto) {
        let mut taken = outputs(graph);
        if !self.listed {
            taken.extend(graph.input.iter().map(|input| input.name().to_owned()));
        }
        taken.extend(self.annotated.iter().cloned());
        let mut firsts: HashMap<(i32, Vec<i64>, Bytes), String> = HashMap::new();
        let mut names = HashMap::new();
        for tensor in &graph.initializer {
            let Some(bytes) = tensor.raw_data.clone().filter(|_| !taken.contains(tensor.name())) else {
                continue;
            };
            let key = (tensor.data_type(), tensor.dims.clone(), bytes);
            if let Some(first) = firsts.get(&key) {
                names.insert(tensor.name().to_owned(), first.clone());
            } else {
                firsts.insert(key, tensor.name().to_owned());
            }
        }
        let doubles = names.len();
        rename(graph, &names);
        graph.initializer.retain(|tensor| !names.contains_key(tensor.name()));
        if self.listed {
            graph.input.retain(|input| !names.contains_key(input.name()));
        }
        self.tally.merged += doubles;
    }

    /// Lets readers of what equal nodes of `graph` make read it of the first of them.
    pub(super) fn merge_nodes(&mut self, graph: &mut GraphProto) {
        let given = outputs(graph);
        let mut firsts: HashMap<Vec<u8>, Vec<String>> = HashMap::new();
        let mut names: HashMap<String, String> = HashMap::new();
        let mut kept = Vec::new();
        for mut node in std::mem::take(&mut graph.node) {
            rename_reads(&mut node, &names);
            if !self.is_pure(&node) {
                kept.push(node);
                continue;
            }
            let key = key(&node);
            let free = |name: &String| !given.contains(name) && !self.annotated.contains(name);
            match firsts.get(&key) {
                Some(first) if node.output.iter().all(free) => {
                    let pairs = node.output.iter().zip(first).filter(|(name, _)| !name.is_empty());
                    names.extend(pairs.map(|(name, first)| (name.clone(), first.clone())));
                    self.tally.shared += 1;
                }
                Some(_) => kept.push(node),
                None => {
                    firsts.insert(key, node.output.clone());
                    kept.push(node);
                }
            }
        }
        graph.node = kept;
    }

    /// True where equal inputs give equal outputs.
    fn is_pure(&self, node: &NodeProto) -> bool {
        let trains = node.op_type() == "Dropout" && node.input.get(2).is_some_and(|mode| !mode.is_empty());
        is_standard(node)
            && !self.local.contains(node.op_type())
            && !RANDOM.contains(&node.op_type())
            && !trains
            && int(node, "training_mode", 0) == 0
            && bodies(node).next().is_none()
    }

    /// Takes out of `graph` what nothing reads: nodes, initializers, and types of tensors that are no more.
    pub(super) fn drop_dead(&mut self, graph: &mut GraphProto) {
        let mut counts = super::scope::reads(graph);
        for name in &self.annotated {
            *counts.entry(name.clone()).or_default() += 1;
        }
        let mut kept = Vec::new();
        for node in std::mem::take(&mut graph.node).into_iter().rev() {
            let is_read = node
                .output
                .iter()
                .any(|name| counts.get(name).is_some_and(|count| *count > 0));
            // Others' operators may do more than give out tensors.
            let is_known =
                is_standard(&node) || self.is_local(&node) || node.domain() == crate::variant::edit::MICROSOFT;
            if is_read || !is_known {
                kept.push(node);
                continue;
            }
            self.tally.dead += 1;
            for (name, count) in node_reads(&node) {
                if let Some(left) = counts.get_mut(&name) {
                    *left = left.saturating_sub(count);
                }
            }
        }
        kept.reverse();
        graph.node = kept;
        let listed: HashSet<String> = match self.listed {
            true => HashSet::new(),
            false => graph.input.iter().map(|input| input.name().to_owned()).collect(),
        };
        let is_read = |name: &str| counts.get(name).is_some_and(|count| *count > 0) || listed.contains(name);
        let before = graph.initializer.len();
        let gone: HashSet<String> = graph
            .initializer
            .iter()
            .filter(|tensor| !is_read(tensor.name()))
            .map(|tensor| tensor.name().to_owned())
            .collect();
        graph.initializer.retain(|tensor| !gone.contains(tensor.name()));
        graph.input.retain(|input| !gone.contains(input.name()));
        self.tally.unused += before - graph.initializer.len();
        let exist: HashSet<&String> = graph.node.iter().flat_map(|node| &node.output).collect();
        let constants: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
        let sparse = graph
            .sparse_initializer
            .iter()
            .filter_map(|sparse| sparse.values.as_ref());
        let sparse: HashSet<&str> = sparse.map(|values| values.name()).collect();
        graph.value_info.retain(|info| {
            let name = info.name();
            exist.contains(&name.to_owned()) || constants.contains(name) || sparse.contains(name)
        });
    }
}

/// How often a node reads each name, its subgraphs included.
fn node_reads(node: &NodeProto) -> HashMap<String, usize> {
    let around = GraphProto {
        node: vec![node.clone()],
        ..GraphProto::default()
    };
    super::scope::reads(&around)
}

/// Equal for nodes that do the same to the same.
fn key(node: &NodeProto) -> Vec<u8> {
    let mut attributes = node.attribute.clone();
    attributes.sort_by(|one, other| one.name().cmp(other.name()));
    for attribute in &mut attributes {
        attribute.doc_string = None;
        if let Some(tensor) = &mut attribute.t {
            tensor.name = None;
        }
    }
    NodeProto {
        input: node.input.clone(),
        // Which outputs there are, whatever their names.
        output: node.output.iter().map(|name| (!name.is_empty()).to_string()).collect(),
        op_type: node.op_type.clone(),
        overload: node.overload.clone(),
        attribute: attributes,
        ..NodeProto::default()
    }
    .encode_to_vec()
}
