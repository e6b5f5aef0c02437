//! Softmax and LogSoftmax over any axis, which is the last one for the format.

use super::super::call::Call;
use super::super::lower::Builder;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("LogSoftmax", "LOG_SOFTMAX", "", |b, call| last(b, call, Op::LogSoftmax)),
    Converter::new("Softmax", "SOFTMAX", "", |b, call| last(b, call, Op::Softmax)),
];

fn last(b: &mut Builder<'_>, call: &Call<'_>, op: Op) -> Outcome {
    let x = b.input(call, 0)?;
    let rank = b.rank(x);
    let axis = call.axis(-1, rank)?;
    if axis + 1 == rank {
        return one(b.push(op, &[x])?);
    }
    // Exchanging two axes is its own way back.
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(axis, rank - 1);
    let turned = b.transpose(x, &order)?;
    let made = b.push(op, &[turned])?;
    one(b.transpose(made, &order)?)
}
