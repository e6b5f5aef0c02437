//! The main graph as the pass looks at it: who makes and reads each tensor, what is constant, what holds floats.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::HashSet;

use crate::model::onnx::proto::FunctionProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::tensor_view::TensorView;
use crate::variant::VariantError;
use crate::variant::edit;
use crate::variant::kinds;
use crate::variant::kinds::Kind;

/// Constants with larger numbers are masks: a range with them in it would leave nothing for the others.
const LARGEST: f32 = 1e30;

/// The name by which `Evidence::in_float` knows a node: its own, or its first output's where it has none.
pub(super) fn key(node: &NodeProto) -> &str {
    match (node.name(), node.output.first()) {
        ("", Some(output)) => output,
        (name, _) => name,
    }
}

/// A tensor of 32-bit floats that is known before the model runs.
#[derive(Debug, Clone)]
pub(super) struct Constant<'a> {
    /// Its own name; what reads it may know it by another, through `Identity`.
    pub(super) name: &'a str,
    /// Its shape.
    pub(super) dims: Vec<usize>,
    /// True where a range of its values is worth something: none is infinite, NaN or a mask.
    pub(super) usable: bool,
    tensor: Cow<'a, TensorProto>,
}

impl Constant<'_> {
    /// The number of elements.
    pub(super) fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    /// Its values.
    pub(super) fn values(&self) -> Result<Vec<f32>, VariantError> {
        values(&self.tensor, self.name)
    }
}

/// A graph, indexed. Names of tensors are unique in it.
pub(super) struct Graph<'a> {
    /// The nodes, in the order of the file.
    pub(super) nodes: &'a [NodeProto],
    /// Inputs that are not constants, in order.
    pub(super) inputs: Vec<&'a str>,
    /// Constants in floats, by every name that they are read by.
    pub(super) constants: HashMap<&'a str, Constant<'a>>,
    /// The version of ONNX's operators.
    pub(super) opset: i64,
    kinds: HashMap<&'a str, Kind>,
    makers: HashMap<&'a str, usize>,
    readers: HashMap<&'a str, Vec<usize>>,
    outputs: HashSet<&'a str>,
    captured: HashSet<&'a str>,
    functions: HashSet<(&'a str, &'a str)>,
}

impl<'a> Graph<'a> {
    /// Indexes `graph`, the main graph of `model`.
    pub(super) fn of(model: &'a ModelProto, graph: &'a GraphProto) -> Result<Self, VariantError> {
        let mut indexed = Self {
            nodes: &graph.node,
            inputs: Vec::new(),
            constants: HashMap::new(),
            opset: edit::opset(model),
            kinds: HashMap::new(),
            makers: HashMap::new(),
            readers: HashMap::new(),
            outputs: graph.output.iter().map(|output| output.name()).collect(),
            captured: HashSet::new(),
            functions: model.functions.iter().map(function_key).collect(),
        };
        for tensor in &graph.initializer {
            let kind = Kind::of_code(tensor.data_type());
            indexed.kinds.insert(tensor.name(), kind);
            if kind == Kind::Float {
                indexed.add_constant(tensor.name(), Cow::Borrowed(tensor))?;
            }
        }
        for sparse in graph
            .sparse_initializer
            .iter()
            .filter_map(|sparse| sparse.values.as_ref())
        {
            // Stored in another way, and nothing here reads it.
            indexed.kinds.insert(sparse.name(), Kind::Other);
        }
        for input in &graph.input {
            if !indexed.kinds.contains_key(input.name()) {
                indexed.inputs.push(input.name());
                indexed.kinds.insert(input.name(), Kind::of_type(input.r#type.as_ref()));
            }
        }
        let declared: HashMap<&str, Kind> = graph
            .value_info
            .iter()
            .chain(&graph.output)
            .map(|info| (info.name(), Kind::of_type(info.r#type.as_ref())))
            .collect();
        for (index, node) in graph.node.iter().enumerate() {
            indexed.add_node(index, node, &declared)?;
        }
        Ok(indexed)
    }

    fn add_constant(&mut self, name: &'a str, tensor: Cow<'a, TensorProto>) -> Result<(), VariantError> {
        let view = TensorView::of(&tensor, &[]).map_err(|source| VariantError::Tensor {
            name: name.to_owned(),
            source,
        })?;
        let usable = view
            .bytes
            .as_chunks()
            .0
            .iter()
            .all(|bytes| f32::from_le_bytes(*bytes).abs() < LARGEST);
        let dims = view.shape.iter().map(|dim| *dim as usize).collect();
        let constant = Constant {
            name,
            dims,
            usable,
            tensor,
        };
        self.constants.insert(name, constant);
        Ok(())
    }

    fn add_node(
        &mut self,
        index: usize,
        node: &'a NodeProto,
        declared: &HashMap<&str, Kind>,
    ) -> Result<(), VariantError> {
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            self.readers.entry(input).or_default().push(index);
        }
        for body in bodies(node) {
            capture(body, &HashSet::new(), &mut self.captured);
        }
        let inputs: Vec<Kind> = node
            .input
            .iter()
            .map(|name| match name.as_str() {
                "" => Kind::Other,
                name => self.kind(name),
            })
            .collect();
        let made = if self.is_call(node) || bodies(node).next().is_some() {
            None
        } else {
            kinds::outputs(node, &inputs, self.opset)
        };
        for (place, name) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let inferred = made.as_ref().and_then(|made| made.get(place)).copied();
            let kind = inferred
                .filter(|kind| *kind != Kind::Unknown)
                .or_else(|| declared.get(name.as_str()).copied())
                .unwrap_or(Kind::Unknown);
            self.kinds.insert(name, kind);
            self.makers.insert(name, index);
        }
        let [output] = node.output.as_slice() else {
            return Ok(());
        };
        if self.kind(output) != Kind::Float || self.is_call(node) {
            return Ok(());
        }
        match (node.op_type(), node.input.as_slice()) {
            ("Constant", []) => {
                if let Some(tensor) = constant_of(node) {
                    self.add_constant(output, tensor)?;
                }
            }
            ("Identity", [input]) if !self.outputs.contains(output.as_str()) => {
                if let Some(constant) = self.constants.get(input.as_str()).cloned() {
                    self.constants.insert(output, constant);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What a tensor holds.
    pub(super) fn kind(&self, tensor: &str) -> Kind {
        self.kinds.get(tensor).copied().unwrap_or(Kind::Unknown)
    }

    /// True for a tensor of floats that is computed as the model runs, or given to it.
    pub(super) fn is_activation(&self, tensor: &str) -> bool {
        self.kind(tensor) == Kind::Float && !self.constants.contains_key(tensor)
    }

    /// True for an input of the graph that is no constant.
    pub(super) fn is_input(&self, tensor: &str) -> bool {
        !self.makers.contains_key(tensor) && !self.constants.contains_key(tensor)
    }

    /// True for a tensor that the model gives back.
    pub(super) fn is_output(&self, tensor: &str) -> bool {
        self.outputs.contains(tensor)
    }

    /// True for a tensor that a subgraph reads.
    pub(super) fn is_captured(&self, tensor: &str) -> bool {
        self.captured.contains(tensor)
    }

    /// The node that makes a tensor.
    pub(super) fn maker(&self, tensor: &str) -> Option<usize> {
        self.makers.get(tensor).copied()
    }

    /// The nodes that read a tensor, once for each reading.
    pub(super) fn readers(&self, tensor: &str) -> &[usize] {
        self.readers.get(tensor).map_or(&[], Vec::as_slice)
    }

    /// The only element of a constant.
    pub(super) fn only_element(&self, tensor: &str) -> Option<f32> {
        let constant = self.constants.get(tensor).filter(|constant| constant.elements() == 1)?;
        constant.values().ok()?.first().copied()
    }

    /// True for a call of one of the model's own functions.
    pub(super) fn is_call(&self, node: &NodeProto) -> bool {
        self.functions.contains(&(node.domain(), node.op_type()))
    }
}

/// The subgraphs of a node.
pub(super) fn bodies(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute
        .iter()
        .flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

fn function_key(function: &FunctionProto) -> (&str, &str) {
    (function.domain(), function.name())
}

/// Collects the names that a subgraph reads from around it. `known` are those of the subgraphs between.
fn capture<'a>(body: &'a GraphProto, known: &HashSet<&'a str>, captured: &mut HashSet<&'a str>) {
    let mut own = known.clone();
    own.extend(body.input.iter().map(|input| input.name()));
    own.extend(body.initializer.iter().map(|tensor| tensor.name()));
    own.extend(body.node.iter().flat_map(|node| &node.output).map(String::as_str));
    let read = body.node.iter().flat_map(|node| &node.input).map(String::as_str);
    let results = body.output.iter().map(|output| output.name());
    captured.extend(read.chain(results).filter(|name| !own.contains(name)));
    for inner in body.node.iter().flat_map(bodies) {
        capture(inner, &own, captured);
    }
}

/// The floats of a `Constant` node.
fn constant_of(node: &NodeProto) -> Option<Cow<'_, TensorProto>> {
    let [attribute] = node.attribute.as_slice() else {
        return None;
    };
    match attribute.name() {
        "value" => attribute.t.as_ref().map(Cow::Borrowed),
        "value_float" => attribute.f.map(|value| Cow::Owned(edit::floats("", &[], &[value]))),
        "value_floats" => {
            let length = attribute.floats.len() as i64;
            Some(Cow::Owned(edit::floats("", &[length], &attribute.floats)))
        }
        _ => None,
    }
}

fn values(tensor: &TensorProto, name: &str) -> Result<Vec<f32>, VariantError> {
    let view = TensorView::of(tensor, &[]).map_err(|source| VariantError::Tensor {
        name: name.to_owned(),
        source,
    })?;
    // Only tensors of floats get here.
    Ok(view.to_f32().unwrap_or_default())
}
