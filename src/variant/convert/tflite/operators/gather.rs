//! Gather, GatherElements, GatherND.
//!
//! One constant index becomes a SLICE, which the delegate computes too. GatherElements gets the other axes' places as constants and
//! becomes a GATHER_ND.

use super::super::call::Call;
use super::super::graph::Kind;
use super::super::lower::Builder;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use super::one;
use crate::variant::simplify::value::Value;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new(
        "Gather",
        "GATHER, or SLICE for one constant index",
        "indices that are not negative unless constant",
        gather,
    ),
    Converter::new(
        "GatherElements",
        "GATHER_ND",
        "indices that are not negative unless constant",
        gather_elements,
    ),
    Converter::new(
        "GatherND",
        "GATHER_ND",
        "`batch_dims` of 0, and indices that are not negative unless constant",
        gather_nd,
    ),
];

fn gather(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let shape = b.shape(x);
    let axis = call.axis(0, shape.len())?;
    let size = shape.get(axis).copied().unwrap_or(0);
    let Some(indices) = call.constant(1) else {
        let indices = b.input(call, 1)?;
        if b.kind(indices) != Kind::I32 {
            return Err("its indices are no integers".into());
        }
        return one(b.push(Op::Gather { axis }, &[x, indices])?);
    };
    let picks = indices.to_ints().ok_or("its indices are no integers")?;
    let picks: Option<Vec<usize>> = picks
        .iter()
        .map(|pick| usize::try_from(if *pick < 0 { pick + size as i64 } else { *pick }).ok())
        .map(|pick| pick.filter(|pick| *pick < size))
        .collect();
    let picks = picks.ok_or_else(|| format!("an index lies outside an axis of {size}"))?;
    let in_a_row = picks
        .windows(2)
        .all(|pair| matches!(pair, [one, next] if *next == one + 1));
    if let (Some(first), true) = (picks.first(), in_a_row && indices.dims.len() <= 1) {
        let mut begin = vec![0; shape.len()];
        let mut size = shape.clone();
        if let (Some(begin), Some(size)) = (begin.get_mut(axis), size.get_mut(axis)) {
            (*begin, *size) = (*first, picks.len());
        }
        let mut made = if size == shape {
            x
        } else {
            b.push(
                Op::Slice {
                    begin,
                    size: size.clone(),
                },
                &[x],
            )?
        };
        if indices.dims.is_empty() {
            size.remove(axis);
            made = b.reshape(made, &size)?;
        }
        return one(made);
    }
    let picks: Vec<i32> = picks.iter().map(|pick| *pick as i32).collect();
    let dims = indices.dims.clone();
    let indices = b.integers(&dims, &picks)?;
    one(b.push(Op::Gather { axis }, &[x, indices])?)
}

fn gather_elements(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let (x, indices) = (b.input(call, 0)?, b.input(call, 1)?);
    let (shape, places) = (b.shape(x), b.shape(indices));
    let axis = call.axis(0, shape.len())?;
    if call
        .constant(1)
        .and_then(Value::to_ints)
        .is_some_and(|picks| picks.iter().any(|pick| *pick < 0))
    {
        return Err("it has negative indices".into());
    }
    if places.len() != shape.len() {
        return Err("its indices have another rank than its data".into());
    }
    let column: Vec<usize> = places.iter().copied().chain([1]).collect();
    let count: usize = places.iter().product();
    let mut columns = Vec::with_capacity(shape.len());
    for at in 0..shape.len() {
        columns.push(if at == axis {
            b.reshape(indices, &column)?
        } else {
            let after: usize = places.iter().skip(at + 1).product();
            let size = places.get(at).copied().unwrap_or(1).max(1);
            let values: Vec<i32> = (0..count).map(|index| (index / after.max(1) % size) as i32).collect();
            b.integers(&column, &values)?
        });
    }
    let all = match columns.as_slice() {
        [column] => *column,
        columns => b.push(Op::Concat { axis: places.len() }, columns)?,
    };
    one(b.push(Op::GatherNd, &[x, all])?)
}

fn gather_nd(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    if call.int("batch_dims", 0) != 0 {
        return Err("its `batch_dims` is not 0".into());
    }
    if call
        .constant(1)
        .and_then(Value::to_ints)
        .is_some_and(|picks| picks.iter().any(|pick| *pick < 0))
    {
        return Err("it has negative indices".into());
    }
    let (x, indices) = (b.input(call, 0)?, b.input(call, 1)?);
    one(b.push(Op::GatherNd, &[x, indices])?)
}
