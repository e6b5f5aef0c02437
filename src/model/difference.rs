//! What tells two models apart: metadata, inputs and outputs, operators, nodes, tensors and weights, in subgraphs and functions too.
//!
//! Nodes and tensors are the same where their names and places are; what has no name is told by what it makes. Both models have
//! passed the scan, and whatever else a hostile one holds is compared, never trusted.

mod onnx;
mod parts;
mod tflite;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::Model;
use crate::model::tensor::TensorSpec;

use self::parts::NodePart;
use self::parts::Parts;
use self::parts::TensorPart;

/// What is not looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Numbers of bytes.
    pub size: bool,
    /// How finely numbers are kept: types of elements, and the operators that convert between them.
    pub quantization: bool,
}

/// What tells two models apart.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Difference {
    /// What the files say of themselves.
    pub metadata: Vec<Field>,
    /// Inputs that are not the same.
    pub inputs: Vec<Field>,
    /// Outputs that are not the same.
    pub outputs: Vec<Field>,
    /// Operators that stand in one of them more often.
    pub operators: Vec<Count>,
    /// The graph's nodes.
    pub nodes: Nodes,
    /// Weights that one of them lacks, or that have another type or shape.
    pub tensors: Vec<Field>,
    /// Values of weights that both have in the same shape.
    pub weights: Weights,
}

/// Something that is not the same; `None` on the side that lacks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// What.
    pub name: String,
    /// In the first model.
    pub a: Option<String>,
    /// In the second.
    pub b: Option<String>,
}

/// How often an operator stands in each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The operator.
    pub operator: String,
    /// In the first model.
    pub a: u64,
    /// In the second.
    pub b: u64,
}

/// Nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Nodes {
    /// How many are the same.
    pub same: u64,
    /// Those that only the second has.
    pub added: Vec<Node>,
    /// Those that only the first has.
    pub removed: Vec<Node>,
    /// Those that both have and that differ, with what differs.
    pub changed: Vec<ChangedNode>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name, or what it makes, and where it stands.
    pub node: String,
    /// Its operator.
    pub operator: String,
}

/// A node that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedNode {
    /// Its name, or what it makes, and where it stands.
    pub node: String,
    /// Its operator in the first model.
    pub operator: String,
    /// `operator`, `inputs`, `outputs`, `attribute axis`.
    pub changes: Vec<String>,
}

/// Values of weights.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Weights {
    /// How many are the same to the last bit.
    pub identical: u64,
    /// Those that are not, the most changed first.
    pub changed: Vec<Weight>,
}

/// A weight whose values differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weight {
    /// Its name and place.
    pub tensor: String,
    /// Bytes in the second model.
    pub size_bytes: u64,
    /// The largest absolute difference of an element; `None` where the elements are no plain numbers on both sides, or not finite.
    pub max_abs_difference: Option<f64>,
    /// The norm of the differences by the norm of the first model's elements; `None` where that is zero or unknown.
    pub relative_difference: Option<f64>,
    /// The share of zeros in the first model.
    pub sparsity_a: Option<f64>,
    /// The share of zeros in the second.
    pub sparsity_b: Option<f64>,
}

impl Difference {
    /// True where nothing differs.
    pub fn is_empty(&self) -> bool {
        self.metadata.is_empty()
            && self.inputs.is_empty()
            && self.outputs.is_empty()
            && self.operators.is_empty()
            && self.nodes.added.is_empty()
            && self.nodes.removed.is_empty()
            && self.nodes.changed.is_empty()
            && self.tensors.is_empty()
            && self.weights.changed.is_empty()
    }
}

/// Operators that only change how finely numbers are kept.
const CONVERSIONS: [&str; 7] = [
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "Cast",
    "QUANTIZE",
    "DEQUANTIZE",
    "CAST",
];

/// What tells `b` from `a`.
pub fn difference(a: &Model, b: &Model, ignored: Ignored) -> Difference {
    let (parts_a, parts_b) = (Parts::of(a), Parts::of(b));
    Difference {
        metadata: metadata((a, &parts_a), (b, &parts_b), ignored),
        inputs: specs(&a.facts.inputs, &b.facts.inputs, ignored),
        outputs: specs(&a.facts.outputs, &b.facts.outputs, ignored),
        operators: operators(a, b, ignored),
        nodes: nodes(&parts_a.nodes, &parts_b.nodes, ignored),
        ..weights(&parts_a.tensors, &parts_b.tensors, ignored)
    }
}

/// The fields of two maps that are not the same, by name.
pub fn fields(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<Field> {
    let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .map(|name| Field {
            name: name.clone(),
            a: a.get(name).cloned(),
            b: b.get(name).cloned(),
        })
        .collect()
}

fn metadata(a: (&Model, &Parts<'_>), b: (&Model, &Parts<'_>), ignored: Ignored) -> Vec<Field> {
    let of = |(model, parts): (&Model, &Parts<'_>)| {
        let mut fields = BTreeMap::from([
            ("format".to_owned(), model.format.to_string()),
            ("ir version".to_owned(), model.facts.ir_version.to_string()),
            (
                "parameters".to_owned(),
                model
                    .facts
                    .parameters
                    .saturating_add(model.facts.body_parameters)
                    .to_string(),
            ),
            ("producer".to_owned(), model.facts.producer.clone()),
        ]);
        if !ignored.size {
            fields.insert("size".to_owned(), model.size().0.to_string());
        }
        for (domain, version) in &model.facts.opsets {
            fields.insert(format!("opset {domain}"), version.to_string());
        }
        fields.extend(parts.metadata.clone());
        fields
    };
    fields(&of(a), &of(b))
}

fn specs(a: &[TensorSpec], b: &[TensorSpec], ignored: Ignored) -> Vec<Field> {
    let of = |specs: &[TensorSpec]| -> BTreeMap<String, String> {
        let described = |spec: &TensorSpec| {
            let text = spec.describe();
            match text.split_once(' ') {
                Some((_, shape)) if ignored.quantization => shape.to_owned(),
                _ => text,
            }
        };
        specs.iter().map(|spec| (spec.name.clone(), described(spec))).collect()
    };
    fields(&of(a), &of(b))
}

fn operators(a: &Model, b: &Model, ignored: Ignored) -> Vec<Count> {
    let (a, b) = (&a.facts.op_histogram, &b.facts.op_histogram);
    let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    names
        .into_iter()
        .filter(|name| !(ignored.quantization && CONVERSIONS.contains(&name.as_str())))
        .map(|name| Count {
            operator: name.clone(),
            a: a.get(name).copied().unwrap_or(0),
            b: b.get(name).copied().unwrap_or(0),
        })
        .filter(|count| count.a != count.b)
        .collect()
}

fn nodes(in_a: &BTreeMap<String, NodePart>, in_b: &BTreeMap<String, NodePart>, ignored: Ignored) -> Nodes {
    let skipped = |node: &NodePart| ignored.quantization && CONVERSIONS.contains(&node.operator.as_str());
    let only = |one: &BTreeMap<String, NodePart>, other: &BTreeMap<String, NodePart>| {
        one.iter()
            .filter(|(name, node)| !other.contains_key(*name) && !skipped(node))
            .map(|(name, node)| Node {
                node: name.clone(),
                operator: node.operator.clone(),
            })
            .collect()
    };
    let mut nodes = Nodes {
        same: 0,
        added: only(in_b, in_a),
        removed: only(in_a, in_b),
        changed: Vec::new(),
    };
    for (name, one) in in_a {
        let Some(other) = in_b.get(name) else {
            continue;
        };
        let changes = changes(one, other);
        if changes.is_empty() {
            nodes.same += 1;
        } else {
            nodes.changed.push(ChangedNode {
                node: name.clone(),
                operator: one.operator.clone(),
                changes,
            });
        }
    }
    nodes
}

fn changes(one: &NodePart, other: &NodePart) -> Vec<String> {
    let mut changes = Vec::new();
    if one.operator != other.operator {
        changes.push(format!("operator, now {}", other.operator));
    }
    if one.inputs != other.inputs {
        changes.push("inputs".to_owned());
    }
    if one.outputs != other.outputs {
        changes.push("outputs".to_owned());
    }
    let (a, b) = (&one.attributes, &other.attributes);
    let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differing = names.into_iter().filter(|name| a.get(*name) != b.get(*name));
    changes.extend(differing.map(|name| format!("attribute {name}")));
    changes
}

fn weights(
    in_a: &BTreeMap<String, TensorPart<'_>>,
    in_b: &BTreeMap<String, TensorPart<'_>>,
    ignored: Ignored,
) -> Difference {
    let described = |tensors: &BTreeMap<String, TensorPart<'_>>| {
        let all = tensors
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.described(ignored)));
        all.collect::<BTreeMap<String, String>>()
    };
    let mut weights = Weights::default();
    for (name, one) in in_a {
        let Some(other) = in_b.get(name).filter(|other| other.dims == one.dims) else {
            continue;
        };
        match compare(name, one, other) {
            None => weights.identical += 1,
            Some(weight) => weights.changed.push(weight),
        }
    }
    // Stable: by name among equals.
    let order = |weight: &Weight| weight.relative_difference.unwrap_or(f64::INFINITY);
    weights
        .changed
        .sort_by(|one, other| order(other).total_cmp(&order(one)));
    Difference {
        tensors: fields(&described(in_a), &described(in_b)),
        weights,
        ..Difference::default()
    }
}

/// `None` where type and elements are the same.
fn compare(name: &str, one: &TensorPart<'_>, other: &TensorPart<'_>) -> Option<Weight> {
    let (Some(a), Some(b)) = (one.elements(), other.elements()) else {
        // Text, most often: as it stands in the files.
        return (!one.is_same_text(other)).then(|| Weight {
            tensor: name.to_owned(),
            size_bytes: 0,
            max_abs_difference: None,
            relative_difference: None,
            sparsity_a: None,
            sparsity_b: None,
        });
    };
    if one.element == other.element && a.bytes == b.bytes && a.scales == b.scales {
        return None;
    }
    let (numbers_a, numbers_b) = (a.numbers(), b.numbers());
    let (mut largest, mut squares, mut norm) = (0.0_f64, 0.0_f64, 0.0_f64);
    let mut is_comparable = false;
    if let (Some(first), Some(second)) = (&numbers_a, &numbers_b) {
        is_comparable = first.len() == second.len();
        for (x, y) in first.iter().zip(second) {
            // Infinities of the same sign have no difference.
            let difference = if x == y { 0.0 } else { (x - y).abs() };
            largest = if difference.is_nan() {
                f64::NAN
            } else {
                largest.max(difference)
            };
            squares += difference * difference;
            norm += x * x;
        }
    }
    let finite = |value: f64| (is_comparable && value.is_finite()).then_some(value);
    Some(Weight {
        tensor: name.to_owned(),
        size_bytes: b.bytes.len() as u64,
        max_abs_difference: finite(largest).filter(|_| squares.is_finite()),
        relative_difference: finite((squares / norm).sqrt()),
        sparsity_a: numbers_a.as_deref().and_then(sparsity),
        sparsity_b: numbers_b.as_deref().and_then(sparsity),
    })
}

fn sparsity(numbers: &[f64]) -> Option<f64> {
    let zeros = numbers.iter().filter(|number| **number == 0.0).count();
    (!numbers.is_empty()).then(|| zeros as f64 / numbers.len() as f64)
}
