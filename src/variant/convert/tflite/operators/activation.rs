//! Activations. Those that the format has become one operator (and go into the operator before them in a later pass); the others
//! become a few that it has.

use super::super::call::Call;
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

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("Celu", "ELU, MUL", "", celu),
    Converter::new(
        "Clip",
        "RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1, MAXIMUM, MINIMUM",
        "",
        clip,
    ),
    Converter::new(
        "Elu",
        "ELU, with MUL, MINIMUM and MAXIMUM where `alpha` is not 1",
        "",
        elu,
    ),
    Converter::new("Gelu", "GELU", "", gelu),
    Converter::new(
        "HardSigmoid",
        "MUL, ADD, RELU6 or MAXIMUM and MINIMUM",
        "",
        hard_sigmoid,
    ),
    Converter::new("HardSwish", "HARD_SWISH", "", |b, call| {
        plain(b, call, Unary::HardSwish)
    }),
    Converter::new("LeakyRelu", "LEAKY_RELU", "", leaky_relu),
    Converter::new("Mish", "EXP, LOG, TANH and others", "", mish),
    Converter::new("PRelu", "PRELU", "", prelu),
    Converter::new("Relu", "RELU", "", |b, call| plain(b, call, Unary::Relu)),
    Converter::new("Selu", "ELU, MUL and others", "", selu),
    Converter::new("Sigmoid", "LOGISTIC", "", |b, call| plain(b, call, Unary::Logistic)),
    Converter::new("Softplus", "EXP, LOG and others", "", |b, call| {
        let x = b.input(call, 0)?;
        one(softplus(b, x)?)
    }),
    Converter::new("Softsign", "ABS, ADD, DIV", "", softsign),
    Converter::new("Swish", "LOGISTIC, MUL", "", swish),
    Converter::new("Tanh", "TANH", "", |b, call| plain(b, call, Unary::Tanh)),
    Converter::new("ThresholdedRelu", "GREATER, SELECT_V2", "", thresholded_relu),
];

fn plain(b: &mut Builder<'_>, call: &Call<'_>, unary: Unary) -> Outcome {
    let x = b.input(call, 0)?;
    one(b.unary(unary, x)?)
}

fn bound(call: &Call<'_>, name: &str, index: usize) -> Result<Option<f32>, Refusal> {
    if call.states(name) {
        return Ok(Some(call.float(name, 0.0)));
    }
    match (call.has(index), call.scalar(index)) {
        (false, _) => Ok(None),
        (true, Some(value)) => Ok(Some(value)),
        (true, None) => Err("its bounds depend on the data".into()),
    }
}

fn clip(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let known = bound(call, "min", 1).and_then(|low| Ok((low, bound(call, "max", 2)?)));
    let Ok((low, high)) = known else {
        let mut made = x;
        for (index, binary) in [(1, Binary::Maximum), (2, Binary::Minimum)] {
            if call.has(index) {
                let bound = b.input(call, index)?;
                made = b.binary(binary, made, bound)?;
            }
        }
        return one(made);
    };
    let low = low.filter(|low| *low > f32::MIN);
    let high = high.filter(|high| *high < f32::MAX);
    one(clamped(b, x, low, high)?)
}

/// `x` within bounds.
pub(super) fn clamped(
    b: &mut Builder<'_>,
    x: TensorId,
    low: Option<f32>,
    high: Option<f32>,
) -> Result<TensorId, Refusal> {
    if b.kind(x) == Kind::F32 {
        let unary = match (low, high) {
            (Some(0.0), None) => Some(Unary::Relu),
            (Some(0.0), Some(6.0)) => Some(Unary::Relu6),
            (Some(-1.0), Some(1.0)) => Some(Unary::ReluN1To1),
            (Some(0.0), Some(1.0)) => Some(Unary::Relu0To1),
            _ => None,
        };
        if let Some(unary) = unary {
            return b.unary(unary, x);
        }
    }
    let mut made = x;
    for (bound, binary) in [(low, Binary::Maximum), (high, Binary::Minimum)] {
        if let Some(bound) = bound {
            let bound = b.number(x, bound)?;
            made = b.binary(binary, made, bound)?;
        }
    }
    Ok(made)
}

fn hard_sigmoid(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let (alpha, beta) = (call.float("alpha", 0.2), call.float("beta", 0.5));
    // min(max(x + 3, 0), 6) / 6: exporters write 1/6 with more or fewer digits.
    if (alpha - 1.0 / 6.0).abs() < 1e-6 && beta == 0.5 {
        let moved = b.plus(x, 3.0)?;
        let held = b.unary(Unary::Relu6, moved)?;
        return one(b.scaled(held, alpha)?);
    }
    let scaled = b.scaled(x, alpha)?;
    let moved = b.plus(scaled, beta)?;
    one(clamped(b, moved, Some(0.0), Some(1.0))?)
}

fn leaky_relu(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    one(b.push(
        Op::LeakyRelu {
            alpha: call.float("alpha", 0.01),
        },
        &[x],
    )?)
}

fn gelu(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let approximate = call.text("approximate", "none") == "tanh";
    one(b.push(Op::Gelu { approximate }, &[x])?)
}

fn prelu(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let (x, slope) = (b.input(call, 0)?, b.input(call, 1)?);
    one(b.binary(Binary::Prelu, x, slope)?)
}

fn elu(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    one(exponential(b, x, call.float("alpha", 1.0), 1.0)?)
}

/// `gamma · (max(x, 0) + alpha · (e^min(x, 0) − 1))`.
fn exponential(b: &mut Builder<'_>, x: TensorId, alpha: f32, gamma: f32) -> Result<TensorId, Refusal> {
    let mut made = b.unary(Unary::Elu, x)?;
    if alpha != 1.0 {
        let zero = b.floats(&[], &[0.0])?;
        let below = b.binary(Binary::Minimum, made, zero)?;
        let below = b.scaled(below, alpha)?;
        let above = b.unary(Unary::Relu, x)?;
        made = b.add(above, below)?;
    }
    b.scaled(made, gamma)
}

fn selu(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    // The defaults are ONNX's.
    let (alpha, gamma) = (call.float("alpha", 1.673_263_2), call.float("gamma", 1.050_701));
    one(exponential(b, x, alpha, gamma)?)
}

fn celu(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let alpha = call.float("alpha", 1.0);
    let scaled = b.scaled(x, 1.0 / alpha)?;
    let made = b.unary(Unary::Elu, scaled)?;
    one(b.scaled(made, alpha)?)
}

/// `max(x, 0) + ln(1 + e^−|x|)`, which cannot overflow.
fn softplus(b: &mut Builder<'_>, x: TensorId) -> Result<TensorId, Refusal> {
    let size = b.unary(Unary::Abs, x)?;
    let below = b.unary(Unary::Neg, size)?;
    let power = b.unary(Unary::Exp, below)?;
    let sum = b.plus(power, 1.0)?;
    let rest = b.unary(Unary::Log, sum)?;
    let above = b.unary(Unary::Relu, x)?;
    b.add(above, rest)
}

fn mish(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let soft = softplus(b, x)?;
    let gate = b.unary(Unary::Tanh, soft)?;
    one(b.mul(x, gate)?)
}

fn softsign(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let size = b.unary(Unary::Abs, x)?;
    let divisor = b.plus(size, 1.0)?;
    one(b.div(x, divisor)?)
}

fn swish(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let scaled = b.scaled(x, call.float("alpha", 1.0))?;
    let gate = b.unary(Unary::Logistic, scaled)?;
    one(b.mul(x, gate)?)
}

fn thresholded_relu(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let limit = b.floats(&[], &[call.float("alpha", 1.0)])?;
    let above = b.binary(Binary::Greater, x, limit)?;
    let zero = b.floats(&[], &[0.0])?;
    one(b.push(Op::Select, &[above, x, zero])?)
}
