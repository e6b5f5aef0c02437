//! Comparisons, logic, and the choice by a truth value.

use super::super::call::Call;
use super::super::graph::Kind;
use super::super::lower::Builder;
use super::super::op::Binary;
use super::super::op::Op;
use super::super::op::Unary;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("And", "LOGICAL_AND", "", |b, call| two(b, call, Binary::LogicalAnd)),
    Converter::new("Equal", "EQUAL", "", |b, call| two(b, call, Binary::Equal)),
    Converter::new("Greater", "GREATER", "", |b, call| two(b, call, Binary::Greater)),
    Converter::new("GreaterOrEqual", "GREATER_EQUAL", "", |b, call| {
        two(b, call, Binary::GreaterEqual)
    }),
    Converter::new("IsInf", "ABS, EQUAL", "both signs", is_infinite),
    Converter::new("IsNaN", "NOT_EQUAL", "", is_nan),
    Converter::new("Less", "LESS", "", |b, call| two(b, call, Binary::Less)),
    Converter::new("LessOrEqual", "LESS_EQUAL", "", |b, call| {
        two(b, call, Binary::LessEqual)
    }),
    Converter::new("Not", "LOGICAL_NOT", "", not),
    Converter::new("Or", "LOGICAL_OR", "", |b, call| two(b, call, Binary::LogicalOr)),
    Converter::new("Where", "SELECT_V2", "", choose),
    Converter::new("Xor", "NOT_EQUAL", "", |b, call| two(b, call, Binary::NotEqual)),
];

fn two(b: &mut Builder<'_>, call: &Call<'_>, binary: Binary) -> Outcome {
    let (x, y) = (b.input(call, 0)?, b.input(call, 1)?);
    one(b.binary(binary, x, y)?)
}

fn not(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    one(b.unary(Unary::LogicalNot, x)?)
}

fn is_nan(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    one(b.binary(Binary::NotEqual, x, x)?)
}

fn is_infinite(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    if call.int("detect_negative", 1) == 0 || call.int("detect_positive", 1) == 0 {
        return Err("it looks for one sign alone".into());
    }
    let size = b.unary(Unary::Abs, x)?;
    let infinity = b.floats(&[], &[f32::INFINITY])?;
    one(b.binary(Binary::Equal, size, infinity)?)
}

fn choose(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let inputs = b.all_inputs(call)?;
    match inputs.as_slice() {
        [condition, ..] if b.kind(*condition) == Kind::Bool => one(b.push(Op::Select, &inputs)?),
        _ => Err("its condition is no truth value".into()),
    }
}
