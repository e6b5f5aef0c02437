//! OneHot and Trilu, made of comparisons and masks.

use super::super::call::Call;
use super::super::call::bounded;
use super::super::graph::Kind;
use super::super::lower::Builder;
use super::super::lower::floats;
use super::super::op::Binary;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new(
        "OneHot",
        "FLOOR_MOD, EQUAL, SELECT_V2",
        "integer indices, a constant depth and constant floats as values",
        one_hot,
    ),
    Converter::new("Trilu", "SELECT_V2", "a constant diagonal, of floats", trilu),
];

fn one_hot(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let indices = b.input(call, 0)?;
    let depth = call.scalar(1).ok_or("its depth depends on the data")? as i32;
    let values = call
        .constant(2)
        .and_then(floats)
        .ok_or("its values are no constant floats")?;
    let [off, on] = values[..] else {
        return Err("it has not two values".into());
    };
    if b.kind(indices) != Kind::I32 || depth < 1 {
        return Err("its indices are no integers, or its depth is none".into());
    }
    let mut shape = b.shape(indices);
    let axis = super::super::call::axis(call.int("axis", -1), shape.len() + 1)?;
    shape.insert(axis, 1);
    let column = b.reshape(indices, &shape)?;
    let mut places = vec![1; shape.len()];
    if let Some(dim) = places.get_mut(axis) {
        *dim = depth as usize;
    }
    bounded(usize::try_from(depth).ok())?;
    let iota = b.integers(&places, &(0..depth).collect::<Vec<_>>())?;
    // Indices count from the end where negative, from -depth to depth - 1.
    let count = b.integers(&[], &[depth])?;
    let least = b.integers(&[], &[-depth])?;
    let turned = b.binary(Binary::FloorMod, column, count)?;
    let equal = b.binary(Binary::Equal, turned, iota)?;
    let above = b.binary(Binary::GreaterEqual, column, least)?;
    let below = b.binary(Binary::Less, column, count)?;
    let within = b.binary(Binary::LogicalAnd, above, below)?;
    let hot = b.binary(Binary::LogicalAnd, equal, within)?;
    let (on, off) = (b.floats(&[], &[on])?, b.floats(&[], &[off])?);
    one(b.push(Op::Select, &[hot, on, off])?)
}

fn trilu(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let upper = call.int("upper", 1) != 0;
    let diagonal = if call.has(1) {
        call.scalar(1).ok_or("its diagonal depends on the data")? as i64
    } else {
        0
    };
    let shape = b.shape(x);
    let (Some(width), Some(height)) = (shape.last(), shape.iter().rev().nth(1)) else {
        return Err("its data are no matrices".into());
    };
    if b.kind(x) != Kind::F32 {
        return Err("its data are no floats".into());
    }
    let kept = |row: usize, column: usize| {
        let distance = column as i64 - row as i64;
        if upper {
            distance >= diagonal
        } else {
            distance <= diagonal
        }
    };
    let mask: Vec<u8> = (0..*height)
        .flat_map(|row| (0..*width).map(move |column| u8::from(kept(row, column))))
        .collect();
    let mask = b.graph.add(super::super::graph::Tensor {
        name: "mask".to_owned(),
        kind: Kind::Bool,
        shape: vec![*height, *width],
        data: Some(mask.into()),
    })?;
    let zero = b.floats(&[], &[0.0])?;
    one(b.push(Op::Select, &[mask, x, zero])?)
}
