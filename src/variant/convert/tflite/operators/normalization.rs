//! Normalizations, made of means, squares and roots; the format has no operator for them.
//!
//! A BatchNormalization that still stands (behind no convolution) becomes a factor and a summand for each channel.

use super::super::call::Call;
use super::super::error::Refusal;
use super::super::graph::TensorId;
use super::super::lower::Builder;
use super::super::lower::floats;
use super::super::op::Op;
use super::super::op::Reduction;
use super::super::op::Unary;
use super::Converter;
use super::Outcome;
use super::one;
use crate::variant::simplify::value::Value;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("BatchNormalization", "MUL, ADD", "constant statistics", batch),
    Converter::new(
        "GroupNormalization",
        "MEAN, SQUARED_DIFFERENCE, RSQRT and others",
        "",
        group,
    ),
    Converter::new("InstanceNormalization", "MEAN, SQUARE, RSQRT and others", "", instance),
    Converter::new(
        "LRN",
        "LOCAL_RESPONSE_NORMALIZATION",
        "an odd size, over four dimensions",
        local_response,
    ),
    Converter::new(
        "LayerNormalization",
        "MEAN, SQUARE, RSQRT and others",
        "one output",
        layer,
    ),
    Converter::new("LpNormalization", "SQUARE, SUM, SQRT, DIV", "p of 2", lp),
    Converter::new(
        "MeanVarianceNormalization",
        "MEAN, SQUARE, SQRT, DIV",
        "",
        mean_variance,
    ),
    Converter::new("RMSNormalization", "SQUARE, MEAN, RSQRT, MUL", "", root_mean_square),
];

fn mean(b: &mut Builder<'_>, x: TensorId, axes: &[usize]) -> Result<TensorId, Refusal> {
    b.push(
        Op::Reduce {
            kind: Reduction::Mean,
            axes: axes.to_vec(),
            keep: true,
        },
        &[x],
    )
}

/// `(x − mean) / √(variance + epsilon)` over `axes`.
fn normalized(b: &mut Builder<'_>, x: TensorId, axes: &[usize], epsilon: f32) -> Result<TensorId, Refusal> {
    let center = mean(b, x, axes)?;
    let apart = b.sub(x, center)?;
    let square = b.unary(Unary::Square, apart)?;
    let variance = mean(b, square, axes)?;
    let variance = b.plus(variance, epsilon)?;
    let factor = b.unary(Unary::Rsqrt, variance)?;
    b.mul(apart, factor)
}

/// A vector over the channels (axis 1) of a tensor of `rank` dimensions.
fn channels(b: &mut Builder<'_>, call: &Call<'_>, index: usize, rank: usize) -> Result<TensorId, Refusal> {
    let id = b.input(call, index)?;
    let count = b.graph.tensor(id).elements();
    let shape: Vec<usize> = std::iter::once(count)
        .chain(std::iter::repeat_n(1, rank.saturating_sub(2)))
        .collect();
    b.reshape(id, &shape)
}

fn batch(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    if call.wants(1) || call.int("training_mode", 0) != 0 {
        return Err("it is in training mode".into());
    }
    let x = b.input(call, 0)?;
    let vector = |index: usize| call.constant(index).and_then(floats);
    let (Some(scale), Some(shift), Some(center), Some(variance)) = (vector(1), vector(2), vector(3), vector(4)) else {
        return Err("its statistics depend on the data".into());
    };
    let epsilon = f64::from(call.float("epsilon", 1e-5));
    let factors: Vec<f64> = scale
        .iter()
        .zip(&variance)
        .map(|(scale, variance)| f64::from(*scale) / (f64::from(*variance) + epsilon).sqrt())
        .collect();
    let sums: Vec<f32> = shift
        .iter()
        .zip(&center)
        .zip(&factors)
        .map(|((shift, center), factor)| (f64::from(*shift) - f64::from(*center) * factor) as f32)
        .collect();
    let factors: Vec<f32> = factors.iter().map(|factor| *factor as f32).collect();
    let shape: Vec<usize> = std::iter::once(factors.len())
        .chain(std::iter::repeat_n(1, b.rank(x).saturating_sub(2)))
        .collect();
    let (factors, sums) = (b.floats(&shape, &factors)?, b.floats(&shape, &sums)?);
    let scaled = b.mul(x, factors)?;
    one(b.add(scaled, sums)?)
}

fn instance(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let rank = b.rank(x);
    let axes: Vec<usize> = (2..rank).collect();
    let mut made = normalized(b, x, &axes, call.float("epsilon", 1e-5))?;
    let neutral = |value: Option<&Value>, number: f32| {
        value
            .and_then(floats)
            .is_some_and(|values| values.iter().all(|value| *value == number))
    };
    if !neutral(call.constant(1), 1.0) {
        let scale = channels(b, call, 1, rank)?;
        made = b.mul(made, scale)?;
    }
    if !neutral(call.constant(2), 0.0) {
        let shift = channels(b, call, 2, rank)?;
        made = b.add(made, shift)?;
    }
    one(made)
}

fn group(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let shape = b.shape(x);
    let groups = usize::try_from(call.int("num_groups", 0)).unwrap_or(0);
    let (Some(batch), Some(count)) = (shape.first(), shape.get(1)) else {
        return Err("its data have no channels".into());
    };
    if groups == 0 || !count.is_multiple_of(groups) {
        return Err(format!("its {count} channels make no {groups} groups").into());
    }
    let rest: Vec<usize> = shape.iter().skip(2).copied().collect();
    let apart: Vec<usize> = [*batch, groups, count / groups].into_iter().chain(rest).collect();
    let axes: Vec<usize> = (2..apart.len()).collect();
    let grouped = b.reshape(x, &apart)?;
    let made = normalized(b, grouped, &axes, call.float("epsilon", 1e-5))?;
    let made = b.reshape(made, &shape)?;
    // Since opset 21 there is one factor a channel; before, one a group, and the meaning was not settled.
    let scale = b.input(call, 1)?;
    if b.graph.tensor(scale).elements() != *count {
        return Err("it has one factor for each group".into());
    }
    let (scale, shift) = (channels(b, call, 1, shape.len())?, channels(b, call, 2, shape.len())?);
    let made = b.mul(made, scale)?;
    one(b.add(made, shift)?)
}

fn layer(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    if call.wants(1) || call.wants(2) {
        return Err("its mean or deviation is asked for".into());
    }
    let x = b.input(call, 0)?;
    let rank = b.rank(x);
    let axes: Vec<usize> = (call.axis(-1, rank)?..rank).collect();
    let made = normalized(b, x, &axes, call.float("epsilon", 1e-5))?;
    let scale = b.input(call, 1)?;
    let mut made = b.mul(made, scale)?;
    if call.has(2) {
        let shift = b.input(call, 2)?;
        made = b.add(made, shift)?;
    }
    one(made)
}

fn root_mean_square(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let rank = b.rank(x);
    let axes: Vec<usize> = (call.axis(-1, rank)?..rank).collect();
    let square = b.unary(Unary::Square, x)?;
    let size = mean(b, square, &axes)?;
    let size = b.plus(size, call.float("epsilon", 1e-5))?;
    let factor = b.unary(Unary::Rsqrt, size)?;
    let made = b.mul(x, factor)?;
    let scale = b.input(call, 1)?;
    one(b.mul(made, scale)?)
}

fn mean_variance(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let axes = call.axes(call.ints("axes").unwrap_or(&[0, 2, 3]), b.rank(x))?;
    let center = mean(b, x, &axes)?;
    let apart = b.sub(x, center)?;
    let square = b.unary(Unary::Square, apart)?;
    let variance = mean(b, square, &axes)?;
    let deviation = b.unary(Unary::Sqrt, variance)?;
    let deviation = b.plus(deviation, 1e-9)?;
    one(b.div(apart, deviation)?)
}

fn lp(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    if call.int("p", 2) != 2 {
        return Err("its p is not 2".into());
    }
    let x = b.input(call, 0)?;
    let axis = call.axis(-1, b.rank(x))?;
    let square = b.unary(Unary::Square, x)?;
    let sum = b.push(
        Op::Reduce {
            kind: Reduction::Sum,
            axes: vec![axis],
            keep: true,
        },
        &[square],
    )?;
    let size = b.unary(Unary::Sqrt, sum)?;
    one(b.div(x, size)?)
}

fn local_response(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let size = usize::try_from(call.int("size", 0)).unwrap_or(0);
    if b.rank(x) != 4 || size.is_multiple_of(2) {
        return Err(format!("its size is {size}").into());
    }
    let data = b.windowed(x)?;
    let op = Op::LocalResponseNorm {
        radius: size / 2,
        bias: call.float("bias", 1.0),
        // ONNX divides by the size, the format does not.
        alpha: call.float("alpha", 1e-4) / size as f32,
        beta: call.float("beta", 0.75),
    };
    let made = b.push(op, &[data])?;
    one(b.unwindowed(made, 4)?)
}
