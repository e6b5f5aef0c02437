//! Follows channels through the main graph: where they come from, which constants lie along them, and what needs them all.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::elementwise;
use super::layers;
use super::layout::Axis;
use super::layout::Channels;
use super::layout::Layout;
use super::layout::Part;
use super::moves;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_shape_proto::dimension::Value;
use crate::model::onnx::proto::type_proto;
use crate::model::onnx::shown::shown;
use crate::model::onnx::shown::shown_node;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::types::bits;
use crate::variant::VariantError;
use crate::variant::edit;
use crate::variant::edit::reads;

/// More runs of channels than that along one axis are not followed.
const MOST_PARTS: usize = 4096;

/// What a rule finds: the channels of the node's first output, or why it needs all those of its inputs, as a sentence fragment.
pub(super) type Found = Result<Layout, String>;

/// A constant that a node reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constant<'a> {
    /// Its value.
    pub(super) tensor: &'a TensorProto,
    /// True where nothing else reads it, and it is read directly.
    pub(super) alone: bool,
}

impl Constant<'_> {
    /// Its dimensions.
    pub(super) fn dims(&self) -> Vec<usize> {
        let dims = self.tensor.dims.iter();
        dims.map(|dim| usize::try_from(*dim).unwrap_or(0)).collect()
    }
}

/// Channels along one axis of a constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// The constant's axis.
    pub(super) axis: usize,
    /// What lies along it.
    pub(super) parts: Vec<Part>,
    /// What the constant does with the channels.
    pub(super) role: Role,
}

/// What a constant does with the channels that lie along it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It makes them out of others.
    Makes,
    /// It filters each of them.
    Filters,
    /// It makes others out of them.
    Reads,
    /// It is added to them, or the like.
    Follows,
}

/// What is known of a graph.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    /// The graph.
    pub(super) graph: &'a GraphProto,
    /// The sets of channels.
    pub(super) channels: Channels,
    /// The channels of values, by name.
    pub(super) layouts: HashMap<&'a str, Layout>,
    /// What to cut, by node and place among its inputs.
    pub(super) cuts: BTreeMap<(usize, usize), Vec<Cut>>,
    /// Nodes with one group for each channel, and the channels of their inputs.
    pub(super) grouped: Vec<(usize, Vec<Part>)>,
    /// The set of channels that each layer makes.
    pub(super) made: Vec<(usize, usize)>,
    /// Layers of which it is not even known how many channels they make, and why.
    pub(super) refused: Vec<(usize, String)>,
    constants: HashMap<&'a str, (&'a TensorProto, bool)>,
    uses: HashMap<&'a str, usize>,
}

impl<'a> Walk<'a> {
    /// Walks all nodes.
    pub(super) fn of(graph: &'a GraphProto) -> Result<Self, VariantError> {
        let mut walk = Self {
            graph,
            channels: Channels::default(),
            layouts: HashMap::new(),
            cuts: BTreeMap::new(),
            grouped: Vec::new(),
            made: Vec::new(),
            refused: Vec::new(),
            constants: HashMap::new(),
            uses: HashMap::new(),
        };
        let outputs = graph.output.iter().map(|output| output.name());
        for name in graph.node.iter().flat_map(reads).chain(outputs) {
            *walk.uses.entry(name).or_default() += 1;
        }
        for tensor in &graph.initializer {
            walk.constants.insert(tensor.name(), (tensor, true));
        }
        walk.inputs();
        walk.check_order()?;
        for (index, node) in graph.node.iter().enumerate() {
            walk.node(index, node);
        }
        for output in &graph.output {
            walk.block(output.name(), "the model returns its channels");
        }
        Ok(walk)
    }

    /// Inputs have channels that must all stay.
    fn inputs(&mut self) {
        for input in &self.graph.input {
            let Some(type_proto::Value::TensorType(tensor)) =
                input.r#type.as_ref().and_then(|held| held.value.as_ref())
            else {
                continue;
            };
            let dims = tensor
                .shape
                .as_ref()
                .map(|shape| shape.dim.as_slice())
                .unwrap_or_default();
            if let Some(Some(Value::DimValue(size))) = dims.get(1).map(|dim| &dim.value)
                && let Ok(size) = usize::try_from(*size)
                && !self.constants.contains_key(input.name())
            {
                let axis = Axis::Of {
                    axis: 1,
                    rank: dims.len(),
                };
                let layout = self.fixed(size, axis, "the model is given its channels");
                self.layouts.insert(input.name(), layout);
            }
        }
    }

    fn check_order(&self) -> Result<(), VariantError> {
        let mut later: HashSet<&str> = self
            .graph
            .node
            .iter()
            .flat_map(|node| &node.output)
            .map(String::as_str)
            .collect();
        later.remove("");
        for node in &self.graph.node {
            if let Some(name) = reads(node).into_iter().find(|name| later.contains(name)) {
                return Err(VariantError::Unordered {
                    node: shown_node(node),
                    tensor: shown(name),
                });
            }
            for output in &node.output {
                later.remove(output.as_str());
            }
        }
        Ok(())
    }

    fn node(&mut self, index: usize, node: &'a NodeProto) {
        if self.is_constant_node(node) {
            return;
        }
        let direct: HashSet<&str> = node.input.iter().map(String::as_str).collect();
        let captured: Vec<&str> = reads(node).into_iter().filter(|name| !direct.contains(name)).collect();
        for name in captured {
            self.block(name, &format!("a body of {} reads its channels", shown_node(node)));
        }
        let is_layer = layers::is_layer(node);
        if !is_layer && !node.input.iter().any(|input| self.moving(input).is_some()) {
            return;
        }
        let found = if node
            .output
            .iter()
            .skip(1)
            .any(|output| self.uses.contains_key(output.as_str()))
        {
            Err("makes several values of them".to_owned())
        } else {
            self.rule(index, node)
        };
        let layout = match found {
            Ok(layout) if layout.parts.len() <= MOST_PARTS => Some(layout),
            Ok(_) => {
                self.block_inputs(node, "has too many");
                None
            }
            Err(reason) => {
                self.block_inputs(node, &reason);
                let fixed = is_layer.then(|| layers::fixed(self, index, node, &reason)).flatten();
                // A product of two computed matrices is no layer.
                if fixed.is_none() && is_layer && node.op_type() != "MatMul" {
                    self.refused.push((index, format!("it {reason}")));
                }
                fixed
            }
        };
        if let (Some(layout), Some(output)) = (layout, node.output.first()) {
            self.layouts.insert(output, layout);
        }
    }

    fn rule(&mut self, index: usize, node: &'a NodeProto) -> Found {
        let known = matches!(node.domain(), "" | "ai.onnx") || node.domain() == edit::MICROSOFT;
        let unknown = || Err("needs all of them".to_owned());
        if !known {
            return unknown();
        }
        match node.op_type() {
            "Conv" => layers::convolution(self, index, node, false),
            "ConvTranspose" => layers::convolution(self, index, node, true),
            "Gemm" => layers::gemm(self, index, node),
            "MatMul" => layers::product(self, index, node),
            "BatchNormalization" => layers::norm(self, index, node, &[1, 2, 3, 4]),
            "InstanceNormalization" => layers::norm(self, index, node, &[1, 2]),
            "Concat" => moves::concat(self, node),
            "Flatten" => moves::flatten(self, node),
            "Pad" => moves::pad(self, node),
            "Reshape" => moves::reshape(self, node),
            "Resize" | "Upsample" => moves::resize(self, node),
            "Shape" => moves::shape(self, node),
            "Slice" => moves::slice(self, node),
            "Squeeze" => moves::squeeze(self, node),
            "Transpose" => moves::transpose(self, node),
            "Unsqueeze" => moves::unsqueeze(self, node),
            name if moves::POOLING.contains(&name) => moves::pooling(self, node),
            name if moves::REDUCING.contains(&name) => moves::reduce(self, node),
            name if elementwise::UNARY.contains(&name) => elementwise::unary(self, node),
            name if elementwise::BROADCASTING.contains(&name) => elementwise::broadcast(self, index, node),
            _ => unknown(),
        }
    }

    /// Takes note of a node that makes or passes on a constant.
    fn is_constant_node(&mut self, node: &'a NodeProto) -> bool {
        let Some(output) = node.output.first() else {
            return false;
        };
        let tensor = match node.op_type() {
            "Constant" => edit::attribute(node, "value")
                .and_then(|value| value.t.as_ref())
                .map(|tensor| (tensor, true)),
            "Identity" => {
                let input = node.input.first().map_or("", String::as_str);
                self.constants.get(input).map(|(tensor, _)| (*tensor, false))
            }
            _ => None,
        };
        if let Some(tensor) = tensor {
            self.constants.insert(output, tensor);
        }
        tensor.is_some() || node.op_type() == "Constant"
    }

    /// The constant at that place of a node.
    pub(super) fn constant(&self, node: &NodeProto, place: usize) -> Option<Constant<'a>> {
        let name = node.input.get(place)?.as_str();
        let (tensor, direct) = self.constants.get(name).copied()?;
        bits(tensor.data_type()).filter(|bits| bits % 8 == 0)?;
        Some(Constant {
            tensor,
            alone: direct && self.uses.get(name) == Some(&1),
        })
    }

    /// The integers of the constant at that place.
    pub(super) fn integers(&self, node: &NodeProto, place: usize) -> Option<Vec<i64>> {
        let constant = self.constant(node, place)?;
        TensorView::of(constant.tensor, &[]).ok()?.to_i64()
    }

    /// The floats of the constant at that place.
    pub(super) fn floats(&self, node: &NodeProto, place: usize) -> Option<Vec<f32>> {
        let constant = self.constant(node, place)?;
        TensorView::of(constant.tensor, &[]).ok()?.to_f32()
    }

    /// The channels of a value that are not fixed from the beginning.
    pub(super) fn moving(&self, name: &str) -> Option<&Layout> {
        self.layouts.get(name).filter(|layout| !layout.fixed)
    }

    /// The channels of a node's input that are not fixed from the beginning.
    pub(super) fn input(&self, node: &NodeProto, place: usize) -> Option<Layout> {
        self.moving(node.input.get(place)?).cloned()
    }

    /// As [`Walk::input`] for the first input, where there must be some.
    pub(super) fn first(&self, node: &NodeProto) -> Found {
        self.input(node, 0).ok_or_else(|| "needs all of them".to_owned())
    }

    /// Whether anything reads a value, and what: the nodes of this graph.
    pub(super) fn readers(&self, name: &str) -> Vec<&'a NodeProto> {
        let nodes = self.graph.node.iter();
        nodes.filter(|node| reads(node).contains(&name)).collect()
    }

    /// Channels that must all stay.
    pub(super) fn fixed(&mut self, size: usize, axis: Axis, reason: &str) -> Layout {
        let set = self.channels.add(size);
        self.channels.block(set, reason);
        Layout {
            fixed: true,
            ..Layout::of(set, size, axis)
        }
    }

    /// Notes what lies along an axis of the constant at that place of a node.
    pub(super) fn cut(&mut self, index: usize, place: usize, axis: usize, parts: Vec<Part>, role: Role) {
        self.cuts
            .entry((index, place))
            .or_default()
            .push(Cut { axis, parts, role });
    }

    fn block_inputs(&mut self, node: &NodeProto, reason: &str) {
        let reason = format!("its channels go to {}, which {reason}", shown_node(node));
        for input in &node.input {
            self.block(input, &reason);
        }
    }

    fn block(&mut self, name: &str, reason: &str) {
        let parts = self
            .layouts
            .get(name)
            .map(|layout| layout.parts.clone())
            .unwrap_or_default();
        for part in parts {
            self.channels.block(part.set, reason);
        }
    }
}
