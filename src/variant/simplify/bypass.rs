//! Nodes that give what they are given go: `Identity`, `Dropout` outside of training, casts to the same type, and layouts that are
//! changed and changed back.

use std::collections::HashMap;
use std::collections::HashSet;

use super::Simplifier;
use super::fold::Constants;
use super::scope::int;
use super::scope::outputs;
use super::scope::rename;
use super::scope::rename_reads;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shape::is_standard;
use crate::variant::edit;
use crate::variant::opset::Facts;

impl Simplifier<'_> {
    /// Takes such nodes out of `graph`.
    pub(super) fn bypass(&mut self, graph: &mut GraphProto, constants: &Constants<'_>, facts: &Facts<'_>) {
        let given = outputs(graph);
        let read = super::scope::reads(graph);
        let mut names: HashMap<String, String> = HashMap::new();
        // Tensors that get the name of a graph's output.
        let mut promoted: HashMap<String, String> = HashMap::new();
        let mut makers: HashMap<String, usize> = HashMap::new();
        let mut kept: Vec<NodeProto> = Vec::new();
        for mut node in std::mem::take(&mut graph.node) {
            rename_reads(&mut node, &names);
            let is_ours = is_standard(&node) && !self.local.contains(node.op_type());
            let maker = |name: &str| makers.get(name).and_then(|index| kept.get(*index));
            if is_ours {
                self.tally.bypassed += usize::from(merge(&mut node, &maker, constants));
            }
            let is_noop = is_ours && is_noop(&node, constants, facts, self.opset, &read);
            let source = node.input.first().filter(|_| is_noop).cloned();
            let result = node.output.first().cloned().unwrap_or_default();
            if let Some(source) = source.filter(|source| !source.is_empty() && !result.is_empty()) {
                let is_given = given.contains(&result);
                let can_promote = makers.contains_key(&source)
                    && !given.contains(&source)
                    && !promoted.contains_key(&source)
                    && !self.annotated.contains(&source);
                if !is_given {
                    names.insert(result, source);
                    self.tally.bypassed += 1;
                    continue;
                } else if can_promote {
                    promoted.insert(source, result);
                    self.tally.bypassed += 1;
                    continue;
                }
            }
            makers.extend(node.output.iter().map(|output| (output.clone(), kept.len())));
            kept.push(node);
        }
        for output in kept.iter_mut().flat_map(|node| &mut node.output) {
            if let Some(new) = promoted.get(output) {
                *output = new.clone();
            }
        }
        graph.node = kept;
        rename(graph, &promoted);
    }
}

/// True where the node's output is its first input, whatever that holds.
fn is_noop(
    node: &NodeProto,
    constants: &Constants<'_>,
    facts: &Facts<'_>,
    opset: i64,
    read: &HashMap<String, usize>,
) -> bool {
    let Some(data) = node.input.first() else { return false };
    if node.output.iter().skip(1).any(|name| read.contains_key(name)) {
        return false;
    }
    let rank = facts.dims(data).map(<[_]>::len);
    match node.op_type() {
        "Identity" => true,
        "Dropout" => {
            let training = node.input.get(2).filter(|name| !name.is_empty());
            let off = |name: &String| constants.value(name).and_then(|value| value.to_ints()) == Some(vec![0]);
            opset >= 7 && training.is_none_or(off)
        }
        "Cast" => facts
            .data_type(data)
            .is_some_and(|stated| stated as i64 == int(node, "to", 0)),
        "Transpose" => edit::attribute(node, "perm").is_some_and(|perm| in_order(&perm.ints)),
        "Concat" | "Sum" | "Mean" | "Max" | "Min" => node.input.len() == 1,
        "Pad" => {
            let axes = node.input.len() > 3;
            let pads = node.input.get(1).and_then(|pads| constants.value(pads)?.to_ints());
            !axes && pads.is_some_and(|pads| pads.iter().all(|pad| *pad == 0))
        }
        "Expand" => {
            let shape = node.input.get(1).and_then(|shape| constants.value(shape)?.to_ints());
            shape.is_some_and(|shape| rank.is_some_and(|rank| shape.len() <= rank) && shape.iter().all(|dim| *dim == 1))
        }
        "Mul" | "Div" => node
            .input
            .get(1)
            .and_then(|factor| constants.value(factor))
            .is_some_and(|factor| {
                let is_one = factor.to_floats().is_some_and(|values| values == [1.0]);
                is_one && (factor.dims.is_empty() || rank.is_some_and(|rank| factor.dims.len() <= rank))
            }),
        "Reshape" => {
            let shape = node.input.get(1).and_then(|shape| constants.value(shape)?.to_ints());
            let literal = int(node, "allowzero", 0) != 0;
            let (Some(dims), Some(shape)) = (facts.dims(data), shape) else {
                return false;
            };
            let open = shape.iter().filter(|dim| **dim == -1).count();
            let alike = |(dim, wanted): (&Option<u64>, &i64)| match wanted {
                0 if !literal => true,
                -1 => true,
                wanted => dim.is_some_and(|dim| dim > 0 && i64::try_from(dim) == Ok(*wanted)),
            };
            dims.len() == shape.len() && open <= 1 && dims.iter().zip(&shape).all(alike)
        }
        _ => false,
    }
}

fn in_order(axes: &[i64]) -> bool {
    axes.iter().enumerate().all(|(place, axis)| place as i64 == *axis)
}

/// Lets a node do the work of the one before it as well: of two transpositions, the product; of two shapes, the second.
fn merge<'k>(node: &mut NodeProto, maker: &dyn Fn(&str) -> Option<&'k NodeProto>, constants: &Constants<'_>) -> bool {
    let Some(before) = node.input.first().and_then(|data| maker(data)) else {
        return false;
    };
    let alike = before.op_type() == node.op_type() && is_standard(before);
    let Some(source) = before.input.first().filter(|_| alike).cloned() else {
        return false;
    };
    match node.op_type() {
        "Transpose" => {
            let (Some(first), Some(second)) = (edit::attribute(before, "perm"), edit::attribute(node, "perm")) else {
                return false;
            };
            let axes: HashSet<i64> = first.ints.iter().copied().collect();
            let product = second
                .ints
                .iter()
                .map(|axis| first.ints.get(usize::try_from(*axis).ok()?).copied());
            let Some(product) = product.collect::<Option<Vec<i64>>>() else {
                return false;
            };
            if axes.len() != first.ints.len() || product.len() != first.ints.len() {
                return false;
            }
            node.attribute = vec![edit::ints_attribute("perm", &product)];
        }
        "Reshape" => {
            // A zero takes over a size of the shape in between.
            let shape = node.input.get(1).and_then(|shape| constants.value(shape)?.to_ints());
            if shape.is_none_or(|shape| shape.contains(&0)) {
                return false;
            }
        }
        _ => return false,
    }
    if let Some(data) = node.input.first_mut() {
        *data = source;
    }
    true
}
