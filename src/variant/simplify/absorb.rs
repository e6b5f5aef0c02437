//! What scales and shifts the channels that a `Conv`, `ConvTranspose` or `Gemm` makes goes into its weights: `BatchNormalization`, and
//! `Mul`, `Div`, `Add`, `Sub` by constants.
//!
//! y = k·(W∗x + b) + c becomes (k·W)∗x + (k·b + c), computed in 64 bits and rounded once.

use std::collections::HashMap;

use super::Simplifier;
use super::fold::Constants;
use super::scope::int;
use super::scope::reads;
use super::value::Value;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shape::is_standard;
use crate::variant::edit;

/// The default of `BatchNormalization`'s `epsilon`.
const EPSILON: f32 = 1e-5;

/// A factor and a summand for each channel.
struct Affine {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

/// The new weights of a node, and its new bias.
struct Absorbed {
    weights: Option<Value>,
    bias: Value,
}

impl Simplifier<'_> {
    /// Absorbs such nodes of `graph`.
    pub(super) fn absorb(&mut self, graph: &mut GraphProto, constants: &Constants<'_>) {
        let counts = reads(graph);
        let mut makers: HashMap<String, usize> = HashMap::new();
        let mut kept: Vec<NodeProto> = Vec::new();
        let mut stored = Vec::new();
        for node in std::mem::take(&mut graph.node) {
            let data = node.input.iter().enumerate().find_map(|(place, name)| {
                let index = *makers.get(name).filter(|_| counts.get(name) == Some(&1))?;
                Some((place, index))
            });
            let maker = data.and_then(|(place, index)| Some((place, kept.get_mut(index)?)));
            if let Some((place, maker)) = maker
                && is_standard(&node)
                && let Some(absorbed) = absorbed(maker, &node, place, constants)
            {
                let finite = |value: &Value| {
                    value
                        .to_floats()
                        .is_some_and(|values| values.iter().all(|value| value.is_finite()))
                };
                if absorbed.weights.iter().chain([&absorbed.bias]).all(finite) {
                    if let Some(weights) = absorbed.weights {
                        let name = self.names.fresh(maker.input.get(1).map_or("weights", String::as_str));
                        put(maker, 1, &name);
                        stored.push(weights.tensor(&name));
                    }
                    let wanted = maker.input.get(2).filter(|name| !name.is_empty()).cloned();
                    let wanted =
                        wanted.unwrap_or_else(|| format!("{}/bias", node.output.first().map_or("", String::as_str)));
                    let name = self.names.fresh(&wanted);
                    put(maker, 2, &name);
                    stored.push(absorbed.bias.tensor(&name));
                    // Its part is in the new bias.
                    maker.attribute.retain(|attribute| attribute.name() != "beta");
                    maker.output = node.output.iter().take(1).cloned().collect();
                    if let Some((_, index)) = data {
                        makers.extend(node.output.iter().take(1).map(|output| (output.clone(), index)));
                    }
                    self.tally.absorbed += 1;
                    continue;
                }
                if self.left.insert(node.output.first().cloned().unwrap_or_default()) {
                    self.account
                        .leave(&node, "the weights before it would overflow with its factors in them");
                }
            }
            let is_maker = is_standard(&node)
                && !self.local.contains(node.op_type())
                && matches!(node.op_type(), "Conv" | "ConvTranspose" | "Gemm");
            if is_maker {
                makers.extend(node.output.iter().take(1).map(|output| (output.clone(), kept.len())));
            }
            kept.push(node);
        }
        graph.node = kept;
        for tensor in stored {
            self.store(graph, tensor);
        }
    }
}

fn put(node: &mut NodeProto, index: usize, name: &str) {
    while node.input.len() <= index {
        node.input.push(String::new());
    }
    if let Some(input) = node.input.get_mut(index) {
        *input = name.to_owned();
    }
}

/// `maker` with `node` in it; `None` where that cannot be.
fn absorbed(maker: &NodeProto, node: &NodeProto, place: usize, constants: &Constants<'_>) -> Option<Absorbed> {
    let weights = constants.value(maker.input.get(1)?)?;
    let values = weights.to_floats()?;
    let groups = usize::try_from(int(maker, "group", 1))
        .ok()
        .filter(|groups| *groups > 0)?;
    let rank = weights.dims.len();
    let across = |axis: usize| weights.dims.get(axis).copied();
    let rows_are_channels = match maker.op_type() {
        "Conv" => true,
        "ConvTranspose" => false,
        _ => int(maker, "transB", 0) != 0,
    };
    let channels = match maker.op_type() {
        "Conv" => across(0)?,
        "ConvTranspose" => across(1)?.checked_mul(groups)?,
        _ if rank != 2 => return None,
        _ => across(usize::from(!rows_are_channels))?,
    };
    let affine = affine(node, place, channels, rank, constants)?;
    let old = match maker.input.get(2).map(String::as_str) {
        None | Some("") => vec![0.0; channels],
        // A `Gemm`'s broadcasts to what it makes; a convolution's has one value a channel.
        Some(name) if maker.op_type() == "Gemm" => channel_values(&constants.value(name)?, channels, 2, 1)?,
        Some(name) => channel_values(&constants.value(name)?, channels, 1, 0)?,
    };
    let beta = match maker.op_type() {
        "Gemm" => f64::from(edit::attribute(maker, "beta").map_or(1.0, |beta| beta.f())),
        _ => 1.0,
    };
    let bias: Vec<f32> = old
        .iter()
        .zip(&affine.scale)
        .zip(&affine.shift)
        .map(|((old, scale), shift)| (old * beta * scale + shift) as f32)
        .collect();
    let weights = affine.scale.iter().any(|scale| *scale != 1.0).then(|| {
        // Rows and what one of them holds; a row of a transposed convolution belongs to one group.
        let rows = across(0).unwrap_or(1).max(1);
        let columns = across(1).unwrap_or(1).max(1);
        let (row, cell) = ((values.len() / rows).max(1), (values.len() / rows / columns).max(1));
        let in_group = (rows / groups).max(1);
        let scaled: Vec<f32> = values
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let (at, column) = (index / row, index % row / cell);
                let channel = match maker.op_type() {
                    "ConvTranspose" => at / in_group * columns + column,
                    _ if rows_are_channels => at,
                    _ => column,
                };
                (f64::from(*value) * affine.scale.get(channel).copied().unwrap_or(1.0)) as f32
            })
            .collect();
        Value::floats(weights.dims.clone(), &scaled)
    });
    Some(Absorbed {
        weights,
        bias: Value::floats(vec![channels], &bias),
    })
}

/// What `node` does to each channel of its input of that place.
fn affine(node: &NodeProto, place: usize, channels: usize, rank: usize, constants: &Constants<'_>) -> Option<Affine> {
    let ones = || vec![1.0; channels];
    let zeros = || vec![0.0; channels];
    if node.op_type() == "BatchNormalization" {
        let alone = node.output.iter().skip(1).all(String::is_empty);
        if place != 0 || !alone || int(node, "training_mode", 0) != 0 || int(node, "spatial", 1) == 0 {
            return None;
        }
        let list = |index: usize| {
            let values = constants.value(node.input.get(index)?)?.to_floats()?;
            (values.len() == channels).then_some(values)
        };
        let (scale, bias, mean, variance) = (list(1)?, list(2)?, list(3)?, list(4)?);
        let epsilon = f64::from(edit::attribute(node, "epsilon").map_or(EPSILON, |epsilon| epsilon.f()));
        let scale: Vec<f64> = scale
            .iter()
            .zip(&variance)
            .map(|(scale, variance)| f64::from(*scale) / (f64::from(*variance) + epsilon).sqrt())
            .collect();
        let shift = bias.iter().zip(&mean).zip(&scale);
        let shift = shift
            .map(|((bias, mean), scale)| f64::from(*bias) - f64::from(*mean) * scale)
            .collect();
        return Some(Affine { scale, shift });
    }
    let [_, _] = node.input.as_slice() else { return None };
    let other = constants.value(node.input.get(1 - place.min(1))?)?;
    let values = channel_values(&other, channels, rank, 1)?;
    Some(match (node.op_type(), place) {
        ("Mul", _) => Affine {
            scale: values,
            shift: zeros(),
        },
        ("Div", 0) => Affine {
            scale: values.iter().map(|value| 1.0 / value).collect(),
            shift: zeros(),
        },
        ("Add", _) => Affine {
            scale: ones(),
            shift: values,
        },
        ("Sub", 0) => Affine {
            scale: ones(),
            shift: values.iter().map(|value| -value).collect(),
        },
        _ => return None,
    })
}

/// The value for each channel of a constant that broadcasts to a tensor of `rank` dimensions whose channels lie along `axis`; `None`
/// where it differs within a channel.
fn channel_values(value: &Value, channels: usize, rank: usize, axis: usize) -> Option<Vec<f64>> {
    let values = value.to_floats()?;
    let ahead = rank.checked_sub(value.dims.len())?;
    let fits = value
        .dims
        .iter()
        .enumerate()
        .all(|(at, dim)| *dim == 1 || (at + ahead == axis && *dim == channels));
    match values.as_slice() {
        _ if !fits => None,
        [one] => Some(vec![f64::from(*one); channels]),
        values if values.len() == channels => Some(values.iter().copied().map(f64::from).collect()),
        _ => None,
    }
}
