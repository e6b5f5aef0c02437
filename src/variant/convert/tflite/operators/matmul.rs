//! Gemm and MatMul: FULLY_CONNECTED where the right side is a constant matrix, else BATCH_MATMUL.
//!
//! Weights are stored as the format wants them, one row an output. Factors of Gemm go into constant weights and biases.

use super::super::call::Call;
use super::super::error::Refusal;
use super::super::graph::Kind;
use super::super::graph::TensorId;
use super::super::lower::Builder;
use super::super::op::Activation;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("Gemm", "FULLY_CONNECTED, BATCH_MATMUL", "floats", gemm),
    Converter::new("MatMul", "FULLY_CONNECTED, BATCH_MATMUL", "floats", matmul),
];

fn floats_only(b: &Builder<'_>, ids: &[TensorId]) -> Result<(), Refusal> {
    match ids.iter().all(|id| b.kind(*id) == Kind::F32) {
        true => Ok(()),
        false => Err("it multiplies matrices of integers".into()),
    }
}

/// A constant times a number.
fn multiplied(b: &mut Builder<'_>, id: TensorId, factor: f32) -> Result<TensorId, Refusal> {
    if factor == 1.0 {
        return Ok(id);
    }
    let tensor = b.graph.tensor(id);
    match tensor.floats() {
        Some(mut values) => {
            let shape = tensor.shape.clone();
            values.iter_mut().for_each(|value| *value *= factor);
            b.floats(&shape, &values)
        }
        None => b.scaled(id, factor),
    }
}

fn gemm(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let (mut x, mut y) = (b.input(call, 0)?, b.input(call, 1)?);
    floats_only(b, &[x, y])?;
    if b.rank(x) != 2 || b.rank(y) != 2 {
        return Err("it multiplies no matrices".into());
    }
    if call.int("transA", 0) != 0 {
        x = b.transpose(x, &[1, 0])?;
    }
    if call.int("transB", 0) == 0 {
        y = b.transpose(y, &[1, 0])?;
    }
    let &[outputs, _] = b.graph.shape(y) else {
        return Err("it multiplies no matrices".into());
    };
    let y = multiplied(b, y, call.float("alpha", 1.0))?;
    let bias = if call.has(2) { Some(b.input(call, 2)?) } else { None };
    let bias = match bias {
        Some(bias) => Some(multiplied(b, bias, call.float("beta", 1.0))?),
        None => None,
    };
    let mut inputs = vec![x, y];
    let fused = match bias {
        Some(bias) if b.graph.tensor(bias).data.is_some() => row(b, bias, outputs)?,
        _ => None,
    };
    inputs.extend(fused);
    let mut made = b.push(
        Op::FullyConnected {
            activation: Activation::None,
        },
        &inputs,
    )?;
    if let Some(bias) = bias.filter(|_| fused.is_none()) {
        made = b.add(made, bias)?;
    }
    one(made)
}

/// A constant bias as one row of `outputs` elements, where it is one for every row.
fn row(b: &mut Builder<'_>, bias: TensorId, outputs: usize) -> Result<Option<TensorId>, Refusal> {
    let tensor = b.graph.tensor(bias);
    let Some(values) = tensor.floats() else { return Ok(None) };
    let leading = tensor.shape.iter().rev().skip(1).all(|dim| *dim == 1);
    Ok(match values.as_slice() {
        [value] => Some(b.floats(&[outputs], &vec![*value; outputs])?),
        values if leading && values.len() == outputs => Some(b.reshape(bias, &[outputs])?),
        _ => None,
    })
}

fn matmul(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let (x, y) = (b.input(call, 0)?, b.input(call, 1)?);
    floats_only(b, &[x, y])?;
    let constant = b.graph.tensor(y).data.is_some();
    if b.rank(y) == 2 && b.rank(x) >= 1 && constant {
        let weights = b.transpose(y, &[1, 0])?;
        // A vector is a matrix of one row.
        let shape = b.shape(x);
        let rows = match shape.as_slice() {
            [depth] => b.reshape(x, &[1, *depth])?,
            _ => x,
        };
        let mut made = b.push(
            Op::FullyConnected {
                activation: Activation::None,
            },
            &[rows, weights],
        )?;
        if shape.len() == 1 {
            let outputs = b.shape(made).last().copied().unwrap_or(1);
            made = b.reshape(made, &[outputs])?;
        }
        return one(made);
    }
    let (left, right) = (b.shape(x), b.shape(y));
    if left.is_empty() || right.is_empty() {
        return Err("it multiplies a scalar".into());
    }
    // Vectors are matrices of one row or column, and that dimension goes afterwards.
    let x = if left.len() == 1 {
        b.reshape(x, &[1, left.iter().product()])?
    } else {
        x
    };
    let y = if right.len() == 1 {
        b.reshape(y, &[right.iter().product(), 1])?
    } else {
        y
    };
    let rank = b.rank(x).max(b.rank(y));
    let (x, y) = (stacked(b, x, rank)?, stacked(b, y, rank)?);
    let mut made = b.push(
        Op::BatchMatMul {
            adj_x: false,
            adj_y: false,
        },
        &[x, y],
    )?;
    if left.len() == 1 || right.len() == 1 {
        let mut shape = b.shape(made);
        if right.len() == 1 {
            shape.pop();
        }
        if left.len() == 1 {
            let row = shape.len().saturating_sub(if right.len() == 1 { 1 } else { 2 });
            shape.remove(row);
        }
        made = b.reshape(made, &shape)?;
    }
    one(made)
}

/// With dimensions of 1 before the others, up to `rank`.
fn stacked(b: &mut Builder<'_>, id: TensorId, rank: usize) -> Result<TensorId, Refusal> {
    let shape = b.shape(id);
    let shape: Vec<usize> = std::iter::repeat_n(1, rank - shape.len()).chain(shape).collect();
    b.reshape(id, &shape)
}
