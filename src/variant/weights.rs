//! Which constants of a model are the weights of its layers, and what else reads them: over the main graph, the bodies in it and the
//! functions of the model, through nodes that only pass a constant on and through the arguments of functions.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use super::edit::MICROSOFT;
use super::edit::reads;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::tensor_view;
use crate::model::onnx::visit;
use crate::model::onnx::visit::Body;
use crate::model::onnx::visit::Role;
use crate::model::onnx::visit::Scope;
use crate::model::onnx::visit::TensorSite;

/// The longest way from a constant to what uses it.
const MAX_STEPS: usize = 32;

/// The deepest that functions pass a constant on to one another.
const MAX_CALLS: usize = 16;

/// Operators that pass their first input on, its elements as they are.
const CARRYING: &[&str] = &[
    "Identity",
    "Transpose",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Flatten",
    "Cast",
];

/// Operators of ONNX and ONNX Runtime that have weights, with the places of these among their inputs.
const WEIGHTED: &[(&str, &[usize])] = &[
    ("Attention", &[1]),
    ("Conv", &[1]),
    ("ConvTranspose", &[1]),
    ("DeformConv", &[1]),
    ("FusedConv", &[1]),
    ("FusedGemm", &[0, 1]),
    ("FusedMatMul", &[0, 1]),
    ("GRU", &[1, 2]),
    ("Gemm", &[0, 1]),
    ("LSTM", &[1, 2]),
    ("MatMul", &[0, 1]),
    ("RNN", &[1, 2]),
];

/// Operators that look rows up in tables, with the tables' places.
const LOOKING_UP: &[(&str, &[usize])] = &[("EmbedLayerNormalization", &[2, 3, 4]), ("Gather", &[0])];

/// What a node does with a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It multiplies its input by it.
    Weight,
    /// It looks up rows in it.
    Table,
    /// Something else: it adds it, returns it.
    Other,
}

/// A constant, and who uses it.
#[derive(Debug)]
pub(super) struct Constant<'a> {
    /// It and its place.
    pub(super) site: TensorSite<'a>,
    /// The nodes that use it in the end, and for what; no node where a graph or function returns it.
    pub(super) uses: Vec<(Use, Option<&'a NodeProto>)>,
}

impl<'a> Constant<'a> {
    /// What tells it from every other tensor for as long as the model stays where it is in memory, changed elements included.
    pub(super) fn address(&self) -> usize {
        address(self.site.tensor)
    }

    /// The number of its elements; 0 where that cannot be told.
    pub(super) fn elements(&self) -> usize {
        tensor_view::elements(&self.site.tensor.dims)
            .ok()
            .and_then(|elements| usize::try_from(elements).ok())
            .unwrap_or(0)
    }

    /// True where it is used, and only in these ways.
    pub(super) fn is_only(&self, ways: &[Use]) -> bool {
        !self.uses.is_empty() && self.uses.iter().all(|(way, _)| ways.contains(way))
    }

    /// The nodes that use it, each once.
    pub(super) fn users(&self) -> Vec<&'a NodeProto> {
        let mut seen = HashSet::new();
        let nodes = self.uses.iter().filter_map(|(_, node)| *node);
        nodes.filter(|node| seen.insert(std::ptr::from_ref(*node))).collect()
    }

    /// True where a convolution with one filter a channel uses it.
    pub(super) fn is_depthwise(&self) -> bool {
        let grouped = |node: &NodeProto| {
            let group = node.attribute.iter().find(|attribute| attribute.name() == "group");
            node.op_type().contains("Conv") && group.map_or(1, AttributeProto::i) > 1
        };
        self.site.tensor.dims.get(1) == Some(&1) && self.users().into_iter().any(grouped)
    }

    /// Why its elements cannot be changed, where they cannot: those of 32-bit and 16-bit floats can.
    pub(super) fn unreadable(&self) -> Option<&'static str> {
        if !matches!(self.site.role, Role::Initializer | Role::Attribute) {
            return Some("its weights are stored as a sparse tensor");
        }
        match DataType::try_from(self.site.tensor.data_type()) {
            Ok(DataType::Float | DataType::Float16 | DataType::Bfloat16) => None,
            Ok(DataType::Double) => Some("its weights are 64-bit floats"),
            _ => Some("its weights are no floats: it is quantized already"),
        }
    }
}

/// A tensor's place in memory.
pub(super) fn address(tensor: &TensorProto) -> usize {
    std::ptr::from_ref(tensor).addr()
}

/// Where a name's value comes from.
enum Origin<'a> {
    /// From the constant of this number.
    Constant(usize),
    /// From a node that passes on what this name stands for.
    Carried(&'a str),
    /// From the callers of the function: the argument at that place.
    Argument(usize),
    /// From somewhere else.
    Other,
}

/// The constants of a model that its layers use.
#[derive(Debug)]
pub(super) struct Weights<'a> {
    /// Every constant of the model, in the model's order.
    pub(super) constants: Vec<Constant<'a>>,
    /// Convolutions and recurrent layers whose weights are computed.
    pub(super) computed: Vec<&'a NodeProto>,
    /// The nodes of the main graph before which there is no layer with weights, or after which there is none, by their addresses.
    ends: HashSet<usize>,
}

impl<'a> Weights<'a> {
    /// Reads `model`.
    pub(super) fn of(model: &'a ModelProto) -> Self {
        let scopes = visit::scopes(model);
        let mut reader = Reader::of(&scopes);
        let mut constants: Vec<Constant<'a>> = visit::tensors(&scopes)
            .into_iter()
            .map(|site| Constant { site, uses: Vec::new() })
            .collect();
        let mut computed = Vec::new();
        let mut weighted = HashSet::new();
        for (index, scope) in scopes.iter().enumerate() {
            for node in scope.nodes() {
                if reader.callee(node).is_some() || is_carrying(node) {
                    continue;
                }
                let mut has_weights = false;
                for (place, input) in node.input.iter().enumerate() {
                    let way = way(node, place);
                    let found = reader.resolve(index, input, MAX_CALLS);
                    has_weights |= way != Use::Other && !found.is_empty();
                    for number in found {
                        if let Some(constant) = constants.get_mut(number) {
                            constant.uses.push((way, Some(node)));
                        }
                    }
                }
                if has_weights {
                    weighted.insert(std::ptr::from_ref(node).addr());
                } else if is_a_layer(node) {
                    computed.push(node);
                }
            }
            let outputs: Vec<&str> = match scope.body {
                Body::Graph(graph) => graph.output.iter().map(|output| output.name()).collect(),
                Body::Function(function) => function.output.iter().map(String::as_str).collect(),
            };
            for output in outputs {
                for number in reader.resolve(index, output, MAX_CALLS) {
                    if let Some(constant) = constants.get_mut(number) {
                        constant.uses.push((Use::Other, None));
                    }
                }
            }
        }
        let ends = ends(&scopes, &reader, &mut weighted);
        Self {
            constants,
            computed,
            ends,
        }
    }

    /// True where the node is among the first or last layers of the main graph.
    pub(super) fn is_end(&self, node: &NodeProto) -> bool {
        self.ends.contains(&std::ptr::from_ref(node).addr())
    }
}

fn is_carrying(node: &NodeProto) -> bool {
    is_standard(node) && CARRYING.contains(&node.op_type())
}

fn is_standard(node: &NodeProto) -> bool {
    matches!(node.domain(), "" | "ai.onnx")
}

/// Layers that do nothing without weights; a product of two computed matrices is no layer.
fn is_a_layer(node: &NodeProto) -> bool {
    is_standard(node) && (node.op_type().contains("Conv") || matches!(node.op_type(), "LSTM" | "GRU" | "RNN"))
}

/// What a node does with its input at that place.
fn way(node: &NodeProto, place: usize) -> Use {
    if !is_standard(node) && node.domain() != MICROSOFT {
        return Use::Other;
    }
    let is_in = |list: &[(&str, &[usize])]| {
        list.iter()
            .any(|(op_type, places)| *op_type == node.op_type() && places.contains(&place))
    };
    if is_in(WEIGHTED) && (node.op_type() != "Attention" || node.domain() == MICROSOFT) {
        Use::Weight
    } else if is_in(LOOKING_UP) {
        Use::Table
    } else {
        Use::Other
    }
}

/// Resolves names.
struct Reader<'a> {
    origins: HashMap<(usize, &'a str), Origin<'a>>,
    parents: Vec<Option<usize>>,
    functions: HashMap<(&'a str, &'a str, &'a str), usize>,
    calls: HashMap<usize, Vec<(usize, &'a NodeProto)>>,
    known: HashMap<(usize, &'a str), BTreeSet<usize>>,
}

impl<'a> Reader<'a> {
    fn of(scopes: &[Scope<'a>]) -> Self {
        let mut reader = Self {
            origins: HashMap::new(),
            parents: scopes.iter().map(|scope| scope.parent).collect(),
            functions: HashMap::new(),
            calls: HashMap::new(),
            known: HashMap::new(),
        };
        for (index, scope) in scopes.iter().enumerate() {
            if let Body::Function(function) = scope.body {
                let key = (function.domain(), function.name(), function.overload());
                reader.functions.insert(key, index);
            }
        }
        for (index, scope) in scopes.iter().enumerate() {
            match scope.body {
                Body::Graph(graph) => {
                    for input in &graph.input {
                        reader.origins.insert((index, input.name()), Origin::Other);
                    }
                }
                Body::Function(function) => {
                    for (place, input) in function.input.iter().enumerate() {
                        reader.origins.insert((index, input), Origin::Argument(place));
                    }
                }
            }
            for node in scope.nodes() {
                if let Some(callee) = reader.callee(node) {
                    reader.calls.entry(callee).or_default().push((index, node));
                }
                let carried = node.input.first().filter(|_| is_carrying(node));
                for output in node.output.iter().filter(|output| !output.is_empty()) {
                    let origin = carried.map_or(Origin::Other, |input| Origin::Carried(input));
                    reader.origins.insert((index, output), origin);
                }
            }
        }
        for (number, site) in visit::tensors(scopes).iter().enumerate() {
            let name = match (site.role, site.attribute) {
                (Role::Initializer | Role::SparseValues, None) => site.tensor.name(),
                (Role::Attribute | Role::SparseValues, Some((attribute, Some(node))))
                    if node.op_type() == "Constant" && attribute.name().ends_with("value") =>
                {
                    node.output.first().map_or("", String::as_str)
                }
                _ => continue,
            };
            if !name.is_empty() {
                reader.origins.insert((site.scope, name), Origin::Constant(number));
            }
        }
        reader
    }

    /// The function's scope that a node calls.
    fn callee(&self, node: &NodeProto) -> Option<usize> {
        self.functions
            .get(&(node.domain(), node.op_type(), node.overload()))
            .copied()
    }

    /// The constants that a name may stand for.
    fn resolve(&mut self, scope: usize, name: &'a str, calls: usize) -> BTreeSet<usize> {
        let (mut scope, mut name) = (scope, name);
        for _ in 0..MAX_STEPS {
            let mut at = Some(scope);
            let found = loop {
                let Some(index) = at else { return BTreeSet::new() };
                if let Some(origin) = self.origins.get(&(index, name)) {
                    break (index, origin);
                }
                at = self.parents.get(index).copied().flatten();
            };
            scope = found.0;
            match *found.1 {
                Origin::Constant(number) => return BTreeSet::from([number]),
                Origin::Other => return BTreeSet::new(),
                Origin::Carried(before) => name = before,
                Origin::Argument(place) => return self.argument(scope, name, place, calls),
            }
        }
        BTreeSet::new()
    }

    fn argument(&mut self, function: usize, name: &'a str, place: usize, calls: usize) -> BTreeSet<usize> {
        if let Some(known) = self.known.get(&(function, name)) {
            return known.clone();
        }
        let Some(deeper) = calls.checked_sub(1) else {
            return BTreeSet::new();
        };
        let callers = self.calls.get(&function).cloned().unwrap_or_default();
        let mut found = BTreeSet::new();
        for (scope, node) in callers {
            if let Some(argument) = node.input.get(place) {
                found.append(&mut self.resolve(scope, argument, deeper));
            }
        }
        self.known.insert((function, name), found.clone());
        found
    }
}

/// The layers of the main graph that no other comes before, or none after. A node counts as a layer where a body or function of it has
/// one.
fn ends(scopes: &[Scope<'_>], reader: &Reader<'_>, weighted: &mut HashSet<usize>) -> HashSet<usize> {
    let place = |node: &NodeProto| std::ptr::from_ref(node).addr();
    let layers: HashSet<usize> = weighted.clone();
    // Children stand after their parents, so that going backwards carries everything outwards; functions may call later ones, so
    // that it takes a round for each level of calls.
    for _ in 0..MAX_CALLS {
        let before = weighted.len();
        let mut heavy: HashSet<usize> = HashSet::new();
        for (index, scope) in scopes.iter().enumerate().rev() {
            let has = scope.nodes().iter().any(|node| weighted.contains(&place(node)));
            if has {
                heavy.insert(index);
                weighted.extend(scope.owner.map(|(node, _)| place(node)));
            }
        }
        for (_, node) in visit::nodes(scopes) {
            if reader.callee(node).is_some_and(|callee| heavy.contains(&callee)) {
                weighted.insert(place(node));
            }
        }
        if weighted.len() == before {
            break;
        }
    }
    let main = scopes.first().map(Scope::nodes).unwrap_or_default();
    let reads: Vec<Vec<&str>> = main.iter().map(reads).collect();
    let mut found = HashSet::new();
    let mut after: HashSet<&str> = HashSet::new();
    for (node, reads) in main.iter().zip(&reads) {
        let is_after = reads.iter().any(|name| after.contains(name));
        let is_layer = weighted.contains(&place(node));
        if is_layer && !is_after {
            found.insert(place(node));
        }
        if is_layer || is_after {
            after.extend(node.output.iter().map(String::as_str));
        }
    }
    let mut before: HashSet<&str> = HashSet::new();
    for (node, reads) in main.iter().zip(&reads).rev() {
        let is_before = node.output.iter().any(|output| before.contains(output.as_str()));
        let is_layer = weighted.contains(&place(node));
        if is_layer && !is_before {
            found.insert(place(node));
        }
        if is_layer || is_before {
            before.extend(reads.iter().copied());
        }
    }
    found.retain(|node| layers.contains(node));
    found
}
