//! TopK and CumSum.

use super::super::call::Call;
use super::super::call::Slot;
use super::super::graph::Kind;
use super::super::lower::Builder;
use super::super::op::Op;
use super::super::op::Unary;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("CumSum", "CUMSUM", "a constant axis", cumsum),
    Converter::new("TopK", "TOPK_V2", "a constant k", top_k),
];

fn cumsum(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let axis = call.needed("axis", 1)?.first().copied().unwrap_or(0);
    let axis = super::super::call::axis(axis, b.rank(x))?;
    let (exclusive, reverse) = (call.int("exclusive", 0) != 0, call.int("reverse", 0) != 0);
    one(b.push(
        Op::Cumsum {
            axis,
            exclusive,
            reverse,
        },
        &[x],
    )?)
}

fn top_k(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let mut x = b.input(call, 0)?;
    let rank = b.rank(x);
    let axis = call.axis(-1, rank)?;
    let k = call
        .needed("k", 1)?
        .first()
        .and_then(|k| usize::try_from(*k).ok())
        .ok_or("its k is no size")?;
    // The least are the greatest of the negated.
    let least = call.int("largest", 1) != 1;
    if least {
        if b.kind(x) != Kind::F32 {
            return Err("it looks for the least integers".into());
        }
        x = b.unary(Unary::Neg, x)?;
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(axis, rank.saturating_sub(1));
    let turned = axis + 1 != rank;
    if turned {
        x = b.transpose(x, &order)?;
    }
    let mut made = b.push_many(Op::TopK { k }, &[x])?;
    if let (true, Some(values)) = (least, made.first_mut()) {
        *values = b.unary(Unary::Neg, *values)?;
    }
    if turned {
        for id in &mut made {
            *id = b.transpose(*id, &order)?;
        }
    }
    Ok(made.into_iter().map(Slot::Tensor).collect())
}
