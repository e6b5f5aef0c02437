//! Arithmetic element by element: Add, Sub, Mul, Div, Pow, Mod, Min, Max, and those of any number of inputs.
//!
//! Pow with the common constant exponents becomes what is cheaper and exact: SQUARE, SQRT, products.

use super::super::call::Call;
use super::super::error::Refusal;
use super::super::graph::Kind;
use super::super::graph::TensorId;
use super::super::lower::Builder;
use super::super::op::Arithmetic;
use super::super::op::Binary;
use super::super::op::Unary;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("Add", "ADD", "", |b, call| two(b, call, Arithmetic::Add)),
    Converter::new("Sub", "SUB", "", |b, call| two(b, call, Arithmetic::Sub)),
    Converter::new("Mul", "MUL", "", |b, call| two(b, call, Arithmetic::Mul)),
    Converter::new("Div", "DIV", "", |b, call| two(b, call, Arithmetic::Div)),
    Converter::new("Sum", "ADD", "", |b, call| many(b, call, Builder::add)),
    Converter::new("Mean", "ADD, MUL", "", mean),
    Converter::new("Max", "MAXIMUM", "", |b, call| {
        many(b, call, |b, x, y| b.binary(Binary::Maximum, x, y))
    }),
    Converter::new("Min", "MINIMUM", "", |b, call| {
        many(b, call, |b, x, y| b.binary(Binary::Minimum, x, y))
    }),
    Converter::new("Mod", "FLOOR_MOD", "the divisor's sign (`fmod` of 0)", modulo),
    Converter::new(
        "Pow",
        "POW, SQUARE, SQRT, RSQRT, MUL",
        "floats, or integers squared",
        pow,
    ),
];

fn two(b: &mut Builder<'_>, call: &Call<'_>, arithmetic: Arithmetic) -> Outcome {
    let (x, y) = (b.input(call, 0)?, b.input(call, 1)?);
    one(b.arithmetic(arithmetic, x, y)?)
}

type Join<'m> = fn(&mut Builder<'m>, TensorId, TensorId) -> Result<TensorId, Refusal>;

fn many<'m>(b: &mut Builder<'m>, call: &Call<'_>, join: Join<'m>) -> Outcome {
    let inputs = b.all_inputs(call)?;
    let (first, others) = inputs.split_first().ok_or("it has no inputs")?;
    let mut made = *first;
    for other in others {
        made = join(b, made, *other)?;
    }
    one(made)
}

fn mean(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let inputs = b.all_inputs(call)?;
    let (first, others) = inputs.split_first().ok_or("it has no inputs")?;
    let mut made = *first;
    for other in others {
        made = b.add(made, *other)?;
    }
    one(b.scaled(made, 1.0 / inputs.len() as f32)?)
}

fn modulo(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let (x, y) = (b.input(call, 0)?, b.input(call, 1)?);
    if call.int("fmod", 0) != 0 {
        return Err("its `fmod` is 1".into());
    }
    one(b.binary(Binary::FloorMod, x, y)?)
}

fn pow(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let exponent = call
        .constant(1)
        .filter(|value| value.len() == 1 && value.dims.len() <= b.rank(x));
    let exponent = exponent.and_then(|_| call.scalar(1));
    if exponent == Some(2.0) {
        return one(match b.kind(x) {
            Kind::F32 => b.unary(Unary::Square, x)?,
            _ => b.mul(x, x)?,
        });
    }
    if b.kind(x) != Kind::F32 {
        return Err("it raises integers to a power".into());
    }
    one(match exponent {
        Some(1.0) => x,
        Some(0.5) => b.unary(Unary::Sqrt, x)?,
        Some(-0.5) => b.unary(Unary::Rsqrt, x)?,
        Some(-1.0) => {
            let one = b.floats(&[], &[1.0])?;
            b.div(one, x)?
        }
        Some(3.0) => {
            let square = b.unary(Unary::Square, x)?;
            b.mul(square, x)?
        }
        Some(exponent) => {
            let exponent = b.floats(&[], &[exponent])?;
            b.binary(Binary::Pow, x, exponent)?
        }
        None => {
            let exponent = b.input(call, 1)?;
            if b.kind(exponent) != Kind::F32 {
                return Err("its exponent is an integer that depends on the data".into());
            }
            b.binary(Binary::Pow, x, exponent)?
        }
    })
}
