//! Takes biases, activations and zeros around the data into the operator before or behind them, where nothing else reads what lies
//! between.

use std::collections::HashMap;

use super::super::graph::Graph;
use super::super::graph::Kind;
use super::super::graph::Tensor;
use super::super::graph::TensorId;
use super::super::graph::pack_floats;
use super::super::op::Activation;
use super::super::op::Arithmetic;
use super::super::op::Op;
use super::super::op::Padding;
use super::super::op::Pool;
use super::super::op::Unary;

/// All fusions, in the order in which one makes way for the next.
pub(in super::super) fn fuse(graph: &mut Graph) -> Result<(), String> {
    pads(graph);
    biases(graph);
    activations(graph);
    floors(graph);
    zeros(graph)?;
    graph.drop_dead();
    Ok(())
}

/// Around data that are never negative, zeros are as good for a greatest element as −∞, and the delegate knows them: where only
/// windows read them that reach the data too.
fn floors(graph: &mut Graph) {
    let producers = graph.producers();
    for place in 0..graph.nodes.len() {
        let Some(node) = graph.nodes.get(place) else {
            continue;
        };
        let (Op::Pad { before, after, value }, Some(input), Some(made)) =
            (&node.op, node.inputs.first(), node.outputs.first())
        else {
            continue;
        };
        let source = producers.get(input).and_then(|place| graph.nodes.get(*place));
        let never_negative = source.is_some_and(|node| match &node.op {
            Op::Unary(Unary::Relu | Unary::Relu6 | Unary::Relu0To1 | Unary::Logistic | Unary::Square | Unary::Abs) => {
                true
            }
            op => matches!(op.activation(), Some(Activation::Relu | Activation::Relu6)),
        });
        let pads: Vec<usize> = before
            .iter()
            .zip(after)
            .map(|(before, after)| *before.max(after))
            .collect();
        let reaches = |op: &Op| match (op, pads.as_slice()) {
            (
                Op::Pool {
                    kind: Pool::Max,
                    filter,
                    ..
                },
                &[0, high, wide, 0],
            ) => high < filter[0] && wide < filter[1],
            _ => false,
        };
        let mut readers = graph.nodes.iter().filter(|node| node.inputs.contains(made));
        let given_out = graph.outputs.iter().any(|(_, id)| id == made);
        let fits = *value == f32::NEG_INFINITY && never_negative && !given_out;
        if !fits || !readers.all(|node| reaches(&node.op)) {
            continue;
        }
        if let Some(Op::Pad { value, .. }) = graph.nodes.get_mut(place).map(|node| &mut node.op) {
            *value = 0.0;
        }
    }
}

/// The engine wants a bias of every convolution.
fn zeros(graph: &mut Graph) -> Result<(), String> {
    for place in 0..graph.nodes.len() {
        let Some(node) = graph.nodes.get(place) else { continue };
        let (Op::Conv { .. } | Op::DepthwiseConv { .. }, &[_, _], &[made]) =
            (&node.op, node.inputs.as_slice(), node.outputs.as_slice())
        else {
            continue;
        };
        let tensor = graph.tensor(made);
        let channels = tensor.shape.last().copied().unwrap_or(0);
        let bias = Tensor {
            name: format!("{}/bias", tensor.name),
            kind: tensor.kind,
            shape: vec![channels],
            data: Some(pack_floats(&vec![0.0; channels])),
        };
        let bias = graph.add(bias)?;
        if let Some(node) = graph.nodes.get_mut(place) {
            node.inputs.push(bias);
        }
    }
    Ok(())
}

/// A constant vector added to what a convolution or matrix makes becomes its bias.
fn biases(graph: &mut Graph) {
    let (producers, uses) = (graph.producers(), graph.uses());
    let mut instead = HashMap::new();
    for place in 0..graph.nodes.len() {
        let Some(node) = graph.nodes.get(place) else { continue };
        let (Op::Arithmetic(Arithmetic::Add, Activation::None), &[one, other], &[sum]) =
            (&node.op, node.inputs.as_slice(), node.outputs.as_slice())
        else {
            continue;
        };
        for (made, vector) in [(one, other), (other, one)] {
            let made = instead.get(&made).copied().unwrap_or(made);
            let last = graph.shape(made).last().copied().unwrap_or(0);
            let tensor = graph.tensor(vector);
            let fits = tensor.data.is_some() && tensor.elements() == last && tensor.shape.last() == Some(&last);
            let Some(before) = producers
                .get(&made)
                .copied()
                .filter(|_| fits && uses.get(&made) == Some(&1))
            else {
                continue;
            };
            let flat = Tensor {
                shape: vec![last],
                ..tensor.clone()
            };
            let takes = graph.nodes.get(before).is_some_and(|node| {
                let plain = matches!(
                    node.op,
                    Op::Conv {
                        activation: Activation::None,
                        ..
                    } | Op::DepthwiseConv {
                        activation: Activation::None,
                        ..
                    } | Op::FullyConnected {
                        activation: Activation::None
                    }
                );
                plain && node.inputs.len() == 2
            });
            if !takes || graph.shape(made) != graph.shape(sum) {
                continue;
            }
            let Ok(bias) = graph.add(flat) else { continue };
            if let Some(node) = graph.nodes.get_mut(before) {
                node.inputs.push(bias);
            }
            rename(graph, made, sum);
            instead.insert(sum, made);
            break;
        }
    }
    graph.replace(&instead);
    graph.drop_dead();
}

/// The tensor that stays takes the name of the one that goes.
fn rename(graph: &mut Graph, stays: TensorId, goes: TensorId) {
    graph.tensor_mut(stays).name = graph.tensor(goes).name.clone();
}

fn activations(graph: &mut Graph) {
    let (producers, uses) = (graph.producers(), graph.uses());
    let mut instead: HashMap<TensorId, TensorId> = HashMap::new();
    for place in 0..graph.nodes.len() {
        let Some(node) = graph.nodes.get(place) else { continue };
        let activation = match node.op {
            Op::Unary(Unary::Relu) => Activation::Relu,
            Op::Unary(Unary::Relu6) => Activation::Relu6,
            Op::Unary(Unary::ReluN1To1) => Activation::ReluN1To1,
            _ => continue,
        };
        let (&[made], &[active]) = (node.inputs.as_slice(), node.outputs.as_slice()) else {
            continue;
        };
        let Some(before) = producers.get(&made).copied().filter(|_| uses.get(&made) == Some(&1)) else {
            continue;
        };
        let float = graph.tensor(made).kind == Kind::F32;
        let Some(slot) = graph.nodes.get_mut(before).and_then(|node| node.op.activation_mut()) else {
            continue;
        };
        if *slot != Activation::None || !float {
            continue;
        }
        *slot = activation;
        rename(graph, made, active);
        instead.insert(active, made);
    }
    graph.replace(&instead);
    graph.drop_dead();
}

/// Zeros put around the data of a convolution that uses no padding of its own become SAME, where that is the same.
fn pads(graph: &mut Graph) {
    let producers = graph.producers();
    for place in 0..graph.nodes.len() {
        let Some(node) = graph.nodes.get(place) else { continue };
        let Some((&data, weights)) = node.inputs.split_first() else {
            continue;
        };
        let Some(pad) = producers.get(&data).and_then(|place| graph.nodes.get(*place)) else {
            continue;
        };
        let (Op::Pad { before, after, value }, &[inner]) = (&pad.op, pad.inputs.as_slice()) else {
            continue;
        };
        let (&[0, top, left, 0], &[0, bottom, right, 0]) = (before.as_slice(), after.as_slice()) else {
            continue;
        };
        let kernel = |id: Option<&TensorId>| match id.map(|id| graph.shape(*id)) {
            Some(&[_, height, width, _]) => Some([height, width]),
            _ => None,
        };
        let (kernel, stride, dilation, padding, wanted) = match &node.op {
            Op::Conv {
                stride,
                dilation,
                padding,
                ..
            }
            | Op::DepthwiseConv {
                stride,
                dilation,
                padding,
                ..
            } => (kernel(weights.first()), *stride, *dilation, *padding, 0.0),
            Op::Pool {
                kind: Pool::Max,
                filter,
                stride,
                padding,
                ..
            } => (Some(*filter), *stride, [1, 1], *padding, f32::NEG_INFINITY),
            _ => continue,
        };
        let (Some(kernel), Padding::Valid, true) = (kernel, padding, *value == wanted) else {
            continue;
        };
        let (&[_, high, wide, _], Some(&[_, many, more, _])) =
            (graph.shape(inner), node.outputs.first().map(|id| graph.shape(*id)))
        else {
            continue;
        };
        let same = |size: usize, count: usize, axis: usize, before: usize, after: usize| {
            let covered = (kernel[axis].saturating_sub(1)) * dilation[axis] + 1;
            let total = ((count.saturating_sub(1)) * stride[axis] + covered).saturating_sub(size);
            // Zeros that no window reaches don't count.
            let reached = ((count.saturating_sub(1)) * stride[axis] + covered)
                .saturating_sub(size + before)
                .min(after);
            count == size.div_ceil(stride[axis].max(1)) && before == total / 2 && reached == total - total / 2
        };
        if !same(high, many, 0, top, bottom) || !same(wide, more, 1, left, right) {
            continue;
        }
        let Some(node) = graph.nodes.get_mut(place) else {
            continue;
        };
        if let Some(first) = node.inputs.first_mut() {
            *first = inner;
        }
        if let Op::Conv { padding, .. } | Op::DepthwiseConv { padding, .. } | Op::Pool { padding, .. } = &mut node.op {
            *padding = Padding::Same;
        }
    }
    graph.drop_dead();
}
