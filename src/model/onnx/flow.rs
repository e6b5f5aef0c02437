//! Where values come from and go to, over the main graph and all bodies in it: enough to follow an input to what uses it.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::visit;

/// Nodes that are walked on one way; a longer way is not looked at.
const MAX_STEPS: usize = 64;
/// Values that are visited from one input.
const MAX_VALUES: usize = 4096;

/// Operators that keep what their first input means: moved, scaled, normalized, converted.
const CARRYING: &[&str] = &[
    "Add",
    "BatchNormalization",
    "Cast",
    "CastLike",
    "Clip",
    "Concat",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "Expand",
    "Flatten",
    "Identity",
    "InstanceNormalization",
    "LayerNormalization",
    "Mul",
    "Pad",
    "QuantizeLinear",
    "Reshape",
    "Resize",
    "Slice",
    "Split",
    "Squeeze",
    "Sub",
    "Tile",
    "Transpose",
    "Unsqueeze",
    "Upsample",
];

/// Operators that keep values, in another place or type.
const MOVING: &[&str] = &[
    "Cast",
    "DequantizeLinear",
    "Dropout",
    "Expand",
    "Flatten",
    "Identity",
    "QuantizeLinear",
    "Reshape",
    "Slice",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
    "Where",
];

/// A model's values by name.
pub(in crate::model) struct Flow<'a> {
    nodes: Vec<&'a NodeProto>,
    consumers: HashMap<&'a str, Vec<(&'a NodeProto, usize)>>,
    producers: HashMap<&'a str, &'a NodeProto>,
    constants: HashMap<&'a str, &'a TensorProto>,
}

impl<'a> Flow<'a> {
    /// Reads the main graph and its bodies; functions of the model are not looked into.
    pub(in crate::model) fn of(model: &'a ModelProto) -> Self {
        let mut flow = Self {
            nodes: Vec::new(),
            consumers: HashMap::new(),
            producers: HashMap::new(),
            constants: HashMap::new(),
        };
        for scope in visit::scopes(model) {
            let Some(graph) = scope.graph() else { continue };
            for tensor in &graph.initializer {
                flow.constants.insert(tensor.name(), tensor);
            }
            for node in &graph.node {
                flow.nodes.push(node);
                for (index, input) in node.input.iter().enumerate() {
                    flow.consumers.entry(input).or_default().push((node, index));
                }
                for output in &node.output {
                    flow.producers.insert(output, node);
                }
                if node.op_type() == "Constant"
                    && let Some(tensor) = attribute(node, "value").and_then(|value| value.t.as_ref())
                    && let Some(output) = node.output.first()
                {
                    flow.constants.insert(output, tensor);
                }
            }
        }
        flow
    }

    /// All nodes.
    pub(in crate::model) fn nodes(&self) -> &[&'a NodeProto] {
        &self.nodes
    }

    /// The nodes that read a value, with its place among their inputs.
    pub(in crate::model) fn consumers(&self, name: &str) -> &[(&'a NodeProto, usize)] {
        self.consumers.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The constant behind a value, through conversions.
    pub(in crate::model) fn constant(&self, name: &str) -> Option<&'a TensorProto> {
        self.constant_and_turns(name).map(|(tensor, _)| tensor)
    }

    /// The dimensions of the constant behind a value, through conversions and transpositions of matrices.
    pub(in crate::model) fn constant_dims(&self, name: &str) -> Option<Vec<u64>> {
        let (tensor, turned) = self.constant_and_turns(name)?;
        let mut dims: Vec<u64> = tensor
            .dims
            .iter()
            .map(|size| u64::try_from(*size).unwrap_or(0))
            .collect();
        if turned && dims.len() == 2 {
            dims.reverse();
        }
        Some(dims)
    }

    fn constant_and_turns(&self, name: &str) -> Option<(&'a TensorProto, bool)> {
        let mut name = name;
        let mut turned = false;
        for _ in 0..MAX_STEPS {
            if let Some(tensor) = self.constants.get(name) {
                return Some((tensor, turned));
            }
            let node = self.producers.get(name)?;
            match node.op_type() {
                "Cast" | "CastLike" | "DequantizeLinear" | "QuantizeLinear" | "Identity" => {}
                "Transpose" => turned = !turned,
                _ => return None,
            }
            name = node.input.first()?;
        }
        None
    }

    /// The nodes that first make something else of `input` than carrying it along, with its place among their inputs.
    pub(in crate::model) fn users(&self, input: &'a str) -> Vec<(&'a NodeProto, usize)> {
        let mut seen = HashSet::from([input]);
        let mut open = vec![input];
        let mut users = Vec::new();
        while let Some(value) = open.pop() {
            for (node, index) in self.consumers(value) {
                if !CARRYING.contains(&node.op_type()) {
                    users.push((*node, *index));
                    continue;
                }
                for output in &node.output {
                    if seen.len() < MAX_VALUES && seen.insert(output) {
                        open.push(output);
                    }
                }
            }
        }
        users
    }

    /// The node that made the values of `name`, before they were moved about.
    pub(in crate::model) fn maker(&self, name: &'a str) -> Option<&'a NodeProto> {
        let mut name = name;
        for _ in 0..MAX_STEPS {
            let node = self.producers.get(name).copied()?;
            if !MOVING.contains(&node.op_type()) {
                return Some(node);
            }
            let place = usize::from(node.op_type() == "Where");
            name = node.input.get(place)?;
        }
        None
    }

    /// The value that `name` was before it was moved about: an input, a constant, or what some node computed.
    pub(in crate::model) fn source(&self, name: &'a str) -> &'a str {
        let mut name = name;
        for _ in 0..MAX_STEPS {
            let Some(node) = self.producers.get(name).filter(|node| MOVING.contains(&node.op_type())) else {
                break;
            };
            let place = usize::from(node.op_type() == "Where");
            let Some(before) = node.input.get(place) else { break };
            name = before;
        }
        name
    }
}

/// An attribute by name.
pub(in crate::model) fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name() == name)
}
