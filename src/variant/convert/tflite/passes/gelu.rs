//! `x · ½ · (1 + erf(x / √2))`, as exporters write GELU, becomes the one operator that the format has for it.

use std::collections::HashMap;
use std::f32::consts::FRAC_1_SQRT_2;
use std::f32::consts::SQRT_2;

use super::super::graph::Graph;
use super::super::graph::TensorId;
use super::super::op::Activation;
use super::super::op::Arithmetic;
use super::super::op::Op;

/// Exporters round √2 to more or fewer digits.
const CLOSE: f32 = 1e-5;

/// Puts GELU in the place of what computes it.
pub(in super::super) fn gelu(graph: &mut Graph) {
    let producers = graph.producers();
    let uses = graph.uses();
    let mut found = Vec::new();
    for (place, node) in graph.nodes.iter().enumerate() {
        if !is_mul(&node.op) {
            continue;
        }
        let mut factors = Vec::new();
        for input in &node.inputs {
            match producers.get(input).and_then(|place| graph.nodes.get(*place)) {
                Some(inner) if is_mul(&inner.op) && uses.get(input) == Some(&1) => factors.extend(&inner.inputs),
                _ => factors.push(*input),
            }
        }
        if let Some(x) = of(graph, &producers, &factors) {
            found.push((place, x));
        }
    }
    for (place, x) in found {
        if let Some(node) = graph.nodes.get_mut(place) {
            node.op = Op::Gelu { approximate: false };
            node.inputs = vec![x];
        }
    }
    graph.drop_dead();
}

fn is_mul(op: &Op) -> bool {
    *op == Op::Arithmetic(Arithmetic::Mul, Activation::None)
}

/// The x of three factors x, ½ and 1 + erf(x / √2), in any order.
fn of(graph: &Graph, producers: &HashMap<TensorId, usize>, factors: &[TensorId]) -> Option<TensorId> {
    if factors.len() != 3 {
        return None;
    }
    let made = |id: TensorId| graph.nodes.get(*producers.get(&id)?);
    let number = |id: TensorId| graph.tensor(id).scalar();
    let half = factors.iter().position(|id| number(*id) == Some(0.5))?;
    let others: Vec<TensorId> = factors
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != half)
        .map(|(_, id)| *id)
        .collect();
    let &[one, other] = others.as_slice() else { return None };
    [(one, other), (other, one)].into_iter().find_map(|(x, sum)| {
        let sum = made(sum).filter(|node| node.op == Op::Arithmetic(Arithmetic::Add, Activation::None))?;
        let &[left, right] = sum.inputs.as_slice() else {
            return None;
        };
        let erf = if number(left) == Some(1.0) {
            right
        } else if number(right) == Some(1.0) {
            left
        } else {
            return None;
        };
        let erf = made(erf).filter(|node| node.op == Op::Erf)?;
        let inner = made(*erf.inputs.first()?)?;
        let &[left, right] = inner.inputs.as_slice() else {
            return None;
        };
        let scaled = |value: Option<f32>, wanted: f32| value.is_some_and(|value| (value - wanted).abs() < CLOSE);
        let fits = match inner.op {
            Op::Arithmetic(Arithmetic::Div, Activation::None) => left == x && scaled(number(right), SQRT_2),
            Op::Arithmetic(Arithmetic::Mul, Activation::None) => {
                (left == x && scaled(number(right), FRAC_1_SQRT_2))
                    || (right == x && scaled(number(left), FRAC_1_SQRT_2))
            }
            _ => false,
        };
        fits.then_some(x)
    })
}
