//! Which tensors of a graph hold the same values: identities, repeated constants, and nodes that compute the same twice.

use std::collections::HashMap;
use std::collections::HashSet;

use prost::Message as _;

use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;

/// Constants and attributes of more bytes are not compared.
const MAX_COMPARED: usize = 4096;

/// Tensors of one graph, sorted into classes of equal values.
pub(super) struct Classes<'a> {
    classes: HashMap<&'a str, usize>,
    count: usize,
    /// Tensors that depend on nothing that is fed.
    constant: HashSet<&'a str>,
    /// The node that writes a tensor, as an index into the graph's nodes.
    producers: HashMap<&'a str, usize>,
    /// The first node that writes a tensor of a class.
    first: HashMap<usize, usize>,
}

impl<'a> Classes<'a> {
    /// Sorts the tensors of `graph`, whose nodes stand in an order in which they can run.
    pub(super) fn of(graph: &'a GraphProto) -> Self {
        let mut sorted = Self {
            classes: HashMap::new(),
            count: 0,
            constant: HashSet::new(),
            producers: HashMap::new(),
            first: HashMap::new(),
        };
        let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
        for input in &graph.input {
            let class = sorted.fresh();
            sorted.classes.insert(input.name(), class);
        }
        for tensor in &graph.initializer {
            let class = sorted.keyed(tensor_key(tensor), &mut known);
            sorted.classes.insert(tensor.name(), class);
            sorted.constant.insert(tensor.name());
        }
        for sparse in &graph.sparse_initializer {
            let name = sparse.values.as_ref().map(TensorProto::name).unwrap_or_default();
            let class = sorted.fresh();
            sorted.classes.insert(name, class);
            sorted.constant.insert(name);
        }
        for (index, node) in graph.node.iter().enumerate() {
            for input in node.input.iter().filter(|input| !input.is_empty()) {
                if !sorted.classes.contains_key(input.as_str()) {
                    let class = sorted.fresh();
                    sorted.classes.insert(input, class);
                }
            }
            sorted.node(index, node, &mut known);
        }
        sorted
    }

    fn node(&mut self, index: usize, node: &'a NodeProto, known: &mut HashMap<Vec<u8>, usize>) {
        let is_constant = is_deterministic(node)
            && node
                .input
                .iter()
                .all(|input| input.is_empty() || self.is_constant(input));
        let key = self.node_key(node);
        let passed_on = passed_on(node).and_then(|input| self.class(input));
        for (number, output) in node.output.iter().enumerate().filter(|(_, output)| !output.is_empty()) {
            let class = match (passed_on, &key) {
                (Some(class), _) if number == 0 => class,
                (_, Some(key)) => {
                    let key = [key.as_slice(), &number.to_le_bytes()].concat();
                    self.keyed(Some(key), known)
                }
                (_, None) => self.fresh(),
            };
            self.classes.insert(output, class);
            self.producers.insert(output, index);
            self.first.entry(class).or_insert(index);
            if is_constant {
                self.constant.insert(output);
            }
        }
    }

    /// The class of a tensor; `None` for a name that is not in the graph.
    pub(super) fn class(&self, tensor: &str) -> Option<usize> {
        self.classes.get(tensor).copied()
    }

    /// True where the tensor depends on nothing that is fed.
    pub(super) fn is_constant(&self, tensor: &str) -> bool {
        self.constant.contains(tensor)
    }

    /// The node that writes the tensor.
    pub(super) fn producer(&self, tensor: &str) -> Option<usize> {
        self.producers.get(tensor).copied()
    }

    /// The first node that writes a tensor of the class.
    pub(super) fn first_producer(&self, class: usize) -> Option<usize> {
        self.first.get(&class).copied()
    }

    fn fresh(&mut self) -> usize {
        self.count += 1;
        self.count - 1
    }

    fn keyed(&mut self, key: Option<Vec<u8>>, known: &mut HashMap<Vec<u8>, usize>) -> usize {
        match key {
            Some(key) => *known.entry(key).or_insert_with(|| {
                self.count += 1;
                self.count - 1
            }),
            None => self.fresh(),
        }
    }

    /// Two nodes of one key compute the same.
    fn node_key(&self, node: &NodeProto) -> Option<Vec<u8>> {
        if !is_deterministic(node) {
            return None;
        }
        if node.op_type() == "Constant" {
            let [attribute] = &node.attribute[..] else { return None };
            return match &attribute.t {
                Some(tensor) => tensor_key(tensor),
                None => attribute_key(attribute),
            };
        }
        let mut key = format!("{}\n{}\n{}\n", node.domain(), node.op_type(), node.overload()).into_bytes();
        let mut attributes: Vec<&AttributeProto> = node.attribute.iter().collect();
        attributes.sort_by_key(|attribute| attribute.name());
        for attribute in attributes {
            key.extend(attribute_key(attribute)?);
        }
        for input in &node.input {
            let class = if input.is_empty() {
                usize::MAX
            } else {
                self.class(input)?
            };
            key.extend(class.to_le_bytes());
        }
        Some(key)
    }
}

fn tensor_key(tensor: &TensorProto) -> Option<Vec<u8>> {
    if tensor.encoded_len() > MAX_COMPARED || !tensor.external_data.is_empty() {
        return None;
    }
    let nameless = TensorProto {
        name: None,
        doc_string: None,
        ..tensor.clone()
    };
    Some([b"tensor\n".as_slice(), &nameless.encode_to_vec()].concat())
}

fn attribute_key(attribute: &AttributeProto) -> Option<Vec<u8>> {
    if attribute.encoded_len() > MAX_COMPARED {
        return None;
    }
    Some(attribute.encode_length_delimited_to_vec())
}

/// True for a node whose outputs depend on nothing but its inputs and attributes.
fn is_deterministic(node: &NodeProto) -> bool {
    let standard = matches!(node.domain(), "" | "ai.onnx" | "ai.onnx.ml" | "com.microsoft");
    let random = [
        "RandomNormal",
        "RandomUniform",
        "RandomNormalLike",
        "RandomUniformLike",
        "Multinomial",
        "Bernoulli",
    ];
    let graphs = node
        .attribute
        .iter()
        .any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty());
    standard && !graphs && !random.contains(&node.op_type())
}

/// The input that an inference hands through unchanged.
fn passed_on(node: &NodeProto) -> Option<&str> {
    let standard = matches!(node.domain(), "" | "ai.onnx");
    let through = match node.op_type() {
        "Identity" => true,
        // A third input says whether it trains.
        "Dropout" => node.input.get(2).is_none_or(String::is_empty),
        _ => false,
    };
    node.input.first().map(String::as_str).filter(|_| standard && through)
}
