//! Functions of one input, element by element, that have an equal in the format or are made of a few that have.

use super::super::call::Call;
use super::super::call::Slot;
use super::super::error::Refusal;
use super::super::graph::Kind;
use super::super::graph::TensorId;
use super::super::lower::Builder;
use super::super::op::Binary;
use super::super::op::Op;
use super::super::op::Unary;
use super::Converter;
use super::Outcome;
use super::one;
use crate::model::onnx::proto::tensor_proto::DataType;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("Abs", "ABS", "", |b, call| plain(b, call, Unary::Abs)),
    Converter::new("Cast", "CAST", "types of up to 32 bits, and int64 that fits them", cast),
    Converter::new("Ceil", "CEIL", "", |b, call| plain(b, call, Unary::Ceil)),
    Converter::new("Cos", "COS", "", |b, call| plain(b, call, Unary::Cos)),
    Converter::new("Dropout", "nothing", "inference alone", same),
    Converter::new(
        "Erf",
        "GELU as part of it, else EXP and polynomials, within 1e-7",
        "",
        erf,
    ),
    Converter::new("Exp", "EXP", "", |b, call| plain(b, call, Unary::Exp)),
    Converter::new("Floor", "FLOOR", "", |b, call| plain(b, call, Unary::Floor)),
    Converter::new("Identity", "nothing", "", same),
    Converter::new("Log", "LOG", "", |b, call| plain(b, call, Unary::Log)),
    Converter::new("Neg", "NEG", "", |b, call| plain(b, call, Unary::Neg)),
    Converter::new("Reciprocal", "DIV", "", reciprocal),
    Converter::new("Round", "ROUND", "", |b, call| plain(b, call, Unary::Round)),
    Converter::new("Sign", "SIGN", "", |b, call| plain(b, call, Unary::Sign)),
    Converter::new("Sin", "SIN", "", |b, call| plain(b, call, Unary::Sin)),
    Converter::new("Sqrt", "SQRT", "", |b, call| plain(b, call, Unary::Sqrt)),
];

fn plain(b: &mut Builder<'_>, call: &Call<'_>, unary: Unary) -> Outcome {
    let x = b.input(call, 0)?;
    one(b.unary(unary, x)?)
}

fn same(_: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    if call.wants(1) {
        return Err("its mask is asked for".into());
    }
    Ok(call.inputs.iter().take(1).flatten().cloned().collect::<Vec<Slot>>())
}

fn erf(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    one(b.push(Op::Erf, &[x])?)
}

fn reciprocal(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let unit = b.floats(&[], &[1.0])?;
    one(b.div(unit, x)?)
}

/// The format's type for one of ONNX's; 64-bit integers have 32 bits here, floats of all widths 32.
pub(super) fn kind_of(data_type: i32) -> Result<Kind, Refusal> {
    match DataType::try_from(data_type) {
        Ok(DataType::Float | DataType::Float16 | DataType::Bfloat16 | DataType::Double) => Ok(Kind::F32),
        Ok(DataType::Int32 | DataType::Int64) => Ok(Kind::I32),
        Ok(DataType::Int8) => Ok(Kind::I8),
        Ok(DataType::Uint8) => Ok(Kind::U8),
        Ok(DataType::Bool) => Ok(Kind::Bool),
        _ => Err(format!("it casts to {}", crate::model::onnx::types::type_name(data_type)).into()),
    }
}

fn cast(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let kind = kind_of(i32::try_from(call.int("to", 0)).unwrap_or(0))?;
    one(converted(b, x, kind)?)
}

/// `x` as another type.
pub(super) fn converted(b: &mut Builder<'_>, x: TensorId, kind: Kind) -> Result<TensorId, Refusal> {
    match (b.kind(x), kind) {
        (from, to) if from == to => Ok(x),
        (Kind::F32 | Kind::I32, Kind::Bool) => {
            let zero = b.number(x, 0.0)?;
            b.binary(Binary::NotEqual, x, zero)
        }
        _ => b.push(Op::Cast(kind), &[x]),
    }
}
