//! Reductions and the places of extremes.

use super::super::call::Call;
use super::super::error::Refusal;
use super::super::graph::TensorId;
use super::super::lower::Builder;
use super::super::op::Op;
use super::super::op::Reduction;
use super::super::op::Unary;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("ArgMax", "ARG_MAX", "the first of equal elements", |b, call| {
        arg(b, call, true)
    }),
    Converter::new("ArgMin", "ARG_MIN", "the first of equal elements", |b, call| {
        arg(b, call, false)
    }),
    Converter::new("ReduceL1", "ABS, SUM", "", |b, call| {
        composed(b, call, Some(Unary::Abs), Reduction::Sum, None)
    }),
    Converter::new("ReduceL2", "SQUARE, SUM, SQRT", "", |b, call| {
        composed(b, call, Some(Unary::Square), Reduction::Sum, Some(Unary::Sqrt))
    }),
    Converter::new("ReduceLogSum", "SUM, LOG", "", |b, call| {
        composed(b, call, None, Reduction::Sum, Some(Unary::Log))
    }),
    Converter::new(
        "ReduceLogSumExp",
        "REDUCE_MAX, SUB, EXP, SUM, LOG, ADD",
        "",
        log_sum_exp,
    ),
    Converter::new("ReduceMax", "REDUCE_MAX", "", |b, call| {
        composed(b, call, None, Reduction::Max, None)
    }),
    Converter::new("ReduceMean", "MEAN", "", |b, call| {
        composed(b, call, None, Reduction::Mean, None)
    }),
    Converter::new("ReduceMin", "REDUCE_MIN", "", |b, call| {
        composed(b, call, None, Reduction::Min, None)
    }),
    Converter::new("ReduceProd", "REDUCE_PROD", "", |b, call| {
        composed(b, call, None, Reduction::Prod, None)
    }),
    Converter::new("ReduceSum", "SUM", "", |b, call| {
        composed(b, call, None, Reduction::Sum, None)
    }),
    Converter::new("ReduceSumSquare", "SQUARE, SUM", "", |b, call| {
        composed(b, call, Some(Unary::Square), Reduction::Sum, None)
    }),
];

/// The axes; `None` where nothing is reduced.
fn axes(call: &Call<'_>, rank: usize) -> Result<Option<Vec<usize>>, Refusal> {
    let given = call.list("axes", 1)?.unwrap_or_default();
    if given.is_empty() {
        let nothing = call.int("noop_with_empty_axes", 0) != 0;
        return Ok((!nothing).then(|| (0..rank).collect()));
    }
    call.axes(&given, rank).map(Some)
}

fn reduced(b: &mut Builder<'_>, x: TensorId, kind: Reduction, axes: &[usize], keep: bool) -> Result<TensorId, Refusal> {
    if axes.is_empty() {
        return Ok(x);
    }
    b.push(
        Op::Reduce {
            kind,
            axes: axes.to_vec(),
            keep,
        },
        &[x],
    )
}

fn composed(
    b: &mut Builder<'_>,
    call: &Call<'_>,
    before: Option<Unary>,
    kind: Reduction,
    after: Option<Unary>,
) -> Outcome {
    let mut x = b.input(call, 0)?;
    let axes = axes(call, b.rank(x))?;
    if let Some(unary) = before {
        x = b.unary(unary, x)?;
    }
    if let Some(axes) = axes {
        x = reduced(b, x, kind, &axes, call.int("keepdims", 1) == 1)?;
    }
    if let Some(unary) = after {
        x = b.unary(unary, x)?;
    }
    one(x)
}

fn log_sum_exp(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let Some(axes) = axes(call, b.rank(x))? else {
        return one(x);
    };
    let keep = call.int("keepdims", 1) == 1;
    let most = reduced(b, x, Reduction::Max, &axes, true)?;
    let less = b.sub(x, most)?;
    let power = b.unary(Unary::Exp, less)?;
    let sum = reduced(b, power, Reduction::Sum, &axes, keep)?;
    let log = b.unary(Unary::Log, sum)?;
    let shape = b.shape(log);
    let most = b.reshape(most, &shape)?;
    one(b.add(log, most)?)
}

fn arg(b: &mut Builder<'_>, call: &Call<'_>, max: bool) -> Outcome {
    let x = b.input(call, 0)?;
    if call.int("select_last_index", 0) != 0 {
        return Err("it wants the last of equal elements".into());
    }
    let mut shape = b.shape(x);
    let axis = call.axis(0, shape.len())?;
    let mut made = b.push(Op::ArgExtreme { max, axis }, &[x])?;
    if call.int("keepdims", 1) == 1 {
        if let Some(dim) = shape.get_mut(axis) {
            *dim = 1;
        }
        made = b.reshape(made, &shape)?;
    }
    one(made)
}
