//! The error function, which the format lacks, as a rational function of odd degree.

use std::collections::HashMap;

use super::super::graph::Graph;
use super::super::graph::Kind;
use super::super::graph::Tensor;
use super::super::graph::TensorId;
use super::super::graph::pack_floats;
use super::super::op::Activation;
use super::super::op::Arithmetic;
use super::super::op::Binary;
use super::super::op::Op;
use super::super::op::Unary;

/// Beyond ±4, erf is ±1 to the last bit of a float.
const BOUND: f32 = 4.0;

/// `erf(x) ≈ x · p(x²) / q(x²)` for |x| ≤ 4, highest power first. The coefficients are Eigen's (`generic_fast_erf_float`, MPL-2.0).
const P: [f32; 7] = [
    -2.726_142_3e-10,
    2.770_681_4e-8,
    -2.101_024e-6,
    -5.692_506_4e-5,
    -7.349_906_3e-4,
    -2.954_6e-3,
    -1.609_603_4e-2,
];
/// See [`P`].
const Q: [f32; 5] = [
    -1.456_607_1e-5,
    -2.133_740_6e-4,
    -1.682_827e-3,
    -7.373_329_4e-3,
    -1.426_473_9e-2,
];

/// Writes every [`Op::Erf`] that is left as operators that the format has.
pub(in super::super) fn erf(graph: &mut Graph) -> Result<(), String> {
    let nodes = std::mem::take(&mut graph.nodes);
    let mut instead = HashMap::new();
    for node in nodes {
        match (&node.op, node.inputs.as_slice(), node.outputs.as_slice()) {
            (Op::Erf, [x], [made]) => {
                let name = graph.tensor(*made).name.clone();
                let x = instead.get(x).copied().unwrap_or(*x);
                let value = rational(graph, x, &name)?;
                instead.insert(*made, value);
            }
            _ => graph.nodes.push(node),
        }
    }
    graph.replace(&instead);
    Ok(())
}

fn rational(graph: &mut Graph, x: TensorId, name: &str) -> Result<TensorId, String> {
    let high = number(graph, BOUND, name)?;
    let low = number(graph, -BOUND, name)?;
    let held = push(graph, Op::Binary(Binary::Minimum), &[x, high], name)?;
    let held = push(graph, Op::Binary(Binary::Maximum), &[held, low], name)?;
    let square = push(graph, Op::Unary(Unary::Square), &[held], name)?;
    let p = polynomial(graph, square, &P, name)?;
    let q = polynomial(graph, square, &Q, name)?;
    let times = |arithmetic| Op::Arithmetic(arithmetic, Activation::None);
    let above = push(graph, times(Arithmetic::Mul), &[held, p], name)?;
    push(graph, times(Arithmetic::Div), &[above, q], name)
}

/// Horner's rule.
fn polynomial(graph: &mut Graph, x: TensorId, coefficients: &[f32], name: &str) -> Result<TensorId, String> {
    let (first, rest) = coefficients.split_first().ok_or("a polynomial without coefficients")?;
    let mut sum = number(graph, *first, name)?;
    for coefficient in rest {
        let product = push(
            graph,
            Op::Arithmetic(Arithmetic::Mul, Activation::None),
            &[x, sum],
            name,
        )?;
        let next = number(graph, *coefficient, name)?;
        sum = push(
            graph,
            Op::Arithmetic(Arithmetic::Add, Activation::None),
            &[product, next],
            name,
        )?;
    }
    Ok(sum)
}

fn push(graph: &mut Graph, op: Op, inputs: &[TensorId], name: &str) -> Result<TensorId, String> {
    let outputs = graph.push(op, inputs, name)?;
    outputs
        .first()
        .copied()
        .ok_or_else(|| "an operator makes nothing".to_owned())
}

fn number(graph: &mut Graph, value: f32, name: &str) -> Result<TensorId, String> {
    graph.add(Tensor {
        name: format!("{name}/constant"),
        kind: Kind::F32,
        shape: Vec::new(),
        data: Some(pack_floats(&[value])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rational_function_is_the_error_function() {
        let horner = |coefficients: &[f32], square: f32| coefficients.iter().fold(0.0, |sum, next| sum * square + next);
        // Values of erf to 12 digits (Abramowitz and Stegun, table 7.1).
        let known = [
            (0.02, 0.022_564_574_7),
            (0.1, 0.112_462_916_0),
            (0.5, 0.520_499_877_8),
            (1.0, 0.842_700_792_9),
            (1.5, 0.966_105_146_5),
            (2.0, 0.995_322_265_0),
        ];
        for (x, erf) in known {
            let x: f32 = x;
            let found = x * horner(&P, x * x) / horner(&Q, x * x);
            assert!((f64::from(found) - erf).abs() < 2e-7, "{x}: {found}");
        }
    }
}
