//! The error function, which the format lacks, in operators that it has; within 1e-7 of the true value everywhere.
//!
//! Below 1 it is `x + x · s(x²)`, from there on `±(1 − e^−x² · b(t))` with `t = 1 / (1 + |x| / 2)`: what is rounded is small in both. The
//! coefficients are least-squares fits in Chebyshev's basis, reweighted towards the smallest maximum.

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

/// `erf(x) / x − 1` for |x| ≤ 1 by x², highest power first.
const SMALL: [f32; 7] = [
    7.889_119e-5,
    -8.020_841e-4,
    5.189_535e-3,
    -2.685_444_4e-2,
    1.128_36e-1,
    -3.761_262_6e-1,
    1.283_791_7e-1,
];

/// `e^x² · (1 − erf(x))` for 1 ≤ x ≤ 4 by 1 / (1 + x / 2), highest power first.
const LARGE: [f32; 6] = [
    -2.308_016_6e-1,
    6.366_8e-1,
    -6.446_059e-2,
    3.968_020_4e-1,
    2.597_006_3e-1,
    1.822_481e-3,
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
                let value = Writing {
                    graph: &mut *graph,
                    name,
                }
                .erf(x)?;
                instead.insert(*made, value);
            }
            _ => graph.nodes.push(node),
        }
    }
    graph.replace(&instead);
    Ok(())
}

struct Writing<'g> {
    graph: &'g mut Graph,
    name: String,
}

impl Writing<'_> {
    fn erf(&mut self, x: TensorId) -> Result<TensorId, String> {
        let (one, half, bound) = (self.number(1.0)?, self.number(0.5)?, self.number(BOUND)?);
        let size = self.unary(Unary::Abs, x)?;
        let size = self.push(Op::Binary(Binary::Minimum), &[size, bound])?;
        let square = self.unary(Unary::Square, size)?;
        let factor = self.polynomial(square, &SMALL)?;
        let rest = self.arithmetic(Arithmetic::Mul, x, factor)?;
        let small = self.arithmetic(Arithmetic::Add, x, rest)?;
        let scaled = self.arithmetic(Arithmetic::Mul, size, half)?;
        let divisor = self.arithmetic(Arithmetic::Add, scaled, one)?;
        let place = self.arithmetic(Arithmetic::Div, one, divisor)?;
        let factor = self.polynomial(place, &LARGE)?;
        let below = self.unary(Unary::Neg, square)?;
        let power = self.unary(Unary::Exp, below)?;
        let rest = self.arithmetic(Arithmetic::Mul, power, factor)?;
        let large = self.arithmetic(Arithmetic::Sub, one, rest)?;
        let sign = self.unary(Unary::Sign, x)?;
        let large = self.arithmetic(Arithmetic::Mul, sign, large)?;
        let is_small = self.push(Op::Binary(Binary::Less), &[size, one])?;
        self.push(Op::Select, &[is_small, small, large])
    }

    /// Horner's rule.
    fn polynomial(&mut self, x: TensorId, coefficients: &[f32]) -> Result<TensorId, String> {
        let (first, rest) = coefficients.split_first().ok_or("a polynomial without coefficients")?;
        let mut sum = self.number(*first)?;
        for coefficient in rest {
            let product = self.arithmetic(Arithmetic::Mul, x, sum)?;
            let next = self.number(*coefficient)?;
            sum = self.arithmetic(Arithmetic::Add, product, next)?;
        }
        Ok(sum)
    }

    fn unary(&mut self, unary: Unary, x: TensorId) -> Result<TensorId, String> {
        self.push(Op::Unary(unary), &[x])
    }

    fn arithmetic(&mut self, arithmetic: Arithmetic, x: TensorId, y: TensorId) -> Result<TensorId, String> {
        self.push(Op::Arithmetic(arithmetic, Activation::None), &[x, y])
    }

    fn push(&mut self, op: Op, inputs: &[TensorId]) -> Result<TensorId, String> {
        let outputs = self.graph.push(op, inputs, &self.name)?;
        outputs
            .first()
            .copied()
            .ok_or_else(|| "an operator makes nothing".to_owned())
    }

    fn number(&mut self, value: f32) -> Result<TensorId, String> {
        self.graph.add(Tensor {
            name: format!("{}/constant", self.name),
            kind: Kind::F32,
            shape: Vec::new(),
            data: Some(pack_floats(&[value])),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_the_error_function() {
        let horner = |coefficients: &[f32], x: f32| coefficients.iter().fold(0.0, |sum, next| sum * x + next);
        let found = |x: f32| {
            let square = x * x;
            if x < 1.0 {
                x + x * horner(&SMALL, square)
            } else {
                1.0 - (-square).exp() * horner(&LARGE, 1.0 / (x * 0.5 + 1.0))
            }
        };
        // Values of erf to 10 digits (Abramowitz and Stegun, table 7.1).
        let known = [
            (0.02, 0.022_564_574_7),
            (0.1, 0.112_462_916_0),
            (0.5, 0.520_499_877_8),
            (0.96, 0.825_423_649_7),
            (1.0, 0.842_700_792_9),
            (1.5, 0.966_105_146_5),
            (2.0, 0.995_322_265_0),
        ];
        for (x, erf) in known {
            assert!((f64::from(found(x)) - erf).abs() < 1.1e-7, "{x}: {}", found(x));
        }
    }
}
