//! Concat and Split: CONCATENATION, SPLIT, SLICE.

use super::super::call::Call;
use super::super::call::Slot;
use super::super::lower::Builder;
use super::super::op::Op;
use super::Converter;
use super::Outcome;
use super::one;

pub(super) const CONVERTERS: &[Converter] = &[
    Converter::new("Concat", "CONCATENATION", "", concat),
    Converter::new(
        "Split",
        "SPLIT, or SLICE for parts of different sizes or more than four",
        "",
        split,
    ),
];

fn concat(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let inputs = b.all_inputs(call)?;
    let first = *inputs.first().ok_or("it has no inputs")?;
    let axis = call.axis(0, b.rank(first))?;
    // Empty parts are left out: the engine need not know them.
    let parts: Vec<_> = inputs
        .iter()
        .copied()
        .filter(|id| b.graph.shape(*id).get(axis) != Some(&0))
        .collect();
    match parts.as_slice() {
        [] => one(first),
        [part] => one(*part),
        parts => one(b.push(Op::Concat { axis }, parts)?),
    }
}

fn split(b: &mut Builder<'_>, call: &Call<'_>) -> Outcome {
    let x = b.input(call, 0)?;
    let axis = call.axis(0, b.rank(x))?;
    let size = b.shape(x).get(axis).copied().unwrap_or(0);
    let sizes = match call.list("split", 1)? {
        Some(sizes) => {
            let sizes: Option<Vec<usize>> = sizes.iter().map(|size| usize::try_from(*size).ok()).collect();
            sizes.ok_or("its parts have negative sizes")?
        }
        None => {
            let parts = call.node.output.len().max(1);
            if call.int("num_outputs", parts as i64) != parts as i64 {
                return Err(format!("its `num_outputs` is not {parts}, the number of its outputs").into());
            }
            // The last part is the smaller one where they are not alike.
            let each = size.div_ceil(parts);
            (0..parts)
                .map(|part| each.min(size.saturating_sub(part * each)))
                .collect()
        }
    };
    let sum = sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size));
    if sum != Some(size) {
        return Err(format!("its parts of {sizes:?} do not make {size}").into());
    }
    if sizes.len() == 1 {
        return one(x);
    }
    let parts = b.push_many(Op::Split { axis, sizes }, &[x])?;
    Ok(parts.into_iter().map(Slot::Tensor).collect())
}
