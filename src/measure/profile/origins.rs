//! Which tensor of the model each tensor of the optimized graph stands for.
//!
//! The engine keeps the names of most tensors. Where it computes in another layout it invents names, but calls the nodes after the
//! tensors that they write (`x_nchwc`), keeps their own names, or puts a change of layout between an invented name and a kept one.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::measure::profile::classes::Classes;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;

/// The domain of kernels that compute in blocks of channels.
pub(super) const BLOCKED: &str = "com.microsoft.nchwc";

/// Operators that the engine puts in where two kernels want different layouts or types.
const LAYOUT: &[&str] = &["ReorderInput", "ReorderOutput", "Transpose", "Cast"];

/// Activations that a convolution can apply by itself.
const ACTIVATIONS: &[&str] = &[
    "Relu",
    "LeakyRelu",
    "Tanh",
    "Sigmoid",
    "Clip",
    "HardSigmoid",
    "HardSwish",
];

/// A blocked kernel takes in no more nodes behind its own: a normalization, a sum, an activation.
const MAX_TAKEN_IN: usize = 5;

/// What the engine puts before the name of a tensor that it computes in another precision.
const RECAST: &str = "InsertedPrecisionFreeCast_";

/// The model's graph with what is needed to find one's way in it.
pub(super) struct Original<'a> {
    pub(super) graph: &'a GraphProto,
    pub(super) classes: Classes<'a>,
    /// Nodes that read a tensor.
    pub(super) consumers: HashMap<&'a str, Vec<usize>>,
    /// Nodes by name, where it is theirs alone.
    names: HashMap<&'a str, Option<usize>>,
}

impl<'a> Original<'a> {
    pub(super) fn new(graph: &'a GraphProto) -> Self {
        let mut consumers: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut names: HashMap<&str, Option<usize>> = HashMap::new();
        for (index, node) in graph.node.iter().enumerate() {
            for input in node.input.iter().filter(|input| !input.is_empty()) {
                consumers.entry(input).or_default().push(index);
            }
            if !node.name().is_empty() {
                names
                    .entry(node.name())
                    .and_modify(|same| *same = None)
                    .or_insert(Some(index));
            }
        }
        Self {
            graph,
            classes: Classes::of(graph),
            consumers,
            names,
        }
    }

    pub(super) fn node(&self, index: usize) -> Option<&'a NodeProto> {
        self.graph.node.get(index)
    }

    /// The node of the same name and operator.
    pub(super) fn namesake(&self, node: &NodeProto) -> Option<usize> {
        let index = self.names.get(node.name()).copied().flatten()?;
        self.node(index)
            .filter(|own| own.op_type() == node.op_type())
            .map(|_| index)
    }

    fn producer_op(&self, tensor: &str) -> Option<&'a str> {
        Some(self.node(self.classes.producer(tensor)?)?.op_type())
    }

    /// The output of the only reader of `tensor` that is a `wanted`.
    fn through(&self, tensor: &str, wanted: &str) -> Option<&'a str> {
        let readers = self.consumers.get(tensor)?.iter().filter_map(|index| self.node(*index));
        let mut fitting = readers.filter(|node| node.op_type() == wanted);
        let node = fitting.next()?;
        fitting
            .next()
            .is_none()
            .then(|| node.output.first().map(String::as_str))?
    }
}

/// Classes of the model's tensors by the names of the optimized graph's. Several classes, where a kernel writes one tensor that
/// the model computes in steps: the last one.
pub(super) fn origins<'a>(original: &Original<'_>, optimized: &'a GraphProto) -> HashMap<&'a str, usize> {
    let mut origins: HashMap<&str, usize> = HashMap::new();
    for node in &optimized.node {
        for (number, output) in node.output.iter().enumerate().filter(|(_, output)| !output.is_empty()) {
            let written = original
                .classes
                .producer(output)
                .and_then(|_| original.classes.class(output));
            let class = written.or_else(|| {
                let bare = output.strip_prefix(RECAST)?;
                original.classes.class(bare)
            });
            let class = class.or_else(|| {
                if number == 0 && node.domain() == BLOCKED {
                    let tensor = blocked_output(original, node)?;
                    return original.classes.class(tensor);
                }
                let namesake = original.node(original.namesake(node)?)?;
                original.classes.class(namesake.output.get(number)?)
            });
            if let Some(class) = class {
                origins.insert(output, class);
            }
        }
    }
    // What a node of the model's reads stands for what that one reads.
    let mut written: HashSet<&str> = HashSet::new();
    written.extend(optimized.node.iter().flat_map(|node| &node.output).map(String::as_str));
    for node in optimized.node.iter().rev() {
        let Some(own) = counterpart(original, node, &origins) else {
            continue;
        };
        for (input, wanted) in node.input.iter().zip(&own.input) {
            if written.contains(input.as_str())
                && !original.classes.is_constant(wanted)
                && let Some(class) = original.classes.class(wanted)
            {
                origins.entry(input).or_insert(class);
            }
        }
    }
    // Behind a change of layout stands the tensor that it changes.
    for node in optimized.node.iter().rev() {
        if let Some((input, output)) = inserted_layout(original, node)
            && let Some(class) = origins.get(output).copied()
        {
            origins.entry(input).or_insert(class);
        }
    }
    for node in &optimized.node {
        if let Some((input, output)) = inserted_layout(original, node)
            && let Some(class) = origins.get(input).copied()
        {
            origins.entry(output).or_insert(class);
        }
    }
    origins
}

/// The node of the model that an optimized one with kept inputs is: its namesake, or in blocked layout the node of the same
/// operator that computes what it writes, at most some steps back.
fn counterpart<'a>(original: &Original<'a>, node: &NodeProto, origins: &HashMap<&str, usize>) -> Option<&'a NodeProto> {
    if let Some(index) = original.namesake(node) {
        return original.node(index);
    }
    if node.domain() != BLOCKED {
        return None;
    }
    let class = origins.get(node.output.first()?.as_str())?;
    let mut own = original.node(original.classes.first_producer(*class)?)?;
    for _ in 0..MAX_TAKEN_IN {
        if own.op_type() == node.op_type() {
            return Some(own);
        }
        own = original.node(original.classes.producer(own.input.first()?)?)?;
    }
    None
}

/// Input and output of a node that the engine put in and that only changes layout or type.
pub(super) fn inserted_layout<'a>(original: &Original<'_>, node: &'a NodeProto) -> Option<(&'a str, &'a str)> {
    let (input, output) = (node.input.first()?.as_str(), node.output.first()?.as_str());
    let own = original.producer_op(output) == Some(node.op_type());
    let inserted = LAYOUT.contains(&node.op_type()) && !own && original.namesake(node).is_none();
    inserted.then_some((input, output))
}

/// The tensor of the model that a kernel in blocked layout writes: the one in its name, or what a sum and an activation that it
/// took in afterwards make of it.
fn blocked_output<'a>(original: &Original<'a>, node: &NodeProto) -> Option<&'a str> {
    let Some(name) = node.name().strip_suffix("_nchwc") else {
        let namesake = original.node(original.namesake(node)?)?;
        return namesake.output.first().map(String::as_str);
    };
    let index = original.classes.producer(name)?;
    let written = original.node(index)?.output.iter();
    let mut tensor = written.map(String::as_str).find(|output| *output == name)?;
    if node.op_type() != "Conv" {
        return Some(tensor);
    }
    let adds = node.input.get(3).is_some_and(|input| !input.is_empty());
    let activation = node
        .attribute
        .iter()
        .find(|attribute| attribute.name() == "activation")
        .and_then(|attribute| std::str::from_utf8(attribute.s.as_deref().unwrap_or_default()).ok())
        .filter(|activation| ACTIVATIONS.contains(activation));
    let is_activation = |tensor: &str| original.producer_op(tensor).is_some_and(|op| ACTIVATIONS.contains(&op));
    let base = original.producer_op(tensor);
    if adds && base != Some("Add") && base != Some("Sum") && !is_activation(tensor) {
        tensor = original
            .through(tensor, "Add")
            .or_else(|| original.through(tensor, "Sum"))
            .unwrap_or(tensor);
    }
    if let Some(activation) = activation
        && !is_activation(tensor)
    {
        tensor = original.through(tensor, activation).unwrap_or(tensor);
    }
    Some(tensor)
}
